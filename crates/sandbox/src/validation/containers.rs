//! What a container says beside its image, ports and mounts: hooks, security, paths, where its environment is from.
//!
//! Source: kubernetes `pkg/apis/core/validation/validation.go`.

use serde_json::Value;

use super::{items, map, number, text};
use crate::names;
use crate::status::Cause;

/// Fields of a Pod that an environment variable may take its value from.
const ENVIRONMENT: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Checks all containers of a Pod's spec.
pub(super) fn check(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    for key in ["containers", "initContainers"] {
        for (index, container) in items(spec, key).iter().enumerate() {
            one(container, &format!("{field}.{key}[{index}]"), causes);
        }
    }
    seccomp(
        &spec["securityContext"]["seccompProfile"],
        &format!("{field}.securityContext.seccompProfile"),
        causes,
    );
}

fn one(container: &Value, place: &str, causes: &mut Vec<Cause>) {
    let policy = text(container, "terminationMessagePolicy");
    let supported = ["File", "FallbackToLogsOnError"];
    if !policy.is_empty() && !supported.contains(&policy) {
        causes.push(Cause::not_supported(
            format!("{place}.terminationMessagePolicy"),
            policy,
            &supported,
        ));
    }
    for key in ["postStart", "preStop"] {
        let hook = &container["lifecycle"][key];
        if hook.is_object() {
            handler(hook, &format!("{place}.lifecycle.{key}"), causes);
        }
    }
    probes(container, place, causes);
    for mount in items(container, "volumeMounts") {
        for key in ["subPath", "subPathExpr"] {
            // The API server forgets which of the mounts it is.
            descending(text(mount, key), &format!("{place}.volumeMounts.{key}"), causes);
        }
    }
    for (index, variable) in items(container, "env").iter().enumerate() {
        let from = &variable["valueFrom"]["fieldRef"];
        if from.is_object() {
            let place = format!("{place}.env[{index}].valueFrom.fieldRef.fieldPath");
            field_path(text(from, "fieldPath"), &place, causes);
        }
    }
    for which in ["limits", "requests"] {
        for (name, amount) in map(&container["resources"], which) {
            let is_extended = name.contains('/') && !name.contains("kubernetes.io/");
            let shown = amount.as_str().unwrap_or_default();
            let is_whole = kluctl_schema::quantity_nano(shown).is_none_or(|nano| nano % 1_000_000_000 == 0);
            if is_extended && !is_whole {
                let field = format!("{place}.resources.{which}[{name}]");
                causes.push(Cause::invalid(field, shown, "must be an integer"));
            }
        }
    }
    security(
        &container["securityContext"],
        &format!("{place}.securityContext"),
        causes,
    );
}

/// What only some probes may ask for.
fn probes(container: &Value, place: &str, causes: &mut Vec<Cause>) {
    for key in ["livenessProbe", "startupProbe"] {
        let count = number(&container[key], "successThreshold");
        if !matches!(count, 0 | 1) {
            causes.push(Cause::invalid(
                format!("{place}.{key}.successThreshold"),
                count,
                "must be 1",
            ));
        }
        let grace = container[key]["terminationGracePeriodSeconds"].as_i64();
        if let Some(seconds) = grace.filter(|seconds| *seconds <= 0) {
            let field = format!("{place}.{key}.terminationGracePeriodSeconds");
            causes.push(Cause::invalid(field, seconds, "must be greater than 0"));
        }
    }
    if let Some(seconds) = container["readinessProbe"]["terminationGracePeriodSeconds"].as_i64() {
        let field = format!("{place}.readinessProbe.terminationGracePeriodSeconds");
        causes.push(Cause::invalid(
            field,
            seconds,
            "must not be set for readinessProbes",
        ));
    }
}

