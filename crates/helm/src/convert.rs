//! Between JSON data and the values of templates.

use kluctl_gotemplate::types::Kind;
use kluctl_gotemplate::{List, Map, Value};
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
        Value::Bytes(bytes) => Json::Array(bytes.as_bytes().iter().map(|byte| Json::from(*byte)).collect()),
        Value::List(list) => Json::Array(list.to_vec().iter().map(to_typed_json).collect()),
        Value::Map(map) => to_typed_json_map(map),
        Value::Object(object) => {
            if let Some(map) = object.as_map() {
                to_typed_json_map(&map)
            } else if let Some(list) = object.as_list() {
                to_typed_json(&Value::List(list))
            } else if let Some(basic) = object.as_basic() {
                to_typed_json(&basic)
            } else if let (Some(plain), true) = (object.to_plain(), object.go_type().kind == Kind::Pointer) {
                to_typed_json(&plain)
            } else {
                // Only what other packages of Go see.
                let fields = object
                    .fields()
                    .into_iter()
                    .filter(|(name, _)| name.starts_with(char::is_uppercase));
                // go-yaml writes struct fields in lower case.
                Json::Object(
                    fields
                        .map(|(name, field)| (name.to_lowercase(), to_typed_json(&field)))
                        .collect(),
                )
            }
        }
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
