//! Formats of strings in schemas.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tells whether a text has a format. Formats the API server does not know are always met.
///
/// Source: kube-openapi `pkg/validation/strfmt`; apiextensions-apiserver `pkg/apiserver/validation/formats.go`.
pub(crate) fn is_valid_format(format: &str, text: &str) -> bool {
    match format.replace('-', "").as_str() {
        "datetime" => is_date_time(text),
        "date" => is_date(text),
        "duration" => is_duration(text),
        "email" => text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
        }),
        "hostname" => is_hostname(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(address, bits)| {
            let most = match address.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => 32,
                Ok(IpAddr::V6(_)) => 128,
                Err(_) => return false,
            };
            bits.parse::<u8>().is_ok_and(|bits| bits <= most)
        }),
        "mac" => {
            let parts: Vec<_> = text.split([':', '-']).collect();
            matches!(parts.len(), 6 | 8)
                && parts
                    .iter()
                    .all(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit()))
        }
        "uuid" | "uuid3" | "uuid4" | "uuid5" => is_uuid(text, format.as_bytes().get(4).copied()),
        "byte" => is_base64(text),
        "uri" => is_request_uri(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && digits.chars().all(|c| c.is_ascii_hexdigit())
        }
        "k8sshortname" => is_label(text),
        "k8slongname" => {
            text.len() <= 253
                && text
                    .split('.')
                    .all(|part| !part.is_empty() && is_label_of_any_length(part))
        }
        _ => true,
    }
}

fn is_label_of_any_length(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.len() <= 63 && is_label_of_any_length(text)
}

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    let part = text.get(from..to)?;
    part.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| part.parse().ok())?
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.as_bytes()[4] == b'-'
        && text.as_bytes()[7] == b'-'
        && match (digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)) {
            (Some(year), Some(month @ 1..=12), Some(day @ 1..)) => {
                let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
                let last = match month {
                    2 if leap => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                day <= last
            }
            _ => false,
        }
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return false;
    };
    if !is_date(date) || time.len() < 9 {
        return false;
    }
    let clock = matches!(digits(time, 0, 2), Some(0..=23))
        && matches!(digits(time, 3, 5), Some(0..=59))
        && matches!(digits(time, 6, 8), Some(0..=60))
        && time.as_bytes()[2] == b':'
        && time.as_bytes()[5] == b':';
    let rest = time[8..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let zone = rest.eq_ignore_ascii_case("z")
        || (rest.len() == 6
            && rest.starts_with(['+', '-'])
            && digits(rest, 1, 3).is_some()
            && rest.as_bytes()[3] == b':'
            && digits(rest, 4, 6).is_some());
    clock && zone
}

fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 24] = [
        "ns", "nano", "nanos", "us", "µs", "micro", "micros", "ms", "milli", "millis", "s", "sec", "secs",
        "second", "seconds", "m", "min", "mins", "minute", "minutes", "h", "hour", "hours", "d",
    ];
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        rest = rest.trim_start();
        let number = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        if number == 0 {
            return false;
        }
        rest = rest[number..].trim_start();
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')
            .unwrap_or(rest.len());
        let name = &rest[..unit];
        if !UNITS.contains(&name) && !["w", "week", "weeks", "day", "days"].contains(&name) {
            return false;
        }
        rest = &rest[unit..];
    }
    true
}

fn is_hostname(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    !text.is_empty()
        && text.len() <= 255
        && text.split('.').all(|part| {
            !part.is_empty()
                && part.len() <= 63
                && part.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    if text.len() != 32 {
        let groups: Vec<_> = text.split('-').collect();
        let sizes: Vec<_> = groups.iter().map(|group| group.len()).collect();
        if text.len() == 36 && sizes != [8, 4, 4, 4, 12] {
            return false;
        }
    }
    version.is_none_or(|version| hex.as_bytes()[12] == version)
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.contains(char::is_control) || text.contains(' ') {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (format, good, bad) in [
            ("date-time", "2024-02-29T10:00:00.5+01:00", "2023-02-29T10:00:00Z"),
            ("date", "2024-01-31", "2024-04-31"),
            ("duration", "1h30m", "1x"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("cidr", "10.0.0.0/24", "10.0.0.0/33"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("byte", "YWJj", "YWJ"),
            ("uri", "https://example.com/x", "example.com"),
            ("hostname", "a.example.com", "-a.example.com"),
            ("k8s-short-name", "abc-1", "Abc"),
        ] {
            assert!(is_valid_format(format, good), "{format} {good}");
            assert!(!is_valid_format(format, bad), "{format} {bad}");
        }
        assert!(is_valid_format("something", "anything"));
    }
}
