//! Text to tokens, one at a time, so that errors come in the order in which Jinja2 finds them.
//!
//! Source: Jinja2 `lexer.py`, with default delimiters, no line statements, `trim_blocks` and `lstrip_blocks` off.

use std::sync::Arc;

use num_bigint::BigInt;

use crate::error::{Error, ErrorKind, Result};
use crate::token::{Kind, Payload, Token};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Root,
    Block,
    Variable,
}

/// Reads tokens from normalised text.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
    state: State,
    brackets: Vec<u8>,
    /// Line of the last token: where the end of the template is reported.
    last_line: u32,
    /// A tag's opening was found together with the text before it.
    pending: Option<Token>,
}

/// Whitespace as Python's `str.isspace` and `\s` see it.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn newlines(text: &str) -> u32 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u32
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
            state: State::Root,
            brackets: Vec::new(),
            last_line: 1,
            pending: None,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        let mut error = Error::new(ErrorKind::SYNTAX, message).at(self.offset as u32);
        error.set_statement_line(self.line);
        Err(error)
    }

    fn advance(&mut self, length: usize) {
        self.line += newlines(&self.text[self.offset..self.offset + length]);
        self.offset += length;
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.advance(rest.len() - rest.trim_start_matches(is_space).len());
    }

    fn token(&self, kind: Kind, payload: Payload) -> Token {
        Token {
            kind,
            payload,
            line: self.line,
            offset: self.offset as u32,
        }
    }

    /// The next token; `Eof` for ever after the last one.
    pub(crate) fn next(&mut self) -> Result<Token> {
        let token = self.advance_token()?;
        self.last_line = token.line;
        Ok(token)
    }

    fn advance_token(&mut self) -> Result<Token> {
        loop {
            if let Some(token) = self.pending.take() {
                return Ok(token);
            }
            let token = match self.state {
                State::Root if self.offset >= self.text.len() => {
                    let end = self.token(Kind::Eof, Payload::None);
                    return Ok(Token {
                        line: self.last_line,
                        ..end
                    });
                }
                State::Root => self.root()?,
                State::Block | State::Variable => self.tag()?,
            };
            if let Some(token) = token {
                return Ok(token);
            }
        }
    }

    /// Text up to the next tag, and the tag's opening.
    fn root(&mut self) -> Result<Option<Token>> {
        let rest = self.rest();
        let Some((length, kind)) = find_tag(rest) else {
            let token = self.token(Kind::Data, Payload::Text(rest.into()));
            self.advance(rest.len());
            return Ok(Some(token));
        };
        let sign = rest
            .as_bytes()
            .get(length + 2)
            .copied()
            .filter(|byte| matches!(byte, b'-' | b'+'));
        let full = &rest[..length];
        let data = if sign == Some(b'-') {
            full.trim_end_matches(is_space)
        } else {
            full
        };
        let data = (!data.is_empty()).then(|| self.token(Kind::Data, Payload::Text(data.into())));
        self.advance(length);
        let opening = 2 + usize::from(sign.is_some());
        match kind {
            b'#' => self.comment(opening)?,
            b'%' => match raw_length(self.rest()) {
                Some(raw) => {
                    self.advance(raw);
                    self.pending = self.raw()?;
                    return Ok(data.or_else(|| self.pending.take()));
                }
                None => self.open(State::Block, Kind::BlockBegin, opening),
            },
            _ => self.open(State::Variable, Kind::VariableBegin, opening),
        }
        Ok(data.or_else(|| self.pending.take()))
    }

    fn open(&mut self, state: State, kind: Kind, length: usize) {
        self.pending = Some(self.token(kind, Payload::None));
        self.advance(length);
        self.state = state;
    }

    fn comment(&mut self, opening: usize) -> Result<()> {
        self.advance(opening);
        let rest = self.rest();
        let Some(end) = rest.find("#}") else {
            if rest.is_empty() {
                return Ok(());
            }
            return self.fail("Missing end of comment tag");
        };
        let strip = rest[..end].ends_with('-');
        self.advance(end + 2);
        if strip {
            self.skip_space();
        }
        Ok(())
    }

    /// Everything up to `{% endraw %}` as one piece of text.
    fn raw(&mut self) -> Result<Option<Token>> {
        let rest = self.rest();
        let mut from = 0;
        while let Some(found) = rest[from..].find("{%") {
            let start = from + found;
            if let Some((sign, length, strip)) = endraw(&rest[start..]) {
                let data = &rest[..start];
                let data = if sign == Some(b'-') {
                    data.trim_end_matches(is_space)
                } else {
                    data
                };
                let token = (!data.is_empty()).then(|| self.token(Kind::Data, Payload::Text(data.into())));
                self.advance(start + length);
                if strip {
                    self.skip_space();
                }
                return Ok(token);
            }
            from = start + 2;
        }
        if rest.is_empty() {
            return Ok(None);
        }
        self.fail("Missing end of raw directive")
    }

    /// A token inside `{{ }}` or `{% %}`; nothing for whitespace.
    fn tag(&mut self) -> Result<Option<Token>> {
        let rest = self.rest();
        if self.brackets.is_empty()
            && let Some(token) = self.closing(rest)
        {
            return Ok(Some(token));
        }
        let Some(first) = rest.chars().next() else {
            self.state = State::Root;
            return Ok(None);
        };
        if is_space(first) {
            self.skip_space();
            return Ok(None);
        }
        if first.is_ascii_digit() {
            return self.number(rest).map(Some);
        }
        if first == '_' || first.is_alphanumeric() {
            let length = rest
                .find(|c: char| c != '_' && !c.is_alphanumeric() && !is_mark(c))
                .unwrap_or(rest.len());
            let name = &rest[..length];
            if !(first == '_' || first.is_alphabetic()) {
                return self.fail("Invalid character in identifier");
            }
            let token = self.token(Kind::Name, Payload::Text(name.into()));
            self.advance(length);
            return Ok(Some(token));
        }
        if matches!(first, '\'' | '"')
            && let Some(length) = string_length(rest)
        {
            let raw = &rest[1..length - 1];
            let value = match unescape(raw) {
                Ok(value) => value,
                Err(message) => return self.fail(message),
            };
            let token = self.token(Kind::String, Payload::Text(value));
            self.advance(length);
            return Ok(Some(token));
        }
        self.operator(rest).map(Some)
    }

    fn closing(&mut self, rest: &str) -> Option<Token> {
        let (kind, end) = match self.state {
            State::Variable => (Kind::VariableEnd, "}}"),
            _ => (Kind::BlockEnd, "%}"),
        };
        let (length, strip) = if rest.starts_with(end) {
            (2, false)
        } else if rest.starts_with('-') && rest[1..].starts_with(end) {
            (3, true)
        } else if kind == Kind::BlockEnd && rest.starts_with('+') && rest[1..].starts_with(end) {
            (3, false)
        } else {
            return None;
        };
        let token = self.token(kind, Payload::None);
        self.advance(length);
        if strip {
            self.skip_space();
        }
        self.state = State::Root;
        Some(token)
    }

    fn number(&mut self, rest: &str) -> Result<Token> {
        let after_dot = self.text[..self.offset].ends_with('.');
        if let Some(length) = (!after_dot).then(|| float_length(rest)).flatten() {
            let value: f64 = rest[..length].replace('_', "").parse().unwrap_or(f64::NAN);
            let token = self.token(Kind::Float, Payload::Float(value));
            self.advance(length);
            return Ok(token);
        }
        let (length, radix, skip) = integer_length(rest);
        let digits = rest[skip..length].replace('_', "");
        let payload = match i64::from_str_radix(&digits, radix) {
            Ok(value) => Payload::Int(value),
            Err(_) => match BigInt::parse_bytes(digits.as_bytes(), radix) {
                Some(value) => Payload::Big(Arc::new(value)),
                None => return self.fail("invalid integer"),
            },
        };
        let token = self.token(Kind::Integer, payload);
        self.advance(length);
        Ok(token)
    }

    fn operator(&mut self, rest: &str) -> Result<Token> {
        let bytes = rest.as_bytes();
        let two = bytes.get(..2).and_then(|pair| match pair {
            b"//" => Some(Kind::FloorDiv),
            b"**" => Some(Kind::Pow),
            b"==" => Some(Kind::Eq),
            b"!=" => Some(Kind::Ne),
            b">=" => Some(Kind::GtEq),
            b"<=" => Some(Kind::LtEq),
            _ => None,
        });
        let (kind, length) = match two {
            Some(kind) => (kind, 2),
            None => (self.single(rest)?, 1),
        };
        let token = self.token(kind, Payload::None);
        self.balance(kind, bytes[0])?;
        self.advance(length);
        Ok(token)
    }

    fn single(&self, rest: &str) -> Result<Kind> {
        Ok(match rest.as_bytes()[0] {
            b'+' => Kind::Add,
            b'-' => Kind::Sub,
            b'/' => Kind::Div,
            b'*' => Kind::Mul,
            b'%' => Kind::Mod,
            b'~' => Kind::Tilde,
            b'[' => Kind::LBracket,
            b']' => Kind::RBracket,
            b'(' => Kind::LParen,
            b')' => Kind::RParen,
            b'{' => Kind::LBrace,
            b'}' => Kind::RBrace,
            b'>' => Kind::Gt,
            b'<' => Kind::Lt,
            b'=' => Kind::Assign,
            b'.' => Kind::Dot,
            b':' => Kind::Colon,
            b'|' => Kind::Pipe,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            _ => {
                let found = rest.chars().next().unwrap_or_default();
                let at = self.text[..self.offset].chars().count();
                return self.fail(format!(
                    "unexpected char {} at {at}",
                    crate::value::repr::str_repr(&found.to_string())
                ));
            }
        })
    }

    fn balance(&mut self, kind: Kind, byte: u8) -> Result<()> {
        match kind {
            Kind::LBrace => self.brackets.push(b'}'),
            Kind::LParen => self.brackets.push(b')'),
            Kind::LBracket => self.brackets.push(b']'),
            Kind::RBrace | Kind::RParen | Kind::RBracket => match self.brackets.pop() {
                None => return self.fail(format!("unexpected '{}'", byte as char)),
                Some(expected) if expected != byte => {
                    return self.fail(format!(
                        "unexpected '{}', expected '{}'",
                        byte as char, expected as char
                    ));
                }
                Some(_) => {}
            },
            _ => {}
        }
        Ok(())
    }
}

