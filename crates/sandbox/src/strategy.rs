//! What differs between kinds when they are written: names, what the server sets, what a request cannot set.
//!
//! Source: kubernetes `pkg/registry/*/strategy.go`.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kluctl_managedfields::FieldSet;
use kluctl_object::Object;
use serde_json::{Map, Value, json};

use crate::names;
use crate::resources::Resource;

/// Resources that count changes of their spec in `metadata.generation`.
const COUNTED: [(&str, &str); 26] = [
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("", "pods"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("discovery.k8s.io", "endpointslices"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "ingressclasses"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("resource.k8s.io", "deviceclasses"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
];

/// Whether a resource has a generation.
pub(crate) fn is_counted(resource: &Resource) -> bool {
    resource.custom.is_some() || COUNTED.iter().any(|(group, plural)| resource.is(group, plural))
}

/// Whether an update of something that is not there creates it.
pub(crate) fn creates_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("rbac.authorization.k8s.io", _)
            | ("coordination.k8s.io", "leases")
            | ("node.k8s.io", "runtimeclasses")
            | ("" | "events.k8s.io", "events")
            | ("", "limitranges" | "services" | "endpoints")
    )
}

/// Counts the changes of a DaemonSet's Pods.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Whether an update may leave out the version it started from.
pub(crate) fn allows_unconditional_update(resource: &Resource) -> bool {
    resource.custom.is_none()
        && !matches!(
            (resource.group.as_str(), resource.plural.as_str()),
            ("apiextensions.k8s.io", "customresourcedefinitions")
                | ("coordination.k8s.io", "leases")
                | ("node.k8s.io", "runtimeclasses")
                | ("apiregistration.k8s.io", "apiservices")
                | ("policy", "poddisruptionbudgets")
                | ("scheduling.k8s.io", "priorityclasses")
                | (
                    "storage.k8s.io",
                    "csidrivers" | "csinodes" | "csistoragecapacities"
                )
                | ("admissionregistration.k8s.io" | "autoscaling", _)
        ) | resource.is("scheduling.k8s.io", "priorityclasses")
            | resource.is("autoscaling", "horizontalpodautoscalers")
}

/// Whether deleting answers with the object instead of a status.
pub(crate) fn answers_with_deleted(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("resource.k8s.io", _)
            | (
                "storage.k8s.io",
                "csidrivers"
                    | "storageclasses"
                    | "volumeattachments"
                    | "csinodes"
                    | "volumeattributesclasses"
            )
            | (
                "",
                "resourcequotas"
                    | "persistentvolumes"
                    | "serviceaccounts"
                    | "persistentvolumeclaims"
                    | "namespaces"
                    | "pods"
                    | "services"
                    | "podtemplates"
            )
    )
}

/// What is wrong with an object's name.
pub(crate) fn name_errors(resource: &Resource, name: &str) -> Vec<String> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => names::dns_1123_label(name),
        ("", "services") => names::dns_1123_label(name),
        ("rbac.authorization.k8s.io" | "certificates.k8s.io", _) => names::path_segment(name),
        ("apiregistration.k8s.io", "apiservices") => names::path_segment(name),
        _ => names::dns_1123_subdomain(name),
    }
}

/// Fields that requests to a resource or one of its subresources cannot set.
pub(crate) fn ignored_fields(resource: &Resource, subresource: &str) -> Option<&'static FieldSet> {
    static STATUS: LazyLock<FieldSet> = LazyLock::new(|| FieldSet::of_fields(&[&["status"]]));
    static SPEC: LazyLock<FieldSet> = LazyLock::new(|| FieldSet::of_fields(&[&["spec"]]));
    static SPEC_AND_LABELS: LazyLock<FieldSet> =
        LazyLock::new(|| FieldSet::of_fields(&[&["spec"], &["metadata", "labels"]]));
    static SPEC_AND_METADATA: LazyLock<FieldSet> =
        LazyLock::new(|| FieldSet::of_fields(&[&["spec"], &["metadata"]]));
    static DEFINITION: LazyLock<FieldSet> =
        LazyLock::new(|| FieldSet::of_fields(&[&["status"], &["metadata", "deletionTimestamp"]]));
    let is_definition = resource.is("apiextensions.k8s.io", "customresourcedefinitions");
    match subresource {
        "" if is_definition => Some(&DEFINITION),
        "" if resource.has_status() && !resource.is("", "nodes") => Some(&STATUS),
        "" if resource.is("", "nodes") => Some(&STATUS),
        "status" if resource.custom.is_some() => Some(&SPEC_AND_METADATA),
        "status" if is_definition => Some(&SPEC),
        "status" if resource.is("apps", "deployments") => Some(&SPEC_AND_LABELS),
        "status" => Some(&SPEC),
        _ => None,
    }
}

