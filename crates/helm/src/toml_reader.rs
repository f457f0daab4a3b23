//! TOML for templates.

use kluctl_gotemplate::{List, Map, Value};

/// Reads a document to a map of Go's types: `int64`, `float64`, `string`, `bool`; times stay text.
pub(crate) fn read(text: &str) -> Result<Map, String> {
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| message(&error, text))?;
    Ok(map(&table))
}

fn map(table: &toml::Table) -> Map {
    table
        .iter()
        .map(|(key, item)| (key.as_str(), value(item)))
        .collect()
}

fn value(item: &toml::Value) -> Value {
    match item {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::int64(*number),
        toml::Value::Float(number) => Value::Float(*number),
        toml::Value::Boolean(truth) => Value::Bool(*truth),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => Value::List(items.iter().map(value).collect::<List>()),
        toml::Value::Table(table) => Value::Map(map(table)),
    }
}

/// The place is told as Go's library does; the reason is in the words of ours.
fn message(error: &toml::de::Error, text: &str) -> String {
    let offset = error.span().map_or(0, |span| span.start);
    let line = text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
    format!("toml: line {line}: {}", error.message().trim())
}
