//! What an update may not change.

use kluctl_object::Object;
use serde_json::Value;

use super::cluster::VOLUME_SETTINGS;
use crate::resources::Resource;
use crate::status::Cause;

const IMMUTABLE: &str = "field is immutable";

fn same(live: &Object, new: &Object, keys: &[&str]) -> bool {
    live.at(keys).unwrap_or(&Value::Null) == new.at(keys).unwrap_or(&Value::Null)
}

fn fixed(live: &Object, new: &Object, keys: &[&str], causes: &mut Vec<Cause>) {
    if !same(live, new, keys) {
        let value = new.at(keys).cloned().unwrap_or(Value::Null);
        causes.push(Cause::invalid(keys.join("."), value, IMMUTABLE));
    }
}

/// The same for fields that are told without their value.
fn unchanged(live: &Object, new: &Object, keys: &[&str], causes: &mut Vec<Cause>) {
    if !same(live, new, keys) {
        causes.push(Cause::invalid(keys.join("."), Value::Null, IMMUTABLE));
    }
}

/// Compares the immutable fields of a kind.
pub(super) fn check(resource: &Resource, live: &Object, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apps", "deployments" | "replicasets" | "daemonsets") => {
            fixed(live, new, &["spec", "selector"], &mut causes);
        }
        ("apps", "statefulsets") => stateful(live, new, &mut causes),
        ("batch", "jobs") => {
            for key in ["completions", "selector", "template", "completionMode"] {
                let elastic =
                    key == "completions" && live.str_at(&["spec", "completionMode"]) == Some("Indexed");
                let suspended =
                    key == "template" && live.at(&["spec", "suspend"]) == Some(&Value::Bool(true));
                if !elastic && !suspended {
                    fixed(live, new, &["spec", key], &mut causes);
                }
            }
            for key in [
                "podFailurePolicy",
                "backoffLimitPerIndex",
                "managedBy",
                "successPolicy",
            ] {
                fixed(live, new, &["spec", key], &mut causes);
            }
        }
        ("", "services") => service(live, new, &mut causes),
        ("", "configmaps" | "secrets") => frozen(resource, live, new, &mut causes),
        ("", "persistentvolumeclaims") => super::claims::update(live, new, &mut causes),
        ("", "pods") => pod(live, new, &mut causes),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings")
            if !same(live, new, &["roleRef"]) =>
        {
            let value = new.at(&["roleRef"]).cloned().unwrap_or_default();
            causes.push(Cause::invalid("roleRef", value, IMMUTABLE));
        }
        ("storage.k8s.io", "storageclasses") => {
            for key in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                unchanged(live, new, &[key], &mut causes);
            }
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            if !same(live, new, &["value"]) {
                causes.push(Cause::forbidden("value", "may not be changed in an update."));
            }
            fixed(live, new, &["preemptionPolicy"], &mut causes);
        }
        ("apps", "controllerrevisions") => fixed(live, new, &["data"], &mut causes),
        ("networking.k8s.io", "ingressclasses") if !same(live, new, &["spec", "controller"]) => {
            let shown = new.str_at(&["spec", "controller"]).unwrap_or_default();
            causes.push(Cause::invalid("spec.controller", shown, IMMUTABLE));
        }
        ("networking.k8s.io", "ipaddresses") => unchanged(live, new, &["spec", "parentRef"], &mut causes),
        ("networking.k8s.io", "servicecidrs") => {
            let list = |object: &Object| {
                let list = object.at(&["spec", "cidrs"]).and_then(Value::as_array);
                list.cloned().unwrap_or_default()
            };
            if list(live).len() != list(new).len() {
                causes.push(Cause::invalid("spec.cidrs", Value::Array(list(new)), IMMUTABLE));
                return causes;
            }
            for (index, (before, after)) in list(live).iter().zip(list(new)).enumerate() {
                if *before != after {
                    causes.push(Cause::invalid(format!("spec.cidrs[{index}]"), after, IMMUTABLE));
                }
            }
        }
        ("discovery.k8s.io", "endpointslices") => unchanged(live, new, &["addressType"], &mut causes),
        ("resource.k8s.io", "resourceclaims") => unchanged(live, new, &["spec"], &mut causes),
        ("resource.k8s.io", "resourceclaimtemplates") => fixed(live, new, &["spec"], &mut causes),
        ("storage.k8s.io", "csistoragecapacities") => {
            for key in ["nodeTopology", "storageClassName"] {
                fixed(live, new, &[key], &mut causes);
            }
        }
        ("storage.k8s.io", "csidrivers") => {
            if !same(live, new, &["spec", "attachRequired"]) {
                let value = new.at(&["spec", "attachRequired"]).cloned().unwrap_or_default();
                causes.push(Cause::invalid("spec.attachedRequired", value, IMMUTABLE));
            }
            fixed(live, new, &["spec", "volumeLifecycleModes"], &mut causes);
        }
        ("node.k8s.io", "runtimeclasses") => unchanged(live, new, &["handler"], &mut causes),
        ("", "resourcequotas") => fixed(live, new, &["spec", "scopes"], &mut causes),
        ("", "persistentvolumes") => volume(live, new, &mut causes),
        ("events.k8s.io", "events") => event(live, new, &mut causes),
        ("", "nodes") => {
            let networks = ["spec", "podCIDRs"];
            if live.at(&networks).is_some() && !same(live, new, &networks) {
                let detail = "node updates may not change podCIDR except from \"\" to valid";
                causes.push(Cause::forbidden("spec.podCIDRs", detail));
            }
            let id = ["spec", "providerID"];
            if live.at(&id).is_some() && new.at(&id).is_none() {
                let detail = "field cannot be cleared once set";
                causes.push(Cause::invalid("spec.providerID", Value::Null, detail));
            }
        }
        ("storage.k8s.io", "volumeattributesclasses") => {
            for key in ["driverName", "parameters"] {
                if !same(live, new, &[key]) {
                    let detail = format!("updates to {key} are forbidden.");
                    causes.push(Cause::forbidden(key, detail));
                }
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            for key in ["group", "scope"] {
                fixed(live, new, &["spec", key], &mut causes);
            }
            for key in ["kind", "plural"] {
                fixed(live, new, &["spec", "names", key], &mut causes);
            }
        }
        _ => {}
    }
    causes
}

