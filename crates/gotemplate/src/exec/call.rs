//! Calls functions and methods: counts, checks and converts their arguments.

use std::rc::Rc;

use super::{At, Result, State};
use crate::error::Error;
use crate::function::{Body, Context, Function, Signature, Slot};
use crate::object::Object;
use crate::parse::node::{Index, Word};
use crate::types::{Kind, Type};
use crate::value::{List, Map, Value};

/// A function's arguments in the text: words one after the other, each with what is in it.
#[derive(Clone, Copy, Default)]
pub(super) struct Arguments {
    pub(super) start: Index,
    pub(super) end: Index,
}

impl Arguments {
    pub(super) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

impl<'t> State<'t> {
    pub(super) fn call_function(
        &mut self,
        dot: &Slot,
        function: &'t Function,
        node: At,
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Value> {
        let name = function.name;
        let count = self.count(arguments);
        self.check_count(function.signature, name, count, last.is_some())?;
        let called = match &function.body {
            Body::And => return self.short_circuit(dot, false, arguments, last),
            Body::Or => return self.short_circuit(dot, true, arguments, last),
            Body::Call => {
                let base = self.eval_slots(dot, arguments, last)?;
                let callee = (count > 0).then(|| self.code.show(arguments.start).to_string());
                call_value(callee, &self.stacks.slots[base..])
            }
            Body::Builtin(builtin) => {
                let base = self.eval_slots(dot, arguments, last)?;
                let called = builtin(&self.stacks.slots[base..]);
                self.stacks.slots.truncate(base);
                called
            }
            Body::Native(native) => {
                let base = self.eval_arguments(dot, function.signature, arguments, last)?;
                let called = native(&self.stacks.arguments[base..], &mut self.context());
                self.stacks.arguments.truncate(base);
                called
            }
            Body::Closure(closure) => {
                let base = self.eval_arguments(dot, function.signature, arguments, last)?;
                let called = closure(&self.stacks.arguments[base..], &mut self.context());
                self.stacks.arguments.truncate(base);
                called
            }
        };
        called.map_err(|error| self.call_error(node, name, error))
    }

    #[expect(clippy::too_many_arguments, reason = "a call is made of all of them")]
    pub(super) fn eval_method(
        &mut self,
        dot: &Slot,
        object: &Rc<dyn Object>,
        signature: &'static Signature,
        name: &str,
        word: Index,
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Slot> {
        let count = self.count(arguments);
        self.check_count(signature, name, count, last.is_some())?;
        let base = self.eval_arguments(dot, signature, arguments, last)?;
        let called = object.call(name, &self.stacks.arguments[base..], &mut self.context());
        self.stacks.arguments.truncate(base);
        called
            .map(Slot::from)
            .map_err(|error| self.call_error(At::Word(word), name, error))
    }

    fn count(&self, arguments: Arguments) -> usize {
        let mut count = 0;
        let mut word = arguments.start;
        while word < arguments.end {
            count += 1;
            word = self.code.after(word);
        }
        count
    }

    fn context(&self) -> Context<'t> {
        Context {
            templates: self.templates,
            template: &self.tree.name,
            host: self.host,
        }
    }

    #[cold]
    fn call_error(&mut self, node: At, name: &str, error: Error) -> Error {
        self.at = node;
        self.error_from(format!("error calling {name}: "), Some(error))
    }

    fn check_count(&self, signature: &Signature, name: &str, given: usize, has_last: bool) -> Result<()> {
        let all = given + usize::from(has_last);
        let wanted = signature.parameters.len();
        if signature.variadic {
            if all < wanted - 1 {
                let wanted = wanted - 1;
                let message = format!("wrong number of args for {name}: want at least {wanted} got {given}");
                return Err(self.error(message));
            }
        } else if all != wanted {
            return Err(self.error(format!(
                "wrong number of args for {name}: want {wanted} got {all}"
            )));
        }
        Ok(())
    }

    fn short_circuit(
        &mut self,
        dot: &Slot,
        stop_at: bool,
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Value> {
        let mut value = Value::Nil;
        let mut word = arguments.start;
        while word < arguments.end {
            value = self.eval_word(dot, word)?.value;
            if value.is_true() == stop_at {
                return Ok(value);
            }
            word = self.code.after(word);
        }
        Ok(last.map_or(value, |slot| slot.value))
    }

    /// Evaluates arguments onto [`Stacks::slots`], and tells where they start.
    fn eval_slots(&mut self, dot: &Slot, arguments: Arguments, last: Option<Slot>) -> Result<usize> {
        let base = self.stacks.slots.len();
        let mut word = arguments.start;
        while word < arguments.end {
            let slot = self.eval_word(dot, word)?;
            self.stacks.slots.push(slot);
            word = self.code.after(word);
        }
        self.stacks.slots.extend(last);
        Ok(base)
    }

    /// Evaluates arguments of the right types onto [`Stacks::arguments`], and tells where they start.
    fn eval_arguments(
        &mut self,
        dot: &Slot,
        signature: &'static Signature,
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<usize> {
        let base = self.stacks.arguments.len();
        let parameter = |index: usize| &signature.parameters[index.min(signature.parameters.len() - 1)];
        let mut word = arguments.start;
        while word < arguments.end {
            let ty = parameter(self.stacks.arguments.len() - base);
            let value = self.eval_argument(dot, ty, word)?;
            self.stacks.arguments.push(value);
            word = self.code.after(word);
        }
        if let Some(slot) = last {
            let value = self.check_type(slot, parameter(self.stacks.arguments.len() - base))?;
            self.stacks.arguments.push(value);
        }
        Ok(base)
    }

    fn eval_argument(&mut self, dot: &Slot, ty: &'static Type, index: Index) -> Result<Value> {
        self.at = At::Word(index);
        let word = self.code.word(index);
        match word {
            Word::Nil { .. } if ty.can_be_nil() => return Ok(nil_of(ty)),
            Word::Nil { .. } => return Err(self.error(format!("cannot assign nil to {ty}"))),
            Word::Bool { .. }
            | Word::Integer { .. }
            | Word::Number { .. }
            | Word::String { .. }
            | Word::Unquoted { .. } => {}
            _ => {
                let slot = self.eval_word(dot, index)?;
                return self.check_type(slot, ty);
            }
        }
        let wrong = |expected: &str| {
            let shown = self.code.show(index);
            Err(self.error(format!("expected {expected}; found {shown}")))
        };
        match (ty, word) {
            (Type::Any | Type::Reflect, _) => self.eval_word(dot, index).map(|slot| slot.value),
            (Type::Bool, Word::Bool { truth, .. }) => Ok(Value::Bool(truth)),
            (Type::Bool, _) => wrong("bool"),
            (Type::String, Word::String { start, end }) => {
                Ok(Value::String(self.string_constant(start, end)))
            }
            (Type::String, Word::Unquoted { text, .. }) => Ok(Value::String(self.code.text(text).clone())),
            (Type::String, _) => wrong("string"),
            (Type::Int(width), _) => match self.code.number(word).and_then(|number| number.int) {
                Some(int) => Ok(Value::Int(int, *width)),
                None => wrong("integer"),
            },
            (Type::Uint(width), _) => match self.code.number(word).and_then(|number| number.uint) {
                Some(uint) => Ok(Value::Uint(uint, *width)),
                None => wrong("unsigned integer"),
            },
            (Type::Float64, _) => match self.code.number(word).and_then(|number| number.float) {
                Some(float) => Ok(Value::Float(float)),
                None => wrong("float"),
            },
            _ => {
                let shown = self.code.show(index);
                Err(self.error(format!("can't handle {shown} for arg of type {ty}")))
            }
        }
    }

    /// Makes sure that a value can be handed to a parameter of a type.
    fn check_type(&self, slot: Slot, ty: &'static Type) -> Result<Value> {
        match (ty, &slot.value) {
            (Type::Any, Value::Object(object)) => return Ok(object.passed_on().unwrap_or(slot.value)),
            (Type::Any | Type::Reflect, _) | (Type::String, Value::String(_)) => return Ok(slot.value),
            _ => {}
        }
        let Some(given) = slot.value.go_type() else {
            if slot.in_interface {
                return Err(self.error(format!("wrong type for value; expected {ty}; got interface {{}}")));
            }
            if ty.can_be_nil() {
                return Ok(nil_of(ty));
            }
            return Err(self.error(format!("invalid value; expected {ty}")));
        };
        if given == *ty {
            return Ok(slot.value);
        }
        if given.assignable_to(ty) {
            return Ok(assign(slot.value, ty));
        }
        Err(self.error(format!("wrong type for value; expected {ty}; got {given}")))
    }
}

/// Gives a value the type it is assigned to.
fn assign(value: Value, ty: &'static Type) -> Value {
    match value {
        Value::Map(map) => Value::Map(map.with_type(ty)),
        Value::List(list) => Value::List(list.with_type(ty)),
        Value::Object(object) => match (object.as_map(), object.as_list()) {
            (Some(map), _) => Value::Map(map.with_type(ty)),
            (_, Some(list)) => Value::List(list.with_type(ty)),
            _ => Value::Object(object),
        },
        value => value,
    }
}

fn nil_of(ty: &'static Type) -> Value {
    match ty.kind() {
        Kind::Slice => Value::List(List::nil(ty)),
        Kind::Map => Value::Map(Map::nil(ty)),
        _ => Value::Nil,
    }
}

/// The `call` function. No value that templates can reach is a function, so it can only refuse.
fn call_value(callee: Option<String>, slots: &[Slot]) -> std::result::Result<Value, Error> {
    let Some(function) = slots.first().filter(|slot| !slot.value.is_nil()) else {
        return Err(Error::message("call of nil"));
    };
    let ty = function.value.type_name();
    let name = match callee {
        Some(callee) => callee,
        None => match &function.value {
            Value::String(text) => text.to_string(),
            _ => format!("<{ty} Value>"),
        },
    };
    Err(Error::message(format!("non-function {name} of type {ty}")))
}
