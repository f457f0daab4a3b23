//! Numbers and quoted strings as Go's `strconv` reads and writes them.

use std::fmt::Write as _;

use crate::runes;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Quotes a string as Go source (`%q`).
pub fn quote(text: &[u8]) -> String {
    quote_with(text, b'"', false)
}

/// Quotes with a given quote, and with escapes for all that is not ASCII where `ascii` says so.
pub(crate) fn quote_with(text: &[u8], mark: u8, ascii: bool) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(mark);
    for (at, rune, width) in runes::iter(text) {
        if width == 1 && rune == runes::RUNE_ERROR {
            let byte = text[at];
            out.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        } else {
            push_escaped(&mut out, rune, mark, ascii);
        }
    }
    out.push(mark);
    String::from_utf8_lossy(&out).into_owned()
}

/// Quotes a rune as Go source (`%q` of a number).
pub(crate) fn quote_rune(rune: char, ascii: bool) -> String {
    let mut out = vec![b'\''];
    push_escaped(&mut out, rune, b'\'', ascii);
    out.push(b'\'');
    String::from_utf8_lossy(&out).into_owned()
}

fn push_escaped(out: &mut Vec<u8>, rune: char, mark: u8, ascii: bool) {
    if rune == char::from(mark) || rune == '\\' {
        out.push(b'\\');
        runes::push(out, rune);
        return;
    }
    if (rune.is_ascii() || !ascii) && runes::is_print(rune) {
        runes::push(out, rune);
        return;
    }
    let short = match rune {
        '\u{07}' => Some(b'a'),
        '\u{08}' => Some(b'b'),
        '\u{0C}' => Some(b'f'),
        '\n' => Some(b'n'),
        '\r' => Some(b'r'),
        '\t' => Some(b't'),
        '\u{0B}' => Some(b'v'),
        _ => None,
    };
    if let Some(letter) = short {
        out.extend_from_slice(&[b'\\', letter]);
        return;
    }
    let code = rune as u32;
    let (letter, digits) = match code {
        0..0x20 | 0x7F => (b'x', 2),
        0..0x10000 => (b'u', 4),
        _ => (b'U', 8),
    };
    out.extend_from_slice(&[b'\\', letter]);
    out.extend(
        (0..digits)
            .rev()
            .map(|digit| HEX[((code >> (4 * digit)) & 15) as usize]),
    );
}

/// Tells whether a string can stand between backquotes.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    runes::iter(text).all(|(_, rune, width)| {
        if width > 1 {
            return rune != '\u{FEFF}';
        }
        rune != runes::RUNE_ERROR && (rune >= ' ' || rune == '\t') && rune != '`' && rune != '\u{7F}'
    })
}

/// Reads a quoted string of Go source; `None` is Go's "invalid syntax".
pub(crate) fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let [mark, inner @ .., last] = quoted else {
        return None;
    };
    if mark != last {
        return None;
    }
    match mark {
        b'`' => {
            if memchr::memchr(b'`', inner).is_some() {
                return None;
            }
            let mut out = inner.to_vec();
            out.retain(|byte| *byte != b'\r');
            Some(out)
        }
        b'"' | b'\'' => {
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                if rest[0] == b'\n' || rest[0] == *mark {
                    return None;
                }
                let (unit, width) = unquote_unit(rest, *mark)?;
                match unit {
                    Unit::Byte(byte) => out.push(byte),
                    Unit::Rune(rune) => runes::push(&mut out, rune),
                }
                rest = &rest[width..];
            }
            Some(out)
        }
        _ => None,
    }
}

/// One unit of a quoted string: an escape can name a byte that is no rune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Byte(u8),
    Rune(char),
}

impl Unit {
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::Byte(byte) => u32::from(byte),
            Self::Rune(rune) => rune as u32,
        }
    }
}

