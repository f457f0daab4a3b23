//! Deltas between texts in the form of diff-match-patch: `=3`, `-2`, `+new` with tabs between, lengths in code points.

use std::fmt::Write;

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// Why a delta does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid delta: {0}")]
pub(crate) struct DeltaError(&'static str);

/// How long one comparison may take; past it the delta is right, but longer than it need be.
const PATIENCE: Duration = Duration::from_millis(100);

/// Describes how one text becomes another.
///
/// The texts are JSON, so they are compared token by token, which is enough and far cheaper than by character.
pub(crate) fn between(old: &str, new: &str) -> String {
    if old == new {
        return format!("={}", old.chars().count());
    }
    let old = tokens(old);
    let new = tokens(new);
    let mut delta = Delta::default();
    let deadline = Some(Instant::now() + PATIENCE);
    for op in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline) {
        match op {
            DiffOp::Equal { old_index, len, .. } => delta.keep(&old[old_index..old_index + len]),
            DiffOp::Delete {
                old_index, old_len, ..
            } => delta.remove(&old[old_index..old_index + old_len]),
            DiffOp::Insert {
                new_index, new_len, ..
            } => delta.insert(&new[new_index..new_index + new_len]),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => {
                delta.remove(&old[old_index..old_index + old_len]);
                delta.insert(&new[new_index..new_index + new_len]);
            }
        }
    }
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

#[derive(Default)]
struct Delta {
    text: String,
}

impl Delta {
    fn part(&mut self, sign: char) {
        if !self.text.is_empty() {
            self.text.push('\t');
        }
        self.text.push(sign);
    }

    fn keep(&mut self, tokens: &[&str]) {
        self.part('=');
        let _ = write!(self.text, "{}", length(tokens));
    }

    fn remove(&mut self, tokens: &[&str]) {
        self.part('-');
        let _ = write!(self.text, "{}", length(tokens));
    }

    fn insert(&mut self, tokens: &[&str]) {
        self.part('+');
        for token in tokens {
            escape(token, &mut self.text);
        }
    }
}

fn length(tokens: &[&str]) -> usize {
    tokens.iter().map(|token| token.chars().count()).sum()
}

/// Cuts JSON into words and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() {
            rest.find(|char: char| !char.is_alphanumeric())
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
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
        let delta = between(old, new);
        assert_eq!(delta, expected);
        assert_eq!(apply(old, &delta).unwrap(), new);
    }

    #[test]
    fn deltas_count_code_points_and_escape_as_a_uri() {
        check(r#"{"a":1}"#, r#"{"a":1}"#, "=7");
        check(r#"{"a":"ä"}"#, r#"{"a":"ö%b"}"#, "=6\t-1\t+%C3%B6%25b\t=2");
        check(r#"{"ö":1}"#, r#"{"ö":1,"b c":2}"#, "=6\t+,%22b c%22:2\t=1");
    }

    #[test]
    fn deltas_for_another_text_are_refused() {
        assert!(apply("abc", "=2").is_err());
        assert!(apply("abc", "=9").is_err());
        assert!(apply("abc", "=3\t+%zz").is_err());
        assert!(apply("abc", "?").is_err());
    }
}
