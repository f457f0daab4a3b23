//! Defaults of Deployments and their like.
//!
//! Source: kubernetes `pkg/apis/apps/v1/defaults.go` and `conversion.go`.

use serde_json::json;

use super::{Entries, empty, existing, map_at, missing, text};

pub(super) fn fill(kind: &str, entries: &mut Entries) {
    match kind {
        "DeploymentSpec" => deployment(entries),
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
}
