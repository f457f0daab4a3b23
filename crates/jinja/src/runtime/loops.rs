//! `for`, and the `loop` variable.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::exec::Flow;
use super::{Context, Env, Vm};
use crate::ast::{For, LoopTest};
use crate::call::CallArgs;
use crate::error::{Error, Result};
use crate::value::object::Method;
use crate::value::{Iter, Object, Value, cmp, iter};

impl Vm {
    pub(crate) fn for_loop(&self, node: &Arc<For>, env: &Rc<Env>, out: &mut String) -> Result<Flow> {
        let iterable = self.eval(&node.iter, env)?;
        if node.recursive {
            let text = self.loop_function(node, env, iterable, 0)?;
            out.push_str(&text);
            return Ok(Flow::Normal);
        }
        self.run_loop(node, env, env, iterable, None, out)?;
        Ok(Flow::Normal)
    }

    /// One call of a recursive loop: its body is a function.
    fn loop_function(&self, node: &Arc<For>, outer: &Rc<Env>, iterable: Value, depth: i64) -> Result<String> {
        let env = Env::inner(node.slots, outer);
        let mut text = String::new();
        let recurse = Recurse {
            node: node.clone(),
            outer: outer.clone(),
            depth,
        };
        let result = self.deeper(3, || {
            self.run_loop(node, outer, &env, iterable, Some(recurse), &mut text)
        });
        match result {
            Ok(()) => Ok(text),
            Err(mut error) => {
                error.set_offset(node.offset);
                error.set_statement_line(node.line);
                Err(self.located(error, &env.template, &env.context, "recursive loop"))
            }
        }
    }

    fn run_loop(
        &self,
        node: &Arc<For>,
        outer: &Rc<Env>,
        env: &Rc<Env>,
        iterable: Value,
        recurse: Option<Recurse>,
        out: &mut String,
    ) -> Result<()> {
        let iterable = match &node.test {
            Some(test) => self.filtered(node, test, outer, &iterable)?,
            None => iterable,
        };
        let iterator = iter::iterate(self, &iterable).map_err(|error| error.at(node.iter.offset))?;
        let state = node.loop_slot.map(|slot| {
            (
                slot,
                Rc::new(Loop::new(iterator.clone(), iterable.clone(), recurse)),
            )
        });
        let mut empty = true;
        loop {
            let item = match &state {
                Some((_, state)) => state.advance(self),
                None => iterator.next(self),
            };
            let Some(item) = item.map_err(|error| error.at(node.iter.offset))? else {
                break;
            };
            self.assign(&node.target, item, env)?;
            if let Some((slot, state)) = &state {
                env.set(*slot, Value::Object(state.clone()));
            }
            self.enter(&node.enter, env);
            env.loop_vars.borrow_mut().clear();
            // `else` asks whether any body ran to its end, so a `break` or `continue` in all of them counts as none.
            match self.exec(&node.body, env, out)? {
                Flow::Break => break,
                Flow::Continue => {}
                Flow::Normal => empty = false,
            }
        }
        Self::leave(&node.enter, env);
        if empty {
            self.enter(&node.else_enter, env);
            self.exec(&node.otherwise, env, out)?;
        }
        Ok(())
    }

