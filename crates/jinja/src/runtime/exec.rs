//! Statements.

use std::rc::Rc;
use std::sync::Arc;

use super::{Env, Vm};
use crate::ast::*;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Key, Value, iter, repr};

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Normal,
    Break,
    Continue,
}

impl Vm {
    /// Sets the variables of a frame to what they start with.
    pub(crate) fn enter(&self, enter: &Enter, env: &Rc<Env>) {
        for (index, load) in enter {
            let value = match load {
                Load::Resolve(name) => env.context.get(name).unwrap_or(Value::Missing),
                Load::Alias(slot) => env.get(*slot),
                Load::Missing => Value::Missing,
            };
            env.set(*index, value);
        }
    }

    pub(crate) fn leave(enter: &Enter, env: &Rc<Env>) {
        for (index, _) in enter {
            env.set(*index, Value::Missing);
        }
    }

    pub(crate) fn exec(&self, body: &[Stmt], env: &Rc<Env>, out: &mut String) -> Result<Flow> {
        for statement in body {
            let flow = match self.statement(statement, env, out) {
                Ok(flow) => flow,
                Err(mut error) => {
                    error.set_offset(statement.offset);
                    error.set_statement_line(statement.reported);
                    return Err(error);
                }
            };
            if flow != Flow::Normal {
                return Ok(flow);
            }
        }
        Ok(Flow::Normal)
    }

    fn statement(&self, statement: &Stmt, env: &Rc<Env>, out: &mut String) -> Result<Flow> {
        self.tick()?;
        match &statement.kind {
            StmtKind::Output { pieces, check_parent } => {
                if !*check_parent || env.extends.borrow().is_none() {
                    self.output(pieces, env, out)?;
                }
            }
            StmtKind::If(node) => return self.branches(node, env, out),
            StmtKind::For(node) => return self.for_loop(node, env, out),
            StmtKind::Assign {
                target,
                value,
                before,
                exports,
            } => {
                check_namespaces(target, env).map_err(|mut error| {
                    error.set_statement_line(*before);
                    error
                })?;
                let value = self.eval(value, env)?;
                self.assign(target, value, env)?;
                export(exports, env);
            }
            StmtKind::AssignBlock {
                target,
                filter,
                enter,
                body,
                exports,
            } => {
                self.enter(enter, env);
                let mut text = String::new();
                self.exec(body, env, &mut text)?;
                let mut value = self.captured(text, env);
                if let Some(filter) = filter {
                    value = self.filter_value(filter, value, env)?;
                }
                self.assign(target, value, env)?;
                export(exports, env);
            }
            StmtKind::Macro { def, slot, toplevel } => {
                let value = super::macros::define(def, env);
                if let (true, Some(name)) = (*toplevel, &def.name) {
                    if !name.starts_with('_') {
                        env.context.exported.borrow_mut().insert(name.clone());
                    }
                    env.context.vars.borrow_mut().insert(name.clone(), value.clone());
                }
                env.set(slot.index, value);
            }
            StmtKind::CallBlock { def, call } => {
                let caller = super::macros::define(def, env);
                let value = self.call_with_caller(call, env, Some(caller))?;
                self.print(&value, env, out)?;
            }
            StmtKind::FilterBlock { enter, body, filter } => {
                self.enter(enter, env);
                let mut text = String::new();
                self.exec(body, env, &mut text)?;
                let value = self.captured(text, env);
                let value = self.filter_value(filter, value, env)?;
                self.print(&value, env, out)?;
            }
            StmtKind::With { targets, enter, body } => {
                self.enter(enter, env);
                for (target, value) in targets {
                    let value = self.eval(value, env)?;
                    self.assign(target, value, env)?;
                }
                return self.exec(body, env, out);
            }
            StmtKind::Autoescape { value, enter, body } => {
                self.enter(enter, env);
                let on = self.eval(value, env)?.truth()?;
                let before = env.context.autoescape.replace(on);
                let result = self.exec(body, env, out);
                env.context.autoescape.set(before);
                return result;
            }
            StmtKind::Block {
                name,
                scoped,
                required,
                locals,
                skip,
                check_parent,
                ..
            } => {
                if !*skip && (!*check_parent || env.extends.borrow().is_none()) {
                    self.block(name, *scoped, *required, locals, env, out)?;
                }
            }
            StmtKind::Extends { template, repeated } => self.extends(template, *repeated, env)?,
            StmtKind::Include {
                template,
                ignore_missing,
                with_context,
                locals,
            } => {
                self.include(template, *ignore_missing, *with_context, locals, env, out)?;
            }
            StmtKind::Import {
                template,
                target,
                with_context,
                slot,
                toplevel,
                locals,
            } => {
                let module = self.import(template, *with_context, locals, env)?;
                if *toplevel {
                    env.context
                        .vars
                        .borrow_mut()
                        .insert(target.clone(), module.clone());
                    env.context.exported.borrow_mut().remove(target);
                }
                env.set(slot.index, module);
            }
            StmtKind::FromImport {
                template,
                names,
                with_context,
                toplevel,
                locals,
            } => {
                let module = self.import(template, *with_context, locals, env)?;
                self.from_import(&module, names, *toplevel, statement.line, env)?;
            }
            StmtKind::Break => return Ok(Flow::Break),
            StmtKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Normal)
    }

