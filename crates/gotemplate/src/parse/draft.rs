//! What is read of a text, piece by piece.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use super::node::{Body, Code, Control, Index, Node, Number, Offset, Tree, Word, is_empty, pipe_at};
use super::shown::Shown;
use crate::text::Text;

/// What is read of a text, piece by piece. It can be used again, for the room it has.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Draft {
    pub(super) nodes: Vec<Node>,
    pub(super) words: Vec<Word>,
    pub(super) texts: Vec<Text>,
    pub(super) numbers: Vec<Number>,
    /// The templates; the text's own comes last, the others in the order of their names' first definition.
    pub(super) templates: Vec<(Text, Body)>,
}

/// Reads a number of a few digits, which needs no rules; it does not start with a zero, for octal numbers do.
pub(super) fn small_integer(digits: &[u8]) -> Option<u32> {
    const MOST_DIGITS: usize = 9;
    if digits.is_empty() || digits.len() > MOST_DIGITS || digits[0] == b'0' && digits.len() > 1 {
        return None;
    }
    digits.iter().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum * 10 + u32::from(digit))
    })
}

/// A template is defined twice.
pub(super) struct Twice;

impl Draft {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.words.clear();
        self.texts.clear();
        self.numbers.clear();
        self.templates.clear();
    }

    /// Makes trees of what was read.
    pub(super) fn finish(&mut self, name: &str, text: Bytes) -> Vec<Rc<Tree>> {
        let file = Arc::from(name);
        let code = Rc::new(Code {
            text,
            nodes: self.nodes.as_slice().into(),
            words: self.words.as_slice().into(),
            texts: self.texts.drain(..).collect(),
            numbers: self.numbers.as_slice().into(),
        });
        let tree = |(name, body)| {
            let (file, code) = (Arc::clone(&file), Rc::clone(&code));
            Rc::new(Tree {
                name,
                file,
                code,
                body,
            })
        };
        self.templates.drain(..).map(tree).collect()
    }

    pub(super) fn next_node(&self) -> Index {
        self.nodes.len() as Index
    }

    pub(super) fn next_word(&self) -> Index {
        self.words.len() as Index
    }

    pub(super) fn text(&mut self, text: Text) -> Index {
        self.texts.push(text);
        self.texts.len() as Index - 1
    }

    /// Adds a number, which is no [`small_integer`].
    pub(super) fn push_number(&mut self, start: Offset, end: Offset, number: Number) {
        self.numbers.push(number);
        let number = self.numbers.len() as Index - 1;
        self.words.push(Word::Number { start, end, number });
    }

    /// Begins a pipeline, which [`Draft::close_pipe`] ends.
    pub(super) fn open_pipe(&mut self, at: Offset) -> Index {
        self.open(Word::Pipe {
            is_assign: false,
            declared: 0,
            at,
            length: 0,
        })
    }

    /// Ends a pipeline.
    pub(super) fn close_pipe(&mut self, index: Index, count: u8, assigns: bool) {
        self.close(index);
        if let Word::Pipe {
            is_assign, declared, ..
        } = &mut self.words[index as usize]
        {
            *is_assign = assigns;
            *declared = count;
        }
    }

    /// Begins a command, which [`Draft::close`] ends.
    pub(super) fn open(&mut self, word: Word) -> Index {
        let index = self.next_word();
        self.words.push(word);
        index
    }

    /// Ends a pipeline or command, and says how many words are in it.
    pub(super) fn close(&mut self, index: Index) -> u32 {
        let inside = self.next_word() - index - 1;
        if let Word::Pipe { length, .. } | Word::Command { length, .. } = &mut self.words[index as usize] {
            *length = inside;
        }
        inside
    }

    /// Puts fields around the operand that starts at a place and is the last one.
    pub(super) fn chain(&mut self, index: Index, start: Offset, end: Offset) {
        let length = self.next_word() - index;
        self.words
            .insert(index as usize, Word::Chain { start, end, length });
    }

    /// Begins a condition or loop.
    pub(super) fn open_branch(&mut self, control: Control, pipe: Index) -> Index {
        let index = self.next_node();
        self.nodes.push(Node::Branch {
            control,
            has_otherwise: false,
            pipe,
            body_end: index,
            end: index,
        });
        index
    }

    /// Ends the body of a condition or loop, before its `else`.
    pub(super) fn begin_otherwise(&mut self, index: Index) {
        let next = self.next_node();
        if let Node::Branch {
            has_otherwise,
            body_end,
            ..
        } = &mut self.nodes[index as usize]
        {
            *has_otherwise = true;
            *body_end = next;
        }
    }

    /// Ends a condition or loop.
    pub(super) fn close_branch(&mut self, index: Index) {
        let next = self.next_node();
        if let Node::Branch {
            has_otherwise,
            body_end,
            end,
            ..
        } = &mut self.nodes[index as usize]
        {
            *end = next;
            if !*has_otherwise {
                *body_end = next;
            }
        }
    }

    /// Begins a template of its own among the steps.
    pub(super) fn open_template(&mut self) -> Index {
        let index = self.next_node();
        self.nodes.push(Node::Define { end: index });
        index
    }

    /// Ends a template of its own.
    pub(super) fn close_template(&mut self, index: Index, name: Text, text: &[u8]) -> Result<(), Twice> {
        let end = self.next_node();
        self.nodes[index as usize] = Node::Define { end };
        self.add(
            name,
            Body {
                start: index + 1,
                end,
            },
            text,
        )
    }

    /// Adds a template. An empty one gives way to another of its name.
    pub(super) fn add(&mut self, name: Text, body: Body, text: &[u8]) -> Result<(), Twice> {
        match self.templates.iter().position(|(other, _)| *other == name) {
            None => self.templates.push((name, body)),
            Some(place) if is_empty(&self.nodes, self.templates[place].1, text) => {
                self.templates[place].1 = body;
            }
            Some(_) if is_empty(&self.nodes, body, text) => {}
            Some(_) => return Err(Twice),
        }
        Ok(())
    }

    /// Which command of a pipeline is a constant although it gets the value of the one before, counted from one.
    pub(super) fn constant_stage(&self, pipe: Index) -> Option<usize> {
        let commands = pipe_at(&self.words, pipe).commands;
        let mut at = commands.start;
        let mut stage = 1;
        while at < commands.end {
            let first = self.words.get(at as usize + 1);
            if stage > 1 && first.is_some_and(|word| word.is_constant()) {
                return Some(stage);
            }
            at += 1 + self.words[at as usize].length();
            stage += 1;
        }
        None
    }

    /// Tells how Go shows an operand, which is in a text.
    pub(super) fn show(&self, text: &[u8], index: Index) -> String {
        let words = &self.words[..];
        Shown { text, words, index }.to_string()
    }
}
