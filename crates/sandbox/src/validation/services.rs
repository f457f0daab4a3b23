//! What makes Services and Ingresses invalid.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::names;
use crate::status::Cause;

use super::metadata::labels;
use super::pods::port_or_name;
use super::{cluster, rarer};
use super::{items, map, number, text};

/// Checks a Service's spec.
pub(super) fn service(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let kind = text(spec, "type");
    let headless = text(spec, "clusterIP") == "None";
    let ports = items(spec, "ports");
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" {
        let name = text(spec, "externalName");
        if name.is_empty() {
            causes.push(Cause::required("spec.externalName", ""));
        } else {
            for why in names::dns_1123_subdomain(name.trim_end_matches('.')) {
                causes.push(Cause::invalid("spec.externalName", name, why));
            }
        }
    }
    let mut known = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let place = format!("spec.ports[{index}]");
        let name = text(port, "name");
        if name.is_empty() {
            if ports.len() > 1 {
                causes.push(Cause::required(format!("{place}.name"), ""));
            }
        } else {
            for why in names::dns_1123_label(name) {
                causes.push(Cause::invalid(format!("{place}.name"), name, why));
            }
            if !known.insert(name.to_owned()) {
                causes.push(Cause::duplicate(format!("{place}.name"), name));
            }
        }
        let value = number(port, "port");
        for why in names::port_number(value) {
            causes.push(Cause::invalid(format!("{place}.port"), value, why));
        }
        let protocol = text(port, "protocol");
        let supported = ["SCTP", "TCP", "UDP"];
        if !supported.contains(&protocol) {
            causes.push(Cause::not_supported(
                format!("{place}.protocol"),
                protocol,
                &supported,
            ));
        }
        port_or_name(&port["targetPort"], &format!("{place}.targetPort"), &mut causes);
    }
    causes.extend(labels(map(spec, "selector"), "spec.selector"));
    let affinity = text(spec, "sessionAffinity");
    if !["ClientIP", "None"].contains(&affinity) {
        causes.push(Cause::not_supported(
            "spec.sessionAffinity",
            affinity,
            &["ClientIP", "None"],
        ));
    }
    let supported = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !supported.contains(&kind) {
        causes.push(Cause::not_supported("spec.type", kind, &supported));
    }
    duplicate_ports(ports, &mut causes);
    addresses(spec, kind, headless, &mut causes);
    let external = matches!(kind, "NodePort" | "LoadBalancer") || !items(spec, "externalIPs").is_empty();
    if !text(spec, "externalTrafficPolicy").is_empty() && !external {
        causes.push(Cause::invalid(
            "spec.externalTrafficPolicy",
            text(spec, "externalTrafficPolicy"),
            "may only be set for externally-accessible services",
        ));
    }
    causes
}

fn duplicate_ports(ports: &[Value], causes: &mut Vec<Cause>) {
    let mut known = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let id = format!("{}/{}", text(port, "protocol"), number(port, "port"));
        if !known.insert(id) {
            let shown = crate::status::in_order(&[
                ("Name", json!("")),
                ("Protocol", port["protocol"].clone()),
                ("AppProtocol", Value::Null),
                ("Port", port["port"].clone()),
                ("TargetPort", json!(0)),
                ("NodePort", json!(0)),
            ]);
            causes.push(Cause::raw_duplicate(format!("spec.ports[{index}]"), shown));
        }
    }
}

fn addresses(spec: &Value, kind: &str, headless: bool, causes: &mut Vec<Cause>) {
    let wanted = text(spec, "clusterIP");
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {kind} services");
        causes.push(Cause::invalid("spec.clusterIPs[0]", "None", detail));
    } else if !headless && !wanted.is_empty() && wanted.parse::<std::net::IpAddr>().is_err() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        causes.push(Cause::invalid("spec.clusterIPs[0]", wanted, detail));
    }
    for (index, external) in items(spec, "externalIPs")
        .iter()
        .filter_map(Value::as_str)
        .enumerate()
    {
        cluster::address_of(external, &format!("spec.externalIPs[{index}]"), causes);
    }
    let traffic = text(spec, "internalTrafficPolicy");
    if !traffic.is_empty() && !["Cluster", "Local"].contains(&traffic) {
        causes.push(Cause::not_supported(
            "spec.internalTrafficPolicy",
            traffic,
            &["Cluster", "Local"],
        ));
    }
    if !spec["loadBalancerClass"].is_null() && kind != "LoadBalancer" {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        causes.push(Cause::forbidden("spec.loadBalancerClass", detail));
    }
    let ranges = items(spec, "loadBalancerSourceRanges");
    for (index, range) in ranges.iter().filter_map(Value::as_str).enumerate() {
        let field = format!("spec.LoadBalancerSourceRanges[{index}]");
        rarer::cidr(range.trim(), field, causes);
    }
    if !ranges.is_empty() && kind != "LoadBalancer" {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        causes.push(Cause::forbidden("spec.LoadBalancerSourceRanges", detail));
    }
    if !spec["allocateLoadBalancerNodePorts"].is_null() && kind != "LoadBalancer" {
        let detail = "may only be used when `type` is 'LoadBalancer'";
        causes.push(Cause::forbidden("spec.allocateLoadBalancerNodePorts", detail));
    }
}

