//! Pipelines, commands and their operands.

use super::{DIGIT, Reader, TERMINATOR, WORD, is};
use crate::parse::draft::small_integer;
use crate::parse::lexer::{self, Lexer};
use crate::parse::node::{Index, Offset, ROOT_VARIABLE, VariableId, Word};
use crate::parse::number;
use crate::strconv;
use crate::text::Text;

/// How deep parentheses are nested at most: each level takes stack.
const DEEPEST_PARENTHESES: usize = 30;

/// How many variables are looked through for a name.
const MOST_VARIABLES: usize = 1000;

impl<'t> Reader<'t> {
    /// Reads a pipeline up to the end of the action.
    pub(super) fn action_pipeline(&mut self, is_range: bool) -> Option<Index> {
        let pipe = self.pipeline(is_range)?;
        self.end_of_action()?;
        Some(pipe)
    }

    /// Reads a pipeline up to what may be its end.
    fn pipeline(&mut self, is_range: bool) -> Option<Index> {
        self.spaces();
        let pipe = self.draft.open_pipe(self.at());
        let (declared, is_assign) = match self.peek()? {
            b'$' => self.declarations(is_range)?,
            _ => (0, false),
        };
        let mut commands = 1;
        while self.command()? {
            commands += 1;
        }
        self.draft.close_pipe(pipe, declared, is_assign);
        if commands > 1 && self.draft.constant_stage(pipe).is_some() {
            return None;
        }
        Some(pipe)
    }

    /// Reads the variables before a pipeline, and tells how many there are and whether they are assigned to.
    fn declarations(&mut self, is_range: bool) -> Option<(u8, bool)> {
        let start = self.position;
        let first = self.variable()?;
        let end = self.at();
        let spaced = self.spaces();
        if is_range && self.peek() == Some(b',') {
            self.position += 1;
            self.declare(first, start as Offset, end);
            self.spaces();
            let start = self.at();
            let second = self.variable()?;
            let end = self.at();
            let spaced = self.spaces();
            let is_assign = self.assignment(spaced)?;
            self.declare(second, start, end);
            return Some((2, is_assign));
        }
        if let Some(is_assign) = self.assignment(spaced) {
            self.declare(first, start as Offset, end);
            return Some((1, is_assign));
        }
        self.position = start;
        Some((0, false))
    }

    /// Reads `:=` or `=`, and tells which of them.
    fn assignment(&mut self, spaced: bool) -> Option<bool> {
        let rest = self.rest();
        let is_assign = if rest.starts_with(b":=") {
            self.position += 2;
            false
        } else if spaced && rest.starts_with(b"=") {
            self.position += 1;
            true
        } else {
            return None;
        };
        self.spaces();
        Some(is_assign)
    }

