//! Finds credentials: the environment, profiles, service accounts, containers, machines.
//!
//! Source: aws-sdk-go-v2 `config/resolve_credentials.go`; upstream's order of profile and service account.

use std::process::Command;

use serde_json::Value;

use super::metadata::credentials;
use super::profiles::{Profile, Profiles};
use super::sign::AwsCredentials;
use crate::environment::Environment;
use crate::error::{CloudError, file};
use crate::http::Web;

/// Who a project wants to be, where the environment does not say.
#[derive(Clone, Debug, Default)]
pub struct AwsProfile {
    /// A profile; one that does not exist is passed over.
    pub name: Option<String>,
    /// A role through a service account of the cluster, where there is no such profile.
    pub irsa: Option<Irsa>,
}

impl AwsProfile {
    /// Why a profile cannot be used; `None` when it can.
    pub fn unusable(name: &str, environment: &Environment) -> Option<String> {
        match Profiles::load(environment) {
            Ok(profiles) if profiles.get(name).is_some() => None,
            Ok(_) => Some(format!("failed to get shared config profile, {name}")),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// A role, and the token of a service account that may take it on.
#[derive(Clone, PartialEq, Eq)]
pub struct Irsa {
    /// ARN of the role.
    pub role: String,
    /// The token, for the audience `sts.amazonaws.com`.
    pub token: String,
}

impl std::fmt::Debug for Irsa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Irsa")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What credentials are found with.
pub(super) struct Chain<'c> {
    pub(super) environment: &'c Environment,
    pub(super) web: &'c Web,
    pub(super) region: &'c str,
}

/// How many profiles may lead to each other.
const DEEPEST: usize = 8;

impl Chain<'_> {
    /// The credentials of the first source that has any.
    pub(super) async fn credentials(&self, wanted: &AwsProfile) -> Result<AwsCredentials, CloudError> {
        let profiles = Profiles::load(self.environment)?;
        if let Some(name) = self.profile_of_environment()
            && profiles.get(name).is_some()
            && self.keys_of_environment().is_none()
            && self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_none()
        {
            return self.of_profile(&profiles, name).await;
        }
        if let Some(credentials) = self.keys_of_environment() {
            return Ok(credentials);
        }
        if let Some(path) = self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let role = self.environment.get("AWS_ROLE_ARN").ok_or_else(|| {
                CloudError::new("`AWS_WEB_IDENTITY_TOKEN_FILE` is set, but `AWS_ROLE_ARN` is not")
            })?;
            let session = self.environment.get("AWS_ROLE_SESSION_NAME");
            return self.with_token_file(path, role, session).await;
        }
        if let Some(name) = wanted.name.as_deref().filter(|name| profiles.get(name).is_some()) {
            return self.of_profile(&profiles, name).await;
        }
        if let Some(irsa) = &wanted.irsa {
            return self
                .assume_role_with_token(&irsa.token, &irsa.role, "kluctl")
                .await;
        }
        if profiles.get("default").is_some_and(has_credentials) {
            return self.of_profile(&profiles, "default").await;
        }
        self.of_surroundings().await
    }

    fn profile_of_environment(&self) -> Option<&str> {
        self.environment
            .get("AWS_PROFILE")
            .or_else(|| self.environment.get("AWS_DEFAULT_PROFILE"))
    }

