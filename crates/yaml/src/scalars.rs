//! Reads scalars: plain, quoted and block ones, with their folding.

use std::borrow::Cow;

use crate::node::ScalarStyle;
use crate::scanner::{Mark, Scanned, Scanner, Token, TokenKind, end_of_line, hex};

/// Line breaks met inside a scalar that are not yet known to matter.
#[derive(Default)]
struct Breaks {
    leading: String,
    trailing: String,
}

impl Breaks {
    /// Folds: one break becomes a space, more become one fewer.
    fn fold_into(&mut self, value: &mut String) {
        if self.leading.starts_with('\n') {
            if self.trailing.is_empty() {
                value.push(' ');
            } else {
                value.push_str(&self.trailing);
            }
        } else {
            value.push_str(&self.leading);
            value.push_str(&self.trailing);
        }
        self.leading.clear();
        self.trailing.clear();
    }
}

/// What `|+2` and the like ask for.
struct BlockHeader {
    chomp: Chomp,
    increment: u32,
}

#[derive(PartialEq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

impl<'a> Scanner<'a> {
    pub(crate) fn scan_plain_scalar(&mut self) -> Scanned<Token<'a>> {
        let start = self.mark;
        let indent = self.indent + 1;
        let mut value: Cow<'a, str> = Cow::Borrowed("");
        let mut end = self.mark;
        let mut breaks = Breaks::default();
        let mut leading_blanks = false;
        let mut blanks = self.mark.offset..self.mark.offset;
        loop {
            if (self.mark.column == 0 && self.at_document_indicator()) || self.byte(0) == b'#' {
                break;
            }
            let run = self.plain_run();
            if run > self.mark.offset {
                let text = self.text;
                let from = self.mark.offset;
                if leading_blanks {
                    breaks.fold_into(value.to_mut());
                    leading_blanks = false;
                    value.to_mut().push_str(&text[from..run]);
                } else if let Cow::Borrowed(_) = value {
                    value = Cow::Borrowed(&text[start.offset..run]);
                } else {
                    let owned = value.to_mut();
                    owned.push_str(&text[blanks.clone()]);
                    owned.push_str(&text[from..run]);
                }
                self.skip_to(run);
                end = self.mark;
            }
            if !self.is_blank(0) && self.break_length(0) == 0 {
                break;
            }
            let from = self.mark.offset;
            blanks = from..from;
            while self.is_blank(0) || self.break_length(0) > 0 {
                if self.is_blank(0) {
                    if leading_blanks && (self.mark.column as i32) < indent && self.byte(0) == b'\t' {
                        return Err(self.problem(start, "found a tab character that violates indentation"));
                    }
                    self.skip_ascii(1);
                    if !leading_blanks {
                        blanks.end = self.mark.offset;
                    }
                } else if leading_blanks {
                    self.read_line(&mut breaks.trailing);
                } else {
                    blanks = from..from;
                    self.read_line(&mut breaks.leading);
                    leading_blanks = true;
                }
            }
            if self.flow_level == 0 && (self.mark.column as i32) < indent {
                break;
            }
        }
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(Token {
            kind: TokenKind::Scalar {
                value,
                style: ScalarStyle::Plain,
            },
            start,
            end,
        })
    }

    /// The end of the run of plain characters that starts here.
    fn plain_run(&self) -> usize {
        let flow = self.flow_level > 0;
        let from = self.mark.offset;
        let mut ahead = 0;
        loop {
            match self.byte(ahead) {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'/' | b'_' => {}
                b' ' | b'\t' | b'\n' | b'\r' | 0 => break,
                b':' if self.is_blankz(ahead + 1) => break,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if flow => break,
                0xC2 | 0xE2 if self.break_length(ahead) > 0 => break,
                _ => {}
            }
            ahead += 1;
        }
        from + ahead
    }

    pub(crate) fn scan_flow_scalar(&mut self, single: bool) -> Scanned<Token<'a>> {
        let start = self.mark;
        self.skip_ascii(1);
        let quote = if single { b'\'' } else { b'"' };
        let mut value: Cow<'a, str> = Cow::Borrowed("");
        let mut breaks = Breaks::default();
        loop {
            if self.mark.column == 0 && self.at_document_indicator() {
                return Err(self.problem(start, "found unexpected document indicator"));
            }
            if self.byte(0) == 0 {
                return Err(self.problem(start, "found unexpected end of stream"));
            }
            let mut leading_blanks = self.scan_quoted_run(single, start, &mut value)?;
            if self.byte(0) == quote {
                break;
            }
            let from = self.mark.offset;
            let mut blanks = from..from;
            while self.is_blank(0) || self.break_length(0) > 0 {
                if self.is_blank(0) {
                    self.skip_ascii(1);
                    if !leading_blanks {
                        blanks.end = self.mark.offset;
                    }
                } else if leading_blanks {
                    self.read_line(&mut breaks.trailing);
                } else {
                    blanks = from..from;
                    self.read_line(&mut breaks.leading);
                    leading_blanks = true;
                }
            }
            if leading_blanks {
                breaks.fold_into(value.to_mut());
            } else {
                let text = self.text;
                append(&mut value, text, blanks.start, blanks.end);
            }
        }
        self.skip_ascii(1);
        Ok(Token {
            kind: TokenKind::Scalar {
                value,
                style: if single {
                    ScalarStyle::SingleQuoted
                } else {
                    ScalarStyle::DoubleQuoted
                },
            },
            start,
            end: self.mark,
        })
    }

    /// Reads up to a blank, a break or the closing quote; tells whether an escaped line break ended it.
    fn scan_quoted_run(&mut self, single: bool, start: Mark, value: &mut Cow<'a, str>) -> Scanned<bool> {
        loop {
            let from = self.mark.offset;
            let mut at = from;
            while let Some(byte) = self.bytes.get(at) {
                let stop = match byte {
                    b' ' | b'\t' | b'\n' | b'\r' => true,
                    b'\'' => single,
                    b'"' | b'\\' => !single,
                    0xC2 | 0xE2 => crate::scanner::break_length(self.bytes, at) > 0,
                    _ => false,
                };
                if stop {
                    break;
                }
                at += 1;
            }
            let text = self.text;
            append(value, text, from, at);
            self.skip_to(at);
            match self.byte(0) {
                b'\'' if single && self.byte(1) == b'\'' => {
                    value.to_mut().push('\'');
                    self.skip_ascii(2);
                }
                b'\\' if !single => {
                    if self.break_length(1) > 0 {
                        self.skip_ascii(1);
                        self.skip_line();
                        return Ok(true);
                    }
                    self.scan_escape(start, value.to_mut())?;
                }
                _ => return Ok(false),
            }
        }
    }

    fn scan_escape(&mut self, start: Mark, value: &mut String) -> Scanned<()> {
        let (character, digits) = match self.byte(1) {
            b'0' => ('\0', 0),
            b'a' => ('\x07', 0),
            b'b' => ('\x08', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\x0B', 0),
            b'f' => ('\x0C', 0),
            b'r' => ('\r', 0),
            b'e' => ('\x1B', 0),
            b' ' => (' ', 0),
            b'"' => ('"', 0),
            b'\'' => ('\'', 0),
            b'\\' => ('\\', 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{A0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => ('\0', 2),
            b'u' => ('\0', 4),
            b'U' => ('\0', 8),
            _ => return Err(self.problem(start, "found unknown escape character")),
        };
        self.skip_ascii(2);
        if digits == 0 {
            value.push(character);
            return Ok(());
        }
        let mut code = 0u32;
        for ahead in 0..digits {
            let Some(digit) = hex(self.byte(ahead)) else {
                return Err(self.problem(start, "did not find expected hexdecimal number"));
            };
            code = code.wrapping_shl(4) | digit;
        }
        match char::from_u32(code) {
            Some(character) => value.push(character),
            None => return Err(self.problem(start, "found invalid Unicode character escape code")),
        }
        self.skip_ascii(digits);
        Ok(())
    }

    pub(crate) fn scan_block_scalar(&mut self, literal: bool) -> Scanned<Token<'a>> {
        let start = self.mark;
        self.skip_ascii(1);
        let header = self.scan_block_header(start)?;
        let mut end = self.mark;
        let mut indent = match header.increment {
            0 => 0,
            increment => self.indent.max(0) as u32 + increment,
        };
        let mut value = String::new();
        let mut leading_break = String::new();
        let mut trailing_breaks = String::new();
        self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        let mut leading_blank = false;
        while self.mark.column == indent && self.byte(0) != 0 {
            let trailing_blank = self.is_blank(0);
            if !literal && !leading_blank && !trailing_blank && leading_break.starts_with('\n') {
                if trailing_breaks.is_empty() {
                    value.push(' ');
                }
            } else {
                value.push_str(&leading_break);
            }
            leading_break.clear();
            value.push_str(&trailing_breaks);
            trailing_breaks.clear();
            leading_blank = self.is_blank(0);
            let line_end = end_of_line(self.bytes, self.mark.offset);
            value.push_str(&self.text[self.mark.offset..line_end]);
            self.skip_to(line_end);
            if self.byte(0) != 0 {
                self.read_line(&mut leading_break);
            }
            self.scan_block_breaks(&mut indent, &mut trailing_breaks, start, &mut end)?;
        }
        if header.chomp != Chomp::Strip {
            value.push_str(&leading_break);
        }
        if header.chomp == Chomp::Keep {
            value.push_str(&trailing_breaks);
        }
        Ok(Token {
            kind: TokenKind::Scalar {
                value: Cow::Owned(value),
                style: if literal {
                    ScalarStyle::Literal
                } else {
                    ScalarStyle::Folded
                },
            },
            start,
            end,
        })
    }

    fn scan_block_header(&mut self, start: Mark) -> Scanned<BlockHeader> {
        let mut header = BlockHeader {
            chomp: Chomp::Clip,
            increment: 0,
        };
        if self.scan_chomp(&mut header) {
            self.scan_increment(start, &mut header)?;
        } else if self.byte(0).is_ascii_digit() {
            self.scan_increment(start, &mut header)?;
            self.scan_chomp(&mut header);
        }
        self.skip_blanks();
        if self.byte(0) == b'#' {
            let end = end_of_line(self.bytes, self.mark.offset);
            self.skip_to(end);
        }
        if !self.is_breakz(0) {
            return Err(self.problem(start, "did not find expected comment or line break"));
        }
        self.skip_line();
        Ok(header)
    }

    fn scan_chomp(&mut self, header: &mut BlockHeader) -> bool {
        header.chomp = match self.byte(0) {
            b'+' => Chomp::Keep,
            b'-' => Chomp::Strip,
            _ => return false,
        };
        self.skip_ascii(1);
        true
    }

    fn scan_increment(&mut self, start: Mark, header: &mut BlockHeader) -> Scanned<()> {
        let byte = self.byte(0);
        if byte == b'0' {
            return Err(self.problem(start, "found an indentation indicator equal to 0"));
        }
        if byte.is_ascii_digit() {
            header.increment = u32::from(byte - b'0');
            self.skip_ascii(1);
        }
        Ok(())
    }

    /// Skips indentation and empty lines; finds the indentation when it is not known yet (0).
    fn scan_block_breaks(
        &mut self,
        indent: &mut u32,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Scanned<()> {
        *end = self.mark;
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b' ' {
                self.skip_ascii(1);
            }
            deepest = deepest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.byte(0) == b'\t' {
                return Err(self.problem(
                    start,
                    "found a tab character where an indentation space is expected",
                ));
            }
            if self.break_length(0) == 0 {
                break;
            }
            self.read_line(breaks);
            *end = self.mark;
        }
        if *indent == 0 {
            *indent = deepest.max((self.indent + 1) as u32).max(1);
        }
        Ok(())
    }
}

/// Appends a piece of the text, without a copy while all pieces so far are neighbours.
fn append<'a>(value: &mut Cow<'a, str>, text: &'a str, from: usize, to: usize) {
    if from == to {
        return;
    }
    if let Cow::Borrowed(known) = value {
        if known.is_empty() {
            *value = Cow::Borrowed(&text[from..to]);
            return;
        }
        // Pieces follow each other in the text as long as nothing had to be decoded.
        *value = Cow::Borrowed(&text[from - known.len()..to]);
        return;
    }
    value.to_mut().push_str(&text[from..to]);
}
