//! HashiCorp Vault and OpenBao: secrets of the key-value engines, keys of the transit engine.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Identity};
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::error::{CloudError, file};
use crate::http::{Request, Response, Web, below};
use crate::secret::Secret;
use crate::{KeyService, SecretStore};

/// A server, with the token and settings of `VAULT_*` variables.
#[derive(Clone, Debug)]
pub struct Vault {
    address: String,
    token: Option<Token>,
    namespace: Option<String>,
    web: Web,
    /// Path of the engine and name of the key, for a key of the transit engine.
    key: Option<(String, String)>,
}

#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("*****")
    }
}

impl Vault {
    /// The server at an address.
    ///
    /// The token is that of `VAULT_TOKEN`, else of `~/.vault-token`; `VAULT_NAMESPACE`, `VAULT_CACERT`, `VAULT_CLIENT_CERT`,
    /// `VAULT_CLIENT_KEY` and `VAULT_SKIP_VERIFY` are followed.
    ///
    /// # Errors
    /// When a file that a variable names cannot be read.
    pub fn new(address: &str, environment: &Environment, web: &Web) -> Result<Self, CloudError> {
        let read = |name: &str| {
            let path = environment.get(name);
            path.map(|path| std::fs::read(path).map_err(|error| file(path, error)))
                .transpose()
        };
        let token_file = || {
            let path = environment.home()?.join(".vault-token");
            let text = std::fs::read_to_string(path).ok()?;
            Some(text.trim().to_owned()).filter(|token| !token.is_empty())
        };
        let token = environment.get("VAULT_TOKEN").map(str::to_owned);
        let (ca, certificate, key) = (
            read("VAULT_CACERT")?,
            read("VAULT_CLIENT_CERT")?,
            read("VAULT_CLIENT_KEY")?,
        );
        let skip = environment.is_true("VAULT_SKIP_VERIFY");
        let bad = |name: &'static str| move |error: reqwest::Error| file(name, error);
        let web = if ca.is_none() && certificate.is_none() && !skip {
            web.clone()
        } else {
            web.with(|mut builder| {
                builder = builder.danger_accept_invalid_certs(skip);
                if let Some(ca) = &ca {
                    let bundle = Certificate::from_pem_bundle(ca).map_err(bad("VAULT_CACERT"))?;
                    builder = builder.tls_certs_merge(bundle);
                }
                if let (Some(certificate), Some(key)) = (&certificate, &key) {
                    let pem = [key.as_slice(), b"\n", certificate].concat();
                    builder = builder.identity(Identity::from_pem(&pem).map_err(bad("VAULT_CLIENT_CERT"))?);
                }
                Ok(builder)
            })?
        };
        Ok(Self {
            address: address.to_owned(),
            token: token.or_else(token_file).map(Token),
            namespace: environment.get("VAULT_NAMESPACE").map(str::to_owned),
            web,
            key: None,
        })
    }

    /// The same for a key of the transit engine.
    #[must_use]
    pub fn with_key(mut self, engine: &str, name: &str) -> Self {
        self.key = Some((engine.trim_matches('/').to_owned(), name.to_owned()));
        self
    }

    fn prepared(&self, mut request: Request) -> Request {
        request = request.header("x-vault-request", "true");
        if let Some(Token(token)) = &self.token {
            request = request.header("x-vault-token", token.clone());
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace.clone());
        }
        request
    }

    fn failure(&self, response: &Response) -> CloudError {
        let body = response.json();
        let errors = body.pointer("/errors").and_then(Value::as_array);
        let texts: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
        let mut message = format!("vault answered {}", response.status);
        if !texts.is_empty() {
            message = format!("{message}: {}", texts.join("; "));
        }
        let error = CloudError::new(message);
        match response.status {
            403 if self.token.is_none() => error.hint("there is no token: set `VAULT_TOKEN`"),
            403 => error.hint("the token of `VAULT_TOKEN` or ~/.vault-token may not read this"),
            _ => error,
        }
    }
}

impl SecretStore for Vault {
    /// The values of a secret as a JSON map. A path of the second key-value engine has `data` in it (`secret/data/app`).
    async fn secret(&self, path: &str) -> Result<Secret, CloudError> {
        let what = format!("reading {path} from vault {} failed", self.address);
        let url = below(&self.address, &format!("v1/{}", path.trim_matches('/')))?;
        let response = self.web.send(&self.prepared(Request::get(url))).await;
        let response = response.map_err(|error| error.context(&what))?;
        if response.status == 404 {
            return Err(CloudError::missing(format!(
                "the specified vault secret was not found: {path}"
            )));
        }
        if !response.is_success() {
            return Err(self.failure(&response).context(what));
        }
        let body = response.json();
        let data = body.get("data").filter(|data| !data.is_null());
        // The second engine has the values below `data`, beside what it knows about their version.
        let values = match data {
            Some(data) if data.get("metadata").is_some() => data.get("data"),
            Some(data) if data.get("data").is_some_and(Value::is_object) => data.get("data"),
            other => other,
        };
        match values.filter(|values| !values.is_null()) {
            Some(values) => Ok(Secret::new(values.to_string())),
            None => Err(CloudError::missing(format!(
                "the specified vault secret has no data: {path}"
            ))),
        }
    }
}

impl KeyService for Vault {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, CloudError> {
        let Some((engine, name)) = &self.key else {
            return Err(CloudError::new("no key of the transit engine was named"));
        };
        let path = format!("{engine}/decrypt/{name}");
        let what = format!("unwrapping with vault {} {path} failed", self.address);
        let url = below(&self.address, &format!("v1/{path}"))?;
        let body = json!({"ciphertext": String::from_utf8_lossy(wrapped)});
        let response = self.web.send(&self.prepared(Request::json(url, &body))).await;
        let response = response.map_err(|error| error.context(&what))?;
        if !response.is_success() {
            return Err(self.failure(&response).context(what));
        }
        let answer = response.json();
        let plain = answer.pointer("/data/plaintext").and_then(Value::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).ok());
        plain
            .map(Secret::new)
            .ok_or_else(|| CloudError::new("the answer has no plaintext").context(what))
    }
}
