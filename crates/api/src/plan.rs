//! A deploy that somebody has seen and approved, to be carried out later exactly so.

use kluctl_object::ObjectRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::result::{CommandInfo, ProjectKey, TargetKey};

/// What a file with a plan says it is.
pub const PLAN_KIND: &str = "kluctl.io/plan/v1";

/// An approved deploy. It holds hashes instead of objects, so that no secret can be read from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployPlan {
    /// [`PLAN_KIND`].
    pub kind: String,
    /// A uuid.
    pub id: String,
    /// When it was made.
    pub created: String,
    /// Goes into every hash, so that equal objects of two plans have different ones.
    pub salt: String,
    /// Which project.
    pub project_key: ProjectKey,
    /// Which target, in which cluster.
    pub target_key: TargetKey,
    /// The target that was asked for, how objects are to be applied, and which items were left out.
    pub command: CommandInfo,
    /// Hash of the project's arguments.
    #[serde(default)]
    pub args_hash: String,
    /// Hash of what happens around the objects: order, waits, deletions, barriers, conflict rules.
    #[serde(default)]
    pub structure_hash: String,
    /// Every object that is applied, in order.
    pub objects: Vec<PlannedObject>,
    /// Objects that belong to nobody any more, which `--prune` may delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<PlannedObject>,
}

/// One object as it was when the plan was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// The object.
    #[serde(rename = "ref")]
    pub reference: ObjectRef,
    /// What happens to it: `create`, `change`, `keep`, `hook` or `prune`.
    pub action: String,
    /// Hash of the rendered object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rendered_hash: String,
    /// Version of the live object; empty where there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// Hash of the live object without what controllers report about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub live_hash: String,
}

/// Why a file is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It is not JSON of the right form.
    #[error("not a plan: {0}")]
    Malformed(String),
    /// It is something else, or a plan of another version.
    #[error("expected a plan of kind `{PLAN_KIND}`, found `{0}`")]
    Kind(String),
}

impl DeployPlan {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| PlanError::Malformed(error.to_string()))?;
        match value.get("kind").and_then(Value::as_str) {
            Some(PLAN_KIND) => {}
            other => return Err(PlanError::Kind(other.unwrap_or_default().to_owned())),
        }
        serde_json::from_value(value).map_err(|error| PlanError::Malformed(error.to_string()))
    }

    /// The text of a file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_as_they_were_written_and_nothing_else_is() {
        let plan = DeployPlan {
            kind: PLAN_KIND.to_owned(),
            objects: vec![PlannedObject {
                action: "create".to_owned(),
                ..PlannedObject::default()
            }],
            ..DeployPlan::default()
        };
        assert_eq!(DeployPlan::parse(&plan.to_text()), Ok(plan));
        assert_eq!(
            DeployPlan::parse("{\"kind\": \"List\"}"),
            Err(PlanError::Kind("List".to_owned()))
        );
        assert!(matches!(DeployPlan::parse("a: b"), Err(PlanError::Malformed(_))));
    }
}
