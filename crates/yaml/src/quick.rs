//! Reads plain block YAML straight into values: what [`outline`] is sure of, which is nearly all that people write.

use serde_json::Value;

use crate::outline::{Outline, Outlined, OutlinedKey, outline};
use crate::parser::parse_first;
use crate::resolve::{Resolved, resolve_plain};
use crate::value::{DuplicateKeys, Options, json_number};

/// Reads the first document of a text, or leaves it to the parser; then nothing is known of it.
pub(crate) fn read(text: &str, options: Options) -> Option<Value> {
    let mut builder = Builder {
        options,
        open: Vec::new(),
        entries: Vec::new(),
        root: Value::Null,
    };
    if !outline(text, &mut builder) || !builder.close_to(0) {
        return None;
    }
    Some(builder.root)
}

/// Puts together what it is told of.
struct Builder {
    options: Options,
    /// The collections that are open.
    open: Vec<Collection>,
    /// What is in all open collections, the items of lists without keys. The last one of each collection is where the
    /// next one goes.
    entries: Vec<(String, Value)>,
    root: Value,
}

struct Collection {
    is_map: bool,
    /// Where its entries start.
    start: usize,
}

impl Builder {
    /// Closes collections until so many are open; false where one holds a key twice that must not.
    fn close_to(&mut self, depth: usize) -> bool {
        while self.open.len() > depth {
            let Some(Collection { is_map, start }) = self.open.pop() else {
                return false;
            };
            let count = self.entries.len() - start;
            let entries = self.entries.drain(start..);
            let closed = if is_map {
                let map: serde_json::Map<_, _> = entries.collect();
                if map.len() < count && self.options.duplicate_keys == DuplicateKeys::Error {
                    return false;
                }
                Value::Object(map)
            } else {
                Value::Array(entries.map(|(_, item)| item).collect())
            };
            match self.entries.last_mut() {
                Some((_, place)) => *place = closed,
                None => self.root = closed,
            }
        }
        true
    }

    fn add(&mut self, depth: usize, is_map: bool, key: String, value: Value) -> bool {
        if !self.close_to(depth) {
            return false;
        }
        if self.open.len() < depth {
            self.open.push(Collection {
                is_map,
                start: self.entries.len(),
            });
        }
        self.entries.push((key, value));
        true
    }
}

impl Outline for Builder {
    fn entry(&mut self, depth: usize, key: OutlinedKey<'_>, value: Outlined<'_>) -> bool {
        let is_name = key.quoted
            || match resolve_plain(key.text) {
                Resolved::String => true,
                Resolved::Int(number) => number.to_string() == key.text,
                _ => false,
            };
        if !is_name {
            return false;
        }
        value_of(value).is_some_and(|value| self.add(depth, true, key.text.to_owned(), value))
    }

    fn item(&mut self, depth: usize, value: Outlined<'_>) -> bool {
        value_of(value).is_some_and(|value| self.add(depth, false, String::new(), value))
    }

    fn late_text(&mut self, depth: usize, value: Outlined<'_>) -> bool {
        let closed = self.close_to(depth);
        match (value_of(value), self.entries.last_mut()) {
            (Some(value), Some((_, place))) => {
                *place = value;
                closed
            }
            _ => false,
        }
    }
}

fn value_of(value: Outlined<'_>) -> Option<Value> {
    Some(match value {
        Outlined::Open => Value::Null,
        Outlined::Quoted(text) => Value::from(text),
        Outlined::Plain(text) => match resolve_plain(text) {
            Resolved::Null => Value::Null,
            Resolved::Bool(truth) => Value::Bool(truth),
            Resolved::Int(number) => Value::from(number),
            Resolved::Uint(number) => Value::from(number),
            Resolved::Float(number) => Value::Number(json_number(number)?),
            Resolved::Timestamp | Resolved::String => Value::from(text),
            Resolved::Merge => return None,
        },
        Outlined::Flow("[]") => Value::Array(Vec::new()),
        Outlined::Flow("{}") => Value::Object(serde_json::Map::new()),
        Outlined::Text(text) => match literal(text) {
            Some(text) => Value::String(text),
            None => alone(text)?,
        },
        Outlined::Flow(text) => alone(text)?,
    })
}

/// A value that is read by itself, below a key as it was in its text.
fn alone(text: &str) -> Option<Value> {
    let document = parse_first(&format!("x: {text}")).ok()??;
    document.get("x")?.to_value(&Options::default()).ok()
}

/// A scalar that keeps its lines (`|`), with its header.
fn literal(text: &str) -> Option<String> {
    let (header, lines) = text.strip_prefix('|')?.split_once('\n')?;
    let indent_of = |line: &str| line.bytes().position(|byte| byte != b' ' && byte != b'\n');
    let indent = lines.split_inclusive('\n').find_map(indent_of)?;
    let mut value = String::with_capacity(lines.len());
    // Line breaks that count only when something follows.
    let mut breaks = 0;
    for line in lines.split_inclusive('\n') {
        let (line, has_break) = match line.strip_suffix('\n') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let content = line.get(indent..).unwrap_or_default();
        if !content.is_empty() {
            value.extend(std::iter::repeat_n('\n', breaks));
            breaks = 0;
            value.push_str(content);
        }
        breaks += usize::from(has_break);
    }
    let kept = match header.trim_end_matches(' ') {
        "-" => 0,
        "+" => breaks,
        _ => breaks.min(1),
    };
    value.extend(std::iter::repeat_n('\n', kept));
    Some(value)
}

#[cfg(test)]
mod tests;
