//! Executes a template's tree.

mod call;
mod eval;
mod range;

pub(crate) use eval::zero;

use std::any::Any;
use std::fmt::Display;

use crate::error::{Error, Location};
use crate::fmt;
use crate::function::Slot;
use crate::parse::node::{
    Body, Code, Control, Index, Node, Offset, Pipeline, ROOT_VARIABLE, Tree, VariableId,
};
use crate::stack;
use crate::strconv;
use crate::templates::Templates;
use crate::text::Text;
use crate::value::Value;

/// How deep templates may call each other by `template`, as in Go.
const MAX_TEMPLATE_DEPTH: usize = 100_000;

type Result<T> = std::result::Result<T, Error>;

/// Executes one template.
pub(crate) fn execute(
    templates: &Templates,
    tree: &Tree,
    data: Value,
    host: &dyn Any,
    out: &mut Vec<u8>,
) -> Result<()> {
    let dot = Slot::from(data);
    State::new(templates, tree, host, 0, dot.clone()).run(&dot, out)
}

/// What an execution needs besides the machine's stack; it is used again for the room it has.
#[derive(Default)]
pub(crate) struct Stacks {
    variables: Vec<Variable>,
    /// The arguments of the calls that are under way, those of the innermost last.
    arguments: Vec<Value>,
    slots: Vec<Slot>,
}

/// The part of the tree that errors are reported at.
#[derive(Clone, Copy)]
enum At {
    Call {
        at: Offset,
        name: Index,
        pipe: Option<Pipeline>,
    },
    Word(Index),
    Nothing,
}

/// A condition or loop.
#[derive(Clone, Copy)]
struct Branch {
    pipe: Index,
    body: Body,
    otherwise: Option<Body>,
}

/// Whether a loop goes on after a step of its body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

struct Variable {
    id: VariableId,
    slot: Slot,
}

/// The execution of one template.
struct State<'t> {
    templates: &'t Templates,
    tree: &'t Tree,
    code: &'t Code,
    host: &'t dyn Any,
    depth: usize,
    at: At,
    stacks: Stacks,
}

impl<'t> State<'t> {
    fn new(templates: &'t Templates, tree: &'t Tree, host: &'t dyn Any, depth: usize, dot: Slot) -> Self {
        let mut stacks = templates.take_stacks();
        stacks.variables.push(Variable {
            id: ROOT_VARIABLE,
            slot: dot,
        });
        Self {
            templates,
            tree,
            code: &tree.code,
            host,
            depth,
            at: At::Nothing,
            stacks,
        }
    }

    /// Executes the template.
    fn run(mut self, dot: &Slot, out: &mut Vec<u8>) -> Result<()> {
        let body = self.tree.body;
        let walked = stack::grow(|| self.walk_all(dot, body, out));
        let mut stacks = self.stacks;
        stacks.variables.clear();
        stacks.arguments.clear();
        stacks.slots.clear();
        self.templates.keep_stacks(stacks);
        walked.map(drop)
    }

    /// Makes an error at the present part of the tree.
    #[cold]
    fn error(&self, message: impl Display) -> Error {
        self.error_from(message, None)
    }

    #[cold]
    fn error_from(&self, message: impl Display, cause: Option<Error>) -> Error {
        let name = &self.tree.name;
        let (offset, context) = match self.at {
            At::Nothing => return Error::exec(format!("template: {name}: {message}"), None, cause),
            At::Call { at, name, pipe } => (at, self.code.show_call(name, pipe)),
            At::Word(word) => (self.code.offset(word), self.code.show(word).to_string()),
        };
        let offset = offset as usize;
        let before = &self.code.text[..offset];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = offset
            - before
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
        let file = &self.tree.file;
        let quoted = strconv::quote(name.as_bytes());
        let prefix =
            format!("template: {file}:{line}:{column}: executing {quoted} at <{context}>: {message}");
        let location = Location {
            template: file.clone(),
            line,
            column: Some(column),
            offset: Some(offset),
        };
        Error::exec(prefix, Some(location), cause)
    }