/// Combining marks may stand inside identifiers.
fn is_mark(c: char) -> bool {
    matches!(c as u32, 0xB7 | 0x300..=0x36F | 0x483..=0x487 | 0x591..=0x5BD | 0x610..=0x61A | 0x64B..=0x669 | 0x900..=0x903 | 0x93A..=0x94F | 0x203F..=0x2040)
}

fn find_tag(text: &str) -> Option<(usize, u8)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = bytes[from..].iter().position(|&byte| byte == b'{') {
        let at = from + found;
        if let Some(&kind @ (b'{' | b'%' | b'#')) = bytes.get(at + 1) {
            return Some((at, kind));
        }
        from = at + 1;
    }
    None
}

/// Length of `{% raw %}` at the start of the text.
fn raw_length(text: &str) -> Option<usize> {
    let inner = text[2..].strip_prefix(['-', '+']).unwrap_or(&text[2..]);
    let inner = inner
        .trim_start_matches(is_space)
        .strip_prefix("raw")?
        .trim_start_matches(is_space);
    let rest = match inner.strip_prefix("-%}") {
        Some(rest) => rest.trim_start_matches(is_space),
        None => inner.strip_prefix("%}")?,
    };
    Some(text.len() - rest.len())
}

/// Sign, length and whether whitespace after it goes, of `{% endraw %}` at the start of the text.
fn endraw(text: &str) -> Option<(Option<u8>, usize, bool)> {
    let sign = text
        .as_bytes()
        .get(2)
        .copied()
        .filter(|byte| matches!(byte, b'-' | b'+'));
    let inner = &text[2 + usize::from(sign.is_some())..];
    let inner = inner
        .trim_start_matches(is_space)
        .strip_prefix("endraw")?
        .trim_start_matches(is_space);
    let (inner, strip) = match inner.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (inner.strip_prefix('+').unwrap_or(inner), false),
    };
    let rest = inner.strip_prefix("%}")?;
    Some((sign, text.len() - rest.len(), strip))
}

