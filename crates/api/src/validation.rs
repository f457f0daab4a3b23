//! The result of a validation.

use kluctl_object::ObjectRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::result::{DeploymentError, KluctlDeploymentInfo, ProjectKey, TargetKey};

/// Whether everything that was deployed is ready. Times are RFC 3339 with seconds.
///
/// Source: kluctl `pkg/types/result/validate_result.go`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ValidateResult {
    /// A uuid.
    pub id: String,
    /// Id of the controller's loop; empty on the command line.
    pub reconcile_id: String,
    /// Which project.
    pub project_key: ProjectKey,
    /// Which target.
    pub target_key: TargetKey,
    /// The object that asked for the validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kluctl_deployment: Option<KluctlDeploymentInfo>,
    /// What a manual request changed in that object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides_patch: Option<Value>,
    /// Hash of all rendered objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rendered_objects_hash: String,
    /// When the project was loaded.
    pub start_time: Option<String>,
    /// When the validation ended.
    pub end_time: Option<String>,
    /// Whether every object that exists is ready.
    pub ready: bool,
    /// What deserves attention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<DeploymentError>,
    /// What is missing, broken or not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<DeploymentError>,
    /// What objects say about themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ValidateResultEntry>,
}

/// What an object says about itself in a `validate-result.kluctl.io/*` annotation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ValidateResultEntry {
    /// The object.
    #[serde(rename = "ref")]
    pub reference: ObjectRef,
    /// The annotation.
    pub annotation: String,
    /// Its text.
    pub message: String,
}
