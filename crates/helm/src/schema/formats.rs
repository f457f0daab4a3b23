//! Formats of strings, with the reasons in the words of the validator that Helm uses.
//!
//! Source: santhosh-tekuri/jsonschema v6 `format.go`.

use serde_json::Value;

/// Checks a string's format; other values and unknown formats pass.
pub(super) fn check(format: &str, value: &Value) -> Result<(), String> {
    let Value::String(text) = value else {
        return Ok(());
    };
    match format {
        "email" => email(text),
        "hostname" => hostname(text),
        "ipv4" => ipv4(text),
        "ipv6" => ipv6(text),
        "date" => date(text),
        "time" => time(text),
        "date-time" => date_time(text),
        "uuid" => uuid(text),
        "uri" | "iri" => uri(text, true),
        "uri-reference" | "iri-reference" => uri(text, false),
        "json-pointer" => json_pointer(text),
        "regex" => kluctl_gotemplate::Regexp::new(text).map(|_| ()),
        "duration" => duration(text),
        _ => Ok(()),
    }
}

fn fail<T>(reason: impl Into<String>) -> Result<T, String> {
    Err(reason.into())
}

/// A duration of ISO 8601.
fn duration(text: &str) -> Result<(), String> {
    let Some(text) = text.strip_prefix('P') else {
        return fail("must start with P");
    };
    if text.is_empty() {
        return fail("nothing after P");
    }
    if let Some(weeks) = text.strip_suffix('W') {
        return if weeks.is_empty() {
            fail("no number in week")
        } else if weeks.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(())
        } else {
            fail("invalid week")
        };
    }
    for (index, part) in text.split('T').enumerate() {
        if index > 0 && part.is_empty() {
            return fail("no time elements");
        }
        let all = match index {
            0 => "YMD",
            1 => "HMS",
            _ => return fail("more than one T"),
        };
        let (mut units, mut rest) = (all, part);
        while !rest.is_empty() {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == rest.len() {
                return fail("missing number");
            }
            let Some(unit) = after.chars().next() else {
                return fail("missing unit");
            };
            let Some(place) = units.find(unit) else {
                // Go takes the first byte of the unit for a letter of its own.
                let unit = char::from(after.as_bytes()[0]);
                return fail(if all.contains(unit) {
                    format!("unit '{unit}' out of order")
                } else {
                    format!("invalid unit '{unit}'")
                });
            };
            units = &units[place + 1..];
            rest = &after[unit.len_utf8()..];
        }
    }
    Ok(())
}

fn email(text: &str) -> Result<(), String> {
    if text.len() > 254 {
        return fail("more than 255 characters long");
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return fail("missing @");
    };
    if local.len() > 64 {
        return fail("local part more than 64 characters long");
    }
    if local.len() > 1 && local.starts_with('"') && local.ends_with('"') {
        if local[1..local.len() - 1].contains(['\\', '"']) {
            return fail("backslash and quote are not allowed within quoted local part");
        }
    } else {
        if local.starts_with('.') {
            return fail("starts with dot");
        }
        if local.ends_with('.') {
            return fail("ends with dot");
        }
        if local.contains("..") {
            return fail("consecutive dots");
        }
        for c in local.chars() {
            if !c.is_ascii_alphanumeric() && !".!#$%&'*+-/=?^_`{|}~".contains(c) {
                return fail(format!("invalid character {c:?}"));
            }
        }
    }
    if let Some(address) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match address.strip_prefix("IPv6:") {
            Some(address) => ipv6(address).map_err(|reason| format!("invalid ipv6 address: {reason}")),
            None => ipv4(address).map_err(|reason| format!("invalid ipv4 address: {reason}")),
        };
    }
    hostname(domain).map_err(|reason| format!("invalid domain: {reason}"))
}

fn hostname(text: &str) -> Result<(), String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.len() > 253 {
        return fail("more than 253 characters long");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > 63 {
            return fail("label must be 1 to 63 characters long");
        }
        if label.starts_with('-') {
            return fail("label starts with hyphen");
        }
        if label.ends_with('-') {
            return fail("label ends with hyphen");
        }
        if let Some(c) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return fail(format!("invalid character {c:?}"));
        }
    }
    Ok(())
}

fn ipv4(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 {
        return fail("expected four decimals");
    }
    for part in parts {
        if part.len() > 1 && part.starts_with('0') {
            return fail("leading zeros");
        }
        match part.parse::<i64>() {
            Ok(number) if (0..=255).contains(&number) => {}
            Ok(_) => return fail("decimal must be between 0 and 255"),
            Err(_) => {
                let part = kluctl_gotemplate::quote(part.as_bytes());
                return fail(format!("strconv.Atoi: parsing {part}: invalid syntax"));
            }
        }
    }
    Ok(())
}

fn ipv6(text: &str) -> Result<(), String> {
    if !text.contains(':') {
        return fail("missing colon");
    }
    if text.contains('%') {
        return fail("zone id is not a part of ipv6 address");
    }
    match text.parse::<std::net::Ipv6Addr>() {
        Ok(_) => Ok(()),
        Err(_) => {
            let text = kluctl_gotemplate::quote(text.as_bytes());
            fail(format!("ParseAddr({text}): unable to parse IP"))
        }
    }
}

/// Exactly so many digits at a place.
fn digits(text: &str, from: usize, count: usize) -> Option<u32> {
    let part = text.get(from..from + count)?;
    part.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| part.parse().ok())
        .flatten()
}

