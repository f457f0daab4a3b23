//! Expressions.

use std::rc::Rc;

use super::{Context, Env, Vm};
use crate::ast::*;
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Dict, Key, Undefined, UndefinedMode, Value, cmp, iter, ops, repr};

impl Vm {
    /// The value of an expression; an error learns where it happened.
    pub(crate) fn eval(&self, expr: &Expr, env: &Rc<Env>) -> Result<Value> {
        let result = match &expr.kind {
            ExprKind::Filter(_) | ExprKind::Call(_) | ExprKind::Binary(..) | ExprKind::Getitem(_) => {
                self.eval_kind(expr, env).and_then(|value| self.charge_new(value))
            }
            _ => self.eval_kind(expr, env),
        };
        result.map_err(|mut error| {
            error.set_offset(expr.offset);
            error
        })
    }

    fn eval_kind(&self, expr: &Expr, env: &Rc<Env>) -> Result<Value> {
        Ok(match &expr.kind {
            ExprKind::Const(value) => Value::from_const(value),
            ExprKind::Name { name, slot } => match env.get(*slot) {
                Value::Missing => self.undefined_name(name),
                value => value,
            },
            ExprKind::NamespaceAttr { name, .. } => self.undefined_name(name),
            ExprKind::Getattr(object, name) => {
                let place = object.offset;
                let object = self.eval(object, env)?;
                self.getattr(&object, name).map_err(|error| match object {
                    // It is the undefined name that is wrong, not what was asked of it.
                    Value::Undefined(_) => error.at(place),
                    _ => error,
                })?
            }
            ExprKind::Getitem(parts) => self.subscript(&parts.0, &parts.1, env)?,
            ExprKind::Filter(call) => {
                let Some(input) = &call.input else {
                    return Ok(Value::None);
                };
                let input = self.eval(input, env)?;
                self.filter(call, input, env)?
            }
            ExprKind::Test(call) => {
                let input = self.eval(&call.input, env)?;
                let Some(test) = call.test else {
                    return Err(Error::new(
                        ErrorKind::RUNTIME,
                        format!("No test named '{}' found.", call.name),
                    ));
                };
                let args = self.args(&call.args, env)?;
                test(self, &env.context, &input, args)?
            }
            ExprKind::Call(_) => self.call_with_caller(expr, env, None)?,
            ExprKind::Tuple(items) => Value::tuple(self.all(items, env)?),
            ExprKind::List(items) => Value::list(self.all(items, env)?),
            ExprKind::Dict(items) => {
                let dict = Dict::default();
                for (key, value) in items {
                    let key = self.eval(key, env)?;
                    let value = self.eval(value, env)?;
                    dict.insert(Key::new(key)?, value);
                }
                Value::dict(dict)
            }
            ExprKind::Cond(parts) => {
                let (test, then, otherwise) = &**parts;
                if self
                    .eval(test, env)?
                    .truth()
                    .map_err(|error| error.at(test.offset))?
                {
                    return self.eval(then, env);
                }
                match otherwise {
                    Some(otherwise) => self.eval(otherwise, env)?,
                    None => self.no_else(expr.line, env),
                }
            }
            ExprKind::And(parts) => {
                let left = self.eval(&parts.0, env)?;
                if left.truth()? {
                    self.eval(&parts.1, env)?
                } else {
                    left
                }
            }
            ExprKind::Or(parts) => {
                let left = self.eval(&parts.0, env)?;
                if left.truth()? {
                    left
                } else {
                    self.eval(&parts.1, env)?
                }
            }
            ExprKind::Not(inner) => Value::Bool(
                !self
                    .eval(inner, env)?
                    .truth()
                    .map_err(|error| error.at(inner.offset))?,
            ),
            ExprKind::Neg(inner) => ops::negate(&self.eval(inner, env)?)?,
            ExprKind::Pos(inner) => ops::positive(&self.eval(inner, env)?)?,
            ExprKind::Binary(op, parts) => {
                let left = self.eval(&parts.0, env)?;
                let right = self.eval(&parts.1, env)?;
                ops::binary(self, *op, &left, &right).map_err(|error| blame(error, &left, &right, parts))?
            }
            ExprKind::Compare(first, rest) => self.compare(first, rest, env)?,
            ExprKind::Concat(parts) => self.concat(parts, env)?,
            ExprKind::Slice(_) => self.slice_object(expr, env)?,
        })
    }

    fn all(&self, items: &[Expr], env: &Rc<Env>) -> Result<Vec<Value>> {
        items.iter().map(|item| self.eval(item, env)).collect()
    }

