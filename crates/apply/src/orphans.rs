//! Which live objects belong to nobody any more, and which may be deleted at all.

use std::collections::BTreeSet;

use kluctl_cluster::{Discovery, Scope};
use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

use crate::annotations::is_set;
use crate::kinds::is_namespace;

/// What a run includes, by the tags and item folders that objects carry.
pub trait Inclusion {
    /// Whether an object with these tags, in this item folder, belongs to the run.
    fn includes(&self, tags: &[&str], item_dir: Option<&str>) -> bool;
    /// Whether the run is limited by tags.
    fn has_tags(&self) -> bool;
}

/// Everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everything;

impl Inclusion for Everything {
    fn includes(&self, _tags: &[&str], _item_dir: Option<&str>) -> bool {
        true
    }

    fn has_tags(&self) -> bool {
        false
    }
}

/// Custom resources that go before the rest: their operators then clean up in order.
const EARLY_GROUPS: [&str; 7] = [
    "monitoring.coreos.com",
    "kafka.strimzi.io",
    "zookeeper.pravega.io",
    "elasticsearch.k8s.elastic.co",
    "cert-manager.io",
    "bitnami.com",
    "acid.zalan.do",
];

/// Workloads that go before what they use.
const EARLY_KINDS: [&str; 5] = ["Deployment", "StatefulSet", "DaemonSet", "Service", "Ingress"];

/// Whether an object must not be deleted, by its own annotations.
pub fn is_protected(object: &Object) -> bool {
    is_set(object, "kluctl.io/skip-delete") || object.annotation("helm.sh/resource-policy") == Some("keep")
}

/// Whether an object is ours: we manage fields of it, and no other object owns it.
pub fn is_managed(object: &Object) -> bool {
    if is_set(object, "kluctl.io/force-managed") {
        return true;
    }
    let is_empty = |keys: &[&str]| {
        object
            .at(keys)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    };
    let managers = object
        .at(&["metadata", "managedFields"])
        .and_then(Value::as_array);
    is_empty(&["metadata", "ownerReferences"])
        && managers
            .into_iter()
            .flatten()
            .any(|entry| entry["manager"] == crate::execute::MANAGER)
}

/// Live objects that may be deleted and are not among those to keep, in the order in which they should go.
///
/// Source: kluctl `pkg/deployment/utils/delete_utils.go`.
pub fn deletable<'a>(
    live: impl IntoIterator<Item = &'a Object>,
    keep: &[ObjectRef],
    inclusion: &dyn Inclusion,
    discovery: &Discovery,
) -> Vec<ObjectRef> {
    let keep: BTreeSet<ObjectRef> = keep
        .iter()
        .map(|reference| complete(reference, discovery))
        .collect();
    let mut found: Vec<(u8, ObjectRef)> = live
        .into_iter()
        .filter(|object| belongs(object, inclusion))
        .filter(|object| !is_protected(object) && is_managed(object))
        .filter(|object| !(inclusion.has_tags() && is_set(object, "kluctl.io/skip-delete-if-tags")))
        .map(Object::reference)
        .filter(|reference| !keep.contains(&complete(reference, discovery)))
        .map(|reference| (rank(&reference), reference))
        .collect();
    // inside a rank: by kind as results are sorted, then by name
    found.sort_by_cached_key(|(rank, reference)| {
        let namespace = reference.namespace.clone();
        (
            *rank,
            reference.gvk().to_string(),
            namespace,
            reference.name.clone(),
        )
    });
    found.into_iter().map(|(_, reference)| reference).collect()
}

/// Whether an object is part of what the run is limited to.
pub fn belongs(object: &Object, inclusion: &dyn Inclusion) -> bool {
    let labels = object.labels();
    let tags: Vec<&str> = labels
        .into_iter()
        .filter(|(key, _)| {
            let number = key.strip_prefix("kluctl.io/tag-");
            number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .map(|(_, value)| value)
        .collect();
    inclusion.includes(&tags, object.annotation("kluctl.io/deployment-item-dir"))
}

/// The reference as the server has it: namespace filled in or dropped by scope, version left out.
fn complete(reference: &ObjectRef, discovery: &Discovery) -> ObjectRef {
    let mut reference = reference.identity();
    match discovery.scope(&reference.group, &reference.kind) {
        Some(Scope::Cluster) => reference.namespace = None,
        Some(Scope::Namespaced) if reference.namespace.is_none() => {
            reference.namespace = Some("default".to_owned());
        }
        _ => {}
    }
    reference
}

fn rank(reference: &ObjectRef) -> u8 {
    if is_namespace(reference) {
        0
    } else if EARLY_GROUPS.contains(&&*reference.group) {
        1
    } else if EARLY_KINDS.contains(&&*reference.kind) {
        2
    } else {
        3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(api_version: &str, kind: &str, name: &str, more: Value) -> Object {
        let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name,
            "managedFields": [{"manager": "kluctl"}]}});
        for (key, part) in more.as_object().unwrap() {
            value["metadata"][key] = part.clone();
        }
        Object::try_from(value).unwrap()
    }

    struct OnlyTag(&'static str);

    impl Inclusion for OnlyTag {
        fn includes(&self, tags: &[&str], _item_dir: Option<&str>) -> bool {
            tags.contains(&self.0)
        }

        fn has_tags(&self) -> bool {
            true
        }
    }

    #[test]
    fn only_our_own_unprotected_objects_are_orphans_and_namespaces_come_first() {
        let annotated = |key: &str, value: &str| json!({"annotations": {key: value}});
        let live = [
            object("v1", "ConfigMap", "b", json!({})),
            object("v1", "ConfigMap", "a", json!({})),
            object("v1", "ConfigMap", "kept", json!({})),
            object(
                "v1",
                "ConfigMap",
                "owned",
                json!({"ownerReferences": [{"name": "x"}]}),
            ),
            object(
                "v1",
                "ConfigMap",
                "foreign",
                json!({"managedFields": [{"manager": "other"}]}),
            ),
            object(
                "v1",
                "ConfigMap",
                "skip",
                annotated("kluctl.io/skip-delete", "true"),
            ),
            object(
                "v1",
                "ConfigMap",
                "keep",
                annotated("helm.sh/resource-policy", "keep"),
            ),
            object(
                "v1",
                "ConfigMap",
                "forced",
                json!({"managedFields": [], "annotations": {"kluctl.io/force-managed": "true"}}),
            ),
            object("apps/v1", "Deployment", "d", json!({})),
            object("cert-manager.io/v1", "Certificate", "c", json!({})),
            object("v1", "Namespace", "n", json!({})),
        ];
        let keep = [live[2].reference()];
        let found = deletable(&live, &keep, &Everything, &Discovery::default());
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "Namespace/n",
                "Certificate/c",
                "Deployment/d",
                "ConfigMap/a",
                "ConfigMap/b",
                "ConfigMap/forced"
            ]
        );
    }

    #[test]
    fn tags_limit_what_is_found() {
        let tagged = |name: &str, tag: &str, more: Value| {
            let mut metadata = json!({"labels": {"kluctl.io/tag-0": tag}});
            metadata
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            object("v1", "ConfigMap", name, metadata)
        };
        let live = [
            tagged("in", "a", json!({})),
            tagged("out", "b", json!({})),
            tagged(
                "careful",
                "a",
                json!({"annotations": {"kluctl.io/skip-delete-if-tags": "true"}}),
            ),
        ];
        let found = deletable(&live, &[], &OnlyTag("a"), &Discovery::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "in");
    }
}
