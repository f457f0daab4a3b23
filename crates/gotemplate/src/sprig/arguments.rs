//! Takes arguments apart. The engine has checked their types against the signature.

use super::Result;
use crate::error::Error;
use crate::fmt;
use crate::text::Text;
use crate::types::{IntType, UintType};
use crate::value::{List, Map, Value};

pub(super) fn text(value: &Value) -> &[u8] {
    match value {
        Value::String(text) => text.as_bytes(),
        _ => b"",
    }
}

pub(super) fn owned(value: &Value) -> Text {
    match value {
        Value::String(text) => text.clone(),
        _ => Text::default(),
    }
}

pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number, _) => *number,
        _ => 0,
    }
}

pub(super) fn map(value: &Value) -> &Map {
    match value {
        Value::Map(map) => map,
        _ => unreachable_map(),
    }
}

/// The engine hands maps to map parameters; were it otherwise, functions would see an empty one.
fn unreachable_map() -> &'static Map {
    thread_local! {
        static EMPTY: &'static Map = Box::leak(Box::new(Map::nil(&crate::types::ANY_MAP)));
    }
    EMPTY.with(|empty| *empty)
}

/// The elements of any slice; for anything else the error that `fail` makes of the kind's name.
///
/// Reflection over an untyped nil is a nil pointer dereference in Go, which ends as this error.
pub(super) fn elements(value: &Value, fail: impl FnOnce(&str) -> String) -> Result<Vec<Value>> {
    match value {
        Value::List(list) => Ok(list.to_vec()),
        Value::Bytes(bytes) => Ok(bytes
            .iter()
            .map(|byte| Value::Uint(u64::from(*byte), UintType::Uint8))
            .collect()),
        Value::Nil => Err(nil_dereference()),
        Value::Object(object) if object.as_list().is_some() => {
            Ok(object.as_list().map(|list| list.to_vec()).unwrap_or_default())
        }
        other => Err(Error::message(fail(other.kind().name()))),
    }
}

pub(super) fn nil_dereference() -> Error {
    Error::message("runtime error: invalid memory address or nil pointer dereference")
}

/// Sprig's `strval`: what a value is as a string.
pub(super) fn strval(value: &Value) -> Text {
    match value {
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => Text::from(&bytes[..]),
        Value::Object(object) => match object.display() {
            Some(text) => text,
            None => fmt::sprintf(b"%v", std::slice::from_ref(value)),
        },
        value => fmt::sprintf(b"%v", std::slice::from_ref(value)),
    }
}

/// Sprig's `strslice`: the strings of a slice without its nils, or the one string of anything else.
pub(super) fn strslice(value: &Value) -> Vec<Text> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list
            .to_vec()
            .iter()
            .filter(|item| !item.is_nil())
            .map(strval)
            .collect(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| byte.to_string().into()).collect(),
        other => vec![strval(other)],
    }
}

pub(super) fn int_value(number: i64) -> Value {
    Value::Int(number, IntType::Int)
}

pub(super) fn strings(items: impl IntoIterator<Item = Text>) -> Value {
    Value::List(List::of_strings(items))
}

/// Splits as Go's `strings.SplitN`; an empty separator splits into runes.
pub(super) fn split(text: &[u8], separator: &[u8], limit: i64) -> Option<Vec<Text>> {
    if limit == 0 {
        return None;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    if separator.is_empty() {
        while !rest.is_empty() && parts.len() + 1 < limit {
            let width = crate::runes::decode(rest).map_or(1, |(_, width)| width);
            parts.push(Text::from(&rest[..width]));
            rest = &rest[width..];
        }
        if !rest.is_empty() {
            parts.push(Text::from(rest));
        }
        return Some(parts);
    }
    while parts.len() + 1 < limit {
        let Some(at) = find(rest, separator) else { break };
        parts.push(Text::from(&rest[..at]));
        rest = &rest[at + separator.len()..];
    }
    parts.push(Text::from(rest));
    Some(parts)
}

pub(super) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    if wanted.len() > text.len() {
        return None;
    }
    let first = wanted[0];
    let last_start = text.len() - wanted.len();
    let mut at = 0;
    while at <= last_start {
        at += text[at..=last_start].iter().position(|byte| *byte == first)?;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Go's `strings.ReplaceAll`: an empty `old` stands before every rune and at the end.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        out.extend_from_slice(new);
        while let Some((_, width)) = crate::runes::decode(rest) {
            out.extend_from_slice(&rest[..width]);
            out.extend_from_slice(new);
            rest = &rest[width..];
        }
        return out;
    }
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}
