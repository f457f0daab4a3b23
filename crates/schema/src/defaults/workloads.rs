//! Defaults of Deployments and their like.
//!
//! Source: kubernetes `pkg/apis/apps/v1/defaults.go` and `conversion.go`.

use serde_json::{Value, json};

use super::{Entries, empty, existing, map_at, missing, text};

pub(super) fn fill(kind: &str, entries: &mut Entries) {
    match kind {
        "DeploymentSpec" => deployment(entries),
        "DaemonSet" => template_generation(entries),
        "DaemonSetSpec" => daemon_set(entries),
        "StatefulSetSpec" => stateful_set(entries),
        "ReplicaSetSpec" => missing(entries, "replicas", 1),
        _ => {}
    }
}

fn deployment(spec: &mut Entries) {
    missing(spec, "replicas", 1);
    if let Some(strategy) = map_at(spec, "strategy") {
        empty(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = map_at(strategy, "rollingUpdate")
        {
            missing(update, "maxUnavailable", "25%");
            missing(update, "maxSurge", "25%");
        }
    }
    missing(spec, "revisionHistoryLimit", 10);
    missing(spec, "progressDeadlineSeconds", 600);
}

/// The server keeps a number there that older versions had a field for; it counts on when it stores the object.
fn template_generation(entries: &mut Entries) {
    if let Some(metadata) = map_at(entries, "metadata")
        && let Some(annotations) = map_at(metadata, "annotations")
    {
        missing(annotations, "deprecated.daemonset.template.generation", "0");
    }
}

fn daemon_set(spec: &mut Entries) {
    if let Some(strategy) = map_at(spec, "updateStrategy") {
        empty(strategy, "type", "RollingUpdate");
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = map_at(strategy, "rollingUpdate")
        {
            missing(update, "maxUnavailable", 1);
            missing(update, "maxSurge", 0);
        }
    }
    missing(spec, "revisionHistoryLimit", 10);
}

fn stateful_set(spec: &mut Entries) {
    empty(spec, "podManagementPolicy", "OrderedReady");
    if let Some(strategy) = map_at(spec, "updateStrategy") {
        if text(strategy, "type").is_empty() {
            empty(strategy, "type", "RollingUpdate");
            missing(strategy, "rollingUpdate", json!({}));
        }
        if text(strategy, "type") == "RollingUpdate"
            && let Some(update) = existing(strategy, "rollingUpdate")
        {
            missing(update, "partition", 0);
            missing(update, "maxUnavailable", 1);
        }
    }
    if let Some(policy) = map_at(spec, "persistentVolumeClaimRetentionPolicy") {
        empty(policy, "whenDeleted", "Retain");
        empty(policy, "whenScaled", "Retain");
    }
    missing(spec, "replicas", 1);
    missing(spec, "revisionHistoryLimit", 10);
    let claims = spec.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten().filter_map(Value::as_object_mut) {
        empty(claim, "apiVersion", "v1");
        empty(claim, "kind", "PersistentVolumeClaim");
    }
}
