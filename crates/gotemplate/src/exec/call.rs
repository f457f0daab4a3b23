//! Calls functions and methods: counts, checks and converts their arguments.

use std::rc::Rc;

use super::{At, Result, State};
use crate::error::Error;
use crate::function::{Body, Context, Function, Signature, Slot};
use crate::object::Object;
use crate::parse::node::{Word, string_constant};
use crate::stack;
use crate::types::{Kind, Type};
use crate::value::{List, Map, Value};

/// A function's arguments, most often few.
type Arguments = Vec<Value>;

impl<'t> State<'t> {
    pub(super) fn call_function(
        &mut self,
        dot: &Slot,
        function: &'t Function,
        name: &'static str,
        node: At<'t>,
        arguments: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Value> {
        self.check_count(function.signature, name, arguments.len(), last.is_some())?;
        let called = match &function.body {
            Body::And => return self.short_circuit(dot, false, arguments, last),
            Body::Or => return self.short_circuit(dot, true, arguments, last),
            Body::Call => {
                let slots = self.eval_slots(dot, arguments, last)?;
                call_value(arguments.first(), &slots)
            }
            Body::Builtin(builtin) => {
                let slots = self.eval_slots(dot, arguments, last)?;
                builtin(&slots)
            }
            Body::Native(native) => {
                let values = self.eval_arguments(dot, function.signature, arguments, last)?;
                native(&values, &mut self.context())
            }
            Body::Closure(closure) => {
                let values = self.eval_arguments(dot, function.signature, arguments, last)?;
                closure(&values, &mut self.context())
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
        word: &'t Word,
        arguments: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.check_count(signature, name, arguments.len(), last.is_some())?;
        let values = self.eval_arguments(dot, signature, arguments, last)?;
        let called = object.call(name, &values, &mut self.context());
        called
            .map(Slot::from)
            .map_err(|error| self.call_error(At::Word(word), name, error))
    }

    fn context(&self) -> Context<'t> {
        Context {
            templates: self.templates,
            template: &self.tree.name,
            host: self.host,
        }
    }

    #[cold]
    fn call_error(&mut self, node: At<'t>, name: &str, error: Error) -> Error {
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
        arguments: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Value> {
        let mut value = Value::Nil;
        for word in arguments {
            value = self.eval_word(dot, word)?.value;
            if value.is_true() == stop_at {
                return Ok(value);
            }
        }
        Ok(last.map_or(value, |slot| slot.value))
    }

    fn eval_slots(&mut self, dot: &Slot, arguments: &'t [Word], last: Option<Slot>) -> Result<Vec<Slot>> {
        let mut slots = Vec::with_capacity(arguments.len() + 1);
        for word in arguments {
            slots.push(self.eval_word(dot, word)?);
        }
        slots.extend(last);
        Ok(slots)
    }

    fn eval_arguments(
        &mut self,
        dot: &Slot,
        signature: &'static Signature,
        arguments: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Arguments> {
        let mut values = Vec::with_capacity(arguments.len() + 1);
        let parameter = |index: usize| &signature.parameters[index.min(signature.parameters.len() - 1)];
        for (index, word) in arguments.iter().enumerate() {
            values.push(self.eval_argument(dot, parameter(index), word)?);
        }
        if let Some(slot) = last {
            values.push(self.check_type(slot, parameter(values.len()))?);
        }
        Ok(values)
    }

    fn eval_argument(&mut self, dot: &Slot, ty: &'static Type, word: &'t Word) -> Result<Value> {
        self.at = At::Word(word);
        match word {
            Word::Nil { .. } if ty.can_be_nil() => return Ok(nil_of(ty)),
            Word::Nil { .. } => return Err(self.error(format!("cannot assign nil to {ty}"))),
            Word::Bool { .. } | Word::Number { .. } | Word::String { .. } => {}
            _ => {
                let slot = stack::grow(|| self.eval_word(dot, word))?;
                return self.check_type(slot, ty);
            }
        }
        match (ty, word) {
            (Type::Any | Type::Reflect, _) => self.eval_word(dot, word).map(|slot| slot.value),
            (Type::Bool, Word::Bool { truth, .. }) => Ok(Value::Bool(*truth)),
            (Type::Bool, _) => Err(self.error(format!("expected bool; found {word}"))),
            (Type::String, Word::String { quoted, text, .. }) => {
                Ok(Value::String(string_constant(quoted, text.as_ref())))
            }
            (Type::String, _) => Err(self.error(format!("expected string; found {word}"))),
            (Type::Int(width), Word::Number { number, .. }) if number.int.is_some() => {
                Ok(Value::Int(number.int.unwrap_or_default(), *width))
            }
            (Type::Int(_), _) => Err(self.error(format!("expected integer; found {word}"))),
            (Type::Uint(width), Word::Number { number, .. }) if number.uint.is_some() => {
                Ok(Value::Uint(number.uint.unwrap_or_default(), *width))
            }
            (Type::Uint(_), _) => Err(self.error(format!("expected unsigned integer; found {word}"))),
            (Type::Float64, Word::Number { number, .. }) if number.float.is_some() => {
                Ok(Value::Float(number.float.unwrap_or_default()))
            }
            (Type::Float64, _) => Err(self.error(format!("expected float; found {word}"))),
            _ => Err(self.error(format!("can't handle {word} for arg of type {ty}"))),
        }
    }

    /// Makes sure that a value can be handed to a parameter of a type.
    fn check_type(&self, slot: Slot, ty: &'static Type) -> Result<Value> {
        match (ty, &slot.value) {
            (Type::Any, Value::Object(object)) => return Ok(object.passed_on().unwrap_or(slot.value)),
            (Type::Any | Type::Reflect, _) => return Ok(slot.value),
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
fn call_value(callee: Option<&Word>, slots: &[Slot]) -> std::result::Result<Value, Error> {
    let Some(function) = slots.first().filter(|slot| !slot.value.is_nil()) else {
        return Err(Error::message("call of nil"));
    };
    let ty = function.value.type_name();
    let name = match callee {
        Some(word) => word.to_string(),
        None => match &function.value {
            Value::String(text) => text.to_string(),
            _ => format!("<{ty} Value>"),
        },
    };
    Err(Error::message(format!("non-function {name} of type {ty}")))
}
