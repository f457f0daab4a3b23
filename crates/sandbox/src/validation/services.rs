//! What makes Services, Ingresses and network policies invalid.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::names;
use crate::status::Cause;

use super::metadata::labels;
use super::pods::port_or_name;
use super::rarer;
use super::workloads::label_selector;
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
    let ranges = items(spec, "loadBalancerSourceRanges");
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
        causes.push(Cause::invalid("spec", Value::Null, detail));
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
            } else if !supported.contains(&kind) {
                causes.push(Cause::not_supported(
                    format!("{place}.pathType"),
                    kind,
                    &supported,
                ));
            }
            let value = text(path, "path");
            if matches!(kind, "Exact" | "Prefix") && !value.starts_with('/') {
                causes.push(Cause::invalid(
                    format!("{place}.path"),
                    value,
                    "must be an absolute path",
                ));
            }
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
            Value::Null,
            "cannot set both port name & port number",
        ));
    }
}

/// Checks a network policy's spec.
pub(super) fn network_policy(spec: &Value) -> Vec<Cause> {
    let mut causes = label_selector(&spec["podSelector"], "spec.podSelector");
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (outer, rule) in items(spec, direction).iter().enumerate() {
            let place = format!("spec.{direction}[{outer}]");
            for (index, port) in items(rule, "ports").iter().enumerate() {
                if !port["port"].is_null() {
                    port_or_name(
                        &port["port"],
                        &format!("{place}.ports[{index}].port"),
                        &mut causes,
                    );
                }
            }
            for (index, peer) in items(rule, peers).iter().enumerate() {
                if peer.as_object().is_none_or(serde_json::Map::is_empty) {
                    causes.push(Cause::required(
                        format!("{place}.{peers}[{index}]"),
                        "must specify a peer",
                    ));
                }
                if peer["ipBlock"].is_object() {
                    let field = format!("{place}.{peers}[{index}].ipBlock.cidr");
                    rarer::cidr(text(&peer["ipBlock"], "cidr"), field, &mut causes);
                }
            }
        }
    }
    for (index, kind) in items(spec, "policyTypes").iter().enumerate() {
        let kind = kind.as_str().unwrap_or_default();
        if !["Ingress", "Egress"].contains(&kind) {
            causes.push(Cause::not_supported(
                format!("spec.policyTypes[{index}]"),
                kind,
                &["Ingress", "Egress"],
            ));
        }
    }
    causes
}
