//! What makes a Pod, or a template of one, invalid.

use std::collections::BTreeSet;

use kluctl_schema::quantity_nano;
use serde_json::{Map, Value, json};

use crate::names;
use crate::status::{Cause, CauseKind};

use super::metadata::labels;
use super::{at_least_zero, items, map, number, placement, text};

/// Checks a Pod's spec; `field` is where it stands.
pub(super) fn spec(spec: &Value, field: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let volumes = volumes(spec, field, &mut causes);
    let containers = items(spec, "containers");
    if containers.is_empty() {
        causes.push(Cause::required(format!("{field}.containers"), ""));
    }
    let mut names = BTreeSet::new();
    for key in ["containers", "initContainers"] {
        for (index, container) in items(spec, key).iter().enumerate() {
            let place = format!("{field}.{key}[{index}]");
            let name = text(container, "name");
            if name.is_empty() {
                causes.push(Cause::required(format!("{place}.name"), ""));
            } else {
                for why in names::dns_1123_label(name) {
                    causes.push(Cause::invalid(format!("{place}.name"), name, why));
                }
                if !names.insert(name.to_owned()) {
                    causes.push(Cause::duplicate(format!("{place}.name"), name));
                }
            }
            check_container(container, &place, &volumes, &mut causes);
        }
        if key == "containers" {
            host_ports(containers, field, &mut causes);
        }
    }
    let one_of = |key: &str, supported: &[&str], causes: &mut Vec<Cause>| {
        let value = text(spec, key);
        if !value.is_empty() && !supported.contains(&value) {
            causes.push(Cause::not_supported(format!("{field}.{key}"), value, supported));
        }
    };
    placement::check(spec, field, &mut causes);
    one_of("restartPolicy", &["Always", "OnFailure", "Never"], &mut causes);
    one_of(
        "dnsPolicy",
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
        &mut causes,
    );
    causes.extend(labels(
        map(spec, "nodeSelector"),
        &format!("{field}.nodeSelector"),
    ));
    for key in ["hostname", "subdomain"] {
        let name = text(spec, key);
        let wrong = if name.is_empty() {
            Vec::new()
        } else {
            names::dns_1123_label(name)
        };
        for why in wrong {
            causes.push(Cause::invalid(format!("{field}.{key}"), name, why));
        }
    }
    let account = text(spec, "serviceAccountName");
    if !account.is_empty() {
        for why in names::dns_1123_subdomain(account) {
            causes.push(Cause::invalid(
                format!("{field}.serviceAccountName"),
                account,
                why,
            ));
        }
    }
    causes
}

fn volumes(spec: &Value, field: &str, causes: &mut Vec<Cause>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (index, volume) in items(spec, "volumes").iter().enumerate() {
        let place = format!("{field}.volumes[{index}]");
        let mut sources: Vec<&String> = volume
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .filter(|key| *key != "name")
            .collect();
        // The order in which the server looks at them.
        sources.sort_by_key(|key| {
            ["emptyDir", "hostPath"]
                .iter()
                .position(|first| first == key)
                .unwrap_or(2)
        });
        for extra in sources.iter().skip(1) {
            let detail = "may not specify more than 1 volume type";
            causes.push(Cause::forbidden(format!("{place}.{extra}"), detail));
        }
        for (source, key) in [
            ("secret", "secretName"),
            ("configMap", "name"),
            ("persistentVolumeClaim", "claimName"),
            ("hostPath", "path"),
        ] {
            if sources.first().is_some_and(|first| *first == source) && text(&volume[source], key).is_empty()
            {
                causes.push(Cause::required(format!("{place}.{source}.{key}"), ""));
            }
        }
        let name = text(volume, "name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
            continue;
        }
        for why in names::dns_1123_label(name) {
            causes.push(Cause::invalid(format!("{place}.name"), name, why));
        }
        let before = causes.len();
        placement::files(volume, &place, causes);
        if known.contains(name) {
            causes.push(Cause::duplicate(format!("{place}.name"), name));
        } else if causes.len() == before {
            // Volumes that are wrong are not there to be mounted.
            known.insert(name.to_owned());
        }
    }
    known
}

