//! Deltas between texts in the form of diff-match-patch: `=3`, `-2`, `+new` with tabs between, lengths in code points.

use std::fmt::Write;

use kluctl_object::{push_go_json_text, to_go_json};
use serde_json::{Map, Value};

/// Why a delta does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid delta: {0}")]
pub(crate) struct DeltaError(&'static str);

/// Describes how the JSON of one map becomes that of another, both as [`to_go_json`] writes them.
///
/// The trees are walked side by side, key by key and element by element, so that it takes no longer than writing them.
pub(crate) fn between(old: &Map<String, Value>, new: &Map<String, Value>) -> String {
    let mut delta = Delta::default();
    delta.maps(old, new);
    delta.flush();
    delta.text
}

/// Applies a delta to the text it was made for.
pub(crate) fn apply(old: &str, delta: &str) -> Result<String, DeltaError> {
    let mut rest = old.chars();
    let mut new = String::with_capacity(old.len());
    for part in delta.split('\t').filter(|part| !part.is_empty()) {
        let (sign, argument) = part.split_at_checked(1).ok_or(DeltaError("empty part"))?;
        match sign {
            "+" => new.push_str(&unescape(argument)?),
            "=" | "-" => {
                let count: usize = argument.parse().map_err(|_| DeltaError("not a length"))?;
                for _ in 0..count {
                    let char = rest.next().ok_or(DeltaError("longer than the text"))?;
                    if sign == "=" {
                        new.push(char);
                    }
                }
            }
            _ => return Err(DeltaError("unknown operation")),
        }
    }
    if rest.next().is_some() {
        return Err(DeltaError("shorter than the text"));
    }
    Ok(new)
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Keep,
    Remove,
}

#[derive(Default)]
struct Delta {
    text: String,
    /// What is being kept or removed, and how many characters of it.
    part: Part,
    length: usize,
    /// What stands in the place of what was removed.
    inserted: String,
}

impl Delta {
    fn sign(&mut self, sign: char) {
        if !self.text.is_empty() {
            self.text.push('\t');
        }
        self.text.push(sign);
    }

    fn flush(&mut self) {
        if self.length > 0 {
            self.sign(if self.part == Part::Keep { '=' } else { '-' });
            let _ = write!(self.text, "{}", self.length);
            self.length = 0;
        }
        if !self.inserted.is_empty() {
            self.sign('+');
            escape(&std::mem::take(&mut self.inserted), &mut self.text);
        }
    }

    fn keep(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.part != Part::Keep || !self.inserted.is_empty() {
            self.flush();
            self.part = Part::Keep;
        }
        self.length += text.chars().count();
    }

    fn remove(&mut self, text: &str) {
        if self.part != Part::Remove && !text.is_empty() {
            let inserted = std::mem::take(&mut self.inserted);
            self.flush();
            self.inserted = inserted;
            self.part = Part::Remove;
        }
        self.length += text.chars().count();
    }

    fn insert(&mut self, text: &str) {
        self.inserted.push_str(text);
    }

    fn values(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.maps(old, new),
            (Value::Array(old), Value::Array(new)) => self.lists(old, new),
            _ => self.texts(&to_go_json(old), &to_go_json(new)),
        }
    }

    fn maps(&mut self, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
        let (mut old_comma, mut new_comma) = ("", "");
        self.keep("{");
        loop {
            let order = match (olds.peek(), news.peek()) {
                (Some((old, _)), Some((new, _))) => old.cmp(new),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => break,
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            match (old, new) {
                (Some((key, old)), Some((_, new))) => {
                    self.texts(old_comma, new_comma);
                    self.keep(&entry_start(key));
                    self.values(old, new);
                }
                (Some((key, old)), None) => self.remove(&format!("{old_comma}{}", entry(key, old))),
                (None, Some((key, new))) => self.insert(&format!("{new_comma}{}", entry(key, new))),
                (None, None) => {}
            }
            old_comma = old.map_or(old_comma, |_| ",");
            new_comma = new.map_or(new_comma, |_| ",");
        }
        self.keep("}");
    }

    fn lists(&mut self, old: &[Value], new: &[Value]) {
        self.keep("[");
        for at in 0..old.len().max(new.len()) {
            let comma = if at == 0 { "" } else { "," };
            match (old.get(at), new.get(at)) {
                (Some(old), Some(new)) => {
                    self.keep(comma);
                    self.values(old, new);
                }
                (Some(old), None) => self.remove(&format!("{comma}{}", to_go_json(old))),
                (None, Some(new)) => self.insert(&format!("{comma}{}", to_go_json(new))),
                (None, None) => {}
            }
        }
        self.keep("]");
    }

    /// Keeps what two texts begin and end with.
    fn texts(&mut self, old: &str, new: &str) {
        let start = old
            .char_indices()
            .zip(new.chars())
            .find(|((_, old), new)| old != new)
            .map_or(old.len().min(new.len()), |((at, _), _)| at);
        let (kept, (old, new)) = (&old[..start], (&old[start..], &new[start..]));
        let end: usize = old
            .chars()
            .rev()
            .zip(new.chars().rev())
            .take_while(|(old, new)| old == new)
            .map(|(char, _)| char.len_utf8())
            .sum();
        self.keep(kept);
        self.remove(&old[..old.len() - end]);
        self.insert(&new[..new.len() - end]);
        self.keep(&old[old.len() - end..]);
    }
}

fn entry_start(key: &str) -> String {
    let mut json = String::with_capacity(key.len() + 3);
    push_go_json_text(key, &mut json);
    json.push(':');
    json
}

fn entry(key: &str, value: &Value) -> String {
    entry_start(key) + &to_go_json(value)
}

/// Escapes as JavaScript's `encodeURI` does, but for spaces.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'();/?:@&=+$,# ".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn unescape(text: &str) -> Result<String, DeltaError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
            bytes.push(code.ok_or(DeltaError("broken escape"))?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_err(|_| DeltaError("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        let map = |text| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let delta = between(&map(old), &map(new));
        assert_eq!(delta, expected);
        assert_eq!(apply(old, &delta).unwrap(), new);
    }

    #[test]
    fn deltas_count_code_points_and_escape_as_a_uri() {
        check(r#"{"a":1}"#, r#"{"a":1}"#, "=7");
        check(r#"{"a":"ä"}"#, r#"{"a":"ö%b"}"#, "=6\t-1\t+%C3%B6%25b\t=2");
        check(r#"{"ö":1}"#, r#"{"b c":2,"ö":1}"#, "=1\t+%22b c%22:2,\t=6");
    }

    #[test]
    fn maps_and_lists_are_walked_side_by_side() {
        check(r#"{"a":1}"#, r#"{"a":1,"b":2}"#, "=6\t+,%22b%22:2\t=1");
        check(r#"{"a":1,"b":2}"#, r#"{"b":2}"#, "=1\t-6\t=6");
        check(r#"{"a":1,"b":2}"#, r#"{"a":1}"#, "=6\t-6\t=1");
        check("{}", r#"{"a":[]}"#, "=1\t+%22a%22:%5B%5D\t=1");
        check(r#"{"a":[1,2]}"#, r#"{"a":[1]}"#, "=7\t-2\t=2");
        check(
            r#"{"a":[1],"z":0}"#,
            r#"{"a":[1,{"x":2}],"z":0}"#,
            "=7\t+,%7B%22x%22:2%7D\t=8",
        );
        check(r#"{"a":{"x":"äöü"}}"#, r#"{"a":{"x":"äu"}}"#, "=12\t-2\t+u\t=3");
        check(
            r#"{"a":{"x":1}}"#,
            r#"{"b":[{"x":1}]}"#,
            "=1\t-11\t+%22b%22:%5B%7B%22x%22:1%7D%5D\t=1",
        );
    }

    #[test]
    fn deltas_for_another_text_are_refused() {
        assert!(apply("abc", "=2").is_err());
        assert!(apply("abc", "=9").is_err());
        assert!(apply("abc", "=3\t+%zz").is_err());
        assert!(apply("abc", "?").is_err());
    }
}
