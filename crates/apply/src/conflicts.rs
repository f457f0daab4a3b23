//! Decides, field by field, whether a field that another manager owns is taken over or left alone.
//!
//! Source: kluctl `pkg/diff/managed_fields.go`.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_cluster::Cause;
use kluctl_managedfields::{FieldSet, PathElement, equal_values, path_text};
use kluctl_object::{JsonPath, Key, KeyPath, Object};
use regex::Regex;
use serde_json::Value;

use crate::annotations::{is_set, numbered};
use crate::item::{ConflictAction, ConflictRule, Match};

/// An object without the fields that were given up.
#[derive(Debug)]
pub(crate) struct Resolution {
    pub(crate) object: Object,
    /// Warnings about fields that were given up although their values differ.
    pub(crate) lost: Vec<String>,
}

/// A field's places in the notation of managed fields (several where dots make it ambiguous), and who owns it.
#[derive(Debug, Default)]
struct Owned {
    paths: Vec<Vec<PathElement>>,
    managers: Vec<String>,
}

/// Resolves the conflicts that the server found between a local object and what is live.
pub(crate) fn resolve(
    local: &Object,
    live: &Object,
    causes: &[Cause],
    rules: &[ConflictRule],
) -> Result<Resolution, String> {
    let owned = owners(live)?;
    let local_value = local.to_value();
    let live_value = live.to_value();
    let actions = actions(local, &local_value, &live_value, &owned, rules)?;
    let mut given_up = BTreeSet::new();
    let mut lost = Vec::new();
    for cause in causes {
        let Cause {
            reason,
            message,
            field,
        } = cause;
        if reason != "FieldManagerConflict" {
            return Err(format!("unknown type {reason}"));
        }
        let found = owned.get(field);
        let found =
            found.ok_or_else(|| format!("{message}. Could not find matching field for path '{field}'"))?;
        let [path] = &*found.paths else {
            return Err(format!("{message}. Field path '{field}' is ambiguous"));
        };
        let missing = |side: &str| format!("{message}. Field '{field}' not found in {side} object");
        let in_local = place(&local_value, path).ok_or_else(|| missing("local"))?;
        let in_live = place(&live_value, path).ok_or_else(|| missing("remote"))?;
        let action = actions.get(&in_local).or_else(|| actions.get(&in_live)).copied();
        let overwrite = match action {
            Some(ConflictAction::Ignore) => false,
            Some(ConflictAction::ForceApply) => true,
            None => found.managers.iter().any(|manager| is_known_editor(manager)),
        };
        if overwrite {
            continue;
        }
        let differs = in_local.get(&local_value) != in_live.get(&live_value);
        if differs && action != Some(ConflictAction::Ignore) {
            lost.push(format!(
                "{message}. Not updating field '{field}' as we lost field ownership"
            ));
        }
        given_up.insert(in_local);
    }
    let mut remaining = local_value;
    // from the end, so that what is left keeps its index until it is looked at
    for place in given_up.iter().rev() {
        place.remove(&mut remaining);
    }
    let object = Object::try_from(remaining).map_err(|error| error.to_string())?;
    Ok(Resolution { object, lost })
}

/// Managers behind which a person edits by hand, or we ourselves: their fields are taken over without asking.
pub fn is_known_editor(manager: &str) -> bool {
    matches!(manager, "kluctl" | "kubectl" | "rancher" | "k9s")
        || manager.starts_with("kluctl-")
        || manager.starts_with("kubectl-")
}

/// Who owns what, by the server's text for each field.
fn owners(live: &Object) -> Result<BTreeMap<String, Owned>, String> {
    let mut owned: BTreeMap<String, Owned> = BTreeMap::new();
    let entries = live.at(&["metadata", "managedFields"]).and_then(Value::as_array);
    for entry in entries.into_iter().flatten() {
        let Some(fields) = entry.get("fieldsV1").filter(|fields| !fields.is_null()) else {
            continue;
        };
        let manager = entry["manager"].as_str().ok_or("manager field is missing")?;
        let set = FieldSet::from_fields(fields).map_err(|error| error.to_string())?;
        for path in set.paths() {
            let field = owned.entry(path_text(&path)).or_default();
            if !field.paths.contains(&path) {
                field.paths.push(path);
            }
            field.managers.push(manager.to_owned());
        }
    }
    Ok(owned)
}

