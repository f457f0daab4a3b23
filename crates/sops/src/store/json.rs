//! JSON files, in their order.
//!
//! Source: sops `stores/json/store.go`.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::not_text;
use crate::error::Error;
use crate::tree::{Branch, Entry, Value};

/// The top-level map; `None` when the text is no JSON or no map. What follows it is not looked at.
pub(super) fn read(content: &[u8]) -> Option<Branch> {
    let mut deserializer = serde_json::Deserializer::from_slice(content);
    match Value::deserialize(&mut deserializer) {
        Ok(Value::Map(branch)) => Some(branch),
        _ => None,
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), |number| Value::Int(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut branch = Branch::new();
        while let Some((key, value)) = entries.next_entry()? {
            branch.push(Entry::Item(key, value));
        }
        Ok(Value::Map(branch))
    }
}

/// Writes with tabs, as SOPS does; comments are left out.
pub(super) fn write(branch: &[Entry]) -> Result<String, Error> {
    let mut text = String::new();
    map(branch, 0, &mut text)?;
    text.push('\n');
    Ok(text)
}

fn map(branch: &[Entry], depth: usize, text: &mut String) -> Result<(), Error> {
    let mut first = true;
    text.push('{');
    for entry in branch {
        let Entry::Item(key, item) = entry else { continue };
        separate(&mut first, depth + 1, text);
        kluctl_yaml::go_json::write_string(key, true, text);
        text.push_str(": ");
        value(item, depth + 1, text)?;
    }
    close(first, depth, '}', text);
    Ok(())
}

fn list(items: &[Value], depth: usize, text: &mut String) -> Result<(), Error> {
    let mut first = true;
    text.push('[');
    for item in items.iter().filter(|item| !matches!(item, Value::Comment(_))) {
        separate(&mut first, depth + 1, text);
        value(item, depth + 1, text)?;
    }
    close(first, depth, ']', text);
    Ok(())
}

fn separate(first: &mut bool, depth: usize, text: &mut String) {
    if !std::mem::take(first) {
        text.push(',');
    }
    line(depth, text);
}

fn close(empty: bool, depth: usize, bracket: char, text: &mut String) {
    if !empty {
        line(depth, text);
    }
    text.push(bracket);
}

fn line(depth: usize, text: &mut String) {
    text.push('\n');
    text.extend(std::iter::repeat_n('\t', depth));
}

fn value(value: &Value, depth: usize, text: &mut String) -> Result<(), Error> {
    match value {
        Value::Null | Value::Comment(_) => text.push_str("null"),
        Value::Bool(flag) => text.push_str(&flag.to_string()),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.push_str(&kluctl_yaml::format_float_json(*number)),
        Value::Text(string) | Value::Time(string) => kluctl_yaml::go_json::write_string(string, true, text),
        Value::Bytes(_) => return Err(not_text()),
        Value::List(items) => list(items, depth, text)?,
        Value::Map(branch) => map(branch, depth, text)?,
    }
    Ok(())
}
