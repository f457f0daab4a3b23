//! The result of a command.
//!
//! Source: kluctl `pkg/types/result/command_result.go`.

use kluctl_object::{Object, ObjectRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Makes an id for a result.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// What a command did, and to what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandResult {
    /// A uuid.
    pub id: String,
    /// Id of the controller's loop; empty on the command line.
    pub reconcile_id: String,
    /// Which project.
    pub project_key: ProjectKey,
    /// Which target.
    pub target_key: TargetKey,
    /// The effective target.
    pub target: Value,
    /// How the command was called.
    pub command: CommandInfo,
    /// The object that asked for the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kluctl_deployment: Option<KluctlDeploymentInfo>,
    /// What a manual request changed in that object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides_patch: Option<Value>,
    /// Where the project comes from.
    pub git_info: GitInfo,
    /// Which cluster.
    pub cluster_info: ClusterInfo,
    /// The whole deployment project with what was rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Value>,
    /// Hash of all rendered objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rendered_objects_hash: String,
    /// Every object that had a part in the command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ResultObject>,
    /// What failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<DeploymentError>,
    /// What deserves attention.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<DeploymentError>,
    /// Images that templates asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen_images: Vec<Value>,
}

/// Names a project by where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectKey {
    /// `git://host/path`, `oci://host/path`, or empty; written in any case, as upstream does.
    pub repo_key: String,
    /// Folder inside of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sub_dir: String,
}

/// Names a target of a project in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetKey {
    /// The target's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_name: String,
    /// The cluster's id.
    pub cluster_id: String,
    /// The discriminator.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub discriminator: String,
}

/// Who called a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Initiator {
    /// A person or a pipeline.
    #[default]
    CommandLine,
    /// The controller.
    KluctlDeployment,
}

/// How a command was called. Times are RFC 3339 with seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommandInfo {
    /// Who called it.
    pub initiator: Initiator,
    /// When the project was loaded.
    pub start_time: Option<String>,
    /// When the command ended.
    pub end_time: Option<String>,
    /// The command.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The target that was asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// The name that the target got instead of its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_name_override: String,
    /// The context that was asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context_override: String,
    /// Arguments from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// Fixed images from outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Value>,
    /// `--dry-run`.
    #[serde(skip_serializing_if = "is_false")]
    pub dry_run: bool,
    /// `--no-wait`.
    #[serde(skip_serializing_if = "is_false")]
    pub no_wait: bool,
    /// `--force-apply`.
    #[serde(skip_serializing_if = "is_false")]
    pub force_apply: bool,
    /// `--replace-on-error`.
    #[serde(skip_serializing_if = "is_false")]
    pub replace_on_error: bool,
    /// `--force-replace-on-error`.
    #[serde(skip_serializing_if = "is_false")]
    pub force_replace_on_error: bool,
    /// `--abort-on-error`.
    #[serde(skip_serializing_if = "is_false")]
    pub abort_on_error: bool,
    /// `--include-tag`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_tags: Vec<String>,
    /// `--exclude-tag`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_tags: Vec<String>,
    /// `--include-deployment-dir`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_deployment_dirs: Vec<String>,
    /// `--exclude-deployment-dir`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_deployment_dirs: Vec<String>,
}

/// The object that asked the controller for a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KluctlDeploymentInfo {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Id of the cluster that it lives in.
    pub cluster_id: String,
}

/// Where a project comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitInfo {
    /// URL of the remote `origin`.
    pub url: Option<String>,
    /// The branch or tag.
    #[serde(rename = "ref")]
    pub reference: Option<Value>,
    /// Folder inside the repository.
    pub sub_dir: String,
    /// The commit.
    pub commit: String,
    /// Whether there are changes that are not committed.
    pub dirty: bool,
}

/// Which cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterInfo {
    /// The uid of the namespace `kube-system`.
    pub cluster_id: String,
}

/// One object's part in a command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResultObject {
    /// The object; its name is the `kluctl.io/diff-name` where it has one.
    #[serde(rename = "ref")]
    pub reference: ObjectRef,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeEntry>,
    /// Whether it is new.
    #[serde(skip_serializing_if = "is_false")]
    pub new: bool,
    /// Whether it belongs to nobody any more.
    #[serde(skip_serializing_if = "is_false")]
    pub orphan: bool,
    /// Whether it was deleted.
    #[serde(skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// Whether it was applied as a hook.
    #[serde(skip_serializing_if = "is_false")]
    pub hook: bool,
    /// As rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<Object>,
    /// As it was live before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<Object>,
    /// As the server answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Object>,
}

/// One changed place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeEntry {
    /// `insert`, `update` or `delete`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The place.
    pub json_path: String,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_value: Option<Value>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_value: Option<Value>,
    /// Both as lines.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unified_diff: String,
}

/// An error or a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentError {
    /// The object; empty where the whole command is meant.
    #[serde(rename = "ref")]
    pub reference: ObjectRef,
    /// The text.
    pub message: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
