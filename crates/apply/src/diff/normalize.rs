//! Takes out of an object what is no change to a person: the server's bookkeeping, and what rules ignore.

use kluctl_object::{JsonPath, Object, ObjectRef};
use regex::Regex;
use serde_json::{Map, Value};

use crate::annotations::{is_set, numbered};
use crate::item::{IgnoreRule, Match};

/// Readies an object, of either side, for the comparison.
///
/// Source: kluctl `pkg/diff/normalize.go`, `NormalizeObject`.
pub fn normalize(object: &Object, rules: &[IgnoreRule], local: &Object) -> Result<Value, String> {
    if is_set(local, "kluctl.io/ignore-diff") {
        return Ok(Value::Object(Map::new()));
    }
    let reference = object.reference();
    let mut object = object.clone();
    bookkeeping(&mut object);
    match &*reference.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => containers(&mut object),
        "Secret" | "ConfigMap" => empty_data(&mut object),
        "ServiceAccount" => token_secrets(&mut object),
        _ => {}
    }
    let mut value = Value::from(object);
    whole_floats(&mut value);
    for rule in rules.iter().chain(&annotation_rules(local)) {
        ignore(rule, &reference, &mut value)?;
    }
    Ok(value)
}

fn bookkeeping(object: &mut Object) {
    for key in [
        "managedFields",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "selfLink",
        "uid",
    ] {
        object.remove(&["metadata", key]);
    }
    object.remove_annotation("kubectl.kubernetes.io/last-applied-configuration");
    for key in ["labels", "annotations"] {
        if object.at(&["metadata", key]).is_none() {
            object.set(&["metadata", key], Value::Object(Map::new()));
        }
    }
    for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
        object.remove(&["spec", "template", "metadata", "labels", key]);
        object.remove(&["spec", "selector", "matchLabels", key]);
    }
    object.remove(&["status"]);
}

/// Environment variables and their sources are compared by name, not by order.
fn containers(object: &mut Object) {
    let Some(mut list) = object.remove(&["spec", "template", "spec", "containers"]) else {
        return;
    };
    for container in list
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        if let Some(by_name) = container
            .get("env")
            .and_then(Value::as_array)
            .and_then(|env| env_by_name(env))
        {
            container.insert("env".to_owned(), by_name);
        }
        if let Some(sources) = container
            .get("envFrom")
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty())
        {
            let by_source = sources_by_name(sources);
            container.insert("envFrom".to_owned(), by_source);
        }
    }
    object.set(&["spec", "template", "spec", "containers"], list);
}

fn env_by_name(env: &[Value]) -> Option<Value> {
    if env.is_empty() {
        return None;
    }
    let entries = env.iter().map(|variable| {
        let name = variable.get("name")?.as_str()?;
        Some((name.to_owned(), variable.clone()))
    });
    entries.collect::<Option<Map<_, _>>>().map(Value::Object)
}

fn sources_by_name(sources: &[Value]) -> Value {
    let mut by_name = Map::new();
    for source in sources {
        // a later kind of reference wins, as upstream's loop has it
        let named = ["secretRef", "configMapRef"]
            .into_iter()
            .find_map(|kind| Some((kind, source.get(kind)?.get("name")?.as_str()?)));
        if let Some((kind, name)) = named {
            by_name.insert(format!("{kind}/{name}"), source.clone());
            continue;
        }
        let unknown = by_name
            .entry("unknown")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = unknown {
            list.push(source.clone());
        }
    }
    Value::Object(by_name)
}

fn empty_data(object: &mut Object) {
    let is_empty = match object.at(&["data"]) {
        Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        _ => false,
    };
    if is_empty {
        object.remove(&["data"]);
    }
}

/// Old clusters add a token's Secret to every ServiceAccount.
fn token_secrets(object: &mut Object) {
    let prefix = format!("{}-", object.name());
    let Some(Value::Array(secrets)) = object.at(&["secrets"]) else {
        return;
    };
    let own = |secret: &Value| {
        secret["name"]
            .as_str()
            .is_none_or(|name| name.starts_with(&prefix))
    };
    let kept: Vec<Value> = secrets.iter().filter(|secret| !own(secret)).cloned().collect();
    object.set(&["secrets"], Value::Array(kept));
}