    /// An inline `if` without `else`: undefined, but never strict.
    fn no_else(&self, line: u32, env: &Rc<Env>) -> Value {
        let place = match &env.template.name {
            Some(name) => format!("line {line} in {}", repr::str_repr(name)),
            None => format!("line {line}"),
        };
        let hint = format!(
            "the inline if-expression on {place} evaluated to false and no else section was defined."
        );
        Value::Undefined(Rc::new(Undefined {
            hint: Some(hint),
            object: None,
            name: Value::None,
            mode: UndefinedMode::Plain,
        }))
    }

    fn compare(&self, first: &Expr, rest: &[(Compare, Expr)], env: &Rc<Env>) -> Result<Value> {
        let mut left = self.eval(first, env)?;
        let mut left_offset = first.offset;
        let last = rest.len().saturating_sub(1);
        for (index, (op, operand)) in rest.iter().enumerate() {
            let right = self.eval(operand, env)?;
            let result = match op {
                Compare::Eq => cmp::equal(&left, &right).map(Value::Bool),
                Compare::Ne => cmp::equal(&left, &right).map(|equal| Value::Bool(!equal)),
                Compare::In => cmp::contains(self, &right, &left).map(Value::Bool),
                Compare::NotIn => cmp::contains(self, &right, &left).map(|found| Value::Bool(!found)),
                _ => cmp::ordered(*op, &left, &right),
            };
            let result = result.map_err(|error| match (&left, &right) {
                (Value::Undefined(_), _) => error.at(left_offset),
                (_, Value::Undefined(_)) => error.at(operand.offset),
                _ => error,
            })?;
            if index == last || !result.truth()? {
                return Ok(result);
            }
            left = right;
            left_offset = operand.offset;
        }
        Ok(left)
    }

    fn concat(&self, parts: &[Expr], env: &Rc<Env>) -> Result<Value> {
        let values = self.all(parts, env)?;
        if env.context.autoescape.get() {
            return crate::filters::html::markup_join(&values);
        }
        let mut out = String::new();
        for (part, value) in parts.iter().zip(&values) {
            repr::write_str(value, &mut out).map_err(|error| error.at(part.offset))?;
        }
        self.charge(out.len())?;
        Ok(Value::str(out))
    }

