//! Fields a type does not know, and values that are missing.

use std::fmt::Write as _;

use serde_json::Value;

use crate::types::{JsonType, Type, TypeRef};

const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The fields a type does not know, as an API server names them in `unknown field "spec.foo"`, sorted.
pub fn unknown_fields(value: &Value, ty: &TypeRef) -> Vec<String> {
    let mut copy = value.clone();
    prune(&mut copy, ty)
}

/// Removes the fields a type does not know and returns their paths, sorted.
///
/// Source: apiextensions-apiserver `pkg/apiserver/schema/pruning/algorithm.go`.
pub fn prune(value: &mut Value, ty: &TypeRef) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut path = String::new();
    walk(value, ty, ty.rules.preserve_unknown, &mut path, &mut unknown);
    unknown.sort();
    unknown
}

/// Goes through a value. Where unknown fields are kept, lists inside keep them too; fields with a type of their own
/// start anew.
fn walk(value: &mut Value, ty: &Type, keep: bool, path: &mut String, unknown: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            let mut gone = Vec::new();
            for (key, entry) in entries.iter_mut() {
                if ty.rules.embedded_resource && META.contains(&key.as_str()) && key != "metadata" {
                    continue;
                }
                let separator = if path.is_empty() { "" } else { "." };
                if let Some(field) = map.field(key) {
                    path.push_str(separator);
                    path.push_str(key);
                    walk(entry, &field.ty, field.ty.rules.preserve_unknown, path, unknown);
                } else if let Some(ty) = map.element.as_ref().filter(|_| map.open) {
                    path.push_str(separator);
                    path.push_str(key);
                    walk(entry, ty, ty.rules.preserve_unknown, path, unknown);
                } else if keep {
                    // Nothing is known of it and nothing needs to be.
                } else {
                    unknown.push(format!("{path}{separator}{key}"));
                    gone.push(key.clone());
                }
                path.truncate(length);
            }
            for key in gone {
                entries.remove(&key);
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for (index, item) in items.iter_mut().enumerate() {
                let _ = write!(path, "[{index}]");
                walk(
                    item,
                    &list.items,
                    keep || list.items.rules.preserve_unknown,
                    path,
                    unknown,
                );
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Puts the defaults of a CRD's schema where nothing is given.
///
/// Source: apiextensions-apiserver `pkg/apiserver/schema/defaulting/algorithm.go`.
pub fn default_fields(value: &mut Value, ty: &TypeRef) {
    fill(value, ty);
}

fn is_forbidden_null(value: &Value, ty: &Type) -> bool {
    value.is_null() && !ty.rules.nullable
}

fn fill(value: &mut Value, ty: &Type) {
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            for field in &map.fields {
                // Built-in types hold their defaults elsewhere; `metadata` is one of them.
                if matches!(field.ty, TypeRef::Named(_)) {
                    continue;
                }
                let Some(default) = &field.ty.rules.default else {
                    continue;
                };
                let missing = entries
                    .get(&*field.name)
                    .is_none_or(|value| is_forbidden_null(value, &field.ty));
                if missing {
                    entries.insert(field.name.to_string(), default.clone());
                }
            }
            for (key, entry) in entries.iter_mut() {
                let ty = match map.field(key) {
                    Some(field) => &field.ty,
                    None => match &map.element {
                        Some(ty) => ty,
                        None => continue,
                    },
                };
                if matches!(ty, TypeRef::Inline(_)) {
                    fill_one(entry, ty);
                }
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for item in items {
                fill_one(item, &list.items);
            }
        }
        _ => {}
    }
}

fn fill_one(value: &mut Value, ty: &Type) {
    if is_forbidden_null(value, ty)
        && let Some(default) = &ty.rules.default
    {
        *value = default.clone();
    }
    fill(value, ty);
}

/// Removes `null`s that a CRD's schema does not allow and for which it has no default.
///
/// Source: apiextensions-apiserver `pkg/apiserver/schema/defaulting/prunenulls.go`.
pub fn drop_nulls(value: &mut Value, ty: &TypeRef) {
    drop_in(value, ty);
}

fn drop_in(value: &mut Value, ty: &Type) {
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            entries.retain(|key, entry| {
                let Some(ty @ TypeRef::Inline(_)) = map.entry(key) else {
                    return true;
                };
                let has_type = ty.rules.json_type.is_some() || ty.rules.int_or_string;
                !(has_type && is_forbidden_null(entry, ty) && ty.rules.default.is_none())
            });
            for (key, entry) in entries.iter_mut() {
                if let Some(ty @ TypeRef::Inline(_)) = map.entry(key) {
                    drop_in(entry, ty);
                }
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for item in items {
                drop_in(item, &list.items);
            }
        }
        _ => {}
    }
}

/// Tells what JSON type a value has, as messages name it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => JsonType::Integer.name(),
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;
    use crate::{from_schema, kubernetes};

    #[test]
    fn unknown_fields_of_built_in_kinds() {
        let ty = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "x": 1, "metadata": {"name": "x", "lables": {}},
            "spec": {"replica": 1, "template": {"spec": {"containers": [{"name": "a", "ports": [{"port": 1}]}],
            "nodeSelector": {"any": "thing"}, "tolerations": [{"tolerationSeconds": 1}]}}}});
        assert_eq!(
            unknown_fields(&object, &ty),
            [
                "metadata.lables",
                "spec.replica",
                "spec.template.spec.containers[0].ports[0].port",
                "x"
            ]
        );
    }

    fn custom() -> TypeRef {
        from_schema(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "a": {"type": "string", "default": "x"},
                "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "integer", "default": 3}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    "properties": {"known": {"type": "object", "properties": {"n": {"type": "string"}}}}},
                "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"v": {"type": "string"}}}},
                "pod": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
                "maybe": {"type": "string", "nullable": true, "default": "d"}
            }}}}),
            false,
        )
    }

    #[test]
    fn pruning_of_custom_kinds() {
        let mut object = json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x"}, "status": {}, "spec": {
            "a": "1", "z": 1, "b": [{"c": 1, "d": 2}], "free": {"any": {"x": 1}, "known": {"n": "1", "m": 2}},
            "map": {"k": {"v": "1", "w": 2}}, "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}}});
        assert_eq!(
            prune(&mut object, &custom()),
            [
                "spec.b[0].d",
                "spec.free.known.m",
                "spec.map.k.w",
                "spec.z",
                "status"
            ]
        );
        assert_eq!(
            object["spec"],
            json!({"a": "1", "b": [{"c": 1}], "free": {"any": {"x": 1}, "known": {"n": "1"}}, "map": {"k": {"v": "1"}},
                "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}})
        );
    }

    #[test]
    fn defaulting_of_custom_kinds() {
        let mut object = json!({"spec": {"a": null, "b": [{}, {"c": 1}], "maybe": null}});
        default_fields(&mut object, &custom());
        assert_eq!(
            object,
            json!({"spec": {"a": "x", "b": [{"c": 3}, {"c": 1}], "maybe": null}})
        );
    }
}
