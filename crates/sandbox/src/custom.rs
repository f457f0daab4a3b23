//! Custom resources: what a `CustomResourceDefinition` makes of itself.
//!
//! Source: apiextensions-apiserver `pkg/controller/{status,establish}`, `pkg/apiserver/customresource_handler.go`.

use std::sync::Arc;

use kluctl_object::Object;
use kluctl_schema::{Subresource, from_schema};
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::qualified;

/// What a custom resource has beyond a built-in one.
#[derive(Debug)]
pub(crate) struct Custom {
    /// `additionalPrinterColumns` as written.
    pub(crate) columns: Vec<Value>,
    /// `subresources.scale` as written.
    pub(crate) scale: Option<Value>,
    /// JSON paths of `selectableFields`, without the leading dot.
    pub(crate) selectable: Vec<String>,
    /// The schema as written.
    pub(crate) schema: Value,
    /// Whether there are rules in the schema (`x-kubernetes-validations`).
    pub(crate) has_rules: bool,
    /// `deprecationWarning`, or the text an API server makes up.
    pub(crate) warning: Option<String>,
}

/// In the order in which an API server tells them.
const ALL_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

/// By which clients tell whether the version in which objects are stored has changed.
///
/// Source: apiserver `pkg/endpoints/discovery/storageversionhash.go`.
fn storage_version_hash(group: &str, version: &str, kind: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{group}/{version}/{kind}"));
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| Some(item.as_str()?.to_owned()))
        .collect()
}

fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key == "x-kubernetes-validations" || has_rules(value)),
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

/// The served versions of a definition, if its names were accepted.
pub(crate) fn versions(definition: &Object) -> Vec<Arc<Resource>> {
    let text = |keys: &[&str]| definition.str_at(keys).unwrap_or_default().to_owned();
    let names = |key: &str| text(&["spec", "names", key]);
    let group = text(&["spec", "group"]);
    let plural = names("plural");
    let kind = names("kind");
    let list = definition.at(&["spec", "versions"]).and_then(Value::as_array);
    let preserve_all = definition.at(&["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true));
    let stored = list
        .into_iter()
        .flatten()
        .find(|version| version["storage"].as_bool() == Some(true))
        .and_then(|version| version["name"].as_str())
        .unwrap_or_default();
    let hash = storage_version_hash(&group, stored, &kind);
    let served = list
        .into_iter()
        .flatten()
        .filter(|version| version["served"].as_bool() == Some(true));
    served
        .map(|version| {
            let name = version["name"].as_str().unwrap_or_default().to_owned();
            let schema = version
                .pointer("/schema/openAPIV3Schema")
                .cloned()
                .unwrap_or_else(|| json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
            let mut subresources = Vec::new();
            let part = |name: &str, group: &str, version: &str, kind: &str| Subresource {
                name: name.to_owned(),
                group: group.to_owned(),
                version: version.to_owned(),
                kind: kind.to_owned(),
                verbs: ["get", "patch", "update"].map(str::to_owned).to_vec(),
            };
            let scale = version.pointer("/subresources/scale").cloned();
            if version.pointer("/subresources/status").is_some() {
                subresources.push(part("status", "", "", &kind));
            }
            if scale.is_some() {
                subresources.push(part("scale", "autoscaling", "v1", "Scale"));
            }
            let deprecated = version["deprecated"].as_bool() == Some(true);
            let warning = version["deprecationWarning"]
                .as_str()
                .map_or_else(|| format!("{group}/{name} {kind} is deprecated"), str::to_owned);
            let selectable = version["selectableFields"].as_array();
            Arc::new(Resource {
                group: group.clone(),
                version: name,
                plural: plural.clone(),
                singular: names("singular"),
                kind: kind.clone(),
                list_kind: names("listKind"),
                namespaced: definition.str_at(&["spec", "scope"]) == Some("Namespaced"),
                short_names: texts(definition.at(&["spec", "names", "shortNames"])),
                categories: texts(definition.at(&["spec", "names", "categories"])),
                verbs: ALL_VERBS.map(str::to_owned).to_vec(),
                subresources,
                storage_version_hash: hash.clone(),
                storage: qualified(&plural, &group).into(),
                ty: from_schema(&schema, preserve_all),
                custom: Some(Arc::new(Custom {
                    columns: version["additionalPrinterColumns"]
                        .as_array()
                        .cloned()
                        .unwrap_or_default(),
                    scale,
                    selectable: selectable
                        .into_iter()
                        .flatten()
                        .filter_map(|field| {
                            Some(field["jsonPath"].as_str()?.trim_start_matches('.').to_owned())
                        })
                        .collect(),
                    has_rules: has_rules(&schema),
                    schema,
                    warning: deprecated.then_some(warning),
                })),
            })
        })
        .collect()
}

/// Whether the names of a definition may be served.
pub(crate) fn is_established(definition: &Object) -> bool {
    condition(definition, "Established") == Some("True")
}

fn condition<'a>(definition: &'a Object, name: &str) -> Option<&'a str> {
    let conditions = definition.at(&["status", "conditions"])?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == name)?["status"].as_str()
}