    fn output(&self, pieces: &[Piece], env: &Rc<Env>, out: &mut String) -> Result<()> {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Expr(expr, line) => {
                    let result = self
                        .eval(expr, env)
                        .and_then(|value| self.print(&value, env, out));
                    if let Err(mut error) = result {
                        error.set_offset(expr.offset);
                        error.set_statement_line(*line);
                        return Err(error);
                    }
                }
            }
        }
        self.check_output(out.len())
    }

    /// Writes a value as `{{ }}` does.
    pub(crate) fn print(&self, value: &Value, env: &Rc<Env>, out: &mut String) -> Result<()> {
        if env.context.autoescape.get() {
            out.push_str(&crate::filters::html::escaped(value)?);
            return Ok(());
        }
        repr::write_str(value, out)
    }

    fn captured(&self, text: String, env: &Rc<Env>) -> Value {
        if env.context.autoescape.get() {
            Value::Markup(text.into())
        } else {
            Value::str(text)
        }
    }

    fn branches(&self, node: &If, env: &Rc<Env>, out: &mut String) -> Result<Flow> {
        for (test, line, body) in &node.branches {
            let result = self.eval(test, env).and_then(|value| value.truth());
            let holds = result.map_err(|mut error| {
                error.set_offset(test.offset);
                error.set_statement_line(*line);
                error
            })?;
            if holds {
                return self.exec(body, env, out);
            }
        }
        self.exec(&node.otherwise, env, out)
    }

    /// Gives a value to a name, namespace attribute or tuple of them.
    pub(crate) fn assign(&self, target: &Expr, value: Value, env: &Rc<Env>) -> Result<()> {
        match &target.kind {
            ExprKind::Name { slot, .. } => {
                env.set(slot.index, value);
                Ok(())
            }
            ExprKind::NamespaceAttr { attr, slot, .. } => {
                set_attribute(&env.get(*slot), attr, value).map_err(|error| error.at(target.offset))
            }
            ExprKind::Tuple(items) => {
                let values = self
                    .unpack(&value, items.len())
                    .map_err(|error| error.at(target.offset))?;
                for (item, value) in items.iter().zip(values) {
                    self.assign(item, value, env)?;
                }
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::SYNTAX, "cannot assign to this").at(target.offset)),
        }
    }

    fn unpack(&self, value: &Value, wanted: usize) -> Result<Vec<Value>> {
        let iter = match iter::iterate(self, value) {
            Ok(iter) => iter,
            Err(error) if error.kind() == ErrorKind::TYPE => {
                return Err(Error::type_error(format!(
                    "cannot unpack non-iterable {} object",
                    value.type_name()
                )));
            }
            Err(error) => return Err(error),
        };
        let mut values = Vec::with_capacity(wanted);
        while let Some(item) = iter.next(self)? {
            if values.len() == wanted {
                let got = match value {
                    Value::List(_) | Value::Tuple(_) | Value::Dict(_) => format!(", got {}", value.len()?),
                    _ => String::new(),
                };
                return Err(Error::value_error(format!(
                    "too many values to unpack (expected {wanted}{got})"
                )));
            }
            values.push(item);
        }
        if values.len() < wanted {
            return Err(Error::value_error(format!(
                "not enough values to unpack (expected {wanted}, got {})",
                values.len()
            )));
        }
        Ok(values)
    }

    /// Values of the named slots that hold something.
    pub(crate) fn locals(locals: &[(Arc<str>, Slot)], env: &Rc<Env>) -> super::VarMap {
        let value = |(name, slot): &(Arc<str>, Slot)| match env.get(*slot) {
            Value::Missing => None,
            value => Some((name.clone(), value)),
        };
        locals.iter().filter_map(value).collect()
    }
}

/// Publishes an assignment to the context, or to the running loop or block.
fn export(exports: &Exports, env: &Rc<Env>) {
    let into = match exports.to {
        Export::No => return,
        Export::Loop => &env.loop_vars,
        Export::Block => &env.block_vars,
        Export::Context => &env.context.vars,
    };
    for (name, slot) in &exports.names {
        into.borrow_mut().insert(name.clone(), env.get(*slot));
        if exports.to == Export::Context && !name.starts_with('_') {
            env.context.exported.borrow_mut().insert(name.clone());
        }
    }
}

/// Attributes may be set on namespaces only.
fn check_namespaces(target: &Expr, env: &Rc<Env>) -> Result<()> {
    match &target.kind {
        ExprKind::NamespaceAttr { slot, .. } => match env.get(*slot) {
            Value::Object(object) if object.is_namespace() => Ok(()),
            _ => Err(Error::new(
                ErrorKind::RUNTIME,
                "cannot assign attribute on non-namespace object",
            )
            .at(target.offset)),
        },
        ExprKind::Tuple(items) => items.iter().try_for_each(|item| check_namespaces(item, env)),
        _ => Ok(()),
    }
}

/// `{% set owner.attr %}`, which Python does as `owner['attr'] = ...`.
fn set_attribute(owner: &Value, attr: &Arc<str>, value: Value) -> Result<()> {
    let name = match owner {
        Value::Object(object) if object.set_item(attr, value.clone()) => return Ok(()),
        Value::Dict(dict) => {
            dict.insert(Key::str(attr.clone()), value);
            return Ok(());
        }
        Value::List(_) => {
            return Err(Error::type_error(
                "list indices must be integers or slices, not str",
            ));
        }
        Value::Missing => "_MissingType",
        other => other.type_name(),
    };
    Err(Error::type_error(format!(
        "'{name}' object does not support item assignment"
    )))
}
