//! Arithmetic.

use std::rc::Rc;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};

use super::{UndefinedMode, Value, ViewKind, number, text};
use crate::ast::Binary;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Vm;

fn sign_of(op: Binary) -> &'static str {
    match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::FloorDiv => "//",
        Binary::Mod => "%",
        Binary::Pow => "** or pow()",
    }
}

/// `a op b`.
pub(crate) fn binary(vm: &Vm, op: Binary, a: &Value, b: &Value) -> Result<Value> {
    if let (Value::Int(x), Value::Int(y)) = (a, b)
        && let Some(result) = small(op, *x, *y)
    {
        return Ok(result);
    }
    // A string on the left formats before an undefined value gets a say.
    if let (Binary::Mod, Value::Str(template) | Value::Markup(template)) = (op, a) {
        let formatted = crate::format::percent::format(vm, template, b, matches!(a, Value::Markup(_)))?;
        return Ok(if matches!(a, Value::Markup(_)) {
            Value::Markup(formatted.into())
        } else {
            Value::str(formatted)
        });
    }
    for side in [a, b] {
        if let Value::Undefined(undefined) = side {
            return match undefined.mode {
                UndefinedMode::Lenient => Ok(side.clone()),
                _ => Err(undefined.error()),
            };
        }
    }
    if let Value::Object(object) = a
        && let Some(result) = object.binary(a, op, b, false)
    {
        return result;
    }
    if let Value::Object(object) = b
        && let Some(result) = object.binary(b, op, a, true)
    {
        return result;
    }
    if let Some(result) = numbers(op, a, b) {
        return result;
    }
    match op {
        Binary::Add => add(vm, a, b),
        Binary::Mul => multiply(vm, a, b),
        Binary::Sub => subtract(a, b),
        _ => Err(unsupported(op, a, b)),
    }
}

fn unsupported(op: Binary, a: &Value, b: &Value) -> Error {
    Error::type_error(format!(
        "unsupported operand type(s) for {}: '{}' and '{}'",
        sign_of(op),
        a.type_name(),
        b.type_name()
    ))
}

fn zero(message: &str) -> Error {
    Error::new(ErrorKind::ZERO_DIVISION, message)
}

/// Small integers whose result is small.
fn small(op: Binary, x: i64, y: i64) -> Option<Value> {
    Some(Value::Int(match op {
        Binary::Add => x.checked_add(y)?,
        Binary::Sub => x.checked_sub(y)?,
        Binary::Mul => x.checked_mul(y)?,
        Binary::FloorDiv if y != 0 => {
            let quotient = x.checked_div(y)?;
            if x % y != 0 && (x < 0) != (y < 0) {
                quotient - 1
            } else {
                quotient
            }
        }
        Binary::Mod if y != 0 => {
            let remainder = x.checked_rem(y)?;
            if remainder != 0 && (remainder < 0) != (y < 0) {
                remainder + y
            } else {
                remainder
            }
        }
        Binary::Pow if y >= 0 => x.checked_pow(u32::try_from(y).ok()?)?,
        _ => return None,
    }))
}

fn numbers(op: Binary, a: &Value, b: &Value) -> Option<Result<Value>> {
    if matches!(a, Value::Float(_)) || matches!(b, Value::Float(_)) {
        let (x, y) = (number::to_float(a)?, number::to_float(b)?);
        let overflow = |value: &Value, float: f64| matches!(value, Value::Big(_)) && float.is_infinite();
        if overflow(a, x) || overflow(b, y) {
            return Some(Err(Error::new(
                ErrorKind::OVERFLOW,
                "int too large to convert to float",
            )));
        }
        return Some(floats(op, x, y));
    }
    let (x, y) = (number::to_big(a)?, number::to_big(b)?);
    Some(integers(op, &x, &y))
}

fn floats(op: Binary, x: f64, y: f64) -> Result<Value> {
    Ok(Value::Float(match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div if y == 0.0 => return Err(zero("division by zero")),
        Binary::Div => x / y,
        Binary::FloorDiv if y == 0.0 => return Err(zero("division by zero")),
        Binary::FloorDiv => float_div_mod(x, y).0,
        Binary::Mod if y == 0.0 => return Err(zero("division by zero")),
        Binary::Mod => float_div_mod(x, y).1,
        Binary::Pow => {
            if x == 0.0 && y < 0.0 {
                return Err(zero("zero to a negative power"));
            }
            if x < 0.0 && y.is_finite() && y.fract() != 0.0 {
                return Err(Error::type_error("complex numbers are not supported"));
            }
            let result = x.powf(y);
            if result.is_infinite() && x.is_finite() && y.is_finite() {
                return Err(Error::new(
                    ErrorKind::OVERFLOW,
                    "(34, 'Numerical result out of range')",
                ));
            }
            result
        }
    }))
}