    fn variable(&mut self) -> Option<&'t [u8]> {
        if self.peek()? != b'$' {
            return None;
        }
        let start = self.position;
        self.position += 1;
        self.word()?;
        Some(&self.text[start..self.position])
    }

    fn declare(&mut self, name: &'t [u8], start: Offset, end: Offset) {
        let id = if name == b"$" {
            ROOT_VARIABLE
        } else {
            let next = self.variable_ids.len() as VariableId + 1;
            *self.variable_ids.entry(name).or_insert(next)
        };
        self.variables.push((id, name));
        self.draft.words.push(Word::Declared { id, start, end });
    }

    /// Reads a command, and tells whether its value goes to another one.
    fn command(&mut self) -> Option<bool> {
        let command = self.draft.open(Word::Command {
            at: self.at(),
            length: 0,
        });
        loop {
            self.operand()?;
            let spaced = self.spaces();
            let goes_on = match self.peek()? {
                b'|' => {
                    self.position += 1;
                    self.spaces();
                    true
                }
                b')' | b'}' => false,
                b'-' if spaced && self.rest().starts_with(b"-}}") => {
                    // The end of the action looks for space before it.
                    self.position -= 1;
                    false
                }
                _ if spaced => continue,
                _ => return None,
            };
            self.draft.close(command);
            return Some(goes_on);
        }
    }

    fn operand(&mut self) -> Option<()> {
        let start = self.at();
        match self.peek()? {
            b'.' => {
                let byte = *self.rest().get(1)?;
                if is(byte, WORD) && !is(byte, DIGIT) {
                    self.fields()?;
                    let end = self.at();
                    self.draft.words.push(Word::Field { start, end });
                } else if is(byte, DIGIT) {
                    self.number()?;
                } else {
                    self.position += 1;
                    (is(byte, TERMINATOR) || self.rest().starts_with(b"}}")).then_some(())?;
                    self.draft.words.push(Word::Dot { at: start });
                }
            }
            b'$' => {
                let name = self.variable()?;
                let id = self.known_variable(name)?;
                self.fields()?;
                let end = self.at();
                self.draft.words.push(Word::Variable { id, start, end });
            }
            b'"' | b'`' => {
                let (quoted, is_literal) = self.quoted()?;
                let end = self.at();
                let word = if is_literal {
                    Word::String { start, end }
                } else {
                    let text = self.draft.text(Text::from(strconv::unquote(quoted)?));
                    Word::Unquoted { start, end, text }
                };
                self.draft.words.push(word);
            }
            b'(' => self.parentheses()?,
            b'0'..=b'9' | b'-' | b'+' => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name()?,
            _ => return None,
        }
        Some(())
    }

    /// Moves over fields, of which there need not be any.
    fn fields(&mut self) -> Option<()> {
        while self.peek()? == b'.' {
            self.position += 1;
            let byte = self.peek()?;
            if !is(byte, WORD) || is(byte, DIGIT) {
                return None;
            }
            self.word()?;
        }
        Some(())
    }

    fn known_variable(&self, name: &[u8]) -> Option<VariableId> {
        if name == b"$" {
            return Some(ROOT_VARIABLE);
        }
        let known = self.variables[self.scope..].iter().rev();
        known
            .take(MOST_VARIABLES)
            .find(|(_, other)| *other == name)
            .map(|(id, _)| *id)
    }

    /// Moves over a string, and tells whether it means what stands between its quotes.
    pub(super) fn quoted(&mut self) -> Option<(&'t [u8], bool)> {
        let start = self.position;
        let mark = self.peek()?;
        self.position += 1;
        let mut is_literal = true;
        match mark {
            b'"' => loop {
                let rest = self.rest();
                let found = memchr::memchr3(b'"', b'\\', b'\n', rest)?;
                self.position += found + 1;
                match rest[found] {
                    b'"' => break,
                    b'\\' if self.peek()? != b'\n' => {
                        self.position += 1;
                        is_literal = false;
                    }
                    _ => return None,
                }
            },
            b'`' => {
                let rest = self.rest();
                let length = memchr::memchr(b'`', rest)?;
                self.position += length + 1;
                is_literal = memchr::memchr(b'\r', &rest[..length]).is_none();
            }
            _ => return None,
        }
        let quoted = &self.text[start..self.position];
        if mark == b'"' && is_literal {
            is_literal = quoted.is_ascii() || std::str::from_utf8(quoted).is_ok();
        }
        Some((quoted, is_literal))
    }

    fn parentheses(&mut self) -> Option<()> {
        let index = self.draft.next_word();
        self.position += 1;
        self.paren_depth += 1;
        if self.paren_depth > DEEPEST_PARENTHESES {
            return None;
        }
        self.pipeline(false)?;
        self.paren_depth -= 1;
        self.spaces();
        if self.peek()? != b')' {
            return None;
        }
        self.position += 1;
        let start = self.at();
        self.fields()?;
        let end = self.at();
        if start < end {
            self.draft.chain(index, start, end);
        }
        Some(())
    }

    /// Reads the name of a function, or of a constant.
    fn name(&mut self) -> Option<()> {
        let index = self.draft.next_word();
        let start = self.at();
        let word = self.word()?;
        if lexer::Token::keyword(word).is_some() {
            (word == b"nil").then(|| self.draft.words.push(Word::Nil { at: start }))?;
            return Some(());
        }
        if matches!(word, b"true" | b"false") {
            let truth = word == b"true";
            self.draft.words.push(Word::Bool { at: start, truth });
            return Some(());
        }
        let id = self.functions.find(word)?;
        let end = self.at();
        self.draft.words.push(Word::Function { id, start, end });
        self.fields()?;
        if end < self.at() {
            self.draft.chain(index, end, self.at());
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let (start, at) = (self.position, self.at());
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is(*byte, DIGIT))?;
        if matches!(rest[length], b' ' | b')' | b'}' | b'\n' | b'|')
            && let Some(value) = small_integer(&rest[..length])
        {
            self.position += length;
            let (start, end) = (at, self.at());
            self.draft.words.push(Word::Integer { start, end, value });
            return Some(());
        }
        let (text, token) = Lexer::number(&self.text[start..])?;
        self.position += text.len();
        let number = number::parse(text, token).ok()?;
        self.draft.push_number(at, self.at(), number);
        Some(())
    }
}