/// Reads the first unit of a quoted string's inside and tells its width.
pub(crate) fn unquote_unit(text: &[u8], mark: u8) -> Option<(Unit, usize)> {
    let first = *text.first()?;
    if first == mark && (mark == b'\'' || mark == b'"') {
        return None;
    }
    if first != b'\\' {
        return runes::decode(text).map(|(rune, width)| {
            if width == 1 && rune == runes::RUNE_ERROR {
                (Unit::Byte(first), 1)
            } else {
                (Unit::Rune(rune), width)
            }
        });
    }
    let letter = *text.get(1)?;
    let simple = |rune| Some((Unit::Rune(rune), 2));
    match letter {
        b'a' => simple('\u{07}'),
        b'b' => simple('\u{08}'),
        b'f' => simple('\u{0C}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\u{0B}'),
        b'\\' => simple('\\'),
        b'\'' | b'"' if letter == mark => simple(char::from(letter)),
        b'x' => digits(text.get(2..4)?, 16).map(|code| (Unit::Byte(code as u8), 4)),
        b'u' => digits(text.get(2..6)?, 16)
            .and_then(char::from_u32)
            .map(|rune| (Unit::Rune(rune), 6)),
        b'U' => digits(text.get(2..10)?, 16)
            .and_then(char::from_u32)
            .map(|rune| (Unit::Rune(rune), 10)),
        b'0'..=b'7' => digits(text.get(1..4)?, 8)
            .filter(|code| *code < 256)
            .map(|code| (Unit::Byte(code as u8), 4)),
        _ => None,
    }
}

fn digits(text: &[u8], base: u32) -> Option<u32> {
    text.iter().try_fold(0_u32, |sum, byte| {
        char::from(*byte)
            .to_digit(base)
            .and_then(|digit| sum.checked_mul(base)?.checked_add(digit))
    })
}

/// Why a number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    Syntax,
    Range,
}

impl NumberError {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        }
    }
}

fn underscores_ok(text: &[u8]) -> bool {
    // '^' start, '0' digit, '_' underscore, '!' anything else.
    let mut seen = b'^';
    let mut at = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let mut hex = false;
    if text.len() >= at + 2
        && text[at] == b'0'
        && matches!(text[at + 1].to_ascii_lowercase(), b'b' | b'o' | b'x')
    {
        hex = text[at + 1].eq_ignore_ascii_case(&b'x');
        seen = b'0';
        at += 2;
    }
    for byte in &text[at..] {
        if byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit() {
            seen = b'0';
        } else if *byte == b'_' {
            if seen != b'0' {
                return false;
            }
            seen = b'_';
        } else {
            if seen == b'_' {
                return false;
            }
            seen = b'!';
        }
    }
    seen != b'_'
}

/// Go's `strconv.ParseUint` with 64 bits. Base 0 reads the base from the prefix and allows underscores.
/// Out of range gives the largest number beside the error.
pub(crate) fn parse_uint(text: &[u8], base: u32) -> Result<u64, (u64, NumberError)> {
    let syntax = Err((0, NumberError::Syntax));
    if text.is_empty() {
        return syntax;
    }
    let (digits, actual) = if base != 0 {
        (text, base)
    } else if text[0] == b'0' {
        match text.get(1).map(u8::to_ascii_lowercase) {
            Some(b'b') if text.len() >= 3 => (&text[2..], 2),
            Some(b'o') if text.len() >= 3 => (&text[2..], 8),
            Some(b'x') if text.len() >= 3 => (&text[2..], 16),
            _ => (&text[1..], 8),
        }
    } else {
        (text, 10)
    };
    let mut number = 0_u64;
    let mut underscore = false;
    let mut overflow = false;
    for byte in digits {
        if *byte == b'_' && base == 0 {
            underscore = true;
            continue;
        }
        let Some(digit) = char::from(*byte).to_digit(actual) else {
            return syntax;
        };
        match number
            .checked_mul(u64::from(actual))
            .and_then(|sum| sum.checked_add(u64::from(digit)))
        {
            Some(sum) if !overflow => number = sum,
            // Go stops at the first digit that does not fit.
            _ => return Err((u64::MAX, NumberError::Range)),
        }
        overflow = false;
    }
    if underscore && !underscores_ok(text) {
        return syntax;
    }
    Ok(number)
}

/// Go's `strconv.ParseInt` with 64 bits.
pub(crate) fn parse_int(text: &[u8], base: u32) -> Result<i64, (i64, NumberError)> {
    let (negative, digits) = match text.first() {
        Some(b'+') => (false, &text[1..]),
        Some(b'-') => (true, &text[1..]),
        _ => (false, text),
    };
    let number = match parse_uint(digits, base) {
        Ok(number) => number,
        Err((number, NumberError::Range)) => number,
        Err((_, error)) => return Err((0, error)),
    };
    if negative {
        if number > 1 << 63 {
            return Err((i64::MIN, NumberError::Range));
        }
        return Ok((number as i64).wrapping_neg());
    }
    i64::try_from(number).map_err(|_| (i64::MAX, NumberError::Range))
}

