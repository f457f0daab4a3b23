//! What every object's metadata must look like.

use kluctl_object::Object;
use serde_json::Value;

use crate::names;
use crate::resources::Resource;
use crate::status::Cause;
use crate::strategy;

/// Names, labels, annotations and the rest of a new object.
pub(crate) fn create(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = object.name();
    let prefix = object
        .str_at(&["metadata", "generateName"])
        .filter(|prefix| !prefix.is_empty());
    if let Some(prefix) = prefix {
        // What is added goes on after a dash.
        let masked = match prefix.strip_suffix('-') {
            Some(start) if !start.is_empty() => format!("{start}a"),
            _ => prefix.to_owned(),
        };
        for why in strategy::name_errors(resource, &masked) {
            causes.push(Cause::invalid("metadata.generateName", prefix, why));
        }
    }
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        for why in strategy::name_errors(resource, name) {
            causes.push(Cause::invalid("metadata.name", name, why));
        }
    }
    let strict = is_strict(resource) || resource.is("", "events");
    causes.extend(common(object, strict && names_finalizers(object)));
    causes
}

fn common(object: &Object, finalizers_are_known: bool) -> Vec<Cause> {
    const MAX_ANNOTATIONS: usize = 256 * 1024;
    let mut causes = Vec::new();
    let map = |key: &str| object.at(&["metadata", key]).and_then(Value::as_object);
    causes.extend(labels(map("labels").into_iter().flatten(), "metadata.labels"));
    let mut size = 0;
    for (key, value) in map("annotations").into_iter().flatten() {
        for why in names::qualified_name(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", key.as_str(), why));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MAX_ANNOTATIONS {
        causes.push(Cause::new(
            crate::status::CauseKind::TooLong,
            "metadata.annotations",
            Value::Null,
            "may not be more than 262144 bytes",
        ));
    }
    let owners = object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    let mut controllers: Vec<&str> = Vec::new();
    for (index, owner) in owners.into_iter().flatten().enumerate() {
        let field = format!("metadata.ownerReferences[{index}]");
        let text = |key: &str| owner[key].as_str().unwrap_or_default();
        for key in ["apiVersion", "kind", "name", "uid"] {
            if text(key).is_empty() {
                causes.push(Cause::required(format!("{field}.{key}"), "must not be empty"));
            }
        }
        if owner["controller"] == true {
            controllers.push(text("name"));
        }
    }
    if controllers.len() > 1 {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            controllers[0], controllers[1]
        );
        causes.push(Cause::invalid("metadata.ownerReferences", Value::Null, detail));
    }
    let finalizers = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
    for (index, finalizer) in finalizers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .enumerate()
    {
        let field = format!("metadata.finalizers[{index}]");
        for why in names::qualified_name(finalizer) {
            causes.push(Cause::invalid(field.as_str(), finalizer, why));
        }
        let known = ["orphan", "foregroundDeletion", "kubernetes"];
        if finalizers_are_known
            && !finalizer.contains('/')
            && !known.contains(&finalizer)
            && !finalizer.contains('.')
        {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(field, finalizer, detail));
        }
    }
    causes
}

/// Whether the API server's own kinds of finalizers are the only ones without a domain.
fn is_strict(resource: &Resource) -> bool {
    !matches!(
        resource.group.as_str(),
        "apiregistration.k8s.io"
            | "policy"
            | "admissionregistration.k8s.io"
            | "node.k8s.io"
            | "coordination.k8s.io"
    ) && !resource.is("", "events")
}

/// Finalizers of custom objects and their definitions may have any name.
fn names_finalizers(object: &Object) -> bool {
    let gvk = object.gvk();
    gvk.kind != "CustomResourceDefinition" && kluctl_schema::kubernetes().type_of(&gvk).is_some()
}

/// Keys and values of labels.
pub(crate) fn labels<'a>(labels: impl Iterator<Item = (&'a String, &'a Value)>, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels {
        for why in names::qualified_name(key) {
            causes.push(Cause::invalid(field, key.as_str(), why));
        }
        let value = value.as_str().unwrap_or_default();
        for why in names::label_value(value) {
            causes.push(Cause::invalid(field, value, why));
        }
    }
    causes
}

/// What an update may not change.
pub(crate) fn update(resource: &Resource, live: &Object, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = |object: &Object| -> Vec<Value> {
        let finalizers = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
        finalizers.cloned().unwrap_or_default()
    };
    if live.at(&["metadata", "deletionTimestamp"]).is_some() {
        let before = list(live);
        let added: Vec<String> = list(new)
            .iter()
            .filter(|name| !before.contains(name))
            .map(|name| format!("\"{}\"", name.as_str().unwrap_or_default()))
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", detail));
        }
    }
    causes.extend(common(new, is_strict(resource) && names_finalizers(new)));
    causes
}