    fn subscript(&self, object: &Expr, arg: &Expr, env: &Rc<Env>) -> Result<Value> {
        let value = self.eval(object, env)?;
        if let ExprKind::Slice(parts) = &arg.kind {
            let mut bounds = [Value::None, Value::None, Value::None];
            for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                if let Some(part) = part {
                    *bound = self.eval(part, env)?;
                }
            }
            return self.slice(&value, &bounds);
        }
        let arg = self.eval(arg, env)?;
        self.getitem(&value, &arg)
    }

    /// `x[a, b:c]` makes a slice inside a tuple, which nothing here can be asked for.
    fn slice_object(&self, expr: &Expr, env: &Rc<Env>) -> Result<Value> {
        let ExprKind::Slice(parts) = &expr.kind else {
            return Ok(Value::None);
        };
        for part in parts.iter().flatten() {
            self.eval(part, env)?;
        }
        Err(Error::type_error("indices must be integers or slices, not tuple"))
    }

    pub(crate) fn args(&self, args: &Args, env: &Rc<Env>) -> Result<CallArgs> {
        let mut call = CallArgs {
            positional: Vec::with_capacity(args.positional.len()),
            keywords: Vec::new(),
        };
        for arg in &args.positional {
            call.positional.push(self.eval(arg, env)?);
        }
        for (name, arg) in &args.keywords {
            let value = self.eval(arg, env)?;
            if call.keywords.iter().any(|(key, _)| key == name) {
                return Err(Error::new(
                    ErrorKind::PYTHON_SYNTAX,
                    format!("keyword argument repeated: {name}"),
                ));
            }
            call.keywords.push((name.clone(), value));
        }
        if let Some(rest) = &args.dyn_positional {
            let value = self.eval(rest, env)?;
            let items = iter::items(self, &value).map_err(|error| match error.kind() {
                ErrorKind::TYPE => Error::type_error(format!(
                    "Value after * must be an iterable, not {}",
                    value.type_name()
                )),
                _ => error,
            });
            call.positional
                .extend(items.map_err(|error| error.at(rest.offset))?);
        }
        if let Some(rest) = &args.dyn_keywords {
            let value = self.eval(rest, env)?;
            let Value::Dict(dict) = &value else {
                let error = match &value {
                    Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
                        undefined.error()
                    }
                    _ => Error::type_error(format!(
                        "argument after ** must be a mapping, not {}",
                        value.type_name()
                    )),
                };
                return Err(error.at(rest.offset));
            };
            for (key, value) in dict.pairs() {
                let Some(name) = key.as_str() else {
                    return Err(Error::type_error("keywords must be strings"));
                };
                if call.keywords.iter().any(|(known, _)| known == name) {
                    return Err(Error::type_error(format!(
                        "got multiple values for keyword argument '{name}'"
                    )));
                }
                call.keywords.push((name.clone(), value));
            }
        }
        Ok(call)
    }

    pub(crate) fn filter_value(&self, filter: &Expr, input: Value, env: &Rc<Env>) -> Result<Value> {
        let ExprKind::Filter(call) = &filter.kind else {
            return Ok(input);
        };
        // `{% filter a | b %}` nests: the innermost call has no input.
        let input = match &call.input {
            Some(inner) => self.filter_value(inner, input, env)?,
            None => input,
        };
        self.filter(call, input, env)
            .map_err(|error| error.at(filter.offset))
    }

    fn filter(&self, call: &FilterCall, input: Value, env: &Rc<Env>) -> Result<Value> {
        let Some(filter) = call.filter else {
            return Err(Error::new(
                ErrorKind::RUNTIME,
                format!("No filter named '{}' found.", call.name),
            ));
        };
        let args = self.args(&call.args, env)?;
        self.tick()?;
        let undefined_at = match (&input, &call.input) {
            (Value::Undefined(_), Some(input)) => Some(input.offset),
            _ => None,
        };
        filter(self, &env.context, input, args).map_err(|mut error| {
            if let (Some(offset), ErrorKind::UNDEFINED) = (undefined_at, error.kind()) {
                error.set_offset(offset);
            }
            error
        })
    }

    /// A call, with the body of `{% call %}` as `caller`.
    pub(crate) fn call_with_caller(
        &self,
        expr: &Expr,
        env: &Rc<Env>,
        caller: Option<Value>,
    ) -> Result<Value> {
        let ExprKind::Call(call) = &expr.kind else {
            return self.eval(expr, env);
        };
        self.tick()?;
        let callee = match &call.callee.kind {
            ExprKind::Getattr(object, name) if caller.is_none() => {
                let object = self.eval(object, env)?;
                if let Some(method) = crate::methods::find(&object, name) {
                    let args = self.args(&call.args, env)?;
                    return method(self, &env.context, &object, args);
                }
                self.getattr(&object, name)
                    .map_err(|error| error.at(call.callee.offset))?
            }
            _ => self.eval(&call.callee, env)?,
        };
        let mut args = self.args(&call.args, env)?;
        if let Some(caller) = caller {
            args.keywords.push(("caller".into(), caller));
        }
        let mut context = env.context.clone();
        if matches!(callee, Value::Func(_)) {
            for (wanted, vars) in [(call.in_loop, &env.loop_vars), (call.in_block, &env.block_vars)] {
                if wanted && !vars.borrow().is_empty() {
                    context = context.derived(vars.borrow().clone());
                }
            }
        }
        self.call(&callee, &context, args)
    }

    /// Calls a value.
    pub(crate) fn call(&self, callee: &Value, context: &Rc<Context>, args: CallArgs) -> Result<Value> {
        match callee {
            Value::Func(func) => func.call(self, context, args),
            Value::Macro(value) => self.call_macro(value, args, context.autoescape.get()),
            Value::Object(object) => object.call(self, context, args),
            Value::Undefined(undefined) => match undefined.mode {
                UndefinedMode::Lenient if args.positional.len() == 1 && args.keywords.is_empty() => {
                    Ok(callee.clone())
                }
                UndefinedMode::Lenient => Err(Error::type_error(match args.positional.len() {
                    0 => "NullUndefined._return_self() missing 1 required positional argument: 'other'"
                        .to_owned(),
                    count => format!(
                        "NullUndefined._return_self() takes 2 positional arguments but {} were given",
                        count + 1
                    ),
                })),
                _ => Err(undefined.error()),
            },
            other => Err(Error::type_error(format!(
                "'{}' object is not callable",
                other.type_name()
            ))),
        }
    }
}

/// An undefined operand is where the caret belongs.
fn blame(error: Error, left: &Value, right: &Value, parts: &(Expr, Expr)) -> Error {
    match (left, right) {
        (Value::Undefined(_), _) => error.at(parts.0.offset),
        (_, Value::Undefined(_)) => error.at(parts.1.offset),
        _ => error,
    }
}
