//! Objects of built-in kinds as an API server writes them, which holds them as Go structs.

use serde_json::{Map, Value};

use crate::quantity::canonical_quantity;
use crate::types::{Field, GoField, GoKind, JsonType, Type, TypeRef};

/// The empty object of a type: structs are there and empty, lists that must be there are `null`.
///
/// An API server holds built-in kinds as structs, where some fields cannot be missing. Types of CRDs have none.
pub fn zero(ty: &TypeRef) -> Value {
    match ty {
        TypeRef::Named(_) => zero_struct(ty),
        TypeRef::Unknown(_) | TypeRef::Inline(_) => Value::Object(Map::new()),
    }
}

fn zero_struct(ty: &Type) -> Value {
    match ty.rules.format.as_deref() {
        Some("quantity") => return Value::from("0"),
        Some("int-or-string") => return Value::from(0),
        Some("date-time") => return Value::Null,
        _ => {}
    }
    let Some(map) = &ty.map else { return Value::Null };
    if ty.scalar.is_some() {
        return Value::Null;
    }
    let mut out = Map::new();
    for field in &map.fields {
        if let Some(value) = absent(field) {
            out.insert(field.name.to_string(), value);
        }
    }
    Value::Object(out)
}

/// What Go writes for a field that is not set.
fn absent(field: &Field) -> Option<Value> {
    let GoField { kind, left_out } = field.go?;
    match kind {
        GoKind::Struct => (!left_out).then(|| zero_struct(&field.ty)),
        _ if left_out => None,
        GoKind::Pointer | GoKind::Collection => Some(Value::Null),
        GoKind::Value => Some(zero_scalar(&field.ty)),
    }
}

fn zero_scalar(ty: &Type) -> Value {
    match ty.rules.json_type {
        Some(JsonType::Boolean) => Value::Bool(false),
        Some(JsonType::Integer | JsonType::Number) => Value::from(0),
        _ => Value::from(""),
    }
}

fn is_zero_scalar(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Brings an object of a built-in kind into the form in which an API server writes it: without unknown fields and
/// `null`s, without what Go leaves out when it is empty, with what it always writes, and with amounts in their one form.
///
/// Objects of custom kinds stay as they are but for their metadata.
pub fn normalize(value: &mut Value, ty: &TypeRef) {
    match ty {
        TypeRef::Named(_) => normalize_value(value, ty),
        TypeRef::Unknown(_) => {}
        TypeRef::Inline(_) => {
            let metadata = ty.map.as_ref().and_then(|map| map.field("metadata"));
            if let (Some(field), Some(value)) = (metadata, value.get_mut("metadata")) {
                normalize_value(value, &field.ty);
            }
        }
    }
}

fn normalize_value(value: &mut Value, ty: &Type) {
    match ty.rules.format.as_deref() {
        Some("quantity") => return normalize_quantity(value),
        Some("date-time" | "int-or-string") => return,
        _ => {}
    }
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            if map.fields.is_empty() {
                let Some(element) = map.element.as_ref().filter(|_| map.open) else {
                    return;
                };
                for entry in entries.values_mut() {
                    if entry.is_null() {
                        *entry = zero_of(element);
                    }
                    normalize_value(entry, element);
                }
                return;
            }
            entries.retain(|key, _| map.field(key).is_some());
            for field in &map.fields {
                normalize_field(entries, field);
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for item in items {
                if item.is_null() {
                    *item = zero_of(&list.items);
                }
                normalize_value(item, &list.items);
            }
        }
        _ => {}
    }
}

/// What Go reads where a map or list has `null`.
fn zero_of(ty: &TypeRef) -> Value {
    match ty {
        TypeRef::Named(_) => zero_struct(ty),
        TypeRef::Unknown(_) => Value::Null,
        TypeRef::Inline(_) if ty.list.is_some() || ty.map.is_some() => Value::Null,
        TypeRef::Inline(_) => zero_scalar(ty),
    }
}

fn normalize_field(entries: &mut Map<String, Value>, field: &Field) {
    let Some(GoField { kind, left_out }) = field.go else {
        return;
    };
    let given = entries.get_mut(&*field.name).filter(|value| !value.is_null());
    let Some(value) = given else {
        match absent(field) {
            Some(value) => drop(entries.insert(field.name.to_string(), value)),
            None => drop(entries.remove(&*field.name)),
        }
        return;
    };
    normalize_value(value, &field.ty);
    let gone = left_out
        && match kind {
            GoKind::Pointer => false,
            GoKind::Collection => is_empty(value),
            GoKind::Value => is_zero_scalar(value),
            GoKind::Struct => *value == zero_struct(&field.ty),
        };
    if gone {
        entries.remove(&*field.name);
    }
}

fn normalize_quantity(value: &mut Value) {
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    if let Some(canonical) = canonical_quantity(&text) {
        *value = Value::from(canonical);
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;
    use crate::kubernetes;

    #[test]
    fn empty_deployment() {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        assert_eq!(
            zero(&ty),
            json!({"metadata": {}, "spec": {"selector": null, "strategy": {},
                "template": {"metadata": {}, "spec": {"containers": null}}}, "status": {}})
        );
    }

    #[test]
    fn as_go_writes_it() {
        let ty = kubernetes().type_of(&Gvk::new("", "v1", "Pod")).unwrap();
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {}, "creationTimestamp": null},
            "spec": {"x": 1, "hostNetwork": false, "nodeName": "", "volumes": [],
            "containers": [{"name": "a", "args": null, "stdin": false,
                "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
                "securityContext": {}, "env": [{"name": "E", "value": ""}]}]}});
        normalize(&mut pod, &ty);
        assert_eq!(
            pod,
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "status": {}, "spec": {"containers": [
                {"name": "a", "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}, "securityContext": {},
                "env": [{"name": "E"}]}]}})
        );
    }
}
