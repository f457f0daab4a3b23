//! Who changed which field last, as the server keeps account of it.

use std::collections::BTreeSet;

use kluctl_managedfields::FieldSet;
use kluctl_object::{Key, KeyPath, Object};
use serde_json::Value;

use crate::conflicts::place;

/// Whoever set a field last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The field manager.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The subresource that was written; empty for the object itself.
    pub subresource: String,
    /// When, as the server writes times.
    pub time: String,
}

/// The owners of an object's fields, by the JSON paths that differences are told in.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    entries: Vec<(Owner, Vec<String>)>,
    secrets: Vec<(Owner, BTreeSet<String>)>,
}

impl Ownership {
    /// Reads what the server says. Entries that cannot be read own nothing.
    pub fn of(object: &Object) -> Self {
        let value = object.to_value();
        let entries = object
            .at(&["metadata", "managedFields"])
            .and_then(Value::as_array);
        let entries: Vec<&Value> = entries.into_iter().flatten().collect();
        let read = |entry: &&Value| {
            let set = FieldSet::from_fields(entry.get("fieldsV1")?).ok()?;
            let places: Vec<KeyPath> = set
                .paths()
                .iter()
                .filter_map(|path| place(&value, path))
                .collect();
            Some((owner(entry), leaves(&places, &value)))
        };
        Self {
            entries: entries.iter().filter_map(read).collect(),
            secrets: entries
                .iter()
                .map(|entry| (owner(entry), secret_keys(entry)))
                .collect(),
        }
    }

    /// Keys of a Secret that somebody has written who had not at an earlier time, each with its author.
    ///
    /// The server books what came as `stringData` under that name, where no path of the object leads to.
    pub fn secret_keys_since(&self, earlier: &Self) -> Vec<(String, &Owner)> {
        let had = |key: &String, owner: &Owner| {
            earlier
                .secrets
                .iter()
                .any(|(known, keys)| known == owner && keys.contains(key))
        };
        let all = self
            .secrets
            .iter()
            .flat_map(|(owner, keys)| keys.iter().map(move |key| (key, owner)));
        all.filter(|(key, owner)| !had(key, owner))
            .map(|(key, owner)| (key.clone(), owner))
            .collect()
    }

    /// Whether a manager has set the place, something below it, or a whole that it is a part of.
    pub fn has(&self, manager: &str, json_path: &str) -> bool {
        self.entries
            .iter()
            .filter(|(owner, _)| owner.manager == manager)
            .any(|(_, paths)| paths.iter().any(|path| meet(path, json_path)))
    }

    /// Whoever set the place, or a part of it, last.
    pub fn last(&self, json_path: &str) -> Option<&Owner> {
        self.entries
            .iter()
            .filter(|(_, paths)| paths.iter().any(|path| meet(path, json_path)))
            .map(|(owner, _)| owner)
            .max_by(|a, b| a.time.cmp(&b.time))
    }

    /// Whoever else than a manager wrote the object itself last, at or after a time.
    pub fn last_other(&self, manager: &str, since: &str) -> Option<&Owner> {
        self.entries
            .iter()
            .map(|(owner, _)| owner)
            .filter(|owner| owner.manager != manager && owner.subresource.is_empty() && *owner.time >= *since)
            .max_by(|a, b| a.time.cmp(&b.time))
    }
}

fn owner(entry: &Value) -> Owner {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Owner {
        manager: text("manager"),
        operation: text("operation"),
        subresource: text("subresource"),
        time: text("time"),
    }
}

/// The keys of `data` and `stringData` in an entry.
fn secret_keys(entry: &Value) -> BTreeSet<String> {
    let sections = ["f:data", "f:stringData"].into_iter();
    let keys = sections.filter_map(|section| entry.get("fieldsV1")?.get(section)?.as_object());
    keys.flat_map(|map| map.keys())
        .filter_map(|key| key.strip_prefix("f:"))
        .map(str::to_owned)
        .collect()
}

/// Whether one place is the other one, or inside of it.
fn meet(a: &str, b: &str) -> bool {
    let inside = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    inside(a, b) || inside(b, a)
}

/// The places that have no other one inside: owning a map does not mean owning all that others put into it.
fn leaves(places: &[KeyPath], value: &Value) -> Vec<String> {
    let is_leaf = |place: &KeyPath| {
        !places
            .iter()
            .any(|other| other.0.len() > place.0.len() && other.0.starts_with(&place.0))
    };
    places
        .iter()
        .filter(|place| is_leaf(place))
        .map(|place| as_compared(place, value).to_string())
        .collect()
}

/// The place under which differences name it: environment variables are compared by name.
fn as_compared(place: &KeyPath, value: &Value) -> KeyPath {
    let mut keys = place.0.clone();
    let names: Vec<Option<&str>> = keys
        .iter()
        .map(|key| match key {
            Key::Name(name) => Some(&**name),
            Key::Index(_) => None,
        })
        .collect();
    let in_container = matches!(
        *names,
        [
            Some("spec"),
            Some("template"),
            Some("spec"),
            Some("containers"),
            None,
            Some("env"),
            None,
            ..
        ]
    );
    if in_container {
        let variable = KeyPath(keys[..7].to_vec());
        let name = variable
            .get(value)
            .and_then(|variable| variable.get("name")?.as_str());
        if let Some(name) = name {
            keys[6] = Key::from(name);
        }
    }
    KeyPath(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment() -> Object {
        Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d",
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "managedFields": [
                {"manager": "kluctl", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {
                    "f:selector": {}, "f:replicas": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {
                        ".": {}, "f:name": {}, "f:env": {"k:{\"name\":\"AA\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}}},
                {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-02T00:00:00Z",
                    "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "controller", "operation": "Update", "time": "2026-01-03T00:00:00Z",
                    "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}}},
                {"manager": "controller", "operation": "Update", "time": "2026-01-04T00:00:00Z", "subresource": "status",
                    "fieldsV1": {"f:status": {}}}]},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [
                {"name": "c", "env": [{"name": "AA", "value": "1"}], "image": "i"}]}}}}))
        .unwrap()
    }

    #[test]
    fn fields_have_their_last_owner() {
        let ownership = Ownership::of(&deployment());
        let manager = |path: &str| ownership.last(path).map(|owner| &*owner.manager);
        assert_eq!(manager("spec.replicas"), Some("kubectl-edit"));
        assert_eq!(
            manager("spec.template.spec.containers[0].env.AA.value"),
            Some("kluctl")
        );
        assert_eq!(manager("spec.selector.matchLabels.a"), Some("kluctl"));
        assert_eq!(manager("metadata.annotations"), Some("controller"));
        assert_eq!(manager("spec.template.spec.containers[0].image"), None);
    }

    #[test]
    fn owning_one_key_of_a_map_is_not_owning_the_others() {
        let ownership = Ownership::of(&deployment());
        assert!(ownership.has("kluctl", "spec.replicas"));
        assert!(ownership.has("kluctl", "spec.selector.matchLabels.new"));
        assert!(!ownership.has("kluctl", "spec.template.spec.containers[1]"));
        assert!(!ownership.has("kluctl", "spec.template.spec.containers[0].env.BB"));
        assert!(!ownership.has("controller", "metadata.annotations.other"));
    }

    #[test]
    fn whoever_else_wrote_the_object_is_known_by_its_time() {
        let ownership = Ownership::of(&deployment());
        let other = |since: &str| ownership.last_other("kluctl", since).map(|o| &*o.manager);
        assert_eq!(other("2026-01-02T12:00:00Z"), Some("controller"));
        assert_eq!(other("2026-01-03T12:00:00Z"), None);
    }
}
