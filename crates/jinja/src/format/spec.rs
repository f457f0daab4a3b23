//! Numbers and strings laid out by Python's format specifications.

use num_bigint::{BigInt, Sign};

use crate::error::{Error, ErrorKind, Result};
use crate::value::{Value, number, text};

/// `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spec {
    pub(crate) fill: Option<char>,
    pub(crate) align: Option<char>,
    pub(crate) sign: Option<char>,
    pub(crate) alternate: bool,
    pub(crate) zero: bool,
    pub(crate) no_negative_zero: bool,
    pub(crate) width: usize,
    pub(crate) grouping: Option<char>,
    pub(crate) precision: Option<usize>,
    pub(crate) kind: Option<char>,
}

const MAX_WIDTH: usize = 1 << 20;

impl Spec {
    pub(crate) fn parse(spec: &str, value: &Value) -> Result<Self> {
        let mut parsed = Self::default();
        let chars: Vec<char> = spec.chars().collect();
        let mut at = 0;
        let is_align = |c: Option<&char>| matches!(c, Some('<' | '>' | '=' | '^'));
        if is_align(chars.get(1)) {
            (parsed.fill, parsed.align) = (Some(chars[0]), Some(chars[1]));
            at = 2;
        } else if is_align(chars.first()) {
            parsed.align = Some(chars[0]);
            at = 1;
        }
        if let Some(sign @ ('+' | '-' | ' ')) = chars.get(at) {
            parsed.sign = Some(*sign);
            at += 1;
        }
        if chars.get(at) == Some(&'z') {
            parsed.no_negative_zero = true;
            at += 1;
        }
        if chars.get(at) == Some(&'#') {
            parsed.alternate = true;
            at += 1;
        }
        if chars.get(at) == Some(&'0') {
            parsed.zero = true;
            at += 1;
        }
        let number = |at: &mut usize| {
            let start = *at;
            while chars.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            let digits: String = chars[start..*at].iter().collect();
            match (digits.is_empty(), digits.parse::<usize>()) {
                (true, _) => Ok(None),
                (false, Ok(value)) if value <= MAX_WIDTH => Ok(Some(value)),
                _ => Err(Error::value_error("Too many decimal digits in format string")),
            }
        };
        parsed.width = number(&mut at)?.unwrap_or(0);
        if let Some(grouping @ (',' | '_')) = chars.get(at) {
            parsed.grouping = Some(*grouping);
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            parsed.precision = Some(
                number(&mut at)?.ok_or_else(|| Error::value_error("Format specifier missing precision"))?,
            );
        }
        let rest = &chars[at..];
        match rest {
            [] => {}
            [kind] => parsed.kind = Some(*kind),
            _ => {
                let name = value.type_name();
                return Err(Error::value_error(format!(
                    "Invalid format specifier '{spec}' for object of type '{name}'"
                )));
            }
        }
        parsed.check_grouping(value)?;
        Ok(parsed)
    }

    fn check_grouping(&self, value: &Value) -> Result<()> {
        let Some(grouping) = self.grouping else {
            return Ok(());
        };
        let kind = match (self.kind, value) {
            (Some(kind), _) => kind,
            (None, Value::Str(_) | Value::Markup(_)) => 's',
            (None, _) => 'd',
        };
        match (kind, grouping) {
            ('d' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%', _) | ('b' | 'o' | 'x' | 'X', '_') => Ok(()),
            _ => Err(Error::value_error(format!(
                "Cannot specify '{grouping}' with '{kind}'."
            ))),
        }
    }

    /// `sign` and `digits` filled up to the width.
    fn lay_out(&self, sign: &str, digits: &str, default_align: char) -> String {
        let align = self.align.unwrap_or(if self.zero { '=' } else { default_align });
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
        let missing = self
            .width
            .saturating_sub(text::length(sign) + text::length(digits));
        let pad = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
        match align {
            '<' => format!("{sign}{digits}{}", pad(missing)),
            '^' => format!("{}{sign}{digits}{}", pad(missing / 2), pad(missing - missing / 2)),
            '=' => format!("{sign}{}{digits}", pad(missing)),
            _ => format!("{}{sign}{digits}", pad(missing)),
        }
    }

    fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        }
    }

    /// A number's digits with separators, zeros included when they fill the width.
    fn grouped(&self, digits: &str, sign: &str, every: usize) -> String {
        let Some(separator) = self.grouping else {
            return digits.to_owned();
        };
        let end = digits
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digits.len());
        let end = if every == 3 {
            digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(end)
        } else {
            end
        };
        let (whole, rest) = digits.split_at(end);
        let mut whole = whole.to_owned();
        let group = |whole: &str| {
            let mut out = String::new();
            for (index, c) in whole.chars().enumerate() {
                if index > 0 && (whole.len() - index).is_multiple_of(every) {
                    out.push(separator);
                }
                out.push(c);
            }
            out
        };
        if self.zero && self.align.is_none() {
            while group(&whole).len() + rest.len() + sign.len() < self.width {
                whole.insert(0, '0');
            }
        }
        group(&whole) + rest
    }
}