fn take(object: &mut Object, key: &str) -> Option<Value> {
    object.as_map_mut().remove(key)
}

fn put(object: &mut Object, key: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(object.as_map_mut().insert(key.to_owned(), value)),
        None => drop(object.as_map_mut().remove(key)),
    }
}

/// What a conversion to the stored form changes, before anyone's ownership is looked at.
pub(crate) fn convert(resource: &Resource, object: &mut Object) {
    if resource.is("", "secrets")
        && let Some(Value::Object(texts)) = take(object, "stringData")
    {
        for (key, value) in texts {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            object.set(&["data", &key], Value::from(encoded));
        }
    }
    if resource.is("", "nodes") {
        // The first network is the one that older clients know.
        let one = object
            .at(&["spec", "podCIDR"])
            .cloned()
            .filter(|one| one.as_str().is_some_and(|one| !one.is_empty()));
        let all = object.at(&["spec", "podCIDRs"]).and_then(Value::as_array);
        let first = all.and_then(|all| all.first()).cloned();
        match (one, first) {
            (Some(one), first) if first.as_ref() != Some(&one) => {
                object.set(&["spec", "podCIDRs"], json!([one]));
            }
            (None, Some(first)) => object.set(&["spec", "podCIDR"], first),
            _ => {}
        }
    }
}

/// What a new object has before admission: nothing of a status, a first generation.
pub(crate) fn prepare_create(resource: &Resource, object: &mut Object) {
    if is_counted(resource) {
        object.set(&["metadata", "generation"], Value::from(1));
    }
    let plural = (resource.group.as_str(), resource.plural.as_str());
    if resource.custom.is_some() {
        if resource.has_status() {
            take(object, "status");
        }
        return;
    }
    match plural {
        ("", "namespaces") => {
            object.set(&["status"], json!({"phase": "Active"}));
            let finalizers = object.at(&["spec", "finalizers"]).and_then(Value::as_array);
            let mut list = finalizers.cloned().unwrap_or_default();
            if !list.iter().any(|name| name == "kubernetes") {
                list.push(Value::from("kubernetes"));
            }
            object.set(&["spec", "finalizers"], Value::Array(list));
        }
        ("", "nodes") => {}
        ("", "pods") => {
            let phase = json!({"phase": "Pending", "qosClass": qos_class(object)});
            object.set(&["status"], phase);
        }
        ("", "services") => object.set(&["status"], json!({"loadBalancer": {}})),
        ("", "persistentvolumes") => {
            let status = json!({"phase": "Pending", "lastPhaseTransitionTime": crate::time::now()});
            object.set(&["status"], status);
        }
        ("", "persistentvolumeclaims") => {
            object.set(&["status"], json!({"phase": "Pending"}));
            data_sources(object);
        }
        ("apiregistration.k8s.io", "apiservices") => {
            object.set(&["status"], json!({}));
            if object.at(&["spec", "service"]).is_none() {
                let condition = json!({"type": "Available", "status": "True", "reason": "Local",
                    "message": "Local APIServices are always available", "lastTransitionTime": crate::time::now()});
                object.set(&["status", "conditions"], json!([condition]));
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => prepare_definition(object),
        ("batch", "jobs") => {
            object.set(&["status"], json!({}));
            prepare_job(object);
            if object.labels().is_empty()
                && let Some(labels) = object.at(&["spec", "template", "metadata", "labels"]).cloned()
            {
                object.set(&["metadata", "labels"], labels);
            }
        }
        ("networking.k8s.io", "ingresses") => object.set(&["status"], json!({"loadBalancer": {}})),
        ("apps", "deployments") => object.set(&["status"], json!({})),
        ("apps", "replicasets" | "statefulsets") | ("", "replicationcontrollers") => {
            object.set(&["status"], json!({"replicas": 0}));
            if resource.plural == "statefulsets" {
                object.set(&["status"], json!({"replicas": 0, "availableReplicas": 0}));
            }
        }
        ("apps", "daemonsets") => {
            object.set(&["spec", "templateGeneration"], Value::Null);
            object.remove(&["spec", "templateGeneration"]);
            let zeros = json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0});
            object.set(&["status"], zeros);
            object.set_annotation(TEMPLATE_GENERATION, "1");
        }
        ("policy", "poddisruptionbudgets") => {
            let zeros =
                json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
            object.set(&["status"], zeros);
        }
        ("autoscaling", "horizontalpodautoscalers") => {
            let status = if resource.version == "v1" {
                json!({"currentReplicas": 0, "desiredReplicas": 0})
            } else {
                json!({"currentMetrics": null, "desiredReplicas": 0})
            };
            object.set(&["status"], status);
        }
        _ if resource.has_status() => reset_status(resource, object),
        _ => {}
    }
}

