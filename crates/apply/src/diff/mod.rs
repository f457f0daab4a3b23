//! Compares what was live before with what the server answered, object by object.

mod changes;
mod normalize;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

pub use changes::{Change, ChangeKind, changes};
pub use normalize::normalize;
pub use text::{plain_text, unified_diff};

use crate::item::{IgnoreRule, Item};
use crate::live::LiveObjects;
use crate::problem::Problems;

/// What changed in one object.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedObject {
    /// The object; its name is the `kluctl.io/diff-name` where it has one.
    pub object: ObjectRef,
    /// The changed places.
    pub changes: Vec<Change>,
    /// The object before, without what is not compared.
    pub old: Value,
    /// The object after, without what is not compared.
    pub new: Value,
}

/// What the diff leaves out in every object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// Labels with the tags.
    pub ignore_tags: bool,
    /// All labels.
    pub ignore_labels: bool,
    /// All annotations.
    pub ignore_annotations: bool,
    /// Everything that Kluctl puts on objects.
    pub ignore_kluctl_metadata: bool,
}

/// A reference under which an object is compared: `kluctl.io/diff-name` pairs renamed objects.
pub fn diff_reference(object: &Object) -> ObjectRef {
    let mut reference = object.reference();
    if let Some(name) = object.annotation("kluctl.io/diff-name") {
        name.clone_into(&mut reference.name);
    }
    reference
}

/// Compares the applied version of every object of the items with the live one. New objects have no changes.
pub fn diff_items<'a>(
    items: &[Item],
    live: &LiveObjects,
    applied: impl Fn(&ObjectRef) -> Option<&'a Object>,
    options: DiffOptions,
    problems: &mut Problems,
) -> Vec<ChangedObject> {
    let by_diff_name = newest_by_diff_name(live);
    let everywhere = options.rules();
    let mut seen = BTreeSet::new();
    let mut changed = Vec::new();
    for item in items {
        let rules: Vec<IgnoreRule> = item.ignore_for_diff.iter().chain(&everywhere).cloned().collect();
        for local in &item.objects {
            let reference = diff_reference(local);
            let Some(new) = applied(&local.reference()) else {
                continue;
            };
            let Some(old) = by_diff_name.get(&reference.identity()) else {
                continue;
            };
            if !seen.insert(local.reference().identity()) {
                continue;
            }
            let mut annotations = local.annotations().into_iter();
            let has_rules =
                !rules.is_empty() || annotations.any(|(key, _)| key.starts_with("kluctl.io/ignore-diff"));
            // rules are tried even where they have nothing to hide, since they may be wrong
            if !has_rules && *old == new {
                continue;
            }
            match normalized(old, new, local, &rules) {
                Ok((old, new)) => {
                    let found = changes(&old, &new);
                    if !found.is_empty() {
                        changed.push(ChangedObject {
                            object: reference,
                            changes: found,
                            old,
                            new,
                        });
                    }
                }
                Err(error) => problems.error(Some(&local.reference()), error),
            }
        }
    }
    changed
}

/// Compares two versions of one object.
pub fn compare(
    old: &Object,
    new: &Object,
    local: &Object,
    rules: &[IgnoreRule],
) -> Result<Vec<Change>, String> {
    let (old, new) = normalized(old, new, local, rules)?;
    Ok(changes(&old, &new))
}

fn normalized(
    old: &Object,
    new: &Object,
    local: &Object,
    rules: &[IgnoreRule],
) -> Result<(Value, Value), String> {
    Ok((normalize(old, rules, local)?, normalize(new, rules, local)?))
}

/// Live objects by their diff name; of several the newest counts, then the one with the larger name.
fn newest_by_diff_name(live: &LiveObjects) -> BTreeMap<ObjectRef, &Object> {
    let mut newest: BTreeMap<ObjectRef, &Object> = BTreeMap::new();
    let age = |object: &Object| {
        object
            .str_at(&["metadata", "creationTimestamp"])
            .unwrap_or_default()
            .to_owned()
    };
    for object in live.iter() {
        let slot = newest.entry(diff_reference(object).identity()).or_insert(object);
        if (age(object), object.name()) > (age(slot), slot.name()) {
            *slot = object;
        }
    }
    newest
}

impl DiffOptions {
    fn rules(self) -> Vec<IgnoreRule> {
        let mut rules = Vec::new();
        let mut paths = Vec::new();
        let mut regexes = Vec::new();
        if self.ignore_tags || self.ignore_kluctl_metadata {
            regexes.push(r#"metadata\.labels\["kluctl\.io/tag-.*"\]"#.to_owned());
        }
        if self.ignore_labels {
            paths.push("metadata.labels.*".to_owned());
        }
        if self.ignore_annotations {
            paths.push("metadata.annotations.*".to_owned());
        }
        if self.ignore_kluctl_metadata {
            paths.push(r#"metadata.labels["kluctl.io/discriminator"]"#.to_owned());
            paths.push(r#"metadata.annotations["kluctl.io/deployment-item-dir"]"#.to_owned());
        }
        if !paths.is_empty() || !regexes.is_empty() {
            rules.push(IgnoreRule {
                field_paths: paths,
                field_path_regexes: regexes,
                ..IgnoreRule::default()
            });
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(name: &str, created: &str, data: &str) -> Object {
        Object::try_from(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n",
            "creationTimestamp": created, "annotations": {"kluctl.io/diff-name": "base"},
            "labels": {"kluctl.io/tag-0": data}}, "data": {"key": data}}),
        )
        .unwrap()
    }

    #[test]
    fn renamed_objects_are_compared_with_the_newest_of_their_name() {
        let live = LiveObjects::from_objects(
            [
                config("base-1", "2026-01-02T00:00:00Z", "new"),
                config("base-2", "2026-01-01T00:00:00Z", "old"),
            ],
            &[],
        );
        let local = config("base-3", "", "newest");
        let applied = local.clone();
        let item = Item {
            objects: vec![local],
            ..Item::default()
        };
        let mut problems = Problems::default();
        let options = DiffOptions {
            ignore_kluctl_metadata: true,
            ..DiffOptions::default()
        };
        let changed = diff_items(&[item], &live, |_| Some(&applied), options, &mut problems);
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].object.name, "base");
        let texts: Vec<_> = changed[0]
            .changes
            .iter()
            .map(|c| (&*c.json_path, &*c.unified_diff))
            .collect();
        assert_eq!(
            texts,
            [
                ("data.key", "-new\n+newest"),
                ("metadata.name", "-base-1\n+base-3")
            ]
        );
        assert_eq!(problems, Problems::default());
    }
}
