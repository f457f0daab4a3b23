//! Objects of built-in kinds checked against their types, without a server.

use serde_json::Value;

use crate::defaults::default_object;
use crate::format::is_valid_format;
use crate::prune::type_name;
use crate::quantity::canonical_quantity;
use crate::types::{JsonType, Type, TypeRef};
use crate::validation::{Finding, FindingKind};

/// Finds values of the wrong type and required fields that are missing and that no default fills in.
///
/// Unknown fields are another matter: see [`crate::unknown_fields`]. What a server checks beyond the types (names,
/// references between fields) is not looked at.
pub fn check_object(object: &Value, ty: &TypeRef) -> Vec<Finding> {
    let mut filled = object.clone();
    default_object(&mut filled, ty);
    let mut findings = Vec::new();
    walk(object, Some(&filled), ty, "", &mut findings);
    findings
}

fn wrong(expected: &str, value: &Value, path: &str, findings: &mut Vec<Finding>) {
    let found = type_name(value);
    let detail = format!("{path} in body must be of type {expected}: {found:?}");
    findings.push(Finding::new(
        FindingKind::TypeInvalid,
        path,
        Some(Value::from(found)),
        detail,
    ));
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn walk(value: &Value, filled: Option<&Value>, ty: &Type, path: &str, findings: &mut Vec<Finding>) {
    if value.is_null() {
        return;
    }
    match ty.rules.format.as_deref() {
        Some("quantity") => return check_quantity(value, path, findings),
        Some("int-or-string") => {
            if !value.is_string() && !is_whole(value) {
                wrong("integer,string", value, path, findings);
            }
            return;
        }
        Some(format @ ("date-time" | "byte")) => {
            if !value
                .as_str()
                .is_some_and(|text| text.is_empty() || is_valid_format(format, text))
            {
                wrong(format, value, path, findings);
            }
            return;
        }
        _ => {}
    }
    let fits = match ty.rules.json_type {
        None => true,
        Some(JsonType::Integer) => is_whole(value),
        Some(JsonType::Number) => value.is_number(),
        Some(expected) => expected.name() == type_name(value),
    };
    if !fits {
        return wrong(
            ty.rules.json_type.map_or("", JsonType::name),
            value,
            path,
            findings,
        );
    }
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            let at = |key: &str| {
                if path.is_empty() {
                    key.to_owned()
                } else {
                    format!("{path}.{key}")
                }
            };
            for (key, entry) in entries {
                if let Some(ty) = map.entry(key) {
                    walk(
                        entry,
                        filled.and_then(|filled| filled.get(key)),
                        ty,
                        &at(key),
                        findings,
                    );
                }
            }
            let is_given = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
            for name in ty
                .rules
                .required
                .iter()
                .filter(|name| !is_given(entries.get(&***name)))
            {
                let default = filled.and_then(|filled| filled.get(&**name));
                let has_default = is_given(default)
                    && default.and_then(Value::as_str) != Some("")
                    && default.and_then(Value::as_f64) != Some(0.0)
                    && default
                        .and_then(Value::as_object)
                        .is_none_or(|map| !map.is_empty());
                if !has_default {
                    findings.push(Finding::new(FindingKind::Required, at(name), None, ""));
                }
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for (index, item) in items.iter().enumerate() {
                let filled = filled.and_then(|filled| filled.get(index));
                walk(item, filled, &list.items, &format!("{path}[{index}]"), findings);
            }
        }
        _ => {}
    }
}

fn check_quantity(value: &Value, path: &str, findings: &mut Vec<Finding>) {
    let is_quantity = match value {
        Value::Number(_) => true,
        Value::String(text) => canonical_quantity(text).is_some(),
        _ => return wrong("string", value, path, findings),
    };
    if !is_quantity {
        let detail =
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        findings.push(Finding::new(
            FindingKind::Invalid,
            path,
            Some(value.clone()),
            detail,
        ));
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;
    use crate::kubernetes;

    #[test]
    fn what_people_get_wrong() {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "labels": {"a": 1}},
            "spec": {"replicas": "3", "template": {"spec": {"containers": [
                {"image": "x", "resources": {"limits": {"cpu": "1x"}}, "ports": [{"containerPort": 1.5}, {}]}],
                "volumes": {"name": "v"}}}}});
        let texts: Vec<_> = check_object(&object, &ty)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "metadata.labels.a: Invalid value: \"integer\": metadata.labels.a in body must be of type string: \"integer\"",
                "spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type integer: \"string\"",
                "spec.template.spec.containers[0].ports[0].containerPort: Invalid value: \"number\": spec.template.spec.containers[0].ports[0].containerPort in body must be of type integer: \"number\"",
                "spec.template.spec.containers[0].ports[1].containerPort: Required value",
                "spec.template.spec.containers[0].resources.limits.cpu: Invalid value: \"1x\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                "spec.template.spec.containers[0].name: Required value",
                "spec.template.spec.volumes: Invalid value: \"object\": spec.template.spec.volumes in body must be of type array: \"object\"",
                "spec.selector: Required value",
            ]
        );
    }
}
