//! JSON as Go's `encoding/json` reads and writes it.

mod read;
mod write;

pub use read::{parse, parse_list, parse_map};
pub use write::{to_pretty_text, to_text};

use crate::entries::Entries;
use crate::error::Error;
use crate::text::Text;
use crate::types::IntType;
use crate::value::{List, Map, Value};

/// Turns plain data into a value. Every number becomes a `float64`, as in values files after JSON.
pub fn from_plain(plain: &serde_json::Value) -> Value {
    match plain {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(from_plain).collect()),
        serde_json::Value::Object(entries) => {
            let entries: Entries = entries
                .iter()
                .map(|(key, value)| (Text::from(key.as_str()), from_plain(value)))
                .collect();
            Value::Map(Map::new(entries))
        }
    }
}

/// Turns a value into plain data: what one would get by reading the JSON text that Go writes for it.
///
/// Whole floats below 1e21 become integers where they fit into 64 bits, bytes that are no UTF-8 become U+FFFD.
pub fn to_plain(value: &Value) -> Result<serde_json::Value, Error> {
    write::plain(value)
}

/// Turns plain data into a value and keeps integers as `int64`, as for data that never was JSON in Go.
pub fn from_plain_with_integers(plain: &serde_json::Value) -> Value {
    match plain {
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int, IntType::Int64),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(from_plain_with_integers).collect::<List>())
        }
        serde_json::Value::Object(entries) => {
            let entries: Entries = entries
                .iter()
                .map(|(key, value)| (Text::from(key.as_str()), from_plain_with_integers(value)))
                .collect();
            Value::Map(Map::new(entries))
        }
        other => from_plain(other),
    }
}
