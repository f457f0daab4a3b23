//! Shows parts of a template as Go does in its errors.

use std::fmt;

use super::node::{Index, Offset, Pipe, Word, pipe_at};
use crate::stack;

/// A word as Go shows it.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'c> {
    pub(super) text: &'c [u8],
    pub(super) words: &'c [Word],
    pub(super) index: Index,
}

impl Shown<'_> {
    fn word(self) -> Word {
        self.words[self.index as usize]
    }

    fn at(self, index: Index) -> Self {
        Self { index, ..self }
    }

    fn after(self) -> Self {
        self.at(self.index + 1 + self.word().length())
    }

    fn write_slice(self, f: &mut fmt::Formatter<'_>, start: Offset, end: Offset) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text[start as usize..end as usize]))
    }

    fn write_pipe(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pipe {
            is_assign,
            declared,
            commands,
        } = pipe_at(self.words, self.index);
        for index in declared.clone() {
            if index > declared.start {
                f.write_str(", ")?;
            }
            fmt::Display::fmt(&self.at(index), f)?;
        }
        if !declared.is_empty() {
            f.write_str(if is_assign { " = " } else { " := " })?;
        }
        let mut command = self.at(commands.start);
        while command.index < commands.end {
            if command.index > commands.start {
                f.write_str(" | ")?;
            }
            command.write_command(f)?;
            command = command.after();
        }
        Ok(())
    }

    fn write_command(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.after().index;
        let start = self.index + 1;
        let mut operand = self.at(start);
        while operand.index < end {
            if operand.index > start {
                f.write_str(" ")?;
            }
            operand.write_operand(f)?;
            operand = operand.after();
        }
        Ok(())
    }

    fn write_operand(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Word::Pipe { .. } => write!(f, "({self})"),
            _ => fmt::Display::fmt(&self, f),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Word::Pipe { .. } => stack::grow(|| self.write_pipe(f)),
            Word::Command { .. } => self.write_command(f),
            Word::Dot { .. } => f.write_str("."),
            Word::Nil { .. } => f.write_str("nil"),
            Word::Bool { truth, .. } => write!(f, "{truth}"),
            Word::Declared { start, end, .. }
            | Word::Integer { start, end, .. }
            | Word::Number { start, end, .. }
            | Word::String { start, end }
            | Word::Unquoted { start, end, .. }
            | Word::Field { start, end }
            | Word::Variable { start, end, .. }
            | Word::Function { start, end, .. } => self.write_slice(f, start, end),
            Word::Chain { start, end, .. } => {
                self.at(self.index + 1).write_operand(f)?;
                self.write_slice(f, start, end)
            }
        }
    }
}
