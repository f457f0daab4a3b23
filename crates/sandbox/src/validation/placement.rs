//! Where Pods run and how: tolerations, spreading, affinity, users, paths of projected files.
//!
//! Source: kubernetes `pkg/apis/core/validation/validation.go`.

use serde_json::Value;

use super::{items, number, text};
use crate::names;
use crate::status::Cause;

/// Checks what a Pod's spec says beside its containers and volumes.
pub(super) fn check(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (index, alias) in items(spec, "hostAliases").iter().enumerate() {
        address(
            text(alias, "ip"),
            format!("{field}.hostAliases[{index}].ip"),
            causes,
        );
    }
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64()
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        causes.push(Cause::invalid(
            format!("{field}.activeDeadlineSeconds"),
            seconds,
            detail,
        ));
    }
    super::containers::check(spec, field, causes);
    names_servers(spec, field, causes);
    for (index, gate) in items(spec, "readinessGates").iter().enumerate() {
        let kind = text(gate, "conditionType");
        for why in names::qualified_name(kind) {
            let place = format!("{field}.readinessGates[{index}].conditionType");
            causes.push(Cause::invalid(place, kind, why));
        }
    }
    users(
        &spec["securityContext"],
        &format!("{field}.securityContext"),
        causes,
    );
    for key in ["containers", "initContainers"] {
        for (index, container) in items(spec, key).iter().enumerate() {
            let place = format!("{field}.{key}[{index}].securityContext");
            users(&container["securityContext"], &place, causes);
        }
    }
    containers(spec, field, causes);
    for (index, toleration) in items(spec, "tolerations").iter().enumerate() {
        tolerates(toleration, &format!("{field}.tolerations[{index}]"), causes);
    }
    for (index, spread) in items(spec, "topologySpreadConstraints").iter().enumerate() {
        spreads(
            spread,
            &format!("{field}.topologySpreadConstraints[{index}]"),
            causes,
        );
    }
    affinity(&spec["affinity"], &format!("{field}.affinity"), causes);
}

/// What only some containers may have.
fn containers(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (index, container) in items(spec, "initContainers").iter().enumerate() {
        if text(container, "restartPolicy") == "Always" {
            continue;
        }
        for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if !container[key].is_null() {
                let detail = "may not be set for init containers without restartPolicy=Always";
                causes.push(Cause::forbidden(
                    format!("{field}.initContainers[{index}].{key}"),
                    detail,
                ));
            }
        }
    }
    for key in ["containers", "initContainers"] {
        for (index, container) in items(spec, key).iter().enumerate() {
            for from in items(container, "envFrom") {
                if from["configMapRef"].is_null() && from["secretRef"].is_null() {
                    let detail = "must specify one of: `configMapRef` or `secretRef`";
                    causes.push(Cause::invalid(
                        format!("{field}.{key}[{index}].envFrom"),
                        "",
                        detail,
                    ));
                }
            }
        }
    }
    if !items(spec, "ephemeralContainers").is_empty() && field != "spec" {
        let detail = "ephemeral containers not allowed in pod template";
        causes.push(Cause::forbidden(format!("{field}.ephemeralContainers"), detail));
    }
    if text(spec, "dnsPolicy") == "None" && items(&spec["dnsConfig"], "nameservers").is_empty() {
        let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
        causes.push(Cause::required(format!("{field}.dnsConfig"), detail));
    }
    let system = text(&spec["os"], "name");
    if !["", "linux", "windows"].contains(&system) {
        causes.push(Cause::not_supported(
            format!("{field}.os"),
            system,
            &["linux", "windows"],
        ));
    }
}

/// Servers of names that a Pod asks.
fn names_servers(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    const MOST: usize = 3;
    let servers = items(&spec["dnsConfig"], "nameservers");
    let place = format!("{field}.dnsConfig.nameservers");
    if servers.len() > MOST {
        let detail = format!("must not have more than {MOST} nameservers");
        causes.push(Cause::invalid(
            place.as_str(),
            Value::Array(servers.to_vec()),
            detail,
        ));
    }
    for (index, server) in servers.iter().filter_map(Value::as_str).enumerate() {
        address(server, format!("{place}[{index}]"), causes);
    }
}

/// An address of a machine.
pub(super) fn address(text: &str, field: impl Into<String>, causes: &mut Vec<Cause>) {
    if text.parse::<std::net::IpAddr>().is_err() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        causes.push(Cause::invalid(field, text, detail));
    }
}

