//! What stands in an annotation of a stored result, so that lists need not read results whole.
//!
//! Source: kluctl `pkg/types/result/command_result_summary.go`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::result::{
    ClusterInfo, CommandInfo, CommandResult, DeploymentError, GitInfo, KluctlDeploymentInfo, ProjectKey,
    ResultObject, TargetKey,
};
use crate::validation::ValidateResult;

/// A command result in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the result, and numbers of its objects by their flags"
)]
pub struct CommandResultSummary {
    pub id: String,
    pub reconcile_id: String,
    pub project_key: ProjectKey,
    pub target_key: TargetKey,
    pub target: Value,
    pub command_info: CommandInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kluctl_deployment: Option<KluctlDeploymentInfo>,
    pub git_info: GitInfo,
    pub cluster_info: ClusterInfo,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rendered_objects_hash: String,
    pub rendered_objects: usize,
    pub remote_objects: usize,
    pub applied_objects: usize,
    pub applied_hook_objects: usize,
    pub new_objects: usize,
    pub changed_objects: usize,
    pub orphan_objects: usize,
    pub deleted_objects: usize,
    #[serde(with = "null_is_empty")]
    pub errors: Vec<DeploymentError>,
    #[serde(with = "null_is_empty")]
    pub warnings: Vec<DeploymentError>,
    pub total_changes: usize,
}

/// A validate result in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the result, and the lengths of its lists"
)]
pub struct ValidateResultSummary {
    pub id: String,
    pub reconcile_id: String,
    pub project_key: ProjectKey,
    pub target_key: TargetKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kluctl_deployment: Option<KluctlDeploymentInfo>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rendered_objects_hash: String,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
    pub ready: bool,
    pub warnings: usize,
    pub errors: usize,
    pub results: usize,
}

impl CommandResult {
    /// The result in numbers.
    pub fn summary(&self) -> CommandResultSummary {
        let count = |is: fn(&ResultObject) -> bool| self.objects.iter().filter(|object| is(object)).count();
        CommandResultSummary {
            id: self.id.clone(),
            reconcile_id: self.reconcile_id.clone(),
            project_key: self.project_key.clone(),
            target_key: self.target_key.clone(),
            target: self.target.clone(),
            command_info: self.command.clone(),
            kluctl_deployment: self.kluctl_deployment.clone(),
            git_info: self.git_info.clone(),
            cluster_info: self.cluster_info.clone(),
            rendered_objects_hash: self.rendered_objects_hash.clone(),
            rendered_objects: count(|object| object.rendered.is_some()),
            remote_objects: count(|object| object.remote.is_some()),
            applied_objects: count(|object| object.applied.is_some()),
            applied_hook_objects: count(|object| object.hook),
            new_objects: count(|object| object.new),
            changed_objects: count(|object| !object.changes.is_empty()),
            orphan_objects: count(|object| object.orphan),
            deleted_objects: count(|object| object.deleted),
            errors: self.errors.clone(),
            warnings: self.warnings.clone(),
            total_changes: self.objects.iter().map(|object| object.changes.len()).sum(),
        }
    }
}

impl ValidateResult {
    /// The result in numbers.
    pub fn summary(&self) -> ValidateResultSummary {
        ValidateResultSummary {
            id: self.id.clone(),
            reconcile_id: self.reconcile_id.clone(),
            project_key: self.project_key.clone(),
            target_key: self.target_key.clone(),
            kluctl_deployment: self.kluctl_deployment.clone(),
            rendered_objects_hash: self.rendered_objects_hash.clone(),
            start_time: self.start_time.clone(),
            end_time: self.end_time.clone(),
            ready: self.ready,
            warnings: self.warnings.len(),
            errors: self.errors.len(),
            results: self.results.len(),
        }
    }
}

/// Go's empty list: `null`.
mod null_is_empty {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::result::DeploymentError;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<DeploymentError>, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }

    pub(super) fn serialize<S: Serializer>(
        list: &[DeploymentError],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Some(list).filter(|list| !list.is_empty()).serialize(serializer)
    }
}
