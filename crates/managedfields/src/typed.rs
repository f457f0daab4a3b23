//! Values checked against the shape their type allows.

use std::collections::BTreeSet;
use std::fmt;

use kluctl_schema::{List, Map, Scalar, Type, TypeRef};
use serde_json::Value;

use crate::item::item_element;
use crate::path::PathElement;

/// One place where a value does not have the shape of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedError {
    /// Where, e.g. `.spec.replicas`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// All places where a value does not have the shape of its type.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct TypedErrors(pub Vec<TypedError>);

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl fmt::Display for TypedErrors {
    /// Source: structured-merge-diff `typed/helpers.go`, `ValidationErrors.Error`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [single] = self.0.as_slice() {
            return single.fmt(f);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl TypedErrors {
    pub(crate) fn add(&mut self, message: impl Into<String>) {
        self.0.push(TypedError {
            path: String::new(),
            message: message.into(),
        });
    }

    /// Takes over errors found one step further down.
    pub(crate) fn add_below(&mut self, element: &PathElement, below: Self) {
        for mut error in below.0 {
            error.path.insert_str(0, &element.to_string());
            self.0.push(error);
        }
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

/// The one shape that applies to a value.
#[derive(Clone, Copy)]
pub(crate) enum Shape<'a> {
    Map(&'a Map),
    Scalar(Scalar),
    List(&'a List),
    /// The type allows nothing at all.
    None,
}

impl Shape<'_> {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The shape that applies to a value: the one the value has if the type allows it, else the first the type allows.
///
/// Source: structured-merge-diff `typed/helpers.go`, `deduceAtom` and `handleAtom`.
pub(crate) fn shape_of<'a>(ty: &'a Type, value: Option<&Value>) -> Shape<'a> {
    match value {
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            if let Some(scalar) = ty.scalar {
                return Shape::Scalar(scalar);
            }
        }
        Some(Value::Array(_)) => {
            if let Some(list) = &ty.list {
                return Shape::List(list);
            }
        }
        Some(Value::Object(_)) => {
            if let Some(map) = &ty.map {
                return Shape::Map(map);
            }
        }
        Some(Value::Null) | None => {}
    }
    match (&ty.map, ty.scalar, &ty.list) {
        (Some(map), _, _) => Shape::Map(map),
        (None, Some(scalar), _) => Shape::Scalar(scalar),
        (None, None, Some(list)) => Shape::List(list),
        (None, None, None) => Shape::None,
    }
}

/// A value as Go prints the wrapper it is held in (`%v`).
fn go_plain(value: &Value) -> String {
    fn inner(value: &Value) -> String {
        match value {
            Value::Null => "<nil>".to_owned(),
            Value::String(text) => text.clone(),
            Value::Array(items) => format!("[{}]", items.iter().map(inner).collect::<Vec<_>>().join(" ")),
            Value::Object(map) => {
                let mut entries: Vec<_> = map
                    .iter()
                    .map(|(key, value)| format!("{key}:{}", inner(value)))
                    .collect();
                entries.sort();
                format!("map[{}]", entries.join(" "))
            }
            other => other.to_string(),
        }
    }
    format!("&{{{}}}", inner(value))
}

/// A value as Go prints the wrapper it is held in (`%#v`).
fn go_syntax(value: &Value) -> String {
    fn inner(value: &Value) -> String {
        match value {
            Value::Null => "interface {}(nil)".to_owned(),
            Value::String(text) => crate::value::go_quoted(text),
            Value::Array(items) => {
                format!(
                    "[]interface {{}}{{{}}}",
                    items.iter().map(inner).collect::<Vec<_>>().join(", ")
                )
            }
            Value::Object(map) => {
                let mut entries: Vec<_> = map
                    .iter()
                    .map(|(key, value)| format!("{}:{}", crate::value::go_quoted(key), inner(value)))
                    .collect();
                entries.sort();
                format!("map[string]interface {{}}{{{}}}", entries.join(", "))
            }
            other => other.to_string(),
        }
    }
    format!("&value.valueUnstructured{{Value:{}}}", inner(value))
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What is wrong with a value as a scalar.
///
/// Source: structured-merge-diff `typed/validate.go`, `validateScalar`.
pub(crate) fn scalar_error(scalar: Scalar, value: Option<&Value>, prefix: &str) -> Option<String> {
    let value = value.filter(|value| !value.is_null())?;
    match scalar {
        Scalar::Numeric if !value.is_number() => Some(format!(
            "{prefix}expected numeric (int or float), got {}",
            go_type(value)
        )),
        Scalar::String if !value.is_string() => {
            Some(format!("{prefix}expected string, got {}", go_syntax(value)))
        }
        Scalar::Boolean if !value.is_boolean() => {
            Some(format!("{prefix}expected boolean, got {}", go_plain(value)))
        }
        Scalar::Untyped if value.is_array() || value.is_object() => {
            Some(format!("{prefix}expected any scalar, got {}", go_plain(value)))
        }
        _ => None,
    }
}

/// Checks that a value has the shape of its type. Items of a list that are there twice are allowed in objects that
/// are stored already.
///
/// Source: structured-merge-diff `typed/validate.go`.
pub fn validate(value: &Value, ty: &TypeRef, allow_duplicates: bool) -> Result<(), TypedErrors> {
    let mut errors = TypedErrors::default();
    check(value, ty, allow_duplicates, &mut errors);
    errors.into_result(())
}

fn check(value: &Value, ty: &Type, allow_duplicates: bool, errors: &mut TypedErrors) {
    match shape_of(ty, Some(value)) {
        Shape::None => errors.add("schema error: invalid atom: inlined"),
        Shape::Scalar(scalar) => {
            if let Some(message) = scalar_error(scalar, Some(value), "") {
                errors.add(message);
            }
        }
        Shape::List(list) => match value {
            Value::Null => {}
            Value::Array(items) => check_items(items, list, allow_duplicates, errors),
            other => errors.add(format!("expected list, got {}", go_plain(other))),
        },
        Shape::Map(map) => match value {
            Value::Null => {}
            Value::Object(entries) => {
                for (key, entry) in entries {
                    let mut below = TypedErrors::default();
                    let Some(ty) = map.entry(key) else {
                        below.add("field not declared in schema");
                        errors.add_below(&PathElement::field(key), below);
                        return;
                    };
                    check(entry, ty, allow_duplicates, &mut below);
                    if !below.0.is_empty() {
                        errors.add_below(&PathElement::field(key), below);
                    }
                }
            }
            other => errors.add(format!("expected map, got {}", go_plain(other))),
        },
    }
}

fn check_items(items: &[Value], list: &List, allow_duplicates: bool, errors: &mut TypedErrors) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = if list.associative {
            match item_element(list, item) {
                Ok(element) => element,
                Err(message) => {
                    errors.add(format!("element {index}: {message}"));
                    return;
                }
            }
        } else {
            PathElement::Index(index as i64)
        };
        let mut below = TypedErrors::default();
        check(item, &list.items, allow_duplicates, &mut below);
        if list.associative && !seen.insert(element.clone()) && !allow_duplicates {
            errors.add(format!("duplicate entries for key {element}"));
        }
        if !below.0.is_empty() {
            errors.add_below(&element, below);
        }
    }
}
