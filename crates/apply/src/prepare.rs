//! Readies objects for server-side apply, which needs merge keys and types exactly as the schema has them.

use kluctl_object::Object;
use serde_json::{Map, Value};

/// Adds default protocols to ports (they are merge keys) and turns numeric quantities into texts.
///
/// Source: kluctl `pkg/k8s/k8s_cluster.go`, `FixObjectForPatch`; here for every kind of Pod template.
pub(crate) fn prepare(mut object: Object) -> Object {
    match (object.api_version(), object.kind()) {
        ("v1", "Service") => {
            if let Some(ports) = list_mut(object.as_map_mut(), &["spec", "ports"]) {
                default_protocols(ports);
            }
        }
        ("v1", "LimitRange") => {
            for limit in list_mut(object.as_map_mut(), &["spec", "limits"])
                .into_iter()
                .flatten()
            {
                for key in ["default", "defaultRequest", "min", "max", "maxLimitRequestRatio"] {
                    quantities(limit.get_mut(key));
                }
            }
        }
        ("v1", "Pod") => pod_spec(map_mut(object.as_map_mut(), &["spec"])),
        ("batch/v1" | "batch/v1beta1", "CronJob") => {
            pod_spec(map_mut(
                object.as_map_mut(),
                &["spec", "jobTemplate", "spec", "template", "spec"],
            ));
        }
        _ => pod_spec(map_mut(object.as_map_mut(), &["spec", "template", "spec"])),
    }
    object
}

fn pod_spec(spec: Option<&mut Map<String, Value>>) {
    let Some(spec) = spec else { return };
    for key in ["containers", "initContainers"] {
        for container in spec
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(ports) = container.get_mut("ports").and_then(Value::as_array_mut) {
                default_protocols(ports);
            }
            for kind in ["limits", "requests"] {
                quantities(container.get_mut("resources").and_then(|r| r.get_mut(kind)));
            }
        }
    }
}

fn default_protocols(ports: &mut [Value]) {
    for port in ports.iter_mut().filter_map(Value::as_object_mut) {
        port.entry("protocol").or_insert_with(|| Value::from("TCP"));
    }
}

fn quantities(map: Option<&mut Value>) {
    for (_, value) in map.and_then(Value::as_object_mut).into_iter().flatten() {
        if value.is_number() {
            *value = Value::from(value.to_string());
        }
    }
}

fn map_mut<'a>(map: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    path.iter()
        .try_fold(map, |map, key| map.get_mut(*key)?.as_object_mut())
}

fn list_mut<'a>(map: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Vec<Value>> {
    let (last, parents) = path.split_last()?;
    map_mut(map, parents)?.get_mut(*last)?.as_array_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(object: Value, expected: Value) {
        let prepared = prepare(Object::try_from(object).unwrap());
        assert_eq!(prepared.to_value(), expected);
    }

    #[test]
    fn ports_get_a_protocol_and_quantities_become_texts() {
        check(
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 1}, {"port": 2, "protocol": "UDP"}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "UDP"}]}}),
        );
        check(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": [
                {"ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": 2, "memory": "1Gi"}, "requests": {"cpu": 0.5}}}]}}}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": [
                {"ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "0.5"}}}]}}}}),
        );
        check(
            json!({"apiVersion": "v1", "kind": "Service", "spec": {}}),
            json!({"apiVersion": "v1", "kind": "Service", "spec": {}}),
        );
    }
}
