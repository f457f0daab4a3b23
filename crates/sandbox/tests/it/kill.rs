//! What was answered is there again after the process was killed, at whatever moment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kluctl_sandbox::{Options, Sandbox};
use serde_json::json;

use crate::client::Client;

const FOLDER: &str = "KLUCTL_SANDBOX_KILL";

fn open(folder: PathBuf) -> Client {
    let options = Options {
        directory: Some(folder),
        controllers: true,
        ..Options::default()
    };
    Client {
        sandbox: Sandbox::open(options).expect("it opens"),
    }
}

/// Not a test of its own: the process that is killed. It says what was answered, and goes on until it is.
#[tokio::test]
async fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let client = open(folder.into());
    let first = client.get("/api/v1/namespaces/default/configmaps").await;
    let first = first.body["items"].as_array().map_or(0, Vec::len);
    for index in first.. {
        let path = format!("/api/v1/namespaces/default/configmaps/map-{index}");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("map-{index}")},
            "data": {"text": "x".repeat(index % 7 * 300)}});
        assert_eq!(client.apply(&path, map).await.code, 201);
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nwritten map-{index}").expect("somebody reads");
        out.flush().expect("somebody reads");
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut answered = Vec::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["kill::writer", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut count = 0;
        while let Some(Ok(line)) = lines.next() {
            if let Some(name) = line.strip_prefix("written ") {
                answered.push(name.to_owned());
                count += 1;
                if count == 5 + round * 3 {
                    child.kill().expect("it is killed in the middle of a write");
                }
            }
        }
        child.wait().expect("it has ended");
        assert!(count >= 5 + round * 3, "round {round}: only {count} written");
        let client = open(folder.path().to_owned());
        for name in &answered {
            let path = format!("/api/v1/namespaces/default/configmaps/{name}");
            assert_eq!(
                client.get(&path).await.code,
                200,
                "{name} is lost in round {round}"
            );
        }
    }
}
