//! Wraps lines.

use super::arguments::{int, text};
use super::*;

pub(super) const TABLE: &[Entry] = &[
    ("wrap", &INT_TEXT, |a, _| {
        Ok(wrap(text(&a[1]), int(&a[0]), b"", false))
    }),
    ("wrapWith", &INT_TEXT_TEXT, |a, _| {
        Ok(wrap(text(&a[2]), int(&a[0]), text(&a[1]), true))
    }),
];

/// Wraps one line at spaces; words too long are cut only where `cut` says so. Goes by bytes.
fn wrap(line: &[u8], width: i64, newline: &[u8], cut: bool) -> Value {
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::with_capacity(line.len() + 16);
    let mut rest = line;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let mut push = |length: usize| {
            out.extend_from_slice(&rest[..length]);
            out.extend_from_slice(newline);
        };
        if let Some(space) = rest[..=width].iter().rposition(|byte| *byte == b' ') {
            push(space);
            rest = &rest[space + 1..];
        } else if cut {
            push(width);
            rest = &rest[width..];
        } else if let Some(space) = rest[width..].iter().position(|byte| *byte == b' ') {
            push(width + space);
            rest = &rest[width + space + 1..];
        } else {
            break;
        }
    }
    out.extend_from_slice(rest);
    Value::string(out)
}