    /// Items that pass the loop's `if`, found as the loop goes on.
    fn filtered(&self, node: &Arc<For>, test: &LoopTest, outer: &Rc<Env>, iterable: &Value) -> Result<Value> {
        let source = iter::iterate(self, iterable).map_err(|error| error.at(node.iter.offset))?;
        let env = Env::inner(test.slots, outer);
        let node = node.clone();
        Ok(Iter::generator("", move |vm| {
            let Some(test) = &node.test else { return Ok(None) };
            while let Some(item) = source.next(vm)? {
                vm.enter(&test.enter, &env);
                let passed = vm
                    .assign(&test.target, item.clone(), &env)
                    .and_then(|()| vm.eval(&test.test, &env))
                    .and_then(|value| value.truth().map_err(|error| error.at(test.test.offset)))
                    .map_err(|mut error| {
                        error.set_statement_line(test.reported);
                        error
                    })?;
                if passed {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        }))
    }
}

/// What `loop(...)` calls.
struct Recurse {
    node: Arc<For>,
    outer: Rc<Env>,
    depth: i64,
}

/// The `loop` variable.
pub(crate) struct Loop {
    iter: RefCell<Rc<Iter>>,
    iterable: Value,
    index0: Cell<i64>,
    length: Cell<Option<i64>>,
    after: RefCell<Option<Value>>,
    current: RefCell<Option<Value>>,
    before: RefCell<Option<Value>>,
    changed: RefCell<Option<Value>>,
    recurse: Option<Recurse>,
}

impl Loop {
    fn new(iter: Rc<Iter>, iterable: Value, recurse: Option<Recurse>) -> Self {
        Self {
            iter: RefCell::new(iter),
            iterable,
            index0: Cell::new(-1),
            length: Cell::new(None),
            after: RefCell::default(),
            current: RefCell::default(),
            before: RefCell::default(),
            changed: RefCell::default(),
            recurse,
        }
    }

    fn advance(&self, vm: &Vm) -> Result<Option<Value>> {
        let peeked = self.after.take();
        let next = match peeked {
            Some(value) => Some(value),
            None => {
                let iter = self.iter.borrow().clone();
                iter.next(vm)?
            }
        };
        if let Some(value) = &next {
            self.index0.set(self.index0.get() + 1);
            let current = self.current.replace(Some(value.clone()));
            self.before.replace(current);
        }
        Ok(next)
    }

    fn peek(&self, vm: &Vm) -> Result<Option<Value>> {
        if self.after.borrow().is_none() {
            let iter = self.iter.borrow().clone();
            let next = iter.next(vm)?;
            self.after.replace(next);
        }
        Ok(self.after.borrow().clone())
    }

    fn length(&self, vm: &Vm) -> Result<i64> {
        if let Some(length) = self.length.get() {
            return Ok(length);
        }
        let length = match (&self.iterable, self.iterable.len()) {
            (Value::Iter(_), _) | (_, Err(_)) => {
                let iter = self.iter.borrow().clone();
                let items = iter.collect(vm)?;
                let length =
                    items.len() as i64 + self.index0.get() + 1 + i64::from(self.after.borrow().is_some());
                self.iter.replace(Iter::from_items("list_iterator", items));
                length
            }
            (_, Ok(length)) => length as i64,
        };
        self.length.set(Some(length));
        Ok(length)
    }

    fn depth0(&self) -> i64 {
        self.recurse.as_ref().map_or(0, |recurse| recurse.depth)
    }
}

/// What is left of a loop that is iterated over inside itself: items, each with the loop.
pub(crate) fn rest(value: &Value) -> Option<Rc<Iter>> {
    this(value).ok()?;
    let value = value.clone();
    let rest = Iter::generator("", move |vm| {
        let item = this(&value)?.advance(vm)?;
        Ok(item.map(|item| Value::tuple(vec![item, value.clone()])))
    });
    match rest {
        Value::Iter(iter) => Some(iter),
        _ => None,
    }
}

fn this(value: &Value) -> Result<&Loop> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
    .ok_or_else(|| Error::type_error("not a loop"))
}

fn cycle(_: &Vm, _: &Rc<Context>, owner: &Value, args: CallArgs) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::type_error("no items for cycling given"));
    }
    let index = this(owner)?.index0.get().rem_euclid(args.positional.len() as i64);
    Ok(args.positional[index as usize].clone())
}

fn changed(_: &Vm, _: &Rc<Context>, owner: &Value, args: CallArgs) -> Result<Value> {
    let state = this(owner)?;
    let value = Value::tuple(args.positional);
    let same = match &*state.changed.borrow() {
        Some(last) => cmp::equal(last, &value)?,
        None => false,
    };
    if !same {
        state.changed.replace(Some(value));
    }
    Ok(Value::Bool(!same))
}

impl Object for Loop {
    fn type_name(&self) -> &'static str {
        "LoopContext"
    }

    fn qualified_name(&self) -> String {
        "jinja2.runtime.LoopContext".to_owned()
    }

    fn attribute(&self, vm: &Vm, name: &str) -> Result<Option<Value>> {
        let index0 = self.index0.get();
        Ok(Some(match name {
            "index" => Value::Int(index0 + 1),
            "index0" => Value::Int(index0),
            "revindex" => Value::Int(self.length(vm)? - index0),
            "revindex0" => Value::Int(self.length(vm)? - index0 - 1),
            "first" => Value::Bool(index0 == 0),
            "last" => Value::Bool(self.peek(vm)?.is_none()),
            "length" => Value::Int(self.length(vm)?),
            "depth" => Value::Int(self.depth0() + 1),
            "depth0" => Value::Int(self.depth0()),
            "previtem" => match self.before.borrow().clone() {
                Some(value) if index0 > 0 => value,
                _ => vm.undefined_hint("there is no previous item", Value::None),
            },
            "nextitem" => match self.peek(vm)? {
                Some(value) => value,
                None => vm.undefined_hint("there is no next item", Value::None),
            },
            _ => return Ok(None),
        }))
    }

    fn method(&self, name: &str) -> Option<Method> {
        match name {
            "cycle" => Some(cycle),
            "changed" => Some(changed),
            _ => None,
        }
    }

    fn call(&self, vm: &Vm, _: &Rc<Context>, args: CallArgs) -> Result<Value> {
        let [iterable] = args.bind("LoopContext.__call__", ["iterable"], 1)?;
        let Some(recurse) = &self.recurse else {
            return Err(Error::type_error(
                "The loop must have the 'recursive' marker to be called recursively.",
            ));
        };
        let iterable = iterable.unwrap_or(Value::None);
        vm.loop_function(&recurse.node, &recurse.outer, iterable, recurse.depth + 1)
            .map(Value::str)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn len(&self) -> Option<Result<usize>> {
        match (&self.iterable, self.length.get()) {
            (_, Some(length)) => Some(Ok(length as usize)),
            (Value::Iter(_), None) => None,
            (iterable, None) => Some(iterable.len()),
        }
    }

    fn truth(&self) -> Result<bool> {
        Ok(true)
    }

    fn repr(&self) -> Result<String> {
        let length = match (self.length.get(), &self.iterable) {
            (Some(length), _) => length.to_string(),
            (None, iterable) => iterable
                .len()
                .map_or_else(|_| "?".to_owned(), |length| length.to_string()),
        };
        Ok(format!("<LoopContext {}/{length}>", self.index0.get() + 1))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
