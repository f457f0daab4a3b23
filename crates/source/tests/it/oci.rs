//! Artifacts in Debian's `docker-registry`, over HTTP and TLS, with and without a password.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_source::archive::{Limits, unpack};
use kluctl_source::oci::{Artifact, Pushed, Registry};
use kluctl_source::{Cache, Credential, Credentials, Mirrors, SourceError, work_folder};
use kluctl_testkit::{DockerRegistry, IDENTITY_TOKEN, OciRegistry, TestAuthority, TokenRegistry};

use crate::run;

fn registry(credentials: Vec<Credential>) -> Registry {
    Registry::new(
        Mirrors::default(),
        Credentials::new(credentials).expect("credentials"),
    )
}

fn artifact(root: &Utf8Path, text: &str) -> Artifact {
    std::fs::create_dir_all(root.join("project/sub")).expect("a folder");
    std::fs::write(root.join("project/sub/deployment.yaml"), text).expect("a file");
    let packed = work_folder::pack(&root.join("project")).expect("an archive");
    Artifact {
        archive: packed.archive,
        content_digest: packed.content_digest,
        created: "2026-11-26T00:00:00Z".to_owned(),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("UTF-8");
    (folder, path)
}

/// Pushes two versions and pulls them by tag and digest.
fn check(registry: &Registry, address: &str) {
    let (_guard, root) = folder();
    let blobs = Cache::new(root.join("cache")).blobs();
    let push = |tag: &str, text: &str| -> Pushed {
        let address = format!("oci://{address}/team/project{tag}");
        run(registry.push(&address, &artifact(&root, text))).expect("a push")
    };
    let first = push(":v1.0.0", "one");
    let second = push("", "two");
    assert_eq!((first.tag.as_str(), second.tag.as_str()), ("v1.0.0", "latest"));
    assert_eq!(first.repository, format!("{address}/team/project"));
    // The same again is the same.
    assert_eq!(push(":v1.0.0", "one"), first);
    let pull = |tag: Option<&str>, digest: Option<&str>| -> Result<String, SourceError> {
        let url = format!("oci://{address}/team/project");
        let archive = run(registry.artifact(&blobs, &url, tag, digest))?;
        let files = unpack("artifact", &archive, Limits::default())?;
        let file = files.get(Utf8Path::new("sub/deployment.yaml")).expect("the file");
        Ok(String::from_utf8_lossy(file).into_owned())
    };
    for _ in 0..2 {
        assert_eq!(pull(None, None).expect("latest"), "two");
        assert_eq!(pull(Some("v1.0.0"), None).expect("a tag"), "one");
        assert_eq!(pull(None, Some(&first.digest)).expect("a digest"), "one");
    }
    let error = pull(Some("v9"), None).expect_err("no such tag");
    assert!(matches!(&error, SourceError::NotFound(_)), "{error}");
    let mut versions = run(registry.versions(&format!("oci://{address}/team/project"))).expect("tags");
    versions.sort();
    assert_eq!(versions, ["latest", "v1.0.0"]);
    // Whatever spoilt a layer in the cache, it is fetched again.
    for layer in root.join("cache/oci/sha256").read_dir_utf8().expect("layers") {
        std::fs::write(layer.expect("a layer").path(), "spoilt").expect("writing");
    }
    assert_eq!(pull(Some("v1.0.0"), None).expect("a tag"), "one");
}

#[test]
fn artifacts_go_through_a_registry_in_the_process() {
    check(&registry(Vec::new()), &OciRegistry::start().address());
}

#[test]
fn artifacts_go_through_docker_registry() {
    if let Some(server) = DockerRegistry::start() {
        check(&registry(Vec::new()), server.address());
    }
}

#[test]
fn trusts_the_authority_and_presents_the_password() {
    let authority = TestAuthority::new();
    let Some(server) = DockerRegistry::start_with(Some(&authority), true) else {
        return;
    };
    let good = Credential {
        host: server.address().to_owned(),
        path: Some("team/*".to_owned()),
        username: Some("user".to_owned()),
        password: Some("secret".to_owned()),
        ca: Some(authority.ca.clone().into_bytes()),
        ..Credential::default()
    };
    check(&registry(vec![good.clone()]), server.address());
    let url = format!("oci://{}/team/project", server.address());
    let (_guard, root) = folder();
    let blobs = Cache::new(root).blobs();
    let wrong = Credential {
        password: Some("letmein".to_owned()),
        ..good.clone()
    };
    let stranger = Credential {
        ca: None,
        ..good.clone()
    };
    for credential in [wrong, stranger] {
        let error = run(registry(vec![credential]).artifact(&blobs, &url, None, None)).expect_err("refused");
        assert!(!error.to_string().contains("letmein"), "{error}");
    }
    let careless = Credential {
        ca: None,
        insecure_skip_tls_verify: true,
        ..good
    };
    run(registry(vec![careless]).artifact(&blobs, &url, None, None)).expect("an artifact");
}

#[test]
fn presents_a_client_certificate() {
    let authority = TestAuthority::new();
    let Some(server) = DockerRegistry::start_for_clients_of(&authority) else {
        return;
    };
    let (certificate, key) = authority.client();
    let good = Credential {
        host: server.address().to_owned(),
        certificate: Some(certificate.into_bytes()),
        key: Some(key.into_bytes()),
        ca: Some(authority.ca.clone().into_bytes()),
        ..Credential::default()
    };
    check(&registry(vec![good.clone()]), server.address());
    let url = format!("oci://{}/team/project", server.address());
    let stranger = Credential {
        certificate: None,
        key: None,
        ..good.clone()
    };
    let keyless = Credential { key: None, ..good };
    let (_guard, root) = folder();
    let blobs = Cache::new(root).blobs();
    let ask = |credential| {
        run(registry(vec![credential]).artifact(&blobs, &url, None, None))
            .expect_err("refused")
            .to_string()
    };
    let refused = ask(stranger);
    // With TLS 1.3 the server's reason may come after the end of the connection.
    assert!(refused.starts_with("failed to reach https://"), "{refused}");
    let half = ask(keyless);
    assert!(half.ends_with("a client certificate needs its key"), "{half}");
}

#[test]
fn fetches_tokens_by_password_and_by_identity_token() {
    let by_password = Credential {
        username: Some("user".to_owned()),
        password: Some("secret".to_owned()),
        ..Credential::default()
    };
    let by_token = Credential {
        identity_token: Some(IDENTITY_TOKEN.to_owned()),
        ..Credential::default()
    };
    for credential in [by_password, by_token] {
        let server = TokenRegistry::start(100);
        let credential = Credential {
            host: server.address(),
            ..credential
        };
        check(&registry(vec![credential]), &server.address());
    }
    // A token that the registry takes needs no token service.
    let server = TokenRegistry::start(100);
    let ready = Credential {
        host: server.address(),
        token: Some("team/project:pull,push".to_owned()),
        ..Credential::default()
    };
    check(&registry(vec![ready]), &server.address());
    assert!(!server.asked().iter().any(|request| request.ends_with("/token")));
}

#[test]
fn who_is_not_known_is_told_so_in_the_registrys_words() {
    let server = TokenRegistry::start(100);
    let (_guard, root) = folder();
    let blobs = Cache::new(root).blobs();
    let url = format!("oci://{}/team/project", server.address());
    let wrong = |username: &str, password: &str, token: Option<&str>| {
        let credential = Credential {
            host: server.address(),
            username: Some(username.to_owned()),
            password: Some(password.to_owned()),
            token: token.map(str::to_owned),
            ..Credential::default()
        };
        run(registry(vec![credential]).artifact(&blobs, &url, None, None))
            .expect_err("refused")
            .to_string()
    };
    let host = server.address();
    assert_eq!(
        wrong("user", "letmein", None),
        format!("failed to fetch http://{host}/token : 401 Unauthorized (incorrect username or password)")
    );
    assert_eq!(
        wrong("", "", Some("another")),
        format!(
            "failed to fetch http://{host}/v2/team/project/manifests/latest : 401 Unauthorized (unauthorized: authentication required)"
        )
    );
}

#[test]
fn reads_all_pages_of_tags() {
    let server = TokenRegistry::start(2);
    let credential = Credential {
        host: server.address(),
        username: Some("user".to_owned()),
        password: Some("secret".to_owned()),
        ..Credential::default()
    };
    let registry = registry(vec![credential]);
    let (_guard, root) = folder();
    let artifact = artifact(&root, "text");
    let url = format!("oci://{}/team/project", server.address());
    for number in 1..=5 {
        run(registry.push(&format!("{url}:1.0.{number}"), &artifact)).expect("a push");
    }
    let versions = run(registry.versions(&url)).expect("tags");
    assert_eq!(versions, ["1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5"]);
}
