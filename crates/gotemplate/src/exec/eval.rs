//! Evaluates pipelines, commands and their words.

use super::{At, Result, State, Variable};
use crate::error::Error;
use crate::function::{FunctionId, Slot};
use crate::parse::node::{Command, Number, Pipe, Word, string_constant};
use crate::stack;
use crate::templates::MissingKey;
use crate::text::Text;
use crate::types::{ANY_MAP, Kind, NamedType, Type};
use crate::value::{Map, Value};

impl<'t> State<'t> {
    /// Evaluates a pipeline and hands its value to the variables it declares or assigns.
    pub(super) fn eval_pipe(&mut self, dot: &Slot, pipe: &'t Pipe) -> Result<Value> {
        self.at = At::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            // What comes out of a command is no interface any more.
            value = Some(Slot::from(self.eval_command(dot, command, value)?.value));
        }
        let value = value.unwrap_or_default().value;
        for variable in &pipe.declared {
            let slot = Slot::from(value.clone());
            if pipe.is_assign {
                self.set_variable(variable.id, &variable.name, slot)?;
            } else {
                self.variables.push(Variable {
                    id: variable.id,
                    slot,
                });
            }
        }
        Ok(value)
    }

    fn not_a_function(&self, words: &[Word], last: Option<&Slot>) -> Result<()> {
        if words.len() > 1 || last.is_some() {
            return Err(self.error(format!("can't give argument to non-function {}", words[0])));
        }
        Ok(())
    }

    fn eval_command(&mut self, dot: &Slot, command: &'t Command, last: Option<Slot>) -> Result<Slot> {
        let words = &command.words[..];
        let first = &words[0];
        match first {
            Word::Field { path, .. } => {
                self.at = At::Word(first);
                return self.eval_path(dot, dot.clone(), first, path, words, last);
            }
            Word::Chain { head, path, .. } => return self.eval_chain(dot, first, head, path, words, last),
            Word::Function { id, name, .. } => {
                return self.eval_function(dot, *id, name, first, At::Command(command), &words[1..], last);
            }
            Word::Pipe(pipe) => {
                self.not_a_function(words, last.as_ref())?;
                return stack::grow(|| self.eval_pipe(dot, pipe)).map(Slot::from);
            }
            Word::Variable { id, name, path, .. } => {
                return self.eval_variable(dot, first, (*id, name), path, words, last);
            }
            _ => {}
        }
        self.at = At::Word(first);
        self.not_a_function(words, last.as_ref())?;
        match first {
            Word::Bool { truth, .. } => Ok(Value::Bool(*truth).into()),
            Word::Dot { .. } => Ok(dot.clone()),
            Word::Number { number, .. } => self.constant(number).map(Slot::from),
            Word::String { quoted, text, .. } => {
                Ok(Value::String(string_constant(quoted, text.as_ref())).into())
            }
            _ => Err(self.error("nil is not a command")),
        }
    }

    /// Gives a constant the type that its spelling suggests.
    pub(super) fn constant(&self, number: &Number) -> Result<Value> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Value::Complex(std::rc::Rc::new((real, imaginary))));
        }
        let text = number.text.as_bytes();
        let is_rune = text.starts_with(b"'");
        let is_hex = text.len() > 2
            && text[0] == b'0'
            && text[1].eq_ignore_ascii_case(&b'x')
            && !text.iter().any(|byte| b"pP".contains(byte));
        if let Some(float) = number.float
            && !is_hex
            && !is_rune
            && text.iter().any(|byte| b".eEpP".contains(byte))
        {
            return Ok(Value::Float(float));
        }
        match number.int {
            Some(int) => Ok(Value::int(int)),
            None => Err(self.error(format!("{} overflows int", number.text))),
        }
    }

    pub(super) fn eval_chain(
        &mut self,
        dot: &Slot,
        word: &'t Word,
        head: &'t Word,
        path: &'t [Text],
        words: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        if matches!(head, Word::Nil { .. }) {
            return Err(self.error(format!("indirection through explicit nil in {word}")));
        }
        // A function's result is not taken out of its interface here.
        let receiver = stack::grow(|| self.eval_word(dot, head))?;
        self.eval_path(dot, receiver, word, path, words, last)
    }

    pub(super) fn eval_variable(
        &mut self,
        dot: &Slot,
        word: &'t Word,
        (id, name): (u32, &'t Text),
        path: &'t [Text],
        words: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        let value = self.variable(id, name)?.clone();
        if path.is_empty() {
            self.not_a_function(words, last.as_ref())?;
            return Ok(value);
        }
        self.eval_path(dot, value, word, path, words, last)
    }

    /// Evaluates a word as an argument of a type that takes everything.
    pub(super) fn eval_word(&mut self, dot: &Slot, word: &'t Word) -> Result<Slot> {
        self.at = At::Word(word);
        match word {
            Word::Dot { .. } => Ok(dot.clone()),
            Word::Nil { .. } => Ok(Slot::default()),
            Word::Field { path, .. } => self.eval_path(dot, dot.clone(), word, path, &[], None),
            Word::Variable { id, name, path, .. } => {
                self.eval_variable(dot, word, (*id, name), path, &[], None)
            }
            Word::Pipe(pipe) => stack::grow(|| self.eval_pipe(dot, pipe)).map(Slot::from),
            Word::Function { id, name, .. } => {
                self.eval_function(dot, *id, name, word, At::Word(word), &[], None)
            }
            Word::Chain { head, path, .. } => self.eval_chain(dot, word, head, path, &[], None),
            Word::Bool { truth, .. } => Ok(Value::Bool(*truth).into()),
            Word::Number { number, .. } => self.constant(number).map(Slot::from),
            Word::String { quoted, text, .. } => {
                Ok(Value::String(string_constant(quoted, text.as_ref())).into())
            }
        }
    }

    /// Follows `.a.b.c` from a receiver. Only the last step can take arguments.
    fn eval_path(
        &mut self,
        dot: &Slot,
        mut receiver: Slot,
        word: &'t Word,
        path: &'t [Text],
        words: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Slot> {
        let Some((final_name, before)) = path.split_last() else {
            return Ok(receiver);
        };
        for name in before {
            receiver = self.eval_field(dot, name, word, &[], None, &receiver)?;
        }
        self.eval_field(dot, final_name, word, words, last, &receiver)
    }

    fn eval_field(
        &mut self,
        dot: &Slot,
        name: &Text,
        word: &'t Word,
        words: &'t [Word],
        last: Option<Slot>,
        receiver: &Slot,
    ) -> Result<Slot> {
        let has_arguments = words.len() > 1 || last.is_some();
        match &receiver.value {
            Value::Nil if receiver.in_interface => {
                Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")))
            }
            Value::Nil => {
                if self.templates.missing_key() == MissingKey::Error {
                    let quoted = crate::strconv::quote(name.as_bytes());
                    return Err(self.error(format!("nil data; no entry for key {quoted}")));
                }
                Ok(Slot::default())
            }
            Value::Map(map) => match (map.go_type(), name.as_bytes()) {
                (Type::Named(named), b"AsMap") if !has_arguments => Ok(as_map(map, named).into()),
                _ => self.eval_key(map, name, has_arguments),
            },
            Value::Object(object) => {
                let text = name.to_str();
                if let Some(signature) = object.method(&text) {
                    let object = object.clone();
                    return self.eval_method(
                        dot,
                        &object,
                        signature,
                        &text,
                        word,
                        words.get(1..).unwrap_or(&[]),
                        last,
                    );
                }
                if let Some(map) = object.as_map() {
                    return self.eval_key(&map, name, has_arguments);
                }
                if object.has_hidden_field(&text) {
                    let ty = object.go_type().name;
                    return Err(self.error(format!("{name} is an unexported field of struct type {ty}")));
                }
                match object.field(&text) {
                    Some(_) if has_arguments => {
                        Err(self.error(format!("{name} has arguments but cannot be invoked as function")))
                    }
                    Some(value) => Ok(value.into()),
                    None => Err(self.no_field(name, receiver)),
                }
            }
            _ => Err(self.no_field(name, receiver)),
        }
    }

    fn eval_key(&self, map: &Map, name: &Text, has_arguments: bool) -> Result<Slot> {
        if has_arguments {
            return Err(self.error(format!("{name} is not a method but has arguments")));
        }
        let in_interface = map.holds_interfaces();
        if let Some(value) = map.get(name.as_bytes()) {
            return Ok(Slot { value, in_interface });
        }
        match self.templates.missing_key() {
            MissingKey::Invalid => Ok(Slot::default()),
            MissingKey::Zero => Ok(Slot {
                value: zero(map.element_type()),
                in_interface,
            }),
            MissingKey::Error => {
                let quoted = crate::strconv::quote(name.as_bytes());
                Err(self.error(format!("map has no entry for key {quoted}")))
            }
        }
    }

    #[cold]
    fn no_field(&self, name: &Text, receiver: &Slot) -> Error {
        let ty = if receiver.in_interface {
            "interface {}".to_owned()
        } else {
            receiver.value.type_name()
        };
        self.error(format!("can't evaluate field {name} in type {ty}"))
    }

    /// Calls a function by its place among the functions.
    #[expect(clippy::too_many_arguments, reason = "a call is made of all of them")]
    pub(super) fn eval_function(
        &mut self,
        dot: &Slot,
        id: FunctionId,
        name: &'static str,
        word: &'t Word,
        node: At<'t>,
        arguments: &'t [Word],
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        let templates = self.templates;
        let Some(function) = templates.functions().get(id) else {
            return Err(self.error(format!("{name:?} is not a defined function")));
        };
        self.call_function(dot, function, name, node, arguments, last)
            .map(Slot::from)
    }
}

/// The zero value of a type.
pub(crate) fn zero(ty: &'static Type) -> Value {
    match ty.kind() {
        Kind::Bool => Value::Bool(false),
        Kind::Int(width) => Value::Int(0, width),
        Kind::Uint(width) => Value::Uint(0, width),
        Kind::Float64 => Value::Float(0.0),
        Kind::String => Value::String(Text::default()),
        Kind::Slice if *ty == crate::types::BYTES => Value::Bytes(Text::default()),
        Kind::Slice => Value::List(crate::value::List::nil(ty)),
        Kind::Map => Value::Map(Map::nil(ty)),
        _ => Value::Nil,
    }
}

/// The method of Helm's `common.Values`, the only map type with methods that charts meet: the same map as a plain one.
///
/// Source: helm `pkg/chart/common/values.go`, `Values.AsMap`.
fn as_map(map: &Map, named: &'static NamedType) -> Value {
    if map.is_nil() {
        return Value::Map(Map::typed(crate::value::Entries::default(), &ANY_MAP));
    }
    Value::Map(map.with_type(named.underlying.as_ref().unwrap_or(&ANY_MAP)))
}
