//! Splits a template's text into tokens.

use super::node::Offset;
use crate::runes;
use crate::strconv;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Token {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }

    /// Tells the keyword that a word is.
    pub(super) fn keyword(word: &[u8]) -> Option<Self> {
        const SHORTEST: usize = 2;
        const LONGEST: usize = 8;
        if !(SHORTEST..=LONGEST).contains(&word.len()) {
            return None;
        }
        Some(match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"range" => Self::Range,
            b"nil" => Self::Nil,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }
}

/// A token with its place. What is wrong where it is an error, the lexer knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'t> {
    pub(crate) token: Token,
    pub(crate) start: Offset,
    pub(crate) line: u32,
    pub(crate) text: &'t [u8],
}

impl Item<'_> {
    /// Where the token ends.
    pub(crate) fn end(&self) -> Offset {
        self.start + self.text.len() as Offset
    }

    /// Prints the token as Go's parser does in its messages; errors have messages of their own.
    pub(crate) fn describe(&self) -> String {
        match self.token {
            Token::Eof => "EOF".to_owned(),
            Token::Error => "error".to_owned(),
            token if token.is_keyword() => format!("<{}>", String::from_utf8_lossy(self.text)),
            _ if self.text.len() > 10 => {
                let cut = runes::iter(self.text)
                    .nth(10)
                    .map_or(self.text.len(), |(at, _, _)| at);
                format!("{}...", strconv::quote(&self.text[..cut]))
            }
            _ => strconv::quote(self.text),
        }
    }
}

const EOF: Option<char> = None;

