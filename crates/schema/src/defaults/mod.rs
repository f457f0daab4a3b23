//! What an API server fills in where built-in kinds leave something out.
//!
//! The OpenAPI documents say little about it; the rest follows the server's defaulting functions, one per type, in
//! whatever kind the type appears.

mod batch;
mod core;
mod pod;
mod policy;
mod workloads;

use serde_json::{Map, Value};

use crate::types::{Field, GoKind, Type, TypeRef};
use crate::zero::normalize;

type Entries = Map<String, Value>;

/// Brings an object of a built-in kind into the form an API server stores, defaults included. Objects of custom kinds
/// get the defaults of their schema.
///
/// What a server decides by looking at other objects (cluster addresses, storage classes) is not filled in.
pub fn default_object(object: &mut Value, ty: &TypeRef) {
    normalize(object, ty);
    match ty {
        TypeRef::Named(definition) => walk(object, definition.name(), ty),
        TypeRef::Inline(_) => crate::prune::default_fields(object, ty),
        TypeRef::Unknown(_) => {}
    }
}

/// Fills in a value and then what it contains, as the server does.
fn walk(value: &mut Value, name: &str, ty: &Type) {
    match value {
        Value::Object(entries) => {
            let Some(map) = &ty.map else { return };
            for field in &map.fields {
                declared(entries, field);
            }
            if let Some(package_and_name) = name.strip_prefix("io.k8s.") {
                fill(package_and_name, entries);
            }
            for (key, entry) in entries.iter_mut() {
                if let Some(ty) = map.entry(key) {
                    descend(entry, ty);
                }
            }
        }
        Value::Array(items) => {
            let Some(list) = &ty.list else { return };
            for item in items {
                descend(item, &list.items);
            }
        }
        _ => {}
    }
}

fn descend(value: &mut Value, ty: &TypeRef) {
    match ty {
        TypeRef::Named(definition) => walk(value, definition.name(), ty),
        TypeRef::Inline(inner) => walk(value, "", inner),
        TypeRef::Unknown(_) => {}
    }
}

/// Puts the default the OpenAPI document declares.
fn declared(entries: &mut Entries, field: &Field) {
    let (Some(default), Some(go)) = (&field.default, field.go) else {
        return;
    };
    match go.kind {
        GoKind::Pointer if !default.is_object() => missing(entries, &field.name, default.clone()),
        GoKind::Value if default.as_str() != Some("") && default.as_f64() != Some(0.0) => {
            empty(entries, &field.name, default.clone());
        }
        _ => {}
    }
}

/// Sets an entry that is not there.
fn missing(entries: &mut Entries, key: &str, value: impl Into<Value>) {
    if entries.get(key).is_none_or(Value::is_null) {
        entries.insert(key.to_owned(), value.into());
    }
}

/// Sets an entry that is not there or is its type's zero.
fn empty(entries: &mut Entries, key: &str, value: impl Into<Value>) {
    let is_empty = match entries.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Bool(_)) => false,
    };
    if is_empty {
        entries.insert(key.to_owned(), value.into());
    }
}

/// The map at a key, made when there is none.
fn map_at<'m>(entries: &'m mut Entries, key: &str) -> Option<&'m mut Entries> {
    let slot = entries.entry(key.to_owned()).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

/// The map at a key, if there is one.
fn existing<'m>(entries: &'m mut Entries, key: &str) -> Option<&'m mut Entries> {
    entries.get_mut(key).and_then(Value::as_object_mut)
}

fn text<'m>(entries: &'m Entries, key: &str) -> &'m str {
    entries.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Fills in a value of a definition, named without `io.k8s.`.
fn fill(name: &str, entries: &mut Entries) {
    if let Some(name) = name.strip_prefix("api.core.v1.") {
        core::fill(name, entries);
        pod::fill(name, entries);
        return;
    }
    let (package, kind) = name.rsplit_once('.').unwrap_or(("", name));
    match package {
        "api.apps.v1" => workloads::fill(kind, entries),
        "api.batch.v1" => batch::fill(kind, entries),
        _ => policy::fill(package, kind, entries),
    }
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;
    use crate::kubernetes;

    #[track_caller]
    fn check(gvk: (&str, &str, &str), object: Value, expected: &Value) {
        let ty = kubernetes().type_of(&Gvk::new(gvk.0, gvk.1, gvk.2)).unwrap();
        let mut object = object;
        default_object(&mut object, &ty);
        assert_eq!(object, *expected);
    }

    #[test]
    fn deployment() {
        check(
            ("apps", "v1", "Deployment"),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {"spec": {
                "containers": [{"name": "a", "image": "nginx", "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}}}], "volumes": [{"name": "c", "configMap": {"name": "c"}}, {"name": "e"}]}}}}),
            &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "status": {}, "spec": {
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "selector": null,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "template": {"metadata": {}, "spec": {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
                "containers": [{"name": "a", "image": "nginx", "imagePullPolicy": "Always", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
                "successThreshold": 1, "failureThreshold": 3}}],
                "volumes": [{"name": "c", "configMap": {"name": "c", "defaultMode": 420}}, {"name": "e", "emptyDir": {}}]}}}}),
        );
    }

    #[test]
    fn service() {
        check(
            ("", "v1", "Service"),
            json!({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}),
            &json!({"metadata": {"name": "x"}, "status": {"loadBalancer": {}}, "spec": {"type": "ClusterIP",
                "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}}),
        );
    }

    #[test]
    fn secret() {
        check(
            ("", "v1", "Secret"),
            json!({"metadata": {"name": "x"}, "data": {"a": "MQ=="}, "stringData": {"b": "hello"}}),
            &json!({"metadata": {"name": "x"}, "type": "Opaque", "data": {"a": "MQ==", "b": "aGVsbG8="}}),
        );
    }
}