    fn keys_of_environment(&self) -> Option<AwsCredentials> {
        let first = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| self.environment.get(name))
                .map(str::to_owned)
        };
        Some(AwsCredentials {
            access_key: first(["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"])?,
            secret_key: first(["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"])?,
            session_token: self.environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
        })
    }

    async fn with_token_file(
        &self,
        path: &str,
        role: &str,
        session: Option<&str>,
    ) -> Result<AwsCredentials, CloudError> {
        let token = std::fs::read_to_string(path).map_err(|error| file(path, error))?;
        self.assume_role_with_token(token.trim(), role, session.unwrap_or("kluctl"))
            .await
    }

    async fn of_surroundings(&self) -> Result<AwsCredentials, CloudError> {
        if let Some(credentials) = self.with_container().await? {
            return Ok(credentials);
        }
        if let Some(credentials) = self.with_machine().await? {
            return Ok(credentials);
        }
        Err(CloudError::new("no AWS credentials were found").hint(
            "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`, or a profile or service account in the \
             project's `aws`",
        ))
    }

    /// The credentials of a profile: of its own, or of a role that it takes on with those of others.
    async fn of_profile(&self, profiles: &Profiles, name: &str) -> Result<AwsCredentials, CloudError> {
        let mut roles = Vec::new();
        let mut current = name.to_owned();
        let mut credentials = loop {
            let profile = profiles.get(&current).ok_or_else(|| {
                CloudError::new(format!(
                    "the AWS profile {current}, which {name} leads to, does not exist"
                ))
            })?;
            let get = |key: &str| {
                profile
                    .get(key)
                    .map(String::as_str)
                    .filter(|value| !value.is_empty())
            };
            let Some(role) = get("role_arn") else {
                break self.of_plain_profile(&current, profile).await?;
            };
            let session = get("role_session_name").unwrap_or("kluctl");
            if let Some(path) = get("web_identity_token_file") {
                break self.with_token_file(path, role, Some(session)).await?;
            }
            roles.push((
                role.to_owned(),
                session.to_owned(),
                get("external_id").map(str::to_owned),
            ));
            match (get("source_profile"), get("credential_source")) {
                // A profile may name itself: its own keys then.
                (Some(source), _) if source == current => {
                    break self.of_plain_profile(&current, profile).await?;
                }
                (Some(source), _) => current = source.to_owned(),
                (None, Some(source)) => break self.of_source(source).await?,
                (None, None) => {
                    return Err(CloudError::new(format!(
                        "the AWS profile {current} has a `role_arn`, but neither `source_profile` nor `credential_source`"
                    )));
                }
            }
            if roles.len() > DEEPEST {
                return Err(CloudError::new(format!("the AWS profile {name} leads to itself")));
            }
        };
        for (role, session, external_id) in roles.iter().rev() {
            credentials = self
                .assume_role(&credentials, role, session, external_id.as_deref())
                .await?;
        }
        Ok(credentials)
    }

    async fn of_source(&self, source: &str) -> Result<AwsCredentials, CloudError> {
        let found = match source {
            "Environment" => self.keys_of_environment(),
            "EcsContainer" => self.with_container().await?,
            "Ec2InstanceMetadata" => self.with_machine().await?,
            other => {
                return Err(CloudError::new(format!(
                    "`credential_source` is `{other}`, expected Environment, EcsContainer or Ec2InstanceMetadata"
                )));
            }
        };
        found.ok_or_else(|| CloudError::new(format!("the `credential_source` {source} has no credentials")))
    }

    async fn of_plain_profile(&self, name: &str, profile: &Profile) -> Result<AwsCredentials, CloudError> {
        let get = |key: &str| profile.get(key).cloned().filter(|value| !value.is_empty());
        if let (Some(access_key), Some(secret_key)) = (get("aws_access_key_id"), get("aws_secret_access_key"))
        {
            return Ok(AwsCredentials {
                access_key,
                secret_key,
                session_token: get("aws_session_token"),
            });
        }
        if get("sso_start_url").is_some() || get("sso_session").is_some() {
            return Err(CloudError::new(format!("the AWS profile {name} logs in by SSO, which is not supported"))
                .hint("`eval $(aws configure export-credentials --profile … --format env)` puts its credentials into the environment"));
        }
        if let Some(command) = get("credential_process") {
            return from_process(&command).map_err(|error| error.context(format!("the AWS profile {name}")));
        }
        self.of_surroundings().await
    }

    /// Where a service is; variables and the profile can name another place.
    pub(super) fn endpoint(&self, service: &str, wanted: &AwsProfile) -> String {
        if self.environment.get("AWS_ENDPOINT_URL").is_none()
            && self.environment.get(endpoint_variable(service)).is_none()
            && let Ok(profiles) = Profiles::load(self.environment)
        {
            let name = self.profile_of_environment().or(wanted.name.as_deref());
            let profile = profiles.get(name.unwrap_or("default"));
            if let Some(address) = profile.and_then(|profile| profile.get("endpoint_url")) {
                return address.clone();
            }
        }
        self.endpoint_of(service)
    }

    pub(super) fn endpoint_of(&self, service: &str) -> String {
        let named = self.environment.get(endpoint_variable(service));
        if let Some(address) = named.or_else(|| self.environment.get("AWS_ENDPOINT_URL")) {
            return address.to_owned();
        }
        let domain = if self.region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        match self.region {
            "" | "aws-global" => format!("https://{service}.{domain}"),
            region => format!("https://{service}.{region}.{domain}"),
        }
    }
}

fn endpoint_variable(service: &str) -> &'static str {
    match service {
        "secretsmanager" => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "kms" => "AWS_ENDPOINT_URL_KMS",
        _ => "AWS_ENDPOINT_URL_STS",
    }
}

/// Whether a profile says anything about credentials.
fn has_credentials(profile: &Profile) -> bool {
    let keys = [
        "aws_access_key_id",
        "role_arn",
        "credential_process",
        "sso_start_url",
        "sso_session",
    ];
    keys.iter().any(|key| profile.contains_key(*key))
}

/// What a program prints as JSON.
fn from_process(command: &str) -> Result<AwsCredentials, CloudError> {
    let failed = |text: String| CloudError::new(format!("its `credential_process` failed: {text}"));
    let mut shell = if cfg!(windows) {
        let mut shell = Command::new("cmd.exe");
        shell.arg("/C");
        shell
    } else {
        let mut shell = Command::new("sh");
        shell.arg("-c");
        shell
    };
    let output = shell
        .arg(command)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let value: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    credentials(&value, "SessionToken").map_err(|error| failed(error.to_string()))
}