/// Go's `strconv.ParseFloat` with 64 bits.
pub(crate) fn parse_float(text: &[u8]) -> Result<f64, (f64, NumberError)> {
    let syntax = Err((0.0, NumberError::Syntax));
    let unsigned = text
        .strip_prefix(b"+")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or(text);
    let negative = text.first() == Some(&b'-');
    let signed = |number: f64| if negative { -number } else { number };
    match unsigned.to_ascii_lowercase().as_slice() {
        b"inf" | b"infinity" => return Ok(signed(f64::INFINITY)),
        b"nan" if unsigned.len() == text.len() => return Ok(f64::NAN),
        _ => {}
    }
    if unsigned.len() > 2 && unsigned[0] == b'0' && unsigned[1].eq_ignore_ascii_case(&b'x') {
        return parse_hex_float(text, &unsigned[2..])
            .map(signed)
            .map_err(|(number, error)| (signed(number), error));
    }
    let mut plain = String::with_capacity(unsigned.len());
    let (mut digits, mut dots, mut exponent, mut underscore) = (0, 0, false, false);
    let mut at = 0;
    while at < unsigned.len() {
        let byte = unsigned[at];
        match byte {
            b'0'..=b'9' => digits += 1,
            b'_' => {
                underscore = true;
                at += 1;
                continue;
            }
            b'.' if dots == 0 && !exponent => dots = 1,
            b'e' | b'E' if digits > 0 && !exponent => {
                exponent = true;
                plain.push('e');
                at += 1;
                if matches!(unsigned.get(at), Some(b'+' | b'-')) {
                    plain.push(char::from(unsigned[at]));
                    at += 1;
                }
                if !unsigned.get(at).is_some_and(u8::is_ascii_digit) {
                    return syntax;
                }
                continue;
            }
            _ => return syntax,
        }
        plain.push(char::from(byte));
        at += 1;
    }
    if digits == 0 || underscore && !underscores_ok(text) {
        return syntax;
    }
    match plain.parse::<f64>() {
        Ok(number) if number.is_infinite() => Err((signed(number), NumberError::Range)),
        Ok(number) => Ok(signed(number)),
        Err(_) => syntax,
    }
}

fn parse_hex_float(whole: &[u8], text: &[u8]) -> Result<f64, (f64, NumberError)> {
    let syntax = Err((0.0, NumberError::Syntax));
    let Some(split) = text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'p')) else {
        return syntax;
    };
    let exponent = match parse_int(&text[split + 1..], 10) {
        Ok(exponent) => exponent.clamp(-100_000, 100_000) as i32,
        Err(_) => return syntax,
    };
    let (mut mantissa, mut shift, mut digits, mut dot, mut sticky) = (0_u64, 0_i32, 0, false, false);
    for byte in &text[..split] {
        match byte {
            b'.' if !dot => dot = true,
            b'_' => {
                if !underscores_ok(whole) {
                    return syntax;
                }
            }
            _ => {
                let Some(digit) = char::from(*byte).to_digit(16) else {
                    return syntax;
                };
                digits += 1;
                if mantissa >> 59 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                    shift -= if dot { 4 } else { 0 };
                } else {
                    sticky |= digit != 0;
                    shift += if dot { 0 } else { 4 };
                }
            }
        }
    }
    if digits == 0 {
        return syntax;
    }
    let number = (mantissa | u64::from(sticky)) as f64 * 2_f64.powi(exponent.saturating_add(shift));
    if number.is_infinite() {
        Err((number, NumberError::Range))
    } else {
        Ok(number)
    }
}

