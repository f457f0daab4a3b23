//! Writes values as go-yaml does.

use std::cmp::Ordering;

use serde_json::Value;

use crate::error::Error;
use crate::go_float::{format_float_g, format_float_json};
use crate::key_order::{natural_order, natural_order_v3, sort_keys};
use crate::resolve::{Resolved, parse_int, resolve_plain};
use crate::text::check_characters;

/// Which of Go's libraries is to be matched, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// go-yaml v3 instead of `sigs.k8s.io/yaml` (which is go-yaml v2 on the value's JSON).
    pub v3: bool,
    /// Spaces per level (v3 only; v2 always has 2).
    pub indent: usize,
    /// Lists in maps start at their key's column (v3 only; v2 always does so).
    pub compact_lists: bool,
}

impl Layout {
    /// `sigs.k8s.io/yaml`'s `Marshal`.
    pub const SIGS: Self = Self {
        v3: false,
        indent: 2,
        compact_lists: true,
    };
}

/// Writes a value as `sigs.k8s.io/yaml`'s `Marshal` does; a value it cannot write gives an empty text as in Helm's `toYaml`.
pub fn to_string(value: &Value) -> String {
    try_to_string(value).unwrap_or_default()
}

/// Writes a value as `sigs.k8s.io/yaml`'s `Marshal` does.
///
/// Fails where Go fails: it reads its own JSON as YAML, which forbids some characters and keys over 1024 characters.
pub fn try_to_string(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    write_document(value, Layout::SIGS, &mut text)?;
    Ok(text)
}

/// Writes documents with `---` between them.
pub fn to_string_documents(values: &[Value]) -> String {
    let mut text = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            text.push_str("---\n");
        }
        text.push_str(&to_string(value));
    }
    text
}

/// Writes a value as go-yaml v3's encoder with an indent does (Helm's `toYamlPretty` has 2).
pub fn to_string_indented(value: &Value, indent: usize) -> String {
    to_string_layout(
        value,
        Layout {
            v3: true,
            indent,
            compact_lists: false,
        },
    )
}

/// Writes a value in a layout of choice.
pub fn to_string_layout(value: &Value, layout: Layout) -> String {
    let mut text = String::new();
    match write_document(value, layout, &mut text) {
        Ok(()) => text,
        Err(_) => String::new(),
    }
}