fn float_div_mod(x: f64, y: f64) -> (f64, f64) {
    let mut remainder = x % y;
    let mut div = (x - remainder) / y;
    if remainder == 0.0 {
        remainder = 0f64.copysign(y);
    } else if (y < 0.0) != (remainder < 0.0) {
        remainder += y;
        div -= 1.0;
    }
    let floored = if div == 0.0 {
        0f64.copysign(x / y)
    } else {
        let floor = div.floor();
        if div - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floored, remainder)
}

const MAX_BITS: u64 = 1 << 24;

fn integers(op: Binary, x: &BigInt, y: &BigInt) -> Result<Value> {
    Ok(Value::big(match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => {
            if x.bits() + y.bits() > MAX_BITS {
                return Err(Error::new(ErrorKind::MEMORY, "the integer is too large"));
            }
            x * y
        }
        Binary::Div => return true_division(x, y),
        Binary::FloorDiv | Binary::Mod if y.sign() == Sign::NoSign => {
            return Err(zero("division by zero"));
        }
        Binary::FloorDiv => number::div_mod_floor(x, y).0,
        Binary::Mod => number::div_mod_floor(x, y).1,
        Binary::Pow if y.sign() == Sign::Minus => {
            return floats(op, number::big_to_float(x), number::big_to_float(y));
        }
        Binary::Pow => {
            let exponent = u32::try_from(y).unwrap_or(u32::MAX);
            if x.bits() > 1 && x.bits().saturating_mul(u64::from(exponent)) > MAX_BITS {
                return Err(Error::new(ErrorKind::MEMORY, "the integer is too large"));
            }
            if x.bits() <= 1 && exponent == u32::MAX {
                let negative = x.sign() == Sign::Minus && y.bit(0);
                return Ok(Value::Int(if negative { -1 } else { i64::from(x.bits() == 1) }));
            }
            x.pow(exponent)
        }
    }))
}

/// `/` of integers: the nearest float of the exact quotient.
fn true_division(x: &BigInt, y: &BigInt) -> Result<Value> {
    if y.sign() == Sign::NoSign {
        return Err(zero("division by zero"));
    }
    if x.bits() <= 53 && y.bits() <= 53 {
        return Ok(Value::Float(number::big_to_float(x) / number::big_to_float(y)));
    }
    // Scaled so that the quotient has more bits than a float, the lowest one standing for what was cut off.
    let shift = 66 + y.bits() as i64 - x.bits() as i64;
    let (numerator, denominator) = if shift >= 0 {
        (x << shift as usize, y.clone())
    } else {
        (x.clone(), y << (-shift) as usize)
    };
    let (mut quotient, remainder) = (&numerator / &denominator, &numerator % &denominator);
    if remainder.sign() != Sign::NoSign {
        quotient |= BigInt::from(1);
    }
    let result = number::big_to_float(&quotient) * 2f64.powi(-shift as i32);
    if result.is_infinite() || shift < -1100 {
        return Err(Error::new(
            ErrorKind::OVERFLOW,
            "integer division result too large for a float",
        ));
    }
    Ok(Value::Float(result))
}

fn add(vm: &Vm, a: &Value, b: &Value) -> Result<Value> {
    match (a, b) {
        (Value::Str(x), Value::Str(y)) => joined(vm, x, y).map(Value::Str),
        (Value::Markup(x), Value::Markup(y)) => joined(vm, x, y).map(Value::Markup),
        (Value::Markup(x), Value::Str(y)) => joined(vm, x, &text::escape(y)).map(Value::Markup),
        (Value::Str(x), Value::Markup(y)) => joined(vm, &text::escape(x), y).map(Value::Markup),
        (Value::Str(_), other) => Err(Error::type_error(format!(
            "can only concatenate str (not \"{}\") to str",
            other.type_name()
        ))),
        (Value::List(x), Value::List(y)) => {
            let mut items = x.borrow().clone();
            items.extend(y.borrow().iter().cloned());
            vm.charge(items.len() * 24)?;
            Ok(Value::list(items))
        }
        (Value::List(_), other) => Err(Error::type_error(format!(
            "can only concatenate list (not \"{}\") to list",
            other.type_name()
        ))),
        (Value::Tuple(x), Value::Tuple(y)) => {
            Ok(Value::tuple(x.items.iter().chain(&y.items).cloned().collect()))
        }
        (Value::Tuple(_), other) => Err(Error::type_error(format!(
            "can only concatenate tuple (not \"{}\") to tuple",
            other.type_name()
        ))),
        (Value::Bytes(x), Value::Bytes(y)) => Ok(Value::Bytes(x.iter().chain(y.iter()).copied().collect())),
        _ => Err(unsupported(Binary::Add, a, b)),
    }
}