/// Numbers like `1.0` become `1`: both sides have been through different JSON writers.
fn whole_floats(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(whole_floats),
        Value::Object(map) => map.values_mut().for_each(whole_floats),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15);
            if let Some(whole) = whole {
                *value = Value::from(whole as i64);
            }
        }
        _ => {}
    }
}

fn annotation_rules(local: &Object) -> Vec<IgnoreRule> {
    let rule = |field_paths: Vec<String>, field_path_regexes: Vec<String>| IgnoreRule {
        object: Match::default(),
        field_paths,
        field_path_regexes,
    };
    let paths = numbered(local, "kluctl.io/ignore-diff-field").into_iter();
    let regexes = numbered(local, "kluctl.io/ignore-diff-field-regex").into_iter();
    paths
        .map(|path| rule(vec![path.to_owned()], Vec::new()))
        .chain(regexes.map(|regex| rule(Vec::new(), vec![regex.to_owned()])))
        .collect()
}

fn ignore(rule: &IgnoreRule, object: &ObjectRef, value: &mut Value) -> Result<(), String> {
    if !rule.object.matches(object) {
        return Ok(());
    }
    for text in &rule.field_paths {
        let path = JsonPath::parse(text).map_err(|error| error.to_string())?;
        path.remove(value);
    }
    if !rule.field_path_regexes.is_empty() {
        let everything = JsonPath::parse("..").map_err(|error| error.to_string())?;
        for text in &rule.field_path_regexes {
            let regex = Regex::new(text).map_err(|error| error.to_string())?;
            let mut places = everything.locate(value);
            places.retain(|place| !place.0.is_empty() && regex.is_match(&place.to_string()));
            places.sort();
            for place in places.iter().rev() {
                place.remove(value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(object: Value, annotations: Value, rules: &[IgnoreRule], expected: Value) {
        let object = Object::try_from(object).unwrap();
        let local = Object::try_from(json!({"metadata": {"annotations": annotations}})).unwrap();
        assert_eq!(normalize(&object, rules, &local).unwrap(), expected);
    }

    #[test]
    fn bookkeeping_is_removed() {
        check(
            json!({"kind": "ConfigMap", "metadata": {"name": "c", "uid": "u", "resourceVersion": "1", "managedFields": [],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}, "data": {}, "status": {}}),
            json!({}),
            &[],
            json!({"kind": "ConfigMap", "metadata": {"name": "c", "labels": {}, "annotations": {}}}),
        );
    }

    #[test]
    fn variables_are_compared_by_name() {
        let deployment = |containers: Value| {
            json!({"kind": "Deployment", "metadata": {"labels": {}, "annotations": {}},
                "spec": {"template": {"spec": {"containers": containers}}}})
        };
        check(
            deployment(json!([{"env": [{"name": "B"}, {"name": "A"}],
                "envFrom": [{"secretRef": {"name": "s"}}, {"prefix": "x"}]}])),
            json!({}),
            &[],
            deployment(json!([{"env": {"A": {"name": "A"}, "B": {"name": "B"}},
                "envFrom": {"secretRef/s": {"secretRef": {"name": "s"}}, "unknown": [{"prefix": "x"}]}}])),
        );
    }

    #[test]
    fn rules_and_annotations_remove_fields() {
        let object = json!({"kind": "X", "metadata": {"labels": {}, "annotations": {}}, "spec": {"aa": 1.0, "bb": {"cc": 2}, "dd": [3]}});
        check(
            object.clone(),
            json!({"kluctl.io/ignore-diff-field-1": "spec.bb.cc", "kluctl.io/ignore-diff-field-regex": "^spec\\.d"}),
            &[],
            json!({"kind": "X", "metadata": {"labels": {}, "annotations": {}}, "spec": {"aa": 1, "bb": {}}}),
        );
        check(
            object.clone(),
            json!({"kluctl.io/ignore-diff": "true"}),
            &[],
            json!({}),
        );
        let rule = IgnoreRule {
            field_paths: vec!["spec.*".to_owned()],
            ..IgnoreRule::default()
        };
        check(
            object,
            json!({}),
            &[rule],
            json!({"kind": "X", "metadata": {"labels": {}, "annotations": {}}, "spec": {}}),
        );
    }
}