fn digits_length(bytes: &[u8], digit: fn(&u8) -> bool) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let underscore = *byte == b'_'
            && length > 0
            && bytes[length - 1] != b'_'
            && bytes.get(length + 1).is_some_and(digit);
        if !digit(byte) && !underscore {
            break;
        }
        length += 1;
    }
    length
}

fn float_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut length = digits_length(bytes, u8::is_ascii_digit);
    let mut float = false;
    if bytes.get(length) == Some(&b'.') {
        let fraction = digits_length(&bytes[length + 1..], u8::is_ascii_digit);
        if fraction > 0 {
            length += 1 + fraction;
            float = true;
        }
    }
    if let Some(b'e' | b'E') = bytes.get(length) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits_length(
            bytes.get(length + 1 + sign..).unwrap_or_default(),
            u8::is_ascii_digit,
        );
        if exponent > 0 {
            length += 1 + sign + exponent;
            float = true;
        }
    }
    float.then_some(length)
}

/// Length, radix and length of the prefix.
fn integer_length(text: &str) -> (usize, u32, usize) {
    let bytes = text.as_bytes();
    if bytes[0] != b'0' {
        return (digits_length(bytes, u8::is_ascii_digit), 10, 0);
    }
    let (radix, digit): (u32, fn(&u8) -> bool) = match bytes.get(1) {
        Some(b'x' | b'X') => (16, u8::is_ascii_hexdigit),
        Some(b'o' | b'O') => (8, |byte| matches!(byte, b'0'..=b'7')),
        Some(b'b' | b'B') => (2, |byte| matches!(byte, b'0' | b'1')),
        _ => return (digits_length(bytes, |byte| *byte == b'0'), 10, 0),
    };
    let skip = if bytes.get(2) == Some(&b'_') { 3 } else { 2 };
    match digits_length(bytes.get(skip..).unwrap_or_default(), digit) {
        0 => (1, 10, 0),
        length => (skip + length, radix, skip),
    }
}

