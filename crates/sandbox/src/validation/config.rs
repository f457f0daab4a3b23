//! What makes ConfigMaps, Secrets, claims, roles and definitions invalid.

use kluctl_object::Object;
use kluctl_schema::quantity_nano;
use serde_json::{Value, json};

use crate::names;
use crate::status::Cause;

use super::workloads::label_selector;
use super::{items, text};

const MAX_BYTES: usize = 1024 * 1024;

/// Checks a `ConfigMap`.
pub(super) fn config_map(object: &Object) -> Vec<Cause> {
    let value = object.as_map();
    let mut causes = Vec::new();
    let mut size = 0;
    let entries = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
    for (key, entry) in entries("data") {
        for why in names::config_key(key) {
            causes.push(Cause::invalid(format!("data[{key}]"), key.as_str(), why));
        }
        if value
            .get("binaryData")
            .is_some_and(|data| data.get(key).is_some())
        {
            let detail = "duplicate of key present in binaryData";
            causes.push(Cause::invalid(format!("data[{key}]"), key.as_str(), detail));
        }
        size += entry.as_str().map_or(0, str::len);
    }
    for (key, entry) in entries("binaryData") {
        for why in names::config_key(key) {
            causes.push(Cause::invalid(format!("binaryData[{key}]"), key.as_str(), why));
        }
        size += entry.as_str().map_or(0, |text| text.len() / 4 * 3);
    }
    too_large(size, "", &mut causes);
    causes
}

fn too_large(size: usize, field: &str, causes: &mut Vec<Cause>) {
    if size > MAX_BYTES {
        let detail = format!("may not be more than {MAX_BYTES} bytes");
        causes.push(Cause::new(
            crate::status::CauseKind::TooLong,
            field,
            Value::Null,
            detail,
        ));
    }
}

/// Checks a Secret.
pub(super) fn secret(object: &Object) -> Vec<Cause> {
    let nothing = json!({});
    let data = object.at(&["data"]).unwrap_or(&nothing);
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, entry) in data.as_object().into_iter().flatten() {
        for why in names::config_key(key) {
            causes.push(Cause::invalid(format!("data[{key}]"), key.as_str(), why));
        }
        size += entry.as_str().map_or(0, |text| text.len() / 4 * 3);
    }
    too_large(size, "data", &mut causes);
    let mut require = |keys: &[&str]| {
        for key in keys {
            if data.get(key).is_none() {
                causes.push(Cause::required(format!("data[{key}]"), ""));
            }
        }
    };
    match object.str_at(&["type"]).unwrap_or_default() {
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"]),
        "kubernetes.io/ssh-auth" => require(&["ssh-privatekey"]),
        "kubernetes.io/basic-auth" if data.get("username").is_none() && data.get("password").is_none() => {
            require(&["username", "password"]);
        }
        "kubernetes.io/dockerconfigjson" => json_entry(data, ".dockerconfigjson", &mut causes),
        "kubernetes.io/dockercfg" => json_entry(data, ".dockercfg", &mut causes),
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            if object.annotation(annotation).is_none_or(str::is_empty) {
                causes.push(Cause::required(format!("metadata.annotations[{annotation}]"), ""));
            }
        }
        _ => {}
    }
    causes
}

fn json_entry(data: &Value, key: &str, causes: &mut Vec<Cause>) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let Some(text) = data[key].as_str() else {
        causes.push(Cause::required(format!("data[{key}]"), ""));
        return;
    };
    let bytes = STANDARD.decode(text).unwrap_or_default();
    if let Err(error) = crate::body::read(&bytes, false) {
        let field = format!("data[{key}]");
        causes.push(Cause::invalid(field, "<secret contents redacted>", error));
    }
}