/// Lists that must be there: what holds nothing is nothing once it was stored.
pub(crate) fn settle(resource: &Resource, object: &mut Object) {
    let paths: &[&[&str]] = match (resource.group.as_str(), resource.plural.as_str()) {
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => &[&["rules"]],
        ("", "limitranges") => &[&["spec", "limits"]],
        ("storage.k8s.io", "csinodes") => &[&["spec", "drivers"]],
        ("discovery.k8s.io", "endpointslices") => &[&["endpoints"], &["ports"]],
        _ => &[],
    };
    for path in paths {
        if object
            .at(path)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
        {
            object.set(path, Value::Null);
        }
    }
}

/// Only claims and snapshots are sources in the older field; the newer one has them too.
fn data_sources(claim: &mut Object) {
    let fits = claim.at(&["spec", "dataSource"]).is_none_or(|source| {
        let text = |key: &str| source[key].as_str().unwrap_or_default();
        matches!(
            (text("kind"), text("apiGroup")),
            ("PersistentVolumeClaim", "") | ("VolumeSnapshot", "snapshot.storage.k8s.io")
        )
    });
    if !fits {
        claim.remove(&["spec", "dataSource"]);
    }
    let of = |key: &str| claim.at(&["spec", key]).cloned();
    match (of("dataSource"), of("dataSourceRef")) {
        (Some(source), None) => claim.set(&["spec", "dataSourceRef"], source),
        (None, Some(source)) if source["namespace"].is_null() => {
            claim.set(&["spec", "dataSource"], source);
            if !fits {
                claim.remove(&["spec", "dataSource"]);
            }
        }
        _ => {}
    }
}

fn reset_status(resource: &Resource, object: &mut Object) {
    if object.as_map().contains_key("status") {
        let status = resource.ty.map.as_ref().and_then(|map| map.field("status"));
        object.set(
            &["status"],
            status.map_or(json!({}), |field| kluctl_schema::zero(&field.ty)),
        );
    }
}

fn prepare_definition(object: &mut Object) {
    let stored = object.at(&["status", "storedVersions"]).cloned();
    let status = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}});
    object.set(&["status"], status);
    object.set(&["status", "storedVersions"], stored.unwrap_or_else(|| json!([])));
}

fn prepare_job(object: &mut Object) {
    if object.at(&["spec", "manualSelector"]) == Some(&Value::Bool(true)) {
        return;
    }
    let uid = object.str_at(&["metadata", "uid"]).unwrap_or_default().to_owned();
    let name = object.name().to_owned();
    let labels = &["spec", "template", "metadata", "labels"];
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        if object.at(labels).and_then(|labels| labels.get(key)).is_none() {
            object.set(
                &[labels[0], labels[1], labels[2], labels[3], key],
                Value::from(value.as_str()),
            );
        }
    }
    if object.at(&["spec", "selector"]).is_none() {
        object.set(
            &["spec", "selector"],
            json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
        );
    }
}

