//! Reads JSON and complains in the words of Go's scanner.

use crate::entries::Entries;
use crate::error::Error;
use crate::runes;
use crate::stack;
use crate::strconv;
use crate::text::Text;
use crate::types::{ANY_LIST, ANY_MAP};
use crate::value::{List, Map, Value};

/// How deep JSON may be nested, as in Go.
pub(super) const MAX_DEPTH: usize = 10_000;

type Result<T> = std::result::Result<T, Error>;

/// Reads any JSON value. Numbers become `float64`.
pub fn parse(text: &[u8]) -> Result<Value> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
        number_error: None,
    };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.invalid("after top-level value"));
    }
    match reader.number_error {
        Some(error) => Err(error),
        None => Ok(value),
    }
}

/// Reads a JSON object; `null` gives a nil map.
pub fn parse_map(text: &[u8]) -> Result<Map> {
    match parse(text)? {
        Value::Map(map) => Ok(map),
        Value::Nil => Ok(Map::nil(&ANY_MAP)),
        other => Err(cannot_unmarshal(&other, "map[string]interface {}")),
    }
}

/// Reads a JSON array; `null` gives a nil slice.
pub fn parse_list(text: &[u8]) -> Result<List> {
    match parse(text)? {
        Value::List(list) => Ok(list),
        Value::Nil => Ok(List::nil(&ANY_LIST)),
        other => Err(cannot_unmarshal(&other, "[]interface {}")),
    }
}

fn cannot_unmarshal(value: &Value, ty: &str) -> Error {
    let kind = match value {
        Value::Bool(_) => "bool",
        Value::Float(_) => "number",
        Value::String(_) => "string",
        Value::List(_) => "array",
        _ => "object",
    };
    Error::message(format!(
        "json: cannot unmarshal {kind} into Go value of type {ty}"
    ))
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    /// A number that is no `float64`: Go goes on reading and complains at the end.
    number_error: Option<Error>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[cold]
    fn invalid(&self, context: &str) -> Error {
        let byte = match self.peek() {
            Some(byte) => byte,
            // Go ends the text with a space, which only these stumble over.
            None if context.starts_with("in literal")
                || context.contains("numeric literal")
                || context.contains("escape") =>
            {
                b' '
            }
            None => return Error::message("unexpected end of JSON input"),
        };
        let quoted = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = strconv::quote(char::from(byte).encode_utf8(&mut [0; 4]).as_bytes());
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        };
        Error::message(format!("invalid character {quoted} {context}"))
    }

    fn value(&mut self) -> Result<Value> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.literal(b"true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal(b"false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal(b"null").map(|()| Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.invalid("looking for beginning of value")),
        }
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Result<Value>) -> Result<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::message("exceeded max depth"));
        }
        self.at += 1;
        let value = stack::grow(|| parse(self));
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Value> {
        let mut entries = Entries::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(Map::new(entries)));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.invalid("after object key"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value()?;
            entries.insert(key, value);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(Map::new(entries)));
                }
                _ => return Err(self.invalid("after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(List::new(items)));
        }
        loop {
            self.skip_space();
            items.push(self.value()?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(List::new(items)));
                }
                _ => return Err(self.invalid("after array element")),
            }
        }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<()> {
        for (index, wanted) in word.iter().enumerate() {
            if self.peek() != Some(*wanted) {
                let word = String::from_utf8_lossy(word);
                let wanted = char::from(*wanted);
                debug_assert!(index > 0, "the first letter has been looked at");
                return Err(self.invalid(&format!("in literal {word} (expecting '{wanted}')")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.invalid("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.invalid("after decimal point in numeric literal"));
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.invalid("in exponent of numeric literal"));
            }
            self.digits();
        }
        let text = &self.text[start..self.at];
        if let Ok(number) = strconv::parse_float(text) {
            return Ok(Value::Float(number));
        }
        let text = String::from_utf8_lossy(text);
        let message = format!("json: cannot unmarshal number {text} into Go value of type float64");
        self.number_error.get_or_insert_with(|| Error::message(message));
        Ok(Value::Nil)
    }

    fn string(&mut self) -> Result<Text> {
        self.at += 1;
        let start = self.at;
        // Most strings have nothing to decode.
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    let text = Text::from(&self.text[start..self.at]);
                    self.at += 1;
                    return Ok(text);
                }
                b'\\' | 0..0x20 | 0x80.. => break,
                _ => self.at += 1,
            }
        }
        let mut out = self.text[start..self.at].to_vec();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text::from(out));
                }
                Some(b'\\') => self.escape(&mut out)?,
                None | Some(0..0x20) => return Err(self.invalid("in string literal")),
                Some(_) => {
                    let (rune, width) =
                        runes::decode(&self.text[self.at..]).unwrap_or((runes::RUNE_ERROR, 1));
                    runes::push(&mut out, rune);
                    self.at += width;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.at += 1;
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let mut code = self.hex()?;
                if (0xD800..0xDC00).contains(&code) && self.text[self.at..].starts_with(b"\\u") {
                    let before = self.at;
                    self.at += 2;
                    let low = self.hex()?;
                    if (0xDC00..0xE000).contains(&low) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                    } else {
                        self.at = before;
                    }
                }
                runes::push(out, char::from_u32(code).unwrap_or(runes::RUNE_ERROR));
                return Ok(());
            }
            _ => return Err(self.invalid("in string escape code")),
        };
        out.push(byte);
        self.at += 1;
        Ok(())
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.invalid("in \\u hexadecimal character escape"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}
