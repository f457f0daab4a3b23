//! Between JSON data and the values of templates.

use kluctl_gotemplate::{List, Map, Value};
use kluctl_yaml::{Commented, Tree, natural_order_v3, sort_keys};
use serde_json::{Map as JsonMap, Value as Json};

/// A JSON value for templates: floats stay floats, integers become `int64`.
pub(crate) fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::int64(integer),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect::<List>()),
        Json::Object(map) => Value::Map(map_from_json(map)),
    }
}

/// A JSON map for templates.
pub(crate) fn map_from_json(map: &JsonMap<String, Json>) -> Map {
    map.iter()
        .map(|(key, value)| (key.as_str(), from_json(value)))
        .collect()
}

/// A value as data that keeps apart integers and floats, without Go's detour over JSON text.
pub(crate) fn to_typed_json(value: &Value) -> Json {
    match value {
        Value::Nil | Value::Complex(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number, _) => Json::from(*number),
        Value::Uint(number, _) => Json::from(*number),
        Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => Json::Number(number),
            None => Json::String(number.to_string()),
        },
        Value::String(text) => Json::String(text.to_str().into_owned()),
        Value::Bytes(bytes) => Json::Array(bytes.iter().map(|byte| Json::from(*byte)).collect()),
        Value::List(list) => Json::Array(list.to_vec().iter().map(to_typed_json).collect()),
        Value::Map(map) => to_typed_json_map(map),
        // Values of charts hold none.
        Value::Object(_) => Json::Null,
    }
}

fn to_typed_json_map(map: &Map) -> Json {
    let entries = map.to_vec().into_iter();
    Json::Object(
        entries
            .map(|(key, value)| (key.to_str().into_owned(), to_typed_json(&value)))
            .collect(),
    )
}

/// A value as go-yaml v3 writes it: maps are sorted, structs keep the order of their fields.
///
/// Source: go.yaml.in/yaml v3 `encode.go`, `marshal`.
pub(crate) fn to_tree(value: &Value) -> Tree {
    match value {
        Value::Float(number) if number.is_nan() => Tree::Raw(".nan".to_owned()),
        Value::Float(number) if number.is_infinite() => {
            Tree::Raw(if *number < 0.0 { "-.inf" } else { ".inf" }.to_owned())
        }
        Value::List(list) => {
            let items = list.to_vec();
            Tree::Sequence(items.iter().map(|item| Commented::new(to_tree(item))).collect())
        }
        Value::Map(map) => {
            let mut entries: Vec<(String, Value)> = map
                .to_vec()
                .into_iter()
                .map(|(key, value)| (key.to_str().into_owned(), value))
                .collect();
            sort_keys(&mut entries, &|(a, _), (b, _)| natural_order_v3(a, b).is_lt());
            mapping(entries)
        }
        Value::Object(object) => {
            if let Some(map) = object.as_map() {
                to_tree(&Value::Map(map))
            } else if let Some(list) = object.as_list() {
                to_tree(&Value::List(list))
            } else if let Some(basic) = object.as_basic() {
                to_tree(&basic)
            } else if let Some(plain) = object.to_plain() {
                match (object.go_type().name, plain) {
                    ("time.Time", Value::String(text)) => Tree::Raw(text.to_str().into_owned()),
                    (_, plain) => to_tree(&plain),
                }
            } else {
                let fields = object.fields().into_iter();
                // Other packages of Go see these only, and their names are written in lower case.
                let fields = fields.filter(|(name, _)| name.starts_with(char::is_uppercase));
                mapping(fields.map(|(name, field)| (name.to_lowercase(), field)))
            }
        }
        other => match to_typed_json(other) {
            Json::Array(items) => Tree::Sequence(
                items
                    .into_iter()
                    .map(|item| Commented::new(Tree::Scalar(item)))
                    .collect(),
            ),
            scalar => Tree::Scalar(scalar),
        },
    }
}

fn mapping(entries: impl IntoIterator<Item = (String, Value)>) -> Tree {
    let entries = entries.into_iter();
    Tree::Mapping(
        entries
            .map(|(key, value)| (key, Commented::new(to_tree(&value))))
            .collect(),
    )
}
