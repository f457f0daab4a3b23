//! What makes network policies invalid.
//!
//! Source: kubernetes `pkg/apis/networking/validation/validation.go`.

use serde_json::Value;

use super::pods::port_or_name;
use super::workloads::label_selector;
use super::{items, rarer, text};
use crate::status::Cause;

/// Checks a network policy's spec.
pub(super) fn policy(spec: &Value) -> Vec<Cause> {
    let mut causes = label_selector(&spec["podSelector"], "spec.podSelector");
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (outer, rule) in items(spec, direction).iter().enumerate() {
            let place = format!("spec.{direction}[{outer}]");
            for (index, entry) in items(rule, "ports").iter().enumerate() {
                port(entry, &format!("{place}.ports[{index}]"), &mut causes);
            }
            for (index, entry) in items(rule, peers).iter().enumerate() {
                peer(entry, &format!("{place}.{peers}[{index}]"), &mut causes);
            }
        }
    }
    let kinds = items(spec, "policyTypes");
    if kinds.len() > 2 {
        let detail = "may not specify more than two policyTypes";
        causes.push(Cause::invalid(
            "spec.policyTypes",
            Value::Array(kinds.to_vec()),
            detail,
        ));
        return causes;
    }
    for (index, kind) in kinds.iter().enumerate() {
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

fn port(entry: &Value, place: &str, causes: &mut Vec<Cause>) {
    let protocol = text(entry, "protocol");
    let supported = ["TCP", "UDP", "SCTP"];
    if !protocol.is_empty() && !supported.contains(&protocol) {
        causes.push(Cause::not_supported(
            format!("{place}.protocol"),
            protocol,
            &supported,
        ));
    }
    let last = entry["endPort"].as_i64();
    let field = format!("{place}.endPort");
    if entry["port"].is_null() {
        if let Some(last) = last {
            let detail = "may not be specified when `port` is not specified";
            causes.push(Cause::invalid(field, last, detail));
        }
        return;
    }
    port_or_name(&entry["port"], &format!("{place}.port"), causes);
    match (last, entry["port"].as_i64()) {
        (Some(last), Some(first)) if last < first => {
            let detail = "must be greater than or equal to `port`";
            causes.push(Cause::invalid(field, last, detail));
        }
        (Some(last), Some(_)) => {
            for why in crate::names::port_number(last) {
                causes.push(Cause::invalid(field.as_str(), last, why));
            }
        }
        (Some(last), None) => {
            let detail = "may not be specified when `port` is non-numeric";
            causes.push(Cause::invalid(field, last, detail));
        }
        _ => {}
    }
}

fn peer(entry: &Value, place: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for key in ["podSelector", "namespaceSelector"] {
        if entry[key].is_object() {
            count += 1;
            causes.extend(label_selector(&entry[key], &format!("{place}.{key}")));
        }
    }
    let block = &entry["ipBlock"];
    if block.is_object() {
        count += 1;
        let cidr = text(block, "cidr");
        let field = format!("{place}.ipBlock.cidr");
        if cidr.is_empty() {
            causes.push(Cause::required(field, ""));
        } else {
            rarer::cidr(cidr, field, causes);
        }
        for (index, part) in items(block, "except")
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
        {
            let field = format!("{place}.ipBlock.except[{index}]");
            let before = causes.len();
            rarer::cidr(part, field.as_str(), causes);
            if causes.len() == before && !is_inside(part, cidr) {
                let detail = "must be a strict subset of `cidr`";
                causes.push(Cause::invalid(field, part, detail));
            }
        }
    }
    if count == 0 {
        causes.push(Cause::required(place, "must specify a peer"));
    } else if count > 1 && block.is_object() {
        let detail = "may not specify both ipBlock and another peer";
        causes.push(Cause::forbidden(place, detail));
    }
}

/// Whether a network is a smaller one inside of another.
fn is_inside(inner: &str, outer: &str) -> bool {
    let parse = |text: &str| {
        let (address, bits) = text.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        let (number, size) = match address.parse().ok()? {
            std::net::IpAddr::V4(four) => (u128::from(u32::from(four)), 32),
            std::net::IpAddr::V6(six) => (u128::from(six), 128),
        };
        Some((number, bits, size))
    };
    let (Some((inner, inner_bits, inner_size)), Some((outer, outer_bits, outer_size))) =
        (parse(inner), parse(outer))
    else {
        // What is wrong with the outer one is told elsewhere.
        return true;
    };
    if inner_size != outer_size || inner_bits <= outer_bits {
        return false;
    }
    let shift = outer_size - outer_bits;
    inner.checked_shr(shift).unwrap_or(0) == outer.checked_shr(shift).unwrap_or(0)
}
