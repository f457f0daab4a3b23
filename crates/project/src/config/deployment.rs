//! `deployment.yaml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::project::Texts;
use super::{GitSource, OciSource, TextList, VarsSource, checked};

/// A deployment project: what is deployed, in which order, with which variables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// Variables for everything below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<VarsSource>,
    /// Jinja2 expression; the whole project is left out when it is false.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
    /// What is deployed, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentItem>,
    /// Labels of every object.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub common_labels: Texts,
    /// Annotations of every object.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub common_annotations: Texts,
    /// Namespace that kustomize puts objects into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_namespace: Option<String>,
    /// Tags of every item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What a diff does not show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_for_diff: Vec<IgnoreForDiff>,
    /// What happens with fields that someone else owns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflict_resolution: Vec<ConflictResolution>,
}

/// One item: a folder, an included project, or something to wait for or to delete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentItem {
    /// Folder with manifests, a kustomization or a chart, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Folder with another deployment.yaml, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<String>,
    /// Project in a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// Project in an OCI artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciSource>,
    /// Objects to delete before anything of the item is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_objects: Vec<ObjectSelector>,
    /// Tags, for `--include-tag` and `--exclude-tag`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Waits until this item and all before it are done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub barrier: bool,
    /// What is shown while the barrier waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Takes manifests of all folders below too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
    /// Waits until every object of the item is ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait_readiness: bool,
    /// Waits until these objects are ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wait_readiness_objects: Vec<ObjectSelector>,
    /// Arguments of an included library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
    /// Gives all variables to an included library.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pass_vars: bool,
    /// Variables of this item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vars: Vec<VarsSource>,
    /// Keeps the objects when a run that has tags deletes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_delete_if_tags: bool,
    /// Renders the item for others to use and applies nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_render: bool,
    /// Deploys the item whatever tags are asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always_deploy: bool,
    /// Jinja2 expression; the item is left out when it is false.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
}

checked!(DeploymentItem);

impl DeploymentItem {
    /// Whether the item brings another project.
    pub fn is_include(&self) -> bool {
        self.include.is_some() || self.git.is_some() || self.oci.is_some()
    }

    fn check(&self) -> Result<(), String> {
        let given = usize::from(self.path.is_some())
            + usize::from(self.include.is_some())
            + usize::from(self.git.is_some())
            + usize::from(self.oci.is_some());
        let has_args = self.args.as_ref().is_some_and(|args| !args.is_empty());
        let problem = if given > 1 {
            "only one of path, include, git and oci can be set at the same time"
        } else if self.recursive && self.path.is_none() {
            "recursive can only be set when path is set"
        } else if self.wait_readiness && self.path.is_none() {
            "only kustomize deployments are allowed to have waitReadiness set"
        } else if has_args && !self.is_include() {
            "args are only allowed when another project is included (via include, git or oci)"
        } else if self.pass_vars && !self.is_include() {
            "passVars is only allowed when another project is included (via include, git or oci)"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }
}

/// An object in the cluster, named by group or kind, without its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ObjectSelector {
    /// API group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

checked!(ObjectSelector);

impl ObjectSelector {
    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("`name` is required".to_owned());
        }
        if self.group.is_none() && self.kind.is_none() {
            return Err("at least one of group or kind must be set".to_owned());
        }
        Ok(())
    }
}

/// Fields that a diff does not show, of the objects that all given names fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct IgnoreForDiff {
    /// JSON paths, wildcards allowed.
    #[serde(default, skip_serializing_if = "TextList::is_empty")]
    pub field_path: TextList,
    /// Regular expressions over the JSON path of every field.
    #[serde(default, skip_serializing_if = "TextList::is_empty")]
    pub field_path_regex: TextList,
    /// API group of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

checked!(IgnoreForDiff);

impl IgnoreForDiff {
    fn check(&self) -> Result<(), String> {
        if self.field_path.is_empty() && self.field_path_regex.is_empty() {
            return Err("at least one of fieldPath or fieldPathRegex must be set".to_owned());
        }
        Ok(())
    }
}

/// What happens with a field that someone else owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictAction {
    /// Leave it to the other.
    Ignore,
    /// Take it over.
    ForceApply,
}

/// What happens with fields that someone else owns, of the objects that all given names fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct ConflictResolution {
    /// JSON paths, wildcards allowed.
    #[serde(default, skip_serializing_if = "TextList::is_empty")]
    pub field_path: TextList,
    /// Regular expressions over the JSON path of every field.
    #[serde(default, skip_serializing_if = "TextList::is_empty")]
    pub field_path_regex: TextList,
    /// Regular expressions over the name of the other owner.
    #[serde(default, skip_serializing_if = "TextList::is_empty")]
    pub manager: TextList,
    /// API group of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Kind of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What is done.
    pub action: ConflictAction,
}

checked!(ConflictResolution);

impl ConflictResolution {
    fn check(&self) -> Result<(), String> {
        if self.field_path.is_empty() && self.field_path_regex.is_empty() && self.manager.is_empty() {
            return Err("at least one of fieldPath, fieldPathRegex or manager must be set".to_owned());
        }
        Ok(())
    }
}