    /// A variable's name, which stands in the text with its fields.
    fn name_of(&self, (start, end): (Offset, Offset)) -> Text {
        let names = self.code.slice(start, end);
        let length = memchr::memchr(b'.', names).unwrap_or(names.len());
        Text::from(&names[..length])
    }

    fn set_variable(&mut self, id: VariableId, place: (Offset, Offset), slot: Slot) -> Result<()> {
        match self
            .stacks
            .variables
            .iter_mut()
            .rev()
            .find(|variable| variable.id == id)
        {
            Some(variable) => variable.slot = slot,
            None => return Err(self.undefined(place)),
        }
        Ok(())
    }

    fn variable(&self, id: VariableId, place: (Offset, Offset)) -> Result<&Slot> {
        match self
            .stacks
            .variables
            .iter()
            .rev()
            .find(|variable| variable.id == id)
        {
            Some(variable) => Ok(&variable.slot),
            None => Err(self.undefined(place)),
        }
    }

    #[cold]
    fn undefined(&self, place: (Offset, Offset)) -> Error {
        self.error(format!("undefined variable: {}", self.name_of(place)))
    }

    fn walk_all(&mut self, dot: &Slot, body: Body, out: &mut Vec<u8>) -> Result<Flow> {
        let mut index = body.start;
        while index < body.end {
            let mut next = index + 1;
            match self.code.node(index) {
                Node::Text { start, end } => out.extend_from_slice(self.code.slice(start, end)),
                Node::Action { pipe } => {
                    let (value, is_printed) = self.eval_pipe_of(dot, pipe)?;
                    if is_printed {
                        match &value {
                            Value::String(text) => out.extend_from_slice(text.as_bytes()),
                            Value::Nil => out.extend_from_slice(b"<no value>"),
                            value => fmt::print_value(value, out),
                        }
                    }
                }
                Node::Branch {
                    control,
                    has_otherwise,
                    pipe,
                    body_end,
                    end,
                } => {
                    let body = Body {
                        start: next,
                        end: body_end,
                    };
                    let otherwise = has_otherwise.then_some(Body { start: body_end, end });
                    next = end;
                    let branch = Branch {
                        pipe,
                        body,
                        otherwise,
                    };
                    let flow = match control {
                        Control::If => self.walk_if(dot, branch, false, out),
                        Control::With => self.walk_if(dot, branch, true, out),
                        Control::Range => stack::grow(|| self.walk_range(dot, branch, out)),
                    }?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Template { at, name, pipe } => self.walk_template(dot, at, name, pipe, out)?,
                Node::Define { end } => next = end,
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
            index = next;
        }
        Ok(Flow::Next)
    }

    fn walk_if(&mut self, dot: &Slot, branch: Branch, is_with: bool, out: &mut Vec<u8>) -> Result<Flow> {
        let scope = self.stacks.variables.len();
        let value = self.eval_pipe(dot, branch.pipe)?;
        let flow = if value.is_true() {
            if is_with {
                let dot = Slot::from(value);
                stack::grow(|| self.walk_all(&dot, branch.body, out))
            } else {
                stack::grow(|| self.walk_all(dot, branch.body, out))
            }
        } else if let Some(otherwise) = branch.otherwise {
            stack::grow(|| self.walk_all(dot, otherwise, out))
        } else {
            Ok(Flow::Next)
        };
        self.stacks.variables.truncate(scope);
        flow
    }

    fn walk_template(
        &mut self,
        dot: &Slot,
        at: Offset,
        name: Index,
        pipe: Option<Pipeline>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.at = At::Call { at, name, pipe };
        let called = self.code.text(name).as_bytes();
        let Some(tree) = self.templates.find(called) else {
            return Err(self.error(format!("template {} not defined", strconv::quote(called))));
        };
        if self.depth == MAX_TEMPLATE_DEPTH {
            return Err(self.error(format!("exceeded maximum template depth ({MAX_TEMPLATE_DEPTH})")));
        }
        let dot = match pipe {
            Some(pipe) => Slot::from(self.eval_pipe(dot, pipe.get() - 1)?),
            None => Slot::default(),
        };
        State::new(self.templates, tree, self.host, self.depth + 1, dot.clone()).run(&dot, out)
    }
}
