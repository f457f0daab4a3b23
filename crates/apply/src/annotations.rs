//! Reads Kluctl's annotations: booleans by Go's rules, and numbered families such as `kluctl.io/ignore-diff-field-2`.

use std::time::Duration;

use kluctl_object::Object;

/// A text that Go would not read as a boolean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("strconv.ParseBool: parsing {0:?}: invalid syntax")]
pub(crate) struct NotABool(String);

/// Reads a boolean as Go's `strconv.ParseBool` does.
pub(crate) fn parse_bool(text: &str) -> Result<bool, NotABool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(NotABool(other.to_owned())),
    }
}

/// A boolean annotation; missing or malformed is `None`.
pub(crate) fn flag(object: &Object, key: &str) -> Option<bool> {
    object.annotation(key).and_then(|text| parse_bool(text).ok())
}

/// Whether a boolean annotation is there and true.
pub(crate) fn is_set(object: &Object, key: &str) -> bool {
    flag(object, key) == Some(true)
}

/// Values of an annotation and its numbered forms: `key`, `key-`, `key-1`; in the order of the keys.
pub(crate) fn numbered<'a>(object: &'a Object, key: &str) -> Vec<&'a str> {
    let belongs = |name: &str| {
        name.strip_prefix(key).is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('-')
                    .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    object
        .annotations()
        .into_iter()
        .filter(|(name, _)| belongs(name))
        .map(|(_, value)| value)
        .collect()
}

/// The entries of a comma list, in order, each once.
pub(crate) fn comma_list(object: &Object, key: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for entry in object
        .annotation(key)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
    {
        if !entry.is_empty() && !entries.iter().any(|known| known == entry) {
            entries.push(entry.to_owned());
        }
    }
    entries
}

/// Reads a duration as Go's `time.ParseDuration` does: `1h2m3.5s`, `500ms`, `-1s`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0.0;
    let mut rest = rest;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let value: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let factor = match &rest[..end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            unit => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        };
        seconds += value * factor;
        rest = &rest[end..];
    }
    if text.starts_with('-') {
        return Ok(Duration::ZERO);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let millis = |text: &str| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(millis("1h2m3s"), Ok(3_723_000));
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("0"), Ok(0));
        assert_eq!(
            millis("5"),
            Err("time: missing unit in duration \"5\"".to_owned())
        );
        assert_eq!(
            millis("5x"),
            Err("time: unknown unit \"x\" in duration \"5x\"".to_owned())
        );
        assert_eq!(millis(""), Err("time: invalid duration \"\"".to_owned()));
    }

    #[test]
    fn numbered_annotations_belong_to_a_family() {
        let mut object = Object::default();
        for (key, value) in [
            ("a/x", "0"),
            ("a/x-1", "1"),
            ("a/x-", "e"),
            ("a/x-y", "no"),
            ("a/xy", "no"),
        ] {
            object.set_annotation(key, value);
        }
        assert_eq!(numbered(&object, "a/x"), ["0", "e", "1"]);
    }
}
