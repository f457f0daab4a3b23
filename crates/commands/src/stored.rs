//! What a stored result tells about the deployment it came from, put together again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kluctl_api::{CommandResult, CommandResultSummary, ResultObject, TargetKey};
use kluctl_object::{Object, ObjectRef};
use kluctl_project::config::{ConflictResolution, IgnoreForDiff};
use kluctl_project::{RenderedItem, Rules};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::finish::Versions;

/// Whether results of two keys are about the same target: the discriminator names it, where there is one.
pub fn same_target(a: &TargetKey, b: &TargetKey) -> bool {
    a.cluster_id == b.cluster_id
        && a.discriminator == b.discriminator
        && (!a.discriminator.is_empty() || a.target_name == b.target_name)
}

/// Whether a result tells of objects that were really applied or deleted.
pub fn changed_the_cluster(summary: &CommandResultSummary) -> bool {
    let command = &*summary.command_info.command;
    let changes = matches!(
        command,
        "deploy" | "rollback" | "poke-images" | "prune" | "delete"
    );
    let did = summary.applied_objects + summary.applied_hook_objects + summary.deleted_objects > 0;
    changes && did && !summary.command_info.dry_run
}

/// Whether a result tells of a whole deploy, which objects of earlier ones add nothing to.
pub(crate) fn is_whole_deploy(result: &CommandResult) -> bool {
    let info = &result.command;
    matches!(&*info.command, "deploy" | "rollback")
        && info.include_tags.is_empty()
        && info.exclude_tags.is_empty()
        && info.include_deployment_dirs.is_empty()
        && info.exclude_deployment_dirs.is_empty()
}

/// Changed objects before and after, for the styles that show whole objects.
pub fn versions(result: &CommandResult) -> Versions {
    let mut versions = Versions::new();
    for object in result
        .objects
        .iter()
        .filter(|object| !object.changes.is_empty() && !kluctl_apply::is_secret(&object.reference))
    {
        let (Some(old), Some(new)) = (&object.remote, &object.applied) else {
            continue;
        };
        let local = object.rendered.as_ref().unwrap_or(new);
        let side = |version| kluctl_apply::normalize(version, &[], local);
        if let (Ok(old), Ok(new)) = (side(old), side(new)) {
            versions.insert(object.reference.clone(), (old, new));
        }
    }
    versions
}

/// The items of a stored result, in their order and with their rules. What belongs to no item that can be read comes last.
pub(crate) fn items(result: &CommandResult) -> Vec<RenderedItem> {
    let mut rebuilding = Rebuilding {
        objects: result
            .objects
            .iter()
            .filter_map(|object| Some((object.rendered.as_ref()?.reference().identity(), object)))
            .collect(),
        taken: BTreeSet::new(),
        items: Vec::new(),
    };
    if let Some(deployment) = &result.deployment {
        rebuilding.project(deployment, &Rules::default());
    }
    let Rebuilding {
        objects,
        taken,
        mut items,
    } = rebuilding;
    let left = result
        .objects
        .iter()
        .filter_map(|object| object.rendered.as_ref());
    let left: Vec<Object> = left
        .filter(|object| {
            let identity = object.reference().identity();
            objects.contains_key(&identity) && !taken.contains(&identity)
        })
        .cloned()
        .collect();
    if !left.is_empty() {
        items.push(RenderedItem {
            dir_in_project: Some(result.command.command.clone().into()),
            objects: left,
            ..RenderedItem::default()
        });
    }
    items
}

struct Rebuilding<'r> {
    objects: BTreeMap<ObjectRef, &'r ResultObject>,
    taken: BTreeSet<ObjectRef>,
    items: Vec<RenderedItem>,
}

impl Rebuilding<'_> {
    fn project(&mut self, project: &Value, above: &Rules) {
        let mut rules = Rules {
            ignore_for_diff: list::<IgnoreForDiff>(project, "ignoreForDiff"),
            conflict_resolution: list::<ConflictResolution>(project, "conflictResolution"),
        };
        rules
            .ignore_for_diff
            .extend(above.ignore_for_diff.iter().cloned());
        rules
            .conflict_resolution
            .extend(above.conflict_resolution.iter().cloned());
        let items = project.get("deployments").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let Some(included) = item.get("renderedInclude") {
                self.project(included, &rules);
            }
            self.item(item, &rules);
        }
    }

    fn item(&mut self, value: &Value, rules: &Rules) {
        let flag = |key: &str| value.get(key).and_then(Value::as_bool) == Some(true);
        if flag("onlyRender") {
            return;
        }
        let mut objects = Vec::new();
        for reference in list::<ObjectRef>(value, "renderedObjects") {
            let identity = reference.identity();
            let rendered = self
                .objects
                .get(&identity)
                .and_then(|known| known.rendered.as_ref());
            if let Some(object) = rendered
                && self.taken.insert(identity)
            {
                objects.push(object.clone());
            }
        }
        if objects.is_empty() && !flag("barrier") {
            return;
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        self.items.push(RenderedItem {
            dir_in_project: text("path").map(Into::into),
            barrier: flag("barrier"),
            message: text("message"),
            wait_readiness: flag("waitReadiness"),
            objects,
            rules: Arc::new(rules.clone()),
            ..RenderedItem::default()
        });
    }
}

/// Entries of a list that can be read; what a later version has added is left out.
fn list<T: DeserializeOwned>(value: &Value, key: &str) -> Vec<T> {
    let entries = value.get(key).and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| T::deserialize(entry).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(name: &str) -> ResultObject {
        let value =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}});
        let rendered = Object::try_from(value).unwrap();
        ResultObject {
            reference: rendered.reference(),
            rendered: Some(rendered),
            ..ResultObject::default()
        }
    }

    #[test]
    fn items_come_back_in_their_order_with_their_rules() {
        let reference =
            |name: &str| json!({"version": "v1", "kind": "ConfigMap", "name": name, "namespace": "n"});
        let result = CommandResult {
            deployment: Some(json!({
            "ignoreForDiff": [{"fieldPath": ["outer"]}],
            "deployments": [
                {"path": "z", "waitReadiness": true, "renderedObjects": [reference("z")]},
                {"barrier": true},
                {"include": "sub", "renderedInclude": {
                    "ignoreForDiff": [{"fieldPath": "inner"}],
                    "deployments": [{"path": "a", "renderedObjects": [reference("a"), reference("gone")]}]}},
            ]})),
            objects: ["a", "extra", "z"].map(object).to_vec(),
            ..CommandResult::default()
        };
        let items = items(&result);
        let names: Vec<Vec<&str>> = items
            .iter()
            .map(|item| item.objects.iter().map(Object::name).collect())
            .collect();
        assert_eq!(names, [vec!["z"], vec![], vec!["a"], vec!["extra"]]);
        assert!(items[0].wait_readiness && items[1].barrier);
        let paths: Vec<&str> = items[2]
            .rules
            .ignore_for_diff
            .iter()
            .flat_map(|rule| rule.field_path.0.iter().map(String::as_str))
            .collect();
        assert_eq!(paths, ["inner", "outer"]);
    }

    #[test]
    fn a_discriminator_names_a_target_whatever_its_name() {
        let key = |name: &str, discriminator: &str| TargetKey {
            target_name: name.to_owned(),
            discriminator: discriminator.to_owned(),
            ..TargetKey::default()
        };
        assert!(same_target(&key("a", "d"), &key("b", "d")));
        assert!(!same_target(&key("a", "d"), &key("a", "e")));
        assert!(!same_target(&key("a", ""), &key("b", "")));
    }
}
