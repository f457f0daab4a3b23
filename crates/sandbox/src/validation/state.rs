//! What a status may not say.
//!
//! Source: kubernetes `pkg/apis/{apps,core}/validation`.

use kluctl_object::Object;
use serde_json::{Value, json};

use super::{at_least_zero, items, number, text};
use crate::resources::Resource;
use crate::status::Cause;

/// Checks the status of a kind.
pub(super) fn check(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let nothing = json!({});
    let status = object.at(&["status"]).unwrap_or(&nothing);
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "services") => {
            let kind = object.str_at(&["spec", "type"]).unwrap_or_default();
            let given = items(&status["loadBalancer"], "ingress");
            if !given.is_empty() && kind != "LoadBalancer" {
                let detail = "may only be used when `spec.type` is 'LoadBalancer'";
                causes.push(Cause::forbidden("status.loadBalancer.ingress", detail));
            }
            for (index, entry) in given.iter().enumerate() {
                let address = text(entry, "ip");
                if !address.is_empty() {
                    let field = format!("status.loadBalancer.ingress[{index}].ip");
                    super::placement::address(address, field, &mut causes);
                }
            }
        }
        ("apps", "deployments") => {
            let keys = [
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
                "unavailableReplicas",
            ];
            counts(
                status,
                &keys,
                &["updatedReplicas", "readyReplicas", "availableReplicas"],
                &mut causes,
            );
        }
        ("apps", "replicasets") | ("", "replicationcontrollers") => {
            let keys = [
                "replicas",
                "fullyLabeledReplicas",
                "readyReplicas",
                "availableReplicas",
            ];
            counts(
                status,
                &keys,
                &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
                &mut causes,
            );
        }
        ("apps", "statefulsets") => {
            let keys = [
                "replicas",
                "readyReplicas",
                "currentReplicas",
                "updatedReplicas",
                "availableReplicas",
            ];
            counts(
                status,
                &keys,
                &[
                    "readyReplicas",
                    "currentReplicas",
                    "updatedReplicas",
                    "availableReplicas",
                ],
                &mut causes,
            );
        }
        _ => {}
    }
    causes
}

/// Numbers of Pods: none below zero, no part greater than all.
fn counts(status: &Value, keys: &[&str], parts: &[&str], causes: &mut Vec<Cause>) {
    for key in keys {
        at_least_zero(number(status, key), &format!("status.{key}"), causes);
    }
    let all = number(status, "replicas");
    for part in parts {
        let count = number(status, part);
        if count > all {
            let detail = "cannot be greater than status.replicas";
            causes.push(Cause::invalid(format!("status.{part}"), count, detail));
        }
    }
    let (available, ready) = (
        number(status, "availableReplicas"),
        number(status, "readyReplicas"),
    );
    if available > ready {
        let detail = "cannot be greater than readyReplicas";
        causes.push(Cause::invalid("status.availableReplicas", available, detail));
    }
}