/// Sets accepted names and the conditions that follow; tells whether anything changed.
pub(crate) fn establish(definition: &mut Object, taken: impl Fn(&str) -> Option<String>, now: &str) -> bool {
    let wanted = definition.at(&["spec", "names"]).cloned().unwrap_or_default();
    let conflict = ["plural", "singular", "kind", "listKind"]
        .into_iter()
        .filter_map(|key| wanted[key].as_str())
        .find_map(&taken);
    if conflict.is_none()
        && is_established(definition)
        && definition.at(&["status", "acceptedNames"]) == Some(&wanted)
    {
        return false;
    }
    let conditions = match &conflict {
        None => {
            definition.set(&["status", "acceptedNames"], wanted);
            json!([
                {"lastTransitionTime": now, "message": "no conflicts found",
                 "reason": "NoConflicts", "status": "True", "type": "NamesAccepted"},
                {"lastTransitionTime": now, "message": "the initial names have been accepted",
                 "reason": "InitialNamesAccepted", "status": "True", "type": "Established"},
            ])
        }
        Some(message) => json!([
            {"lastTransitionTime": now, "message": message,
             "reason": "NamesConflict", "status": "False", "type": "NamesAccepted"},
            {"lastTransitionTime": now, "message": "not all names are accepted",
             "reason": "NotAccepted", "status": "False", "type": "Established"},
        ]),
    };
    let old = definition
        .at(&["status", "conditions"])
        .cloned()
        .unwrap_or_default();
    let mut merged = conditions;
    if let Some(list) = merged.as_array_mut() {
        for condition in list {
            let before = old.as_array().into_iter().flatten().find(|before| {
                before["type"] == condition["type"] && before["status"] == condition["status"]
            });
            if let Some(before) = before {
                condition["lastTransitionTime"] = before["lastTransitionTime"].clone();
            }
        }
    }
    let changed = definition.at(&["status", "conditions"]) != Some(&merged);
    definition.set(&["status", "conditions"], merged);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Object {
        Object::try_from(json!({
            "metadata": {"name": "widgets.example.com", "generation": 1},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
                "versions": [
                    {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                     "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}},
                    {"name": "v0", "served": false, "storage": false},
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn served_versions_become_resources() {
        let versions = versions(&definition());
        assert_eq!(versions.len(), 1);
        assert!(versions[0].has_status());
        assert_eq!(&*versions[0].storage, "widgets.example.com");
    }

    #[test]
    fn free_names_are_accepted_and_taken_ones_are_not() {
        let mut free = definition();
        assert!(establish(&mut free, |_| None, "2026-01-01T00:00:00Z"));
        assert!(is_established(&free));
        assert!(!establish(&mut free, |_| None, "2026-01-02T00:00:00Z"));
        let mut taken = definition();
        establish(
            &mut taken,
            |name| (name == "Widget").then(|| "taken".to_owned()),
            "t",
        );
        assert!(!is_established(&taken));
    }
}
