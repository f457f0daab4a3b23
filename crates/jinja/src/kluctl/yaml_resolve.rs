//! YAML 1.1 types of plain scalars, as PyYAML sees them.

/// The tag a plain scalar gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Merge,
    Value,
    /// `!`, `&` and `*` alone.
    Yaml,
    Str,
}

/// Resolves plain text.
pub(crate) fn resolve(text: &str) -> Tag {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Tag::Null,
        "<<" => return Tag::Merge,
        "=" => return Tag::Value,
        "!" | "&" | "*" => return Tag::Yaml,
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "true" | "True" | "TRUE" | "false" | "False"
        | "FALSE" | "on" | "On" | "ON" | "off" | "Off" | "OFF" => return Tag::Bool,
        _ => {}
    }
    // A `$` in Python also fits before one last newline.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let first = text.bytes().next().unwrap_or_default();
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return Tag::Str;
    }
    if is_float(text) {
        Tag::Float
    } else if is_int(text) {
        Tag::Int
    } else if timestamp(text).is_some() {
        Tag::Timestamp
    } else {
        Tag::Str
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(text: &str, fits: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(fits)
}

fn digits(text: &str) -> bool {
    all(text, |byte| byte.is_ascii_digit() || byte == b'_')
}

fn exponent(text: &str) -> bool {
    match text.strip_prefix(['e', 'E']) {
        Some(rest) => rest
            .strip_prefix(['-', '+'])
            .is_some_and(|rest| !rest.is_empty() && all(rest, |byte| byte.is_ascii_digit())),
        None => text.is_empty(),
    }
}

/// `:mm` parts of sexagesimals.
fn sixties(text: &str) -> bool {
    let part = |part: &str| match part.as_bytes() {
        [only] => only.is_ascii_digit(),
        [first, second] => (b'0'..=b'5').contains(first) && second.is_ascii_digit(),
        _ => false,
    };
    !text.is_empty() && text.split(':').all(part)
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(unsigned(text), ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let split = |text: &str| {
        let end = text.find(['e', 'E']).unwrap_or(text.len());
        (text[..end].to_owned(), text[end..].to_owned())
    };
    // `.5` takes no sign.
    if let Some(rest) = text.strip_prefix('.') {
        let (fraction, rest) = split(rest);
        return fraction.starts_with(|c: char| c.is_ascii_digit()) && digits(&fraction) && exponent(&rest);
    }
    let text = unsigned(text);
    let Some((whole, fraction)) = text.split_once('.') else {
        return false;
    };
    if !whole.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    if let Some((head, rest)) = whole.split_once(':') {
        return digits(head) && sixties(rest) && digits(fraction);
    }
    let (fraction, rest) = split(fraction);
    digits(whole) && digits(&fraction) && exponent(&rest)
}

fn is_int(text: &str) -> bool {
    let text = unsigned(text);
    if let Some(rest) = text.strip_prefix("0b") {
        return !rest.is_empty() && all(rest, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return !rest.is_empty() && all(rest, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    if let Some(rest) = text.strip_prefix('0') {
        return all(rest, |byte| matches!(byte, b'0'..=b'7' | b'_'));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    match text.split_once(':') {
        Some((head, rest)) => digits(head) && sixties(rest),
        None => digits(text),
    }
}

/// Parts of a date or moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    pub(crate) date: (i16, i8, i8),
    /// Hour, minute, second, microsecond.
    pub(crate) time: Option<(i8, i8, i8, i32)>,
    /// Minutes east of UTC.
    pub(crate) offset: Option<i32>,
}

/// Reads `2001-02-03` and `2001-2-3 4:05:06.7 +1:00`.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        (lengths.contains(&text.len()) && all(text, |byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i32>().ok())
            .flatten()
    };
    let mut parts = text.splitn(3, '-');
    let (year, month, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let day_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(day_end);
    let short = rest.is_empty();
    let date = (
        number(year, 4..=4)? as i16,
        number(month, if short { 2..=2 } else { 1..=2 })? as i8,
        number(day, if short { 2..=2 } else { 1..=2 })? as i8,
    );
    if short {
        return Some(Timestamp {
            date,
            time: None,
            offset: None,
        });
    }
    let rest = match rest.strip_prefix(['T', 't']) {
        Some(rest) => rest,
        None => {
            let trimmed = rest.trim_start_matches([' ', '\t']);
            (trimmed.len() < rest.len()).then_some(trimmed)?
        }
    };
    let mut clock = rest.splitn(3, ':');
    let (hour, minute, rest) = (clock.next()?, clock.next()?, clock.next()?);
    let (hour, minute) = (number(hour, 1..=2)? as i8, number(minute, 2..=2)? as i8);
    let second = number(rest.get(..2)?, 2..=2)? as i8;
    let mut rest = &rest[2..];
    let mut micros = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        micros = format!("{:0<6}", &after[..end.min(6)]).parse().ok()?;
        rest = &after[end..];
    }
    let zone = rest.trim_start_matches([' ', '\t']);
    let offset = match zone.as_bytes().first() {
        None if rest.is_empty() => None,
        Some(b'Z') if zone.len() == 1 => Some(0),
        Some(sign @ (b'+' | b'-')) => {
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
            let minutes = number(hours, 1..=2)? * 60 + number(minutes, 2..=2)?;
            Some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => return None,
    };
    Some(Timestamp {
        date,
        time: Some((hour, minute, second, micros)),
        offset,
    })
}
