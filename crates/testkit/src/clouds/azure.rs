//! Azure Key Vault with its login.
//!
//! Source: <https://learn.microsoft.com/rest/api/keyvault> (Get Secret, Decrypt; authentication by challenge) and the OAuth 2.0
//! client credentials flow of the Microsoft identity platform; the instance metadata service for managed identities.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Busy, bearer, error_reply, form, json_body, json_reply, query, wrap};
use crate::http::{Reply, Request, Server};

/// A vault, the login of its tenant, and the metadata server of a machine, all at one address.
pub struct AzureServer {
    server: Server,
    busy: Arc<Busy>,
}

const TOKEN: &str = "azure-access-token";
const VERSIONS: [&str; 7] = ["7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6"];

impl AzureServer {
    /// The tenant.
    pub const TENANT: &'static str = "11111111-2222-3333-4444-555555555555";
    /// The application that may log in.
    pub const CLIENT: &'static str = "66666666-7777-8888-9999-000000000000";
    /// Its secret.
    pub const CLIENT_SECRET: &'static str = "azure-client-secret";
    /// A token of the cluster that the application is known by.
    pub const FEDERATED_TOKEN: &'static str = "azure-federated-token";

    /// Serves secrets, `NAME` or `NAME/VERSION`.
    pub fn start(secrets: &[(&str, &str)]) -> Self {
        let secrets: Vec<(String, String)> = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let busy = Arc::new(Busy::default());
        let refuses = busy.clone();
        let server = Server::start(move |request| {
            if refuses.is() {
                return error_reply(
                    429,
                    "Throttled",
                    "Request was not processed because too many requests were received",
                )
                .with("Retry-After", "0");
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

    /// A key as the vault's key `sops`, version `v1`, wraps it.
    pub fn wrap(plain: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(wrap(plain))
    }
}

fn answer(request: &Request, secrets: &[(String, String)]) -> Reply {
    let host = request.header("host").unwrap_or_default();
    let path = request.path().trim_matches('/');
    if path == format!("{}/oauth2/v2.0/token", AzureServer::TENANT) {
        return login(request, host);
    }
    if path == "metadata/identity/oauth2/token" {
        return managed_identity(request, host);
    }
    if bearer(request).is_none() {
        let challenge = format!(
            "Bearer authorization=\"http://{host}/{}\", resource=\"http://{host}\"",
            AzureServer::TENANT
        );
        return error_reply(
            401,
            "Unauthorized",
            "AKV10000: Request is missing a Bearer or PoP token.",
        )
        .with("WWW-Authenticate", challenge);
    }
    if bearer(request) != Some(TOKEN) {
        return error_reply(401, "Unauthorized", "AKV10032: Invalid issuer.");
    }
    match query(request).get("api-version").map(String::as_str) {
        None => return error_reply(400, "BadParameter", "api-version must be specified"),
        Some(version) if !VERSIONS.contains(&version) => {
            let text = format!("The specified version ({version}) is not recognized.");
            return error_reply(400, "BadParameter", &text);
        }
        Some(_) => {}
    }
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["secrets", name @ ..]) => secret(&name.join("/"), host, secrets),
        ("POST", ["keys", "sops", "v1", "decrypt"]) => decrypt(request),
        (_, ["keys", name, ..]) => error_reply(
            404,
            "KeyNotFound",
            &format!("A key with (name/id) {name} was not found"),
        ),
        _ => error_reply(405, "MethodNotAllowed", "not here"),
    }
}

fn login_error(code: &str, text: &str) -> Reply {
    json_reply(401, &json!({"error": code, "error_description": text}))
}

fn login(request: &Request, host: &str) -> Reply {
    let Some(form) = form(request).filter(|_| request.method == "POST") else {
        return login_error("invalid_request", "AADSTS900144: The request body must be a form");
    };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != "client_credentials" {
        return login_error("unsupported_grant_type", "AADSTS70003");
    }
    if field("scope") != format!("http://{host}/.default") {
        return login_error(
            "invalid_scope",
            "AADSTS70011: The provided value for scope is not valid",
        );
    }
    if field("client_id") != AzureServer::CLIENT {
        return login_error(
            "unauthorized_client",
            "AADSTS700016: Application was not found in the directory",
        );
    }
    let by_secret = field("client_secret") == AzureServer::CLIENT_SECRET;
    let by_token = field("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        && field("client_assertion") == AzureServer::FEDERATED_TOKEN;
    if !by_secret && !by_token {
        return login_error("invalid_client", "AADSTS7000215: Invalid client secret provided");
    }
    json_reply(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": TOKEN}),
    )
}

fn managed_identity(request: &Request, host: &str) -> Reply {
    let query = query(request);
    let is = |name: &str, value: &str| query.get(name).is_some_and(|given| given == value);
    if request.header("metadata") != Some("true") {
        return json_reply(
            400,
            &json!({"error": "invalid_request", "error_description": "Required metadata header not specified"}),
        );
    }
    if !is("api-version", "2018-02-01") || !is("resource", &format!("http://{host}")) {
        return json_reply(
            400,
            &json!({"error": "invalid_request", "error_description": "Invalid resource or version"}),
        );
    }
    json_reply(
        200,
        &json!({"access_token": TOKEN, "expires_in": "86399", "token_type": "Bearer"}),
    )
}

fn secret(name: &str, host: &str, secrets: &[(String, String)]) -> Reply {
    match secrets.iter().find(|(known, _)| known == name) {
        Some((_, value)) => json_reply(
            200,
            &json!({"value": value, "id": format!("http://{host}/secrets/{name}"), "attributes": {"enabled": true}}),
        ),
        None => error_reply(
            404,
            "SecretNotFound",
            &format!("A secret with (name/id) {name} was not found in this key vault."),
        ),
    }
}

fn decrypt(request: &Request) -> Reply {
    let body: Value = json_body(request).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("alg") != "RSA-OAEP-256" {
        return error_reply(400, "BadParameter", "Property alg has invalid value");
    }
    match URL_SAFE_NO_PAD.decode(text("value")) {
        Ok(wrapped) => json_reply(
            200,
            &json!({"kid": "k", "value": URL_SAFE_NO_PAD.encode(wrap(&wrapped))}),
        ),
        Err(_) => error_reply(400, "BadParameter", "Property value has invalid value"),
    }
}
