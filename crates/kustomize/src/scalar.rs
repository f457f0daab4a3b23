//! Scalars as the YAML library under kustomize reads them: text, tag and style, and the value they stand for.
//!
//! Source: go-yaml v3 `resolve.go` and `encode.go`: a node is printed and read again before it becomes a value, so that
//! a style left over from an older value decides whether `80` is a number or a string.

use serde_json::Value;

use crate::error::{Result, fail};

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// Without quotes, inside `{…}` or `[…]`, where less can stand without quotes when it is printed again.
    PlainInFlow,
    Single,
    Double,
    Literal,
    Folded,
}

impl Style {
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Plain | Self::PlainInFlow)
    }
}

/// The type of a scalar. `None` means that the text decides when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    None,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Merge,
    Binary,
    Other(Box<str>),
}

impl Tag {
    pub(crate) fn from_long(tag: &str) -> Self {
        match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Self::Str,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("bool") => Self::Bool,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("merge") => Self::Merge,
            Some("binary") => Self::Binary,
            Some(other) => Self::Other(format!("!!{other}").into()),
            None => Self::Other(tag.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::None => "",
            Self::Str => "!!str",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Bool => "!!bool",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
            Self::Merge => "!!merge",
            Self::Binary => "!!binary",
            Self::Other(tag) => tag,
        }
    }
}

const COMPOUND: &str = "compound";

/// One scalar of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) tag: Tag,
    pub(crate) style: Style,
    /// Whether the tag was written in the text, so that it stays.
    pub(crate) tagged: bool,
    /// The number it shares with the other places of the same value.
    pub(crate) link: Option<std::num::NonZeroU32>,
    /// Whether it stood inside `{…}` or `[…]`.
    pub(crate) in_flow: bool,
}

impl Scalar {
    /// A scalar whose type its text decides.
    pub(crate) fn untyped(text: impl Into<String>) -> Self {
        Self::with_tag(text, Tag::None)
    }

    pub(crate) fn string(text: impl Into<String>) -> Self {
        Self::with_tag(text, Tag::Str)
    }

    pub(crate) fn with_tag(text: impl Into<String>, tag: Tag) -> Self {
        Self {
            text: text.into(),
            tag,
            style: Style::Plain,
            tagged: false,
            link: None,
            in_flow: false,
        }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let tag = if text == "<<" {
            Tag::Merge
        } else {
            resolve(&text).0
        };
        Self::with_tag(text, tag)
    }

    /// Stands for a key that is a map or a list: it is an error once the map becomes a value, and not before.
    pub(crate) fn compound_key(key: &crate::node::Node) -> Self {
        let text = key.to_value().map_or_else(
            |error| error.to_string(),
            |value| kluctl_yaml::go_json::to_string(&value),
        );
        Self::with_tag(text, Tag::Other(COMPOUND.into()))
    }

