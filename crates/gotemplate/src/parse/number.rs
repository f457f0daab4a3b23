//! Reads the constants of a template with Go's rules for untyped numbers.

use super::lexer::Token;
use super::node::Number;
use crate::strconv::{self, NumberError, Unit};

/// Reads a constant, or says in Go's words why it is none.
pub(crate) fn parse(text: &[u8], token: Token) -> Result<Number, String> {
    let number = Number::default();
    match token {
        Token::CharConstant => parse_char(text, number),
        Token::Complex => parse_complex(text, number),
        _ => parse_real(text, number),
    }
}

fn parse_char(text: &[u8], number: Number) -> Result<Number, String> {
    let (unit, width) = strconv::unquote_unit(&text[1..], b'\'').ok_or("invalid syntax")?;
    if &text[1 + width..] != b"'" {
        return Err(format!(
            "malformed character constant: {}",
            String::from_utf8_lossy(text)
        ));
    }
    let code = match unit {
        // A byte that is no UTF-8 reads as U+FFFD; a byte from an escape is itself.
        Unit::Byte(byte) if width == 1 && byte >= 0x80 => 0xFFFD,
        unit => unit.code(),
    };
    Ok(Number {
        int: Some(i64::from(code)),
        uint: Some(u64::from(code)),
        float: Some(f64::from(code)),
        ..number
    })
}

fn parse_complex(text: &[u8], number: Number) -> Result<Number, String> {
    let syntax = || "syntax error scanning complex number".to_owned();
    let body = text.strip_suffix(b"i").ok_or_else(syntax)?;
    let split = (1..body.len())
        .rev()
        .find(|at| matches!(body[*at], b'+' | b'-') && !matches!(body[*at - 1], b'e' | b'E' | b'p' | b'P'))
        .ok_or_else(syntax)?;
    let part = |text: &[u8]| {
        strconv::parse_float(text).map_err(|(_, error)| {
            format!(
                "strconv.ParseFloat: parsing {}: {}",
                strconv::quote(text.strip_prefix(b"+").unwrap_or(text)),
                error.text()
            )
        })
    };
    Ok(simplify(Number {
        complex: Some((part(&body[..split])?, part(&body[split..])?)),
        ..number
    }))
}

/// A complex number without an imaginary part is also a real one.
fn simplify(mut number: Number) -> Number {
    if let Some((real, 0.0)) = number.complex {
        number.float = Some(real);
        number.int = whole_int(real);
        number.uint = whole_uint(real);
    }
    number
}

fn whole_int(number: f64) -> Option<i64> {
    (number.trunc() == number && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number))
        .then_some(number as i64)
}

fn whole_uint(number: f64) -> Option<u64> {
    (number.trunc() == number && (0.0..18_446_744_073_709_551_616.0).contains(&number))
        .then_some(number as u64)
}

fn parse_real(text: &[u8], mut number: Number) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix(b"i")
        && let Ok(part) = strconv::parse_float(imaginary)
    {
        return Ok(simplify(Number {
            complex: Some((0.0, part)),
            ..number
        }));
    }
    number.uint = strconv::parse_uint(text, 0).ok();
    number.int = strconv::parse_int(text, 0).ok();
    if number.int == Some(0) && number.uint.is_none() {
        number.uint = Some(0);
    }
    if let Some(int) = number.int {
        number.float = Some(int as f64);
    } else if let Some(uint) = number.uint {
        number.float = Some(uint as f64);
    } else {
        match strconv::parse_float(text) {
            Ok(float) => {
                if !text.iter().any(|byte| b".eEpP".contains(byte)) {
                    return Err(format!("integer overflow: {}", strconv::quote(text)));
                }
                number.float = Some(float);
                number.int = whole_int(float);
                number.uint = whole_uint(float);
            }
            Err((_, NumberError::Syntax | NumberError::Range)) => {}
        }
    }
    if number.int.is_none() && number.uint.is_none() && number.float.is_none() {
        return Err(format!("illegal number syntax: {}", strconv::quote(text)));
    }
    Ok(number)
}
