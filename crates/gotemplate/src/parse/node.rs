//! What templates are made of: flat lists, in the order of the text, of steps and of the words of their pipelines.
//!
//! A step or word that has others inside is followed by them, and tells how many they are. So a text's templates take a handful of
//! allocations whatever is in them, and dropping them needs no stack.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::shown::Shown;
use crate::function::FunctionId;
use crate::runes;
use crate::text::Text;

/// One named template.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The template's name.
    pub(crate) name: Text,
    /// The name of the text it was defined in.
    pub(crate) file: Arc<str>,
    pub(crate) code: Rc<Code>,
    pub(crate) body: Body,
}

/// A text and all that was read of it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) text: Bytes,
    pub(super) nodes: Box<[Node]>,
    pub(super) words: Box<[Word]>,
    /// Names of templates that are called, and string constants that are not in the text as they are.
    pub(super) texts: Box<[Text]>,
    pub(super) numbers: Box<[Number]>,
}

/// Where something stands in a text; no text is longer than 4 GiB.
pub(crate) type Offset = u32;

/// Where a step or word stands in its list.
pub(crate) type Index = u32;

/// A list of steps: where it starts and ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) start: Index,
    pub(crate) end: Index,
}

/// What a template does, step by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    Text {
        start: Offset,
        end: Offset,
    },
    Action {
        pipe: Index,
    },
    /// A condition or loop. The steps of its body follow, then those of its `else`.
    Branch {
        control: Control,
        has_otherwise: bool,
        pipe: Index,
        body_end: Index,
        end: Index,
    },
    Template {
        at: Offset,
        name: Index,
        pipe: Option<Pipeline>,
    },
    /// A template of its own, which is not executed here, up to a step.
    Define {
        end: Index,
    },
    Break,
    Continue,
}

/// The pipeline of a `template`: one more than its place, so that no pipeline takes no room.
pub(crate) type Pipeline = std::num::NonZeroU32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    If,
    With,
    Range,
}

impl Control {
    /// The word it starts with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

/// A variable's name, as a number that is the same all over a text.
pub(crate) type VariableId = u32;

/// The variable `$`.
pub(crate) const ROOT_VARIABLE: VariableId = 0;

/// Pipelines, commands and operands. A length is the number of words inside, which follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Word {
    /// Commands, the value of each handed to the next, after the variables that take the last one.
    Pipe {
        is_assign: bool,
        declared: u8,
        at: Offset,
        length: u32,
    },
    Declared {
        id: VariableId,
        start: Offset,
        end: Offset,
    },
    /// Operands, of which the first may be called.
    Command {
        at: Offset,
        length: u32,
    },
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
    /// A whole number written with nothing but a few digits.
    Integer {
        start: Offset,
        end: Offset,
        value: u32,
    },
    /// Any other number.
    Number {
        start: Offset,
        end: Offset,
        number: Index,
    },
    /// A string, with its quotes; what it means stands between them.
    String {
        start: Offset,
        end: Offset,
    },
    /// A string that means something else than what stands between its quotes.
    Unquoted {
        start: Offset,
        end: Offset,
        text: Index,
    },
    /// Names, each with a dot before it.
    Field {
        start: Offset,
        end: Offset,
    },
    /// A variable's name, and those of its fields.
    Variable {
        id: VariableId,
        start: Offset,
        end: Offset,
    },
    Function {
        id: FunctionId,
        start: Offset,
        end: Offset,
    },
    /// Fields of what follows.
    Chain {
        start: Offset,
        end: Offset,
        length: u32,
    },
}

impl Word {
    /// How many words are inside.
    pub(crate) fn length(self) -> u32 {
        match self {
            Self::Pipe { length, .. } | Self::Command { length, .. } | Self::Chain { length, .. } => length,
            _ => 0,
        }
    }

    /// Whether it is a value by itself, which has no fields and cannot be called.
    pub(super) fn is_constant(self) -> bool {
        matches!(
            self,
            Self::Bool { .. }
                | Self::Dot { .. }
                | Self::Nil { .. }
                | Self::Integer { .. }
                | Self::Number { .. }
                | Self::String { .. }
                | Self::Unquoted { .. }
        )
    }
}

/// A constant, held under all the types that can represent it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