/// Checks a claim's spec.
pub(super) fn claim(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    let modes = items(spec, "accessModes");
    let supported = [
        "ReadOnlyMany",
        "ReadWriteMany",
        "ReadWriteOnce",
        "ReadWriteOncePod",
    ];
    if modes.is_empty() {
        causes.push(Cause::required(
            format!("{field}.accessModes"),
            "at least 1 access mode is required",
        ));
    }
    for mode in modes.iter().filter_map(Value::as_str) {
        if !supported.contains(&mode) {
            causes.push(Cause::not_supported(
                format!("{field}.accessModes"),
                mode,
                &supported,
            ));
        }
    }
    match spec["resources"]["requests"]["storage"].as_str() {
        None => causes.push(Cause::required(format!("{field}.resources[storage]"), "")),
        Some(amount) if quantity_nano(amount).unwrap_or(0) <= 0 => {
            causes.push(Cause::invalid(
                format!("{field}.resources[storage]"),
                amount,
                "must be greater than zero",
            ));
        }
        Some(_) => {}
    }
    let mode = text(spec, "volumeMode");
    if !spec["volumeMode"].is_null() && !["Block", "Filesystem"].contains(&mode) {
        causes.push(Cause::not_supported(
            format!("{field}.volumeMode"),
            mode,
            &["Block", "Filesystem"],
        ));
    }
    if modes.len() > 1 && modes.iter().any(|mode| mode == "ReadWriteOncePod") {
        let detail = "may not use ReadWriteOncePod with other access modes";
        causes.push(Cause::forbidden(format!("{field}.accessModes"), detail));
    }
    if spec["selector"].is_object() {
        causes.extend(label_selector(&spec["selector"], &format!("{field}.selector")));
    }
    class_name(spec, field, causes);
}

/// The name of a class of storage, which may be empty.
pub(super) fn class_name(spec: &Value, field: &str, causes: &mut Vec<Cause>) {
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        for why in names::dns_1123_subdomain(class) {
            causes.push(Cause::invalid(format!("{field}.storageClassName"), class, why));
        }
    }
}

/// Checks a role's rules.
pub(super) fn role(object: &Object, namespaced: bool) -> Vec<Cause> {
    let nothing = Vec::new();
    let rules = object
        .at(&["rules"])
        .and_then(Value::as_array)
        .unwrap_or(&nothing);
    let mut causes = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let urls = items(rule, "nonResourceURLs");
        if !urls.is_empty() {
            if namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(
                    format!("rules[{index}].nonResourceURLs"),
                    json!(urls),
                    detail,
                ));
            }
            continue;
        }
        if items(rule, "apiGroups").is_empty() {
            let detail = "resource rules must supply at least one api group";
            causes.push(Cause::required(format!("rules[{index}].apiGroups"), detail));
        }
        if items(rule, "resources").is_empty() {
            let detail = "resource rules must supply at least one resource";
            causes.push(Cause::required(format!("rules[{index}].resources"), detail));
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        if items(rule, "verbs").is_empty() {
            causes.push(Cause::required(format!("rules[{index}].verbs"), ""));
        }
    }
    if let Some(aggregation) = object.at(&["aggregationRule"])
        && items(aggregation, "clusterRoleSelectors").is_empty()
    {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        causes.push(Cause::required("aggregationRule.clusterRoleSelectors", detail));
    }
    causes
}

/// Checks a role binding.
pub(super) fn role_binding(object: &Object, namespaced: bool) -> Vec<Cause> {
    let nothing = json!({});
    let role = object.at(&["roleRef"]).unwrap_or(&nothing);
    let mut causes = Vec::new();
    let supported: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    let kind = text(role, "kind");
    if !supported.contains(&kind) {
        causes.push(Cause::not_supported("roleRef.kind", kind, supported));
    }
    let subjects = object
        .at(&["subjects"])
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for (index, subject) in subjects.iter().enumerate() {
        let kind = text(subject, "kind");
        let supported = ["ServiceAccount", "User", "Group"];
        if !supported.contains(&kind) {
            causes.push(Cause::not_supported(
                format!("subjects[{index}].kind"),
                kind,
                &supported,
            ));
        }
        if kind == "ServiceAccount" && text(subject, "namespace").is_empty() && (!namespaced) {
            causes.push(Cause::required(format!("subjects[{index}].namespace"), ""));
        }
    }
    for (index, subject) in subjects.iter().enumerate() {
        if text(subject, "name").is_empty() {
            causes.push(Cause::required(format!("subjects[{index}].name"), ""));
        }
    }
    if text(role, "name").is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    causes
}
