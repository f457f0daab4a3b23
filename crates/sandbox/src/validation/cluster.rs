//! Webhooks, volumes, endpoints, leases and other kinds of a cluster's own.
//!
//! Source: kubernetes `pkg/apis/{admissionregistration,core,discovery,coordination,storage,node}/validation`.

use kluctl_object::Object;
use kluctl_schema::quantity_nano;
use serde_json::{Value, json};

use super::{items, map, number, text};
use crate::names;
use crate::status::Cause;

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

/// A text that must be one of some.
fn one_of(value: &Value, key: &str, place: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    let found = text(value, key);
    if !found.is_empty() && !supported.contains(&found) {
        let field = if place.is_empty() {
            key.to_owned()
        } else {
            format!("{place}.{key}")
        };
        causes.push(Cause::not_supported(field, found, supported));
    }
}

/// Checks the webhooks of a configuration.
pub(super) fn webhooks(object: &Object, mutating: bool) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    let hooks = items(&value, "webhooks");
    for (index, hook) in hooks.iter().enumerate() {
        let place = format!("webhooks[{index}]");
        let versions = items(hook, "admissionReviewVersions");
        if versions.is_empty() {
            let detail = "must specify one of v1, v1beta1";
            causes.push(Cause::required(
                format!("{place}.admissionReviewVersions"),
                detail,
            ));
            continue;
        }
        let accepted = versions
            .iter()
            .any(|version| *version == "v1" || *version == "v1beta1");
        for (index, version) in versions.iter().filter_map(Value::as_str).enumerate() {
            for wrong in names::dns_1035_label(version) {
                causes.push(Cause::invalid(
                    format!("{place}.admissionReviewVersions[{index}]"),
                    version,
                    wrong,
                ));
            }
        }
        if !accepted {
            let shown = Value::Array(versions.to_vec());
            let detail = "must include at least one of v1, v1beta1";
            causes.push(Cause::invalid(
                format!("{place}.admissionReviewVersions"),
                shown,
                detail,
            ));
        }
    }
    for (index, hook) in hooks.iter().enumerate() {
        webhook(hook, &format!("webhooks[{index}]"), mutating, &mut causes);
    }
    causes
}

fn webhook(hook: &Value, place: &str, mutating: bool, causes: &mut Vec<Cause>) {
    let name = text(hook, "name");
    let wrong = names::dns_1123_subdomain(name);
    if name.is_empty() {
        causes.push(Cause::required(format!("{place}.name"), ""));
    } else if !wrong.is_empty() {
        causes.push(Cause::invalid(format!("{place}.name"), name, wrong.join(",")));
    } else if name.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        causes.push(Cause::invalid(format!("{place}.name"), name, detail));
    }
    for (index, rule) in items(hook, "rules").iter().enumerate() {
        rule_of(rule, &format!("{place}.rules[{index}]"), causes);
    }
    one_of(hook, "failurePolicy", place, &["Fail", "Ignore"], causes);
    one_of(hook, "matchPolicy", place, &["Equivalent", "Exact"], causes);
    if text(hook, "sideEffects").is_empty() {
        let detail = "must specify one of None, NoneOnDryRun";
        causes.push(Cause::required(format!("{place}.sideEffects"), detail));
    }
    one_of(hook, "sideEffects", place, &["None", "NoneOnDryRun"], causes);
    if let Some(seconds) = hook["timeoutSeconds"]
        .as_i64()
        .filter(|seconds| !(1..=30).contains(seconds))
    {
        let detail = "the timeout value must be between 1 and 30 seconds";
        causes.push(Cause::invalid(format!("{place}.timeoutSeconds"), seconds, detail));
    }
    if mutating {
        one_of(hook, "reinvocationPolicy", place, &["IfNeeded", "Never"], causes);
    }
    client(&hook["clientConfig"], &format!("{place}.clientConfig"), causes);
}