/// Length of a quoted string with its quotes, if it ends.
fn string_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = bytes[0];
    let mut index = 1;
    loop {
        match bytes.get(index)? {
            b'\\' => index += 2,
            byte if *byte == quote => return Some(index + 1),
            _ => index += 1,
        }
    }
}

/// Python's `unicode-escape`.
fn unescape(raw: &str) -> Result<Arc<str>, String> {
    if !raw.contains('\\') {
        return Ok(raw.into());
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            None => return Err("\\ at end of string".to_owned()),
            Some('\n') => {}
            Some(c @ ('\\' | '\'' | '"')) => out.push(c),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('v') => out.push('\x0b'),
            Some('x') => out.push(hex_escape(&mut chars, 2, "truncated \\xXX escape")?),
            Some('u') => out.push(surrogates(&mut chars)?),
            Some('U') => out.push(hex_escape(&mut chars, 8, "truncated \\UXXXXXXXX escape")?),
            Some('N') => return Err("\\N{...} names are not supported in string literals".to_owned()),
            Some(c @ '0'..='7') => {
                let mut value = c as u32 - '0' as u32;
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    chars.next();
                    value = value * 8 + digit;
                }
                out.push(char::from_u32(value).unwrap_or_default());
            }
            // Non-ASCII text is escaped before it is unescaped, so it shows its escape after a backslash.
            Some(c) if !c.is_ascii() => out.push_str(&match c as u32 {
                code @ ..=0xff => format!("\\x{code:02x}"),
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    Ok(out.into())
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn hex_digits(chars: &mut Chars<'_>, count: usize, truncated: &str) -> Result<u32, String> {
    let mut value = 0;
    for _ in 0..count {
        let digit = chars
            .peek()
            .and_then(|c| c.to_digit(16))
            .ok_or_else(|| truncated.to_owned())?;
        chars.next();
        value = value * 16 + digit;
    }
    Ok(value)
}

fn hex_escape(chars: &mut Chars<'_>, count: usize, truncated: &str) -> Result<char, String> {
    let value = hex_digits(chars, count, truncated)?;
    char::from_u32(value).ok_or_else(|| "illegal Unicode character".to_owned())
}

/// `\uXXXX`; a pair of surrogates is joined, since half a pair cannot be text here.
fn surrogates(chars: &mut Chars<'_>) -> Result<char, String> {
    let truncated = "truncated \\uXXXX escape";
    let value = hex_digits(chars, 4, truncated)?;
    char::from_u32(value).ok_or_else(|| "surrogates not allowed".to_owned())
}