    pub(crate) fn is_compound_key(&self) -> bool {
        matches!(&self.tag, Tag::Other(tag) if **tag == *COMPOUND)
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.tag, Tag::None | Tag::Str)
    }

    /// Whether it is a string once it has been printed and read again.
    pub(crate) fn is_text(&self) -> bool {
        match self.tag {
            Tag::Str | Tag::Merge => true,
            Tag::None => !self.style.is_plain() || matches!(resolve(&self.text).0, Tag::Str | Tag::Merge),
            _ => false,
        }
    }

    /// The value after printing and reading again.
    pub(crate) fn to_value(&self) -> Result<Value> {
        if self.breaks_as_block() {
            return Err(fail!(
                "yaml: found a tab character where an indentation space is expected: {:?}",
                self.text.lines().next().unwrap_or_default()
            ));
        }
        if self.tag == Tag::Str {
            return Ok(Value::String(self.text_read_again()));
        }
        if self.tagged {
            return self.resolve_tagged();
        }
        let quoted = match self.style {
            Style::Plain => self.text.contains('\n'),
            Style::PlainInFlow => self.text.is_empty() || self.text.contains(['\n', ':']),
            _ => true,
        };
        if self.tag == Tag::None {
            return Ok(if quoted {
                Value::String(self.text_read_again())
            } else {
                resolve(&self.text).1
            });
        }
        let (tag, value) = resolve(&self.text);
        if tag == self.tag {
            return Ok(if quoted {
                Value::String(self.text.clone())
            } else {
                value
            });
        }
        self.resolve_tagged()
    }

    /// Whether the text is printed as a block that cannot be read again, since it begins with a tab.
    fn breaks_as_block(&self) -> bool {
        let block = match self.style {
            Style::Literal | Style::Folded => true,
            Style::Plain | Style::PlainInFlow => self.text.contains('\n'),
            Style::Single | Style::Double => false,
        };
        block && self.text.starts_with('\t') && self.fits_a_block()
    }

    /// Whether the text can be printed as a block; else it gets double quotes.
    fn fits_a_block(&self) -> bool {
        !self.text.is_empty()
            && !self.text.ends_with(' ')
            && !self.text.contains(" \n")
            && !self
                .text
                .chars()
                .any(|symbol| symbol == '\u{feff}' || symbol.is_control() && symbol != '\n' && symbol != '\t')
    }

    /// The text after printing and reading again: a folded block gets an empty line before lines that are indented more.
    fn text_read_again(&self) -> String {
        if self.style != Style::Folded || self.in_flow || !self.text.contains('\n') || !self.fits_a_block() {
            return self.text.clone();
        }
        let printed = print_folded(&self.text);
        let document = kluctl_yaml::parse_first(&printed).ok().flatten();
        document
            .and_then(|document| document.get("k")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| self.text.clone())
    }

    /// The value under a tag that stands in the text.
    fn resolve_tagged(&self) -> Result<Value> {
        match &self.tag {
            Tag::Merge | Tag::Other(_) => return Ok(Value::String(self.text.clone())),
            Tag::Binary => {
                return crate::base64::decode(&self.text)
                    .map(|bytes| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
                    .ok_or_else(|| fail!("yaml: !!binary value contains invalid base64 data"));
            }
            _ => {}
        }
        let (tag, value) = resolve(&self.text);
        match (&self.tag, &tag) {
            (wanted, found) if wanted == found => Ok(value),
            (Tag::Float, Tag::Int) => Ok(value),
            (wanted, found) => Err(fail!(
                "yaml: cannot decode {} `{}` as a {}",
                found.as_str(),
                self.text,
                wanted.as_str()
            )),
        }
    }
}

/// A document whose key `k` holds the text as a folded block, as go-yaml v3 prints it.
///
/// Source: go-yaml v3 `emitterc.go`, `yaml_emitter_write_folded_scalar`.
fn print_folded(text: &str) -> String {
    let mut printed = String::from("k: >");
    if text.starts_with([' ', '\n']) {
        printed.push('2');
    }
    let body = text.trim_end_matches('\n');
    match text.len() - body.len() {
        0 => printed.push('-'),
        1 if !body.is_empty() => {}
        _ => printed.push('+'),
    }
    // Whether folds get a second line break is decided by how the whole text begins.
    let after_breaks = text.trim_start_matches('\n').chars().next();
    let doubles = after_breaks.is_some_and(|first| first != ' ' && first != '\t');
    printed.push('\n');
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        if !line.is_empty() {
            printed.push_str("  ");
            printed.push_str(line);
        }
        if lines.peek().is_some() {
            printed.push('\n');
            if doubles && !line.is_empty() && !line.starts_with([' ', '\t']) {
                printed.push('\n');
            }
        }
    }
    if !text.ends_with('\n') {
        printed.push('\n');
    }
    printed
}

/// What a plain scalar stands for.
pub(crate) fn resolve(text: &str) -> (Tag, Value) {
    let string = || (Tag::Str, Value::String(text.to_owned()));
    let Some(first) = text.bytes().next() else {
        return (Tag::Null, Value::Null);
    };
    match text {
        "true" | "True" | "TRUE" => return (Tag::Bool, Value::Bool(true)),
        "false" | "False" | "FALSE" => return (Tag::Bool, Value::Bool(false)),
        "~" | "null" | "Null" | "NULL" => return (Tag::Null, Value::Null),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => return (Tag::Float, Value::String(text.to_owned())),
        "<<" => return (Tag::Merge, Value::String(text.to_owned())),
        _ => {}
    }
    match first {
        b'.' => match parse_go_float(text) {
            Some(number) => (Tag::Float, float_value(number)),
            None => string(),
        },
        b'0'..=b'9' | b'+' | b'-' => number(text).unwrap_or_else(string),
        _ => string(),
    }
}