fn client(config: &Value, place: &str, causes: &mut Vec<Cause>) {
    let service = &config["service"];
    let url = &config["url"];
    if url.is_null() == service.is_null() {
        let detail = "exactly one of url or service is required";
        causes.push(Cause::required(place, detail));
    } else if let Some(url) = url.as_str() {
        let detail = "; desired format: https://host[/path]";
        if !url.starts_with("https://") {
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
            causes.push(Cause::invalid(
                format!("{place}.url"),
                scheme,
                format!("'https' is the only allowed URL scheme{detail}"),
            ));
        }
    } else {
        for key in ["name", "namespace"] {
            if text(service, key).is_empty() {
                let detail = format!("service {key} is required");
                causes.push(Cause::required(format!("{place}.service.{key}"), detail));
            }
        }
        let port = number(service, "port");
        for wrong in names::port_number(port) {
            causes.push(Cause::invalid(
                format!("{place}.service.port"),
                port,
                format!("port is not valid: {wrong}"),
            ));
        }
        let path = text(service, "path");
        if !path.is_empty() && !path.starts_with('/') {
            causes.push(Cause::invalid(
                format!("{place}.service.path"),
                path,
                "must start with a '/'",
            ));
        }
    }
}

fn rule_of(rule: &Value, place: &str, causes: &mut Vec<Cause>) {
    const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let operations = items(rule, "operations");
    if operations.is_empty() {
        causes.push(Cause::required(format!("{place}.operations"), ""));
    }
    if operations.len() > 1 && operations.contains(&json!("*")) {
        let detail = "if '*' is present, must not specify other operations";
        causes.push(Cause::invalid(
            format!("{place}.operations"),
            Value::Array(operations.to_vec()),
            detail,
        ));
    }
    for (index, operation) in operations.iter().filter_map(Value::as_str).enumerate() {
        if !OPERATIONS.contains(&operation) {
            causes.push(Cause::not_supported(
                format!("{place}.operations[{index}]"),
                operation,
                &OPERATIONS,
            ));
        }
    }
    for key in ["apiGroups", "apiVersions", "resources"] {
        if items(rule, key).is_empty() {
            causes.push(Cause::required(format!("{place}.{key}"), ""));
        }
    }
    one_of(rule, "scope", place, &["*", "Cluster", "Namespaced"], causes);
}

/// Fields of a volume's `spec` that do not say where its data is.
pub(super) const VOLUME_SETTINGS: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// Checks a PersistentVolume.
pub(super) fn volume(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let modes = items(spec, "accessModes");
    if modes.is_empty() {
        causes.push(Cause::required("spec.accessModes", ""));
    }
    for mode in modes.iter().filter_map(Value::as_str) {
        if !ACCESS_MODES.contains(&mode) {
            causes.push(Cause::not_supported("spec.accessModes", mode, &ACCESS_MODES));
        }
    }
    volume_details(spec, modes, &mut causes);
    let capacity = &spec["capacity"];
    if capacity.as_object().is_none_or(serde_json::Map::is_empty) {
        causes.push(Cause::required("spec.capacity", ""));
    }
    if capacity["storage"].is_null() || capacity.as_object().is_some_and(|map| map.len() > 1) {
        causes.push(Cause::not_supported(
            "spec.capacity",
            capacity.clone(),
            &["storage"],
        ));
    }
    for (key, amount) in capacity.as_object().into_iter().flatten() {
        let amount = amount.as_str().unwrap_or_default();
        if quantity_nano(amount).is_none_or(|nano| nano <= 0) {
            let detail = "must be greater than zero";
            causes.push(Cause::invalid(format!("spec.capacity[{key}]"), amount, detail));
        }
    }
    one_of(
        spec,
        "persistentVolumeReclaimPolicy",
        "spec",
        &["Delete", "Recycle", "Retain"],
        &mut causes,
    );
    let mut sources: Vec<&str> = spec
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .filter(|key| !key.is_empty() && !VOLUME_SETTINGS.contains(key))
        .collect();
    sources.sort_unstable();
    if sources.is_empty() {
        causes.push(Cause::required("spec", "must specify a volume type"));
    }
    let hosted = &spec["hostPath"];
    if hosted.is_object() {
        let path = text(hosted, "path");
        if path.is_empty() {
            causes.push(Cause::required("spec.hostPath.path", ""));
        } else if path.split('/').any(|part| part == "..") {
            causes.push(Cause::invalid(
                "spec.hostPath.path",
                path,
                "must not contain '..'",
            ));
        }
        sources.retain(|key| *key != "hostPath");
    } else if !sources.is_empty() {
        sources.remove(0);
    }
    for source in sources {
        let detail = "may not specify more than 1 volume type";
        causes.push(Cause::forbidden(format!("spec.{source}"), detail));
    }
    causes
}

