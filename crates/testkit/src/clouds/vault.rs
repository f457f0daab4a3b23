//! HashiCorp Vault: key-value engines of both versions, and the transit engine.
//!
//! Source: <https://developer.hashicorp.com/vault/api-docs>: KV secrets engine v1 and v2, transit, response codes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Busy, encode, json_body, json_reply, wrap};
use crate::http::{Reply, Request, Server};

/// Vault with `secret/` (second version), `kv/` (first version) and `transit/`.
pub struct VaultServer {
    server: Server,
    busy: Arc<Busy>,
}

impl VaultServer {
    /// The only valid token.
    pub const TOKEN: &'static str = "hvs.test-token";
    /// The only namespace.
    pub const NAMESPACE: &'static str = "team";

    /// Serves secrets: their paths below `secret/data/` or `kv/`, with their values.
    pub fn start(secrets: &[(&str, Value)]) -> Self {
        let secrets: Vec<(String, Value)> = secrets
            .iter()
            .map(|(path, values)| ((*path).to_owned(), values.clone()))
            .collect();
        let busy = Arc::new(Busy::default());
        let refuses = busy.clone();
        let server = Server::start(move |request| {
            if refuses.is() {
                return errors(429, &["request path kv/ has exceeded its quota"]).with("Retry-After", "0");
            }
            answer(request, &secrets)
        });
        Self { server, busy }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Refuses the next requests with 429.
    pub fn busy_for(&self, requests: u32) {
        self.busy.set(requests);
    }

    /// A key as the transit engine wraps it.
    pub fn wrap(plain: &[u8]) -> String {
        format!("vault:v1:{}", encode(&wrap(plain)))
    }
}

fn errors(status: u16, texts: &[&str]) -> Reply {
    json_reply(status, &json!({"errors": texts}))
}

fn answer(request: &Request, secrets: &[(String, Value)]) -> Reply {
    let Some(path) = request.path().strip_prefix("/v1/") else {
        return Reply::new(404, "404 page not found\n");
    };
    if request.header("x-vault-request") != Some("true") {
        return errors(412, &["missing X-Vault-Request header"]);
    }
    if request
        .header("x-vault-namespace")
        .is_some_and(|name| name != VaultServer::NAMESPACE)
    {
        return errors(404, &["route entry not found"]);
    }
    match request.header("x-vault-token") {
        Some(VaultServer::TOKEN) => {}
        Some(_) => return errors(403, &["permission denied", "invalid token"]),
        None => return errors(403, &["permission denied"]),
    }
    if let Some(key) = path.strip_prefix("transit/decrypt/") {
        return decrypt(request, key);
    }
    if request.method != "GET" {
        return errors(405, &["unsupported operation"]);
    }
    let Some((_, values)) = secrets.iter().find(|(known, _)| known == path) else {
        return errors(404, &[]);
    };
    let data = if path.starts_with("secret/data/") {
        json!({
            "data": values,
            "metadata": {"created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": false, "version": 3},
        })
    } else {
        values.clone()
    };
    let all = json!({
        "request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 2_764_800, "data": data,
        "wrap_info": null, "warnings": null, "auth": null,
    });
    // A deleted version answers 404 with its metadata.
    let deleted = path.starts_with("secret/data/") && values.is_null();
    json_reply(if deleted { 404 } else { 200 }, &all)
}

fn decrypt(request: &Request, key: &str) -> Reply {
    if !matches!(request.method.as_str(), "POST" | "PUT") {
        return errors(405, &["unsupported operation"]);
    }
    if key != "sops" {
        return errors(400, &["encryption key not found"]);
    }
    let body: Value = json_body(request).unwrap_or_default();
    let text = body.get("ciphertext").and_then(Value::as_str).unwrap_or_default();
    let Some(data) = text.strip_prefix("vault:v1:") else {
        return errors(400, &["invalid ciphertext: no prefix"]);
    };
    match super::decode(data) {
        Some(wrapped) => json_reply(200, &json!({"data": {"plaintext": encode(&wrap(&wrapped))}})),
        None => errors(400, &["invalid ciphertext: could not decode base64"]),
    }
}
