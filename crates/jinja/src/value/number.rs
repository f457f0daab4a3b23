//! Python's int and float: text, rounding, conversions.

use num_bigint::{BigInt, Sign};

use super::Value;

/// `repr(float)`: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let (negative, digits, exponent) = shortest(value);
    let mut out = String::new();
    if negative {
        out.push('-');
    }
    if (-4..16).contains(&exponent) {
        push_plain(&mut out, &digits, exponent);
        if !out.contains('.') {
            out.push_str(".0");
        }
    } else {
        push_scientific(&mut out, &digits, exponent);
    }
    out
}

/// Sign, digits and decimal exponent of the shortest text that reads back as `value`.
pub(crate) fn shortest(value: f64) -> (bool, String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (
        value.is_sign_negative(),
        mantissa.replace('.', ""),
        exponent.parse().unwrap_or(0),
    )
}

pub(crate) fn push_plain(out: &mut String, digits: &str, exponent: i32) {
    if exponent < 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
        out.push_str(digits);
        return;
    }
    let point = exponent as usize + 1;
    if digits.len() <= point {
        out.push_str(digits);
        out.extend(std::iter::repeat_n('0', point - digits.len()));
    } else {
        out.push_str(&digits[..point]);
        out.push('.');
        out.push_str(&digits[point..]);
    }
}

pub(crate) fn push_scientific(out: &mut String, digits: &str, exponent: i32) {
    out.push_str(&digits[..1]);
    if digits.len() > 1 {
        out.push('.');
        out.push_str(&digits[1..]);
    }
    out.push('e');
    out.push(if exponent < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", exponent.abs()));
}

/// An `int` as a big one; `None` for other types.
pub(crate) fn to_big(value: &Value) -> Option<BigInt> {
    match value {
        Value::Bool(value) => Some(BigInt::from(i64::from(*value))),
        Value::Int(value) => Some(BigInt::from(*value)),
        Value::Big(value) => Some((**value).clone()),
        _ => None,
    }
}

/// A number as a float; `None` for other types.
pub(crate) fn to_float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Big(value) => Some(big_to_float(value)),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

pub(crate) fn big_to_float(value: &BigInt) -> f64 {
    // Text is read with correct rounding, which is what Python does.
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// A whole float as an `int`.
pub(crate) fn float_to_int(value: f64) -> Option<Value> {
    if !value.is_finite() {
        return None;
    }
    if value.abs() < 9e18 {
        return Some(Value::Int(value.trunc() as i64));
    }
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1075;
    let mantissa = BigInt::from((bits & ((1 << 52) - 1)) | (1 << 52));
    let magnitude = mantissa << exponent.max(0) as usize;
    Some(Value::big(if value < 0.0 { -magnitude } else { magnitude }))
}

/// `int(text, base)`: underscores between digits, sign, surrounding whitespace, prefix as the base allows.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<Value> {
    let trimmed = text.trim_matches(crate::lexer::is_space);
    let (negative, body) = match trimmed.as_bytes().first()? {
        b'-' => (true, &trimmed[1..]),
        b'+' => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let lower = body.to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefix = prefixes
        .iter()
        .find(|(prefix, radix)| lower.starts_with(prefix) && (base == *radix || base == 0));
    let (radix, digits) = match prefix {
        Some((_, radix)) => (*radix, body[2..].strip_prefix('_').unwrap_or(&body[2..])),
        None if base == 0 => {
            if body.len() > 1
                && body.starts_with('0')
                && body.bytes().any(|byte| !matches!(byte, b'0' | b'_'))
            {
                return None;
            }
            (10, body)
        }
        None => (base, body),
    };
    if digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let mut plain = String::with_capacity(digits.len());
    for c in digits.chars().filter(|c| *c != '_') {
        plain.push(if c.is_ascii() {
            c
        } else {
            char::from_digit(super::text::decimal(c)?, 10)?
        });
    }
    if !plain.chars().all(|c| c.is_digit(radix)) || (radix == 10 && plain.len() > 4300) {
        return None;
    }
    let value = match i64::from_str_radix(&plain, radix) {
        Ok(value) => Value::Int(value),
        Err(_) => Value::big(BigInt::parse_bytes(plain.as_bytes(), radix)?),
    };
    Some(if negative { negate(&value) } else { value })
}

fn negate(value: &Value) -> Value {
    match value {
        Value::Int(value) => value
            .checked_neg()
            .map_or_else(|| Value::big(-BigInt::from(*value)), Value::Int),
        Value::Big(value) => Value::big(-&**value),
        other => other.clone(),
    }
}

/// `float(text)`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches(crate::lexer::is_space);
    if trimmed.starts_with('_') || trimmed.ends_with('_') || trimmed.contains("__") {
        return None;
    }
    let bytes = trimmed.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
        if *byte == b'_' && !(digit(bytes.get(index.wrapping_sub(1))) && digit(bytes.get(index + 1))) {
            return None;
        }
    }
    let plain = trimmed.replace('_', "");
    let unsigned = plain.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if plain.len() - unsigned.len() > 1 {
        return None;
    }
    let value = match unsigned.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        text if text.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok()?,
        _ => return None,
    };
    Some(if plain.starts_with('-') { -value } else { value })
}

/// `round(value, digits)` of a float.
pub(crate) fn round_float(value: f64, digits: i64) -> f64 {
    if !value.is_finite() || digits > 308 {
        return value;
    }
    if digits >= 0 {
        return format!("{value:.*}", digits as usize).parse().unwrap_or(value);
    }
    if digits < -308 {
        return 0.0 * value;
    }
    let scale = 10f64.powi(-digits as i32);
    let scaled = value / scale;
    let mut rounded = scaled.round();
    if (scaled - scaled.trunc()).abs() == 0.5 {
        rounded = 2.0 * (scaled / 2.0).round();
    }
    rounded * scale
}

/// `round(value, digits)` of an int with negative digits: to even at the half.
pub(crate) fn round_int(value: &BigInt, digits: u32) -> BigInt {
    let unit = BigInt::from(10u32).pow(digits);
    let half = &unit / 2;
    let (quotient, remainder) = div_mod_floor(value, &unit);
    let up = remainder > half || (remainder == half && quotient.bit(0));
    (if up { quotient + 1 } else { quotient }) * unit
}

/// Quotient and remainder rounded towards minus infinity.
pub(crate) fn div_mod_floor(a: &BigInt, b: &BigInt) -> (BigInt, BigInt) {
    let (quotient, remainder) = (a / b, a % b);
    if remainder.sign() != Sign::NoSign && (remainder.sign() == Sign::Minus) != (b.sign() == Sign::Minus) {
        return (quotient - 1, remainder + b);
    }
    (quotient, remainder)
}