/// The rest of a PersistentVolume.
fn volume_details(spec: &Value, modes: &[Value], causes: &mut Vec<Cause>) {
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        causes.push(Cause::forbidden("spec.accessModes", detail));
    }
    super::config::class_name(spec, "spec", causes);
    one_of(spec, "volumeMode", "spec", &["Block", "Filesystem"], causes);
}

/// Checks Endpoints.
pub(super) fn endpoints(object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    for (index, subset) in items(&value, "subsets").iter().enumerate() {
        let place = format!("subsets[{index}]");
        if items(subset, "addresses").is_empty() && items(subset, "notReadyAddresses").is_empty() {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            causes.push(Cause::required(place.as_str(), detail));
        }
        for key in ["addresses", "notReadyAddresses"] {
            for (index, address) in items(subset, key).iter().enumerate() {
                let field = format!("{place}.{key}[{index}].ip");
                address_of(text(address, "ip"), &field, &mut causes);
            }
        }
        let ports = items(subset, "ports");
        for (index, port) in ports.iter().enumerate() {
            let place = format!("{place}.ports[{index}]");
            let name = text(port, "name");
            if ports.len() > 1 && name.is_empty() {
                causes.push(Cause::required(format!("{place}.name"), ""));
            } else if !name.is_empty() {
                for wrong in names::dns_1123_label(name) {
                    causes.push(Cause::invalid(format!("{place}.name"), name, wrong));
                }
            }
            let wanted = number(port, "port");
            for wrong in names::port_number(wanted) {
                causes.push(Cause::invalid(format!("{place}.port"), wanted, wrong));
            }
            one_of(port, "protocol", &place, &["SCTP", "TCP", "UDP"], &mut causes);
        }
    }
    causes
}