fn date(text: &str) -> Result<(), String> {
    let bad = || {
        let text = kluctl_gotemplate::quote(text.as_bytes());
        format!("parsing time {text} as \"2006-01-02\": cannot parse {text} as \"2006\"")
    };
    let parts = (digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
    let (Some(year), Some(month), Some(day)) = parts else {
        return Err(bad());
    };
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return Err(bad());
    }
    let quoted = kluctl_gotemplate::quote(text.as_bytes());
    if !(1..=12).contains(&month) {
        return fail(format!("parsing time {quoted}: month out of range"));
    }
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=last).contains(&day) {
        return fail(format!("parsing time {quoted}: day out of range"));
    }
    Ok(())
}

fn time(text: &str) -> Result<(), String> {
    if text.len() < 9 {
        return fail("less than 9 characters long");
    }
    let bytes = text.as_bytes();
    if bytes[2] != b':' || bytes[5] != b':' {
        return fail("missing colon in correct place");
    }
    let clock = (digits(text, 0, 2), digits(text, 3, 2), digits(text, 6, 2));
    let (Some(hour), Some(minute), Some(second)) = clock else {
        return fail("invalid hour/min/sec");
    };
    if hour > 23 || minute > 59 || second > 60 {
        return fail("hour/min/sec out of range");
    }
    let mut rest = &text[8..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return fail("no digits in second fraction");
        }
        rest = &fraction[count..];
    }
    let mut offset = 0i64;
    if rest != "z" && rest != "Z" {
        if rest.len() != 6 {
            return fail("offset must be 6 characters long");
        }
        let sign = match rest.as_bytes()[0] {
            b'+' => -1,
            b'-' => 1,
            _ => return fail("offset must begin with plus/minus"),
        };
        if rest.as_bytes()[3] != b':' {
            return fail("missing colon in offset in correct place");
        }
        let (Some(hours), Some(minutes)) = (digits(rest, 1, 2), digits(rest, 4, 2)) else {
            return fail("invalid hour/min in offset");
        };
        if hours > 23 || minutes > 59 {
            return fail("hour/min in offset out of range");
        }
        offset = sign * i64::from(hours * 60 + minutes);
    }
    if second == 60 && (i64::from(hour * 60 + minute) + offset).rem_euclid(24 * 60) != 23 * 60 + 59 {
        return fail("invalid leap second");
    }
    Ok(())
}

fn date_time(text: &str) -> Result<(), String> {
    if text.len() < 20 {
        return fail("less than 20 characters long");
    }
    if !matches!(text.as_bytes()[10], b't' | b'T') {
        return fail("11th character must be t or T");
    }
    let (Some(day), Some(clock)) = (text.get(..10), text.get(11..)) else {
        return fail("11th character must be t or T");
    };
    date(day).map_err(|reason| format!("invalid date element: {reason}"))?;
    time(clock).map_err(|reason| format!("invalid time element: {reason}"))
}

fn uuid(text: &str) -> Result<(), String> {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != LENGTHS.len() {
        return fail("must have 5 elements");
    }
    for (i, (group, length)) in groups.iter().zip(LENGTHS).enumerate() {
        if group.len() != length {
            return fail(format!("element {} must be {length} characters long", i + 1));
        }
        if let Some(c) = group.chars().find(|c| !c.is_ascii_hexdigit()) {
            return fail(format!("non-hex character {c:?}"));
        }
    }
    Ok(())
}

fn uri(text: &str, absolute: bool) -> Result<(), String> {
    let quoted = kluctl_gotemplate::quote(text.as_bytes());
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7F) {
        return fail(format!(
            "parse {quoted}: net/url: invalid control character in URL"
        ));
    }
    let scheme = match text.find([':', '/', '?', '#']) {
        Some(at) if text[at..].starts_with(':') => {
            let scheme = &text[..at];
            if scheme.is_empty() {
                return fail(format!("parse {quoted}: missing protocol scheme"));
            }
            let starts_well = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
            if !starts_well
                || !scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            {
                return fail(format!(
                    "parse {quoted}: first path segment in URL cannot contain colon"
                ));
            }
            Some(scheme)
        }
        _ => None,
    };
    if let Some(at) = text.find('%') {
        let escape = text[at..].chars().take(3).collect::<String>();
        if escape.len() < 3 || !escape[1..].chars().all(|c| c.is_ascii_hexdigit()) {
            let escape = kluctl_gotemplate::quote(escape.as_bytes());
            return fail(format!("parse {quoted}: invalid URL escape {escape}"));
        }
    }
    if text.contains(' ') && text.find(' ') < text.find('?') {
        let host = text
            .split("://")
            .nth(1)
            .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(rest));
        if host.is_some_and(|host| host.contains(' ')) {
            return fail(format!("parse {quoted}: invalid character \" \" in host name"));
        }
    }
    if absolute && scheme.is_none() {
        return fail("relative url");
    }
    if !absolute && text.contains('\\') {
        return fail("contains \\");
    }
    Ok(())
}

fn json_pointer(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    if !text.starts_with('/') {
        return fail("not starting with /");
    }
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '~' && !matches!(characters.peek(), Some('0' | '1')) {
            return fail("~ must be followed by 0 or 1");
        }
    }
    Ok(())
}
