//! `KEY=value` lines.
//!
//! Source: sops `stores/dotenv/store.go`.

use super::as_text;
use crate::error::Error;
use crate::tree::{Branch, Comment, Entry, Value};

/// The lines; `None` when one of them is none.
pub(super) fn read(content: &[u8]) -> Option<Branch> {
    let text = std::str::from_utf8(content).ok()?;
    let lines = text.split('\n').filter(|line| !line.is_empty());
    lines.map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    if let Some(comment) = line.strip_prefix('#') {
        return Some(Entry::Comment(Comment {
            text: comment.to_owned(),
            inline: false,
        }));
    }
    let (key, value) = line.split_once('=')?;
    Some(Entry::Item(
        key.to_owned(),
        Value::Text(value.replace("\\n", "\n")),
    ))
}

pub(super) fn write(branch: &[Entry]) -> Result<String, Error> {
    let mut text = String::new();
    for entry in branch {
        match entry {
            Entry::Comment(comment) => text.push_str(&format!("#{}\n", comment.text)),
            Entry::Item(key, value) => {
                text.push_str(&format!("{key}={}\n", as_text(value)?.replace('\n', "\\n")));
            }
        }
    }
    Ok(text)
}
