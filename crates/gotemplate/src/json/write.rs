//! Writes JSON as Go does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::Error;
use crate::object::Object;
use crate::runes;
use crate::stack;
use crate::strconv;
use crate::text::Text;
use crate::value::Value;

/// The depth from which on values are watched for containing themselves.
const WATCH_DEPTH: usize = 1000;

type Result<T> = std::result::Result<T, Error>;

/// Writes a value on one line; `escape_html` also escapes `<`, `>` and `&`, as `json.Marshal` does.
pub fn to_text(value: &Value, escape_html: bool) -> Result<Text> {
    let mut writer = Writer {
        out: Vec::with_capacity(64),
        escape_html,
        seen: Vec::new(),
    };
    writer.value(value, 0)?;
    Ok(Text::from(writer.out))
}

/// Writes a value over many lines, indented by two spaces.
pub fn to_pretty_text(value: &Value) -> Result<Text> {
    let text = to_text(value, true)?;
    Ok(Text::from(indent(text.as_bytes())))
}

struct Writer {
    out: Vec<u8>,
    escape_html: bool,
    /// Where the maps and lists around lie, past [`WATCH_DEPTH`].
    seen: Vec<usize>,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Bool(truth) => self
                .out
                .extend_from_slice(if *truth { b"true" } else { b"false" }),
            Value::Int(number, _) => self.out.extend_from_slice(number.to_string().as_bytes()),
            Value::Uint(number, _) => self.out.extend_from_slice(number.to_string().as_bytes()),
            Value::Float(number) => {
                if !number.is_finite() {
                    let text = strconv::format_float(*number, b'g', -1);
                    return Err(Error::message(format!("json: unsupported value: {text}")));
                }
                self.out.extend_from_slice(number_text(*number).as_bytes());
            }
            Value::Complex(_) => return Err(Error::message("json: unsupported type: complex128")),
            Value::String(text) => self.string(text.as_bytes()),
            Value::Bytes(bytes) => {
                let text = STANDARD.encode(bytes);
                self.string(text.as_bytes());
            }
            Value::List(list) => {
                let Some(items) = list.borrow() else {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                };
                self.enter(items.as_ptr().addr(), value, depth)?;
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    stack::grow(|| self.value(item, depth + 1))?;
                }
                self.out.push(b']');
                self.leave(depth);
            }
            Value::Map(map) => {
                let Some(entries) = map.borrow() else {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                };
                self.enter(map.address(), value, depth)?;
                let entries = entries.iter().map(|(key, value)| (key.as_bytes(), value));
                self.entries(entries, depth)?;
                self.leave(depth);
            }
            Value::Object(object) => self.object(object.as_ref(), depth)?,
        }
        Ok(())
    }

    fn entries<'e>(
        &mut self,
        entries: impl Iterator<Item = (&'e [u8], &'e Value)>,
        depth: usize,
    ) -> Result<()> {
        self.out.push(b'{');
        for (index, (key, value)) in entries.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.string(key);
            self.out.push(b':');
            stack::grow(|| self.value(value, depth + 1))?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn object(&mut self, object: &dyn Object, depth: usize) -> Result<()> {
        let plain = object
            .to_plain()
            .or_else(|| object.as_basic())
            .or_else(|| object.as_map().map(Value::Map))
            .or_else(|| object.as_list().map(Value::List));
        if let Some(plain) = plain {
            return stack::grow(|| self.value(&plain, depth + 1));
        }
        let fields = object.json_fields();
        self.entries(fields.iter().map(|(name, value)| (name.as_bytes(), value)), depth)
    }

    fn enter(&mut self, address: usize, value: &Value, depth: usize) -> Result<()> {
        if depth >= WATCH_DEPTH {
            if self.seen.contains(&address) {
                let ty = value.type_name();
                return Err(Error::message(format!(
                    "json: unsupported value: encountered a cycle via {ty}"
                )));
            }
            self.seen.push(address);
        }
        Ok(())
    }

    fn leave(&mut self, depth: usize) {
        if depth >= WATCH_DEPTH {
            self.seen.pop();
        }
    }

    fn string(&mut self, text: &[u8]) {
        let out = &mut self.out;
        out.push(b'"');
        for (at, rune, width) in runes::iter(text) {
            match rune {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\u{08}' => out.extend_from_slice(b"\\b"),
                '\u{0C}' => out.extend_from_slice(b"\\f"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\0'..' ' | '\u{2028}' | '\u{2029}' => push_unicode(out, rune),
                '<' | '>' | '&' if self.escape_html => push_unicode(out, rune),
                runes::RUNE_ERROR if width == 1 => out.extend_from_slice(b"\\ufffd"),
                _ => out.extend_from_slice(&text[at..at + width]),
            }
        }
        out.push(b'"');
    }
}

fn push_unicode(out: &mut Vec<u8>, rune: char) {
    out.extend_from_slice(format!("\\u{:04x}", rune as u32).as_bytes());
}

/// Writes a finite float as JavaScript would.
pub(super) fn number_text(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let mut text = strconv::format_float(number, b'e', -1);
        // e-09 becomes e-9.
        let end = text.len();
        if end >= 4 && &text[end - 4..end - 1] == "e-0" {
            text.remove(end - 2);
        }
        return text;
    }
    strconv::format_float(number, b'f', -1)
}

