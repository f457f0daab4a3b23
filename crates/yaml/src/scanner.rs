//! Cuts text into YAML 1.1 tokens. Scalars are read in `scalars`.
//!
//! A `key:` is only known to be a key when its colon is met, so tokens wait in a queue until no later text can put a
//! key or the start of a mapping before them.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::node::ScalarStyle;

/// A position in the text; lines and columns count from 0 here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) offset: usize,
    /// Characters from the start of the text.
    pub(crate) index: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum TokenKind<'a> {
    StreamEnd,
    VersionDirective(u8, u8),
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag { handle: String, suffix: String },
    Scalar { value: Cow<'a, str>, style: ScalarStyle },
}

#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind<'a>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// Why the text cannot be cut or put together.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) message: Cow<'static, str>,
    pub(crate) mark: Mark,
    pub(crate) context: Mark,
    pub(crate) finder: Finder,
}

/// Who found a problem: Go numbers lines differently for each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Finder {
    Scanner,
    Parser,
    Composer,
}

pub(crate) type Scanned<T> = Result<T, Box<Problem>>;

#[derive(Debug, Clone, Copy)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token_number: usize,
    mark: Mark,
}

pub(crate) struct Scanner<'a> {
    pub(crate) text: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) mark: Mark,
    tokens: VecDeque<Token<'a>>,
    tokens_taken: usize,
    /// Column of the current block collection; -1 outside of any.
    pub(crate) indent: i32,
    indents: Vec<i32>,
    pub(crate) flow_level: usize,
    pub(crate) simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
    max_depth: usize,
    ended: bool,
}

