//! Azure Key Vault.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kluctl_cloud::{Azure, KeyService as _, SecretStore as _};
use kluctl_testkit::AzureServer;

use crate::{block, environment, error, text, web};

fn server() -> AzureServer {
    AzureServer::start(&[("app", "newest"), ("app/v1", "first")])
}

fn with_secret(server: &AzureServer, secret: &str) -> Azure {
    let variables = [
        ("AZURE_TENANT_ID", AzureServer::TENANT),
        ("AZURE_CLIENT_ID", AzureServer::CLIENT),
        ("AZURE_CLIENT_SECRET", secret),
    ];
    Azure::new(&server.url(), &environment(&variables), &web())
}

#[test]
fn secrets_by_name_and_version() {
    let server = server();
    let vault = with_secret(&server, AzureServer::CLIENT_SECRET);
    assert_eq!(text(block(vault.secret("app"))), "newest");
    assert_eq!(text(block(vault.secret("app/v1"))), "first");
    assert!(error(block(vault.secret("other"))).is_missing());
}

#[test]
fn wrong_credentials_are_named_but_not_shown() {
    let server = server();
    let wrong = error(block(with_secret(&server, "wrong-client-secret").secret("app"))).to_string();
    assert!(
        wrong.contains("AADSTS7000215") && !wrong.contains("wrong-client-secret"),
        "{wrong}"
    );
    let none = error(block(
        Azure::new(&server.url(), &environment(&[]), &web()).secret("app"),
    ));
    assert!(
        none.to_string().contains("no credentials for Azure were found"),
        "{none}"
    );
}

#[test]
fn workload_identity() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, AzureServer::FEDERATED_TOKEN).unwrap();
    let variables = [
        ("AZURE_TENANT_ID", AzureServer::TENANT),
        ("AZURE_CLIENT_ID", AzureServer::CLIENT),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", &server.url()),
    ];
    let vault = Azure::new(&server.url(), &environment(&variables), &web());
    assert_eq!(text(block(vault.secret("app"))), "newest");
    std::fs::write(&file, "expired").unwrap();
    assert!(
        error(block(vault.secret("app")))
            .to_string()
            .contains("logging in to Azure failed")
    );
}

#[test]
fn managed_identity() {
    let server = server();
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let vault = Azure::new(&server.url(), &environment(&variables), &web());
    assert_eq!(text(block(vault.secret("app"))), "newest");
}

#[test]
fn a_busy_vault_is_asked_again() {
    let server = server();
    server.busy_for(2);
    let vault = with_secret(&server, AzureServer::CLIENT_SECRET);
    assert_eq!(text(block(vault.secret("app"))), "newest");
    server.busy_for(9);
    let busy = error(block(vault.secret("app"))).to_string();
    assert!(busy.contains("429"), "{busy}");
}

#[test]
fn keys_unwrap() {
    let server = server();
    let key = with_secret(&server, AzureServer::CLIENT_SECRET).with_key("sops", "v1");
    let wrapped = URL_SAFE_NO_PAD.decode(AzureServer::wrap(b"data key")).unwrap();
    assert_eq!(text(block(key.unwrap(&wrapped))), "data key");
    let other = with_secret(&server, AzureServer::CLIENT_SECRET).with_key("other", "v1");
    assert!(
        error(block(other.unwrap(&wrapped)))
            .to_string()
            .contains("was not found")
    );
}

#[test]
fn no_token_is_got_for_another_domain() {
    use kluctl_testkit::{Reply, Server};
    let evil = Server::start(|_| {
        Reply::new(401, "").with(
            "WWW-Authenticate",
            "Bearer authorization=\"https://login.microsoftonline.com/t\", resource=\"https://vault.azure.net\"",
        )
    });
    let variables = [("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
    let vault = Azure::new(&evil.url(), &environment(&variables), &web());
    let refused = error(block(vault.secret("app"))).to_string();
    assert!(refused.contains("which is not its domain"), "{refused}");
}
