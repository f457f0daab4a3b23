//! Vault.

use kluctl_cloud::{KeyService as _, SecretStore as _, Vault};
use kluctl_testkit::VaultServer;
use serde_json::{Value, json};

use crate::{block, environment, error, text, web};

fn server() -> VaultServer {
    VaultServer::start(&[
        (
            "secret/data/app",
            json!({"password": "p", "port": 1, "data": {"deep": true}}),
        ),
        ("secret/data/gone", Value::Null),
        ("kv/app", json!({"password": "old"})),
    ])
}

fn client(server: &VaultServer, variables: &[(&str, &str)]) -> Vault {
    Vault::new(&server.url(), &environment(variables), &web()).unwrap()
}

const TOKEN: (&str, &str) = ("VAULT_TOKEN", VaultServer::TOKEN);

#[test]
fn both_versions_of_the_key_value_engine() {
    let server = server();
    let vault = client(&server, &[TOKEN]);
    let secret: Value = serde_json::from_str(&text(block(vault.secret("secret/data/app")))).unwrap();
    assert_eq!(
        secret,
        json!({"password": "p", "port": 1, "data": {"deep": true}})
    );
    assert_eq!(text(block(vault.secret("/kv/app"))), r#"{"password":"old"}"#);
}

#[test]
fn missing_and_deleted_secrets_are_missing() {
    let server = server();
    let vault = client(&server, &[TOKEN]);
    for path in ["secret/data/other", "secret/app", "secret/data/gone"] {
        assert!(error(block(vault.secret(path))).is_missing(), "{path}");
    }
}

#[test]
fn tokens_come_from_the_variable_or_the_file() {
    let server = server();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join(".vault-token"),
        format!("{}\n", VaultServer::TOKEN),
    )
    .unwrap();
    let home = home.path().display().to_string();
    assert_eq!(
        text(block(client(&server, &[("HOME", &home)]).secret("kv/app"))),
        r#"{"password":"old"}"#
    );
    let wrong = error(block(
        client(&server, &[("HOME", &home), ("VAULT_TOKEN", "x")]).secret("kv/app"),
    ));
    assert!(
        wrong
            .to_string()
            .contains("vault answered 403: permission denied; invalid token"),
        "{wrong}"
    );
    let none = error(block(client(&server, &[]).secret("kv/app")));
    assert!(
        none.to_string().contains("403") && none.advice().is_some_and(|hint| hint.contains("VAULT_TOKEN"))
    );
    assert!(!none.is_missing());
}

#[test]
fn the_namespace_is_sent() {
    let server = server();
    let right = client(&server, &[TOKEN, ("VAULT_NAMESPACE", VaultServer::NAMESPACE)]);
    assert_eq!(text(block(right.secret("kv/app"))), r#"{"password":"old"}"#);
    let wrong = client(&server, &[TOKEN, ("VAULT_NAMESPACE", "other")]);
    assert!(error(block(wrong.secret("kv/app"))).is_missing());
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = server();
    let vault = client(&server, &[TOKEN]);
    server.busy_for(2);
    assert_eq!(text(block(vault.secret("kv/app"))), r#"{"password":"old"}"#);
    server.busy_for(9);
    let busy = error(block(vault.secret("kv/app"))).to_string();
    assert!(busy.contains("429") && busy.contains("quota"), "{busy}");
}

#[test]
fn the_transit_engine_unwraps() {
    let server = server();
    let key = client(&server, &[TOKEN]).with_key("transit", "sops");
    let wrapped = VaultServer::wrap(b"data key");
    assert_eq!(text(block(key.unwrap(wrapped.as_bytes()))), "data key");
    let wrong = error(block(key.unwrap(b"nonsense"))).to_string();
    assert!(wrong.contains("invalid ciphertext"), "{wrong}");
    let other = client(&server, &[TOKEN]).with_key("transit", "other");
    let other = error(block(other.unwrap(wrapped.as_bytes()))).to_string();
    assert!(other.contains("encryption key not found"), "{other}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let vault = Vault::new("http://127.0.0.1:9", &environment(&[TOKEN]), &web()).unwrap();
    let text = error(block(vault.secret("kv/app"))).to_string();
    assert!(text.contains("127.0.0.1:9"), "{text}");
    let bad = Vault::new("127.0.0.1", &environment(&[TOKEN]), &web()).unwrap();
    assert!(
        error(block(bad.secret("kv/app")))
            .to_string()
            .contains("invalid address")
    );
}
