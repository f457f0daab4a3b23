//! Defaults of the smaller groups.
//!
//! Source: kubernetes `pkg/apis/*/v1/defaults.go`; apiextensions-apiserver and kube-aggregator likewise.

use serde_json::{Value, json};

use super::{Entries, empty, existing, map_at, missing, text};

const RBAC: &str = "rbac.authorization.k8s.io";

pub(super) fn fill(package: &str, kind: &str, entries: &mut Entries) {
    match (package, kind) {
        ("api.rbac.v1", "RoleRef") => empty(entries, "apiGroup", RBAC),
        ("api.rbac.v1", "Subject") if matches!(text(entries, "kind"), "User" | "Group") => {
            empty(entries, "apiGroup", RBAC);
        }
        ("api.autoscaling.v1", "HorizontalPodAutoscalerSpec") => {
            missing(entries, "minReplicas", 1);
            missing(entries, "targetCPUUtilizationPercentage", 80);
        }
        ("api.autoscaling.v2", "HorizontalPodAutoscalerSpec") => autoscaler(entries),
        ("api.networking.v1", "NetworkPolicyPort") => missing(entries, "protocol", "TCP"),
        ("api.networking.v1", "NetworkPolicySpec") => {
            let has_egress = entries
                .get("egress")
                .and_then(Value::as_array)
                .is_some_and(|list| !list.is_empty());
            let types = if has_egress {
                json!(["Ingress", "Egress"])
            } else {
                json!(["Ingress"])
            };
            empty(entries, "policyTypes", types);
        }
        ("api.networking.v1", "IngressClassParametersReference") => missing(entries, "scope", "Cluster"),
        ("api.storage.v1", "StorageClass") => {
            missing(entries, "reclaimPolicy", "Delete");
            missing(entries, "volumeBindingMode", "Immediate");
        }
        ("api.storage.v1", "CSIDriverSpec") => csi_driver(entries),
        ("api.scheduling.v1", "PriorityClass") => {
            missing(entries, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("api.discovery.v1", "EndpointPort") => {
            missing(entries, "name", "");
            missing(entries, "protocol", "TCP");
        }
        ("api.flowcontrol.v1", _) => flow_control(kind, entries),
        ("api.resource.v1" | "api.resource.v1beta2", "ExactDeviceRequest" | "DeviceSubRequest")
        | ("api.resource.v1beta1", "DeviceSubRequest") => {
            empty(entries, "allocationMode", "ExactCount");
            if text(entries, "allocationMode") == "ExactCount" {
                empty(entries, "count", 1);
            }
        }
        (package, _) if package.starts_with("api.admissionregistration.") => admission(kind, entries),
        ("apiextensions-apiserver.pkg.apis.apiextensions.v1", _) => definition(kind, entries),
        ("kube-aggregator.pkg.apis.apiregistration.v1", "ServiceReference") => missing(entries, "port", 443),
        _ => {}
    }
}

fn autoscaler(spec: &mut Entries) {
    missing(spec, "minReplicas", 1);
    empty(
        spec,
        "metrics",
        json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
    );
    let Some(behavior) = existing(spec, "behavior") else {
        return;
    };
    let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]});
    let down =
        json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
    for (key, rules) in [("scaleUp", up), ("scaleDown", down)] {
        let Some(given) = map_at(behavior, key) else {
            continue;
        };
        for (name, value) in rules.as_object().into_iter().flatten() {
            missing(given, name, value.clone());
        }
    }
}

fn csi_driver(spec: &mut Entries) {
    missing(spec, "attachRequired", true);
    for key in [
        "podInfoOnMount",
        "storageCapacity",
        "requiresRepublish",
        "seLinuxMount",
        "preventPodSchedulingIfMissing",
    ] {
        missing(spec, key, false);
    }
    missing(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    empty(spec, "volumeLifecycleModes", json!(["Persistent"]));
}

fn flow_control(kind: &str, entries: &mut Entries) {
    match kind {
        "FlowSchemaSpec" => empty(entries, "matchingPrecedence", 1000),
        "ExemptPriorityLevelConfiguration" => {
            missing(entries, "nominalConcurrencyShares", 0);
            missing(entries, "lendablePercent", 0);
        }
        "LimitedPriorityLevelConfiguration" => {
            missing(entries, "nominalConcurrencyShares", 30);
            missing(entries, "lendablePercent", 0);
        }
        "QueuingConfiguration" => {
            empty(entries, "handSize", 8);
            empty(entries, "queues", 64);
            empty(entries, "queueLengthLimit", 50);
        }
        _ => {}
    }
}

fn admission(kind: &str, entries: &mut Entries) {
    match kind {
        "ValidatingWebhook" | "MutatingWebhook" => {
            missing(entries, "failurePolicy", "Fail");
            missing(entries, "matchPolicy", "Equivalent");
            missing(entries, "namespaceSelector", json!({}));
            missing(entries, "objectSelector", json!({}));
            missing(entries, "timeoutSeconds", 10);
            if kind == "MutatingWebhook" {
                missing(entries, "reinvocationPolicy", "Never");
            }
        }
        "Rule" | "RuleWithOperations" | "NamedRuleWithOperations" => missing(entries, "scope", "*"),
        "ServiceReference" => missing(entries, "port", 443),
        "ValidatingAdmissionPolicySpec" | "MutatingAdmissionPolicySpec" => {
            missing(entries, "failurePolicy", "Fail");
        }
        "MatchResources" => {
            missing(entries, "matchPolicy", "Equivalent");
            missing(entries, "namespaceSelector", json!({}));
            missing(entries, "objectSelector", json!({}));
        }
        _ => {}
    }
}

fn definition(kind: &str, entries: &mut Entries) {
    match kind {
        "CustomResourceDefinition" => {
            let stored = entries
                .get("spec")
                .and_then(|spec| spec.get("versions")?.as_array())
                .into_iter()
                .flatten()
                .find(|version| version.get("storage") == Some(&Value::Bool(true)))
                .and_then(|version| version.get("name").cloned());
            if let (Some(stored), Some(status)) = (stored, map_at(entries, "status")) {
                empty(status, "storedVersions", json!([stored]));
            }
        }
        "CustomResourceDefinitionSpec" => {
            if let Some(names) = map_at(entries, "names") {
                let kind = text(names, "kind").to_owned();
                empty(names, "singular", kind.to_lowercase());
                if !kind.is_empty() {
                    empty(names, "listKind", format!("{kind}List"));
                }
            }
            missing(entries, "conversion", json!({"strategy": "None"}));
        }
        "ServiceReference" => missing(entries, "port", 443),
        _ => {}
    }
}