fn indent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped, mut opened) = (0_usize, false, false, false);
    let newline = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for byte in text {
        if in_string {
            out.push(*byte);
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        if opened && !matches!(byte, b']' | b'}') {
            depth += 1;
            newline(&mut out, depth);
        }
        match byte {
            b'{' | b'[' => out.push(*byte),
            b'}' | b']' => {
                if !opened {
                    depth -= 1;
                    newline(&mut out, depth);
                }
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                newline(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => {
                in_string = *byte == b'"';
                out.push(*byte);
            }
        }
        opened = matches!(byte, b'{' | b'[');
    }
    out
}

/// Turns a value into what reading its JSON text would give.
pub(super) fn plain(value: &Value) -> Result<serde_json::Value> {
    plain_at(value, 0)
}

fn plain_at(value: &Value, depth: usize) -> Result<serde_json::Value> {
    if depth > super::read::MAX_DEPTH {
        let ty = value.type_name();
        return Err(Error::message(format!(
            "json: unsupported value: encountered a cycle via {ty}"
        )));
    }
    let nested = |value: &Value| stack::grow(|| plain_at(value, depth + 1));
    Ok(match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number, _) => (*number).into(),
        Value::Uint(number, _) => (*number).into(),
        Value::Float(number) => plain_number(*number)?,
        Value::Complex(_) => return Err(Error::message("json: unsupported type: complex128")),
        Value::String(text) => text.to_str().into(),
        Value::Bytes(bytes) => STANDARD.encode(bytes).into(),
        Value::List(list) => match list.borrow() {
            Some(items) => serde_json::Value::Array(items.iter().map(nested).collect::<Result<_>>()?),
            None => serde_json::Value::Null,
        },
        Value::Map(map) => match map.borrow() {
            Some(entries) => {
                let mut object = serde_json::Map::new();
                for (key, value) in entries.iter() {
                    object.insert(key.to_str().into_owned(), nested(value)?);
                }
                serde_json::Value::Object(object)
            }
            None => serde_json::Value::Null,
        },
        Value::Object(object) => plain_object(object.as_ref(), depth)?,
        Value::Nil => serde_json::Value::Null,
    })
}

fn plain_object(object: &dyn Object, depth: usize) -> Result<serde_json::Value> {
    let plain = object
        .to_plain()
        .or_else(|| object.as_basic())
        .or_else(|| object.as_map().map(Value::Map))
        .or_else(|| object.as_list().map(Value::List));
    if let Some(plain) = plain {
        return stack::grow(|| plain_at(&plain, depth + 1));
    }
    let mut entries = serde_json::Map::new();
    for (name, value) in object.json_fields() {
        entries.insert(name.to_owned(), stack::grow(|| plain_at(&value, depth + 1))?);
    }
    Ok(serde_json::Value::Object(entries))
}

fn plain_number(number: f64) -> Result<serde_json::Value> {
    if !number.is_finite() {
        let text = strconv::format_float(number, b'g', -1);
        return Err(Error::message(format!("json: unsupported value: {text}")));
    }
    let text = number_text(number);
    if let Ok(int) = text.parse::<i64>() {
        return Ok(int.into());
    }
    if let Ok(uint) = text.parse::<u64>() {
        return Ok(uint.into());
    }
    Ok(serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number))
}
