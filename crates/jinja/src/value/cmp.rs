//! Equality, order and containment.

use std::cmp::Ordering;

use super::{Value, ViewKind, number, repr::guard};
use crate::ast::Compare;
use crate::error::{Error, Result};

/// `a == b`.
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool> {
    use Value::{
        Big, Bool, Bytes, Dict, Float, Int, List, Markup, Object, Range, Set, Str, Tuple, Undefined, View,
    };
    Ok(match (a, b) {
        (Undefined(undefined), other) | (other, Undefined(undefined)) => {
            if undefined.mode == super::UndefinedMode::Strict {
                return Err(undefined.error());
            }
            a.type_name() == b.type_name() && other.is_undefined()
        }
        (Object(object), other) => object.equal(other)?,
        (other, Object(object)) => object.equal(other)?,
        (Value::None, Value::None) => true,
        (Str(a) | Markup(a), Str(b) | Markup(b)) => a == b,
        (Int(a), Int(b)) => a == b,
        (Bool(_) | Int(_) | Big(_) | Float(_), Bool(_) | Int(_) | Big(_) | Float(_)) => {
            number_order(a, b) == Some(Ordering::Equal)
        }
        (Bytes(a), Bytes(b)) => a == b,
        (List(x), List(y)) => {
            std::rc::Rc::ptr_eq(x, y) || guard(|| sequences_equal(&x.borrow(), &y.borrow()))?
        }
        (Tuple(x), Tuple(y)) => guard(|| sequences_equal(&x.items, &y.items))?,
        (Dict(x), Dict(y)) => std::rc::Rc::ptr_eq(x, y) || guard(|| dicts_equal(x, y))?,
        (Set(x), Set(y)) => sets_equal(&x.keys(), y)?,
        (View(view), Set(set)) | (Set(set), View(view)) if view.kind == ViewKind::Keys => {
            sets_equal(&view.dict.keys(), set)?
        }
        (View(x), View(y)) if x.kind == ViewKind::Keys && y.kind == ViewKind::Keys => {
            sets_equal(&x.dict.keys(), &y.dict)?
        }
        (View(x), View(y)) if x.kind == ViewKind::Items && y.kind == ViewKind::Items => {
            guard(|| dicts_equal(&x.dict, &y.dict))?
        }
        (Range(x), Range(y)) => {
            let length = x.len();
            length == y.len() && (length == 0 || (x.start == y.start && (length == 1 || x.step == y.step)))
        }
        _ => a.same(b),
    })
}

fn sets_equal(keys: &[Value], other: &super::Dict) -> Result<bool> {
    if keys.len() != other.len() {
        return Ok(false);
    }
    for key in keys {
        if !other.contains(key)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sequences_equal(a: &[Value], b: &[Value]) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !(a.same(b) || equal(a, b)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn dicts_equal(a: &super::Dict, b: &super::Dict) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (key, value) in a.pairs() {
        match b.get(&key)? {
            Some(other) if value.same(&other) || equal(&value, &other)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn number_order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Float(x), Value::Float(y)) => x.partial_cmp(y),
        (Value::Float(x), other) => float_int_order(*x, other),
        (other, Value::Float(y)) => float_int_order(*y, other).map(Ordering::reverse),
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(y)),
        _ => Some(number::to_big(a)?.cmp(&number::to_big(b)?)),
    }
}

fn float_int_order(float: f64, int: &Value) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 {
            Ordering::Greater
        } else {
            Ordering::Less
        });
    }
    let whole = number::to_big(&number::float_to_int(float)?)?;
    let order = whole.cmp(&number::to_big(int)?);
    Some(order.then_with(|| float.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal)))
}

fn sign(op: Compare) -> &'static str {
    match op {
        Compare::Lt => "<",
        Compare::Le => "<=",
        Compare::Gt => ">",
        Compare::Ge => ">=",
        Compare::Eq => "==",
        Compare::Ne => "!=",
        Compare::In => "in",
        Compare::NotIn => "not in",
    }
}

fn holds(op: Compare, order: Option<Ordering>) -> bool {
    match op {
        Compare::Lt => order == Some(Ordering::Less),
        Compare::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Compare::Gt => order == Some(Ordering::Greater),
        Compare::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    }
}

/// `a < b` and its like, the result a value since lenient undefined values return themselves.
pub(crate) fn ordered(op: Compare, a: &Value, b: &Value) -> Result<Value> {
    for side in [a, b] {
        if let Value::Undefined(undefined) = side {
            return match undefined.mode {
                super::UndefinedMode::Lenient => Ok(side.clone()),
                _ => Err(undefined.error()),
            };
        }
    }
    less(op, a, b).map(Value::Bool)
}

