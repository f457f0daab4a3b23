//! Arithmetic on floats through decimals, as sprig does it to keep `0.1 + 0.2` at `0.3`.

use num_bigint::BigInt;

use super::cast::to_float;
use super::*;
use crate::strconv;

/// Digits after the point of a quotient.
const DIVISION_PRECISION: i32 = 16;

pub(super) const TABLE: &[Entry] = &[
    ("add1f", &ANY, |a, _| calculate(&a[0], &[Value::int(1)], add)),
    ("addf", &ANYS, |a, _| calculate(&Value::Float(0.0), a, add)),
    ("subf", &ANY_ANYS, |a, _| calculate(&a[0], &a[1..], subtract)),
    ("mulf", &ANY_ANYS, |a, _| calculate(&a[0], &a[1..], multiply)),
    ("divf", &ANY_ANYS, |a, _| calculate(&a[0], &a[1..], divide)),
];

/// `digits * 10^exponent`
struct Decimal {
    digits: BigInt,
    exponent: i32,
}

type Operation = fn(Decimal, Decimal) -> Result<Decimal>;

fn calculate(first: &Value, others: &[Value], operation: Operation) -> Result<Value> {
    let mut sum = Decimal::from_float(to_float(first))?;
    for other in others {
        sum = operation(sum, Decimal::from_float(to_float(other))?)?;
    }
    Ok(Value::Float(sum.to_float()))
}

impl Decimal {
    fn from_float(number: f64) -> Result<Self> {
        if !number.is_finite() {
            let text = strconv::format_float(number, b'g', -1);
            return Err(Error::message(format!("Cannot create a Decimal from {text}")));
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()) as i32;
        let digits = mantissa.replace('.', "").parse().unwrap_or_default();
        Ok(Self {
            digits,
            exponent: exponent.parse::<i32>().unwrap_or(0) - decimals,
        })
    }

    fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent)
            .parse()
            .unwrap_or(0.0)
    }

    /// Brings two decimals to one exponent.
    fn align(left: Self, right: Self) -> (BigInt, BigInt, i32) {
        let exponent = left.exponent.min(right.exponent);
        let scale = |decimal: Self| decimal.digits * power((decimal.exponent - exponent) as u32);
        (scale(left), scale(right), exponent)
    }
}

fn power(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

fn add(left: Decimal, right: Decimal) -> Result<Decimal> {
    let (left, right, exponent) = Decimal::align(left, right);
    Ok(Decimal {
        digits: left + right,
        exponent,
    })
}

fn subtract(left: Decimal, right: Decimal) -> Result<Decimal> {
    let (left, right, exponent) = Decimal::align(left, right);
    Ok(Decimal {
        digits: left - right,
        exponent,
    })
}

fn multiply(left: Decimal, right: Decimal) -> Result<Decimal> {
    Ok(Decimal {
        digits: left.digits * right.digits,
        exponent: left.exponent.saturating_add(right.exponent),
    })
}

/// Rounds half away from zero.
fn divide(left: Decimal, right: Decimal) -> Result<Decimal> {
    let zero = BigInt::default();
    if right.digits == zero {
        return Err(Error::message("decimal division by 0"));
    }
    let shift = left.exponent - right.exponent + DIVISION_PRECISION;
    let (mut numerator, mut denominator) = (left.digits, right.digits);
    if shift >= 0 {
        numerator *= power(shift as u32);
    } else {
        denominator *= power(shift.unsigned_abs());
    }
    let negative = (numerator < zero) != (denominator < zero);
    let absolute = |number: BigInt| {
        if number < BigInt::default() {
            -number
        } else {
            number
        }
    };
    let (numerator, denominator) = (absolute(numerator), absolute(denominator));
    let mut quotient = &numerator / &denominator;
    if (numerator - &quotient * &denominator) * 2 >= denominator {
        quotient += 1;
    }
    Ok(Decimal {
        digits: if negative { -quotient } else { quotient },
        exponent: -DIVISION_PRECISION,
    })
}