/// `format(value, spec)`.
pub(crate) fn format_value(value: &Value, spec: &str) -> Result<String> {
    match value {
        Value::Str(own) | Value::Markup(own) => format_str(own, spec, value),
        Value::Bool(flag) if spec.is_empty() => Ok(if *flag { "True" } else { "False" }.to_owned()),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => {
            if spec.is_empty() {
                return crate::value::repr::to_str(value).map(|text| text.to_string());
            }
            format_int(value, &Spec::parse(spec, value)?)
        }
        Value::Float(float) => {
            if spec.is_empty() {
                return Ok(number::float_repr(*float));
            }
            format_float(*float, &Spec::parse(spec, value)?, value)
        }
        other if spec.is_empty() => crate::value::repr::to_str(other).map(|text| text.to_string()),
        Value::Undefined(undefined) if undefined.mode == crate::value::UndefinedMode::Strict => {
            Err(undefined.error())
        }
        other => Err(Error::type_error(format!(
            "unsupported format string passed to {}.__format__",
            other.type_name()
        ))),
    }
}

fn unknown(kind: char, value: &Value) -> Error {
    Error::value_error(format!(
        "Unknown format code '{kind}' for object of type '{}'",
        value.type_name()
    ))
}

fn format_str(own: &str, spec: &str, value: &Value) -> Result<String> {
    if spec.is_empty() {
        return Ok(own.to_owned());
    }
    let parsed = Spec::parse(spec, value)?;
    match parsed {
        Spec { kind: Some(kind), .. } if kind != 's' => return Err(unknown(kind, value)),
        Spec { sign: Some(_), .. } => {
            return Err(Error::value_error("Sign not allowed in string format specifier"));
        }
        Spec { alternate: true, .. } => {
            return Err(Error::value_error(
                "Alternate form (#) not allowed in string format specifier",
            ));
        }
        Spec { align: Some('='), .. } => {
            return Err(Error::value_error(
                "'=' alignment not allowed in string format specifier",
            ));
        }
        Spec {
            grouping: Some(grouping),
            ..
        } => {
            return Err(Error::value_error(format!(
                "Cannot specify '{grouping}' with 's'."
            )));
        }
        _ => {}
    }
    let cut = match parsed.precision {
        Some(precision) => text::slice(own, 0, precision.min(text::length(own))),
        None => own,
    };
    let align = parsed.align.or(Some('<'));
    Ok(Spec { align, ..parsed }.lay_out("", cut, '<'))
}

