//! Merging trees of values.

use serde_json::{Map, Value};

/// Merges one map over another: maps deeply, everything else is replaced.
pub(crate) fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (Some(slot), value) => *slot = value,
            (None, value) => drop(under.insert(key, value)),
        }
    }
}

/// Puts a value at a path of keys, making maps on the way; what is no map on the way is replaced.
pub(crate) fn set(map: &mut Map<String, Value>, keys: &[&str], value: Value) {
    let Some((first, rest)) = keys.split_first() else {
        return;
    };
    if rest.is_empty() {
        map.insert((*first).to_owned(), value);
        return;
    }
    let slot = map
        .entry((*first).to_owned())
        .or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    if let Value::Object(inner) = slot {
        set(inner, rest, value);
    }
}

/// What stands at a path of keys.
pub(crate) fn get<'v>(map: &'v Map<String, Value>, keys: &[&str]) -> Option<&'v Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter()
        .try_fold(map.get(*first)?, |value, key| value.as_object()?.get(*key))
}
