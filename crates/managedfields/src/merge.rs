//! Merging what is applied into what is there.

use std::collections::{BTreeMap, VecDeque};

use kluctl_schema::{List, Map, Type, TypeRef};
use serde_json::Value;

use crate::item::item_element;
use crate::path::PathElement;
use crate::typed::{Shape, TypedErrors, scalar_error, shape_of};

/// Merges an applied object into a live one. Nothing is removed by it; of lists, what is applied sets the order.
///
/// Source: structured-merge-diff `typed/merge.go`.
pub fn merge(live: &Value, applied: &Value, ty: &TypeRef) -> Result<Value, TypedErrors> {
    let mut errors = TypedErrors::default();
    let merged = node(ty, Some(live), Some(applied), &mut errors);
    errors.into_result(merged.unwrap_or(Value::Null))
}

fn node(ty: &Type, left: Option<&Value>, right: Option<&Value>, errors: &mut TypedErrors) -> Option<Value> {
    let left_shape = shape_of(ty, left);
    let right_shape = shape_of(ty, right);
    if right.is_none() {
        // What is only there stays as it is, if it can be there at all.
        shape(left_shape, left, None, errors)
    } else {
        if left.is_some() && !left_shape.is_same(&right_shape) {
            shape(left_shape, left, right, errors);
        }
        shape(right_shape, left, right, errors)
    }
}

fn leaf(left: Option<&Value>, right: Option<&Value>) -> Option<Value> {
    right.or(left).cloned()
}

fn shape(
    shape: Shape<'_>,
    left: Option<&Value>,
    right: Option<&Value>,
    errors: &mut TypedErrors,
) -> Option<Value> {
    match shape {
        Shape::None => {
            errors.add("schema error: invalid atom: inlined");
            None
        }
        Shape::Scalar(scalar) => {
            let left_error = scalar_error(scalar, left, "lhs: ");
            let right_error = scalar_error(scalar, right, "rhs: ");
            if let (Some(left), Some(right)) = (left_error, right_error) {
                errors.add(left);
                errors.add(right);
                return None;
            }
            leaf(left, right)
        }
        Shape::List(list) => {
            let left_items = left.and_then(Value::as_array);
            let right_items = right.and_then(Value::as_array);
            let empty = left_items.is_none_or(Vec::is_empty) && right_items.is_none_or(Vec::is_empty);
            if !list.associative || empty {
                return leaf(left, right);
            }
            items(
                list,
                left_items.map_or(&[], Vec::as_slice),
                right_items.map_or(&[], Vec::as_slice),
                errors,
            )
        }
        Shape::Map(map) => {
            let left_map = left.and_then(Value::as_object);
            let right_map = right.and_then(Value::as_object);
            let empty = left_map.is_none_or(serde_json::Map::is_empty)
                && right_map.is_none_or(serde_json::Map::is_empty);
            if map.atomic || empty {
                return leaf(left, right);
            }
            entries(map, left_map, right_map, errors)
        }
    }
}

fn entries(
    map: &Map,
    left: Option<&serde_json::Map<String, Value>>,
    right: Option<&serde_json::Map<String, Value>>,
    errors: &mut TypedErrors,
) -> Option<Value> {
    let mut out = serde_json::Map::new();
    let mut visit = |key: &String, left: Option<&Value>, right: Option<&Value>| {
        let Some(ty) = map.entry(key) else {
            if let Some(value) = leaf(left, right) {
                out.insert(key.clone(), value);
            }
            return;
        };
        let mut below = TypedErrors::default();
        if let Some(value) = node(ty, left, right, &mut below) {
            out.insert(key.clone(), value);
        }
        if !below.0.is_empty() {
            errors.add_below(&PathElement::field(key), below);
        }
    };
    for (key, value) in left.into_iter().flatten() {
        visit(key, Some(value), right.and_then(|right| right.get(key)));
    }
    for (key, value) in right.into_iter().flatten() {
        if left.is_none_or(|left| !left.contains_key(key)) {
            visit(key, None, Some(value));
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

/// The items of a list with what tells them apart, and where each is found. Where items are there twice, which
/// only live lists may have, none of them is merged with anything.
type Indexed<'a> = (Vec<(PathElement, &'a Value)>, BTreeMap<PathElement, &'a Value>);

static NULL: Value = Value::Null;

fn index<'a>(
    list: &List,
    items: &'a [Value],
    allow_duplicates: bool,
    errors: &mut TypedErrors,
) -> Indexed<'a> {
    let mut elements = Vec::with_capacity(items.len());
    let mut observed: BTreeMap<PathElement, &Value> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let element = match item_element(list, item) {
            Ok(element) => element,
            Err(message) => {
                errors.add(format!("element {index}: {message}"));
                continue;
            }
        };
        let found = observed.contains_key(&element);
        if found && !allow_duplicates {
            errors.add(format!("duplicate entries for key {element}"));
            continue;
        }
        observed.insert(element.clone(), if found { &NULL } else { item });
        elements.push((element, item));
    }
    (elements, observed)
}

/// Merges two lists. Applied items come in the order in which they are applied; items that are only there keep
/// their place before the item they stand before.
fn items(list: &List, left: &[Value], right: &[Value], errors: &mut TypedErrors) -> Option<Value> {
    let mut found = TypedErrors::default();
    let (right_items, observed_right) = index(list, right, false, &mut found);
    let (left_items, observed_left) = index(list, left, true, &mut found);
    if !found.0.is_empty() {
        errors.0.extend(found.0);
        return None;
    }
    let mut shared: VecDeque<&PathElement> = right_items
        .iter()
        .map(|(element, _)| element)
        .filter(|element| observed_left.contains_key(element))
        .collect();
    let mut next_shared = shared.pop_front();
    let mut merged: Vec<&PathElement> = Vec::new();
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let mut take = |element: &PathElement, left: Option<&Value>, right: Option<&Value>| {
        let mut below = TypedErrors::default();
        out.extend(node(&list.items, left, right, &mut below));
        if !below.0.is_empty() {
            errors.add_below(element, below);
        }
    };
    let (mut l, mut r) = (0, 0);
    while l < left_items.len() || r < right_items.len() {
        if let (Some((left_element, _)), Some((right_element, _))) = (left_items.get(l), right_items.get(r)) {
            if left_element == right_element {
                merged.push(right_element);
                take(
                    right_element,
                    observed_left.get(left_element).copied(),
                    observed_right.get(left_element).copied(),
                );
                l += 1;
                r += 1;
                next_shared = shared.pop_front();
                continue;
            }
            if observed_right.contains_key(left_element)
                && next_shared.is_some_and(|next| next != left_element)
            {
                l += 1;
                continue;
            }
        }
        if let Some((element, item)) = left_items.get(l) {
            if !observed_right.contains_key(element) {
                take(element, Some(item), None);
                l += 1;
                continue;
            }
            if merged.contains(&element) {
                l += 1;
            }
        }
        if let Some((element, _)) = right_items.get(r) {
            merged.push(element);
            take(
                element,
                observed_left.get(element).copied(),
                observed_right.get(element).copied(),
            );
            r += 1;
            if next_shared == Some(element) {
                next_shared = shared.pop_front();
            }
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}
