//! Kinds that a run brings along: what its CustomResourceDefinitions define.

use kluctl_cluster::{ApiResource, Scope};
use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

/// Whether an object is a Namespace.
pub(crate) fn is_namespace(object: &ObjectRef) -> bool {
    object.group.is_empty() && object.kind == "Namespace"
}

/// Whether an object defines kinds.
pub(crate) fn is_crd(object: &ObjectRef) -> bool {
    object.group == "apiextensions.k8s.io" && object.kind == "CustomResourceDefinition"
}

/// The kinds that a CustomResourceDefinition defines, one per served version; none for other objects.
pub fn defined_kinds(object: &Object) -> Vec<ApiResource> {
    if !is_crd(&object.reference()) {
        return Vec::new();
    }
    let text = |path: &[&str]| object.str_at(path).unwrap_or_default().to_owned();
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let scope = if object.str_at(&["spec", "scope"]) == Some("Cluster") {
        Scope::Cluster
    } else {
        Scope::Namespaced
    };
    let versions = object.at(&["spec", "versions"]).and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] != false)
        .map(|version| ApiResource {
            group: text(&["spec", "group"]),
            version: version["name"].as_str().unwrap_or_default().to_owned(),
            kind: text(&["spec", "names", "kind"]),
            plural: text(&["spec", "names", "plural"]),
            scope,
            verbs: verbs.map(str::to_owned).to_vec(),
            subresources: match version["subresources"].as_object() {
                Some(map) => map.keys().cloned().collect(),
                None => Vec::new(),
            },
        })
        .collect()
}

/// Whether one object must exist before another can: its Namespace, or the definition of its kind.
pub(crate) fn enables(first: &Object, then: &Object) -> bool {
    let reference = first.reference();
    if is_namespace(&reference) {
        then.namespace() == Some(&*reference.name)
    } else if is_crd(&reference) {
        first.str_at(&["spec", "group"]) == Some(&then.gvk().group)
            && first.str_at(&["spec", "names", "kind"]) == Some(then.kind())
    } else {
        false
    }
}
