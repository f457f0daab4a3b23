//! AWS: Secrets Manager and KMS, with the credentials that AWS's command line would find.

mod chain;
mod metadata;
mod profiles;
mod sign;
mod sts;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde_json::{Value, json};

use self::chain::Chain;
pub use self::chain::{AwsProfile, Irsa};
pub use self::sign::AwsCredentials;
use self::sign::{Scope, sign};
use crate::environment::Environment;
use crate::error::CloudError;
use crate::http::{Request, Response, Web, below};
use crate::secret::Secret;
use crate::{KeyService, SecretStore};

/// AWS in a region, as somebody.
#[derive(Clone, Debug)]
pub struct Aws {
    environment: Environment,
    web: Web,
    region: String,
    profile: AwsProfile,
    /// A role to take on with these credentials.
    role: Option<String>,
    /// ARN and encryption context, for a key of KMS.
    key: Option<(String, Vec<(String, String)>)>,
}

impl Aws {
    /// A region, with the credentials that the environment, a profile or a service account give.
    pub fn new(region: &str, profile: &AwsProfile, environment: &Environment, web: &Web) -> Self {
        Self {
            environment: environment.clone(),
            web: web.clone(),
            region: region.to_owned(),
            profile: profile.clone(),
            role: None,
            key: None,
        }
    }

    /// The same as another role.
    #[must_use]
    pub fn with_role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// The same for a key of KMS, with an encryption context.
    #[must_use]
    pub fn with_key(mut self, arn: &str, context: Vec<(String, String)>) -> Self {
        self.key = Some((arn.to_owned(), context));
        self
    }

    /// The region of an ARN (`arn:aws:kms:REGION:…`).
    pub fn region_of(arn: &str) -> Option<&str> {
        let mut parts = arn.split(':');
        (parts.next() == Some("arn")).then_some(())?;
        parts.nth(2).filter(|region| !region.is_empty())
    }

    fn chain(&self) -> Chain<'_> {
        Chain {
            environment: &self.environment,
            web: &self.web,
            region: &self.region,
        }
    }

    /// One signed request of the services that speak JSON.
    async fn call(&self, service: &str, target: &str, body: &Value) -> Result<Response, CloudError> {
        let mut credentials = self.chain().credentials(&self.profile).await?;
        if let Some(role) = &self.role {
            credentials = self
                .chain()
                .assume_role(&credentials, role, "kluctl", None)
                .await?;
        }
        let url: Url = below(&self.chain().endpoint(service, &self.profile), "")?;
        let request =
            Request::post(url, "application/x-amz-json-1.1", body.to_string()).header("x-amz-target", target);
        let scope = Scope {
            service,
            region: &self.region,
        };
        self.web
            .send_signed(&request, |request| Ok(sign(request, &credentials, &scope)))
            .await
    }
}

/// What AWS says is wrong: `ResourceNotFoundException: …`.
fn failure(response: &Response) -> CloudError {
    let body = response.json();
    let xml = response.text();
    // Services answer in JSON, but what stands in front of them may not.
    let part = |names: [&str; 2], tag: &str| {
        let found = names.iter().find_map(|name| body.get(*name)?.as_str());
        found
            .map(str::to_owned)
            .or_else(|| sts::element(&xml, tag))
            .unwrap_or_default()
    };
    let kind = part(["__type", "code"], "Code");
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let message = part(["message", "Message"], "Message");
    let text = format!("the server answered {}: {kind}: {message}", response.status);
    if kind == "ResourceNotFoundException" {
        CloudError::missing(text)
    } else {
        CloudError::new(text)
    }
}

impl SecretStore for Aws {
    async fn secret(&self, name: &str) -> Result<Secret, CloudError> {
        let what = format!("getting secret {name} from AWS secrets manager failed");
        let response = self
            .call(
                "secretsmanager",
                "secretsmanager.GetSecretValue",
                &json!({"SecretId": name}),
            )
            .await
            .map_err(|error| error.context(&what))?;
        if !response.is_success() {
            return Err(failure(&response).context(what));
        }
        let body = response.json();
        if let Some(text) = body.get("SecretString").and_then(Value::as_str) {
            return Ok(Secret::new(text));
        }
        let binary = body
            .get("SecretBinary")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let bytes = STANDARD.decode(binary);
        Ok(Secret::new(bytes.map_err(|error| {
            CloudError::new(format!("SecretBinary is not base64: {error}")).context(what)
        })?))
    }
}

impl KeyService for Aws {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Secret, CloudError> {
        let Some((arn, context)) = &self.key else {
            return Err(CloudError::new("no key of AWS KMS was named"));
        };
        let mut body = json!({"KeyId": arn, "CiphertextBlob": STANDARD.encode(wrapped)});
        if !context.is_empty() {
            let context = context.iter().map(|(name, value)| (name.clone(), json!(value)));
            body["EncryptionContext"] = Value::Object(context.collect());
        }
        let what = format!("unwrapping with {arn} failed");
        let response = self.call("kms", "TrentService.Decrypt", &body).await;
        let response = response.map_err(|error| error.context(&what))?;
        if !response.is_success() {
            return Err(failure(&response).context(what));
        }
        let answer = response.json();
        let plain = answer.get("Plaintext").and_then(Value::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).ok());
        plain
            .map(Secret::new)
            .ok_or_else(|| CloudError::new("the answer has no plaintext").context(what))
    }
}