fn handler(hook: &Value, place: &str, causes: &mut Vec<Cause>) {
    let kinds = ["exec", "httpGet", "tcpSocket", "sleep"];
    let given: Vec<&str> = kinds
        .iter()
        .copied()
        .filter(|kind| hook[*kind].is_object())
        .collect();
    if given.is_empty() {
        causes.push(Cause::required(place, "must specify a handler type"));
    }
    for extra in given.iter().skip(1) {
        let detail = "may not specify more than 1 handler type";
        causes.push(Cause::forbidden(format!("{place}.{extra}"), detail));
    }
    match given.first().copied() {
        Some("exec") if items(&hook["exec"], "command").is_empty() => {
            causes.push(Cause::required(format!("{place}.exec.command"), ""));
        }
        Some(kind @ ("httpGet" | "tcpSocket")) => {
            super::pods::port_or_name(&hook[kind]["port"], &format!("{place}.{kind}.port"), causes);
        }
        _ => {}
    }
}

/// A path that must stay inside of what it starts from.
fn descending(path: &str, field: &str, causes: &mut Vec<Cause>) {
    if path.starts_with('/') {
        causes.push(Cause::invalid(field, path, "must be a relative path"));
    }
    if path.split('/').any(|part| part == "..") {
        causes.push(Cause::invalid(field, path, "must not contain '..'"));
    }
}

/// A field of the Pod in an environment variable.
fn field_path(path: &str, field: &str, causes: &mut Vec<Cause>) {
    const OTHERS: [&str; 5] = [
        "metadata.annotations",
        "metadata.labels",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    ];
    if path.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    let (name, key) = match path.split_once("['") {
        Some((name, rest)) => (name, rest.strip_suffix("']")),
        None => (path, None),
    };
    if let Some(key) = key {
        match name {
            "metadata.annotations" => {
                for why in names::qualified_name(&key.to_lowercase()) {
                    causes.push(Cause::invalid(field, key, why));
                }
            }
            "metadata.labels" => {
                for why in names::qualified_name(key) {
                    causes.push(Cause::invalid(field, key, why));
                }
            }
            _ => {
                let detail =
                    format!("error converting fieldPath: field label does not support subscript: {path}");
                causes.push(Cause::invalid(field, path, detail));
            }
        }
    } else if OTHERS.contains(&name) {
        causes.push(Cause::not_supported(field, name, &ENVIRONMENT));
    } else if !ENVIRONMENT.contains(&name) {
        let detail = format!("error converting fieldPath: field label not supported: {path}");
        causes.push(Cause::invalid(field, path, detail));
    }
}

fn security(context: &Value, place: &str, causes: &mut Vec<Cause>) {
    if !context.is_object() {
        return;
    }
    let mount = text(context, "procMount");
    if !mount.is_empty() && !["Default", "Unmasked"].contains(&mount) {
        causes.push(Cause::not_supported(
            format!("{place}.procMount"),
            mount,
            &["Default", "Unmasked"],
        ));
    }
    seccomp(
        &context["seccompProfile"],
        &format!("{place}.seccompProfile"),
        causes,
    );
    if context["allowPrivilegeEscalation"] == false {
        if context["privileged"] == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            causes.push(Cause::invalid(place, context.clone(), detail));
        }
        if items(&context["capabilities"], "add")
            .iter()
            .any(|name| name == "CAP_SYS_ADMIN")
        {
            let detail =
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            causes.push(Cause::invalid(place, context.clone(), detail));
        }
    }
}

fn seccomp(profile: &Value, place: &str, causes: &mut Vec<Cause>) {
    if !profile.is_object() {
        return;
    }
    let supported = ["Localhost", "RuntimeDefault", "Unconfined"];
    let kind = text(profile, "type");
    if kind.is_empty() {
        let detail = "type is required when seccompProfile is set";
        causes.push(Cause::required(format!("{place}.type"), detail));
    } else if !supported.contains(&kind) {
        causes.push(Cause::not_supported(format!("{place}.type"), kind, &supported));
    }
    let local = &profile["localhostProfile"];
    let field = format!("{place}.localhostProfile");
    match (kind, local.as_str()) {
        ("Localhost", None) => {
            causes.push(Cause::required(
                field,
                "must be set when seccomp type is Localhost",
            ));
        }
        ("Localhost", Some(path)) => descending(path, &field, causes),
        (_, Some(_)) => {
            let detail = "can only be set when seccomp type is Localhost";
            causes.push(Cause::invalid(field, profile.clone(), detail));
        }
        _ => {}
    }
}
