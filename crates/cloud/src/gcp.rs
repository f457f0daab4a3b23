//! Google Cloud: Secret Manager and KMS, with application default credentials.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use reqwest::Url;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::error::{CloudError, file};
use crate::http::{Request, Response, Web, below, parse};
use crate::secret::Secret;
use crate::{KeyService, SecretStore};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Google's services, or one key of its KMS.
#[derive(Clone, Debug)]
pub struct Gcp {
    environment: Environment,
    web: Web,
    /// `projects/…/cryptoKeys/…`
    key: Option<String>,
}

/// A token, and the project that pays.
struct Access {
    token: String,
    quota_project: Option<String>,
}

impl Gcp {
    /// With the credentials that `GOOGLE_APPLICATION_CREDENTIALS`, gcloud's folder or the machine's metadata server give.
    pub fn new(environment: &Environment, web: &Web) -> Self {
        Self {
            environment: environment.clone(),
            web: web.clone(),
            key: None,
        }
    }

    /// The same for a key of KMS.
    #[must_use]
    pub fn with_key(mut self, resource_id: &str) -> Self {
        self.key = Some(resource_id.to_owned());
        self
    }

    /// Where a service is; gcloud's variable can name another place.
    fn endpoint(&self, service: &str, location: Option<&str>) -> String {
        let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", service.to_uppercase());
        match (self.environment.get(&name), location) {
            (Some(address), _) => address.to_owned(),
            (None, Some(location)) => format!("https://{service}.{location}.rep.googleapis.com"),
            (None, None) => format!("https://{service}.googleapis.com"),
        }
    }

    async fn authorized(&self, request: Request) -> Result<Response, CloudError> {
        let access = self.access().await?;
        let mut request = request.header("authorization", format!("Bearer {}", access.token));
        if let Some(project) = access.quota_project {
            request = request.header("x-goog-user-project", project);
        }
        self.web.send(&request).await
    }

    async fn access(&self) -> Result<Access, CloudError> {
        let named = self.environment.get("GOOGLE_APPLICATION_CREDENTIALS");
        if let Some(path) = named {
            let text = std::fs::read_to_string(path).map_err(|error| file(path, error))?;
            return self.with_file(path, &text).await;
        }
        let folder = match self.environment.get("CLOUDSDK_CONFIG") {
            Some(folder) => Some(folder.into()),
            None if cfg!(windows) => self
                .environment
                .get("APPDATA")
                .map(|folder| format!("{folder}/gcloud").into()),
            None => self.environment.home().map(|home| home.join(".config/gcloud")),
        };
        let path = folder.map(|folder| folder.join("application_default_credentials.json"));
        if let Some(path) = path
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            return self.with_file(path.as_str(), &text).await;
        }
        self.with_metadata().await
    }

    async fn with_file(&self, path: &str, text: &str) -> Result<Access, CloudError> {
        let value: Value = serde_json::from_str(text).map_err(|error| file(path, error))?;
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        let token = match kind {
            "service_account" => self.with_service_account(&value).await,
            "authorized_user" => self.with_user(&value).await,
            "external_account" => self.with_federation(&value).await,
            other => Err(CloudError::new(format!(
                "credentials of type `{other}` are not supported; service_account, authorized_user and external_account are"
            ))),
        };
        let quota = value.get("quota_project_id").and_then(Value::as_str);
        Ok(Access {
            token: token.map_err(|error| error.context(path))?,
            quota_project: quota.map(str::to_owned),
        })
    }

    /// A JSON web token that the account signs, given in for an access token.
    async fn with_service_account(&self, value: &Value) -> Result<String, CloudError> {
        let address = text(value, "token_uri").unwrap_or("https://oauth2.googleapis.com/token");
        let now = Timestamp::now().as_second();
        let claims = json!({
            "iss": required(value, "client_email")?,
            "scope": SCOPE,
            "aud": address,
            "iat": now,
            "exp": now + 3600,
        });
        let header =
            json!({"alg": "RS256", "typ": "JWT", "kid": text(value, "private_key_id").unwrap_or_default()});
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = sign(required(value, "private_key")?, signed.as_bytes())?;
        let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        self.token(&Request::form(parse(address)?, &fields)).await
    }

    async fn with_user(&self, value: &Value) -> Result<String, CloudError> {
        let address = text(value, "token_uri").unwrap_or("https://oauth2.googleapis.com/token");
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", required(value, "client_id")?),
            ("client_secret", required(value, "client_secret")?),
            ("refresh_token", required(value, "refresh_token")?),
        ];
        self.token(&Request::form(parse(address)?, &fields)).await
    }

    /// A token of somebody else's, from a file or address, given in for one of Google's.
    async fn with_federation(&self, value: &Value) -> Result<String, CloudError> {
        let source = value.get("credential_source").cloned().unwrap_or_default();
        let subject = if let Some(path) = text(&source, "file") {
            std::fs::read_to_string(path).map_err(|error| file(path, error))?
        } else if let Some(url) = text(&source, "url") {
            let mut request = Request::get(parse(url)?);
            let headers = source.get("headers").and_then(Value::as_object);
            if headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("metadata")))
            {
                request = request.header("metadata", "true");
            }
            let response = self.web.send(&request).await?;
            if !response.is_success() {
                return Err(CloudError::new(response.failure(&[])));
            }
            response.text()
        } else {
            return Err(CloudError::new(
                "this `credential_source` is not supported; `file` and `url` are",
            ));
        };
        let field = source
            .pointer("/format/subject_token_field_name")
            .and_then(Value::as_str);
        let subject = match field {
            None => subject.trim().to_owned(),
            Some(field) => {
                let parsed: Value = serde_json::from_str(&subject).unwrap_or_default();
                required(&parsed, field)?.to_owned()
            }
        };
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", required(value, "audience")?),
            ("scope", SCOPE),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", required(value, "subject_token_type")?),
            ("subject_token", subject.as_str()),
        ];
        let token = self
            .token(&Request::form(parse(required(value, "token_url")?)?, &fields))
            .await?;
        let Some(address) = text(value, "service_account_impersonation_url") else {
            return Ok(token);
        };
        let request = Request::json(parse(address)?, &json!({"scope": [SCOPE]}))
            .header("authorization", format!("Bearer {token}"));
        self.token(&request).await
    }

    async fn with_metadata(&self) -> Result<Access, CloudError> {
        let host = self
            .environment
            .get("GCE_METADATA_HOST")
            .unwrap_or("metadata.google.internal");
        let path = "computeMetadata/v1/instance/service-accounts/default/token";
        let url = below(&format!("http://{host}"), path)?;
        let none = || {
            CloudError::new("could not find default credentials of Google Cloud")
                .hint("set `GOOGLE_APPLICATION_CREDENTIALS` or run `gcloud auth application-default login`")
        };
        let request = Request::get(url).header("metadata-flavor", "Google");
        let response = self.web.metadata(&request).await.map_err(|_| none())?;
        let token = response
            .json()
            .get("access_token")
            .and_then(Value::as_str)
            .map(str::to_owned);
        match token.filter(|_| response.is_success()) {
            Some(token) => Ok(Access {
                token,
                quota_project: None,
            }),
            None => Err(none()),
        }
    }

    async fn token(&self, request: &Request) -> Result<String, CloudError> {
        let response = self.web.send(request).await?;
        let body = response.json();
        let found = text(&body, "access_token").or_else(|| text(&body, "accessToken"));
        match found.filter(|_| response.is_success()) {
            Some(token) => Ok(token.to_owned()),
            None => Err(CloudError::new(format!(
                "getting a token failed: {}",
                response.failure(&["/error_description", "/error/message", "/error"])
            ))),
        }
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn required<'v>(value: &'v Value, key: &str) -> Result<&'v str, CloudError> {
    text(value, key).ok_or_else(|| CloudError::new(format!("`{key}` is missing")))
}