/// How badly a Pod may be treated when resources are short.
pub(crate) fn qos_class(pod: &Object) -> &'static str {
    let mut any = false;
    let mut all = true;
    for key in ["containers", "initContainers"] {
        let containers = pod.at(&["spec", key]).and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            let list = |which: &str| {
                container
                    .pointer(&format!("/resources/{which}"))
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default()
            };
            let (limits, requests) = (list("limits"), list("requests"));
            let of = |map: &Map<String, Value>, key: &str| map.get(key).filter(|v| **v != "0").cloned();
            for resource in ["cpu", "memory"] {
                let (limit, request) = (of(&limits, resource), of(&requests, resource));
                any |= limit.is_some() || request.is_some();
                all &= limit.is_some() && (request.is_none() || request == limit);
            }
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// What an update cannot change is put back as it was.
pub(crate) fn prepare_update(resource: &Resource, subresource: &str, live: &Object, new: &mut Object) {
    match subresource {
        "" => {
            if resource.has_status() {
                put(new, "status", live.as_map().get("status").cloned());
            }
            if resource.is("", "namespaces") {
                let finalizers = live.at(&["spec", "finalizers"]).cloned();
                match finalizers {
                    Some(finalizers) => new.set(&["spec", "finalizers"], finalizers),
                    None => drop(new.remove(&["spec", "finalizers"])),
                }
            }
            if resource.is("", "services") {
                keep_cluster_ips(live, new);
            }
            if resource.is("", "pods") {
                // What admission has set is set again.
                for key in ["priority", "preemptionPolicy"] {
                    if let (None, Some(value)) = (new.at(&["spec", key]), live.at(&["spec", key])) {
                        new.set(&["spec", key], value.clone());
                    }
                }
                default_tolerations(new);
            }
            if resource.is("", "persistentvolumeclaims") {
                data_sources(new);
            }
            if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
                note_stored_version(new);
            }
            if resource.is("apps", "daemonsets") {
                let before: i64 = live
                    .annotation(TEMPLATE_GENERATION)
                    .and_then(|count| count.parse().ok())
                    .unwrap_or(1);
                let changed = live.at(&["spec", "template"]) != new.at(&["spec", "template"]);
                new.set_annotation(TEMPLATE_GENERATION, &(before + i64::from(changed)).to_string());
            }
            if resource.is("", "secrets") && new.at(&["type"]).is_none() {
                put(new, "type", live.as_map().get("type").cloned());
            }
        }
        "status" => {
            let status = take(new, "status");
            let mut kept = live.clone();
            put(&mut kept, "status", status);
            if resource.custom.is_none() {
                for key in ["labels", "annotations", "ownerReferences", "finalizers"] {
                    let settable = match key {
                        "labels" => !resource.is("apps", "deployments"),
                        "ownerReferences" => !resource.is("", "pods"),
                        _ => true,
                    };
                    if settable {
                        match new.at(&["metadata", key]).cloned() {
                            Some(value) => kept.set(&["metadata", key], value),
                            None => drop(kept.remove(&["metadata", key])),
                        }
                    }
                }
            }
            for key in ["managedFields", "resourceVersion"] {
                match new.at(&["metadata", key]).cloned() {
                    Some(value) => kept.set(&["metadata", key], value),
                    None => drop(kept.remove(&["metadata", key])),
                }
            }
            for key in ["apiVersion", "kind"] {
                put(&mut kept, key, new.as_map().get(key).cloned());
            }
            *new = kept;
        }
        "finalize" => {
            put(new, "status", live.as_map().get("status").cloned());
        }
        _ => {}
    }
}

/// Pods stay for a while on nodes that cannot be reached.
pub(crate) fn default_tolerations(pod: &mut Object) {
    let mut tolerations = pod
        .at(&["spec", "tolerations"])
        .cloned()
        .unwrap_or_else(|| json!([]));
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if let Some(list) = tolerations.as_array_mut()
            && !list.iter().any(|known| {
                let effect = known["effect"].as_str().unwrap_or_default();
                (known["key"] == key || known["key"].as_str().unwrap_or_default().is_empty())
                    && (effect == "NoExecute" || effect.is_empty())
            })
        {
            list.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
    pod.set(&["spec", "tolerations"], tolerations);
}

/// The version that objects are kept in from now on is one of those they were ever kept in.
fn note_stored_version(definition: &mut Object) {
    let versions = definition.at(&["spec", "versions"]).and_then(Value::as_array);
    let storage = versions
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true)
        .map(|version| version["name"].clone());
    let stored = definition
        .at(&["status", "storedVersions"])
        .and_then(Value::as_array);
    let mut stored = stored.cloned().unwrap_or_default();
    if let Some(name) = storage.filter(|name| !stored.contains(name)) {
        stored.push(name);
        definition.set(&["status", "storedVersions"], Value::Array(stored));
    }
}