/// Splits a template's text into tokens, one at a time.
pub(crate) struct Lexer<'t> {
    input: &'t [u8],
    position: usize,
    start: usize,
    at_eof: bool,
    paren_depth: i32,
    line: usize,
    start_line: usize,
    inside_action: bool,
    /// What is wrong, after an error token.
    failure: Option<String>,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(input: &'t [u8]) -> Self {
        Self {
            input,
            position: 0,
            start: 0,
            at_eof: false,
            paren_depth: 0,
            line: 1,
            start_line: 1,
            inside_action: false,
            failure: None,
        }
    }

    /// Reads the number that a text starts with.
    pub(super) fn number(text: &'t [u8]) -> Option<(&'t [u8], Token)> {
        let item = Self::new(text).lex_number();
        matches!(item.token, Token::Number | Token::Complex).then_some((item.text, item.token))
    }

    /// Returns the next token; after an error or the end there is only the end.
    pub(crate) fn next_item(&mut self) -> Item<'t> {
        if self.failure.is_some() {
            return Item {
                token: Token::Eof,
                start: 0,
                line: self.start_line as u32,
                text: &[],
            };
        }
        if self.inside_action {
            self.lex_inside_action()
        } else {
            self.lex_text()
        }
    }

    /// The message of the error token.
    pub(crate) fn failure(&self) -> &str {
        self.failure.as_deref().unwrap_or_default()
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.position..]
    }

    fn next(&mut self) -> Option<char> {
        let Some((rune, width)) = runes::decode(self.rest()) else {
            self.at_eof = true;
            return EOF;
        };
        self.position += width;
        if rune == '\n' {
            self.line += 1;
        }
        Some(rune)
    }

    fn peek(&mut self) -> Option<char> {
        if let Some(byte) = self.input.get(self.position)
            && byte.is_ascii()
        {
            return Some(char::from(*byte));
        }
        let rune = self.next();
        self.backup();
        rune
    }

    /// Moves over letters, digits and underscores, and tells what comes after them.
    fn skip_word(&mut self) -> Option<char> {
        loop {
            let rest = self.rest();
            let length = rest.iter().position(|byte| !is_word(*byte));
            self.position += length.unwrap_or(rest.len());
            match self.peek() {
                Some(rune) if !rune.is_ascii() && is_alphanumeric(rune) => {
                    self.next();
                }
                after => return after,
            }
        }
    }

    fn backup(&mut self) {
        if self.at_eof {
            return;
        }
        if let Some((rune, width)) = runes::decode_last(&self.input[..self.position]) {
            self.position -= width;
            if rune == '\n' {
                self.line -= 1;
            }
        }
    }

    fn emit(&mut self, token: Token) -> Item<'t> {
        let item = Item {
            token,
            start: self.start as Offset,
            line: self.start_line as u32,
            text: &self.input[self.start..self.position],
        };
        self.start = self.position;
        self.start_line = self.line;
        item
    }

    fn ignore(&mut self) {
        self.line += newlines(&self.input[self.start..self.position]);
        self.start = self.position;
        self.start_line = self.line;
    }

    fn error(&mut self, message: impl Into<String>) -> Item<'t> {
        self.failure = Some(message.into());
        Item {
            token: Token::Error,
            start: self.start as Offset,
            line: self.start_line as u32,
            text: &[],
        }
    }

    fn accept(&mut self, valid: &str) -> bool {
        if self.next().is_some_and(|rune| valid.contains(rune)) {
            return true;
        }
        self.backup();
        false
    }

    fn accept_run(&mut self, valid: &str) {
        while self.next().is_some_and(|rune| valid.contains(rune)) {}
        self.backup();
    }

    fn lex_text(&mut self) -> Item<'t> {
        loop {
            let Some(found) = find(self.rest(), *b"{{") else {
                self.position = self.input.len();
                if self.position > self.start {
                    self.line += newlines(&self.input[self.start..]);
                    return self.emit(Token::Text);
                }
                return self.emit(Token::Eof);
            };
            if found > 0 {
                self.position += found;
                let mut trim = 0;
                if has_left_trim_marker(&self.input[self.position + 2..]) {
                    let text = &self.input[self.start..self.position];
                    trim = text.len() - text.trim_ascii_end_go().len();
                }
                self.position -= trim;
                self.line += newlines(&self.input[self.start..self.position]);
                let item = self.emit(Token::Text);
                self.position += trim;
                self.ignore();
                if !item.text.is_empty() {
                    return item;
                }
            }
            if let Some(item) = self.lex_left_delim() {
                return item;
            }
        }
    }

    /// Returns `None` after a comment, which is no token.
    fn lex_left_delim(&mut self) -> Option<Item<'t>> {
        self.position += 2;
        let after_marker = if has_left_trim_marker(self.rest()) { 2 } else { 0 };
        if self.input[self.position + after_marker..].starts_with(b"/*") {
            self.position += after_marker;
            self.ignore();
            return self.lex_comment();
        }
        let item = self.emit(Token::LeftDelim);
        self.inside_action = true;
        self.position += after_marker;
        self.ignore();
        self.paren_depth = 0;
        Some(item)
    }

    fn lex_comment(&mut self) -> Option<Item<'t>> {
        self.position += 2;
        let Some(end) = find(self.rest(), *b"*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.position += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.line += newlines(&self.input[self.start..self.position]);
        self.start = self.position;
        self.start_line = self.line;
        self.position += if trim { 4 } else { 2 };
        if trim {
            self.position += left_trim_length(self.rest());
        }
        self.ignore();
        None
    }

    /// Tells whether the closing delimiter stands here, and whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim_marker(rest) && rest[2..].starts_with(b"}}") {
            return Some(true);
        }
        rest.starts_with(b"}}").then_some(false)
    }

    fn lex_right_delim(&mut self) -> Item<'t> {
        let trim = self.at_right_delim() == Some(true);
        if trim {
            self.position += 2;
            self.ignore();
        }
        self.position += 2;
        let item = self.emit(Token::RightDelim);
        if trim {
            self.position += left_trim_length(self.rest());
            self.ignore();
        }
        self.inside_action = false;
        item
    }

    fn lex_inside_action(&mut self) -> Item<'t> {
        let may_end = matches!(self.rest().first(), Some(b'}' | b' ' | b'\t' | b'\r' | b'\n'));
        if may_end && self.at_right_delim().is_some() {
            if self.paren_depth == 0 {
                return self.lex_right_delim();
            }
            return self.error("unclosed left paren");
        }
        let Some(rune) = self.next() else {
            return self.error("unclosed action");
        };
        match rune {
            rune if is_space(rune) => {
                self.backup();
                self.lex_space()
            }
            '=' => self.emit(Token::Assign),
            ':' => {
                if self.next() == Some('=') {
                    self.emit(Token::Declare)
                } else {
                    self.error("expected :=")
                }
            }
            '|' => self.emit(Token::Pipe),
            '"' => self.lex_quote(),
            '`' => self.lex_raw_quote(),
            '$' => self.lex_variable(),
            '\'' => self.lex_char(),
            '.' if self.rest().first().is_some_and(|byte| !byte.is_ascii_digit()) => {
                self.lex_field_or_variable(Token::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.backup();
                self.lex_number()
            }
            rune if is_alphanumeric(rune) => {
                self.backup();
                self.lex_identifier()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Token::LeftParen)
            }
            ')' => {
                self.paren_depth -= 1;
                if self.paren_depth < 0 {
                    return self.error("unexpected right paren");
                }
                self.emit(Token::RightParen)
            }
            ' '..='~' => self.emit(Token::Char),
            rune => self.error(format!(
                "unrecognized character in action: {}",
                unicode_name(Some(rune))
            )),
        }
    }

    fn lex_space(&mut self) -> Item<'t> {
        let rest = self.rest();
        let count = left_trim_length(rest);
        self.line += newlines(&rest[..count]);
        self.position += count;
        self.at_eof |= count == rest.len();
        let tail = &self.input[self.position - 1..];
        if has_right_trim_marker(tail) && tail[2..].starts_with(b"}}") {
            self.backup();
            if count == 1 {
                return self.lex_right_delim();
            }
        }
        self.emit(Token::Space)
    }

    fn lex_identifier(&mut self) -> Item<'t> {
        let after = self.skip_word();
        let word = &self.input[self.start..self.position];
        if !self.at_terminator() {
            return self.error(format!("bad character {}", unicode_name(after)));
        }
        let token = match word {
            b"true" | b"false" => Token::Bool,
            word => Token::keyword(word).unwrap_or(Token::Identifier),
        };
        self.emit(token)
    }

    fn lex_variable(&mut self) -> Item<'t> {
        if self.at_terminator() {
            return self.emit(Token::Variable);
        }
        self.lex_field_or_variable(Token::Variable)
    }

    fn lex_field_or_variable(&mut self, token: Token) -> Item<'t> {
        if self.at_terminator() {
            return self.emit(if token == Token::Variable {
                Token::Variable
            } else {
                Token::Dot
            });
        }
        let after = self.skip_word();
        if !self.at_terminator() {
            return self.error(format!("bad character {}", unicode_name(after)));
        }
        self.emit(token)
    }

    fn at_terminator(&mut self) -> bool {
        match self.peek() {
            EOF => true,
            Some('}') => self.rest().starts_with(b"}}"),
            Some(rune) => is_space(rune) || matches!(rune, '.' | ',' | '|' | ':' | ')' | '('),
        }
    }

    fn lex_char(&mut self) -> Item<'t> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), EOF | Some('\n')) => {}
                EOF | Some('\n' | '\\') => return self.error("unterminated character constant"),
                Some('\'') => return self.emit(Token::CharConstant),
                Some(_) => {}
            }
        }
    }

    fn lex_quote(&mut self) -> Item<'t> {
        loop {
            let rest = self.rest();
            self.position += memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
            match self.next() {
                Some('\\') if !matches!(self.next(), EOF | Some('\n')) => {}
                Some('"') => return self.emit(Token::String),
                _ => return self.error("unterminated quoted string"),
            }
        }
    }

    fn lex_raw_quote(&mut self) -> Item<'t> {
        let rest = self.rest();
        let length = memchr::memchr(b'`', rest);
        self.position += length.map_or(rest.len(), |length| length + 1);
        self.line += newlines(&rest[..length.unwrap_or(rest.len())]);
        match length {
            None => {
                self.at_eof = true;
                self.error("unterminated raw quoted string")
            }
            Some(_) => self.emit(Token::RawString),
        }
    }

    fn lex_number(&mut self) -> Item<'t> {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || self.input[self.position - 1] != b'i' {
                return self.bad_number();
            }
            return self.emit(Token::Complex);
        }
        self.emit(Token::Number)
    }

    fn bad_number(&mut self) -> Item<'t> {
        let text = strconv::quote(&self.input[self.start..self.position]);
        self.error(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        let (mut decimal, mut hex) = (true, false);
        if self.accept("0") {
            if self.accept("xX") {
                (digits, decimal, hex) = ("0123456789abcdefABCDEF_", false, true);
            } else if self.accept("oO") {
                (digits, decimal) = ("01234567_", false);
            } else if self.accept("bB") {
                (digits, decimal) = ("01_", false);
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if decimal && self.accept("eE") || hex && self.accept("pP") {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

trait TrimGo {
    fn trim_ascii_end_go(&self) -> &[u8];
}

impl TrimGo for [u8] {
    /// Trims what Go's templates take for space, which has no form feed.
    fn trim_ascii_end_go(&self) -> &[u8] {
        let end = self
            .iter()
            .rposition(|byte| !is_space(char::from(*byte)))
            .map_or(0, |at| at + 1);
        &self[..end]
    }
}

fn left_trim_length(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !is_space(char::from(*byte)))
        .unwrap_or(text.len())
}

/// Finds two bytes.
pub(super) fn find(text: &[u8], wanted: [u8; 2]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr(wanted[0], text.get(at..)?)?;
        if text.get(at + 1) == Some(&wanted[1]) {
            return Some(at);
        }
        at += 1;
    }
}

fn newlines(text: &[u8]) -> usize {
    if text.len() < 16 {
        return text.iter().filter(|byte| **byte == b'\n').count();
    }
    memchr::memchr_iter(b'\n', text).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_space(rune: char) -> bool {
    matches!(rune, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(rune: char) -> bool {
    rune == '_' || runes::is_letter(rune) || runes::is_digit(rune)
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    text.len() >= 2 && text[0] == b'-' && is_space(char::from(text[1]))
}

fn has_right_trim_marker(text: &[u8]) -> bool {
    text.len() >= 2 && is_space(char::from(text[0])) && text[1] == b'-'
}

/// Prints a rune as Go's `%#U`; the end of the text is -1 there.
fn unicode_name(rune: Option<char>) -> String {
    let Some(rune) = rune else {
        return "U+FFFFFFFFFFFFFFFF".to_owned();
    };
    let code = rune as u32;
    if runes::is_print(rune) {
        format!("U+{code:04X} '{rune}'")
    } else {
        format!("U+{code:04X}")
    }
}
