//! Google Cloud: Secret Manager, KMS, and where their tokens come from.
//!
//! Source: <https://cloud.google.com/secret-manager/docs/reference/rest> (versions.access),
//! <https://cloud.google.com/kms/docs/reference/rest> (cryptoKeys.decrypt), RFC 7523 (tokens for service accounts), RFC 8693
//! (workload identity federation), and the metadata server of Compute Engine.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PublicKeyData as _};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{Busy, bearer, decode, encode, form, json_body, json_reply, wrap};
use crate::http::{Reply, Request, Server};

/// Secret Manager, KMS, the token server and the metadata server, all at one address.
pub struct GcpServer {
    server: Server,
    busy: Arc<Busy>,
}

const TOKEN: &str = "google-access-token";
/// An RSA key of a service account, for tests only.
const KEY: &str = include_str!("service_account.pem");
const EMAIL: &str = "deployer@project.iam.gserviceaccount.com";

impl GcpServer {
    /// The refresh token of the person who is logged in.
    pub const REFRESH_TOKEN: &'static str = "google-refresh-token";
    /// A token of somebody else's that is taken for one of Google's.
    pub const FEDERATED_TOKEN: &'static str = "google-federated-token";
    /// The key of KMS.
    pub const KEY_NAME: &'static str = "projects/p/locations/global/keyRings/r/cryptoKeys/sops";

    /// Serves versions of secrets (`projects/…/secrets/…/versions/…`) with their content.
    pub fn start(secrets: &[(&str, &str)]) -> Self {
        let secrets: Vec<(String, String)> = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let busy = Arc::new(Busy::default());
        let refuses = busy.clone();
        let server = Server::start(move |request| {
            if refuses.is() {
                return failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded").with("Retry-After", "0");
            }
            answer(request, &secrets)
        });
        Self { server, busy }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.server.address()
    }

    /// Refuses the next requests with 429.
    pub fn busy_for(&self, requests: u32) {
        self.busy.set(requests);
    }

    /// The file of the service account.
    pub fn service_account(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "key-1",
            "private_key": KEY,
            "client_email": EMAIL,
            "token_uri": format!("{}/token", self.url()),
        })
        .to_string()
    }

    /// The file of a person who is logged in.
    pub fn authorized_user(&self) -> String {
        json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "client-secret",
            "refresh_token": Self::REFRESH_TOKEN,
            "token_uri": format!("{}/token", self.url()),
        })
        .to_string()
    }

    /// The file of an identity of somebody else's, whose token is in a file.
    pub fn external_account(&self, token_file: &str) -> String {
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/pool",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{}/sts", self.url()),
            "credential_source": {"file": token_file},
        })
        .to_string()
    }

    /// A key as KMS wraps it, in base64.
    pub fn wrap(plain: &[u8]) -> String {
        encode(&wrap(plain))
    }
}

fn failure(status: u16, name: &str, message: &str) -> Reply {
    json_reply(
        status,
        &json!({"error": {"code": status, "message": message, "status": name}}),
    )
}

fn answer(request: &Request, secrets: &[(String, String)]) -> Reply {
    match (request.method.as_str(), request.path()) {
        ("POST", "/token") => return token(request),
        ("POST", "/sts") => return exchange(request),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token") => {
            if request.header("metadata-flavor") != Some("Google") {
                return Reply::new(403, "Missing Metadata-Flavor:Google header.");
            }
            return json_reply(200, &granted());
        }
        _ => {}
    }
    if bearer(request) != Some(TOKEN) {
        let text = "Request had invalid authentication credentials.";
        return failure(401, "UNAUTHENTICATED", text);
    }
    let Some(name) = request.path().strip_prefix("/v1/") else {
        return Reply::new(404, "<html>Error 404 (Not Found)</html>");
    };
    if let Some(version) = name.strip_suffix(":access").filter(|_| request.method == "GET") {
        return match secrets.iter().find(|(known, _)| known == version) {
            Some((_, content)) => json_reply(
                200,
                &json!({"name": version, "payload": {"data": encode(content.as_bytes())}}),
            ),
            None => failure(
                404,
                "NOT_FOUND",
                &format!("Secret Version [{version}] not found."),
            ),
        };
    }
    if let Some(key) = name.strip_suffix(":decrypt").filter(|_| request.method == "POST") {
        if key != GcpServer::KEY_NAME {
            return failure(404, "NOT_FOUND", &format!("CryptoKey {key} not found."));
        }
        let body = json_body(request).unwrap_or_default();
        let text = body.get("ciphertext").and_then(Value::as_str).unwrap_or_default();
        return match decode(text).filter(|wrapped| !wrapped.is_empty()) {
            Some(wrapped) => json_reply(200, &json!({"plaintext": encode(&wrap(&wrapped))})),
            None => failure(
                400,
                "INVALID_ARGUMENT",
                "Decryption failed: the ciphertext is invalid.",
            ),
        };
    }
    Reply::new(404, "<html>Error 404 (Not Found)</html>")
}

fn granted() -> Value {
    json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})
}

fn refused(code: &str, text: &str) -> Reply {
    json_reply(400, &json!({"error": code, "error_description": text}))
}

fn token(request: &Request) -> Reply {
    let form = form(request).unwrap_or_default();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let host = request.header("host").unwrap_or_default();
    match field("grant_type") {
        "refresh_token" => {
            let own = [
                ("client_id", "client"),
                ("client_secret", "client-secret"),
                ("refresh_token", GcpServer::REFRESH_TOKEN),
            ];
            if own.iter().all(|(name, value)| field(name) == *value) {
                json_reply(200, &granted())
            } else {
                refused("invalid_grant", "Token has been expired or revoked.")
            }
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            match check_assertion(field("assertion"), &format!("http://{host}/token")) {
                Ok(()) => json_reply(200, &granted()),
                Err(text) => refused("invalid_grant", text),
            }
        }
        _ => refused("unsupported_grant_type", "Invalid grant_type"),
    }
}

/// Checks what a service account signed.
fn check_assertion(assertion: &str, audience: &str) -> Result<(), &'static str> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or("not a JWT")?;
    let (header, claims) = signed.split_once('.').ok_or("not a JWT")?;
    let part =
        |text: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let (header, claims) = part(header).zip(part(claims)).ok_or("not a JWT")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "not a JWT")?;
    if header["alg"] != "RS256" || header["kid"] != "key-1" {
        return Err("wrong header");
    }
    let lasts = claims["exp"].as_i64().unwrap_or_default() - claims["iat"].as_i64().unwrap_or_default();
    if claims["iss"] != EMAIL || claims["aud"] != audience || !(1..=3600).contains(&lasts) {
        return Err("wrong claims");
    }
    if claims["scope"] != "https://www.googleapis.com/auth/cloud-platform" {
        return Err("wrong scope");
    }
    let key = KeyPair::from_pem(KEY).map_err(|_| "the server's own key")?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.der_bytes())
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "Invalid JWT Signature.")
}

fn exchange(request: &Request) -> Reply {
    let form = form(request).unwrap_or_default();
    let wanted = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", "//iam.googleapis.com/pool"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token", GcpServer::FEDERATED_TOKEN),
    ];
    let fits = |(name, value): &(&str, &str)| form.get(*name).is_some_and(|given| given == value);
    if wanted.iter().all(fits) {
        json_reply(200, &granted())
    } else {
        refused("invalid_grant", "The subject token is not valid.")
    }
}
