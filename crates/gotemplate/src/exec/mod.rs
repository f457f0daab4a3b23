//! Executes a template's tree.

mod call;
mod eval;
mod range;

pub(crate) use eval::zero;

use std::any::Any;
use std::fmt::Display;
use std::sync::Arc;

use crate::error::{Error, Location};
use crate::fmt;
use crate::function::Slot;
use crate::parse::node::{Branch, Command, Node, Pipe, ROOT_VARIABLE, Tree, VariableId, Word};
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
    tree: &Arc<Tree>,
    data: Value,
    host: &dyn Any,
    out: &mut Vec<u8>,
) -> Result<()> {
    let dot = Slot::from(data);
    let mut state = State::new(templates, tree, host, 0, dot.clone());
    stack::grow(|| state.walk_all(&dot, &tree.body, out)).map(drop)
}

/// The part of the tree that errors are reported at.
#[derive(Clone, Copy)]
enum At<'t> {
    Node(&'t Node),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Word(&'t Word),
    Nothing,
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
    host: &'t dyn Any,
    depth: usize,
    at: At<'t>,
    variables: Vec<Variable>,
}

impl<'t> State<'t> {
    fn new(templates: &'t Templates, tree: &'t Tree, host: &'t dyn Any, depth: usize, dot: Slot) -> Self {
        let variables = vec![Variable {
            id: ROOT_VARIABLE,
            slot: dot,
        }];
        Self {
            templates,
            tree,
            host,
            depth,
            at: At::Nothing,
            variables,
        }
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
            At::Node(node) => (node.at(), node.to_string()),
            At::Pipe(pipe) => (pipe.at, pipe.to_string()),
            At::Command(command) => (command.at, command.to_string()),
            At::Word(word) => (word.at(), word.to_string()),
        };
        let source = &self.tree.source;
        let offset = offset as usize;
        let before = &source.text[..offset];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = offset
            - before
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
        let file = &source.name;
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

    fn set_variable(&mut self, id: VariableId, name: &Text, slot: Slot) -> Result<()> {
        match self.variables.iter_mut().rev().find(|variable| variable.id == id) {
            Some(variable) => variable.slot = slot,
            None => return Err(self.error(format!("undefined variable: {name}"))),
        }
        Ok(())
    }

    fn variable(&self, id: VariableId, name: &Text) -> Result<&Slot> {
        match self.variables.iter().rev().find(|variable| variable.id == id) {
            Some(variable) => Ok(&variable.slot),
            None => Err(self.error(format!("undefined variable: {name}"))),
        }
    }

    fn walk_all(&mut self, dot: &Slot, body: &'t [Node], out: &mut Vec<u8>) -> Result<Flow> {
        for node in body {
            let flow = self.walk(dot, node, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Slot, node: &'t Node, out: &mut Vec<u8>) -> Result<Flow> {
        self.at = At::Node(node);
        match node {
            Node::Text { text, .. } => out.extend_from_slice(text.as_bytes()),
            Node::Action { pipe, .. } => {
                let value = self.eval_pipe(dot, pipe)?;
                if pipe.declared.is_empty() {
                    self.at = At::Node(node);
                    match &value {
                        Value::String(text) => out.extend_from_slice(text.as_bytes()),
                        Value::Nil => out.extend_from_slice(b"<no value>"),
                        value => fmt::print_value(value, out),
                    }
                }
            }
            Node::If(branch) => return self.walk_if(dot, branch, false, out),
            Node::With(branch) => return self.walk_if(dot, branch, true, out),
            Node::Range(branch) => return stack::grow(|| self.walk_range(dot, node, branch, out)),
            Node::Template { name, pipe, .. } => self.walk_template(dot, name, pipe.as_deref(), out)?,
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn walk_if(&mut self, dot: &Slot, branch: &'t Branch, is_with: bool, out: &mut Vec<u8>) -> Result<Flow> {
        let scope = self.variables.len();
        let value = self.eval_pipe(dot, &branch.pipe)?;
        let flow = if value.is_true() {
            if is_with {
                let dot = Slot::from(value);
                stack::grow(|| self.walk_all(&dot, &branch.body, out))
            } else {
                stack::grow(|| self.walk_all(dot, &branch.body, out))
            }
        } else if let Some(otherwise) = &branch.otherwise {
            stack::grow(|| self.walk_all(dot, otherwise, out))
        } else {
            Ok(Flow::Next)
        };
        self.variables.truncate(scope);
        flow
    }

    fn walk_template(
        &mut self,
        dot: &Slot,
        name: &Text,
        pipe: Option<&'t Pipe>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(tree) = self.templates.find(name.as_bytes()) else {
            return Err(self.error(format!(
                "template {} not defined",
                strconv::quote(name.as_bytes())
            )));
        };
        if self.depth == MAX_TEMPLATE_DEPTH {
            return Err(self.error(format!("exceeded maximum template depth ({MAX_TEMPLATE_DEPTH})")));
        }
        let dot = match pipe {
            Some(pipe) => Slot::from(self.eval_pipe(dot, pipe)?),
            None => Slot::default(),
        };
        let mut state = State::new(self.templates, tree, self.host, self.depth + 1, dot.clone());
        stack::grow(|| state.walk_all(&dot, &tree.body, out)).map(drop)
    }
}
