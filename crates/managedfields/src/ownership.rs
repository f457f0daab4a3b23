//! The fields an object sets.

use std::collections::BTreeSet;

use kluctl_schema::{List, Map, Type, TypeRef};
use serde_json::Value;

use crate::item::item_element;
use crate::path::PathElement;
use crate::set::FieldSet;
use crate::typed::{Shape, TypedErrors, shape_of};

/// Every leaf and item an object mentions.
///
/// Source: structured-merge-diff `typed/tofieldset.go`.
pub fn field_set(value: &Value, ty: &TypeRef) -> Result<FieldSet, TypedErrors> {
    let mut walk = Walk {
        path: Vec::new(),
        set: FieldSet::default(),
        errors: TypedErrors::default(),
    };
    walk.node(ty, value);
    walk.errors.into_result(walk.set)
}

struct Walk {
    path: Vec<PathElement>,
    set: FieldSet,
    errors: TypedErrors,
}

impl Walk {
    fn node(&mut self, ty: &Type, value: &Value) {
        match shape_of(ty, Some(value)) {
            Shape::None => self.errors.add("schema error: invalid atom: inlined"),
            Shape::Scalar(_) => self.set.insert(&self.path),
            Shape::List(list) if !list.associative => self.set.insert(&self.path),
            Shape::List(list) => self.items(list, value.as_array().map_or(&[], Vec::as_slice)),
            Shape::Map(map) if map.atomic => self.set.insert(&self.path),
            Shape::Map(map) => self.entries(map, value),
        }
    }

    fn items(&mut self, list: &List, items: &[Value]) {
        let mut seen = BTreeSet::new();
        let mut twice = BTreeSet::new();
        let mut elements = Vec::with_capacity(items.len());
        for item in items {
            // Lists were checked before, so every item has an element.
            let Ok(element) = item_element(list, item) else {
                continue;
            };
            if !seen.insert(element.clone()) {
                twice.insert(element.clone());
            }
            elements.push((element, item));
        }
        for (element, item) in elements {
            let whole = twice.contains(&element);
            self.path.push(element);
            if !whole {
                self.node(&list.items, item);
            }
            self.set.insert(&self.path);
            self.path.pop();
        }
    }

    fn entries(&mut self, map: &Map, value: &Value) {
        for (key, entry) in value.as_object().into_iter().flatten() {
            self.path.push(PathElement::field(key));
            if let Some(ty) = map.entry(key) {
                self.node(ty, entry);
            }
            let empty = entry.is_null() || entry.as_object().is_some_and(serde_json::Map::is_empty);
            if empty || map.field(key).is_none() {
                self.set.insert(&self.path);
            }
            self.path.pop();
        }
    }
}