/// Addresses and ports of a Service stay when a client does not mention them.
fn keep_cluster_ips(live: &Object, new: &mut Object) {
    let kind = |object: &Object| object.str_at(&["spec", "type"]).unwrap_or_default().to_owned();
    let (before, after) = (kind(live), kind(new));
    if before == "ExternalName" || after == "ExternalName" {
        if after == "ExternalName" {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if new.at(&["spec", key]) == live.at(&["spec", key]) {
                    new.remove(&["spec", key]);
                }
            }
        }
        return;
    }
    for key in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "healthCheckNodePort",
    ] {
        if key == "healthCheckNodePort" && after != "LoadBalancer" {
            continue;
        }
        if let (None, Some(value)) = (new.at(&["spec", key]), live.at(&["spec", key])) {
            new.set(&["spec", key], value.clone());
        }
    }
    if !matches!(after.as_str(), "NodePort" | "LoadBalancer") {
        return;
    }
    let old_ports = live
        .at(&["spec", "ports"])
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let id = |port: &Value| (port["port"].clone(), port["protocol"].clone());
    let mut ports = new.at(&["spec", "ports"]).cloned().unwrap_or_default();
    for port in ports.as_array_mut().into_iter().flatten() {
        if port["nodePort"].as_i64().unwrap_or(0) != 0 {
            continue;
        }
        let old = old_ports.iter().find(|old| id(old) == id(port));
        if let Some(number) = old.and_then(|old| old["nodePort"].as_i64()) {
            port["nodePort"] = Value::from(number);
        } else if let Some(map) = port.as_object_mut() {
            map.remove("nodePort");
        }
    }
    new.set(&["spec", "ports"], ports);
}

/// Whether an update changes what the generation counts.
pub(crate) fn counts_change(resource: &Resource, live: &Object, new: &Object) -> bool {
    // Drivers of storage start at nothing and are counted from the first change.
    if !is_counted(resource) && !resource.is("storage.k8s.io", "csidrivers") {
        return false;
    }
    if resource.custom.is_some() {
        let ignored = |key: &str| {
            matches!(key, "metadata" | "apiVersion" | "kind") || (key == "status" && resource.has_status())
        };
        let part = |object: &Object| -> Map<String, Value> {
            let entries = object.as_map().iter().filter(|(key, _)| !ignored(key));
            entries.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        return part(live) != part(new);
    }
    let whole = |key: &str| live.as_map().get(key) != new.as_map().get(key);
    match resource.plural.as_str() {
        "mutatingwebhookconfigurations" | "validatingwebhookconfigurations" => whole("webhooks"),
        "podtemplates" => whole("template"),
        "endpointslices" => whole("endpoints") || whole("ports") || whole("addressType"),
        "priorityclasses" => false,
        // A rollback of old was asked for by an annotation.
        "deployments" => {
            let annotations = |object: &Object| {
                let map = object.at(&["metadata", "annotations"]).and_then(Value::as_object);
                map.cloned().unwrap_or_default()
            };
            whole("spec") || annotations(live) != annotations(new)
        }
        _ => whole("spec"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::built_in;

    fn object(value: Value) -> Object {
        Object::try_from(value).unwrap()
    }

    #[test]
    fn text_in_secrets_is_encoded() {
        let secrets = built_in("", "v1", "secrets").unwrap();
        let mut secret = object(json!({"stringData": {"a": "b"}, "data": {"x": "eA=="}}));
        convert(&secrets, &mut secret);
        assert_eq!(secret.to_value(), json!({"data": {"a": "Yg==", "x": "eA=="}}));
    }

    #[test]
    fn status_and_spec_are_written_apart() {
        let deployments = built_in("apps", "v1", "deployments").unwrap();
        let live =
            object(json!({"metadata": {"name": "a"}, "spec": {"replicas": 1}, "status": {"replicas": 1}}));
        let mut new =
            object(json!({"metadata": {"name": "a"}, "spec": {"replicas": 2}, "status": {"replicas": 2}}));
        prepare_update(&deployments, "", &live, &mut new);
        assert_eq!(new.at(&["status", "replicas"]), Some(&json!(1)));
        assert!(counts_change(&deployments, &live, &new));
        let mut status =
            object(json!({"metadata": {"name": "a"}, "spec": {"replicas": 3}, "status": {"replicas": 3}}));
        prepare_update(&deployments, "status", &live, &mut status);
        assert_eq!(status.at(&["spec", "replicas"]), Some(&json!(1)));
        assert_eq!(status.at(&["status", "replicas"]), Some(&json!(3)));
    }

    #[test]
    fn quality_of_service_follows_resources() {
        let pod = |resources: Value| object(json!({"spec": {"containers": [{"resources": resources}]}}));
        assert_eq!(qos_class(&pod(json!({}))), "BestEffort");
        assert_eq!(
            qos_class(&pod(json!({"limits": {"cpu": "1", "memory": "1"}}))),
            "Guaranteed"
        );
        assert_eq!(qos_class(&pod(json!({"requests": {"cpu": "1"}}))), "Burstable");
    }
}
