//! Defaults, emptiness and JSON.

use super::arguments::text;
use super::*;
use crate::json;

pub(super) const TABLE: &[Entry] = &[
    ("default", &ANY_ANYS, |a, _| Ok(default(a))),
    ("empty", &ANY, |a, _| Ok(empty(&a[0]).into())),
    ("coalesce", &ANYS, |a, _| {
        Ok(a.iter().find(|value| !empty(value)).cloned().unwrap_or_default())
    }),
    ("all", &ANYS, |a, _| {
        Ok(a.iter().all(|value| !empty(value)).into())
    }),
    ("any", &ANYS, |a, _| {
        Ok(a.iter().any(|value| !empty(value)).into())
    }),
    ("ternary", &ANY_ANY_BOOL, |a, _| {
        Ok(a[usize::from(!a[2].is_true())].clone())
    }),
    ("fromJson", &TEXT, |a, _| {
        Ok(json::parse(text(&a[0])).unwrap_or_default())
    }),
    ("mustFromJson", &TEXT, |a, _| json::parse(text(&a[0]))),
    ("toJson", &ANY, |a, _| {
        Ok(json::to_text(&a[0], true).unwrap_or_default().into())
    }),
    ("mustToJson", &ANY, |a, _| {
        json::to_text(&a[0], true).map(Value::String)
    }),
    ("toPrettyJson", &ANY, |a, _| {
        Ok(json::to_pretty_text(&a[0]).unwrap_or_default().into())
    }),
    ("mustToPrettyJson", &ANY, |a, _| {
        json::to_pretty_text(&a[0]).map(Value::String)
    }),
    ("toRawJson", &ANY, |a, _| {
        json::to_text(&a[0], false).map(Value::String)
    }),
    ("mustToRawJson", &ANY, |a, _| {
        json::to_text(&a[0], false).map(Value::String)
    }),
];

/// Tells whether a value is the zero value of its type, or has no elements. Structs never are empty.
pub(super) fn empty(value: &Value) -> bool {
    !value.is_true()
}

fn default(arguments: &[Value]) -> Value {
    match arguments.get(1) {
        Some(given) if !empty(given) => given.clone(),
        _ => arguments[0].clone(),
    }
}