/// Events are kept in the older group's form and told of in the newer one's words.
fn event(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    for (shown, key) in [
        ("action", "action"),
        ("reason", "reason"),
        ("reportingController", "reportingComponent"),
        ("reportingInstance", "reportingInstance"),
        ("type", "type"),
    ] {
        let text = |object: &Object| object.str_at(&[key]).unwrap_or_default().to_owned();
        if text(live) != text(new) {
            causes.push(Cause::invalid(shown, text(new), IMMUTABLE));
        }
    }
}

fn stateful(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    const SHOWN: [&str; 4] = [
        "selector",
        "serviceName",
        "podManagementPolicy",
        "volumeClaimTemplates",
    ];
    const MUTABLE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
        "revisionHistoryLimit",
    ];
    for key in SHOWN {
        fixed(live, new, &["spec", key], causes);
    }
    let rest = |object: &Object| -> Vec<(String, Value)> {
        let spec = object.at(&["spec"]).and_then(Value::as_object);
        spec.into_iter()
            .flatten()
            .filter(|(key, _)| !MUTABLE.contains(&key.as_str()) && !SHOWN.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    if rest(live) != rest(new) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", detail));
    }
}

fn service(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    let kind = |object: &Object| object.str_at(&["spec", "type"]).unwrap_or_default().to_owned();
    if kind(live) == "ExternalName" || kind(new) == "ExternalName" {
        return;
    }
    let before = live.at(&["spec", "clusterIPs"]).cloned().unwrap_or_default();
    let first = live.str_at(&["spec", "clusterIP"]).unwrap_or_default();
    let next = new.str_at(&["spec", "clusterIP"]).unwrap_or_default();
    let is_address = next == "None" || next.parse::<std::net::IpAddr>().is_ok() || next.is_empty();
    if !first.is_empty() && first != next && is_address {
        let value = new.at(&["spec", "clusterIPs"]).filter(|value| **value != before);
        let value = value.cloned().unwrap_or_else(|| serde_json::json!([next]));
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            value,
            "may not change once set",
        ));
    }
}

