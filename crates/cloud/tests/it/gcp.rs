//! Google Cloud.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_cloud::{Gcp, KeyService as _, SecretStore as _};
use kluctl_testkit::GcpServer;

use crate::{block, environment, error, text, web};

const NAME: &str = "projects/p/secrets/app/versions/latest";

/// A server, and an environment with a file of credentials.
struct Scene {
    server: GcpServer,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self {
            server: GcpServer::start(&[
                (NAME, "a: 1"),
                ("projects/p/locations/l/secrets/x/versions/1", "regional"),
            ]),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn client(&self, credentials: &str) -> Gcp {
        let file = self.folder.path().join("credentials.json");
        std::fs::write(&file, credentials).unwrap();
        let url = self.server.url();
        let variables = [
            ("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", &url),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", &url),
        ];
        Gcp::new(&environment(&variables), &web())
    }
}

#[test]
fn a_service_account_signs_its_requests_for_tokens() {
    let scene = Scene::new();
    let gcp = scene.client(&scene.server.service_account());
    assert_eq!(text(block(gcp.secret(NAME))), "a: 1");
    assert_eq!(
        text(block(gcp.secret("projects/p/locations/l/secrets/x/versions/1"))),
        "regional"
    );
    let missing = error(block(gcp.secret("projects/p/secrets/other/versions/1")));
    assert!(
        missing.is_missing() && missing.to_string().contains("[projects/p/secrets/other"),
        "{missing}"
    );
}

#[test]
fn a_person_who_is_logged_in() {
    let scene = Scene::new();
    let file = scene.server.authorized_user();
    assert_eq!(text(block(scene.client(&file).secret(NAME))), "a: 1");
    let expired = file.replace(GcpServer::REFRESH_TOKEN, "expired-token");
    let expired = error(block(scene.client(&expired).secret(NAME))).to_string();
    assert!(
        expired.contains("expired or revoked") && !expired.contains("expired-token"),
        "{expired}"
    );
}

#[test]
fn workload_identity_federation() {
    let scene = Scene::new();
    let token = scene.folder.path().join("token");
    std::fs::write(&token, GcpServer::FEDERATED_TOKEN).unwrap();
    let file = scene.server.external_account(token.to_str().unwrap());
    assert_eq!(text(block(scene.client(&file).secret(NAME))), "a: 1");
    std::fs::write(&token, "other").unwrap();
    assert!(
        error(block(scene.client(&file).secret(NAME)))
            .to_string()
            .contains("subject token is not valid")
    );
}

#[test]
fn a_machine_with_a_metadata_server() {
    let scene = Scene::new();
    let (host, url) = (scene.server.address(), scene.server.url());
    let variables = [
        ("GCE_METADATA_HOST", host.as_str()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", &url),
    ];
    assert_eq!(
        text(block(Gcp::new(&environment(&variables), &web()).secret(NAME))),
        "a: 1"
    );
}

#[test]
fn missing_and_unknown_credentials_are_named() {
    let scene = Scene::new();
    let none = error(block(Gcp::new(&environment(&[]), &web()).secret(NAME)));
    assert!(
        none.to_string().contains("could not find default credentials"),
        "{none}"
    );
    assert!(
        none.advice()
            .is_some_and(|hint| hint.contains("GOOGLE_APPLICATION_CREDENTIALS"))
    );
    let other = error(block(scene.client(r#"{"type": "magic"}"#).secret(NAME))).to_string();
    assert!(other.contains("`magic` are not supported"), "{other}");
}

#[test]
fn a_busy_server_is_asked_again() {
    let scene = Scene::new();
    let gcp = scene.client(&scene.server.authorized_user());
    scene.server.busy_for(2);
    assert_eq!(text(block(gcp.secret(NAME))), "a: 1");
}

#[test]
fn keys_unwrap() {
    let scene = Scene::new();
    let wrapped = STANDARD.decode(GcpServer::wrap(b"data key")).unwrap();
    let gcp = || scene.client(&scene.server.service_account());
    assert_eq!(
        text(block(gcp().with_key(GcpServer::KEY_NAME).unwrap(&wrapped))),
        "data key"
    );
    let other = error(block(
        gcp()
            .with_key("projects/p/locations/global/keyRings/r/cryptoKeys/x")
            .unwrap(&wrapped),
    ));
    assert!(other.to_string().contains("not found"), "{other}");
}
