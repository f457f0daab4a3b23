//! Secrets of the world outside: the vendors' stores, and keys of encrypted files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kluctl_cloud::{
    Aws, AwsProfile, Azure, CloudError, Environment, Gcp, Irsa, KeyService, Patience, Secret, SecretStore,
    Vault, Web,
};
use kluctl_cluster::Cluster;
use kluctl_object::{Gvk, ObjectRef};
use kluctl_project::config::AwsConfig;
use kluctl_project::outside::{CloudSecret, OutsideError, SecretContent, Secrets, Wrapped};
use kluctl_sops::{LocalKeys, MasterKey};
use kluctl_source::Person;
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// Starts the threads that talk to the outside, when they are needed.
pub type Runtime = Arc<dyn Fn() -> Result<Handle, String> + Send + Sync>;

/// Fetches secrets and unwraps keys. Synchronous: it must be called from threads that run no async tasks.
pub struct RemoteSecrets {
    runtime: Runtime,
    environment: Environment,
    local: LocalKeys,
    aws: AwsConfig,
    cluster: Option<Cluster>,
    web: OnceLock<Result<Web, CloudError>>,
    irsa: OnceLock<Option<Irsa>>,
    warnings: Mutex<Vec<String>>,
}

impl RemoteSecrets {
    /// Credentials come from an environment, for AWS also from the target's settings and a service account in the cluster;
    /// `person` is asked for passphrases of keys on this machine.
    pub fn new(
        runtime: Runtime,
        environment: BTreeMap<String, String>,
        aws: AwsConfig,
        cluster: Option<Cluster>,
        person: Arc<dyn Person>,
    ) -> Self {
        let local = LocalKeys::new(environment.clone());
        Self {
            runtime,
            local: local.with_person(Arc::new(move |question| person.secret(question))),
            environment: Environment::new(environment),
            aws,
            cluster,
            web: OnceLock::new(),
            irsa: OnceLock::new(),
            warnings: Mutex::default(),
        }
    }

    fn block<T>(&self, work: impl Future<Output = Result<T, CloudError>>) -> Result<T, CloudError> {
        let handle = (self.runtime)().map_err(CloudError::new)?;
        handle.block_on(work)
    }

    fn web(&self) -> Result<&Web, CloudError> {
        let web = self.web.get_or_init(|| Web::new(Patience::default()));
        web.as_ref().map_err(Clone::clone)
    }

    /// Who to be in AWS: a profile of the source, else of the target, else the role of the target's service account.
    fn profile(&self, of_source: Option<&str>) -> AwsProfile {
        let name = of_source.map(str::to_owned).or_else(|| self.aws.profile.clone());
        let name = name.filter(|name| !name.is_empty());
        if let Some(name) = &name
            && let Some(reason) = AwsProfile::unusable(name, &self.environment)
        {
            self.warn(format!(
                "The AWS profile {name} could not be loaded, reverting to default handling: {reason}"
            ));
        }
        AwsProfile {
            name,
            irsa: self.irsa.get_or_init(|| self.service_account()).clone(),
        }
    }

    /// The role of the target's service account, with a fresh token; what goes wrong is a warning.
    fn service_account(&self) -> Option<Irsa> {
        let account = self.aws.service_account.as_ref()?;
        let cluster = self.cluster.as_ref()?;
        let (namespace, name) = (account.namespace.as_str(), account.name.as_str());
        let asked = async {
            let reference = ObjectRef::new(&Gvk::new("", "v1", "ServiceAccount"), Some(namespace), name);
            let failed = |error: kluctl_cluster::ApiError| CloudError::new(error.to_string());
            let object = cluster.get(&reference).await.map_err(failed)?.value;
            let object = object.ok_or_else(|| CloudError::new(format!("{reference} not found")))?;
            let Some(role) = object.annotation("eks.amazonaws.com/role-arn") else {
                return Ok(None);
            };
            let body = json!({
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600},
            });
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
            let answer = cluster.post(&path, &body).await.map_err(failed)?;
            let token = answer.value.pointer("/status/token").and_then(Value::as_str);
            let token = token.ok_or_else(|| CloudError::new("the server gave no token"))?;
            Ok(Some(Irsa {
                role: role.to_owned(),
                token: token.to_owned(),
            }))
        };
        self.block(asked).unwrap_or_else(|error| {
            self.warn(format!(
                "IRSA credentials could not be generated from the service account {namespace}/{name}: {error}"
            ));
            None
        })
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn content(&self, secret: &CloudSecret<'_>) -> Result<Secret, CloudError> {
        let web = self.web()?;
        match secret {
            CloudSecret::Aws(secret) => {
                let region = secret
                    .region
                    .as_deref()
                    .or_else(|| Aws::region_of(&secret.secret_name));
                let region = region.ok_or_else(|| {
                    CloudError::new("when omitting the AWS region, the secret name must be a valid ARN")
                })?;
                let profile = self.profile(secret.profile.as_deref());
                let aws = Aws::new(region, &profile, &self.environment, web);
                self.block(aws.secret(&secret.secret_name))
            }
            CloudSecret::Gcp(secret) => {
                self.block(Gcp::new(&self.environment, web).secret(&secret.secret_name))
            }
            CloudSecret::Vault(secret) => {
                let vault = Vault::new(&secret.address, &self.environment, web)?;
                self.block(vault.secret(&secret.path))
            }
            CloudSecret::Azure(secret) => {
                let vault = Azure::new(&secret.vault_uri, &self.environment, web);
                self.block(vault.secret(&secret.secret_name))
            }
        }
    }

