//! What is wrong with objects of kinds that people write less often.

use kluctl_object::Object;
use kluctl_schema::quantity_nano;
use serde_json::{Value, json};

use crate::names;
use crate::resources::Resource;
use crate::status::Cause;

use super::{items, map, number, pods, text};

/// A network as the API server wants it.
pub(super) fn cidr(network: &str, field: impl Into<String>, causes: &mut Vec<Cause>) {
    let fits = network.split_once('/').is_some_and(|(address, bits)| {
        let most = match address.parse() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if !fits {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        causes.push(Cause::invalid(field, network, detail));
    }
}

fn one_of(value: &Value, key: &str, field: &str, supported: &[&str], causes: &mut Vec<Cause>) {
    let given = text(value, key);
    if !value[key].is_null() && !supported.contains(&given) {
        causes.push(Cause::not_supported(field, given, supported));
    }
}

fn named(value: &Value, key: &str, field: &str, causes: &mut Vec<Cause>) {
    for why in names::dns_1123_subdomain(text(value, key)) {
        causes.push(Cause::invalid(field, text(value, key), why));
    }
}

fn required(value: &Value, key: &str, field: &str, causes: &mut Vec<Cause>) {
    if text(value, key).is_empty() {
        causes.push(Cause::required(field, ""));
    }
}

/// Checks an object of a kind that has no checks elsewhere.
pub(super) fn check(resource: &Resource, object: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let value = object.to_value();
    let spec = &value["spec"];
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "podtemplates") => causes.extend(pods::spec(&value["template"]["spec"], "template.spec")),
        ("", "resourcequotas") => {
            quota(spec, &mut causes);
            for (name, amount) in map(spec, "hard") {
                if amount
                    .as_str()
                    .and_then(quantity_nano)
                    .is_some_and(|amount| amount < 0)
                {
                    let detail = "must be greater than or equal to 0";
                    causes.push(Cause::invalid(
                        format!("spec.hard[{name}]"),
                        amount.clone(),
                        detail,
                    ));
                }
            }
        }
        ("", "nodes") => node(spec, &mut causes),
        ("apiregistration.k8s.io", _) => api_service(object.name(), spec, &mut causes),
        ("storage.k8s.io", "csidrivers") => {
            driver(spec, &mut causes);
        }
        ("storage.k8s.io", "csinodes") => {
            for (index, driver) in items(spec, "drivers").iter().enumerate() {
                required(
                    driver,
                    "nodeID",
                    &format!("spec.drivers[{index}].nodeID"),
                    &mut causes,
                );
            }
        }
        ("storage.k8s.io", "csistoragecapacities") => {
            named(&value, "storageClassName", "storageClassName", &mut causes);
            if value["capacity"]
                .as_str()
                .and_then(quantity_nano)
                .is_some_and(|amount| amount < 0)
            {
                let detail = "must be greater than or equal to 0";
                causes.push(Cause::invalid("capacity", value["capacity"].clone(), detail));
            }
        }
        ("storage.k8s.io", "volumeattributesclasses") => {
            required(&value, "driverName", "driverName", &mut causes);
            if map(&value, "parameters").next().is_none() {
                let detail = "must contain at least one key/value pair";
                causes.push(Cause::required("parameters", detail));
            }
        }
        ("storage.k8s.io", "volumeattachments") => attachment(spec, &mut causes),
        ("resource.k8s.io", "deviceclasses") => {
            for (index, selector) in items(spec, "selectors").iter().enumerate() {
                if selector["cel"].is_null() {
                    causes.push(Cause::required(format!("spec.selectors[{index}].cel"), ""));
                }
            }
        }
        ("resource.k8s.io", "resourceclaims") => claim(spec, "spec", &mut causes),
        ("resource.k8s.io", "resourceclaimtemplates") => claim(&spec["spec"], "spec.spec", &mut causes),
        ("resource.k8s.io", "resourceslices") => device_slice(spec, &mut causes),
        ("networking.k8s.io", "ipaddresses") => {
            if spec["parentRef"].is_null() {
                causes.push(Cause::required("spec.parentRef", ""));
            } else {
                for key in ["resource", "name"] {
                    required(
                        &spec["parentRef"],
                        key,
                        &format!("spec.parentRef.{key}"),
                        &mut causes,
                    );
                }
            }
        }
        ("networking.k8s.io", "servicecidrs") => {
            if items(spec, "cidrs").is_empty() {
                let detail = "at least one CIDR required";
                causes.push(Cause::required("spec.cidrs", detail));
            }
            for (index, network) in items(spec, "cidrs").iter().enumerate() {
                let network = network.as_str().unwrap_or_default();
                cidr(network, format!("spec.cidrs[{index}]"), &mut causes);
            }
        }
        _ => {}
    }
    causes
}

fn node(spec: &Value, causes: &mut Vec<Cause>) {
    for (index, taint) in items(spec, "taints").iter().enumerate() {
        let supported = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        one_of(
            taint,
            "effect",
            &format!("metadata.taints[{index}].effect"),
            &supported,
            causes,
        );
    }
    for (index, network) in items(spec, "podCIDRs").iter().enumerate() {
        cidr(
            network.as_str().unwrap_or_default(),
            format!("spec.podCIDRs[{index}]"),
            causes,
        );
    }
    if spec["podCIDRs"].is_null() && !text(spec, "podCIDR").is_empty() {
        cidr(text(spec, "podCIDR"), "spec.podCIDRs[0]", causes);
    }
}