/// Go's `strconv.FormatFloat` for 64 bits; a precision of -1 asks for the shortest digits that read back.
pub(crate) fn format_float(number: f64, verb: u8, precision: i32) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        };
    }
    match verb {
        b'e' | b'E' => exponent_form(number, precision, verb),
        b'f' => {
            if precision < 0 {
                format!("{number}")
            } else {
                let (printed, zeros) = printable(precision as usize);
                format!("{number:.printed$}") + &"0".repeat(zeros)
            }
        }
        b'b' => {
            let bits = number.to_bits();
            let (exponent, fraction) = ((bits >> 52 & 0x7FF) as i32, bits & ((1 << 52) - 1));
            let (mantissa, exponent) = if exponent == 0 {
                (fraction, -1074)
            } else {
                (fraction | 1 << 52, exponent - 1075)
            };
            let sign = if number.is_sign_negative() { "-" } else { "" };
            format!("{sign}{mantissa}p{exponent:+}")
        }
        b'x' | b'X' => hex_form(number, precision, verb),
        _ => general_form(number, precision, verb),
    }
}

/// Cuts a precision into what Rust can be asked for, which is less than 65536, and the zeros that come after it:
/// no number has more digits than this behind its point.
fn printable(precision: usize) -> (usize, usize) {
    const MOST_DIGITS: usize = 1100;
    let printed = precision.min(MOST_DIGITS);
    (printed, precision - printed)
}

/// Splits into the decimal digits and the exponent of the first of them.
fn decimal(number: f64, precision: Option<usize>) -> (String, i32) {
    let (text, zeros) = match precision {
        None => (format!("{:e}", number.abs()), 0),
        Some(precision) => {
            let (printed, zeros) = printable(precision);
            (format!("{:.printed$e}", number.abs()), zeros)
        }
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.replace('.', "") + &"0".repeat(zeros);
    (digits, exponent.parse().unwrap_or(0))
}

fn exponent_form(number: f64, precision: i32, verb: u8) -> String {
    let (digits, exponent) = decimal(number, usize::try_from(precision).ok());
    with_exponent(number.is_sign_negative(), &digits, exponent, verb)
}

fn with_exponent(negative: bool, digits: &str, exponent: i32, verb: u8) -> String {
    let sign = if negative { "-" } else { "" };
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}{first}{dot}{rest}{}{exponent_sign}{:02}",
        char::from(verb),
        exponent.abs()
    )
}

fn general_form(number: f64, precision: i32, verb: u8) -> String {
    let shortest = precision < 0;
    let wanted = if shortest {
        None
    } else {
        Some((precision.max(1) - 1) as usize)
    };
    let (mut digits, exponent) = decimal(number, wanted);
    if !shortest {
        let kept = digits.trim_end_matches('0').len().max(1);
        digits.truncate(kept);
    }
    let count = digits.len() as i32;
    let mut limit = if shortest { 6 } else { precision.max(1) };
    if !shortest && limit > count && count > exponent {
        limit = count;
    }
    if exponent < -4 || exponent >= limit {
        let verb = if verb == b'G' { b'E' } else { b'e' };
        return with_exponent(number.is_sign_negative(), &digits, exponent, verb);
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

fn hex_form(number: f64, precision: i32, verb: u8) -> String {
    let bits = number.to_bits();
    let mut exponent = (bits >> 52 & 0x7FF) as i32 - 1023;
    let mut mantissa = bits & ((1 << 52) - 1);
    if exponent == -1023 {
        exponent += 1;
    } else {
        mantissa |= 1 << 52;
    }
    if mantissa == 0 {
        exponent = 0;
    }
    // One bit before the point, 60 after it.
    mantissa <<= 8;
    while mantissa != 0 && mantissa & 1 << 60 == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if (0..15).contains(&precision) {
        let shift = (precision as u32) * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & 1 << 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut out = String::new();
    if number.is_sign_negative() {
        out.push('-');
    }
    out.push_str(if mantissa >> 60 & 1 == 1 { "0x1" } else { "0x0" });
    let mut fraction = (mantissa & ((1 << 60) - 1)) << 4;
    let mut digits = String::new();
    if precision < 0 {
        while fraction != 0 {
            digits.push(char::from(HEX[(fraction >> 60) as usize]));
            fraction <<= 4;
        }
    } else {
        for _ in 0..precision {
            digits.push(char::from(HEX[(fraction >> 60) as usize]));
            fraction <<= 4;
        }
    }
    if !digits.is_empty() {
        out.push('.');
        out.push_str(&digits);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "p{sign}{:02}", exponent.abs());
    if verb == b'X' { out.to_uppercase() } else { out }
}