/// Follows a managed field's path into an object.
pub(crate) fn place(root: &Value, path: &[PathElement]) -> Option<KeyPath> {
    let mut value = root;
    let mut keys = Vec::with_capacity(path.len());
    for element in path {
        let key = match element {
            PathElement::Field(name) => Key::Name(name.to_string()),
            other => {
                let items = value.as_array()?;
                let found = items
                    .iter()
                    .enumerate()
                    .position(|(index, item)| is_item(item, index, other));
                Key::Index(found?)
            }
        };
        value = match &key {
            Key::Name(name) => value.as_object()?.get(name)?,
            Key::Index(index) => value.as_array()?.get(*index)?,
        };
        keys.push(key);
    }
    Some(KeyPath(keys))
}

fn is_item(item: &Value, index: usize, element: &PathElement) -> bool {
    match element {
        PathElement::Key(fields) => fields
            .iter()
            .all(|(name, value)| item.get(&**name).is_some_and(|known| equal_values(known, value))),
        PathElement::Value(value) => equal_values(item, value),
        PathElement::Index(wanted) => usize::try_from(*wanted) == Ok(index),
        PathElement::Field(_) => false,
    }
}

/// What the rules and annotations say about single fields; later ones win, so that giving up wins over taking over.
fn actions(
    local: &Object,
    local_value: &Value,
    live_value: &Value,
    owned: &BTreeMap<String, Owned>,
    rules: &[ConflictRule],
) -> Result<BTreeMap<KeyPath, ConflictAction>, String> {
    let reference = local.reference();
    let mut actions = BTreeMap::new();
    let annotated = annotation_rules(local);
    for rule in rules
        .iter()
        .chain(&annotated)
        .filter(|rule| rule.object.matches(&reference))
    {
        for text in &rule.field_paths {
            let path = JsonPath::parse(text).map_err(|error| error.to_string())?;
            for root in [local_value, live_value] {
                actions.extend(path.locate(root).into_iter().map(|place| (place, rule.action)));
            }
        }
        if !rule.field_path_regexes.is_empty() {
            let everything = JsonPath::parse("..").map_err(|error| error.to_string())?;
            let mut places = everything.locate(local_value);
            places.extend(everything.locate(live_value));
            for text in &rule.field_path_regexes {
                let regex = Regex::new(text).map_err(|error| error.to_string())?;
                let matching = places.iter().filter(|place| regex.is_match(&place.to_string()));
                actions.extend(matching.map(|place| (place.clone(), rule.action)));
            }
        }
        for text in &rule.managers {
            let regex = Regex::new(text).map_err(|error| error.to_string())?;
            let theirs = owned
                .values()
                .filter(|field| field.managers.iter().any(|m| regex.is_match(m)));
            for path in theirs.flat_map(|field| &field.paths) {
                actions.extend(place(live_value, path).map(|place| (place, rule.action)));
            }
        }
    }
    Ok(actions)
}

