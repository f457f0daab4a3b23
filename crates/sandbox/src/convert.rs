//! Objects in another version of their kind than the one they are stored in.
//!
//! Custom resources have the same fields in all versions. Of the built-in ones only autoscalers and events do not.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::write::typed;

/// Reads a stored object in a version.
pub(crate) fn to_version(mut object: Object, to: &Resource) -> Object {
    let is_event = &*to.storage == "events";
    let is_autoscaler = to.is("autoscaling", "horizontalpodautoscalers");
    if is_autoscaler {
        let is_old = object.at(&["spec", "targetCPUUtilizationPercentage"]).is_some();
        match (is_old, to.version.as_str()) {
            (false, "v1") => autoscaler_to_v1(&mut object),
            (true, "v2") => autoscaler_to_v2(&mut object),
            _ => {}
        }
    }
    if is_event {
        match to.group.as_str() {
            "" => event_to_core(&mut object),
            _ => event_to_events(&mut object),
        }
    }
    typed(to, &mut object);
    object
}

/// Brings an object of a request into the form it is stored in.
pub(crate) fn to_storage(resource: &Resource, object: &mut Object) {
    if resource.is("autoscaling", "horizontalpodautoscalers") && resource.version == "v1" {
        autoscaler_to_v2(object);
    }
    if resource.is("events.k8s.io", "events") {
        event_to_core(object);
    }
}

/// Whether objects read in this version differ from the stored ones in more than their `apiVersion`.
pub(crate) fn differs_from_storage(resource: &Resource) -> bool {
    resource.is("autoscaling", "horizontalpodautoscalers") && resource.version == "v1"
        || resource.is("events.k8s.io", "events")
}

fn autoscaler_to_v1(object: &mut Object) {
    let metrics = object.remove(&["spec", "metrics"]).unwrap_or_default();
    let cpu = metrics.as_array().into_iter().flatten().find_map(|metric| {
        let is_cpu = metric.pointer("/resource/name") == Some(&json!("cpu"));
        let target = metric.pointer("/resource/target/averageUtilization").cloned();
        target.filter(|_| is_cpu)
    });
    if let Some(percentage) = cpu {
        object.set(&["spec", "targetCPUUtilizationPercentage"], percentage);
    }
    if let Some(behavior) = object.remove(&["spec", "behavior"]) {
        let text = behavior.to_string();
        object.set_annotation("autoscaling.alpha.kubernetes.io/behavior", &text);
    }
    object.remove(&["status", "currentMetrics"]);
    if let Some(conditions) = object.remove(&["status", "conditions"]) {
        let text = conditions.to_string();
        object.set_annotation("autoscaling.alpha.kubernetes.io/conditions", &text);
    }
    if object.at(&["status", "currentReplicas"]).is_none() {
        object.set(&["status", "currentReplicas"], json!(0));
    }
}

fn autoscaler_to_v2(object: &mut Object) {
    if let Some(percentage) = object.remove(&["spec", "targetCPUUtilizationPercentage"]) {
        let target = json!({"type": "Utilization", "averageUtilization": percentage});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        object.set(&["spec", "metrics"], json!([metric]));
    }
    for (annotation, place) in [
        ("autoscaling.alpha.kubernetes.io/behavior", ["spec", "behavior"]),
        (
            "autoscaling.alpha.kubernetes.io/conditions",
            ["status", "conditions"],
        ),
    ] {
        let value = object
            .annotation(annotation)
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(value) = value {
            object.remove_annotation(annotation);
            object.set(&place, value);
        }
    }
    if object.at(&["status", "currentMetrics"]).is_none() {
        object.set(&["status", "currentMetrics"], Value::Null);
    }
    if object.at(&["status", "currentReplicas"]) == Some(&json!(0)) {
        object.remove(&["status", "currentReplicas"]);
    }
}

/// Names of event fields in the core group and in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename(object: &mut Object, from: &str, to: &str) {
    if let Some(value) = object.as_map_mut().remove(from) {
        object.as_map_mut().insert(to.to_owned(), value);
    }
}

fn event_to_core(object: &mut Object) {
    for (core, events) in EVENT_FIELDS {
        rename(object, events, core);
    }
}

fn event_to_events(object: &mut Object) {
    for (core, events) in EVENT_FIELDS {
        rename(object, core, events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::built_in;

    #[test]
    fn autoscalers_change_between_versions() {
        let v1 = built_in("autoscaling", "v1", "horizontalpodautoscalers").unwrap();
        let v2 = built_in("autoscaling", "v2", "horizontalpodautoscalers").unwrap();
        let start = json!({"spec": {"targetCPUUtilizationPercentage": 50}, "status": {"currentReplicas": 0}});
        let there = to_version(Object::try_from(start).unwrap(), &v2);
        assert_eq!(
            there.at(&["spec", "metrics"]).unwrap()[0].pointer("/resource/target/averageUtilization"),
            Some(&json!(50))
        );
        let back = to_version(there, &v1);
        assert_eq!(
            back.at(&["spec", "targetCPUUtilizationPercentage"]),
            Some(&json!(50))
        );
    }
}