pub(crate) fn format_int(value: &Value, spec: &Spec) -> Result<String> {
    let kind = spec.kind.unwrap_or('d');
    if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
        let float = number::to_float(value).unwrap_or(f64::NAN);
        if float.is_infinite() {
            return Err(Error::new(
                ErrorKind::OVERFLOW,
                "int too large to convert to float",
            ));
        }
        return format_float(float, spec, value);
    }
    if spec.precision.is_some() {
        return Err(Error::value_error(
            "Precision not allowed in integer format specifier",
        ));
    }
    let big = number::to_big(value).unwrap_or_default();
    if kind == 'c' {
        let refused = match (spec.sign, spec.alternate) {
            (Some(_), _) => Some("Sign"),
            (None, true) => Some("Alternate form (#)"),
            _ => None,
        };
        if let Some(refused) = refused {
            return Err(Error::value_error(format!(
                "{refused} not allowed with integer format specifier 'c'"
            )));
        }
        let code = u32::try_from(&big).ok().and_then(char::from_u32);
        let c = code.ok_or_else(|| Error::new(ErrorKind::OVERFLOW, "%c arg not in range(0x110000)"))?;
        return Ok(spec.lay_out("", &c.to_string(), '<'));
    }
    let (radix, prefix, every) = match kind {
        'd' | 'n' => (10, "", 3),
        'x' => (16, "0x", 4),
        'X' => (16, "0X", 4),
        'o' => (8, "0o", 4),
        'b' => (2, "0b", 4),
        _ => return Err(unknown(kind, value)),
    };
    let mut digits = big.magnitude().to_str_radix(radix);
    if kind == 'X' {
        digits = digits.to_uppercase();
    }
    let sign = spec.sign_of(big.sign() == Sign::Minus).to_owned() + if spec.alternate { prefix } else { "" };
    let digits = spec.grouped(&digits, &sign, every);
    Ok(spec.lay_out(&sign, &digits, '>'))
}

pub(crate) fn format_float(value: f64, spec: &Spec, original: &Value) -> Result<String> {
    let (value, suffix) = if spec.kind == Some('%') {
        (value * 100.0, "%")
    } else {
        (value, "")
    };
    let negative = value.is_sign_negative() && !value.is_nan();
    let magnitude = value.abs();
    let body = match spec.kind {
        None => match spec.precision {
            None => number::float_repr(magnitude),
            Some(precision) => general(magnitude, precision.max(1), spec.alternate, true),
        },
        Some('f' | 'F' | '%') => fixed(magnitude, spec.precision.unwrap_or(6)),
        Some('e' | 'E') => scientific(magnitude, spec.precision.unwrap_or(6)),
        Some('g' | 'G' | 'n') => general(
            magnitude,
            spec.precision.unwrap_or(6).max(1),
            spec.alternate,
            false,
        ),
        Some(kind) => return Err(unknown(kind, original)),
    };
    let mut body = body;
    if spec.alternate && magnitude.is_finite() {
        keep_point(&mut body);
    }
    body.push_str(suffix);
    if matches!(spec.kind, Some('F' | 'E' | 'G')) {
        body = body.to_uppercase();
    }
    let is_zero = spec.no_negative_zero && !body.contains(|c: char| ('1'..='9').contains(&c));
    let sign = spec.sign_of(negative && !is_zero);
    let body = if magnitude.is_finite() {
        spec.grouped(&body, sign, 3)
    } else {
        body
    };
    Ok(spec.lay_out(sign, &body, '>'))
}

/// Puts a point behind the digits if they have none, as `#` asks.
pub(crate) fn keep_point(body: &mut String) {
    if !body.contains('.') {
        let at = body.find(['e', 'E']).unwrap_or(body.len());
        body.insert(at, '.');
    }
}

pub(crate) fn fixed(value: f64, precision: usize) -> String {
    if value.is_finite() {
        format!("{value:.precision$}")
    } else {
        number::float_repr(value)
    }
}

pub(crate) fn scientific(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return number::float_repr(value);
    }
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!(
        "{mantissa}e{}{:02}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    )
}

/// `%g`; with `point` a whole number keeps `.0`, as a precision without a type asks.
pub(crate) fn general(value: f64, precision: usize, alternate: bool, point: bool) -> String {
    if !value.is_finite() {
        return number::float_repr(value);
    }
    let text = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits = mantissa.replace('.', "");
    if !alternate {
        let kept = digits.trim_end_matches('0').len().max(1);
        digits.truncate(kept);
    }
    let limit = precision as i32;
    let upper = exponent < limit;
    let mut out = String::new();
    if exponent >= -4 && upper {
        number::push_plain(&mut out, &digits, exponent);
        if point && !out.contains('.') {
            if exponent + 1 >= limit {
                out.clear();
                number::push_scientific(&mut out, &digits, exponent);
            } else {
                out.push_str(".0");
            }
        }
    } else {
        number::push_scientific(&mut out, &digits, exponent);
    }
    out
}

/// Digits of a big number in another base, for `%x` and `%o`.
pub(crate) fn radix_digits(value: &BigInt, radix: u32) -> String {
    value.magnitude().to_str_radix(radix)
}
