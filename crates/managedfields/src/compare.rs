//! What differs between two objects.

use std::collections::BTreeMap;

use kluctl_schema::{List, Map, Type, TypeRef};
use serde_json::Value;

use crate::item::item_element;
use crate::path::PathElement;
use crate::set::FieldSet;
use crate::typed::{Shape, TypedErrors, scalar_error, shape_of};
use crate::value::equal_values;

/// The fields in which two objects differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields only the first object has.
    pub removed: FieldSet,
    /// Fields both have, with other values.
    pub modified: FieldSet,
    /// Fields only the second object has.
    pub added: FieldSet,
}

impl Comparison {
    /// Tells whether the objects are the same.
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// The comparison without the fields of a set and those below them.
    #[must_use]
    pub fn without(&self, fields: &FieldSet) -> Self {
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// Compares two objects of a type.
///
/// Source: structured-merge-diff `typed/compare.go`.
pub fn compare(left: &Value, right: &Value, ty: &TypeRef) -> Result<Comparison, TypedErrors> {
    let mut walk = Walk {
        path: Vec::new(),
        out: Comparison::default(),
    };
    let mut errors = TypedErrors::default();
    walk.node(ty, Some(left), Some(right), &mut errors);
    errors.into_result(walk.out)
}

struct Walk {
    path: Vec<PathElement>,
    out: Comparison,
}

impl Walk {
    fn node(&mut self, ty: &Type, left: Option<&Value>, right: Option<&Value>, errors: &mut TypedErrors) {
        let left_shape = shape_of(ty, left);
        let right_shape = shape_of(ty, right);
        let is_leaf = if right.is_none() {
            self.shape(left_shape, left, right, errors)
        } else if left.is_none() || left_shape.is_same(&right_shape) {
            self.shape(right_shape, left, right, errors)
        } else {
            self.shape(left_shape, left, right, errors);
            self.shape(right_shape, left, right, errors)
        };
        if !is_leaf {
            if left.is_none() {
                self.out.added.insert(&self.path);
            } else if right.is_none() {
                self.out.removed.insert(&self.path);
            }
        }
    }

    /// Compares as one shape; tells whether the value is a leaf in it.
    fn shape(
        &mut self,
        shape: Shape<'_>,
        left: Option<&Value>,
        right: Option<&Value>,
        errors: &mut TypedErrors,
    ) -> bool {
        match shape {
            Shape::None => {
                errors.add("schema error: invalid atom: inlined");
                false
            }
            Shape::Scalar(scalar) => {
                let left_error = scalar_error(scalar, left, "lhs: ");
                let right_error = scalar_error(scalar, right, "rhs: ");
                if let (Some(left), Some(right)) = (&left_error, &right_error) {
                    errors.add(left.as_str());
                    errors.add(right.as_str());
                    return false;
                }
                self.leaf(left, right);
                true
            }
            Shape::List(list) => {
                let left_items = left.and_then(Value::as_array);
                let right_items = right.and_then(Value::as_array);
                let empty = left_items.is_none_or(Vec::is_empty) && right_items.is_none_or(Vec::is_empty);
                if !list.associative || empty {
                    self.leaf(left, right);
                    return true;
                }
                self.items(
                    list,
                    left_items.map_or(&[], Vec::as_slice),
                    right_items.map_or(&[], Vec::as_slice),
                    errors,
                );
                false
            }
            Shape::Map(map) => {
                let left_map = left.and_then(Value::as_object);
                let right_map = right.and_then(Value::as_object);
                let empty = left_map.is_none_or(serde_json::Map::is_empty)
                    && right_map.is_none_or(serde_json::Map::is_empty);
                if map.atomic || empty {
                    self.leaf(left, right);
                    return true;
                }
                self.entries(map, left_map, right_map, errors);
                false
            }
        }
    }

    fn leaf(&mut self, left: Option<&Value>, right: Option<&Value>) {
        match (left, right) {
            (None, _) => self.out.added.insert(&self.path),
            (_, None) => self.out.removed.insert(&self.path),
            (Some(left), Some(right)) => {
                if !equal_values(left, right) {
                    self.out.modified.insert(&self.path);
                }
            }
        }
    }

    fn descend(
        &mut self,
        element: PathElement,
        ty: &Type,
        left: Option<&Value>,
        right: Option<&Value>,
        errors: &mut TypedErrors,
    ) {
        let mut below = TypedErrors::default();
        self.path.push(element);
        self.node(ty, left, right, &mut below);
        if let Some(element) = self.path.pop()
            && !below.0.is_empty()
        {
            errors.add_below(&element, below);
        }
    }

    fn entries(
        &mut self,
        map: &Map,
        left: Option<&serde_json::Map<String, Value>>,
        right: Option<&serde_json::Map<String, Value>>,
        errors: &mut TypedErrors,
    ) {
        let only_right = right
            .into_iter()
            .flatten()
            .filter(|(key, _)| left.is_none_or(|left| !left.contains_key(*key)))
            .map(|(key, right)| (key, None, Some(right)));
        let all = left
            .into_iter()
            .flatten()
            .map(|(key, value)| (key, Some(value), right.and_then(|right| right.get(key))))
            .chain(only_right);
        for (key, left, right) in all {
            // What has neither a field nor a type for others is left alone, as it was checked when written.
            let Some(ty) = map.entry(key) else { continue };
            if let (Some(left), Some(right)) = (left, right)
                && left == right
            {
                continue;
            }
            self.descend(PathElement::field(key), ty, left, right, errors);
        }
    }

    fn items(&mut self, list: &List, left: &[Value], right: &[Value], errors: &mut TypedErrors) {
        type Pair<'a> = (Vec<&'a Value>, Vec<&'a Value>);
        let mut pairs: BTreeMap<PathElement, Pair<'_>> = BTreeMap::new();
        for (side, items) in [left, right].into_iter().enumerate() {
            for (index, item) in items.iter().enumerate() {
                match item_element(list, item) {
                    Ok(element) => {
                        let pair = pairs.entry(element).or_default();
                        let items = if side == 0 { &mut pair.0 } else { &mut pair.1 };
                        items.push(item);
                    }
                    Err(message) => errors.add(format!("element {index}: {message}")),
                }
            }
        }
        for (element, (left, right)) in pairs {
            let with = |path: &[PathElement]| [path, std::slice::from_ref(&element)].concat();
            match (left.as_slice(), right.as_slice()) {
                ([] | [_], [] | [_]) => {
                    let (left, right) = (left.first().copied(), right.first().copied());
                    self.descend(element, &list.items, left, right, errors);
                }
                ([_, _, ..], [_, _, ..]) => {
                    let same = left.len() == right.len()
                        && left
                            .iter()
                            .zip(&right)
                            .all(|(left, right)| equal_values(left, right));
                    if !same {
                        let path = with(&self.path);
                        self.out.modified.insert(&path);
                    }
                }
                ([_, _, ..], right) => {
                    let path = with(&self.path);
                    if let Some(right) = right.first() {
                        self.descend(element, &list.items, None, Some(right), errors);
                    }
                    self.out.removed.insert(&path);
                }
                (left, _) => {
                    let path = with(&self.path);
                    if let Some(left) = left.first() {
                        self.descend(element, &list.items, Some(left), None, errors);
                    }
                    self.out.added.insert(&path);
                }
            }
        }
    }
}