fn check_container(container: &Value, place: &str, volumes: &BTreeSet<String>, causes: &mut Vec<Cause>) {
    let image = text(container, "image");
    if image.is_empty() {
        causes.push(Cause::required(format!("{place}.image"), ""));
    } else if image.trim() != image && place.starts_with("spec.containers") {
        // Templates are not looked at.
        let detail = "must not have leading or trailing whitespace";
        causes.push(Cause::invalid(format!("{place}.image"), image, detail));
    }
    ports(container, place, causes);
    environment(container, place, causes);
    mounts(container, place, volumes, causes);
    let policy = text(container, "imagePullPolicy");
    let supported = ["Always", "IfNotPresent", "Never"];
    if !policy.is_empty() && !supported.contains(&policy) {
        causes.push(Cause::not_supported(
            format!("{place}.imagePullPolicy"),
            policy,
            &supported,
        ));
    }
    resources(container, place, causes);
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container[key].is_object() {
            probe(&container[key], &format!("{place}.{key}"), causes);
        }
    }
}

fn ports(container: &Value, place: &str, causes: &mut Vec<Cause>) {
    let mut known = BTreeSet::new();
    for (index, port) in items(container, "ports").iter().enumerate() {
        let place = format!("{place}.ports[{index}]");
        let name = text(port, "name");
        if !name.is_empty() {
            let errors = names::port_name(name);
            if errors.is_empty() {
                if !known.insert(name.to_owned()) {
                    causes.push(Cause::duplicate(format!("{place}.name"), name));
                }
            } else {
                for why in errors {
                    causes.push(Cause::invalid(format!("{place}.name"), name, why));
                }
            }
        }
        let check = |key: &str, causes: &mut Vec<Cause>| {
            let value = number(port, key);
            for why in names::port_number(value) {
                causes.push(Cause::invalid(format!("{place}.{key}"), value, why));
            }
        };
        if number(port, "containerPort") == 0 {
            causes.push(Cause::required(format!("{place}.containerPort"), ""));
        } else {
            check("containerPort", causes);
        }
        if number(port, "hostPort") != 0 {
            check("hostPort", causes);
        }
        let protocol = text(port, "protocol");
        let supported = ["SCTP", "TCP", "UDP"];
        if protocol.is_empty() {
            causes.push(Cause::required(format!("{place}.protocol"), ""));
        } else if !supported.contains(&protocol) {
            causes.push(Cause::not_supported(
                format!("{place}.protocol"),
                protocol,
                &supported,
            ));
        }
    }
}

fn host_ports(containers: &[Value], field: &str, causes: &mut Vec<Cause>) {
    let mut known = BTreeSet::new();
    for (outer, container) in containers.iter().enumerate() {
        for (index, port) in items(container, "ports").iter().enumerate() {
            let number = number(port, "hostPort");
            if number == 0 {
                continue;
            }
            let id = format!("{}/{}/{number}", text(port, "protocol"), text(port, "hostIP"));
            if !known.insert(id.clone()) {
                let place = format!("{field}.containers[{outer}].ports[{index}].hostPort");
                causes.push(Cause::duplicate(place, id));
            }
        }
    }
}

fn environment(container: &Value, place: &str, causes: &mut Vec<Cause>) {
    for source in items(container, "envFrom") {
        if source["configMapRef"].is_null() && source["secretRef"].is_null() {
            let detail = "must specify one of: `configMapRef` or `secretRef`";
            causes.push(Cause::invalid(format!("{place}.envFrom"), "", detail));
        }
    }
    for (index, variable) in items(container, "env").iter().enumerate() {
        let place = format!("{place}.env[{index}]");
        let name = text(variable, "name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
        } else {
            for why in names::env_var_name(name) {
                causes.push(Cause::invalid(format!("{place}.name"), name, why));
            }
        }
        let Some(source) = variable["valueFrom"].as_object() else {
            continue;
        };
        for (kind, fields) in [("configMapKeyRef", ["key"]), ("secretKeyRef", ["key"])] {
            for field in fields {
                if source.contains_key(kind) && text(&source[kind], field).is_empty() {
                    causes.push(Cause::required(format!("{place}.valueFrom.{kind}.{field}"), ""));
                }
            }
        }
        let place = format!("{place}.valueFrom");
        if source.is_empty() {
            let detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
            causes.push(Cause::invalid(place, "", detail));
        } else if !text(variable, "value").is_empty() {
            causes.push(Cause::invalid(
                place,
                "",
                "may not be specified when `value` is not empty",
            ));
        } else if source.len() > 1 {
            causes.push(Cause::invalid(
                place,
                "",
                "may not have more than one field specified at a time",
            ));
        }
    }
}

