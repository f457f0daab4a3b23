//! Arithmetic.

use rand::Rng as _;

use super::arguments::{int, int_value, owned};
use super::cast::{to_float, to_int};
use super::*;
use crate::fmt;
use crate::strconv;
use crate::value::List;

/// How long a list of numbers may get; Go would run out of memory.
const MAX_COUNT: i64 = 10_000_000;

pub(super) const TABLE: &[Entry] = &[
    ("atoi", &TEXT, |a, _| Ok(int_value(atoi(&owned(&a[0]))))),
    ("int64", &ANY, |a, _| Ok(Value::int64(to_int(&a[0])))),
    ("int", &ANY, |a, _| Ok(int_value(to_int(&a[0])))),
    ("float64", &ANY, |a, _| Ok(to_float(&a[0]).into())),
    ("seq", &INTS, |a, _| seq(a)),
    ("toDecimal", &ANY, |a, _| {
        let text = fmt::print(&a[..1]);
        Ok(Value::int64(strconv::parse_int(text.as_bytes(), 8).unwrap_or(0)))
    }),
    ("until", &INT_ONLY, |a, _| {
        let count = int(&a[0]);
        Ok(Value::List(List::of_ints(until(
            0,
            count,
            if count < 0 { -1 } else { 1 },
        )?)))
    }),
    ("untilStep", &INT_INT_INT, |a, _| {
        Ok(Value::List(List::of_ints(until(
            int(&a[0]),
            int(&a[1]),
            int(&a[2]),
        )?)))
    }),
    ("add1", &ANY, |a, _| {
        Ok(Value::int64(to_int(&a[0]).wrapping_add(1)))
    }),
    ("add", &ANYS, |a, _| {
        Ok(Value::int64(a.iter().map(to_int).fold(0, i64::wrapping_add)))
    }),
    ("sub", &ANY_ANY, |a, _| {
        Ok(Value::int64(to_int(&a[0]).wrapping_sub(to_int(&a[1]))))
    }),
    ("div", &ANY_ANY, |a, _| divide(a, i64::wrapping_div)),
    ("mod", &ANY_ANY, |a, _| divide(a, i64::wrapping_rem)),
    ("mul", &ANY_ANYS, |a, _| {
        Ok(Value::int64(
            a[1..].iter().map(to_int).fold(to_int(&a[0]), i64::wrapping_mul),
        ))
    }),
    ("randInt", &INT_INT, |a, _| random_int(int(&a[0]), int(&a[1]))),
    ("biggest", &ANY_ANYS, |a, _| {
        Ok(Value::int64(a.iter().map(to_int).max().unwrap_or(0)))
    }),
    ("max", &ANY_ANYS, |a, _| {
        Ok(Value::int64(a.iter().map(to_int).max().unwrap_or(0)))
    }),
    ("min", &ANY_ANYS, |a, _| {
        Ok(Value::int64(a.iter().map(to_int).min().unwrap_or(0)))
    }),
    ("maxf", &ANY_ANYS, |a, _| {
        Ok(a.iter().map(to_float).reduce(larger).unwrap_or(0.0).into())
    }),
    ("minf", &ANY_ANYS, |a, _| {
        Ok(a.iter().map(to_float).reduce(smaller).unwrap_or(0.0).into())
    }),
    ("ceil", &ANY, |a, _| Ok(to_float(&a[0]).ceil().into())),
    ("floor", &ANY, |a, _| Ok(to_float(&a[0]).floor().into())),
    ("round", &ANY_INT_FLOATS, |a, _| Ok(round(a).into())),
];

fn atoi(text: &crate::text::Text) -> i64 {
    match strconv::parse_int(text.as_bytes(), 10) {
        Ok(number) | Err((number, strconv::NumberError::Range)) => number,
        Err(_) => 0,
    }
}

fn until(start: i64, stop: i64, step: i64) -> Result<Vec<i64>> {
    if step == 0 || (stop < start) != (step < 0) {
        return Ok(Vec::new());
    }
    let distance = (i128::from(stop) - i128::from(start)).unsigned_abs();
    if distance / u128::from(step.unsigned_abs()) > MAX_COUNT as u128 {
        return Err(Error::message("runtime error: makeslice: len out of range"));
    }
    let mut numbers = Vec::new();
    let mut number = start;
    while if step > 0 { number < stop } else { number > stop } {
        numbers.push(number);
        match number.checked_add(step) {
            Some(next) => number = next,
            None => break,
        }
    }
    Ok(numbers)
}

fn seq(a: &[Value]) -> Result<Value> {
    let (start, stop, step) = match a {
        [end] => (1, int(end), if int(end) < 1 { -1 } else { 1 }),
        [start, end] => (int(start), int(end), if int(end) < int(start) { -1 } else { 1 }),
        [start, step, end] => {
            if int(end) < int(start) && int(step) > 0 {
                return Ok("".into());
            }
            (int(start), int(end), int(step))
        }
        _ => return Ok("".into()),
    };
    let past_end = if stop < start {
        stop.wrapping_sub(1)
    } else {
        stop.wrapping_add(1)
    };
    let numbers = until(start, past_end, step)?;
    let words: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    Ok(words.join(" ").into())
}

fn divide(a: &[Value], divide: fn(i64, i64) -> i64) -> Result<Value> {
    let by = to_int(&a[1]);
    if by == 0 {
        return Err(Error::message("runtime error: integer divide by zero"));
    }
    Ok(Value::int64(divide(to_int(&a[0]), by)))
}

fn random_int(low: i64, high: i64) -> Result<Value> {
    let range = high.wrapping_sub(low);
    if range <= 0 {
        return Err(Error::message("invalid argument to Intn"));
    }
    Ok(int_value(rand::rng().random_range(0..range).wrapping_add(low)))
}

fn larger(a: f64, b: f64) -> f64 {
    if a.is_infinite() && a > 0.0 || b.is_infinite() && b > 0.0 {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if a == 0.0 && b == 0.0 {
        return if a.is_sign_negative() { b } else { a };
    }
    if a > b { a } else { b }
}

fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

fn round(a: &[Value]) -> f64 {
    let on = match a.get(2) {
        Some(Value::Float(on)) => *on,
        _ => 0.5,
    };
    let power = 10_f64.powf(int(&a[1]) as f64);
    let digit = power * to_float(&a[0]);
    let rounded = if digit.fract() >= on {
        digit.ceil()
    } else {
        digit.floor()
    };
    rounded / power
}