/// An address that something can be reached at from elsewhere.
pub(super) fn address_of(address: &str, field: &str, causes: &mut Vec<Cause>) {
    let Ok(parsed) = address.parse::<std::net::IpAddr>() else {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        causes.push(Cause::invalid(field, address, detail));
        if field.ends_with(".ip") {
            causes.push(Cause::invalid(field, address, "must be a valid IP address"));
        }
        return;
    };
    let mut wrong = |detail: &str| causes.push(Cause::invalid(field, address, detail));
    if parsed.is_unspecified() {
        wrong("may not be unspecified (0.0.0.0 or ::)");
    }
    if parsed.is_loopback() {
        wrong("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let is_local = match parsed {
        std::net::IpAddr::V4(four) => four.is_link_local(),
        std::net::IpAddr::V6(six) => six.segments()[0] & 0xffc0 == 0xfe80,
    };
    if is_local {
        wrong("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
}

/// Checks an EndpointSlice.
pub(super) fn slice(object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
    let kind = text(&value, "addressType");
    if kind.is_empty() {
        causes.push(Cause::required("addressType", ""));
    }
    one_of(&value, "addressType", "", &TYPES, &mut causes);
    let mut seen: Vec<&str> = Vec::new();
    for (index, port) in items(&value, "ports").iter().enumerate() {
        let place = format!("ports[{index}]");
        let name = text(port, "name");
        if !name.is_empty() {
            for wrong in names::dns_1123_label(name) {
                causes.push(Cause::invalid(format!("{place}.name"), name, wrong));
            }
        }
        if seen.contains(&name) {
            causes.push(Cause::duplicate(format!("{place}.name"), name));
        }
        seen.push(name);
        one_of(port, "protocol", &place, &["SCTP", "TCP", "UDP"], &mut causes);
    }
    for (index, endpoint) in items(&value, "endpoints").iter().enumerate() {
        let place = format!("endpoints[{index}].addresses");
        let addresses = items(endpoint, "addresses");
        if addresses.is_empty() {
            causes.push(Cause::required(place.as_str(), ""));
        }
        for (index, address) in addresses.iter().filter_map(Value::as_str).enumerate() {
            match (kind, address.parse::<std::net::IpAddr>()) {
                ("IPv4", Ok(parsed)) if !parsed.is_ipv4() => {
                    causes.push(Cause::invalid(place.as_str(), address, "must be an IPv4 address"));
                }
                ("IPv6", Ok(parsed)) if !parsed.is_ipv6() => {
                    causes.push(Cause::invalid(place.as_str(), address, "must be an IPv6 address"));
                }
                ("IPv4" | "IPv6", _) => address_of(address, &format!("{place}[{index}]"), &mut causes),
                _ => {}
            }
        }
    }
    causes
}

/// Checks a Lease.
pub(super) fn lease(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(seconds) = spec["leaseDurationSeconds"]
        .as_i64()
        .filter(|seconds| *seconds <= 0)
    {
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
    if let Some(count) = spec["leaseTransitions"].as_i64().filter(|count| *count < 0) {
        causes.push(Cause::invalid(
            "spec.leaseTransitions",
            count,
            "must be greater than or equal to 0",
        ));
    }
    causes
}

/// Checks a StorageClass.
pub(super) fn storage_class(object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    let provisioner = text(&value, "provisioner");
    if provisioner.is_empty() {
        causes.push(Cause::required("provisioner", ""));
    } else {
        let lower = provisioner.to_lowercase();
        for wrong in names::qualified_name(&lower) {
            causes.push(Cause::invalid("provisioner", lower.as_str(), wrong));
        }
    }
    for (index, term) in items(&value, "allowedTopologies").iter().enumerate() {
        for (inner, expression) in items(term, "matchLabelExpressions").iter().enumerate() {
            if items(expression, "values").is_empty() {
                let field = format!("allowedTopologies[{index}].matchLabelExpressions[{inner}].values");
                causes.push(Cause::required(field, ""));
            }
        }
    }
    if map(&value, "parameters").any(|(key, _)| key.is_empty()) {
        causes.push(Cause::invalid("parameters", "", "field can not be empty."));
    }
    one_of(&value, "reclaimPolicy", "", &["Delete", "Retain"], &mut causes);
    one_of(
        &value,
        "volumeBindingMode",
        "",
        &["Immediate", "WaitForFirstConsumer"],
        &mut causes,
    );
    causes
}

/// Checks a RuntimeClass.
pub(super) fn runtime_class(object: &Object) -> Vec<Cause> {
    let handler = object.str_at(&["handler"]).unwrap_or_default();
    let mut causes = Vec::new();
    if handler.is_empty() {
        causes.push(Cause::required("handler", ""));
    } else {
        for wrong in names::dns_1123_label(handler) {
            causes.push(Cause::invalid("handler", handler, wrong));
        }
    }
    if let Some(scheduling) = object.at(&["scheduling"]) {
        for (index, toleration) in items(scheduling, "tolerations").iter().enumerate() {
            let place = format!("scheduling.tolerations[{index}]");
            super::placement::tolerates(toleration, &place, &mut causes);
        }
    }
    causes
}

/// Checks a LimitRange.
pub(super) fn limit_range(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, limit) in items(spec, "limits").iter().enumerate() {
        let place = format!("spec.limits[{index}]");
        let kind = text(limit, "type");
        for why in names::qualified_name(kind) {
            causes.push(Cause::invalid(format!("{place}.type"), kind, why));
        }
        if !kind.contains('/') && !["Pod", "Container", "PersistentVolumeClaim"].contains(&kind) {
            let detail = "must be a standard limit type or fully qualified";
            causes.push(Cause::invalid(format!("{place}.type"), kind, detail));
        }
        let amount = |key: &str, name: &str| limit[key][name].as_str().and_then(quantity_nano);
        if text(limit, "type") == "PersistentVolumeClaim"
            && amount("min", "storage").is_none()
            && amount("max", "storage").is_none()
        {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            causes.push(Cause::required(format!("{place}.limits"), detail));
        }
        for (name, least) in map(limit, "min") {
            if let (Some(least_nano), Some(most_nano)) = (amount("min", name), amount("max", name))
                && least_nano > most_nano
            {
                let least = least.as_str().unwrap_or_default();
                let most = limit["max"][name].as_str().unwrap_or_default();
                let detail = format!("min value {least} is greater than max value {most}");
                causes.push(Cause::invalid(format!("{place}.min[{name}]"), least, detail));
            }
        }
    }
    causes
}
