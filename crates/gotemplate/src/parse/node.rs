//! A template's tree.

use std::fmt::{self, Display as _};
use std::sync::Arc;

use bytes::Bytes;

use super::names::Path;
use crate::function::FunctionId;
use crate::stack;
use crate::text::Text;

/// One named template.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The template's name.
    pub(crate) name: Text,
    /// The name of the text it was defined in.
    pub(crate) source: Arc<Source>,
    pub(crate) body: Body,
    /// How deep the tree is nested at most.
    pub(crate) depth: usize,
}

impl Drop for Tree {
    fn drop(&mut self) {
        let body = std::mem::take(&mut self.body);
        stack::with_room_for(self.depth, || drop(body));
    }
}

/// A text that templates were parsed from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Arc<str>,
    pub(crate) text: Bytes,
}

/// Where something stands in a source; no source is longer than 4 GiB.
pub(crate) type Offset = u32;

/// Nodes one after the other.
pub(crate) type Body = Box<[Node]>;

/// A piece of a source's text.
pub(crate) struct Slice {
    source: Arc<Source>,
    start: u32,
    end: u32,
}

impl Slice {
    /// Takes the piece that starts at a position.
    pub(crate) fn new(source: &Arc<Source>, start: Offset, length: usize) -> Self {
        Self {
            source: Arc::clone(source),
            start,
            end: start + length as Offset,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.source.text[self.start as usize..self.end as usize]
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// What a template does, step by step.
#[derive(Debug)]
pub(crate) enum Node {
    Text {
        at: Offset,
        text: Slice,
    },
    Action {
        at: Offset,
        pipe: Pipe,
    },
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template {
        at: Offset,
        name: Text,
        pipe: Option<Box<Pipe>>,
    },
    Break {
        at: Offset,
    },
    Continue {
        at: Offset,
    },
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) at: Offset,
    pub(crate) pipe: Pipe,
    pub(crate) body: Body,
    pub(crate) otherwise: Option<Body>,
}

/// Commands, the value of each handed to the next, and the variables that take the last one.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) at: Offset,
    pub(crate) is_assign: bool,
    pub(crate) declared: Box<[Declared]>,
    pub(crate) commands: Box<[Command]>,
}

#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) id: VariableId,
    pub(crate) name: Text,
}

/// A variable's name, as a number that is the same all over a text.
pub(crate) type VariableId = u32;

/// The variable `$`.
pub(crate) const ROOT_VARIABLE: VariableId = 0;

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) at: Offset,
    pub(crate) words: Box<[Word]>,
}

/// An operand of a command; the first one may be called.
#[derive(Debug)]
pub(crate) enum Word {
    Dot {
        at: Offset,
    },
    Nil {
        at: Offset,
    },
    Bool {
        at: Offset,
        truth: bool,
    },
    Number {
        at: Offset,
        number: Box<Number>,
    },
    String {
        at: Offset,
        quoted: Slice,
        /// What it means, unless that is what stands between the quotes.
        text: Option<Text>,
    },
    Field {
        at: Offset,
        path: Path,
    },
    Variable {
        at: Offset,
        id: VariableId,
        name: Text,
        path: Path,
    },
    Function {
        at: Offset,
        id: FunctionId,
        name: &'static str,
    },
    Chain {
        at: Offset,
        head: Box<Word>,
        path: Path,
    },
    Pipe(Box<Pipe>),
}

/// What a string constant means.
pub(crate) fn string_constant(quoted: &Slice, text: Option<&Text>) -> Text {
    match (text, quoted.as_bytes()) {
        (Some(text), _) => text.clone(),
        (None, [_, inner @ .., _]) => Text::from(inner),
        (None, _) => Text::default(),
    }
}

/// A constant, held under all the types that can represent it.
#[derive(Debug, Default)]
pub(crate) struct Number {
    pub(crate) text: Text,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Node {
    pub(crate) fn at(&self) -> Offset {
        match self {
            Self::Text { at, .. }
            | Self::Action { at, .. }
            | Self::Template { at, .. }
            | Self::Break { at }
            | Self::Continue { at } => *at,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.at,
        }
    }
}

impl Word {
    pub(crate) fn at(&self) -> Offset {
        match self {
            Self::Dot { at }
            | Self::Nil { at }
            | Self::Bool { at, .. }
            | Self::Number { at, .. }
            | Self::String { at, .. }
            | Self::Field { at, .. }
            | Self::Variable { at, .. }
            | Self::Function { at, .. }
            | Self::Chain { at, .. } => *at,
            Self::Pipe(pipe) => pipe.at,
        }
    }
}

/// Tells whether there is nothing but space.
pub(crate) fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| match node {
        Node::Text { text, .. } => {
            crate::runes::iter(text.as_bytes()).all(|(_, rune, _)| crate::runes::is_space(rune))
        }
        _ => false,
    })
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Text]) -> fmt::Result {
    path.iter().try_for_each(|name| write!(f, ".{name}"))
}

fn write_body(f: &mut fmt::Formatter<'_>, body: &[Node]) -> fmt::Result {
    stack::grow(|| body.iter().try_for_each(|node| node.fmt(f)))
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keyword, branch) = match self {
            Self::Text { text, .. } => return write!(f, "{text}"),
            Self::Action { pipe, .. } => return write!(f, "{{{{{pipe}}}}}"),
            Self::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", crate::strconv::quote(name.as_bytes()))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                return f.write_str("}}");
            }
            Self::Break { .. } => return f.write_str("{{break}}"),
            Self::Continue { .. } => return f.write_str("{{continue}}"),
            Self::If(branch) => ("if", branch),
            Self::With(branch) => ("with", branch),
            Self::Range(branch) => ("range", branch),
        };
        write!(f, "{{{{{keyword} {}}}}}", branch.pipe)?;
        write_body(f, &branch.body)?;
        if let Some(otherwise) = &branch.otherwise {
            f.write_str("{{else}}")?;
            write_body(f, otherwise)?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        stack::grow(|| self.write(f))
    }
}

impl Pipe {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, variable) in self.declared.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", variable.name)?;
        }
        if !self.declared.is_empty() {
            f.write_str(if self.is_assign { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match word {
                Word::Pipe(pipe) => write!(f, "({pipe})")?,
                word => word.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dot { .. } => f.write_str("."),
            Self::Nil { .. } => f.write_str("nil"),
            Self::Bool { truth, .. } => write!(f, "{truth}"),
            Self::Number { number, .. } => write!(f, "{}", number.text),
            Self::String { quoted, .. } => write!(f, "{quoted}"),
            Self::Field { path, .. } => write_path(f, path),
            Self::Variable { name, path, .. } => {
                write!(f, "{name}")?;
                write_path(f, path)
            }
            Self::Function { name, .. } => write!(f, "{name}"),
            Self::Chain { head, path, .. } => {
                match head.as_ref() {
                    Self::Pipe(pipe) => write!(f, "({pipe})")?,
                    head => head.fmt(f)?,
                }
                write_path(f, path)
            }
            Self::Pipe(pipe) => pipe.fmt(f),
        }
    }
}
