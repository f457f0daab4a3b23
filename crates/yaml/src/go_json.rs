//! JSON as Go's `encoding/json` prints it.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::go_float::format_float_json;

/// `json.Marshal`: sorted keys, `<`, `>` and `&` escaped.
pub fn to_string(value: &Value) -> String {
    let mut text = String::new();
    write_value(
        value,
        &Style {
            html: true,
            indent: None,
        },
        0,
        &mut text,
    );
    text
}

/// [`to_string`] of a map.
pub fn map_to_string(map: &Map<String, Value>) -> String {
    let mut text = String::new();
    let style = Style {
        html: true,
        indent: None,
    };
    write_map(map, &style, 0, &mut text);
    text
}

/// Like [`to_string`] without escaping `<`, `>` and `&` (Go's `SetEscapeHTML(false)`, without the final line break).
pub fn to_string_raw(value: &Value) -> String {
    let mut text = String::new();
    write_value(
        value,
        &Style {
            html: false,
            indent: None,
        },
        0,
        &mut text,
    );
    text
}

/// `json.MarshalIndent` with two spaces.
pub fn to_string_pretty(value: &Value) -> String {
    to_string_pretty_with(value, "  ", true)
}

/// `json.MarshalIndent` with an indent of choice; `html` tells whether `<`, `>` and `&` are escaped.
pub fn to_string_pretty_with(value: &Value, indent: &str, html: bool) -> String {
    let mut text = String::new();
    let style = Style {
        html,
        indent: Some(indent),
    };
    write_value(value, &style, 0, &mut text);
    text
}

struct Style<'a> {
    html: bool,
    indent: Option<&'a str>,
}

impl Style<'_> {
    fn line(&self, depth: usize, text: &mut String) {
        if let Some(indent) = self.indent {
            text.push('\n');
            for _ in 0..depth {
                text.push_str(indent);
            }
        }
    }
}

fn write_value(value: &Value, style: &Style<'_>, depth: usize, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => text.push_str(&format_float_json(float)),
            _ => text.push_str(&number.to_string()),
        },
        Value::String(string) => write_string(string, style.html, text),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                style.line(depth + 1, text);
                write_value(item, style, depth + 1, text);
            }
            if !items.is_empty() {
                style.line(depth, text);
            }
            text.push(']');
        }
        Value::Object(map) => write_map(map, style, depth, text),
    }
}

fn write_map(map: &Map<String, Value>, style: &Style<'_>, depth: usize, text: &mut String) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.as_str());
    text.push('{');
    for (i, (key, item)) in entries.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        style.line(depth + 1, text);
        write_string(key, style.html, text);
        text.push(':');
        if style.indent.is_some() {
            text.push(' ');
        }
        write_value(item, style, depth + 1, text);
    }
    if !entries.is_empty() {
        style.line(depth, text);
    }
    text.push('}');
}

/// Writes a JSON string as `encoding/json` does.
pub fn write_string(string: &str, html: bool, text: &mut String) {
    text.push('"');
    let mut start = 0;
    for (at, character) in string.char_indices() {
        let escaped = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x08' => "\\b",
            '\x0C' => "\\f",
            '<' if html => "\\u003c",
            '>' if html => "\\u003e",
            '&' if html => "\\u0026",
            '\u{2028}' => "\\u2028",
            '\u{2029}' => "\\u2029",
            '\0'..='\x1F' => "",
            _ => continue,
        };
        text.push_str(&string[start..at]);
        if escaped.is_empty() {
            let _ = write!(text, "\\u{:04x}", character as u32);
        } else {
            text.push_str(escaped);
        }
        start = at + character.len_utf8();
    }
    text.push_str(&string[start..]);
    text.push('"');
}

/// A string in Go's double quoted syntax (`%q`), for messages.
pub(crate) fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\x07' => text.push_str("\\a"),
            '\x08' => text.push_str("\\b"),
            '\x0C' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\x0B' => text.push_str("\\v"),
            '\0'..='\x1F' | '\x7F' => {
                let _ = write!(text, "\\x{:02x}", character as u32);
            }
            '\u{80}'..='\u{A0}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' => {
                let _ = write!(text, "\\u{:04x}", character as u32);
            }
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

/// Standard base64 with padding, line breaks ignored, as Go's `base64.StdEncoding` decodes.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = 0u32;
    let mut count = 0;
    let mut padding = 0;
    for byte in text.bytes() {
        let digit = match byte {
            b'\n' | b'\r' => continue,
            b'=' => {
                padding += 1;
                continue;
            }
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        group = group << 6 | u32::from(digit);
        count += 1;
        if count == 4 {
            bytes.extend_from_slice(&group.to_be_bytes()[1..]);
            group = 0;
            count = 0;
        }
    }
    match (count, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((group >> 4) as u8),
        (3, 1) => bytes.extend_from_slice(&((group >> 2) as u16).to_be_bytes()),
        _ => return None,
    }
    Some(bytes)
}
