//! Taking fields out of an object.

use kluctl_schema::{List, Map, Type, TypeRef};
use serde_json::Value;

use crate::item::item_element;
use crate::path::PathElement;
use crate::set::FieldSet;
use crate::typed::{Shape, shape_of};

/// The object without the fields and items of a set. A map or list that loses everything becomes `null`.
///
/// Source: structured-merge-diff `typed/remove.go`.
#[must_use]
pub fn remove_items(value: &Value, set: &FieldSet, ty: &TypeRef) -> Value {
    node(value, set, ty, false)
}

/// The object with the fields and items of a set only.
///
/// Source: structured-merge-diff `typed/remove.go`.
#[must_use]
pub fn extract_items(value: &Value, set: &FieldSet, ty: &TypeRef) -> Value {
    node(value, set, ty, true)
}

fn node(value: &Value, set: &FieldSet, ty: &Type, extract: bool) -> Value {
    match shape_of(ty, Some(value)) {
        Shape::None => Value::Null,
        Shape::Scalar(_) => value.clone(),
        Shape::List(list) => match value {
            Value::Array(items) if !items.is_empty() && list.associative => {
                in_list(items, set, list, extract)
            }
            Value::Array(_) if extract => value.clone(),
            _ => Value::Null,
        },
        Shape::Map(map) => match value {
            Value::Object(entries) if !entries.is_empty() && !map.atomic => {
                in_map(entries, set, map, extract)
            }
            Value::Object(_) if extract => value.clone(),
            _ => Value::Null,
        },
    }
}

fn in_list(items: &[Value], set: &FieldSet, list: &List, extract: bool) -> Value {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        let element = item_element(list, item).ok();
        let exact = element.as_ref().is_some_and(|element| set.has_element(element));
        let below = element.as_ref().and_then(|element| set.below(element));
        if extract {
            if exact || below.is_some() {
                kept.push(below.map_or_else(|| item.clone(), |below| node(item, below, &list.items, true)));
            }
        } else if !exact {
            kept.push(below.map_or_else(|| item.clone(), |below| node(item, below, &list.items, false)));
        }
    }
    if kept.is_empty() {
        Value::Null
    } else {
        Value::Array(kept)
    }
}

fn in_map(entries: &serde_json::Map<String, Value>, set: &FieldSet, map: &Map, extract: bool) -> Value {
    let unknown = TypeRef::untyped();
    let mut kept = serde_json::Map::new();
    for (key, entry) in entries {
        let element = PathElement::field(key);
        let ty = map.entry(key).unwrap_or(&unknown);
        if set.has_element(&element) {
            if extract {
                kept.insert(key.clone(), node(entry, set, ty, true));
            }
            continue;
        }
        match set.below(&element) {
            Some(below) => drop(kept.insert(key.clone(), node(entry, below, ty, extract))),
            None if extract => {}
            None => drop(kept.insert(key.clone(), entry.clone())),
        }
    }
    if kept.is_empty() {
        Value::Null
    } else {
        Value::Object(kept)
    }
}
