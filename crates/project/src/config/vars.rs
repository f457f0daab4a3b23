//! Sources of variables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::project::Texts;
use super::{GitRef, checked};

/// Where variables come from: exactly one kind of source, and how it is merged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct VarsSource {
    /// Goes on without the source when it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_missing: Option<bool>,
    /// Keeps values that are there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_override: Option<bool>,
    /// Whether the values are secret; each kind of source has its own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<bool>,
    /// Reads all YAML documents as a list; needs `targetPath`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multidoc: Option<bool>,
    /// Values written here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Map<String, Value>>,
    /// A file, found like a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A file of a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitVars>,
    /// Many files of a git repository, of one or more refs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_files: Option<GitFiles>,
    /// A key of a ConfigMap in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_config_map: Option<ClusterKey>,
    /// A key of a Secret in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_secret: Option<ClusterKey>,
    /// A part of any object in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_object: Option<ClusterObject>,
    /// Environment variables: a tree whose texts are `NAME` or `NAME:default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_env_vars: Option<Map<String, Value>>,
    /// A response from a web server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpVars>,
    /// A secret of AWS Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_secrets_manager: Option<AwsSecret>,
    /// A secret of Google Secret Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcp_secret_manager: Option<GcpSecret>,
    /// A secret of HashiCorp Vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultSecret>,
    /// A secret of Azure Key Vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_key_vault: Option<AzureSecret>,
    /// JSON path that the values are put at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_path: String,
    /// Jinja2 expression; the source is left out when it is false.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
}

checked!(VarsSource);

/// The one kind of source that a [`VarsSource`] has.
#[derive(Clone, Copy, Debug)]
pub enum VarsKind<'s> {
    /// `values`
    Values(&'s Map<String, Value>),
    /// `file`
    File(&'s str),
    /// `git`
    Git(&'s GitVars),
    /// `gitFiles`
    GitFiles(&'s GitFiles),
    /// `clusterConfigMap`
    ClusterConfigMap(&'s ClusterKey),
    /// `clusterSecret`
    ClusterSecret(&'s ClusterKey),
    /// `clusterObject`
    ClusterObject(&'s ClusterObject),
    /// `systemEnvVars`
    SystemEnvVars(&'s Map<String, Value>),
    /// `http`
    Http(&'s HttpVars),
    /// `awsSecretsManager`
    Aws(&'s AwsSecret),
    /// `gcpSecretManager`
    Gcp(&'s GcpSecret),
    /// `vault`
    Vault(&'s VaultSecret),
    /// `azureKeyVault`
    Azure(&'s AzureSecret),
}

impl VarsSource {
    fn kinds(&self) -> Vec<VarsKind<'_>> {
        let kinds = [
            self.values.as_ref().map(VarsKind::Values),
            self.file.as_deref().map(VarsKind::File),
            self.git.as_ref().map(VarsKind::Git),
            self.git_files.as_ref().map(VarsKind::GitFiles),
            self.cluster_config_map.as_ref().map(VarsKind::ClusterConfigMap),
            self.cluster_secret.as_ref().map(VarsKind::ClusterSecret),
            self.cluster_object.as_ref().map(VarsKind::ClusterObject),
            self.system_env_vars.as_ref().map(VarsKind::SystemEnvVars),
            self.http.as_ref().map(VarsKind::Http),
            self.aws_secrets_manager.as_ref().map(VarsKind::Aws),
            self.gcp_secret_manager.as_ref().map(VarsKind::Gcp),
            self.vault.as_ref().map(VarsKind::Vault),
            self.azure_key_vault.as_ref().map(VarsKind::Azure),
        ];
        kinds.into_iter().flatten().collect()
    }

    /// The kind of source; there is exactly one in a source that was read.
    pub fn kind(&self) -> Option<VarsKind<'_>> {
        self.kinds().first().copied()
    }

    fn check(&self) -> Result<(), String> {
        match self.kinds().len() {
            1 => Ok(()),
            0 => Err("unknown vars source type".to_owned()),
            _ => Err("more then one vars source type".to_owned()),
        }
    }
}

/// A file of a git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitVars {
    /// URL of the repository.
    pub url: String,
    /// Which state of it.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRef>,
    /// Path of the file.
    pub path: String,
}

/// Many files of a git repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitFiles {
    /// URL of the repository.
    pub url: String,
    /// Which states of it: branch and tag are regular expressions here.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<GitRef>,
    /// Which files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<GitFile>,
}

/// Files that a glob finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitFile {
    /// Glob over paths in the repository.
    pub glob: String,
    /// Renders the content as a template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub render: bool,
    /// Parses the content as YAML.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parse_yaml: bool,
    /// Parses the content as a list of YAML documents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub yaml_multi_doc: bool,
}

/// A key of a ConfigMap or Secret, found by name or labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterKey {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Labels of the object; exactly one must have them.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub labels: Texts,
    /// Namespace of the object.
    #[serde(default)]
    pub namespace: String,
    /// Key in its data.
    #[serde(default)]
    pub key: String,
    /// JSON path that the value is put at (the field of the same name outside is newer).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_path: String,
}

checked!(ClusterKey);

impl ClusterKey {
    fn check(&self) -> Result<(), String> {
        if self.namespace.is_empty() {
            return Err("`namespace` is required".to_owned());
        }
        if self.key.is_empty() {
            return Err("`key` is required".to_owned());
        }
        name_or_labels(&self.name, &self.labels)
    }
}

/// A part of any object, or of all objects with some labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterObject {
    /// Kind of the object.
    #[serde(default)]
    pub kind: String,
    /// Its `apiVersion`; the server's preferred one when missing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub labels: Texts,
    /// Takes all objects that have the labels, as a list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub list: bool,
    /// JSON path of the part.
    #[serde(default)]
    pub path: String,
    /// Renders the part as a template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub render: bool,
    /// Parses the part as YAML.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parse_yaml: bool,
}

checked!(ClusterObject);

impl ClusterObject {
    fn check(&self) -> Result<(), String> {
        if self.kind.is_empty() {
            return Err("`kind` is required".to_owned());
        }
        if self.path.is_empty() {
            return Err("`path` is required".to_owned());
        }
        name_or_labels(&self.name, &self.labels)
    }
}

fn name_or_labels(name: &str, labels: &Texts) -> Result<(), String> {
    match (name.is_empty(), labels.is_empty()) {
        (true, true) => Err("either name or labels must be set".to_owned()),
        (false, false) => Err("only one of name or labels can be set".to_owned()),
        _ => Ok(()),
    }
}

/// A request to a web server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpVars {
    /// URL.
    pub url: String,
    /// Method, GET when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub headers: Texts,
    /// JSON path of a text in the response, which is parsed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_path: Option<String>,
}

/// A secret of AWS Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsSecret {
    /// Name or ARN.
    pub secret_name: String,
    /// Region; an ARN brings its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Profile of the AWS configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A secret of Google Secret Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcpSecret {
    /// Name, `projects/…/secrets/…/versions/…`.
    pub secret_name: String,
}

/// A secret of HashiCorp Vault's second key-value engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultSecret {
    /// Address of the server.
    pub address: String,
    /// Path of the secret.
    pub path: String,
}

/// A secret of Azure Key Vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AzureSecret {
    /// URI of the vault.
    pub vault_uri: String,
    /// Name of the secret.
    pub secret_name: String,
}
