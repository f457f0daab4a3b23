//! Kinds that run Pods.

use kluctl_object::Object;
use serde_json::Value;

use super::Readiness;
use super::status::Status;

/// A Pod is ready when its `Ready` condition says so, or when it has run to its end.
///
/// Upstream takes only completed Pods for ready, so that a bare Pod that serves never is.
pub(super) fn pod(status: &Status<'_>, found: &mut Readiness) {
    for container in status
        .at(&["containerStatuses"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if container["state"]["terminated"]["reason"] == "Error" {
            let name = container["name"].as_str().unwrap_or_default();
            found.fail(format!("container {name} exited with error"));
        }
    }
    match status.at(&["phase"]).and_then(Value::as_str) {
        Some("Succeeded") => return,
        Some("Failed") => {
            let message = status
                .at(&["message"])
                .and_then(Value::as_str)
                .unwrap_or("Pod failed");
            if found.errors.is_empty() {
                found.fail(message);
            }
            return;
        }
        _ => {}
    }
    let condition = status.needed_condition("Ready", found).unwrap_or_default();
    let completed = condition.is_false() && condition.reason == "PodCompleted";
    if !completed && !condition.is_true() {
        found.wait("Not ready");
    }
}

/// A Job is ready when it is complete, and failed when it says so.
pub(super) fn job(status: &Status<'_>, found: &mut Readiness) {
    let failed = status.condition("Failed", found).unwrap_or_default();
    if failed.is_true() {
        found.fail(failed.message_or("Failed"));
        return;
    }
    let complete = status.condition("Complete", found).unwrap_or_default();
    if !complete.is_true() {
        found.wait(complete.message_or("Not completed"));
    }
}

/// A Deployment is ready when all its replicas are, and none is left to update.
pub(super) fn deployment(object: &Object, status: &Status<'_>, found: &mut Readiness) {
    let wanted = object
        .at(&["spec", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(0);
    if wanted == 0 {
        return;
    }
    let Some(ready) = status.needed_integer("readyReplicas", found) else {
        return;
    };
    let Some(replicas) = status.needed_integer("replicas", found) else {
        return;
    };
    if ready < replicas {
        found.wait(format!(
            "readyReplicas ({ready}) is less then replicas ({replicas})"
        ));
    } else if let Some(updated) = status.integer("updatedReplicas")
        && updated < wanted
    {
        found.wait(format!(
            "updatedReplicas ({updated}) is less then replicas ({wanted})"
        ));
    }
}

/// A ReplicaSet or ReplicationController is ready when all its replicas are.
pub(super) fn replica_set(object: &Object, status: &Status<'_>, found: &mut Readiness) {
    let wanted = object
        .at(&["spec", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let ready = status.integer("readyReplicas").unwrap_or(0);
    if ready < wanted {
        found.wait(format!(
            "readyReplicas ({ready}) is less then replicas ({wanted})"
        ));
    }
}

fn is_rolling(object: &Object) -> bool {
    let strategy = object.str_at(&["spec", "updateStrategy", "type"]);
    strategy.is_none_or(|strategy| strategy == "RollingUpdate")
}

/// A StatefulSet is ready when all replicas beyond the partition are updated, and all are ready.
pub(super) fn stateful_set(object: &Object, status: &Status<'_>, found: &mut Readiness) {
    let replicas = object
        .at(&["spec", "replicas"])
        .and_then(Value::as_i64)
        .unwrap_or(1);
    if replicas == 0 {
        return;
    }
    if is_rolling(object) {
        let path = ["spec", "updateStrategy", "rollingUpdate", "partition"];
        let partition = object.at(&path).and_then(Value::as_i64).unwrap_or(0);
        let expected = (replicas - partition).max(0);
        // with everything held back by the partition the server leaves the field out
        let updated = if expected == 0 {
            Some(status.integer("updatedReplicas").unwrap_or(0))
        } else {
            status.needed_integer("updatedReplicas", found)
        };
        let Some(updated) = updated else { return };
        if updated < expected {
            found.wait(format!(
                "StatefulSet is not ready. {updated} out of {expected} expected pods have been scheduled"
            ));
            return;
        }
    }
    let Some(ready) = status.needed_integer("readyReplicas", found) else {
        return;
    };
    if ready != replicas {
        found.wait(format!(
            "StatefulSet is not ready. {ready} out of {replicas} expected pods are ready"
        ));
    }
}

/// A DaemonSet is ready when every node that should run it does, but for those that may be unavailable.
pub(super) fn daemon_set(object: &Object, status: &Status<'_>, found: &mut Readiness) {
    if !is_rolling(object) {
        if let Some(desired) = status.needed_integer("desiredNumberScheduled", found) {
            enough_ready(desired, status, found);
        }
        return;
    }
    let Some(updated) = status.needed_integer("updatedNumberScheduled", found) else {
        return;
    };
    let Some(desired) = status.needed_integer("desiredNumberScheduled", found) else {
        return;
    };
    if updated != desired {
        found.wait(format!(
            "DaemonSet is not ready. {updated} out of {desired} expected pods have been scheduled"
        ));
        return;
    }
    let path = ["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"];
    let unavailable = share_of(object.at(&path), desired).unwrap_or(1);
    enough_ready(desired - unavailable, status, found);
}

fn enough_ready(expected: i64, status: &Status<'_>, found: &mut Readiness) {
    let Some(ready) = status.needed_integer("numberReady", found) else {
        return;
    };
    if ready < expected {
        found.wait(format!(
            "DaemonSet is not ready. {ready} out of {expected} expected pods are ready"
        ));
    }
}

/// A number, or a percentage of a total rounded down.
fn share_of(value: Option<&Value>, total: i64) -> Option<i64> {
    match value? {
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().ok()?;
            Some(percent * total / 100)
        }
        other => other.as_i64(),
    }
}
