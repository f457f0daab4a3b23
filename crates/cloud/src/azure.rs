//! Azure Key Vault: secrets and keys, with the credentials of Azure's libraries (but for its command line).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::error::{CloudError, file};
use crate::http::{Request, Response, Web, below, parse};
use crate::secret::Secret;
use crate::{KeyService, SecretStore};

const API_VERSION: &str = "7.4";

/// A vault, or one key of it.
#[derive(Clone, Debug)]
pub struct Azure {
    vault: String,
    environment: Environment,
    web: Web,
    /// Name and version.
    key: Option<(String, String)>,
}

impl Azure {
    /// A vault by its address (`https://NAME.vault.azure.net`).
    pub fn new(vault: &str, environment: &Environment, web: &Web) -> Self {
        Self {
            vault: vault.to_owned(),
            environment: environment.clone(),
            web: web.clone(),
            key: None,
        }
    }

    /// The same for a key of it.
    #[must_use]
    pub fn with_key(mut self, name: &str, version: &str) -> Self {
        self.key = Some((name.to_owned(), version.to_owned()));
        self
    }

    /// Asks without a token first, since the vault says where to get one.
    async fn ask(&self, request: &Request) -> Result<Response, CloudError> {
        let empty = Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: vec![("content-length", "0".to_owned())],
            body: Vec::new(),
        };
        let response = self.web.send(&empty).await?;
        if response.status != 401 {
            return Ok(response);
        }
        let challenge = response.header("www-authenticate").unwrap_or_default();
        let challenge = Challenge::of(challenge, &request.url)?;
        let token = self.token(&challenge).await?;
        let mut headers = request.headers.clone();
        headers.push(("authorization", format!("Bearer {token}")));
        let authorized = Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers,
            body: request.body.clone(),
        };
        self.web.send(&authorized).await
    }

    /// The first kind of credentials that the environment has.
    ///
    /// Source: azidentity's `DefaultAzureCredential`.
    async fn token(&self, challenge: &Challenge) -> Result<String, CloudError> {
        let variable = |name: &str| self.environment.get(name);
        let client = variable("AZURE_CLIENT_ID");
        let tenant = variable("AZURE_TENANT_ID").or(challenge.tenant.as_deref());
        if let (Some(client), Some(tenant)) = (client, tenant) {
            if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
                let fields = [("client_id", client), ("client_secret", secret)];
                return self.login(tenant, challenge, &fields).await;
            }
            if let Some(path) = variable("AZURE_FEDERATED_TOKEN_FILE") {
                let assertion = std::fs::read_to_string(path).map_err(|error| file(path, error))?;
                let fields = [
                    ("client_id", client),
                    (
                        "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    ),
                    ("client_assertion", assertion.trim()),
                ];
                return self.login(tenant, challenge, &fields).await;
            }
            if variable("AZURE_CLIENT_CERTIFICATE_PATH").is_some() {
                return Err(
                    CloudError::new("logging in to Azure with a certificate is not supported")
                        .hint("use `AZURE_CLIENT_SECRET` or `AZURE_FEDERATED_TOKEN_FILE`"),
                );
            }
        }
        self.managed_identity(challenge, client).await
    }

    async fn login(
        &self,
        tenant: &str,
        challenge: &Challenge,
        fields: &[(&str, &str)],
    ) -> Result<String, CloudError> {
        let host = self.environment.get("AZURE_AUTHORITY_HOST");
        let url = below(
            host.unwrap_or(&challenge.authority),
            &format!("{tenant}/oauth2/v2.0/token"),
        )?;
        let mut all = vec![
            ("grant_type", "client_credentials"),
            ("scope", challenge.scope.as_str()),
        ];
        all.extend_from_slice(fields);
        let response = self.web.send(&Request::form(url, &all)).await?;
        access_token(&response)
    }

    /// The identity of an application or machine.
    async fn managed_identity(
        &self,
        challenge: &Challenge,
        client: Option<&str>,
    ) -> Result<String, CloudError> {
        let none = || {
            CloudError::new("no credentials for Azure were found").hint(
                "set `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, or use workload identity",
            )
        };
        let resource = challenge.scope.trim_end_matches("/.default");
        let service = self.environment.get("IDENTITY_ENDPOINT");
        let host = self.environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST");
        let mut url = match service {
            Some(address) => parse(address)?,
            None => below(
                host.unwrap_or("http://169.254.169.254"),
                "metadata/identity/oauth2/token",
            )?,
        };
        let version = if service.is_some() {
            "2019-08-01"
        } else {
            "2018-02-01"
        };
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if let Some(client) = client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let mut request = Request::get(url);
        request = match self.environment.get("IDENTITY_HEADER") {
            Some(header) => request.header("x-identity-header", header),
            None => request.header("metadata", "true"),
        };
        let response = self.web.metadata(&request).await.map_err(|_| none())?;
        access_token(&response)
    }
}

