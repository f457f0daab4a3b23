//! Takes on roles: requests to the security token service.

use crate::aws::chain::Chain;
use crate::aws::sign::{AwsCredentials, Scope, sign};
use crate::error::CloudError;
use crate::http::{Request, Response, below};

const VERSION: &str = "2011-06-15";

impl Chain<'_> {
    /// A role, taken on with other credentials.
    pub(super) async fn assume_role(
        &self,
        credentials: &AwsCredentials,
        role: &str,
        session: &str,
        external_id: Option<&str>,
    ) -> Result<AwsCredentials, CloudError> {
        let mut fields = vec![
            ("Action", "AssumeRole"),
            ("Version", VERSION),
            ("RoleArn", role),
            ("RoleSessionName", session),
        ];
        fields.extend(external_id.map(|id| ("ExternalId", id)));
        let request = Request::form(self.sts()?, &fields);
        let scope = Scope {
            service: "sts",
            region: self.region,
        };
        let response = self
            .web
            .send_signed(&request, |request| Ok(sign(request, credentials, &scope)))
            .await;
        answer(response).map_err(|error| error.context(format!("failed to assume role {role}")))
    }

    /// A role, taken on with a token of a cluster or another identity provider. Such requests are not signed.
    pub(super) async fn assume_role_with_token(
        &self,
        token: &str,
        role: &str,
        session: &str,
    ) -> Result<AwsCredentials, CloudError> {
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", VERSION),
            ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", token),
        ];
        let response = self.web.send(&Request::form(self.sts()?, &fields)).await;
        answer(response).map_err(|error| error.context(format!("failed to assume role {role} with a token")))
    }

    fn sts(&self) -> Result<reqwest::Url, CloudError> {
        below(&self.endpoint_of("sts"), "")
    }
}

fn answer(response: Result<Response, CloudError>) -> Result<AwsCredentials, CloudError> {
    let response = response?;
    let text = response.text();
    if !response.is_success() {
        let part = |name| element(&text, name).unwrap_or_default();
        return Err(CloudError::new(format!(
            "the server answered {}: {}: {}",
            response.status,
            part("Code"),
            part("Message")
        )));
    }
    let part = |name: &str| {
        element(&text, name).ok_or_else(|| CloudError::new(format!("the answer has no `{name}`")))
    };
    Ok(AwsCredentials {
        access_key: part("AccessKeyId")?,
        secret_key: part("SecretAccessKey")?,
        session_token: element(&text, "SessionToken"),
    })
}

/// The text of the first element of a name in the service's XML.
pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.trim().replace("&lt;", "<").replace("&gt;", ">");
    Some(
        text.replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    )
}