fn mounts(container: &Value, place: &str, volumes: &BTreeSet<String>, causes: &mut Vec<Cause>) {
    let mut known = BTreeSet::new();
    for (index, mount) in items(container, "volumeMounts").iter().enumerate() {
        let place = format!("{place}.volumeMounts[{index}]");
        let name = text(mount, "name");
        if name.is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
        }
        if !volumes.contains(name) {
            causes.push(Cause::new(
                CauseKind::NotFound,
                format!("{place}.name"),
                json!(name),
                "",
            ));
        }
        let path = text(mount, "mountPath");
        if path.is_empty() {
            causes.push(Cause::required(format!("{place}.mountPath"), ""));
        } else if !known.insert(path.to_owned()) {
            causes.push(Cause::invalid(
                format!("{place}.mountPath"),
                path,
                "must be unique",
            ));
        }
    }
}

fn resources(container: &Value, place: &str, causes: &mut Vec<Cause>) {
    let place = format!("{place}.resources");
    let (limits, requests) = (
        &container["resources"]["limits"],
        &container["resources"]["requests"],
    );
    let check = |key: &str, value: &Value, which: &str, causes: &mut Vec<Cause>| {
        let field = format!("{place}.{which}[{key}]");
        let shown = value.as_str().unwrap_or_default();
        if quantity_nano(shown).is_some_and(|amount| amount < 0) {
            causes.push(Cause::invalid(
                field.clone(),
                shown,
                "must be greater than or equal to 0",
            ));
        }
        let standard = matches!(key, "cpu" | "memory" | "ephemeral-storage") || key.starts_with("hugepages-");
        if !standard && !key.contains('/') {
            let detail = "must be a standard resource type or fully qualified";
            causes.push(Cause::invalid(field.clone(), key, detail));
            causes.push(Cause::invalid(
                field,
                key,
                "must be a standard resource for containers",
            ));
        }
    };
    for (key, value) in limits.as_object().into_iter().flatten() {
        check(key, value, "limits", causes);
    }
    for (key, value) in requests.as_object().into_iter().flatten() {
        let shown = value.as_str().unwrap_or_default();
        let limit = limits[key]
            .as_str()
            .and_then(|limit| Some((limit, quantity_nano(limit)?)));
        if let (Some((limit, most)), Some(amount)) = (limit, quantity_nano(shown))
            && amount > most
        {
            let detail = format!("must be less than or equal to {key} limit of {limit}");
            causes.push(Cause::invalid(format!("{place}.requests"), shown, detail));
        }
        check(key, value, "requests", causes);
    }
}

fn probe(probe: &Value, place: &str, causes: &mut Vec<Cause>) {
    let mut handlers = 0;
    for key in ["exec", "httpGet", "tcpSocket", "grpc"] {
        if !probe[key].is_object() {
            continue;
        }
        handlers += 1;
        if handlers > 1 {
            let detail = "may not specify more than 1 handler type";
            causes.push(Cause::forbidden(format!("{place}.{key}"), detail));
            continue;
        }
        if key == "exec" && items(&probe[key], "command").is_empty() {
            causes.push(Cause::required(format!("{place}.exec.command"), ""));
        }
        if matches!(key, "httpGet" | "tcpSocket") {
            port_or_name(&probe[key]["port"], &format!("{place}.{key}.port"), causes);
        }
    }
    if handlers == 0 {
        causes.push(Cause::required(place, "must specify a handler type"));
    }
    for key in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        at_least_zero(number(probe, key), &format!("{place}.{key}"), causes);
    }
}

/// A port's number or name.
pub(super) fn port_or_name(port: &Value, field: &str, causes: &mut Vec<Cause>) {
    match port {
        Value::String(name) => {
            for why in names::port_name(name) {
                causes.push(Cause::invalid(field, name.as_str(), why));
            }
        }
        other => {
            let number = other.as_i64().unwrap_or(0);
            for why in names::port_number(number) {
                causes.push(Cause::invalid(field, number, why));
            }
        }
    }
}
