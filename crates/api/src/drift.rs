//! What has become of the objects of a result since.

use kluctl_object::ObjectRef;
use serde::{Deserialize, Serialize};

use crate::result::{ChangeEntry, DeploymentError, ProjectKey, TargetKey};

/// How a cluster differs from what was deployed. Times are RFC 3339 with seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftResult {
    /// A uuid.
    pub id: String,
    /// The results that the cluster was compared with, newest first.
    pub results: Vec<String>,
    /// Which project.
    pub project_key: ProjectKey,
    /// Which target.
    pub target_key: TargetKey,
    /// When the comparison began.
    pub start_time: Option<String>,
    /// When the comparison ended.
    pub end_time: Option<String>,
    /// How many objects were compared.
    pub compared: usize,
    /// Objects that were looked for only, because the results hold no more than their names.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_compared: usize,
    /// Changes by controllers to fields that the deployment does not set; they are no drift.
    #[serde(skip_serializing_if = "is_zero")]
    pub changes_by_others: usize,
    /// Every object that differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<DriftObject>,
    /// What failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<DeploymentError>,
    /// What deserves attention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<DeploymentError>,
}

/// An object that is not as it was deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftObject {
    /// The object.
    #[serde(rename = "ref")]
    pub reference: ObjectRef,
    /// Whether it is gone.
    #[serde(skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// Whether it is another object under the same name.
    #[serde(skip_serializing_if = "is_false")]
    pub recreated: bool,
    /// The version that was compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Fingerprint of the object as it was deployed.
    pub expected_fingerprint: String,
    /// Fingerprint of the object as it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<DriftChange>,
}

/// One changed place, and whoever changed it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DriftChange {
    /// The place.
    #[serde(flatten)]
    pub change: ChangeEntry,
    /// Field manager of whoever set the field last; empty where the server does not tell.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manager: String,
    /// `Apply` or `Update`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether the manager is not known to own the field, but is the last one that wrote the object.
    #[serde(skip_serializing_if = "is_false")]
    pub likely: bool,
}

impl DriftResult {
    /// Whether anything differs.
    pub fn has_drift(&self) -> bool {
        !self.objects.is_empty()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}
