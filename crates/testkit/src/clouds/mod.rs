//! Servers that follow the vendors' published wire formats strictly: Vault, Azure Key Vault, Google Cloud; and moto for AWS.
//!
//! They refuse what the real ones refuse: wrong or missing credentials, unknown versions of the API, wrong methods, headers
//! and encodings. They can be told to be busy.

mod azure;
mod gcp;
mod moto;
mod vault;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::{Reply, Request};

pub use azure::AzureServer;
pub use gcp::GcpServer;
pub use moto::MotoServer;
pub use vault::VaultServer;

/// Refuses the next requests as a server does that has too much to do.
#[derive(Default)]
struct Busy(AtomicU32);

impl Busy {
    fn set(&self, requests: u32) {
        self.0.store(requests, Ordering::SeqCst);
    }

    /// Whether to refuse this one.
    fn is(&self) -> bool {
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// What stands for encryption; done twice it gives the plain bytes back.
fn wrap(plain: &[u8]) -> Vec<u8> {
    plain.iter().rev().map(|byte| byte ^ 0x5A).collect()
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::new(status, body.to_string()).with("Content-Type", "application/json")
}

/// The fields of a form; `None` when the request says that it is something else.
fn form(request: &Request) -> Option<BTreeMap<String, String>> {
    let kind = request.header("content-type")?;
    kind.starts_with("application/x-www-form-urlencoded")
        .then_some(())?;
    Some(pairs(std::str::from_utf8(&request.body).ok()?))
}

/// The parameters of a query or form.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (unescape(name), unescape(value))
    };
    text.split('&')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect()
}

fn query(request: &Request) -> BTreeMap<String, String> {
    pairs(request.target.split_once('?').map_or("", |(_, query)| query))
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The JSON body; `None` when the request says that it is something else.
fn json_body(request: &Request) -> Option<Value> {
    let kind = request.header("content-type")?;
    kind.starts_with("application/json").then_some(())?;
    serde_json::from_slice(&request.body).ok()
}

fn bearer(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ")
}

/// `{"error": {"code": …, "message": …}}`, as Azure and Google have it.
fn error_reply(status: u16, code: impl Into<Value>, message: &str) -> Reply {
    json_reply(
        status,
        &json!({"error": {"code": code.into(), "message": message}}),
    )
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
