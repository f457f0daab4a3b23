//! moto, which plays AWS.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::apiserver::free_port;
use crate::http::call;

/// A running `moto_server`; ends when it is dropped.
pub struct MotoServer {
    child: Child,
    port: u16,
}

fn program() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .map(|cache| cache.join("kluctl-tests/moto/bin/moto_server"));
    let given = std::env::var_os("MOTO_SERVER").map(PathBuf::from);
    let found = given.into_iter().chain(cache).find(|program| program.is_file());
    if found.is_none() {
        eprintln!("NOT RUN: no moto here; tests/moto/install.sh installs it, MOTO_SERVER names its program");
    }
    found
}

impl MotoServer {
    /// Starts an empty AWS that checks signatures after the first requests; `None`, said on standard error, where moto is
    /// missing.
    pub fn start(unchecked_requests: Option<u32>) -> Option<Self> {
        let program = program()?;
        let port = free_port();
        let mut command = Command::new(&program);
        command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(count) = unchecked_requests {
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", count.to_string());
        }
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let server = Self { child, port };
        let started = Instant::now();
        while call(&server.address(), "GET", "/moto-api/data.json", &[], b"").is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "moto does not answer"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// A request of the services that speak JSON, without a signature.
    pub fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Target", target),
        ];
        let text = self.send(service, &headers, &body.to_string());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}"))
    }

    /// A request of the services that speak forms and XML, without a signature.
    pub fn form(&self, service: &str, body: &str) -> String {
        self.send(
            service,
            &[("Content-Type", "application/x-www-form-urlencoded")],
            body,
        )
    }

    fn send(&self, service: &str, headers: &[(&str, &str)], body: &str) -> String {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let mut all = vec![("Authorization", authorization.as_str())];
        all.extend_from_slice(headers);
        let (status, answer) =
            call(&self.address(), "POST", "/", &all, body.as_bytes()).expect("moto answers");
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{body}: {text}");
        text
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