/// Checks an Ingress' spec.
pub(super) fn ingress(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let rules = items(spec, "rules");
    if rules.is_empty() && spec["defaultBackend"].is_null() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", spec["rules"].clone(), detail));
    }
    if spec["defaultBackend"].is_object() {
        backend(&spec["defaultBackend"], "spec.defaultBackend", &mut causes);
    }
    for (index, rule) in rules.iter().enumerate() {
        let place = format!("spec.rules[{index}]");
        let name = text(rule, "host");
        if !name.is_empty() {
            host(name, &format!("{place}.host"), &mut causes);
        }
        for (index, path) in items(&rule["http"], "paths").iter().enumerate() {
            let place = format!("{place}.http.paths[{index}]");
            let kind = text(path, "pathType");
            let supported = ["Exact", "ImplementationSpecific", "Prefix"];
            if kind.is_empty() {
                causes.push(Cause::required(
                    format!("{place}.pathType"),
                    "pathType must be specified",
                ));
                continue;
            } else if !supported.contains(&kind) {
                causes.push(Cause::not_supported(
                    format!("{place}.pathType"),
                    kind,
                    &supported,
                ));
            }
            http_path(text(path, "path"), kind, &format!("{place}.path"), &mut causes);
            if path["backend"].as_object().is_none_or(serde_json::Map::is_empty) {
                let detail = "resource or service backend is required";
                causes.push(Cause::invalid(format!("{place}.backend"), "", detail));
            } else {
                backend(&path["backend"], &format!("{place}.backend"), &mut causes);
            }
        }
    }
    let class = text(spec, "ingressClassName");
    if !spec["ingressClassName"].is_null() {
        for why in names::dns_1123_subdomain(class) {
            causes.push(Cause::invalid("spec.ingressClassName", class, why));
        }
    }
    for (outer, tls) in items(spec, "tls").iter().enumerate() {
        for (index, name) in items(tls, "hosts").iter().filter_map(Value::as_str).enumerate() {
            host(name, &format!("spec.tls[{outer}].hosts[{index}]"), &mut causes);
        }
    }
    causes
}

/// The path of a rule of an Ingress.
fn http_path(path: &str, kind: &str, field: &str, causes: &mut Vec<Cause>) {
    let is_absolute = path.starts_with('/');
    let matched = matches!(kind, "Exact" | "Prefix");
    if !is_absolute && (matched || !path.is_empty() && kind == "ImplementationSpecific") {
        causes.push(Cause::invalid(field, path, "must be an absolute path"));
    }
    if !matched || path.is_empty() {
        return;
    }
    for part in ["//", "/./", "/../", "%2f", "%2F"] {
        if path.contains(part) {
            causes.push(Cause::invalid(field, path, format!("must not contain '{part}'")));
        }
    }
    for end in ["/..", "/."] {
        if path.ends_with(end) {
            causes.push(Cause::invalid(field, path, format!("cannot end with '{end}'")));
        }
    }
}

fn host(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.parse::<std::net::IpAddr>().is_ok() {
        causes.push(Cause::invalid(
            field,
            name,
            "must be a DNS name, not an IP address",
        ));
        return;
    }
    let errors = if name.contains('*') {
        names::wildcard_subdomain(name)
    } else {
        names::dns_1123_subdomain(name)
    };
    for why in errors {
        causes.push(Cause::invalid(field, name, why));
    }
}

fn backend(backend: &Value, field: &str, causes: &mut Vec<Cause>) {
    let service = &backend["service"];
    if service.is_object() && backend["resource"].is_object() {
        let detail = "cannot set both resource and service backends";
        causes.push(Cause::invalid(field, "", detail));
        return;
    }
    if !service.is_object() {
        return;
    }
    let name = text(service, "name");
    if name.is_empty() {
        causes.push(Cause::required(format!("{field}.service.name"), ""));
    } else {
        for why in names::dns_1123_label(name) {
            causes.push(Cause::invalid(format!("{field}.service.name"), name, why));
        }
    }
    let port = &service["port"];
    let (name, number) = (text(port, "name"), number(port, "number"));
    if name.is_empty() && number == 0 {
        causes.push(Cause::required(field, "port name or number is required"));
    } else if !name.is_empty() && number != 0 {
        causes.push(Cause::invalid(
            field,
            "",
            "cannot set both port name & port number",
        ));
    } else if !name.is_empty() {
        for why in names::port_name(name) {
            causes.push(Cause::invalid(format!("{field}.service.port.name"), name, why));
        }
    } else {
        for why in names::port_number(number) {
            causes.push(Cause::invalid(
                format!("{field}.service.port.number"),
                number,
                why,
            ));
        }
    }
}