/// The longest implicit key, in characters.
const LONGEST_SIMPLE_KEY: usize = 1024;

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, max_depth: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            mark: Mark::default(),
            tokens: VecDeque::new(),
            tokens_taken: 0,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey {
                possible: false,
                required: false,
                token_number: 0,
                mark: Mark::default(),
            }],
            max_depth,
            ended: false,
        }
    }

    /// The next token, which stays.
    pub(crate) fn peek(&mut self) -> Scanned<&Token<'a>> {
        self.fill()?;
        match self.tokens.front() {
            Some(token) => Ok(token),
            None => Err(self.problem(
                self.mark,
                "attempted to go past the end of stream; corrupted value?",
            )),
        }
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Scanned<Token<'a>> {
        self.fill()?;
        match self.tokens.pop_front() {
            Some(token) => {
                self.tokens_taken += 1;
                Ok(token)
            }
            None => Err(self.problem(
                self.mark,
                "attempted to go past the end of stream; corrupted value?",
            )),
        }
    }

    fn fill(&mut self) -> Scanned<()> {
        loop {
            let wants_more = self.tokens.is_empty() || self.head_may_be_key()?;
            if self.ended || !wants_more {
                return Ok(());
            }
            self.fetch()?;
        }
    }

    /// Whether the first waiting token may still turn out to be a key.
    fn head_may_be_key(&mut self) -> Scanned<bool> {
        let wanted = self.tokens_taken;
        let mut i = self.simple_keys.partition_point(|key| key.token_number < wanted);
        while i < self.simple_keys.len() && self.simple_keys[i].token_number == wanted {
            if self.simple_keys[i].possible {
                return self.key_is_valid(i);
            }
            i += 1;
        }
        Ok(false)
    }

    fn key_is_valid(&mut self, i: usize) -> Scanned<bool> {
        let key = self.simple_keys[i];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < self.mark.line || key.mark.index + LONGEST_SIMPLE_KEY < self.mark.index {
            if key.required {
                return Err(self.problem(key.mark, "could not find expected ':'"));
            }
            self.simple_keys[i].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "results carry it boxed to stay small"
    )]
    pub(crate) fn problem(&self, context: Mark, message: impl Into<Cow<'static, str>>) -> Box<Problem> {
        Box::new(Problem {
            message: message.into(),
            mark: self.mark,
            context,
            finder: Finder::Scanner,
        })
    }

    /// The byte `ahead` of the current position; 0 after the end, as no text may hold a zero byte.
    pub(crate) fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.mark.offset + ahead).copied().unwrap_or(0)
    }

    /// The length of the line break `ahead`, without taking `\r\n` as one; 0 when there is none.
    pub(crate) fn break_length(&self, ahead: usize) -> usize {
        break_length(self.bytes, self.mark.offset + ahead)
    }

    pub(crate) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    pub(crate) fn is_breakz(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.break_length(ahead) > 0
    }

    pub(crate) fn is_blankz(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_breakz(ahead)
    }

    /// Moves over ASCII characters that are no line breaks.
    pub(crate) fn skip_ascii(&mut self, count: usize) {
        self.mark.offset += count;
        self.mark.index += count;
        self.mark.column += count as u32;
    }

    /// Moves to `end` on the same line.
    pub(crate) fn skip_to(&mut self, end: usize) {
        let run = &self.bytes[self.mark.offset..end];
        let characters = if run.is_ascii() {
            run.len()
        } else {
            run.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
        };
        self.mark.offset = end;
        self.mark.index += characters;
        self.mark.column += characters as u32;
    }

    /// Moves over a line break, `\r\n` being one.
    pub(crate) fn skip_line(&mut self) {
        let (length, characters) = if self.byte(0) == b'\r' && self.byte(1) == b'\n' {
            (2, 2)
        } else {
            (self.break_length(0), 1)
        };
        if length > 0 {
            self.mark.offset += length;
            self.mark.index += characters;
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }

    /// Moves over a line break and appends it as it is kept in scalars.
    pub(crate) fn read_line(&mut self, into: &mut String) {
        match self.byte(0) {
            0xE2 => into.push_str(&self.text[self.mark.offset..self.mark.offset + 3]),
            _ => into.push('\n'),
        }
        self.skip_line();
    }

    fn fetch(&mut self) -> Scanned<()> {
        self.skip_to_token()?;
        self.unroll_indent(self.mark.column as i32);
        let byte = self.byte(0);
        if byte == 0 {
            return self.fetch_end();
        }
        if self.mark.column == 0 {
            if byte == b'%' {
                return self.fetch_directive();
            }
            if self.at_document_indicator() {
                let kind = if byte == b'-' {
                    TokenKind::DocumentStart
                } else {
                    TokenKind::DocumentEnd
                };
                return self.fetch_document_indicator(kind);
            }
        }
        match byte {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(TokenKind::FlowEntry, 1);
                Ok(())
            }
            b'-' if self.is_blankz(1) => self.fetch_block_entry(),
            b'?' if self.flow_level > 0 || self.is_blankz(1) => self.fetch_key(),
            b':' if self.flow_level > 0 || self.is_blankz(1) => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(byte == b'*'),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if self.flow_level == 0 => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                let token = self.scan_block_scalar(byte == b'|')?;
                self.tokens.push_back(token);
                Ok(())
            }
            b'\'' | b'"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_flow_scalar(byte == b'\'')?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ if self.starts_plain() => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                let token = self.scan_plain_scalar()?;
                self.tokens.push_back(token);
                Ok(())
            }
            _ => Err(self.problem(self.mark, "found character that cannot start any token")),
        }
    }

    fn starts_plain(&self) -> bool {
        match self.byte(0) {
            b'-' => !self.is_blank(1),
            b'?' | b':' => self.flow_level == 0 && !self.is_blankz(1),
            b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"'
            | b'%' | b'@' | b'`' => false,
            _ => !self.is_blankz(0),
        }
    }

    pub(crate) fn at_document_indicator(&self) -> bool {
        let byte = self.byte(0);
        (byte == b'-' || byte == b'.') && self.byte(1) == byte && self.byte(2) == byte && self.is_blankz(3)
    }

    fn skip_to_token(&mut self) -> Scanned<()> {
        loop {
            let takes_tabs = self.flow_level > 0 || !self.simple_key_allowed;
            let rest = &self.bytes[self.mark.offset..];
            let blanks = rest
                .iter()
                .take_while(|byte| **byte == b' ' || takes_tabs && **byte == b'\t');
            self.skip_ascii(blanks.count());
            if self.byte(0) == b'#' {
                let end = end_of_line(self.bytes, self.mark.offset);
                self.skip_to(end);
            }
            if self.break_length(0) == 0 {
                return Ok(());
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn save_simple_key(&mut self) -> Scanned<()> {
        if self.simple_key_allowed {
            let required = self.flow_level == 0 && self.indent == self.mark.column as i32;
            let key = SimpleKey {
                possible: true,
                required,
                token_number: self.tokens_taken + self.tokens.len(),
                mark: self.mark,
            };
            self.remove_simple_key()?;
            if let Some(last) = self.simple_keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scanned<()> {
        if let Some(key) = self.simple_keys.last_mut()
            && key.possible
        {
            key.possible = false;
            let key = *key;
            if key.required {
                return Err(self.problem(key.mark, "could not find expected ':'"));
            }
        }
        Ok(())
    }

    fn roll_indent(
        &mut self,
        column: u32,
        number: Option<usize>,
        kind: TokenKind<'a>,
        mark: Mark,
    ) -> Scanned<()> {
        let column = column as i32;
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column;
        if self.indents.len() > self.max_depth {
            return Err(self.problem(mark, format!("exceeded max depth of {}", self.max_depth)));
        }
        let token = Token {
            kind,
            start: mark,
            end: mark,
        };
        match number {
            Some(number) => self
                .tokens
                .insert(number.saturating_sub(self.tokens_taken), token),
            None => self.tokens.push_back(token),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: i32) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.tokens.push_back(Token {
                kind: TokenKind::BlockEnd,
                start: self.mark,
                end: self.mark,
            });
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn push_indicator(&mut self, kind: TokenKind<'a>, length: usize) {
        let start = self.mark;
        self.skip_ascii(length);
        self.tokens.push_back(Token {
            kind,
            start,
            end: self.mark,
        });
    }

    fn fetch_end(&mut self) -> Scanned<()> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.tokens.push_back(Token {
            kind: TokenKind::StreamEnd,
            start: self.mark,
            end: self.mark,
        });
        self.ended = true;
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: TokenKind<'a>) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            possible: false,
            required: false,
            token_number: self.tokens_taken + self.tokens.len(),
            mark: self.mark,
        });
        self.flow_level += 1;
        if self.flow_level > self.max_depth {
            return Err(self.problem(self.mark, format!("exceeded max depth of {}", self.max_depth)));
        }
        self.simple_key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Scanned<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.problem(
                    self.mark,
                    "block sequence entries are not allowed in this context",
                ));
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return Err(self.problem(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scanned<()> {
        let last = self.simple_keys.len() - 1;
        if self.key_is_valid(last)? {
            let key = self.simple_keys[last];
            self.tokens.insert(
                key.token_number.saturating_sub(self.tokens_taken),
                Token {
                    kind: TokenKind::Key,
                    start: key.mark,
                    end: key.mark,
                },
            );
            self.roll_indent(
                key.mark.column,
                Some(key.token_number),
                TokenKind::BlockMappingStart,
                key.mark,
            )?;
            self.simple_keys[last].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return Err(self.problem(self.mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(self.mark.column, None, TokenKind::BlockMappingStart, self.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    fn fetch_anchor(&mut self, alias: bool) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip_ascii(1);
        let from = self.mark.offset;
        while is_word(self.byte(0)) {
            self.skip_ascii(1);
        }
        let text = self.text;
        let name = &text[from..self.mark.offset];
        let ends = self.is_blankz(0)
            || matches!(
                self.byte(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            return Err(self.problem(start, "did not find expected alphabetic or numeric character"));
        }
        self.tokens.push_back(Token {
            kind: if alias {
                TokenKind::Alias(name)
            } else {
                TokenKind::Anchor(name)
            },
            start,
            end: self.mark,
        });
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scanned<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        self.skip_ascii(1);
        let from = self.mark.offset;
        while is_word(self.byte(0)) {
            self.skip_ascii(1);
        }
        let text = self.text;
        let name = &text[from..self.mark.offset];
        if name.is_empty() {
            return Err(self.problem(start, "could not find expected directive name"));
        }
        if !self.is_blankz(0) {
            return Err(self.problem(start, "found unexpected non-alphabetical character"));
        }
        let kind = match name {
            "YAML" => {
                self.skip_blanks();
                let major = self.scan_version_number(start)?;
                if self.byte(0) != b'.' {
                    return Err(self.problem(start, "did not find expected digit or '.' character"));
                }
                self.skip_ascii(1);
                TokenKind::VersionDirective(major, self.scan_version_number(start)?)
            }
            "TAG" => {
                self.skip_blanks();
                let handle = self.scan_tag_handle(true, start)?;
                if !self.is_blank(0) {
                    return Err(self.problem(start, "did not find expected whitespace"));
                }
                self.skip_blanks();
                let prefix = self.scan_tag_uri(None, start)?;
                if !self.is_blankz(0) {
                    return Err(self.problem(start, "did not find expected whitespace or line break"));
                }
                TokenKind::TagDirective { handle, prefix }
            }
            _ => return Err(self.problem(start, "found unknown directive name")),
        };
        let end = self.mark;
        self.skip_blanks();
        if self.byte(0) == b'#' {
            let end = end_of_line(self.bytes, self.mark.offset);
            self.skip_to(end);
        }
        if !self.is_breakz(0) {
            return Err(self.problem(start, "did not find expected comment or line break"));
        }
        self.skip_line();
        self.tokens.push_back(Token { kind, start, end });
        Ok(())
    }

    pub(crate) fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip_ascii(1);
        }
    }

    fn scan_version_number(&mut self, start: Mark) -> Scanned<u8> {
        let mut number = 0;
        let mut length = 0;
        while self.byte(0).is_ascii_digit() {
            length += 1;
            if length > 2 {
                return Err(self.problem(start, "found extremely long version number"));
            }
            number = number * 10 + (self.byte(0) - b'0');
            self.skip_ascii(1);
        }
        if length == 0 {
            return Err(self.problem(start, "did not find expected version number"));
        }
        Ok(number)
    }

    fn fetch_tag(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let (handle, suffix);
        if self.byte(1) == b'<' {
            self.skip_ascii(2);
            handle = String::new();
            suffix = self.scan_tag_uri(None, start)?;
            if self.byte(0) != b'>' {
                return Err(self.problem(start, "did not find the expected '>'"));
            }
            self.skip_ascii(1);
        } else {
            let found = self.scan_tag_handle(false, start)?;
            if found.len() > 1 && found.ends_with('!') {
                suffix = self.scan_tag_uri(None, start)?;
                handle = found;
            } else {
                let uri = self.scan_tag_uri(Some(&found), start)?;
                // A lone `!` is a tag by itself: no handle, and `!` as the suffix.
                (handle, suffix) = if uri.is_empty() {
                    (String::new(), "!".to_owned())
                } else {
                    ("!".to_owned(), uri)
                };
            }
        }
        if !self.is_blankz(0) {
            return Err(self.problem(start, "did not find expected whitespace or line break"));
        }
        self.tokens.push_back(Token {
            kind: TokenKind::Tag { handle, suffix },
            start,
            end: self.mark,
        });
        Ok(())
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Scanned<String> {
        if self.byte(0) != b'!' {
            return Err(self.problem(start, "did not find expected '!'"));
        }
        let from = self.mark.offset;
        self.skip_ascii(1);
        while is_word(self.byte(0)) {
            self.skip_ascii(1);
        }
        if self.byte(0) == b'!' {
            self.skip_ascii(1);
        } else if directive && self.mark.offset - from != 1 {
            return Err(self.problem(start, "did not find expected '!'"));
        }
        Ok(self.text[from..self.mark.offset].to_owned())
    }

    /// The rest of a tag. `head` is what was taken for a handle and is part of the tag's name after its `!`.
    fn scan_tag_uri(&mut self, head: Option<&str>, start: Mark) -> Scanned<String> {
        let mut bytes = Vec::new();
        let mut found = false;
        if let Some(head) = head {
            found = true;
            bytes.extend_from_slice(&head.as_bytes()[1..]);
        }
        loop {
            let byte = self.byte(0);
            if byte == b'%' {
                self.scan_uri_escape(start, &mut bytes)?;
            } else if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) && byte != 0 {
                bytes.push(byte);
                self.skip_ascii(1);
            } else {
                break;
            }
            found = true;
        }
        if !found {
            return Err(self.problem(start, "did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn scan_uri_escape(&mut self, start: Mark, into: &mut Vec<u8>) -> Scanned<()> {
        let mut left = 0;
        loop {
            let digits = (hex(self.byte(1)), hex(self.byte(2)));
            let (b'%', (Some(high), Some(low))) = (self.byte(0), digits) else {
                return Err(self.problem(start, "did not find URI escaped octet"));
            };
            let octet = (high << 4 | low) as u8;
            if left == 0 {
                left = width(octet);
                if left == 0 {
                    return Err(self.problem(start, "found an incorrect leading UTF-8 octet"));
                }
            } else if octet & 0xC0 != 0x80 {
                return Err(self.problem(start, "found an incorrect trailing UTF-8 octet"));
            }
            into.push(octet);
            self.skip_ascii(3);
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// The length of the line break at `at`, without taking `\r\n` as one; 0 when there is none.
pub(crate) fn break_length(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'\n' | b'\r') => 1,
        Some(0xC2) if bytes.get(at + 1) == Some(&0x85) => 2,
        Some(0xE2) if bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)) => 3,
        _ => 0,
    }
}

/// The offset of the next line break or the end.
pub(crate) fn end_of_line(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let end = from + memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    // The other line breaks are rare and start with a byte that few texts have.
    let mut others =
        memchr::memchr2_iter(0xC2, 0xE2, bytes.get(from..end).unwrap_or_default()).map(|at| from + at);
    others.find(|at| break_length(bytes, *at) > 0).unwrap_or(end)
}

/// The number of bytes of the character that starts with `byte`; 0 when none starts so.
pub(crate) fn width(byte: u8) -> usize {
    match byte {
        0..=0x7F => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 0,
    }
}

pub(crate) fn hex(byte: u8) -> Option<u32> {
    (byte as char).to_digit(16)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