fn joined(vm: &Vm, x: &str, y: &str) -> Result<Arc<str>> {
    vm.charge(x.len() + y.len())?;
    Ok([x, y].concat().into())
}

fn multiply(vm: &Vm, a: &Value, b: &Value) -> Result<Value> {
    let (sequence, count) = match (a.index(), b.index()) {
        (None, Some(count)) => (a, count),
        (Some(count), None) => (b, count),
        _ => {
            if matches!(
                a,
                Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Bytes(_)
            ) {
                return Err(Error::type_error(format!(
                    "can't multiply sequence by non-int of type '{}'",
                    b.type_name()
                )));
            }
            return Err(unsupported(Binary::Mul, a, b));
        }
    };
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    let sized = |length: usize| vm.charge(length.saturating_mul(count));
    Ok(match sequence {
        Value::Str(text) => {
            sized(text.len())?;
            Value::str(text.repeat(count))
        }
        Value::Markup(text) => {
            sized(text.len())?;
            Value::Markup(text.repeat(count).into())
        }
        Value::Bytes(bytes) => {
            sized(bytes.len())?;
            Value::Bytes(bytes.repeat(count).into())
        }
        Value::List(list) => {
            sized(list.borrow().len() * 24)?;
            Value::list(repeated(&list.borrow(), count))
        }
        Value::Tuple(tuple) => {
            sized(tuple.items.len() * 24)?;
            Value::tuple(repeated(&tuple.items, count))
        }
        _ => return Err(unsupported(Binary::Mul, a, b)),
    })
}

fn repeated(items: &[Value], count: usize) -> Vec<Value> {
    (0..count).flat_map(|_| items.iter().cloned()).collect()
}

/// `-` of sets and key views.
fn subtract(a: &Value, b: &Value) -> Result<Value> {
    let keys = |value: &Value| match value {
        Value::Set(set) => Some(set.clone()),
        Value::View(view) if view.kind == ViewKind::Keys => Some(view.dict.clone()),
        _ => None,
    };
    let (Some(left), Some(right)) = (keys(a), keys(b)) else {
        return Err(unsupported(Binary::Sub, a, b));
    };
    let result = super::Dict::default();
    for key in left.keys() {
        if !right.contains(&key)? {
            result.insert(super::Key::new(key)?, Value::None);
        }
    }
    Ok(Value::Set(Rc::new(result)))
}

/// `-value`.
pub(crate) fn negate(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Bool(value) => Value::Int(-i64::from(*value)),
        Value::Int(value) => value
            .checked_neg()
            .map_or_else(|| Value::big(-BigInt::from(*value)), Value::Int),
        Value::Big(value) => Value::big(-&**value),
        Value::Float(value) => Value::Float(-value),
        Value::Undefined(undefined) => {
            return unary_undefined(
                undefined,
                "NullUndefined._return_self() missing 1 required positional argument: 'other'",
            );
        }
        other => {
            return Err(Error::type_error(format!(
                "bad operand type for unary -: '{}'",
                other.type_name()
            )));
        }
    })
}

/// `+value`.
pub(crate) fn positive(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Bool(value) => Value::Int(i64::from(*value)),
        Value::Int(_) | Value::Big(_) | Value::Float(_) => value.clone(),
        Value::Undefined(undefined) => {
            return unary_undefined(
                undefined,
                "NullUndefined._return_self() missing 1 required positional argument: 'other'",
            );
        }
        other => {
            return Err(Error::type_error(format!(
                "bad operand type for unary +: '{}'",
                other.type_name()
            )));
        }
    })
}

fn unary_undefined(undefined: &super::Undefined, message: &str) -> Result<Value> {
    Err(match undefined.mode {
        UndefinedMode::Lenient => Error::type_error(message),
        _ => undefined.error(),
    })
}

/// `abs(value)`.
pub(crate) fn absolute(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Bool(value) => Value::Int(i64::from(*value)),
        Value::Int(value) => value
            .checked_abs()
            .map_or_else(|| Value::big(-BigInt::from(*value)), Value::Int),
        Value::Big(value) => Value::big(if value.sign() == Sign::Minus {
            -&**value
        } else {
            (**value).clone()
        }),
        Value::Float(value) => Value::Float(value.abs()),
        other => {
            return Err(Error::type_error(format!(
                "bad operand type for abs(): '{}'",
                other.type_name()
            )));
        }
    })
}
