//! What a project needs of the world outside its folder, as traits that somebody else implements.
//!
//! The project itself is synchronous and talks to nothing: variables in the cluster, Helm's lookups and the scope of
//! kinds come through a [`ClusterReader`], other people's files through [`Sources`]. Everything that is asked of them may be
//! asked from several threads at once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_object::{GroupKind, Object};
pub use kluctl_sops::Wrapped;
use serde_json::Value;

use crate::config::{AwsSecret, AzureSecret, GcpSecret, GitRef, GitSource, OciRef, VaultSecret};

/// Files by their path.
pub type Files = BTreeMap<Utf8PathBuf, Bytes>;

/// Why the world outside could not give what was asked for; `Display` says it all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideError {
    /// What went wrong.
    pub message: String,
    /// Whether it is just not there, which `ignoreMissing` forgives.
    pub missing: bool,
    /// What to do about it.
    pub hint: Option<String>,
    /// What a web server answered, such as `404 Not Found`.
    pub status: Option<String>,
}

impl OutsideError {
    /// Something went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            missing: false,
            hint: None,
            status: None,
        }
    }

    /// It is not there.
    pub fn missing(message: impl Into<String>) -> Self {
        Self {
            missing: true,
            ..Self::new(message)
        }
    }
}

impl fmt::Display for OutsideError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OutsideError {}

/// A kind, as precisely as a person gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindQuery {
    /// API group; any when missing.
    pub group: Option<String>,
    /// Version; the server's preferred one when missing.
    pub version: Option<String>,
    /// Kind.
    pub kind: String,
}

impl fmt::Display for KindQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(group) = self.group.as_deref().filter(|group| !group.is_empty()) {
            write!(f, ".{group}")?;
        }
        Ok(())
    }
}

/// Reads a cluster. Nothing is ever written through it.
pub trait ClusterReader: Send + Sync {
    /// One object; `None` when it does not exist.
    fn get(
        &self,
        kind: &KindQuery,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, OutsideError>;

    /// All objects of a kind that have all these labels; of all namespaces when none is given.
    fn list(
        &self,
        kind: &KindQuery,
        namespace: Option<&str>,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<Object>, OutsideError>;

    /// The server's version, `v1.33.0`.
    fn kube_version(&self) -> Result<String, OutsideError>;

    /// What Helm calls API versions: `v1`, `apps/v1`, `apps/v1/Deployment`.
    fn api_versions(&self) -> Result<Vec<String>, OutsideError>;

    /// Whether a kind lives in namespaces; `None` when the server does not know it.
    fn namespaced(&self, kind: &GroupKind) -> Option<bool>;
}

/// A state of a git repository.
#[derive(Clone, Debug)]
pub struct GitTree {
    /// All its files.
    pub files: Arc<Files>,
    /// The commit.
    pub commit: String,
    /// The commits of its submodules, by their folder; their files are not among the files.
    pub submodules: BTreeMap<Utf8PathBuf, String>,
}

/// A chart that is pulled when it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartRequest<'r> {
    /// URL of the Helm repository, or of the chart in a registry.
    pub repo: &'r str,
    /// Name in a Helm repository; empty for a registry.
    pub name: &'r str,
    /// Version.
    pub version: &'r str,
}

/// A request of the variables source `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest<'r> {
    /// URL.
    pub url: &'r str,
    /// Method.
    pub method: &'r str,
    /// Body, empty when there is none.
    pub body: &'r str,
    /// Headers.
    pub headers: &'r BTreeMap<String, String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The body.
    pub body: String,
    /// Whether credentials were needed, which makes the values sensitive.
    pub authenticated: bool,
}

/// A secret of one of the vendors.
#[derive(Clone, Copy, Debug)]
pub enum CloudSecret<'r> {
    /// AWS Secrets Manager.
    Aws(&'r AwsSecret),
    /// Google Secret Manager.
    Gcp(&'r GcpSecret),
    /// HashiCorp Vault.
    Vault(&'r VaultSecret),
    /// Azure Key Vault.
    Azure(&'r AzureSecret),
}

impl CloudSecret<'_> {
    /// The name of the variables source.
    pub fn source_name(&self) -> &'static str {
        match self {
            Self::Aws(_) => "awsSecretsManager",
            Self::Gcp(_) => "gcpSecretManager",
            Self::Vault(_) => "vault",
            Self::Azure(_) => "azureKeyVault",
        }
    }
}

/// What a secret holds.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretContent {
    /// Text, which is YAML.
    Text(String),
    /// A tree already.
    Tree(Value),
}

