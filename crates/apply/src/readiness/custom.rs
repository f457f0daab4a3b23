//! Custom resources.

use super::Readiness;
use super::status::Status;

/// A custom resource with a `Ready` condition is ready when that is true; others as soon as they have a status.
///
/// Upstream looks at no condition. Source: kstatus, generic rules.
pub(super) fn conditions(status: &Status<'_>, found: &mut Readiness) {
    if let Some(stalled) = status.condition("Stalled", found)
        && stalled.is_true()
    {
        found.fail(stalled.message_or("Stalled"));
        return;
    }
    if let Some(ready) = status.condition("Ready", found)
        && !ready.is_true()
    {
        found.wait(ready.message_or("Not ready"));
    }
}

/// Cluster API's counterpart of a Deployment.
pub(super) fn machine_deployment(status: &Status<'_>, found: &mut Readiness) {
    for kind in ["Ready", "Available"] {
        let Some(condition) = status.needed_condition(kind, found) else {
            return;
        };
        if !condition.is_true() {
            found.wait(condition.message_or("Not ready"));
        }
    }
    let Some(ready) = status.needed_integer("readyReplicas", found) else {
        return;
    };
    let Some(replicas) = status.needed_integer("replicas", found) else {
        return;
    };
    let unavailable = status.integer("unavailableReplicas").unwrap_or(0);
    if ready < replicas {
        found.wait(format!(
            "readyReplicas ({ready}) is less then replicas ({replicas})"
        ));
    }
    if unavailable != 0 {
        found.wait(format!("unavailableReplicas ({unavailable}) != 0"));
    }
}
