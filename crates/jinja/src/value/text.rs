//! Characters as Python counts and classifies them.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::Value;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;

/// Bytes as UTF-8 text.
pub(crate) fn decode_utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        let reason = match (error.error_len(), bytes[start]) {
            (None, _) => "unexpected end of data",
            (_, 0x80..0xC2 | 0xF5..) => "invalid start byte",
            _ => "invalid continuation byte",
        };
        let end = error.error_len().map_or(bytes.len(), |length| start + length) - 1;
        let place = if end == start {
            format!("byte 0x{:02x} in position {start}", bytes[start])
        } else {
            format!("bytes in position {start}-{end}")
        };
        Error::new(
            ErrorKind::UNICODE_DECODE,
            format!("'utf-8' codec can't decode {place}: {reason}"),
        )
    })
}

/// The content of a template's file as text.
pub(crate) fn decode_file<'b>(path: &str, bytes: &'b [u8]) -> Result<&'b str> {
    decode_utf8(bytes).map_err(|mut error| {
        let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let before: Arc<str> = String::from_utf8_lossy(&bytes[..valid]).into();
        error.set_hint(
            "a file that has a `{` must be UTF-8 text (Python says: File \"<frozen codecs>\", line 325, in decode)"
                .to_owned(),
        );
        let source = Source { name: path.into(), text: before };
        error.at(valid as u32).locate(&source, "template")
    })
}

/// Number of characters.
pub(crate) fn length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// The characters from `start` to `stop`, both already within bounds.
pub(crate) fn slice(text: &str, start: usize, stop: usize) -> &str {
    if stop <= start {
        return "";
    }
    if text.is_ascii() {
        return &text[start..stop];
    }
    let at = |index: usize| {
        text.char_indices()
            .nth(index)
            .map_or(text.len(), |(offset, _)| offset)
    };
    &text[at(start)..at(stop)]
}

pub(crate) fn char_value(c: char) -> Value {
    Value::Str(c.encode_utf8(&mut [0; 4]).into())
}

fn class(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("the pattern is a constant"))
}

fn fits(class: &Regex, c: char) -> bool {
    class.is_match(c.encode_utf8(&mut [0; 4]))
}

/// `str.isprintable` of one character.
pub(crate) fn is_printable(c: char) -> bool {
    static HIDDEN: LazyLock<Regex> = LazyLock::new(|| class(r"[\p{C}\p{Z}]"));
    match c {
        ' '..='~' => true,
        _ if c.is_ascii() => false,
        _ => !fits(&HIDDEN, c),
    }
}

/// `str.isalpha`.
pub(crate) fn is_alpha(c: char) -> bool {
    static LETTER: LazyLock<Regex> = LazyLock::new(|| class(r"\p{L}"));
    if c.is_ascii() {
        c.is_ascii_alphabetic()
    } else {
        fits(&LETTER, c)
    }
}

/// `str.isdecimal`: the digit, if it is one of a decimal system.
pub(crate) fn decimal(c: char) -> Option<u32> {
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| class(r"\p{Nd}"));
    if c.is_ascii() {
        return c.to_digit(10);
    }
    if !fits(&DIGIT, c) {
        return None;
    }
    if (0x1d7ce..=0x1d7ff).contains(&(c as u32)) {
        return Some((c as u32 - 0x1d7ce) % 10);
    }
    // Digits come in runs of ten: the distance to the first one of the run is the value.
    let mut value = 0;
    let mut code = c as u32;
    while value < 9 {
        match char::from_u32(code.wrapping_sub(1)) {
            Some(before) if fits(&DIGIT, before) => {
                code -= 1;
                value += 1;
            }
            _ => break,
        }
    }
    Some(value)
}

/// `str.isdigit`: decimals, superscripts, circled digits.
pub(crate) fn is_digit(c: char) -> bool {
    decimal(c).is_some()
        || matches!(c as u32,
            0xb2 | 0xb3 | 0xb9 | 0x1369..=0x1371 | 0x19da | 0x2070 | 0x2074..=0x2079 | 0x2080..=0x2089
            | 0x2460..=0x2468 | 0x2474..=0x247c | 0x2488..=0x2490 | 0x24ea | 0x24f5..=0x24fd | 0x24ff
            | 0x2776..=0x277e | 0x2780..=0x2788 | 0x278a..=0x2792 | 0x10a40..=0x10a43 | 0x10e60..=0x10e68
            | 0x11052..=0x1105a | 0x1f100..=0x1f10a)
}

/// `str.isnumeric`: all number characters, and the ideographs for numbers.
pub(crate) fn is_numeric(c: char) -> bool {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| class(r"\p{N}"));
    const IDEOGRAPHS: &str = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳貳贰阡陆陌陸零";
    if c.is_ascii() {
        c.is_ascii_digit()
    } else {
        fits(&NUMBER, c) || IDEOGRAPHS.contains(c)
    }
}

pub(crate) fn is_alnum(c: char) -> bool {
    is_alpha(c) || is_numeric(c)
}

/// `str.capitalize`, of the first character only.
pub(crate) fn title_char(c: char, out: &mut String) {
    match c {
        '\u{1c4}'..='\u{1c6}' => out.push('\u{1c5}'),
        '\u{1c7}'..='\u{1c9}' => out.push('\u{1c8}'),
        '\u{1ca}'..='\u{1cc}' => out.push('\u{1cb}'),
        '\u{1f1}'..='\u{1f3}' => out.push('\u{1f2}'),
        'ß' => out.push_str("Ss"),
        'ﬀ' => out.push_str("Ff"),
        'ﬁ' => out.push_str("Fi"),
        'ﬂ' => out.push_str("Fl"),
        'ﬃ' => out.push_str("Ffi"),
        'ﬄ' => out.push_str("Ffl"),
        'ﬅ' | 'ﬆ' => out.push_str("St"),
        c => out.extend(c.to_uppercase()),
    }
}

pub(crate) fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || matches!(c, '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}')
}

/// `str.splitlines(keepends)`.
pub(crate) fn split_lines(text: &str, keep: bool) -> Vec<&str> {
    let is_break = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c' | '\x1d' | '\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(end) = rest.find(is_break) else {
            lines.push(rest);
            break;
        };
        let found = rest[end..].chars().next().map_or(1, char::len_utf8);
        let width = if rest[end..].starts_with("\r\n") { 2 } else { found };
        lines.push(if keep { &rest[..end + width] } else { &rest[..end] });
        rest = &rest[end + width..];
    }
    lines
}

/// HTML-escapes text as MarkupSafe does.
pub(crate) fn escape(text: &str) -> Arc<str> {
    if !text.contains(['&', '<', '>', '\'', '"']) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out.into()
}