fn api_service(name: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let (group, version) = (text(spec, "group"), text(spec, "version"));
    let wanted = format!("{version}.{group}");
    if name != wanted {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        causes.push(Cause::invalid("metadata.name", name, detail));
    }
    if group.is_empty() && version != "v1" {
        let detail = "only v1 may have an empty group and it better be legacy kube";
        causes.push(Cause::required("spec.group", detail));
    }
    for why in names::dns_1035_label(version) {
        causes.push(Cause::invalid("spec.version", version, why));
    }
    for (key, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let priority = number(spec, key);
        if priority <= 0 || priority > most {
            let detail = format!("must be positive and less than {most}");
            causes.push(Cause::invalid(format!("spec.{key}"), priority, detail));
        }
    }
}

fn attachment(spec: &Value, causes: &mut Vec<Cause>) {
    required(spec, "attacher", "spec.attacher", causes);
    let source = &spec["source"];
    let given = ["inlineVolumeSpec", "persistentVolumeName"]
        .iter()
        .filter(|key| !source[**key].is_null())
        .count();
    if given == 0 {
        let detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
        causes.push(Cause::required("spec.source", detail));
    }
    named(spec, "nodeName", "spec.nodeName", causes);
}

fn claim(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (index, request) in items(&spec["devices"], "requests").iter().enumerate() {
        let name = text(request, "name");
        for why in names::dns_1123_label(name) {
            causes.push(Cause::invalid(
                format!("{field}.devices.requests[{index}].name"),
                name,
                why,
            ));
        }
        let exactly = &request["exactly"];
        let place = format!("{field}.devices.requests[{index}].exactly");
        one_of(
            exactly,
            "allocationMode",
            &format!("{place}.allocationMode"),
            &["All", "ExactCount"],
            causes,
        );
        let count = number(exactly, "count");
        if text(exactly, "allocationMode") == "All" && count != 0 {
            let detail = "must not be specified when allocationMode is 'All'";
            causes.push(Cause::invalid(format!("{place}.count"), count, detail));
        }
    }
}

fn driver(spec: &Value, causes: &mut Vec<Cause>) {
    let supported = ["File", "None", "ReadWriteOnceWithFSType"];
    one_of(spec, "fsGroupPolicy", "spec.fsGroupPolicy", &supported, causes);
    let mut known = Vec::new();
    for (index, request) in items(spec, "tokenRequests").iter().enumerate() {
        let audience = text(request, "audience");
        if known.contains(&audience) {
            let field = format!("spec.tokenRequests[{index}].audience");
            causes.push(Cause::duplicate(field, audience));
        }
        known.push(audience);
    }
    for mode in items(spec, "volumeLifecycleModes")
        .iter()
        .filter_map(Value::as_str)
    {
        let supported = ["Persistent", "Ephemeral"];
        if !supported.contains(&mode) {
            causes.push(Cause::not_supported(
                "spec.volumeLifecycleModes",
                mode,
                &supported,
            ));
        }
    }
}

/// What a quota counts and for which Pods.
fn quota(spec: &Value, causes: &mut Vec<Cause>) {
    const COUNTED: [&str; 19] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
    ];
    const SCOPES: [&str; 7] = [
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    ];
    for (name, _) in map(spec, "hard") {
        let field = format!("spec.hard[{name}]");
        for why in names::qualified_name(name) {
            causes.push(Cause::invalid(field.as_str(), name.as_str(), why));
        }
        let is_huge = ["hugepages-", "requests.hugepages-"]
            .iter()
            .any(|start| name.starts_with(start));
        if !name.contains('/') && !is_huge && !COUNTED.contains(&name.as_str()) {
            let detail = "must be a standard resource for quota";
            causes.push(Cause::invalid(field, name.as_str(), detail));
        }
    }
    let scopes = items(spec, "scopes");
    for scope in scopes.iter().filter_map(Value::as_str) {
        if !SCOPES.contains(&scope) {
            causes.push(Cause::invalid("spec.scopes", json!(scopes), "unsupported scope"));
        }
    }
}

fn device_slice(spec: &Value, causes: &mut Vec<Cause>) {
    for (index, device) in items(spec, "devices").iter().enumerate() {
        let name = text(device, "name");
        for why in names::dns_1123_label(name) {
            causes.push(Cause::invalid(format!("spec.devices[{index}].name"), name, why));
        }
    }
    required(spec, "driver", "spec.driver", causes);
    let pool = &spec["pool"];
    required(pool, "name", "spec.pool.name", causes);
    let count = number(pool, "resourceSliceCount");
    if count <= 0 {
        causes.push(Cause::invalid(
            "spec.pool.resourceSliceCount",
            count,
            "must be greater than zero",
        ));
    }
    let places = ["nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection"];
    if places.iter().all(|key| spec[*key].is_null()) {
        let detail =
            "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
        causes.push(Cause::required("spec", detail));
    }
}