/// Brings files and values from elsewhere. Whoever cannot bring one kind leaves its function alone: the default
/// refuses it by name.
pub trait Sources: Send + Sync {
    /// The files of a git repository at a ref, or at the remote's HEAD.
    fn git(&self, url: &str, reference: Option<&GitRef>) -> Result<GitTree, OutsideError> {
        let _ = reference;
        Err(OutsideError::new(format!(
            "git repositories cannot be fetched here: {url}"
        )))
    }

    /// All branches and tags of a git repository by their full name (`refs/heads/main`).
    fn git_refs(&self, url: &str) -> Result<Vec<String>, OutsideError> {
        Err(OutsideError::new(format!(
            "git repositories cannot be fetched here: {url}"
        )))
    }

    /// The branch by its full name that the remote's HEAD names; `None` where nobody knows.
    fn git_head(&self, url: &str) -> Result<Option<String>, OutsideError> {
        let _ = url;
        Ok(None)
    }

    /// The files of an OCI artifact.
    fn oci(&self, url: &str, reference: Option<&OciRef>) -> Result<Arc<Files>, OutsideError> {
        let _ = reference;
        Err(OutsideError::new(format!(
            "OCI artifacts cannot be fetched here: {url}"
        )))
    }

    /// The files of a chart, without the folder that archives put around them.
    fn helm_chart(&self, chart: &ChartRequest<'_>) -> Result<Arc<Files>, OutsideError> {
        Err(OutsideError::new(format!(
            "Helm charts cannot be fetched here: {}",
            chart.repo
        )))
    }

    /// The files of a chart in a git repository, below its `subDir`.
    fn git_chart(&self, source: &GitSource) -> Result<Arc<Files>, OutsideError> {
        let tree = self.git(&source.url, source.reference.as_ref())?;
        let folder = Utf8PathBuf::from(source.sub_dir.trim_matches('/'));
        let files = tree.files.iter().filter_map(|(path, bytes)| {
            let below = path.strip_prefix(&folder).ok()?;
            Some((below.to_owned(), bytes.clone()))
        });
        Ok(Arc::new(files.collect()))
    }

    /// Answers a request of the variables source `http`.
    fn http(&self, request: &HttpRequest<'_>) -> Result<HttpResponse, OutsideError> {
        Err(OutsideError::new(format!(
            "http variables cannot be fetched here: {}",
            request.url
        )))
    }

    /// Shows what a template's `debug_print` prints.
    fn debug_print(&self, _message: &str) {}

    /// The commit that last changed a file on disk, for `load_latest_git_commit`; `None` when no commit has it.
    fn latest_commit(&self, path: &Utf8Path) -> Result<Option<String>, OutsideError> {
        Err(OutsideError::new(format!(
            "the history of git repositories cannot be read here: {path}"
        )))
    }

    /// The same in another repository, from one of its commits back.
    fn latest_commit_in(
        &self,
        url: &str,
        commit: &str,
        path: &Utf8Path,
    ) -> Result<Option<String>, OutsideError> {
        Err(OutsideError::new(format!(
            "the history of {url} before {commit} cannot be read here: {path}"
        )))
    }
}

/// Gives secrets, and the keys of encrypted files. The defaults refuse by name.
pub trait Secrets: Send + Sync {
    /// The content of a secret of one of the vendors.
    fn secret(&self, secret: &CloudSecret<'_>) -> Result<SecretContent, OutsideError> {
        Err(OutsideError::new(format!(
            "variables of the kind `{}` cannot be fetched here",
            secret.source_name()
        )))
    }

    /// The key of a file that SOPS encrypted, or a share of it.
    fn unwrap_key(&self, wrapped: &Wrapped) -> Result<Vec<u8>, OutsideError> {
        Err(OutsideError::new(format!(
            "keys cannot be unwrapped here: {}",
            wrapped.key.shown()
        )))
    }

    /// What a person should know about how it went, taken out.
    fn take_warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Refuses everything by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {}

impl Secrets for NoSources {}
