//! Built-in kinds that run nothing.

use kluctl_object::Object;
use serde_json::Value;

use super::Readiness;
use super::status::Status;

/// A claim is ready when it is bound.
pub(super) fn volume_claim(status: &Status<'_>, found: &mut Readiness) {
    match status.at(&["phase"]).and_then(Value::as_str) {
        Some("Bound") => {}
        Some(_) => found.wait("Volume is not bound"),
        None => found.wait("phase field not in status or empty"),
    }
}

/// A Service is ready when it has an address, and a load balancer's one too if it asks for it.
pub(super) fn service(object: &Object, status: &Status<'_>, found: &mut Readiness) {
    let kind = object.str_at(&["spec", "type"]).unwrap_or("ClusterIP");
    if kind == "ExternalName" {
        return;
    }
    let is_empty_list = |value: Option<&Value>| value.and_then(Value::as_array).is_none_or(Vec::is_empty);
    if object
        .str_at(&["spec", "clusterIP"])
        .unwrap_or_default()
        .is_empty()
    {
        found.fail("Service does not have a cluster IP");
    } else if kind == "LoadBalancer"
        && is_empty_list(object.at(&["spec", "externalIPs"]))
        && is_empty_list(status.at(&["loadBalancer", "ingress"]))
    {
        found.wait("Not ready");
    }
}

/// A Namespace is ready when it is not on its way out.
pub(super) fn namespace(status: &Status<'_>, found: &mut Readiness) {
    if status.at(&["phase"]).and_then(Value::as_str) == Some("Terminating") {
        found.wait("Namespace is terminating");
    }
}

/// An APIService is ready when the server behind it answers.
pub(super) fn api_service(status: &Status<'_>, found: &mut Readiness) {
    let available = status.needed_condition("Available", found).unwrap_or_default();
    if found.ready && !available.is_true() {
        found.wait(available.message_or("APIService is not available"));
    }
}

/// A definition is ready when it is established, or refused for its names: waiting longer would not help.
///
/// Source: helm `pkg/kube/ready.go`.
pub(super) fn definition(status: &Status<'_>, found: &mut Readiness) {
    let established = status.condition("Established", found).unwrap_or_default();
    if established.is_true() {
        return;
    }
    if let Some(accepted) = status.needed_condition("NamesAccepted", found)
        && !accepted.is_false()
    {
        found.wait("CRD is not ready");
    }
}
