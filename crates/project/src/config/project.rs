//! `.kluctl.yaml`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{FixedImage, checked};

/// A project: its targets and arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Where the project can be deployed to; one unnamed target when missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetConfig>,
    /// Arguments that every target takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<ArgDeclaration>,
    /// Template of the discriminator for targets that have none of their own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub discriminator: String,
    /// How AWS is reached, for targets that do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsConfig>,
}

/// One target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Name of the target.
    #[serde(default)]
    pub name: String,
    /// Context of the kubeconfig; the current one when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Arguments of this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
    /// How AWS is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsConfig>,
    /// Images pinned in this target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<FixedImage>,
    /// Tells the objects of this target from all others in a cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub discriminator: String,
}

/// An argument: required when it has no default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ArgDeclaration {
    /// Name of the argument; a dotted name is a nested one.
    #[serde(default)]
    pub name: String,
    /// Value when none is given.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub default: Option<Value>,
}

checked!(ArgDeclaration);

impl ArgDeclaration {
    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("`name` is required".to_owned());
        }
        Ok(())
    }
}

/// A default of null is a default.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// How AWS is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsConfig {
    /// Profile of the AWS configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Service account whose role is taken (IRSA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccountRef>,
}

/// A service account in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountRef {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its namespace.
    #[serde(default)]
    pub namespace: String,
}

/// Labels or annotations.
pub(crate) type Texts = BTreeMap<String, String>;
