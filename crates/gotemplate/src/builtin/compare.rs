//! The comparisons, which refuse to compare what Go's types keep apart.

use crate::error::Error;
use crate::fmt;
use crate::function::Slot;
use crate::value::Value;

type Result<T> = std::result::Result<T, Error>;

/// A value reduced to what comparisons look at.
enum Basic {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    String(crate::text::Text),
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(truth) => Basic::Bool(*truth),
        Value::Int(number, _) => Basic::Int(*number),
        Value::Uint(number, _) => Basic::Uint(*number),
        Value::Float(number) => Basic::Float(*number),
        Value::Complex(parts) => Basic::Complex(parts.0, parts.1),
        Value::String(text) => Basic::String(text.clone()),
        Value::Object(object) => object.as_basic().map_or(Basic::Other, |value| basic(&value)),
        _ => Basic::Other,
    }
}

fn incompatible(left: &Value, right: &Value) -> Error {
    let (left, right) = (left.type_name(), right.type_name());
    Error::message(format!("incompatible types for comparison: {left} and {right}"))
}

fn equal(left: &Value, right: &Value) -> Result<bool> {
    Ok(match (basic(left), basic(right)) {
        (Basic::Bool(a), Basic::Bool(b)) => a == b,
        (Basic::Int(a), Basic::Int(b)) => a == b,
        (Basic::Uint(a), Basic::Uint(b)) => a == b,
        (Basic::Int(a), Basic::Uint(b)) | (Basic::Uint(b), Basic::Int(a)) => u64::try_from(a) == Ok(b),
        (Basic::Float(a), Basic::Float(b)) => a == b,
        (Basic::Complex(a, b), Basic::Complex(c, d)) => a == c && b == d,
        (Basic::String(a), Basic::String(b)) => a == b,
        (Basic::Other, Basic::Other) => return equal_others(left, right),
        _ if left.is_nil() || right.is_nil() => false,
        _ => return Err(incompatible(left, right)),
    })
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    }
}

fn equal_others(left: &Value, right: &Value) -> Result<bool> {
    if left.kind() != right.kind() && !left.is_nil() && !right.is_nil() {
        let (a, b) = (printed_as_text(left), fmt::to_lossy_string(right));
        let (a_type, b_type) = (left.type_name(), right.type_name());
        // Go swaps what its format string says for the first one.
        return Err(Error::message(format!(
            "non-comparable types {a}: {a_type}, {b_type}: {b}"
        )));
    }
    if is_nil(left) || is_nil(right) {
        return Ok(is_nil(left) == is_nil(right));
    }
    match (left, right) {
        (Value::Object(a), Value::Object(b)) if a.as_map().is_none() && a.as_list().is_none() => {
            Ok(a.go_type() == b.go_type() && a.equals(b.as_ref()))
        }
        _ => {
            let (printed, ty) = (printed_as_text(right), right.type_name());
            Err(Error::message(format!("non-comparable type {printed}: {ty}")))
        }
    }
}

/// Prints with `%s`, as Go's message does for want of a look at its arguments.
fn printed_as_text(value: &Value) -> String {
    fmt::sprintf(b"%s", std::slice::from_ref(value)).to_string()
}

pub(super) fn eq(slots: &[Slot]) -> Result<Value> {
    let (first, others) = (&slots[0].value, &slots[1..]);
    if others.is_empty() {
        return Err(Error::message("missing argument for comparison"));
    }
    for other in others {
        if equal(first, &other.value)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(slots: &[Slot]) -> Result<Value> {
    Ok(Value::Bool(!equal(&slots[0].value, &slots[1].value)?))
}

fn less(left: &Value, right: &Value) -> Result<bool> {
    let bad = || Error::message("invalid type for comparison");
    Ok(match (basic(left), basic(right)) {
        (Basic::Other, _) | (_, Basic::Other) => return Err(bad()),
        (Basic::Int(a), Basic::Int(b)) => a < b,
        (Basic::Uint(a), Basic::Uint(b)) => a < b,
        (Basic::Int(a), Basic::Uint(b)) => i128::from(a) < i128::from(b),
        (Basic::Uint(a), Basic::Int(b)) => i128::from(a) < i128::from(b),
        (Basic::Float(a), Basic::Float(b)) => a < b,
        (Basic::String(a), Basic::String(b)) => a < b,
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => return Err(bad()),
        _ => return Err(incompatible(left, right)),
    })
}

fn less_or_equal(left: &Value, right: &Value) -> Result<bool> {
    Ok(less(left, right)? || equal(left, right)?)
}

pub(super) fn lt(slots: &[Slot]) -> Result<Value> {
    less(&slots[0].value, &slots[1].value).map(Value::Bool)
}

pub(super) fn le(slots: &[Slot]) -> Result<Value> {
    less_or_equal(&slots[0].value, &slots[1].value).map(Value::Bool)
}

pub(super) fn gt(slots: &[Slot]) -> Result<Value> {
    less_or_equal(&slots[0].value, &slots[1].value).map(|truth| Value::Bool(!truth))
}

pub(super) fn ge(slots: &[Slot]) -> Result<Value> {
    less(&slots[0].value, &slots[1].value).map(|truth| Value::Bool(!truth))
}
