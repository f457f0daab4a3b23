//! Filters on numbers.

use std::rc::Rc;

use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{UndefinedMode, Value, number, ops};

type Ctx = Rc<Context>;

pub(crate) fn abs(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.plain::<0>("abs", 0)?;
    if let Value::Undefined(undefined) = &value
        && undefined.mode != UndefinedMode::Lenient
    {
        return Err(Error::type_error(format!(
            "bad operand type for abs(): '{}'",
            value.type_name()
        )));
    }
    ops::absolute(&value)
}

/// Never fails on text or numbers: what is no integer gives the default.
pub(crate) fn int(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [default, base] = args.bind("do_int", ["default", "base"], 0)?;
    let default = default.unwrap_or(Value::Int(0));
    // Whatever is no base makes the text no number.
    let base = base.map_or(Some(10), |base| base.index());
    Ok(match &value {
        Value::Str(text) | Value::Markup(text) => {
            let parsed = match base {
                Some(base @ (0 | 2..=36)) => number::parse_int(text, base as u32),
                _ => None,
            };
            parsed
                .or_else(|| number::parse_float(text).and_then(number::float_to_int))
                .unwrap_or(default)
        }
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => number::to_big(&value).map_or(default, Value::big),
        Value::Float(float) => match number::float_to_int(*float) {
            Some(value) => value,
            None if float.is_nan() => default,
            None => {
                return Err(Error::new(
                    ErrorKind::OVERFLOW,
                    "cannot convert float infinity to integer",
                ));
            }
        },
        Value::Undefined(undefined) => match undefined.mode {
            UndefinedMode::Lenient => default,
            _ => return Err(undefined.error()),
        },
        _ => default,
    })
}

pub(crate) fn float(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [default] = args.bind("do_float", ["default"], 0)?;
    let default = default.unwrap_or(Value::Float(0.0));
    Ok(match &value {
        Value::Str(text) | Value::Markup(text) => number::parse_float(text).map_or(default, Value::Float),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            number::to_float(&value).map_or(default, Value::Float)
        }
        Value::Big(big) => {
            let float = number::big_to_float(big);
            if float.is_infinite() {
                return Err(Error::new(
                    ErrorKind::OVERFLOW,
                    "int too large to convert to float",
                ));
            }
            Value::Float(float)
        }
        Value::Undefined(undefined) if undefined.mode != UndefinedMode::Lenient => {
            return Err(undefined.error());
        }
        _ => default,
    })
}

pub(crate) fn round(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [precision, method] = args.bind("do_round", ["precision", "method"], 0)?;
    let precision_value = precision.unwrap_or(Value::Int(0));
    let method = method.unwrap_or_else(|| "common".into());
    let method = method.as_str().map_or("", |method| method);
    if !matches!(method, "common" | "ceil" | "floor") {
        return Err(Error::new(
            ErrorKind::FILTER_ARGUMENT,
            "method must be common, ceil or floor",
        ));
    }
    let Some(float) = number::to_float(&value) else {
        return Err(match &value {
            Value::Undefined(undefined) if undefined.mode != UndefinedMode::Lenient && method != "common" => {
                undefined.error()
            }
            _ => Error::type_error(format!(
                "type {} doesn't define __round__ method",
                value.type_name()
            )),
        });
    };
    let precision = match (&precision_value, method, &value) {
        (Value::None, "common", _) => None,
        (other, _, _) => Some(integer(other)?),
    };
    if method == "common" {
        return round_common(&value, float, precision);
    }
    let precision = precision.unwrap_or_default();
    let scale = 10f64.powi(i32::try_from(precision).unwrap_or(i32::MAX));
    let scaled = float * scale;
    let whole = if method == "ceil" {
        scaled.ceil()
    } else {
        scaled.floor()
    };
    if !whole.is_finite() {
        let kind = if whole.is_nan() {
            ErrorKind::VALUE
        } else {
            ErrorKind::OVERFLOW
        };
        let what = if whole.is_nan() { "NaN" } else { "infinity" };
        return Err(Error::new(
            kind,
            format!("cannot convert float {what} to integer"),
        ));
    }
    Ok(Value::Float(whole / scale))
}

fn round_common(value: &Value, float: f64, precision: Option<i64>) -> Result<Value> {
    match (value, precision) {
        (Value::Float(_), None) => number::float_to_int(number::round_float(float, 0))
            .ok_or_else(|| Error::new(ErrorKind::OVERFLOW, "cannot convert float infinity to integer")),
        (Value::Float(_), Some(digits)) => Ok(Value::Float(number::round_float(float, digits))),
        (_, None | Some(0..)) => Ok(number::to_big(value).map_or(Value::None, Value::big)),
        (_, Some(digits)) => {
            let big = number::to_big(value).unwrap_or_default();
            let digits = u32::try_from(-digits).unwrap_or(u32::MAX);
            if u64::from(digits) > big.bits() {
                return Ok(Value::Int(0));
            }
            Ok(Value::big(number::round_int(&big, digits)))
        }
    }
}

pub(crate) fn filesizeformat(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [binary] = args.bind("do_filesizeformat", ["binary"], 0)?;
    let binary = flag(binary.as_ref())?;
    let bytes = match &value {
        Value::Str(text) | Value::Markup(text) => number::parse_float(text).ok_or_else(|| {
            Error::value_error(format!(
                "could not convert string to float: {}",
                crate::parser::quoted(text)
            ))
        })?,
        Value::Undefined(undefined) if undefined.mode != UndefinedMode::Lenient => {
            return Err(undefined.error());
        }
        other => number::to_float(other).ok_or_else(|| {
            Error::type_error(format!(
                "float() argument must be a string or a real number, not '{}'",
                other.type_name()
            ))
        })?,
    };
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    let prefixes = match binary {
        true => ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"],
        false => ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"],
    };
    if bytes == 1.0 {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes.trunc() as i64).into());
    }
    // Units are exact: a float just below one stays in the smaller unit.
    let mut unit = base as i128;
    for (index, prefix) in prefixes.iter().enumerate() {
        unit *= base as i128;
        if (bytes.floor() as i128) < unit || index == prefixes.len() - 1 {
            return Ok(format!("{:.1} {prefix}", base * bytes / unit as f64).into());
        }
    }
    Ok(Value::None)
}