fn write_document(value: &Value, layout: Layout, text: &mut String) -> Result<(), Error> {
    let mut emitter = Emitter::new(text, layout);
    emitter.node(value, Context::Root)?;
    emitter.write_indent();
    Ok(())
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Context {
    Root,
    Sequence,
    /// A value, or a key that is too long to be written in front of its colon.
    Mapping,
    SimpleKey,
}

pub(crate) struct Emitter<'a> {
    pub(crate) text: &'a mut String,
    layout: Layout,
    column: usize,
    pub(crate) indent: isize,
    /// The last thing written was white space.
    pub(crate) whitespace: bool,
    /// Only indentation and `-`, `?`, `:` were written on this line.
    pub(crate) indention: bool,
    width: usize,
    /// The indentation of a foot comment just written: what follows there keeps a blank line away.
    pub(crate) foot_indent: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl<'a> Emitter<'a> {
    pub(crate) fn new(text: &'a mut String, layout: Layout) -> Self {
        Self {
            text,
            layout,
            column: 0,
            indent: -1,
            whitespace: true,
            indention: true,
            width: if layout.v3 { usize::MAX } else { 80 },
            foot_indent: None,
        }
    }

    pub(crate) fn node(&mut self, value: &Value, context: Context) -> Result<(), Error> {
        match value {
            Value::Null => self.plain("null", context),
            Value::Bool(true) => self.plain("true", context),
            Value::Bool(false) => self.plain("false", context),
            Value::Number(number) => {
                let text = match number.as_f64() {
                    Some(float) if number.is_f64() => self.float(float),
                    _ => number.to_string(),
                };
                self.plain(&text, context);
            }
            Value::String(string) => self.string(string, context)?,
            Value::Array(items) if items.is_empty() => self.indicator("[]", true, false, false),
            Value::Array(items) => self.sequence(items, context)?,
            Value::Object(map) if map.is_empty() => self.indicator("{}", true, false, false),
            Value::Object(map) => self.mapping(map, context)?,
        }
        Ok(())
    }

    /// A float's text; with v2 it has gone through JSON, where whole floats are integers.
    fn float(&self, number: f64) -> String {
        if !self.layout.v3 {
            let json = format_float_json(number);
            match parse_int(&json) {
                Some(Resolved::Int(number)) => return number.to_string(),
                Some(Resolved::Uint(number)) => return number.to_string(),
                _ => {}
            }
        }
        format_float_g(number)
    }

    fn sequence(&mut self, items: &[Value], context: Context) -> Result<(), Error> {
        let in_mapping = context == Context::Mapping;
        let saved = self.indent;
        if self.layout.v3 {
            let compact = in_mapping && (self.column == 0 || !self.indention) && self.layout.compact_lists;
            self.increase_indent(context, false, false, compact);
        } else {
            self.increase_indent(context, false, in_mapping && !self.indention, false);
        }
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Context::Sequence)?;
        }
        self.indent = saved;
        Ok(())
    }

    fn mapping(&mut self, map: &serde_json::Map<String, Value>, context: Context) -> Result<(), Error> {
        let saved = self.indent;
        self.increase_indent(context, false, false, false);
        let order: fn(&str, &str) -> Ordering = if self.layout.v3 {
            natural_order_v3
        } else {
            natural_order
        };
        let mut entries: Vec<_> = map.iter().collect();
        sort_keys(&mut entries, &|(a, _), (b, _)| order(a, b) == Ordering::Less);
        for (key, value) in entries {
            self.write_indent();
            if !self.layout.v3 {
                check_key(key)?;
            }
            if is_simple_key(key) {
                self.string(key, Context::SimpleKey)?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(key, Context::Mapping)?;
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Context::Mapping)?;
        }
        self.indent = saved;
        Ok(())
    }

    /// A scalar that is certain to need no quotes and no folding.
    pub(crate) fn plain(&mut self, text: &str, _context: Context) {
        if !self.whitespace {
            self.put(' ');
        }
        self.text.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    pub(crate) fn string(&mut self, string: &str, context: Context) -> Result<(), Error> {
        let through_json;
        let string = if self.layout.v3 {
            string
        } else {
            through_json = through_json_text(string)?;
            through_json.as_ref()
        };
        let analysis = Analysis::of(string, self.layout.v3);
        let style = Self::style(string, &analysis, context);
        let saved = self.indent;
        self.increase_indent(context, true, false, false);
        let may_fold = context != Context::SimpleKey;
        match style {
            Style::Plain => self.write_plain(string, may_fold),
            Style::Single => self.write_single(string, may_fold),
            Style::Double => self.write_double(string, may_fold),
            Style::Literal => self.write_literal(string),
        }
        self.indent = saved;
        Ok(())
    }

    fn style(string: &str, analysis: &Analysis, context: Context) -> Style {
        let simple_key = context == Context::SimpleKey;
        let means_itself = means_itself(string);
        let mut style = if string.contains('\n') {
            Style::Literal
        } else if means_itself {
            Style::Plain
        } else {
            Style::Double
        };
        if simple_key && analysis.multiline {
            style = Style::Double;
        }
        if style == Style::Plain && (!analysis.plain_allowed || (string.is_empty() && simple_key)) {
            style = Style::Single;
        }
        if style == Style::Single && !analysis.single_allowed {
            style = Style::Double;
        }
        if style == Style::Literal && (!analysis.block_allowed || simple_key) {
            style = Style::Double;
        }
        style
    }

    pub(crate) fn increase_indent(&mut self, context: Context, flow: bool, indentless: bool, compact: bool) {
        let step = if self.layout.v3 {
            self.layout.indent as isize
        } else {
            2
        };
        if self.indent < 0 {
            self.indent = if flow { step } else { 0 };
        } else if indentless {
        } else if !self.layout.v3 {
            self.indent += step;
        } else if context == Context::Sequence {
            self.indent += 2;
        } else {
            self.indent = step * ((self.indent + step) / step);
            if compact {
                self.indent -= 2;
            }
        }
    }

    pub(crate) fn put(&mut self, character: char) {
        self.text.push(character);
        self.column += 1;
    }

    pub(crate) fn put_break(&mut self) {
        self.text.push('\n');
        self.column = 0;
        if self.layout.v3 {
            self.indention = true;
        }
    }

    fn write_break(&mut self, character: char) {
        self.text.push(character);
        self.column = 0;
        if self.layout.v3 {
            self.indention = true;
        }
    }

    pub(crate) fn write_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        if self.foot_indent.take() == Some(indent) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        if !self.layout.v3 {
            self.indention = true;
        }
    }

    pub(crate) fn indicator(
        &mut self,
        text: &str,
        need_whitespace: bool,
        is_whitespace: bool,
        is_indention: bool,
    ) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.text.push_str(text);
        self.column += text.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn write_plain(&mut self, string: &str, may_fold: bool) {
        if !self.whitespace && (!self.layout.v3 || !string.is_empty()) {
            self.put(' ');
        }
        if string.len() + self.column <= self.width && string.is_ascii() {
            // Short enough never to be folded, and plain strings hold no line breaks.
            self.text.push_str(string);
            self.column += string.len();
        } else {
            self.write_folding(string, may_fold, false);
        }
        if !self.layout.v3 || !string.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    fn write_single(&mut self, string: &str, may_fold: bool) {
        self.indicator("'", true, false, false);
        self.write_folding(string, may_fold, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// Text of a plain or single quoted scalar, folded at spaces past the width.
    fn write_folding(&mut self, string: &str, may_fold: bool, quoted: bool) {
        let mut spaces = false;
        let mut breaks = false;
        let mut characters = string.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next_is_space = characters.peek().is_some_and(|(_, next)| *next == ' ');
            if character == ' ' {
                let inside = !quoted || (at > 0 && at < string.len() - 1);
                if may_fold && !spaces && self.column > self.width && inside && !next_is_space {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.put_break();
                }
                self.write_break(character);
                if !self.layout.v3 {
                    self.indention = true;
                }
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if quoted && character == '\'' {
                    self.put('\'');
                }
                self.put(character);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    fn write_double(&mut self, string: &str, may_fold: bool) {
        self.indicator("\"", true, false, false);
        // Go looks for the byte order mark at the start only, but does so at every character.
        let escape_all = string.starts_with('\u{FEFF}');
        let mut spaces = false;
        let mut characters = string.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if escape_all
                || !is_printable(character)
                || is_break(character)
                || matches!(character, '"' | '\\')
            {
                self.write_escape(character);
                spaces = false;
            } else if character == ' ' {
                let next_is_space = characters.peek().is_some_and(|(_, next)| *next == ' ');
                if may_fold && !spaces && self.column > self.width && at > 0 && at < string.len() - 1 {
                    self.write_indent();
                    if next_is_space {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_escape(&mut self, character: char) {
        let code = character as u32;
        let escape = match character {
            '\0' => "0",
            '\x07' => "a",
            '\x08' => "b",
            '\t' => "t",
            '\n' => "n",
            '\x0B' => "v",
            '\x0C' => "f",
            '\r' => "r",
            '\x1B' => "e",
            '"' => "\"",
            '\\' => "\\",
            '\u{85}' => "N",
            '\u{A0}' => "_",
            '\u{2028}' => "L",
            '\u{2029}' => "P",
            _ if code <= 0xFF => &format!("x{code:02X}"),
            _ if code <= 0xFFFF => &format!("u{code:04X}"),
            _ => &format!("U{code:08X}"),
        };
        self.text.push('\\');
        self.text.push_str(escape);
        self.column += 1 + escape.len();
    }

    fn write_literal(&mut self, string: &str) {
        self.indicator("|", true, false, false);
        let first = string.chars().next();
        if first.is_some_and(|first| first == ' ' || is_break(first)) {
            let hint = self.layout.indent.to_string();
            self.indicator(&hint, false, false, false);
        }
        let mut from_end = string.chars().rev();
        let (last, before) = (from_end.next(), from_end.next());
        if !last.is_some_and(is_break) {
            self.indicator("-", false, false, false);
        } else if before.is_none_or(is_break) {
            self.indicator("+", false, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        let mut rest = string;
        while let Some(character) = rest.chars().next() {
            if is_break(character) {
                self.write_break(character);
                self.indention = true;
                breaks = true;
                rest = &rest[character.len_utf8()..];
            } else {
                if breaks {
                    self.write_indent();
                }
                let end = rest.find(is_break).unwrap_or(rest.len());
                self.text.push_str(&rest[..end]);
                self.column += rest[..end].chars().count();
                rest = &rest[end..];
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// Keys are written in front of their colon unless they are long or have several lines.
pub(crate) fn is_simple_key(key: &str) -> bool {
    const LONGEST: usize = 128;
    key.len() <= LONGEST && !key.contains(is_break)
}

/// Go reads its JSON back as YAML, where a key may have 1024 characters, quotes included.
fn check_key(key: &str) -> Result<(), Error> {
    const LONGEST: usize = 1024;
    if key.len() * 6 + 2 > LONGEST || key.contains('\u{85}') {
        let mut json = String::new();
        crate::go_json::write_string(key, true, &mut json);
        if json.chars().count() > LONGEST || key.contains('\u{85}') {
            return Err(Error::new("yaml: did not find expected ',' or '}'"));
        }
    }
    Ok(())
}

/// What becomes of a string when its JSON is read as YAML: a next-line character folds to a space.
fn through_json_text(string: &str) -> Result<std::borrow::Cow<'_, str>, Error> {
    if !string.bytes().any(|byte| matches!(byte, 0x7F | 0xC2 | 0xEF)) {
        return Ok(string.into());
    }
    // Control characters below the space are escaped in JSON, so YAML never sees them.
    let raw: String = string.chars().filter(|character| *character >= ' ').collect();
    check_characters(&raw).map_err(|_| Error::new("yaml: control characters are not allowed"))?;
    if !string.contains('\u{85}') {
        return Ok(string.into());
    }
    let mut json = String::new();
    crate::go_json::write_string(string, true, &mut json);
    let documents = crate::parser::parse_documents(&json)?;
    let text = documents
        .first()
        .and_then(|node| node.as_str())
        .unwrap_or_default();
    Ok(text.to_owned().into())
}

/// Whether a plain scalar of this text is read as this text.
///
/// go-yaml v3 reads YAML 1.2 but quotes what an older reader would take for something else, so both ask the same.
fn means_itself(string: &str) -> bool {
    resolve_plain(string) == Resolved::String && !is_base60(string)
}

/// `[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?`: a base 60 number to YAML 1.1.
fn is_base60(string: &str) -> bool {
    let rest = string.strip_prefix(['-', '+']).unwrap_or(string);
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|c: char| c.is_ascii_digit())
        || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return false;
    }
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return false;
    }
    while let Some(part) = parts.next() {
        let digits = match part.split_once('.') {
            Some((digits, fraction)) => {
                if parts.peek().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
                    return false;
                }
                digits
            }
            None => part,
        };
        let fits = match digits.as_bytes() {
            [unit] => unit.is_ascii_digit(),
            [ten, unit] => (b'0'..=b'5').contains(ten) && unit.is_ascii_digit(),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Which styles a string can be written in.
struct Analysis {
    multiline: bool,
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
}

impl Analysis {
    /// Source: go.yaml.in/yaml v2 and v3 `emitterc.go`, `yaml_emitter_analyze_scalar`.
    fn of(string: &str, v3: bool) -> Self {
        if is_surely_plain(string.as_bytes()) {
            return Self {
                multiline: false,
                plain_allowed: true,
                single_allowed: true,
                block_allowed: true,
            };
        }
        Self::by_character(string, v3)
    }

    fn by_character(string: &str, v3: bool) -> Self {
        let mut indicators = string.starts_with("---") || string.starts_with("...");
        let (mut line_breaks, mut special, mut tabs) = (false, false, false);
        let (mut leading, mut trailing_space, mut trailing_break) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut previous_space, mut previous_break) = (false, false);
        let mut after_blank = true;
        let mut characters = string.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let before_blank = next.is_none_or(|next| next == ' ' || next == '\t');
            indicators |= match character {
                '#' if at > 0 => after_blank,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`' => at == 0,
                ':' => before_blank,
                '?' | '-' => at == 0 && before_blank,
                _ => false,
            };
            if v3 && character == '\t' {
                tabs = true;
            } else if !is_printable(character) {
                special = true;
            }
            let (is_space, is_break) = (character == ' ', is_break(character));
            if is_space || is_break {
                leading |= at == 0;
                trailing_space |= is_space && next.is_none();
                trailing_break |= is_break && next.is_none();
                break_space |= is_space && previous_break;
                space_break |= is_break && previous_space;
                line_breaks |= is_break;
            }
            previous_space = is_space;
            previous_break = is_break;
            after_blank = is_space || is_break || character == '\t' || character == '\0';
        }
        let unquotable = break_space || space_break || tabs || special;
        Self {
            multiline: line_breaks,
            plain_allowed: !(leading
                || trailing_space
                || trailing_break
                || unquotable
                || line_breaks
                || indicators),
            single_allowed: !unquotable,
            block_allowed: !(string.is_empty() || trailing_space || space_break || special),
        }
    }
}

/// Tells whether a string has nothing that matters to its style, so that it need not be looked at character by character.
fn is_surely_plain(bytes: &[u8]) -> bool {
    let is_plain_start = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'$' | b'(');
    if !bytes.first().is_some_and(|first| is_plain_start(*first)) || bytes.last() == Some(&b' ') {
        return false;
    }
    let mut after_colon = false;
    for byte in bytes {
        match byte {
            b' ' if after_colon => return false,
            b'#' => return false,
            b':' => after_colon = true,
            b' '..=b'~' => after_colon = false,
            _ => return false,
        }
    }
    !after_colon
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What Go writes as it is; it works on bytes and leaves out all beyond the basic plane.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{A0}'..='\u{FFFD}') && character != '\u{FEFF}'
}

#[cfg(test)]
mod tests {
    use super::{Analysis, is_surely_plain};

    #[test]
    fn the_short_look_at_a_string_finds_what_the_long_one_does() {
        let pieces = [
            "a", "Z9", " ", ":", "#", "-", "'", "\"", "%", "@", ",", "[", "}", "?", "!", "~", "é", "\n",
            "\t", "---", ".",
        ];
        let mut short = 0;
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let string = [first, second, third, "b"].concat();
                    for string in [&string[..], &string[..string.len() - 1]] {
                        if is_surely_plain(string.as_bytes()) {
                            short += 1;
                            for v3 in [false, true] {
                                let found = Analysis::by_character(string, v3);
                                assert!(
                                    found.plain_allowed && found.single_allowed && found.block_allowed,
                                    "{string:?}"
                                );
                                assert!(!found.multiline, "{string:?}");
                            }
                        }
                    }
                }
            }
        }
        assert!(short > 100, "{short}");
    }
}
