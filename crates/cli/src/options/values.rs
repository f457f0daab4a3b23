//! Texts of flags that mean more than text: durations, booleans, paths that must exist.

use std::time::Duration;

use camino::Utf8PathBuf;

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub(crate) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Parses a number of things, with Go's words (`strconv.ParseInt`) where it is none.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    let wrong = |reason| format!("strconv.ParseInt: parsing {text:?}: {reason}");
    let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let out_of_range = matches!(error.kind(), NegOverflow | PosOverflow);
        wrong(if out_of_range {
            "value out of range"
        } else {
            "invalid syntax"
        })
    })?;
    usize::try_from(number).map_err(|_| wrong("value out of range"))
}

/// Parses a duration as Go's `time.ParseDuration` does (`1h2m3s`, `500ms`, `0`), without negative ones.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("time: invalid duration {text:?}");
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| format!("time: missing unit in duration {text:?}"))?;
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(wrong());
        }
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, after) = tail.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => {
                return Err(format!("time: unknown unit {unit:?} in duration {text:?}"));
            }
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// Units of sizes, largest first.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Parses a size in bytes: `1048576`, `5GiB`, `1.5 MB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a size such as `5GiB`, `500MB` or `0`, found `{text}`");
    let (number, factor) = SIZES
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * factor as f64;
    if !bytes.is_finite() || bytes < 0.0 {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

/// A size with the largest unit that gives at least one.
pub(crate) fn show_size(bytes: u64) -> String {
    let unit = SIZES[..4].iter().find(|(_, factor)| bytes >= *factor);
    match unit {
        Some((unit, factor)) => format!("{:.1} {unit}", bytes as f64 / *factor as f64),
        None => format!("{bytes} B"),
    }
}

/// A file that must exist; `~/` is the home directory.
pub(crate) fn existing_file(text: &str) -> Result<Utf8PathBuf, String> {
    let path = expand(text);
    if !path.exists() {
        return Err(format!("{path} does not exist"));
    }
    if path.is_dir() {
        return Err(format!("{path} exists but is a directory"));
    }
    Ok(path)
}

/// A directory that must exist; `~/` is the home directory.
pub(crate) fn existing_dir(text: &str) -> Result<Utf8PathBuf, String> {
    let path = expand(text);
    if !path.exists() {
        return Err(format!("{path} does not exist"));
    }
    if !path.is_dir() {
        return Err(format!("{path} exists but is not a directory"));
    }
    Ok(path)
}

pub(crate) fn expand(text: &str) -> Utf8PathBuf {
    match (text.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => Utf8PathBuf::from(home).join(rest),
        _ => Utf8PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        let cases = [
            ("10m", Some(600_000)),
            ("1h2m3s", Some(3_723_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1500)),
            ("0", Some(0)),
            ("5", None),
            ("", None),
            ("1d", None),
            ("-1s", None),
        ];
        for (text, millis) in cases {
            assert_eq!(duration(text).ok().map(|d| d.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn counts_are_told_in_go_s_words() {
        assert_eq!(count("7"), Ok(7));
        for (text, reason) in [
            ("abc", "invalid syntax"),
            ("-1", "value out of range"),
            ("99999999999999999999", "value out of range"),
        ] {
            let expected = format!("strconv.ParseInt: parsing \"{text}\": {reason}");
            assert_eq!(count(text), Err(expected));
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("5GiB", Some(5 << 30)),
            ("1.5 MB", Some(1_500_000)),
            ("7B", Some(7)),
            ("-1", None),
            ("GiB", None),
            ("1 x", None),
        ] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        assert_eq!(show_size(1536), "1.5 KiB");
        assert_eq!(show_size(10), "10 B");
    }

    #[test]
    fn booleans_are_go_s() {
        for (text, value) in [
            ("t", Some(true)),
            ("TRUE", Some(true)),
            ("0", Some(false)),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(boolean(text).ok(), value, "{text}");
        }
    }
}
