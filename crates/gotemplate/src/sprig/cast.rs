//! Conversions to numbers as `spf13/cast` makes them: what cannot be converted is zero.

use crate::strconv;
use crate::text::Text;
use crate::value::Value;

/// Converts as Go on amd64 does: what does not fit becomes the smallest number.
pub(super) fn float_to_int(number: f64) -> i64 {
    if (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => *number as i64,
        Value::Float(number) => float_to_int(*number),
        Value::String(text) => strconv::parse_int(without_zero_decimals(text), 0).unwrap_or(0),
        Value::Bool(truth) => i64::from(*truth),
        Value::Object(object) if matches!(object.go_type().name, "time.Month" | "time.Weekday") => {
            object.as_basic().map_or(0, |basic| to_int(&basic))
        }
        _ => 0,
    }
}

pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number, _) => *number as f64,
        Value::Uint(number, _) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => strconv::parse_float(text.as_bytes()).unwrap_or(0.0),
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Object(object) if matches!(object.go_type().name, "time.Month" | "time.Weekday") => {
            object.as_basic().map_or(0.0, |basic| to_float(&basic))
        }
        _ => 0.0,
    }
}

/// `1.00` reads as the integer 1.
fn without_zero_decimals(text: &Text) -> &[u8] {
    let bytes = text.as_bytes();
    let kept = bytes
        .iter()
        .rposition(|byte| *byte != b'0')
        .map_or(0, |at| at + 1);
    if kept < bytes.len() && bytes[..kept].ends_with(b".") {
        &bytes[..kept - 1]
    } else {
        bytes
    }
}
