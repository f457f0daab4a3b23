//! Methods of `int` and `float`.

use crate::call::{CallArgs, flag, integer, string};
use crate::error::{Error, ErrorKind, Result};
use crate::value::object::Method;
use crate::value::{Value, number};

pub(crate) fn find_int(name: &str) -> Option<Method> {
    Some(match name {
        "bit_length" => |_, _, v, a| {
            a.plain::<0>("int.bit_length", 0)?;
            Ok(Value::Int(
                number::to_big(v).map_or(0, |value| value.bits() as i64),
            ))
        },
        "bit_count" => |_, _, v, a| {
            a.plain::<0>("int.bit_count", 0)?;
            let bytes = number::to_big(v)
                .map(|value| value.magnitude().to_bytes_le())
                .unwrap_or_default();
            Ok(Value::Int(
                bytes.iter().map(|byte| i64::from(byte.count_ones())).sum(),
            ))
        },
        "to_bytes" => |_, _, v, a| to_bytes(v, a),
        "conjugate" => |_, _, v, a| {
            a.plain::<0>("int.conjugate", 0)?;
            Ok(number::to_big(v).map_or(Value::None, Value::big))
        },
        "is_integer" => |_, _, _, a| a.plain::<0>("int.is_integer", 0).map(|_| Value::Bool(true)),
        "as_integer_ratio" => |_, _, v, a| {
            a.plain::<0>("int.as_integer_ratio", 0)?;
            Ok(Value::tuple(vec![
                number::to_big(v).map_or(Value::None, Value::big),
                Value::Int(1),
            ]))
        },
        _ => return None,
    })
}

fn to_bytes(value: &Value, args: CallArgs) -> Result<Value> {
    let [length, order, signed] = args.bind("to_bytes", ["length", "byteorder", "signed"], 0)?;
    let length = length.map_or(Ok(1), |length| integer(&length))?;
    let order = order.map_or(Ok("big".into()), |order| string(&order))?;
    let little = match &*order {
        "big" => false,
        "little" => true,
        _ => return Err(Error::value_error("byteorder must be either 'little' or 'big'")),
    };
    let length = usize::try_from(length)
        .map_err(|_| Error::value_error("length argument must be non-negative"))?
        .min(1 << 20);
    let whole = number::to_big(value).unwrap_or_default();
    let negative = whole.sign() == num_bigint::Sign::Minus;
    if negative && !flag(signed.as_ref())? {
        return Err(Error::new(
            ErrorKind::OVERFLOW,
            "can't convert negative int to unsigned",
        ));
    }
    let mut bytes = if flag(signed.as_ref())? {
        whole.to_signed_bytes_le()
    } else {
        whole.magnitude().to_bytes_le()
    };
    while bytes.len() > length && bytes.last() == Some(&0) && !flag(signed.as_ref())? {
        bytes.pop();
    }
    if bytes.len() > length {
        return Err(Error::new(ErrorKind::OVERFLOW, "int too big to convert"));
    }
    bytes.resize(length, if negative { 0xff } else { 0 });
    if !little {
        bytes.reverse();
    }
    Ok(Value::Bytes(bytes.into()))
}

fn float(value: &Value) -> f64 {
    number::to_float(value).unwrap_or(f64::NAN)
}

pub(crate) fn find_float(name: &str) -> Option<Method> {
    Some(match name {
        "is_integer" => |_, _, v, a| {
            a.plain::<0>("float.is_integer", 0)
                .map(|_| Value::Bool(float(v).is_finite() && float(v).fract() == 0.0))
        },
        "conjugate" => |_, _, v, a| a.plain::<0>("float.conjugate", 0).map(|_| v.clone()),
        "as_integer_ratio" => |_, _, v, a| {
            a.plain::<0>("float.as_integer_ratio", 0)?;
            ratio(float(v))
        },
        "hex" => |_, _, v, a| a.plain::<0>("float.hex", 0).map(|_| hex(float(v)).into()),
        _ => return None,
    })
}

fn ratio(value: f64) -> Result<Value> {
    if !value.is_finite() {
        let what = if value.is_nan() { "NaN" } else { "Infinity" };
        let kind = if value.is_nan() {
            ErrorKind::VALUE
        } else {
            ErrorKind::OVERFLOW
        };
        return Err(Error::new(
            kind,
            format!("cannot convert {what} to integer ratio"),
        ));
    }
    let (mut numerator, mut shift) = (value, 0usize);
    while numerator.fract() != 0.0 {
        numerator *= 2.0;
        shift += 1;
    }
    let denominator = num_bigint::BigInt::from(1) << shift;
    Ok(Value::tuple(vec![
        number::float_to_int(numerator).unwrap_or(Value::None),
        Value::big(denominator),
    ]))
}

fn hex(value: f64) -> String {
    if !value.is_finite() {
        return number::float_repr(value);
    }
    let bits = value.to_bits();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (exponent, mantissa) = (((bits >> 52) & 0x7ff) as i64, bits & ((1 << 52) - 1));
    match (exponent, mantissa) {
        (0, 0) => format!("{sign}0x0.0p+0"),
        (0, _) => format!("{sign}0x0.{mantissa:013x}p-1022"),
        _ => format!("{sign}0x1.{mantissa:013x}p{:+}", exponent - 1023),
    }
}
