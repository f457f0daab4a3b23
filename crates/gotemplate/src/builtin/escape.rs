//! `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::fmt;
use crate::runes;
use crate::text::Text;
use crate::value::Value;

fn printed(arguments: &[Value]) -> Text {
    fmt::print_following(arguments, true)
}

pub(super) fn html(arguments: &[Value]) -> Text {
    let text = printed(arguments);
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            0 => out.extend_from_slice("\u{FFFD}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    Text::from(out)
}

pub(super) fn js(arguments: &[Value]) -> Text {
    let text = printed(arguments);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    for (at, rune, width) in runes::iter(bytes) {
        match rune {
            '\\' | '\'' | '"' => {
                out.push(b'\\');
                out.push(rune as u8);
            }
            '<' | '>' | '&' | '=' | '\0'..' ' => {
                out.extend_from_slice(format!("\\u{:04X}", rune as u32).as_bytes());
            }
            ' '..='\u{7F}' => out.push(rune as u8),
            _ if runes::is_print(rune) => out.extend_from_slice(&bytes[at..at + width]),
            _ => out.extend_from_slice(format!("\\u{:04X}", rune as u32).as_bytes()),
        }
    }
    Text::from(out)
}

pub(super) fn url_query(arguments: &[Value]) -> Text {
    Text::from(query_escape(printed(arguments).as_bytes()))
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
