//! What a plain scalar means in YAML 1.1 as go-yaml reads it.

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// `~`, `null`, nothing
    Null,
    /// `yes`, `n`, `true` …
    Bool(bool),
    /// An integer that fits 64 bits with sign.
    Int(i64),
    /// A larger integer that fits 64 bits.
    Uint(u64),
    /// A float, `.inf` and `.nan` among them.
    Float(f64),
    /// A date or time; its value stays text.
    Timestamp,
    /// `<<`
    Merge,
    /// Anything else.
    String,
}

/// Resolves a plain scalar without a tag.
///
/// Source: go.yaml.in/yaml v2 `resolve.go`, `resolve`.
pub fn resolve_plain(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            resolve_word(text).unwrap_or(Resolved::String)
        }
        b'.' => resolve_word(text)
            .or_else(|| parse_dot_float(text).map(Resolved::Float))
            .unwrap_or(Resolved::String),
        b'+' | b'-' => resolve_word(text).unwrap_or_else(|| resolve_number(text)),
        b'0'..=b'9' => {
            if is_timestamp(text) {
                Resolved::Timestamp
            } else {
                resolve_number(text)
            }
        }
        _ => Resolved::String,
    }
}

fn resolve_word(text: &str) -> Option<Resolved> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn resolve_number(text: &str) -> Resolved {
    let plain: std::borrow::Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    if let Some(number) = parse_int(&plain) {
        return number;
    }
    if is_float(&plain)
        && let Ok(number) = plain.parse::<f64>()
        && number.is_finite()
    {
        return Resolved::Float(number);
    }
    // Go reads what follows `0b` once more by itself, with a sign of its own.
    if let Some(digits) = plain.strip_prefix("0b")
        && let Ok(number) = i64::from_str_radix(digits, 2)
    {
        return Resolved::Int(number);
    }
    Resolved::String
}

/// An integer in Go's syntax with base prefixes, without underscores.
pub(crate) fn parse_int(text: &str) -> Option<Resolved> {
    let (negative, digits, signed) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..], true),
        [b'+', ..] => (false, &text[1..], true),
        _ => (false, text, false),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| (byte as char).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return if magnitude <= i64::MIN.unsigned_abs() {
            Some(Resolved::Int((magnitude as i64).wrapping_neg()))
        } else {
            None
        };
    }
    match i64::try_from(magnitude) {
        Ok(number) => Some(Resolved::Int(number)),
        // Go's unsigned parser takes no sign.
        Err(_) if signed => None,
        Err(_) => Some(Resolved::Uint(magnitude)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let whole = digits(at);
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if whole == 0 && fraction == 0 {
            return false;
        }
        at += 1 + fraction;
    } else if whole == 0 {
        return false;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
        let exponent = digits(at);
        if exponent == 0 {
            return false;
        }
        at += exponent;
    }
    at == bytes.len()
}

/// A float that starts with a dot, where Go also takes single underscores between digits.
fn parse_dot_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    for (i, byte) in bytes.iter().enumerate() {
        if *byte == b'_' {
            let between =
                i > 0 && bytes[i - 1].is_ascii_digit() && bytes.get(i + 1).is_some_and(u8::is_ascii_digit);
            if !between {
                return None;
            }
        } else {
            plain.push(*byte as char);
        }
    }
    if !is_float(&plain) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Whether go-yaml takes a text for a date or time.
///
/// Source: go.yaml.in/yaml v2 `resolve.go`, `parseTimestamp`, and the layouts it hands to Go's `time.Parse`.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let mut reader = TimeReader { rest: &bytes[5..] };
    let year = bytes[..4]
        .iter()
        .fold(0, |number, byte| number * 10 + u32::from(byte - b'0'));
    let Some(month) = reader.number().filter(|month| (1..=12).contains(month)) else {
        return false;
    };
    if !reader.take(b'-') {
        return false;
    }
    let Some(_) = reader
        .number()
        .filter(|day| (1..=days_in(month, year)).contains(day))
    else {
        return false;
    };
    match reader.rest.first() {
        None => true,
        Some(b'T' | b't') => {
            reader.rest = &reader.rest[1..];
            reader.clock() && reader.zone() && reader.rest.is_empty()
        }
        Some(b' ') => {
            while reader.take(b' ') {}
            reader.clock() && reader.rest.is_empty()
        }
        Some(_) => false,
    }
}

struct TimeReader<'a> {
    rest: &'a [u8],
}

impl TimeReader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// One or two digits.
    fn number(&mut self) -> Option<u32> {
        let first = self.rest.first().filter(|byte| byte.is_ascii_digit())?;
        let mut number = u32::from(first - b'0');
        self.rest = &self.rest[1..];
        if let Some(second) = self.rest.first().filter(|byte| byte.is_ascii_digit()) {
            number = number * 10 + u32::from(second - b'0');
            self.rest = &self.rest[1..];
        }
        Some(number)
    }

    /// `hour:minute:second` with an optional fraction.
    fn clock(&mut self) -> bool {
        let parts = [23, 59, 59];
        for (i, highest) in parts.iter().enumerate() {
            if i > 0 && !self.take(b':') {
                return false;
            }
            if self.number().is_none_or(|number| number > *highest) {
                return false;
            }
        }
        if let [b'.' | b',', digit, ..] = self.rest
            && digit.is_ascii_digit()
        {
            let digits = self.rest[1..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            self.rest = &self.rest[1 + digits..];
        }
        true
    }

    /// `Z` or `+01:00`.
    fn zone(&mut self) -> bool {
        if self.take(b'Z') {
            return true;
        }
        let [b'+' | b'-', h1, h2, b':', m1, m2, rest @ ..] = self.rest else {
            return false;
        };
        if ![h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let two = |high: &u8, low: &u8| u32::from(high - b'0') * 10 + u32::from(low - b'0');
        if two(h1, h2) > 24 || two(m1, m2) > 60 {
            return false;
        }
        self.rest = rest;
        true
    }
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
