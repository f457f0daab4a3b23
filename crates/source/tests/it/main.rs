//! Charts fetched from servers on loopback.

mod commit;
mod git;
mod oci;
mod ssh;

use kluctl_source::helm_repository::Index;
use kluctl_source::oci::Registry;
use kluctl_source::{Credential, Credentials, Http, Mirrors, SourceError};
use kluctl_testkit::{ChartRepository, DockerRegistry, OciRegistry, Reply, Server, push_chart};

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn mirrors(rules: &[String]) -> Mirrors {
    Mirrors::parse(rules).expect("valid rules")
}

#[test]
fn a_public_repository_is_read_from_its_mirror() {
    let repository = ChartRepository::start("/jetstack");
    repository.add("cert-manager", "v1.11.0", b"archive".to_vec());
    let http = Http::new(
        mirrors(&[format!("https://charts.example.com={}", repository.url())]),
        Credentials::default(),
    )
    .expect("a client");
    let archive = run(async {
        let index = Index::fetch(&http, "https://charts.example.com/").await?;
        assert_eq!(index.versions("cert-manager")?.len(), 1);
        index.chart(&http, "cert-manager", "1.11.0").await
    });
    assert_eq!(archive.expect("the archive"), b"archive".as_slice());
}

#[test]
fn a_wrong_digest_is_refused() {
    let server = Server::start(|request| match request.path() {
        "/index.yaml" => Reply::new(
            200,
            "apiVersion: v1\nentries:\n  web:\n  - {version: 1.0.0, urls: [web.tgz], digest: '00'}\n",
        ),
        _ => Reply::new(200, "archive"),
    });
    let http = Http::new(Mirrors::default(), Credentials::default()).expect("a client");
    let result = run(async {
        Index::fetch(&http, &server.url())
            .await?
            .chart(&http, "web", "1.0.0")
            .await
    });
    let error = result.expect_err("the digest is wrong").to_string();
    assert!(error.contains("its digest is"), "{error}");
}

#[test]
fn credentials_go_to_their_host_only() {
    let server = Server::start(|request| match request.header("authorization") {
        Some("Basic dXNlcjpwYXNz") => Reply::new(200, "apiVersion: v1\nentries: {}\n"),
        _ => Reply::new(401, "who are you?"),
    });
    let host = server.address();
    let entry = |host: &str| Credential {
        host: host.to_owned(),
        username: Some("user".to_owned()),
        password: Some("pass".to_owned()),
        ..Credential::default()
    };
    let fetch = |host: &str| {
        let credentials = Credentials::new(vec![entry(host)]).expect("valid credentials");
        let http = Http::new(Mirrors::default(), credentials).expect("a client");
        run(Index::fetch(&http, &server.url()))
    };
    assert!(fetch(&host).is_ok());
    let error = fetch("elsewhere.example").expect_err("no credentials for this host");
    assert!(
        matches!(&error, SourceError::Status { status, .. } if status.starts_with("401")),
        "{error}"
    );
    assert!(!error.to_string().contains("pass"), "{error}");
}

fn check_registry(address: &str) {
    push_chart(address, "charts/podinfo", "6.3.4+build.1", b"archive");
    push_chart(address, "charts/podinfo", "6.3.5", b"newer");
    let rule = format!("oci://ghcr.example/stefan=oci://{address}");
    let registry = Registry::new(mirrors(&[rule]), Credentials::default());
    run(async {
        let chart = "oci://ghcr.example/stefan/charts/podinfo";
        let mut versions = registry.versions(chart).await.expect("tags");
        versions.sort();
        assert_eq!(versions, ["6.3.4+build.1", "6.3.5"]);
        assert_eq!(
            registry.chart(chart, "6.3.4+build.1").await.expect("a chart"),
            b"archive".as_slice()
        );
        let missing = registry.chart(chart, "9.9.9").await.expect_err("no such version");
        assert!(matches!(&missing, SourceError::NotFound(_)), "{missing:?}");
    });
}

#[test]
fn charts_come_from_a_registry_in_the_process() {
    check_registry(&OciRegistry::start().address());
}

#[test]
fn charts_come_from_docker_registry() {
    if let Some(registry) = DockerRegistry::start() {
        check_registry(registry.address());
    }
}
