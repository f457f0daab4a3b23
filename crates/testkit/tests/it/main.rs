//! The servers that tests start, tried themselves.

use std::time::{Duration, Instant};

use kluctl_testkit::{ApiServer, ChartRepository, OciRegistry, StatusController, call, push_chart};

#[test]
fn api_server_answers_and_jobs_complete() {
    let Some(server) = ApiServer::start() else { return };
    let _status = StatusController::start(&server);
    let created = server
        .kubectl()
        .args(["create", "job", "hello", "--image=busybox", "--", "true"])
        .output()
        .expect("kubectl runs");
    assert!(
        created.status.success(),
        "{}",
        String::from_utf8_lossy(&created.stderr)
    );
    let start = Instant::now();
    loop {
        let answer = server
            .kubectl()
            .args(["get", "job", "hello", "-o", "jsonpath={.status.succeeded}"])
            .output()
            .expect("kubectl runs");
        if answer.stdout == b"1" {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the job does not complete"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn repository_and_registry_give_back_what_was_put() {
    let repository = ChartRepository::start("/charts");
    repository.add("web", "1.2.3", b"archive".to_vec());
    let address = repository.url().replace("http://", "");
    let (host, path) = address.split_once('/').expect("a path");
    let (status, index) = call(host, "GET", &format!("/{path}/index.yaml"), &[], b"").expect("an answer");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&index).contains("charts/web-1.2.3.tgz"));
    let (status, archive) =
        call(host, "GET", &format!("/{path}/charts/web-1.2.3.tgz"), &[], b"").expect("an answer");
    assert_eq!((status, archive.as_slice()), (200, b"archive".as_slice()));

    let registry = OciRegistry::start();
    push_chart(&registry.address(), "team/web", "1.2.3", b"archive");
    let (status, tags) =
        call(&registry.address(), "GET", "/v2/team/web/tags/list", &[], b"").expect("an answer");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&tags).contains("1.2.3"));
}
