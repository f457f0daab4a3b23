//! From JSON values to messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::table::{Field, Kind, Label, MESSAGES, Message, Shape};

/// Writes a value as the message of a definition (`io.k8s.api.core.v1.Pod`); `None` when there is no such message.
///
/// Fields that the message does not have, `apiVersion` and `kind` among them, are left out, and so is what does not have
/// its field's type.
pub fn encode_protobuf(definition: &str, value: &Value) -> Option<Vec<u8>> {
    let index = MESSAGES.find(definition)?;
    let mut out = Vec::new();
    message(MESSAGES.get(index), value, &mut out);
    Some(out)
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn integer(number: u32, value: i64, out: &mut Vec<u8>) {
    varint(u64::from(number) << 3, out);
    varint(value as u64, out);
}

fn message(message: &Message, value: &Value, out: &mut Vec<u8>) {
    match (message.shape, value) {
        (Shape::Struct, Value::Object(map)) => fields(message, map, out),
        (Shape::Quantity, Value::String(text)) => bytes(1, text.as_bytes(), out),
        (Shape::Quantity, Value::Number(number)) => bytes(1, number.to_string().as_bytes(), out),
        (Shape::Time | Shape::MicroTime, Value::String(text)) => {
            if let Ok(time) = text.parse::<jiff::Timestamp>() {
                integer(1, time.as_second(), out);
                let nanos = if message.shape == Shape::MicroTime {
                    time.subsec_nanosecond()
                } else {
                    0
                };
                integer(2, i64::from(nanos), out);
            }
        }
        (Shape::IntOrString, Value::String(text)) => {
            integer(1, 1, out);
            integer(2, 0, out);
            bytes(3, text.as_bytes(), out);
        }
        (Shape::IntOrString, value) => {
            integer(1, 0, out);
            integer(2, value.as_i64().unwrap_or(0), out);
            bytes(3, b"", out);
        }
        (Shape::Raw, value) => bytes(1, &serde_json::to_vec(value).unwrap_or_default(), out),
        (Shape::Items, Value::Array(_)) => named(message, "items", value, out),
        (Shape::SchemaOrBool, Value::Bool(_)) => named(message, "allows", value, out),
        (Shape::SchemaOrBool, Value::Object(_)) => {
            named(message, "allows", &Value::Bool(true), out);
            named(message, "schema", value, out);
        }
        (Shape::SchemaOrArray, Value::Array(_)) => named(message, "jSONSchemas", value, out),
        (Shape::SchemaOrStrings, Value::Array(_)) => named(message, "property", value, out),
        (Shape::SchemaOrArray | Shape::SchemaOrStrings, Value::Object(_)) => {
            named(message, "schema", value, out);
        }
        _ => {}
    }
}

fn named(message: &Message, name: &str, value: &Value, out: &mut Vec<u8>) {
    if let Some(field) = message.fields.iter().find(|field| field.name == name) {
        labelled(field, value, out);
    }
}

fn fields(message: &Message, map: &Map<String, Value>, out: &mut Vec<u8>) {
    for field in &message.fields {
        if field.label == Label::Inline {
            if let Kind::Message(index) = field.kind {
                let mut inner = Vec::new();
                fields(MESSAGES.get(index), map, &mut inner);
                bytes(field.number, &inner, out);
            }
        } else if let Some(value) = map.get(field.name) {
            labelled(field, value, out);
        }
    }
}

fn labelled(field: &Field, value: &Value, out: &mut Vec<u8>) {
    match (field.label, value) {
        (Label::Repeated, Value::Array(items)) => {
            for item in items {
                scalar(field.number, field.kind, item, out);
            }
        }
        (Label::Map, Value::Object(entries)) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (key, value) in sorted {
                let mut entry = Vec::new();
                bytes(1, key.as_bytes(), &mut entry);
                scalar(2, field.kind, value, &mut entry);
                bytes(field.number, &entry, out);
            }
        }
        (Label::Single, value) if !value.is_null() => scalar(field.number, field.kind, value, out),
        _ => {}
    }
}

fn scalar(number: u32, kind: Kind, value: &Value, out: &mut Vec<u8>) {
    match (kind, value) {
        (Kind::Text, Value::String(text)) => bytes(number, text.as_bytes(), out),
        (Kind::Bytes, Value::String(text)) => {
            bytes(number, &STANDARD.decode(text).unwrap_or_default(), out);
        }
        (Kind::Integer, Value::Number(value)) => {
            let whole = value
                .as_i64()
                .or_else(|| value.as_f64().map(|float| float as i64));
            integer(number, whole.unwrap_or(0), out);
        }
        (Kind::Boolean, Value::Bool(set)) => integer(number, i64::from(*set), out),
        (Kind::Double, Value::Number(value)) => {
            varint(u64::from(number) << 3 | 1, out);
            out.extend_from_slice(&value.as_f64().unwrap_or(0.0).to_le_bytes());
        }
        (Kind::Message(index), value) => {
            let mut inner = Vec::new();
            message(MESSAGES.get(index), value, &mut inner);
            bytes(number, &inner, out);
        }
        _ => {}
    }
}
