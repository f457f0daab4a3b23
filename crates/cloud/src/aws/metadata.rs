//! The credentials of containers and machines.

use serde_json::Value;

use crate::aws::chain::Chain;
use crate::aws::sign::AwsCredentials;
use crate::error::{CloudError, file};
use crate::http::{Request, below, parse};

impl Chain<'_> {
    /// What the address in the environment of a container gives; `None` when there is no such address.
    pub(super) async fn with_container(&self) -> Result<Option<AwsCredentials>, CloudError> {
        let variable = |name| self.environment.get(name);
        let url = if let Some(path) = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            below("http://169.254.170.2", path)?
        } else if let Some(address) = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            parse(address)?
        } else {
            return Ok(None);
        };
        let mut request = Request::get(url);
        if let Some(path) = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            let token = std::fs::read_to_string(path).map_err(|error| file(path, error))?;
            request = request.header("authorization", token.trim());
        } else if let Some(token) = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            request = request.header("authorization", token);
        }
        let response = self.web.metadata(&request).await?;
        if !response.is_success() {
            let text = response.failure(&["/message"]);
            return Err(CloudError::new(format!(
                "getting the credentials of the container failed: {text}"
            )));
        }
        credentials(&response.json(), "Token").map(Some)
    }

    /// What the metadata server of a machine gives; `None` when there is none.
    pub(super) async fn with_machine(&self) -> Result<Option<AwsCredentials>, CloudError> {
        if self.environment.is_true("AWS_EC2_METADATA_DISABLED") {
            return Ok(None);
        }
        let address = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let address = address.unwrap_or("http://169.254.169.254");
        let mut request = Request::get(below(address, "latest/api/token")?)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
        request.method = reqwest::Method::PUT;
        let Ok(token) = self.web.metadata(&request).await else {
            return Ok(None);
        };
        let ask = |path: String| {
            let token = token.text();
            async move {
                let url = below(
                    address,
                    &format!("latest/meta-data/iam/security-credentials/{path}"),
                )?;
                let request = Request::get(url).header("x-aws-ec2-metadata-token", token);
                self.web.metadata(&request).await
            }
        };
        let role = ask(String::new()).await?;
        if !role.is_success() {
            return Ok(None);
        }
        let role = role.text().lines().next().unwrap_or_default().to_owned();
        credentials(&ask(role).await?.json(), "Token").map(Some)
    }
}

/// Credentials as these servers, and programs that print credentials, write them.
pub(super) fn credentials(value: &Value, token: &str) -> Result<AwsCredentials, CloudError> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let required = |name: &str| text(name).ok_or_else(|| CloudError::new(format!("`{name}` is missing")));
    Ok(AwsCredentials {
        access_key: required("AccessKeyId")?,
        secret_key: required("SecretAccessKey")?,
        session_token: text(token),
    })
}
