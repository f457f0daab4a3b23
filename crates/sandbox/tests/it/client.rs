//! Sends requests to a sandbox in the process.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use kluctl_sandbox::{Options, Sandbox};
use serde_json::Value;
use tower::ServiceExt as _;

/// An answer that was read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

/// A client of one sandbox.
pub(crate) struct Client {
    pub(crate) sandbox: Arc<Sandbox>,
}

impl Client {
    pub(crate) fn new(controllers: bool) -> Self {
        let options = Options {
            controllers,
            ..Options::default()
        };
        Self {
            sandbox: Sandbox::open(options).expect("a sandbox in memory opens"),
        }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("user-agent", "test/1.0")
            .body(Full::new(Bytes::from(body)))
            .expect("the request is well-formed");
        let response = self
            .sandbox
            .service()
            .oneshot(request)
            .await
            .expect("it never fails");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("it never fails").to_bytes();
        Answer {
            code: parts.status.as_u16(),
            body: serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned())),
            warnings: parts
                .headers
                .get_all("warning")
                .iter()
                .map(|value| value.to_str().unwrap_or_default().to_owned())
                .collect(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, "application/json", &body).await
    }

    pub(crate) async fn apply(&self, path: &str, body: Value) -> Answer {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}fieldManager=kluctl&force=true");
        self.send("PATCH", &path, "application/apply-patch+yaml", &body)
            .await
    }
}