/// Where a vault wants its tokens from.
struct Challenge {
    /// `https://login.microsoftonline.com`
    authority: String,
    tenant: Option<String>,
    scope: String,
}

impl Challenge {
    /// Reads `Bearer authorization="https://login…/TENANT", resource="https://vault.azure.net"`.
    ///
    /// The resource must be the vault's own domain, so that no other server is sent a token for the vault.
    fn of(header: &str, vault: &Url) -> Result<Self, CloudError> {
        let part = |name: &str| {
            let (_, rest) = header.split_once(&format!("{name}=\""))?;
            rest.split('"').next().map(str::to_owned)
        };
        let login = part("authorization").or_else(|| part("authorization_uri"));
        let scope = part("scope").or_else(|| part("resource").map(|resource| format!("{resource}/.default")));
        let (Some(login), Some(scope)) = (login, scope) else {
            return Err(CloudError::new("the vault does not say where to log in"));
        };
        let login = parse(&login)?;
        let resource = parse(&scope)?;
        let (wanted, own) = (
            resource.host_str().unwrap_or_default(),
            vault.host_str().unwrap_or_default(),
        );
        if own != wanted && !own.ends_with(&format!(".{wanted}")) {
            return Err(CloudError::new(format!(
                "the vault {own} asks for a token of {wanted}, which is not its domain"
            )));
        }
        let tenant = login.path().trim_matches('/').to_owned();
        let mut authority = login;
        authority.set_path("");
        Ok(Self {
            authority: authority.to_string(),
            tenant: Some(tenant).filter(|tenant| !tenant.is_empty()),
            scope,
        })
    }
}

fn access_token(response: &Response) -> Result<String, CloudError> {
    let body = response.json();
    let token = body.get("access_token").and_then(Value::as_str);
    match token.filter(|_| response.is_success()) {
        Some(token) => Ok(token.to_owned()),
        None => Err(CloudError::new(format!(
            "logging in to Azure failed: {}",
            response.failure(&["/error_description", "/error"])
        ))),
    }
}

impl SecretStore for Azure {
    /// The newest version of a secret, or the one after a slash in its name.
    async fn secret(&self, name: &str) -> Result<Secret, CloudError> {
        let what = format!("failed to get the secret {name} of {}", self.vault);
        let mut url = below(&self.vault, &format!("secrets/{name}"))?;
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        let response = self.ask(&Request::get(url)).await;
        let response = response.map_err(|error| error.context(&what))?;
        let body = response.json();
        match (response.status, body.get("value").and_then(Value::as_str)) {
            (404, _) => Err(CloudError::missing(format!(
                "{what}: the specified azure-key-vault secret was not found"
            ))),
            (200, Some(value)) => Ok(Secret::new(value)),
            _ => Err(CloudError::new(format!(
                "{what}: {}",
                response.failure(&["/error/message"])
            ))),
        }
    }
}

impl KeyService for Azure {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, CloudError> {
        let (name, version) = self.key.clone().unwrap_or_default();
        let what = format!("unwrapping with {}/keys/{name}/{version} failed", self.vault);
        let mut url = below(&self.vault, &format!("keys/{name}/{version}/decrypt"))?;
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        let body = json!({"alg": "RSA-OAEP-256", "value": URL_SAFE_NO_PAD.encode(wrapped)});
        let response = self.ask(&Request::json(url, &body)).await;
        let response = response.map_err(|error| error.context(&what))?;
        let answer = response.json();
        let plain = answer.get("value").and_then(Value::as_str);
        let plain = plain.and_then(|plain| URL_SAFE_NO_PAD.decode(plain.trim_end_matches('=')).ok());
        match plain.filter(|_| response.is_success()) {
            Some(plain) => Ok(Secret::new(plain)),
            None => Err(CloudError::new(format!(
                "{what}: {}",
                response.failure(&["/error/message"])
            ))),
        }
    }
}
