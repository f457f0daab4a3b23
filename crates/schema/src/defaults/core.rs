//! Defaults of the core group, other than of Pods.
//!
//! Source: kubernetes `pkg/apis/core/v1/defaults.go` and `conversion.go`.

use serde_json::{Value, json};

use super::{Entries, empty, existing, map_at, missing, text};

pub(super) fn fill(name: &str, entries: &mut Entries) {
    match name {
        "Service" => service(entries),
        "Secret" => secret(entries),
        "Namespace" => namespace(entries),
        "NamespaceStatus" => empty(entries, "phase", "Active"),
        "PersistentVolume" => {
            if let Some(status) = map_at(entries, "status") {
                empty(status, "phase", "Pending");
            }
            if let Some(spec) = map_at(entries, "spec") {
                empty(spec, "persistentVolumeReclaimPolicy", "Retain");
                missing(spec, "volumeMode", "Filesystem");
            }
        }
        "PersistentVolumeClaim" => {
            if let Some(status) = map_at(entries, "status") {
                empty(status, "phase", "Pending");
            }
        }
        "PersistentVolumeClaimSpec" => missing(entries, "volumeMode", "Filesystem"),
        "EndpointPort" => empty(entries, "protocol", "TCP"),
        "NodeStatus" => {
            if !entries.contains_key("allocatable")
                && let Some(capacity) = entries.get("capacity").cloned()
            {
                entries.insert("allocatable".to_owned(), capacity);
            }
        }
        "ReplicationController" => replication_controller(entries),
        "LimitRangeItem" if text(entries, "type") == "Container" => limit_range(entries),
        _ => {}
    }
}

fn service(entries: &mut Entries) {
    let Some(spec) = map_at(entries, "spec") else {
        return;
    };
    empty(spec, "sessionAffinity", "None");
    match text(spec, "sessionAffinity") {
        "None" => drop(spec.remove("sessionAffinityConfig")),
        "ClientIP" => {
            let has_timeout = spec
                .get("sessionAffinityConfig")
                .and_then(|config| config.get("clientIP")?.get("timeoutSeconds"))
                .is_some_and(|timeout| !timeout.is_null());
            if !has_timeout {
                spec.insert(
                    "sessionAffinityConfig".to_owned(),
                    json!({"clientIP": {"timeoutSeconds": 10800}}),
                );
            }
        }
        _ => {}
    }
    empty(spec, "type", "ClusterIP");
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(port) = port.as_object_mut() else {
            continue;
        };
        empty(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or_else(|| json!(0));
        empty(port, "targetPort", number);
    }
    let kind = text(spec, "type").to_owned();
    let is_balancer = kind == "LoadBalancer";
    let has_external_addresses = kind == "ClusterIP"
        && spec
            .get("externalIPs")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty());
    if is_balancer || kind == "NodePort" || has_external_addresses {
        empty(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        missing(spec, "internalTrafficPolicy", "Cluster");
    }
    if is_balancer {
        missing(spec, "allocateLoadBalancerNodePorts", true);
        let ingress = entries
            .get_mut("status")
            .and_then(|status| status.pointer_mut("/loadBalancer/ingress"))
            .and_then(Value::as_array_mut);
        for address in ingress.into_iter().flatten().filter_map(Value::as_object_mut) {
            if !text(address, "ip").is_empty() {
                missing(address, "ipMode", "VIP");
            }
        }
    }
}

/// `stringData` is only for writing: it becomes `data`.
fn secret(entries: &mut Entries) {
    empty(entries, "type", "Opaque");
    let Some(Value::Object(texts)) = entries.remove("stringData") else {
        return;
    };
    let Some(data) = map_at(entries, "data") else {
        return;
    };
    for (key, value) in texts {
        let text = value.as_str().unwrap_or_default();
        data.insert(key, Value::from(base64(text.as_bytes())));
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..4 {
            if index <= chunk.len() {
                out.push(char::from(ALPHABET[(group >> (18 - 6 * index)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn namespace(entries: &mut Entries) {
    let Some(metadata) = existing(entries, "metadata") else {
        return;
    };
    let name = text(metadata, "name").to_owned();
    if !name.is_empty()
        && let Some(labels) = map_at(metadata, "labels")
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), Value::from(name));
    }
}

fn replication_controller(entries: &mut Entries) {
    let labels = entries
        .get("spec")
        .and_then(|spec| spec.pointer("/template/metadata/labels"))
        .cloned();
    let Some(labels) = labels else { return };
    if let Some(spec) = existing(entries, "spec") {
        empty(spec, "selector", labels.clone());
    }
    if let Some(metadata) = existing(entries, "metadata") {
        empty(metadata, "labels", labels);
    }
}

fn limit_range(entries: &mut Entries) {
    for (from, to) in [
        ("max", "default"),
        ("default", "defaultRequest"),
        ("min", "defaultRequest"),
    ] {
        let amounts = entries
            .get(from)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if amounts.is_empty() {
            continue;
        }
        if let Some(target) = map_at(entries, to) {
            for (key, value) in amounts {
                missing(target, &key, value);
            }
        }
    }
}