/// A pipeline's parts.
pub(crate) struct Pipe {
    pub(crate) is_assign: bool,
    pub(crate) declared: Range<Index>,
    pub(crate) commands: Range<Index>,
}

/// Takes a pipeline apart.
pub(super) fn pipe_at(words: &[Word], index: Index) -> Pipe {
    let (is_assign, declared, length) = match words[index as usize] {
        Word::Pipe {
            is_assign,
            declared,
            length,
            ..
        } => (is_assign, Index::from(declared), length),
        _ => (false, 0, 0),
    };
    let start = index + 1;
    Pipe {
        is_assign,
        declared: start..start + declared,
        commands: start + declared..start + length,
    }
}

/// Tells whether there is nothing but space.
pub(super) fn is_empty(nodes: &[Node], body: Body, text: &[u8]) -> bool {
    let mut at = body.start;
    while at < body.end {
        match nodes[at as usize] {
            Node::Text { start, end } => {
                let text = &text[start as usize..end as usize];
                if !runes::iter(text).all(|(_, rune, _)| runes::is_space(rune)) {
                    return false;
                }
                at += 1;
            }
            Node::Define { end } => at = end,
            _ => return false,
        }
    }
    true
}

impl Tree {
    /// Tells whether this is all of a text that is no definition, under the text's name.
    pub(super) fn is_whole_text(&self) -> bool {
        let end = self.code.nodes.len() as Index;
        self.name == *self.file && self.body == Body { start: 0, end }
    }

    /// Tells whether there is nothing but space.
    pub(crate) fn is_empty(&self) -> bool {
        is_empty(&self.code.nodes, self.body, &self.code.text)
    }
}

impl Code {
    pub(crate) fn node(&self, index: Index) -> Node {
        self.nodes[index as usize]
    }

    pub(crate) fn word(&self, index: Index) -> Word {
        self.words[index as usize]
    }

    /// Takes a pipeline apart.
    pub(crate) fn pipe(&self, index: Index) -> Pipe {
        pipe_at(&self.words, index)
    }

    /// The place of the word after another one and all that is in it.
    pub(crate) fn after(&self, index: Index) -> Index {
        index + 1 + self.word(index).length()
    }

    pub(crate) fn slice(&self, start: Offset, end: Offset) -> &[u8] {
        &self.text[start as usize..end as usize]
    }

    pub(crate) fn text(&self, index: Index) -> &Text {
        &self.texts[index as usize]
    }

    /// The number that a word is.
    pub(crate) fn number(&self, word: Word) -> Option<Number> {
        match word {
            Word::Integer { value, .. } => Some(Number {
                int: Some(i64::from(value)),
                uint: Some(u64::from(value)),
                float: Some(f64::from(value)),
                complex: None,
            }),
            Word::Number { number, .. } => self.numbers.get(number as usize).copied(),
            _ => None,
        }
    }

    /// Where a word stands, as errors tell it: for fields it is the second one, where there is one.
    pub(crate) fn offset(&self, index: Index) -> Offset {
        match self.word(index) {
            Word::Pipe { at, .. }
            | Word::Command { at, .. }
            | Word::Dot { at }
            | Word::Nil { at }
            | Word::Bool { at, .. } => at,
            Word::Declared { start, .. }
            | Word::Integer { start, .. }
            | Word::Number { start, .. }
            | Word::String { start, .. }
            | Word::Unquoted { start, .. }
            | Word::Function { start, .. }
            | Word::Chain { start, .. } => start,
            Word::Field { start, end } | Word::Variable { start, end, .. } => {
                let names = self.slice(start, end);
                let second = memchr::memchr(b'.', names.get(1..).unwrap_or_default());
                second.map_or(start, |second| start + 1 + second as Offset)
            }
        }
    }

    /// Shows a word as Go does.
    pub(crate) fn show(&self, index: Index) -> Shown<'_> {
        Shown {
            text: &self.text,
            words: &self.words,
            index,
        }
    }

    /// Shows the call of a template.
    pub(crate) fn show_call(&self, name: Index, pipe: Option<Pipeline>) -> String {
        let name = crate::strconv::quote(self.text(name).as_bytes());
        match pipe {
            Some(pipe) => format!("{{{{template {name} {}}}}}", self.show(pipe.get() - 1)),
            None => format!("{{{{template {name}}}}}"),
        }
    }
}
