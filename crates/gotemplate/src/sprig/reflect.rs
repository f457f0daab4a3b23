//! Functions on types, and deep equality and copies.

use super::arguments::text;
use super::*;
use crate::entries::Entries;
use crate::stack;
use crate::value::{List, Map};

/// How deep values are compared and copied; only a value that contains itself is deeper.
const MAX_DEPTH: usize = 10_000;

pub(super) const TABLE: &[Entry] = &[
    ("typeOf", &ANY, |a, _| Ok(a[0].type_name().into())),
    ("typeIs", &TEXT_ANY, |a, _| {
        Ok((text(&a[0]) == a[1].type_name().as_bytes()).into())
    }),
    ("typeIsLike", &TEXT_ANY, |a, _| {
        let name = a[1].type_name();
        let target = text(&a[0]);
        Ok((target == name.as_bytes()
            || name
                .strip_prefix('*')
                .is_some_and(|name| name.as_bytes() == target))
        .into())
    }),
    ("kindOf", &ANY, |a, _| Ok(a[0].kind().name().into())),
    ("kindIs", &TEXT_ANY, |a, _| {
        Ok((text(&a[0]) == a[1].kind().name().as_bytes()).into())
    }),
    ("deepEqual", &ANY_ANY, |a, _| Ok(deep_equal(&a[0], &a[1]).into())),
    ("deepCopy", &ANY, |a, _| copy(&a[0])),
    ("mustDeepCopy", &ANY, |a, _| copy(&a[0])),
];

/// Go's `reflect.DeepEqual`: types must be the same too.
pub(super) fn deep_equal(left: &Value, right: &Value) -> bool {
    equal_at(left, right, 0)
}

fn equal_at(left: &Value, right: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        // Go takes what it is comparing already for equal.
        return true;
    }
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a, x), Value::Int(b, y)) => a == b && x == y,
        (Value::Uint(a, x), Value::Uint(b, y)) => a == b && x == y,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a), Value::Complex(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.go_type() != b.go_type() || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return false;
            }
            let (a, b) = (a.to_vec(), b.to_vec());
            a.iter()
                .zip(&b)
                .all(|(a, b)| stack::grow(|| equal_at(a, b, depth + 1)))
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.go_type() != b.go_type() || a.is_nil() != b.is_nil() || a.len() != b.len() {
                return false;
            }
            let (a, b) = (a.to_vec(), b.to_vec());
            a.iter()
                .zip(&b)
                .all(|((x, a), (y, b))| x == y && stack::grow(|| equal_at(a, b, depth + 1)))
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.go_type() != b.go_type() {
                return false;
            }
            match (a.as_map(), b.as_map(), a.as_basic(), b.as_basic()) {
                (Some(a), Some(b), _, _) => {
                    let plain = |map: Map| Value::Map(map);
                    stack::grow(|| equal_at(&plain(a), &plain(b), depth + 1))
                }
                (_, _, Some(a), Some(b)) => equal_at(&a, &b, depth + 1),
                _ => a.equals(b.as_ref()),
            }
        }
        _ => false,
    }
}

fn copy(value: &Value) -> Result<Value> {
    if value.is_nil() {
        return Err(Error::message(
            "reflect: call of reflect.Value.Type on zero Value",
        ));
    }
    deep_copy(value, 0)
}

/// Copies maps and lists all the way down; nil stays nil.
pub(super) fn deep_copy(value: &Value, depth: usize) -> Result<Value> {
    if depth > MAX_DEPTH {
        return Err(Error::message("value contains itself"));
    }
    Ok(match value {
        Value::List(list) if !list.is_nil() => {
            let items = list.to_vec();
            let items = items
                .iter()
                .map(|item| stack::grow(|| deep_copy(item, depth + 1)))
                .collect::<Result<Vec<_>>>()?;
            Value::List(List::typed(items, list.go_type()))
        }
        Value::Map(map) if !map.is_nil() => {
            let mut entries = Entries::new();
            for (key, value) in map.to_vec() {
                entries.insert(key, stack::grow(|| deep_copy(&value, depth + 1))?);
            }
            Value::Map(Map::typed(entries, map.go_type()))
        }
        other => other.clone(),
    })
}
