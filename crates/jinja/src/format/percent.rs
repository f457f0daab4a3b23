//! `'...' % values`.

use std::sync::Arc;

use super::spec::{fixed, general, radix_digits, scientific};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Vm;
use crate::value::{Value, number, repr, text};

struct Arguments<'a> {
    values: &'a Value,
    next: usize,
    used_mapping: bool,
}

impl Arguments<'_> {
    fn next(&mut self) -> Result<Value> {
        let index = self.next;
        self.next += 1;
        let found = match self.values {
            Value::Tuple(tuple) => tuple.items.get(index).cloned(),
            other => (index == 0).then(|| other.clone()),
        };
        found.ok_or_else(|| Error::type_error("not enough arguments for format string"))
    }
}

#[derive(Default)]
struct Flags {
    left: bool,
    zero: bool,
    plus: bool,
    space: bool,
    alternate: bool,
}

/// Formats as `str.__mod__` does; into HTML values go escaped.
pub(crate) fn format(vm: &Vm, template: &str, values: &Value, html: bool) -> Result<String> {
    let mut out = String::with_capacity(template.len());
    let mut arguments = Arguments {
        values,
        next: 0,
        used_mapping: false,
    };
    let chars: Vec<char> = template.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '%' {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        at += 1;
        if chars.get(at).is_none() {
            return Err(Error::value_error("incomplete format"));
        }
        directive(vm, &chars, &mut at, &mut arguments, &mut out, html)?;
    }
    finish(values, &arguments)?;
    vm.charge(out.len())?;
    Ok(out)
}

fn finish(values: &Value, arguments: &Arguments<'_>) -> Result<()> {
    let left = match values {
        Value::Tuple(tuple) => arguments.next < tuple.items.len(),
        Value::Dict(_) | Value::List(_) | Value::Bytes(_) => false,
        Value::Undefined(_) => false,
        Value::Object(_) | Value::Range(_) => false,
        _ => arguments.next == 0 && !arguments.used_mapping,
    };
    if left {
        return Err(Error::type_error(
            "not all arguments converted during string formatting",
        ));
    }
    Ok(())
}

fn directive(
    vm: &Vm,
    chars: &[char],
    at: &mut usize,
    arguments: &mut Arguments<'_>,
    out: &mut String,
    html: bool,
) -> Result<()> {
    if chars.get(*at) == Some(&'%') {
        *at += 1;
        out.push('%');
        return Ok(());
    }
    let mut mapped = None;
    if chars.get(*at) == Some(&'(') {
        let Value::Dict(_) = arguments.values else {
            return Err(Error::type_error("format requires a mapping"));
        };
        let key = mapping_key(chars, at)?;
        arguments.used_mapping = true;
        mapped = Some(vm.item(arguments.values, &Value::str(key))?);
    }
    let mut flags = Flags::default();
    while let Some(c) = chars.get(*at) {
        match c {
            '-' => flags.left = true,
            '0' => flags.zero = true,
            '+' => flags.plus = true,
            ' ' => flags.space = true,
            '#' => flags.alternate = true,
            _ => break,
        }
        *at += 1;
    }
    let width = size(chars, at, arguments, "width")?.unwrap_or(0);
    flags.left |= width < 0;
    let width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    let mut precision = None;
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        precision = Some(size(chars, at, arguments, "precision")?.unwrap_or(0).max(0) as usize);
    }
    while let Some('h' | 'l' | 'L') = chars.get(*at) {
        *at += 1;
    }
    let Some(kind) = chars.get(*at).copied() else {
        return Err(Error::value_error("incomplete format"));
    };
    *at += 1;
    if kind == '%' {
        return Err(unsupported(kind, *at - 1));
    }
    let value = match mapped {
        Some(value) => value,
        None => arguments.next()?,
    };
    let (sign, body) = convert(kind, &value, &flags, precision, html, *at - 1)?;
    vm.charge(width)?;
    let missing = width.saturating_sub(text::length(&sign) + text::length(&body));
    let numeric = !matches!(kind, 's' | 'r' | 'a' | 'c');
    let fill = |count: usize, c: char| std::iter::repeat_n(c, count).collect::<String>();
    if flags.left {
        out.push_str(&format!("{sign}{body}{}", fill(missing, ' ')));
    } else if flags.zero && numeric {
        out.push_str(&format!("{sign}{}{body}", fill(missing, '0')));
    } else {
        out.push_str(&format!("{}{sign}{body}", fill(missing, ' ')));
    }
    Ok(())
}

fn mapping_key(chars: &[char], at: &mut usize) -> Result<String> {
    let mut depth = 0;
    let start = *at + 1;
    while let Some(c) = chars.get(*at) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        *at += 1;
        if depth == 0 {
            return Ok(chars[start..*at - 1].iter().collect());
        }
    }
    Err(Error::value_error("incomplete format key"))
}