fn number(text: &str) -> Option<(Tag, Value)> {
    if let Some(time) = timestamp(text) {
        return Some((Tag::Timestamp, Value::String(time)));
    }
    let plain = text.replace('_', "");
    if let Some(value) = integer(&plain) {
        return Some((Tag::Int, value));
    }
    if is_yaml_float(&plain) {
        return parse_go_float(&plain).map(|number| (Tag::Float, float_value(number)));
    }
    None
}

/// Integers with the prefixes of Go's `strconv.ParseInt(…, 0, 64)`.
fn integer(plain: &str) -> Option<Value> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        if magnitude > 1 << 63 {
            return None;
        }
        return Some(Value::from((magnitude as i64).wrapping_neg()));
    }
    if plain.starts_with('+') && magnitude > i64::MAX as u64 {
        return None;
    }
    Some(Value::from(magnitude))
}

fn is_yaml_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        let fraction = digits(after);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let count = digits(exponent);
        return count > 0 && count == exponent.len();
    }
    rest.is_empty()
}

fn parse_go_float(text: &str) -> Option<f64> {
    let allowed = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    allowed
        .then(|| text.parse::<f64>().ok())
        .flatten()
        .filter(|number| number.is_finite())
}

/// A float as it comes out of JSON and a second YAML reader: whole numbers become integers.
pub(crate) fn float_value(number: f64) -> Value {
    let text = kluctl_yaml::format_float_json(number);
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Value::from(whole);
    }
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A date or time in one of the four forms that are recognised, in the form JSON gives it.
fn timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut rest = &text[5..];
    let mut take = |most: usize| -> Option<u32> {
        let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = rest.get(..count)?.parse().ok()?;
        rest = &rest[count..];
        Some(number)
    };
    let month = take(2)?;
    let year: u32 = text[..4].parse().ok()?;
    rest = rest.strip_prefix('-')?;
    let mut take = |most: usize| -> Option<u32> {
        let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = rest.get(..count)?.parse().ok()?;
        rest = &rest[count..];
        Some(number)
    };
    let day = take(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if rest.is_empty() {
        return Some(format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    }
    let zoned = match rest.as_bytes()[0] {
        b'T' | b't' => true,
        b' ' => false,
        _ => return None,
    };
    let (clock, rest) = clock(&rest[1..])?;
    let zone = if zoned {
        zone(rest)?
    } else if rest.is_empty() {
        "Z"
    } else {
        return None;
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{clock}{zone}"))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// `15:4:5.999`, and what follows it.
fn clock(text: &str) -> Option<(String, &str)> {
    let mut rest = text;
    let mut parts = [0u32; 3];
    for (index, part) in parts.iter_mut().enumerate() {
        let count = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return None;
        }
        *part = rest[..count].parse().ok()?;
        rest = &rest[count..];
        if index < 2 {
            rest = rest.strip_prefix(':')?;
        }
    }
    let [hour, minute, second] = parts;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut out = format!("{hour:02}:{minute:02}:{second:02}");
    if let Some(after) = rest.strip_prefix('.') {
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return None;
        }
        let fraction = after[..count.min(9)].trim_end_matches('0');
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        rest = &after[count..];
    }
    Some((out, rest))
}

fn zone(text: &str) -> Option<&str> {
    if text == "Z" {
        return Some("Z");
    }
    let bytes = text.as_bytes();
    let shape = bytes.len() == 6
        && matches!(bytes[0], b'+' | b'-')
        && bytes[3] == b':'
        && [1, 2, 4, 5].iter().all(|&index| bytes[index].is_ascii_digit());
    if !shape {
        return None;
    }
    Some(if &text[1..] == "00:00" { "Z" } else { text })
}