/// Signs with an RSA key in PKCS #8.
fn sign(pem: &str, message: &[u8]) -> Result<Vec<u8>, CloudError> {
    let bad = |reason: &str| CloudError::new(format!("the private key of the service account is {reason}"));
    let body: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let der = STANDARD.decode(body).map_err(|_| bad("no PEM"))?;
    let key = RsaKeyPair::from_pkcs8(&der).map_err(|error| bad(&format!("not usable: {error}")))?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &ring::rand::SystemRandom::new(),
        message,
        &mut signature,
    )
    .map_err(|_| bad("too short to sign with"))?;
    Ok(signature)
}

/// What Google's services say is wrong.
fn failure(response: &Response) -> CloudError {
    let text = response.failure(&["/error/message"]);
    match response.status {
        404 => CloudError::missing(format!("secret not found: {text}")),
        _ => CloudError::new(text),
    }
}

impl SecretStore for Gcp {
    async fn secret(&self, name: &str) -> Result<Secret, CloudError> {
        let what = format!("failed to access secret version {name}");
        let mut parts = name.split('/').skip_while(|part| *part != "locations").skip(1);
        let endpoint = self.endpoint("secretmanager", parts.next());
        let url: Url = below(&endpoint, &format!("v1/{name}:access"))?;
        let response = self.authorized(Request::get(url)).await;
        let response = response.map_err(|error| error.context(&what))?;
        if !response.is_success() {
            return Err(failure(&response).context(what));
        }
        let body = response.json();
        let data = body
            .pointer("/payload/data")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let data = STANDARD
            .decode(data)
            .map_err(|error| CloudError::new(error.to_string()).context(what))?;
        Ok(Secret::new(data))
    }
}

impl KeyService for Gcp {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, CloudError> {
        let key = self.key.as_deref().unwrap_or_default();
        let what = format!("unwrapping with {key} failed");
        let url = below(&self.endpoint("cloudkms", None), &format!("v1/{key}:decrypt"))?;
        let body = json!({"ciphertext": STANDARD.encode(wrapped)});
        let response = self.authorized(Request::json(url, &body)).await;
        let response = response.map_err(|error| error.context(&what))?;
        if !response.is_success() {
            return Err(failure(&response).context(what));
        }
        let answer = response.json();
        let plain = answer.get("plaintext").and_then(Value::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).ok());
        plain
            .map(Secret::new)
            .ok_or_else(|| CloudError::new("the answer has no plaintext").context(what))
    }
}