fn size(chars: &[char], at: &mut usize, arguments: &mut Arguments<'_>, what: &str) -> Result<Option<i64>> {
    if chars.get(*at) == Some(&'*') {
        *at += 1;
        let value = arguments.next()?;
        return value
            .index()
            .map(Some)
            .ok_or_else(|| Error::type_error("* wants int"));
    }
    let start = *at;
    while chars.get(*at).is_some_and(char::is_ascii_digit) {
        *at += 1;
    }
    if start == *at {
        return Ok(None);
    }
    let digits: String = chars[start..*at].iter().collect();
    let value = digits.parse::<i64>().ok().filter(|value| *value < 1 << 31);
    value
        .map(Some)
        .ok_or_else(|| Error::value_error(format!("{what} too big")))
}

/// Sign and body of one converted value.
fn convert(
    kind: char,
    value: &Value,
    flags: &Flags,
    precision: Option<usize>,
    html: bool,
    at: usize,
) -> Result<(String, String)> {
    let sign = |negative: bool| {
        let sign = match (negative, flags.plus, flags.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        sign.to_owned()
    };
    let cut = |text: Arc<str>| match precision {
        Some(precision) => text::slice(&text, 0, precision.min(text::length(&text))).to_owned(),
        None => text.to_string(),
    };
    let escape = |text: Arc<str>| {
        if html && !matches!(value, Value::Markup(_)) {
            text::escape(&text)
        } else {
            text
        }
    };
    match kind {
        's' => Ok((String::new(), cut(escape(repr::to_str(value)?)))),
        'r' => Ok((String::new(), cut(escape(repr::repr(value)?.into())))),
        'a' => Ok((String::new(), cut(escape(ascii(&repr::repr(value)?).into())))),
        'c' => character(value).map(|c| (String::new(), c)),
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            let whole = match value {
                Value::Float(float) if matches!(kind, 'd' | 'i' | 'u') => {
                    number::float_to_int(*float).ok_or_else(|| not_finite(*float))?
                }
                Value::Bool(_) | Value::Int(_) | Value::Big(_) => value.clone(),
                other => {
                    let wanted = if matches!(kind, 'd' | 'i' | 'u') {
                        "a real number"
                    } else {
                        "an integer"
                    };
                    return Err(Error::type_error(format!(
                        "%{kind} format: {wanted} is required, not {}",
                        other.type_name()
                    )));
                }
            };
            let big = number::to_big(&whole).unwrap_or_default();
            let (radix, prefix) = match kind {
                'x' => (16, "0x"),
                'X' => (16, "0X"),
                'o' => (8, "0o"),
                _ => (10, ""),
            };
            let mut digits = radix_digits(&big, radix);
            if kind == 'X' {
                digits = digits.to_uppercase();
            }
            if let Some(precision) = precision {
                digits = "0".repeat(precision.saturating_sub(digits.len()).min(1 << 20)) + &digits;
            }
            let prefix = if flags.alternate { prefix } else { "" };
            Ok((sign(big.sign() == num_bigint::Sign::Minus) + prefix, digits))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let Some(float) = number::to_float(value) else {
                return Err(match value {
                    Value::Undefined(undefined) if undefined.mode != crate::value::UndefinedMode::Lenient => {
                        undefined.error()
                    }
                    other => Error::type_error(format!("must be real number, not {}", other.type_name())),
                });
            };
            let magnitude = float.abs();
            let precision = precision.unwrap_or(6).min(1 << 20);
            let mut body = match kind.to_ascii_lowercase() {
                'e' => scientific(magnitude, precision),
                'f' => fixed(magnitude, precision),
                _ => general(magnitude, precision.max(1), flags.alternate, false),
            };
            if flags.alternate && magnitude.is_finite() {
                super::spec::keep_point(&mut body);
            }
            if kind.is_ascii_uppercase() {
                body = body.to_uppercase();
            }
            Ok((sign(float.is_sign_negative() && !float.is_nan()), body))
        }
        other => Err(unsupported(other, at)),
    }
}

fn unsupported(kind: char, at: usize) -> Error {
    Error::value_error(format!(
        "unsupported format character '{kind}' (0x{:x}) at index {at}",
        u32::from(kind)
    ))
}

fn not_finite(value: f64) -> Error {
    if value.is_nan() {
        return Error::value_error("cannot convert float NaN to integer");
    }
    Error::new(ErrorKind::OVERFLOW, "cannot convert float infinity to integer")
}

fn character(value: &Value) -> Result<String> {
    match value {
        Value::Str(text) | Value::Markup(text) if text::length(text) == 1 => Ok(text.to_string()),
        Value::Str(_) | Value::Markup(_) => Err(Error::type_error(
            "%c requires an int or a unicode character, not a string of length other than 1",
        )),
        other => match other.index() {
            Some(code) => {
                let c = u32::try_from(code).ok().and_then(char::from_u32);
                c.map(String::from)
                    .ok_or_else(|| Error::new(ErrorKind::OVERFLOW, "%c arg not in range(0x110000)"))
            }
            None => Err(Error::type_error(format!(
                "%c requires an int or a unicode character, not {}",
                other.type_name()
            ))),
        },
    }
}

/// `ascii()` of a repr.
pub(crate) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c as u32 {
            ..=0x7f => out.push(c),
            code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}