/// `a < b` and its like.
pub(crate) fn less(op: Compare, a: &Value, b: &Value) -> Result<bool> {
    use Value::{Big, Bool, Bytes, Float, Int, List, Markup, Object, Set, Str, Tuple};
    match (a, b) {
        (Str(x) | Markup(x), Str(y) | Markup(y)) => Ok(holds(op, Some(x.cmp(y)))),
        (Bool(_) | Int(_) | Big(_) | Float(_), Bool(_) | Int(_) | Big(_) | Float(_)) => {
            Ok(holds(op, number_order(a, b)))
        }
        (Bytes(x), Bytes(y)) => Ok(holds(op, Some(x.cmp(y)))),
        (List(x), List(y)) => guard(|| sequences_less(op, &x.borrow(), &y.borrow())),
        (Tuple(x), Tuple(y)) => guard(|| sequences_less(op, &x.items, &y.items)),
        (Set(x), Set(y)) => {
            let (small, large) = if matches!(op, Compare::Lt | Compare::Le) {
                (x, y)
            } else {
                (y, x)
            };
            let strict = matches!(op, Compare::Lt | Compare::Gt);
            let mut subset = !strict || small.len() < large.len();
            for key in small.keys() {
                subset = subset && large.contains(&key)?;
            }
            Ok(subset)
        }
        (Object(object), _) => match object.less(op, b) {
            Some(result) => result,
            None => unsupported(op, a, b),
        },
        (_, Object(object)) => {
            let swapped = match op {
                Compare::Lt => Compare::Gt,
                Compare::Le => Compare::Ge,
                Compare::Gt => Compare::Lt,
                _ => Compare::Le,
            };
            match object.less(swapped, a) {
                Some(result) => result,
                None => unsupported(op, a, b),
            }
        }
        (Value::Undefined(undefined), _) | (_, Value::Undefined(undefined)) => Err(undefined.error()),
        _ => unsupported(op, a, b),
    }
}

fn unsupported(op: Compare, a: &Value, b: &Value) -> Result<bool> {
    Err(Error::type_error(format!(
        "'{}' not supported between instances of '{}' and '{}'",
        sign(op),
        a.type_name(),
        b.type_name()
    )))
}

fn sequences_less(op: Compare, a: &[Value], b: &[Value]) -> Result<bool> {
    for (x, y) in a.iter().zip(b) {
        if x.same(y) || equal(x, y)? {
            continue;
        }
        return less(op, x, y);
    }
    Ok(holds(op, Some(a.len().cmp(&b.len()))))
}

/// `needle in haystack`.
pub(crate) fn contains(vm: &crate::runtime::Vm, haystack: &Value, needle: &Value) -> Result<bool> {
    match haystack {
        Value::Str(text) | Value::Markup(text) => match needle {
            Value::Str(part) | Value::Markup(part) => Ok(text.contains(&**part)),
            Value::Undefined(undefined) if undefined.mode == super::UndefinedMode::Strict => {
                Err(undefined.error())
            }
            other => Err(Error::type_error(format!(
                "'in <string>' requires string as left operand, not {}",
                other.type_name()
            ))),
        },
        Value::Bytes(bytes) => match needle {
            Value::Bytes(part) => {
                Ok(part.is_empty() || bytes.windows(part.len()).any(|window| window == &**part))
            }
            Value::Int(value) => Ok(u8::try_from(*value).is_ok_and(|byte| bytes.contains(&byte))),
            other => Err(Error::type_error(format!(
                "a bytes-like object is required, not '{}'",
                other.type_name()
            ))),
        },
        Value::Dict(dict) | Value::Set(dict) => dict.contains(needle),
        Value::View(view) if view.kind == ViewKind::Keys => view.dict.contains(needle),
        Value::List(list) => {
            let items = list.borrow().clone();
            any_equal(&items, needle)
        }
        Value::Tuple(tuple) => any_equal(&tuple.items, needle),
        Value::Range(range) => match needle {
            Value::Int(_) | Value::Bool(_) => {
                let wanted = needle.index().unwrap_or_default();
                let distance = i128::from(wanted) - i128::from(range.start);
                let step = i128::from(range.step);
                Ok(distance % step == 0 && (0..i128::from(range.len())).contains(&(distance / step)))
            }
            _ => any_equal(
                &(0..range.len().min(1_000_000))
                    .map(|index| Value::Int(range.get(index)))
                    .collect::<Vec<_>>(),
                needle,
            ),
        },
        Value::Undefined(undefined) => match undefined.mode {
            super::UndefinedMode::Strict => Err(undefined.error()),
            _ => Ok(false),
        },
        Value::Object(object) if object.contains(needle).is_some() => {
            object.contains(needle).unwrap_or(Ok(false))
        }
        other => {
            let Ok(iter) = super::iter::iterate(vm, other) else {
                let message = format!(
                    "argument of type '{}' is not a container or iterable",
                    other.type_name()
                );
                return Err(Error::type_error(message));
            };
            while let Some(item) = iter.next(vm)? {
                if item.same(needle) || equal(&item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn any_equal(items: &[Value], needle: &Value) -> Result<bool> {
    for item in items {
        if item.same(needle) || equal(item, needle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A stable merge sort by key with Python's `<`; the first error stops it.
///
/// Not the standard library's sort: keys such as NaN have no total order, and comparing may fail.
pub(crate) fn sort_by_key(mut items: Vec<(Value, Value)>, reverse: bool) -> Result<Vec<Value>> {
    if reverse {
        items.reverse();
    }
    let mut sorted = merge_sort(items)?;
    if reverse {
        sorted.reverse();
    }
    Ok(sorted.into_iter().map(|(_, value)| value).collect())
}

fn merge_sort(mut items: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let (left, right) = (merge_sort(items)?, merge_sort(right)?);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((a, _)), Some((b, _))) = (left.peek(), right.peek()) {
        let next = if less(Compare::Lt, b, a)? {
            right.next()
        } else {
            left.next()
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