fn frozen(resource: &Resource, live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    if resource.plural == "secrets" {
        fixed(live, new, &["type"], causes);
    }
    if live.at(&["immutable"]) != Some(&Value::Bool(true)) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if new.at(&["immutable"]) != Some(&Value::Bool(true)) {
        causes.push(Cause::forbidden("immutable", detail));
    }
    for key in ["data", "binaryData"] {
        if !same(live, new, &[key]) {
            causes.push(Cause::forbidden(key, detail));
        }
    }
}

fn volume(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    let source = |object: &Object| {
        let mut spec = object.at(&["spec"]).cloned().unwrap_or_default();
        if let Some(map) = spec.as_object_mut() {
            map.retain(|key, _| !VOLUME_SETTINGS.contains(&key.as_str()));
        }
        spec
    };
    if source(live) != source(new) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        causes.push(Cause::forbidden("spec.persistentvolumesource", detail));
    }
    let at = |object: &Object, key: &str| object.at(&["spec", key]).cloned().unwrap_or_default();
    if at(live, "volumeMode") != at(new, "volumeMode") {
        causes.push(Cause::invalid("volumeMode", at(new, "volumeMode"), IMMUTABLE));
    }
    if !at(live, "nodeAffinity").is_null() && at(live, "nodeAffinity") != at(new, "nodeAffinity") {
        let detail = "field is immutable, except for updating from beta label to GA";
        causes.push(Cause::invalid("nodeAffinity", at(new, "nodeAffinity"), detail));
    }
}

fn pod(live: &Object, new: &Object, causes: &mut Vec<Cause>) {
    let list = |object: &Object, key: &str| {
        let list = object.at(&["spec", key]).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut is_other = false;
    for key in ["containers", "initContainers"] {
        if list(live, key).len() != list(new, key).len() {
            let detail = "pod updates may not add or remove containers";
            causes.push(Cause::forbidden(format!("spec.{key}"), detail));
            is_other = true;
        }
    }
    if is_other {
        return;
    }
    let tolerations = list(new, "tolerations");
    let stays = |old: &Value| {
        tolerations.iter().any(|new| {
            let mut new = new.clone();
            new["tolerationSeconds"] = old["tolerationSeconds"].clone();
            let mut old = old.clone();
            old["tolerationSeconds"] = new["tolerationSeconds"].clone();
            new == old
        })
    };
    if !list(live, "tolerations").iter().all(stays) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", detail));
    }
    let core = |object: &Object| {
        let mut spec = object.at(&["spec"]).cloned().unwrap_or_default();
        for key in ["containers", "initContainers"] {
            for container in spec[key].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        if let Some(map) = spec.as_object_mut() {
            let grace = live.at(&["spec", "terminationGracePeriodSeconds"]);
            let was_negative = grace.and_then(Value::as_i64).is_some_and(|seconds| seconds < 0);
            if was_negative || map["terminationGracePeriodSeconds"].is_null() {
                map.remove("terminationGracePeriodSeconds");
            }
            for key in [
                "activeDeadlineSeconds",
                "tolerations",
                "nodeName",
                "initContainers",
            ] {
                if key != "initContainers" || map[key].is_null() {
                    map.remove(key);
                }
            }
        }
        spec
    };
    if core(live) != core(new) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", detail));
    }
}