/// The object's own annotations as rules, in the order in which they override each other.
fn annotation_rules(local: &Object) -> Vec<ConflictRule> {
    let rule = |action: ConflictAction| ConflictRule {
        object: Match::default(),
        field_paths: Vec::new(),
        field_path_regexes: Vec::new(),
        managers: Vec::new(),
        action,
    };
    let mut rules = Vec::new();
    for (key, action) in [
        ("kluctl.io/force-apply", ConflictAction::ForceApply),
        ("kluctl.io/ignore-conflicts", ConflictAction::Ignore),
    ] {
        if is_set(local, key) {
            rules.push(ConflictRule {
                field_paths: vec!["..".to_owned()],
                ..rule(action)
            });
        }
        rules.extend(
            numbered(local, &format!("{key}-manager"))
                .into_iter()
                .map(|manager| ConflictRule {
                    managers: vec![manager.to_owned()],
                    ..rule(action)
                }),
        );
        rules.extend(
            numbered(local, &format!("{key}-field"))
                .into_iter()
                .map(|path| ConflictRule {
                    field_paths: vec![path.to_owned()],
                    ..rule(action)
                }),
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn local(annotations: Value) -> Object {
        Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c", "annotations": annotations}, "data": {"a": "mine", "b": "mine"}}))
        .unwrap()
    }

    fn live(manager: &str) -> Object {
        Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "c", "managedFields": [
                {"manager": manager, "fieldsV1": {"f:data": {"f:a": {}, "f:b": {}}}}]},
            "data": {"a": "theirs", "b": "mine"}}))
        .unwrap()
    }

    fn causes() -> Vec<Cause> {
        [".data.a", ".data.b"]
            .map(|field| Cause {
                reason: "FieldManagerConflict".to_owned(),
                message: "conflict with \"m\" using v1".to_owned(),
                field: field.to_owned(),
            })
            .to_vec()
    }

    /// Resolves and prints the data that is left, and how many warnings there are.
    fn check(manager: &str, annotations: Value, rules: &[ConflictRule], expected: (&str, usize)) {
        let resolution = resolve(&local(annotations), &live(manager), &causes(), rules).unwrap();
        let data = resolution.object.at(&["data"]).unwrap().to_string();
        assert_eq!((&*data, resolution.lost.len()), expected);
    }

    const ALL: &str = r#"{"a":"mine","b":"mine"}"#;
    const NONE: &str = "{}";

    #[test]
    fn editors_lose_and_controllers_win() {
        check("kubectl-edit", json!({}), &[], (ALL, 0));
        check("k9s", json!({}), &[], (ALL, 0));
        // equal values are given up without a warning
        check("other", json!({}), &[], (NONE, 1));
    }

    #[test]
    fn annotations_decide_and_ignore_beats_force() {
        check("other", json!({"kluctl.io/force-apply": "true"}), &[], (ALL, 0));
        check(
            "other",
            json!({"kluctl.io/force-apply-field": "data.a"}),
            &[],
            (r#"{"a":"mine"}"#, 0),
        );
        check(
            "other",
            json!({"kluctl.io/force-apply-manager-1": "^oth"}),
            &[],
            (ALL, 0),
        );
        check(
            "kubectl",
            json!({"kluctl.io/force-apply": "true", "kluctl.io/ignore-conflicts-field": "data.b"}),
            &[],
            (r#"{"a":"mine"}"#, 0),
        );
        check(
            "kubectl",
            json!({"kluctl.io/ignore-conflicts": "true"}),
            &[],
            (NONE, 0),
        );
    }

    #[test]
    fn rules_match_by_object_and_field() {
        let rule = |kind: &str, regex: &str| ConflictRule {
            object: Match {
                kind: Some(kind.to_owned()),
                ..Match::default()
            },
            field_paths: Vec::new(),
            field_path_regexes: vec![regex.to_owned()],
            managers: Vec::new(),
            action: ConflictAction::ForceApply,
        };
        check("other", json!({}), &[rule("ConfigMap", "^data")], (ALL, 0));
        check("other", json!({}), &[rule("Secret", "^data")], (NONE, 1));
    }

    #[test]
    fn list_items_are_found_by_their_keys() {
        let object = |containers: Value, managed: Value| {
            Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "d", "managedFields": managed},
                "spec": {"containers": containers}}))
            .unwrap()
        };
        let managed = json!([{"manager": "other", "fieldsV1":
            {"f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {".": {}, "f:image": {}}}}}}]);
        let local = object(json!([{"name": "a"}, {"name": "b", "image": "1"}]), json!([]));
        let live = object(json!([{"name": "b", "image": "2"}, {"name": "a"}]), managed);
        let cause = Cause {
            reason: "FieldManagerConflict".to_owned(),
            message: "m".to_owned(),
            field: ".spec.containers[name=\"b\"].image".to_owned(),
        };
        let resolution = resolve(&local, &live, &[cause], &[]).unwrap();
        assert_eq!(
            resolution.object.at(&["spec", "containers"]).unwrap(),
            &json!([{"name": "a"}, {"name": "b"}])
        );
    }
}
