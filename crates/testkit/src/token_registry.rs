//! A registry in the process that gives nothing without a token of its token service, in pages, and is busy now and then.
//!
//! Source: Docker "Token Authentication Specification" and "OAuth2 Token Authentication"; OCI distribution specification 1.1,
//! "Content Discovery", for pages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use serde_json::json;

use crate::{OciRegistry, Reply, Request, Server};

/// What the token service takes in exchange for a token.
pub const IDENTITY_TOKEN: &str = "an-identity-token";

/// A registry with a token service of its own at `/token`. It knows the user `user` with the password `secret`, and
/// [`IDENTITY_TOKEN`]. Nobody else gets a token.
pub struct TokenRegistry {
    server: Server,
    open: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TokenRegistry {
    /// Starts an empty one that gives tags in pages of `page` and answers each address once with 429 before it serves it.
    pub fn start(page: usize) -> Self {
        let registry = OciRegistry::start();
        let open = registry.address();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = asked.clone();
        let seen: Mutex<BTreeSet<String>> = Mutex::default();
        let server = Server::start(move |request| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(format!("{} {}", request.method, request.path()));
            drop(log);
            let busy = seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(format!("{} {}", request.method, request.target));
            if busy {
                return Reply::new(429, json!({"errors": [{"code": "TOOMANYREQUESTS"}]}).to_string())
                    .with("Retry-After", "0");
            }
            if request.path() == "/token" {
                return token(request);
            }
            let (name, write) = scope(request);
            let wanted = |action: &str| format!("Bearer {name}:{action}");
            let shown = request.header("authorization").unwrap_or_default();
            let allowed = shown == wanted("pull,push") || (!write && shown == wanted("pull"));
            if !allowed {
                let action = if write { "pull,push" } else { "pull" };
                let host = request.header("host").unwrap_or_default();
                let challenge = format!(
                    "Bearer realm=\"http://{host}/token\",service=\"test, registry\",scope=\"repository:{name}:{action}\""
                );
                let body =
                    json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]});
                return Reply::new(401, body.to_string()).with("WWW-Authenticate", challenge);
            }
            let reply = registry.answer(request);
            match request.path().ends_with("/tags/list") {
                true => paged(&reply, request, page),
                false => reply,
            }
        });
        Self { server, open, asked }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.server.address()
    }

    /// The same content without a guard, `127.0.0.1:PORT`, to fill it.
    pub fn open(&self) -> &str {
        &self.open
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The repository that a request is about, and whether it writes.
fn scope(request: &Request) -> (String, bool) {
    let rest = request.path().strip_prefix("/v2/").unwrap_or_default();
    let ends = ["/blobs/", "/manifests/", "/tags/"];
    let name = ends.iter().find_map(|end| rest.split_once(end));
    let write = !matches!(request.method.as_str(), "GET" | "HEAD");
    (name.map_or(rest, |(name, _)| name).to_owned(), write)
}

/// Parameters of a query or a form.
fn parameters(text: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn token(request: &Request) -> Reply {
    let denied = |reason: &str| Reply::new(401, json!({"details": reason}).to_string());
    let given = match request.method.as_str() {
        "GET" => parameters(request.target.split_once('?').map_or("", |(_, query)| query)),
        "POST" if request.header("content-type") == Some("application/x-www-form-urlencoded") => {
            parameters(&String::from_utf8_lossy(&request.body))
        }
        _ => return denied("expected a query, or a form"),
    };
    let get = |name: &str| given.get(name).map_or("", String::as_str);
    if get("service") != "test, registry" {
        return denied("another service");
    }
    let Some((name, actions)) = get("scope")
        .strip_prefix("repository:")
        .and_then(|scope| scope.rsplit_once(':'))
    else {
        return denied("no scope");
    };
    let known = if request.method == "POST" {
        get("grant_type") == "refresh_token"
            && get("refresh_token") == IDENTITY_TOKEN
            && !get("client_id").is_empty()
    } else {
        let basic = base64::engine::general_purpose::STANDARD.encode("user:secret");
        request.header("authorization") == Some(&format!("Basic {basic}"))
    };
    if !known {
        return denied("incorrect username or password");
    }
    // The two documents call it by two names.
    let key = if request.method == "POST" {
        "access_token"
    } else {
        "token"
    };
    Reply::new(
        200,
        json!({key: format!("{name}:{actions}"), "expires_in": 60}).to_string(),
    )
}

/// A page of tags, with the address of the next one.
fn paged(reply: &Reply, request: &Request, page: usize) -> Reply {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(&reply.body) else {
        return reply.clone();
    };
    let Some(tags) = body["tags"].as_array() else {
        return reply.clone();
    };
    let given = parameters(request.target.split_once('?').map_or("", |(_, query)| query));
    let last = given.get("last").map_or("", String::as_str);
    let rest: Vec<&str> = tags
        .iter()
        .filter_map(|tag| tag.as_str())
        .filter(|tag| *tag > last)
        .collect();
    let shown = &rest[..rest.len().min(page)];
    let answer = Reply::new(200, json!({"name": body["name"], "tags": shown}).to_string());
    match shown.last() {
        Some(last) if rest.len() > page => {
            let link = format!("<{}?last={last}&n={page}>; rel=\"next\"", request.path());
            answer.with("Link", link)
        }
        _ => answer,
    }
}