    fn unwrap_in_cloud(&self, wrapped: &Wrapped) -> Result<Secret, CloudError> {
        let web = self.web()?;
        let decoded = |decoded: Result<Vec<u8>, base64::DecodeError>| {
            decoded.map_err(|error| CloudError::new(format!("the wrapped key is not base64: {error}")))
        };
        match &wrapped.key {
            MasterKey::AwsKms {
                arn,
                role,
                context,
                profile,
            } => {
                let region = Aws::region_of(arn)
                    .ok_or_else(|| CloudError::new(format!("no valid ARN found in '{arn}'")))?;
                let context = context.clone().into_iter().collect();
                let profile = self.profile(profile.as_deref());
                let mut aws = Aws::new(region, &profile, &self.environment, web).with_key(arn, context);
                if let Some(role) = role {
                    aws = aws.with_role(role);
                }
                self.block(aws.unwrap(&decoded(STANDARD.decode(&wrapped.data))?))
            }
            MasterKey::GcpKms { resource_id } => {
                let gcp = Gcp::new(&self.environment, web).with_key(resource_id);
                self.block(gcp.unwrap(&decoded(STANDARD.decode(&wrapped.data))?))
            }
            MasterKey::AzureKeyVault {
                vault_url,
                name,
                version,
            } => {
                let azure = Azure::new(vault_url, &self.environment, web).with_key(name, version);
                self.block(azure.unwrap(&decoded(URL_SAFE_NO_PAD.decode(&wrapped.data))?))
            }
            MasterKey::VaultTransit {
                address,
                engine,
                name,
            } => {
                let vault = Vault::new(address, &self.environment, web)?.with_key(engine, name);
                self.block(vault.unwrap(wrapped.data.as_bytes()))
            }
            MasterKey::Age { .. } | MasterKey::Pgp { .. } | MasterKey::Other { .. } => {
                Err(CloudError::new("keys of this kind are not supported"))
            }
        }
    }
}

fn outside(error: &CloudError) -> OutsideError {
    OutsideError {
        message: error.to_string(),
        missing: error.is_missing(),
        hint: error.advice().map(str::to_owned),
        status: None,
    }
}

impl Secrets for RemoteSecrets {
    fn secret(&self, secret: &CloudSecret<'_>) -> Result<SecretContent, OutsideError> {
        let content = self.content(secret).map_err(|error| outside(&error))?;
        let text = String::from_utf8(content.into_bytes())
            .map_err(|_| OutsideError::new(format!("the secret of {} is not text", secret.source_name())))?;
        Ok(SecretContent::Text(text))
    }

    fn unwrap_key(&self, wrapped: &Wrapped) -> Result<Vec<u8>, OutsideError> {
        if wrapped.key.is_local() {
            return kluctl_sops::KeyService::unwrap(&self.local, wrapped).map_err(|error| OutsideError {
                hint: error.advice().map(str::to_owned),
                ..OutsideError::new(error.to_string())
            });
        }
        let key = self.unwrap_in_cloud(wrapped);
        key.map(Secret::into_bytes).map_err(|error| outside(&error))
    }

    fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
