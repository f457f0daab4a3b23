//! The two servers that are asked the same, and their answers without what differs from run to run.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use kluctl_sandbox::{Options, Sandbox};
use kluctl_testkit::ApiServer;
use regex::Regex;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// An answer that was read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

/// A request, the same for both.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) accept: String,
    pub(crate) body: Option<String>,
}

impl Ask {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET".to_owned(),
            path: path.into(),
            content_type: String::new(),
            accept: String::new(),
            body: None,
        }
    }

    fn request(&self) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(self.path.as_str())
            .header("host", "127.0.0.1")
            .header("user-agent", "test/1.0");
        if self.body.is_some() {
            request = request.header("content-type", self.content_type.as_str());
        }
        if !self.accept.is_empty() {
            request = request.header("accept", self.accept.as_str());
        }
        request
            .body(Full::new(Bytes::from(self.body.clone().unwrap_or_default())))
            .expect("the request is well-formed")
    }
}

/// kube-apiserver behind `kubectl proxy`, which speaks plain HTTP.
pub(crate) struct Real {
    proxy: Child,
    address: String,
    _server: ApiServer,
}

impl Real {
    pub(crate) fn start() -> Option<Self> {
        let server = ApiServer::start()?;
        let mut proxy = server
            .kubectl()
            .args(["proxy", "--port=0", "--address=127.0.0.1", "--reject-paths=^$"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starting kubectl proxy");
        let mut line = String::new();
        BufReader::new(proxy.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("its address");
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Some(Self {
            proxy,
            address,
            _server: server,
        })
    }

    async fn send(&self, ask: &Ask) -> http::Response<Bytes> {
        let stream = tokio::net::TcpStream::connect(&self.address)
            .await
            .expect("the proxy listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("it speaks HTTP");
        tokio::spawn(connection);
        let response = sender.send_request(ask.request()).await.expect("it answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the answer is whole").to_bytes();
        http::Response::from_parts(parts, bytes)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

/// Whom a request goes to.
pub(crate) enum Side {
    Sandbox(std::sync::Arc<Sandbox>),
    Real(Real),
}

impl Side {
    pub(crate) fn sandbox() -> Self {
        Self::Sandbox(Sandbox::open(Options::default()).expect("a sandbox in memory opens"))
    }

    /// Sends a request; the body is JSON, lines of JSON, or a text.
    pub(crate) async fn send(&self, ask: &Ask) -> Answer {
        let response = match self {
            Self::Sandbox(sandbox) => {
                let response = sandbox
                    .service()
                    .oneshot(ask.request())
                    .await
                    .expect("it never fails");
                let (parts, body) = response.into_parts();
                let bytes = body.collect().await.expect("it never fails").to_bytes();
                http::Response::from_parts(parts, bytes)
            }
            Self::Real(real) => real.send(ask).await,
        };
        let bytes = response.body();
        let body = serde_json::from_slice(bytes).unwrap_or_else(|_| {
            let lines: Result<Vec<Value>, _> = bytes
                .split(|c| *c == b'\n')
                .filter(|line| !line.is_empty())
                .map(serde_json::from_slice)
                .collect();
            match lines {
                Ok(lines) => Value::Array(lines),
                Err(_) => Value::from(String::from_utf8_lossy(bytes).into_owned()),
            }
        });
        let warnings = response.headers().get_all("warning");
        Answer {
            code: response.status().as_u16(),
            body,
            warnings: warnings
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect(),
        }
    }
}

static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "UID",
        ),
        (
            r"20[2-9]\d-(?:0[2-9]|1[0-2])-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
            "TIME",
        ),
        (r"20(?:2[7-9]|[3-9]\d)-01-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "TIME"),
        (r"\b10\.0\.\d+\.\d+\b", "ADDRESS"),
        // Objects in messages are in the order of their Go structs there, in that of their keys here.
        (
            r#"(?s)patch: Invalid value: "\{.*\}": "#,
            "patch: Invalid value: PATCHED: ",
        ),
        (r#"(?s)^Invalid value: "\{.*\}": "#, "Invalid value: PATCHED: "),
        (r"\bGen-[a-z0-9]{5}\b", "Gen-RANDOM"),
        (
            r"ResourceVersion in object meta: \d+",
            "ResourceVersion in object meta: VERSION",
        ),
        (r"in record \(\d+\)", "in record (VERSION)"),
        (r"0x[0-9a-f]{6,}", "POINTER"),
        (r"^\d+s$", "AGE"),
        (
            r"too old resource version: \d+ \(\d+\)",
            "too old resource version",
        ),
        (
            r"Too large resource version: \d+, current: \d+",
            "Too large resource version",
        ),
        (r"(unable to decode|error decoding).*", "UNDECODABLE"),
    ]
    .into_iter()
    .map(|(pattern, mark)| (Regex::new(pattern).expect("it is one"), mark))
    .collect()
});

/// A message without the objects it quotes as wrong values: kube-apiserver shows its own Go structs there, with the names
/// that their fields have in Go and all that is unset, which are no part of any API.
fn without_structs(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" value: ").map(|at| at + " value: ".len()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('{') || rest.starts_with("[{") {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            if matches!(values.next(), Some(Ok(_))) {
                out.push_str("STRUCT");
                rest = &rest[values.byte_offset()..];
            }
        }
    }
    out + rest
}

fn plain_text(text: &str) -> String {
    let mut text = without_structs(text);
    for (pattern, mark) in VARYING.iter() {
        text = pattern.replace_all(&text, *mark).into_owned();
    }
    text
}

/// A list of errors, whose order is not kept upstream.
fn sorted_message(text: &str) -> String {
    let Some((what, list)) = text.split_once(" is invalid: ") else {
        return text.to_owned();
    };
    let list = list
        .strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'))
        .unwrap_or(list);
    let mut parts: Vec<&str> = list.split(", ").collect();
    parts.sort_unstable();
    format!("{what} is invalid: {}", parts.join(", "))
}

/// What is compared of a body.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(plain_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Object(map) => {
            let generate = map
                .get("generateName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let mut out = serde_json::Map::new();
            for (key, value) in map {
                let kept = match (key.as_str(), value) {
                    (
                        "uid" | "resourceVersion" | "creationTimestamp" | "deletionTimestamp",
                        Value::String(_),
                    ) => {
                        json!("SET")
                    }
                    ("continue", Value::String(text)) if !text.is_empty() => json!("SET"),
                    ("name", Value::String(name))
                        if !generate.is_empty()
                            && name.len() == generate.len() + 5
                            && name.starts_with(generate) =>
                    {
                        json!(format!("{generate}-RANDOM"))
                    }
                    ("nodePort" | "healthCheckNodePort", Value::Number(number))
                        if number.as_i64().is_some_and(|number| number >= 30_000) =>
                    {
                        json!("PORT")
                    }
                    ("items", Value::Null) => json!([]),
                    ("time", Value::String(_)) if map.contains_key("manager") => continue,
                    ("managedFields", Value::Array(items)) => {
                        let mut items: Vec<Value> = items.iter().map(plain).collect();
                        // A part of kube-apiserver that looks after these objects by itself.
                        items
                            .retain(|item| item["manager"] != "api-priority-and-fairness-config-consumer-v1");
                        items.sort_by_key(|item| {
                            ["manager", "operation", "subresource", "apiVersion"]
                                .map(|key| item[key].to_string())
                        });
                        Value::Array(items)
                    }
                    ("message", Value::String(text)) if map.get("kind") == Some(&json!("Status")) => {
                        json!(sorted_message(&plain_text(text)))
                    }
                    ("resources", Value::Array(items)) => {
                        let mut items: Vec<Value> = items.iter().map(plain).collect();
                        items.sort_by_key(|item| item["name"].to_string());
                        Value::Array(items)
                    }
                    ("causes", Value::Array(items)) => {
                        let mut items: Vec<Value> = items.iter().map(plain).collect();
                        items.sort_by_key(ToString::to_string);
                        items.dedup();
                        Value::Array(items)
                    }
                    (_, value) => plain(value),
                };
                out.insert(key.clone(), kept);
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

/// Where two values differ: the path, ours, theirs.
pub(crate) fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<(String, String)>) {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            let missing = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(missing) {
                let path = format!("{path}/{key}");
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => differences(&path, left, right, found),
                    (Some(left), None) => found.push((path, format!("only ours: {left}"))),
                    (None, Some(right)) => found.push((path, format!("only theirs: {right}"))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}/{index}"), left, right, found);
            }
        }
        _ if ours != theirs => found.push((path.to_owned(), format!("ours {ours}\n      theirs {theirs}"))),
        _ => {}
    }
}