/// Paths of files that a volume takes from ConfigMaps and Secrets, and where others come from.
pub(super) fn files(volume: &Value, place: &str, causes: &mut Vec<Cause>) {
    let remote = &volume["nfs"];
    if remote.is_object() {
        if text(remote, "server").is_empty() {
            causes.push(Cause::required(format!("{place}.nfs.server"), ""));
        }
        let path = text(remote, "path");
        if path.is_empty() {
            causes.push(Cause::required(format!("{place}.nfs.path"), ""));
        } else if !path.starts_with('/') {
            causes.push(Cause::invalid(
                format!("{place}.nfs.path"),
                path,
                "must be an absolute path",
            ));
        }
    }
    for kind in ["configMap", "secret", "downwardAPI", "projected"] {
        mode(
            &volume[kind]["defaultMode"],
            &format!("{place}.{kind}.defaultMode"),
            causes,
        );
    }
    for kind in ["configMap", "secret"] {
        for (item, file) in items(&volume[kind], "items").iter().enumerate() {
            let place = format!("{place}.{kind}.items[{item}]");
            if text(file, "key").is_empty() {
                causes.push(Cause::required(format!("{place}.key"), ""));
            }
            mode(&file["mode"], &format!("{place}.mode"), causes);
            let path = text(file, "path");
            if path.is_empty() {
                causes.push(Cause::required(format!("{place}.path"), ""));
            } else if path.starts_with('/') {
                causes.push(Cause::invalid(
                    format!("{place}.path"),
                    path,
                    "must be a relative path",
                ));
            } else if path.split('/').any(|part| part == "..") {
                causes.push(Cause::invalid(
                    format!("{place}.path"),
                    path,
                    "must not contain '..'",
                ));
            }
        }
    }
}

/// Bits of a file's mode.
fn mode(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    if let Some(bits) = value.as_i64().filter(|bits| !(0..=0o777).contains(bits)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        causes.push(Cause::invalid(field, bits, detail));
    }
}

fn users(context: &Value, field: &str, causes: &mut Vec<Cause>) {
    for key in ["fsGroup", "runAsUser", "runAsGroup"] {
        if let Some(id) = context[key].as_i64()
            && !(0..=i64::from(i32::MAX)).contains(&id)
        {
            let detail = "must be between 0 and 2147483647, inclusive";
            causes.push(Cause::invalid(format!("{field}.{key}"), id, detail));
        }
    }
}

pub(super) fn tolerates(toleration: &Value, field: &str, causes: &mut Vec<Cause>) {
    let operator = text(toleration, "operator");
    let (key, value) = (text(toleration, "key"), text(toleration, "value"));
    let place = format!("{field}.operator");
    if !key.is_empty() {
        for why in names::qualified_name(key) {
            causes.push(Cause::invalid(format!("{field}.key"), key, why));
        }
    } else if operator != "Exists" {
        let detail =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.push(Cause::invalid(place.as_str(), operator, detail));
    }
    match operator {
        "" | "Equal" => {
            let wrong = names::label_value(value);
            if !wrong.is_empty() {
                causes.push(Cause::invalid(place, value, wrong.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(place, value, detail));
        }
        "Exists" => {}
        other => causes.push(Cause::not_supported(place, other, &["Equal", "Exists"])),
    }
    let effect = text(toleration, "effect");
    let supported = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if !toleration["tolerationSeconds"].is_null() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        causes.push(Cause::invalid(format!("{field}.effect"), effect, detail));
    }
    if !effect.is_empty() && !supported.contains(&effect) {
        causes.push(Cause::not_supported(
            format!("{field}.effect"),
            effect,
            &supported,
        ));
    }
}

fn spreads(spread: &Value, field: &str, causes: &mut Vec<Cause>) {
    let skew = number(spread, "maxSkew");
    if skew <= 0 {
        causes.push(Cause::invalid(
            format!("{field}.maxSkew"),
            skew,
            "must be greater than zero",
        ));
    }
    if text(spread, "topologyKey").is_empty() {
        causes.push(Cause::required(
            format!("{field}.topologyKey"),
            "can not be empty",
        ));
    }
    let otherwise = text(spread, "whenUnsatisfiable");
    let supported = ["DoNotSchedule", "ScheduleAnyway"];
    if !supported.contains(&otherwise) {
        causes.push(Cause::not_supported(
            format!("{field}.whenUnsatisfiable"),
            otherwise,
            &supported,
        ));
    }
}

fn affinity(affinity: &Value, field: &str, causes: &mut Vec<Cause>) {
    let required = &affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required.is_object() && items(required, "nodeSelectorTerms").is_empty() {
        causes.push(Cause::required(
            format!("{field}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"),
            "must have at least one node selector term",
        ));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (index, term) in items(&affinity[kind], preferred).iter().enumerate() {
            let place = format!("{field}.{kind}.{preferred}[{index}]");
            let weight = number(term, "weight");
            if !(1..=100).contains(&weight) {
                causes.push(Cause::invalid(
                    format!("{place}.weight"),
                    weight,
                    "must be in the range 1-100",
                ));
            }
            topology(
                &term["podAffinityTerm"],
                &format!("{place}.podAffinityTerm"),
                causes,
            );
        }
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        for (index, term) in items(&affinity[kind], required).iter().enumerate() {
            topology(term, &format!("{field}.{kind}.{required}[{index}]"), causes);
        }
    }
}

fn topology(term: &Value, field: &str, causes: &mut Vec<Cause>) {
    let key = text(term, "topologyKey");
    let field = format!("{field}.topologyKey");
    if key.is_empty() {
        causes.push(Cause::required(field.as_str(), "can not be empty"));
    }
    for why in names::qualified_name(key) {
        causes.push(Cause::invalid(field.as_str(), key, why));
    }
}
