//! Evaluates pipelines, commands and their words.

use super::call::Arguments;
use super::{At, Result, State, Variable};
use crate::error::Error;
use crate::function::{FunctionId, Slot};
use crate::parse::node::{Index, Number, Offset, VariableId, Word};
use crate::stack;
use crate::templates::MissingKey;
use crate::text::Text;
use crate::types::{ANY_MAP, Kind, NamedType, Type};
use crate::value::{Map, Value};

impl<'t> State<'t> {
    /// Evaluates a pipeline and hands its value to the variables it declares or assigns.
    pub(super) fn eval_pipe(&mut self, dot: &Slot, pipe: Index) -> Result<Value> {
        self.eval_pipe_of(dot, pipe).map(|(value, _)| value)
    }

    /// Evaluates a pipeline, and tells whether its value is printed, since no variable takes it.
    pub(super) fn eval_pipe_of(&mut self, dot: &Slot, pipe: Index) -> Result<(Value, bool)> {
        self.at = At::Word(pipe);
        let pipe = self.code.pipe(pipe);
        let mut command = pipe.commands.start;
        let mut value = self.eval_command(dot, command, None)?.value;
        command = self.code.after(command);
        while command < pipe.commands.end {
            // What comes out of a command is no interface any more.
            value = self.eval_command(dot, command, Some(Slot::from(value)))?.value;
            command = self.code.after(command);
        }
        let is_printed = pipe.declared.is_empty();
        for declared in pipe.declared {
            let Word::Declared { id, start, end } = self.code.word(declared) else {
                continue;
            };
            let slot = Slot::from(value.clone());
            if pipe.is_assign {
                self.set_variable(id, (start, end), slot)?;
            } else {
                self.stacks.variables.push(Variable { id, slot });
            }
        }
        Ok((value, is_printed))
    }

    fn not_a_function(&self, first: Index, arguments: Arguments, last: Option<&Slot>) -> Result<()> {
        if !arguments.is_empty() || last.is_some() {
            let shown = self.code.show(first);
            return Err(self.error(format!("can't give argument to non-function {shown}")));
        }
        Ok(())
    }

    fn eval_command(&mut self, dot: &Slot, command: Index, last: Option<Slot>) -> Result<Slot> {
        let first = command + 1;
        let arguments = Arguments {
            start: self.code.after(first),
            end: self.code.after(command),
        };
        match self.code.word(first) {
            Word::Function { id, .. } => {
                self.eval_function(dot, id, first, At::Word(command), arguments, last)
            }
            Word::Field { start, end } => {
                self.at = At::Word(first);
                self.eval_path(dot, dot, first, (start, end), arguments, last)
            }
            Word::Variable { id, start, end } => {
                self.eval_variable(dot, first, id, (start, end), arguments, last)
            }
            Word::Chain { start, end, .. } => self.eval_chain(dot, first, (start, end), arguments, last),
            Word::Pipe { .. } => {
                self.not_a_function(first, arguments, last.as_ref())?;
                stack::grow(|| self.eval_pipe(dot, first)).map(Slot::from)
            }
            Word::Nil { .. } => {
                self.at = At::Word(first);
                self.not_a_function(first, arguments, last.as_ref())?;
                Err(self.error("nil is not a command"))
            }
            _ => {
                self.at = At::Word(first);
                self.not_a_function(first, arguments, last.as_ref())?;
                self.eval_word(dot, first)
            }
        }
    }

    /// What a string constant means that stands in the text.
    pub(super) fn string_constant(&self, start: Offset, end: Offset) -> Text {
        Text::from(self.code.slice(start + 1, end - 1))
    }

    /// Gives a constant the type that its spelling suggests.
    pub(super) fn constant(&self, number: &Number, start: Offset, end: Offset) -> Result<Value> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Value::Complex(std::rc::Rc::new((real, imaginary))));
        }
        let text = self.code.slice(start, end);
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
            None => {
                let text = Text::from(text);
                Err(self.error(format!("{text} overflows int")))
            }
        }
    }

    fn eval_chain(
        &mut self,
        dot: &Slot,
        word: Index,
        path: (Offset, Offset),
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        let head = word + 1;
        if matches!(self.code.word(head), Word::Nil { .. }) {
            let shown = self.code.show(word);
            return Err(self.error(format!("indirection through explicit nil in {shown}")));
        }
        // A function's result is not taken out of its interface here.
        let receiver = self.eval_word(dot, head)?;
        self.eval_path(dot, &receiver, word, path, arguments, last)
    }

    fn eval_variable(
        &mut self,
        dot: &Slot,
        word: Index,
        id: VariableId,
        (start, end): (Offset, Offset),
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        let value = self.variable(id, (start, end))?.clone();
        let names = self.code.slice(start, end);
        match memchr::memchr(b'.', names) {
            None => {
                self.not_a_function(word, arguments, last.as_ref())?;
                Ok(value)
            }
            Some(length) => {
                let path = (start + length as Offset, end);
                self.eval_path(dot, &value, word, path, arguments, last)
            }
        }
    }

    /// Evaluates a word as an argument of a type that takes everything.
    pub(super) fn eval_word(&mut self, dot: &Slot, word: Index) -> Result<Slot> {
        self.at = At::Word(word);
        let none = Arguments::default();
        match self.code.word(word) {
            Word::Dot { .. } => Ok(dot.clone()),
            Word::Field { start, end } => self.eval_path(dot, dot, word, (start, end), none, None),
            Word::Variable { id, start, end } => self.eval_variable(dot, word, id, (start, end), none, None),
            Word::Pipe { .. } => stack::grow(|| self.eval_pipe(dot, word)).map(Slot::from),
            Word::Function { id, .. } => self.eval_function(dot, id, word, At::Word(word), none, None),
            Word::Chain { start, end, .. } => self.eval_chain(dot, word, (start, end), none, None),
            Word::Bool { truth, .. } => Ok(Value::Bool(truth).into()),
            Word::Integer { value, .. } => Ok(Value::int(i64::from(value)).into()),
            Word::Number { start, end, .. } => {
                let number = self.code.number(self.code.word(word)).unwrap_or_default();
                self.constant(&number, start, end).map(Slot::from)
            }
            Word::String { start, end } => Ok(Value::String(self.string_constant(start, end)).into()),
            Word::Unquoted { text, .. } => Ok(Value::String(self.code.text(text).clone()).into()),
            Word::Nil { .. } | Word::Command { .. } | Word::Declared { .. } => Ok(Slot::default()),
        }
    }

    /// Follows `.a.b.c` from a receiver. Only the last step can take arguments.
    fn eval_path(
        &mut self,
        dot: &Slot,
        receiver: &Slot,
        word: Index,
        (start, end): (Offset, Offset),
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Slot> {
        let mut path = self.code.slice(start + 1, end);
        let mut step;
        let mut receiver = receiver;
        while let Some(length) = dot_in(path) {
            let name = &path[..length];
            let next = match &receiver.value {
                Value::Map(map) => self.eval_entry(map, name, false)?,
                _ => self.eval_field(dot, name, word, Arguments::default(), None, receiver)?,
            };
            step = next;
            receiver = &step;
            path = &path[length + 1..];
        }
        self.eval_field(dot, path, word, arguments, last, receiver)
    }

    fn eval_field(
        &mut self,
        dot: &Slot,
        name: &'t [u8],
        word: Index,
        arguments: Arguments,
        last: Option<Slot>,
        receiver: &Slot,
    ) -> Result<Slot> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &receiver.value {
            Value::Nil if receiver.in_interface => {
                let name = Text::from(name);
                Err(self.error(format!("nil pointer evaluating interface {{}}.{name}")))
            }
            Value::Nil => {
                if self.templates.missing_key() == MissingKey::Error {
                    let quoted = crate::strconv::quote(name);
                    return Err(self.error(format!("nil data; no entry for key {quoted}")));
                }
                Ok(Slot::default())
            }
            Value::Map(map) => self.eval_entry(map, name, has_arguments),
            Value::Object(object) => {
                let text = String::from_utf8_lossy(name);
                if let Some(signature) = object.method(&text) {
                    let object = object.clone();
                    return self.eval_method(dot, &object, signature, &text, word, arguments, last);
                }
                if let Some(map) = object.as_map() {
                    return self.eval_key(&map, name, has_arguments);
                }
                if object.has_hidden_field(&text) {
                    let ty = object.go_type().name;
                    return Err(self.error(format!("{text} is an unexported field of struct type {ty}")));
                }
                match object.field(&text) {
                    Some(_) if has_arguments => {
                        Err(self.error(format!("{text} has arguments but cannot be invoked as function")))
                    }
                    Some(value) => Ok(value.into()),
                    None => Err(self.no_field(name, receiver)),
                }
            }
            _ => Err(self.no_field(name, receiver)),
        }
    }

    /// Evaluates a name on a map, which may have a method.
    fn eval_entry(&self, map: &Map, name: &[u8], has_arguments: bool) -> Result<Slot> {
        match (map.go_type(), name) {
            (Type::Named(named), b"AsMap") if !has_arguments => Ok(as_map(map, named).into()),
            _ => self.eval_key(map, name, has_arguments),
        }
    }

    fn eval_key(&self, map: &Map, name: &[u8], has_arguments: bool) -> Result<Slot> {
        if has_arguments {
            let name = Text::from(name);
            return Err(self.error(format!("{name} is not a method but has arguments")));
        }
        let in_interface = map.holds_interfaces();
        if let Some(value) = map.get(name) {
            return Ok(Slot { value, in_interface });
        }
        match self.templates.missing_key() {
            MissingKey::Invalid => Ok(Slot::default()),
            MissingKey::Zero => Ok(Slot {
                value: zero(map.element_type()),
                in_interface,
            }),
            MissingKey::Error => {
                let quoted = crate::strconv::quote(name);
                Err(self.error(format!("map has no entry for key {quoted}")))
            }
        }
    }

    #[cold]
    fn no_field(&self, name: &[u8], receiver: &Slot) -> Error {
        let ty = if receiver.in_interface {
            "interface {}".to_owned()
        } else {
            receiver.value.type_name()
        };
        let name = Text::from(name);
        self.error(format!("can't evaluate field {name} in type {ty}"))
    }

    /// Calls a function by its place among the functions.
    fn eval_function(
        &mut self,
        dot: &Slot,
        id: FunctionId,
        word: Index,
        node: At,
        arguments: Arguments,
        last: Option<Slot>,
    ) -> Result<Slot> {
        self.at = At::Word(word);
        let templates = self.templates;
        let Some(function) = templates.functions().get(id) else {
            let name = self.code.show(word).to_string();
            return Err(self.error(format!("{name:?} is not a defined function")));
        };
        self.call_function(dot, function, node, arguments, last)
            .map(Slot::from)
    }
}

/// Finds the first dot, eight bytes at a time.
fn dot_in(names: &[u8]) -> Option<usize> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const DOTS: u64 = EACH * b'.' as u64;
    let mut rest = names;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        // The lowest byte that is zero has its highest bit set by the subtraction.
        let zeros = u64::from_le_bytes(*chunk) ^ DOTS;
        let found = zeros.wrapping_sub(EACH) & !zeros & (EACH << 7);
        if found != 0 {
            return Some(names.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = after;
    }
    let found = rest.iter().position(|byte| *byte == b'.')?;
    Some(names.len() - rest.len() + found)
}

/// The zero value of a type.
pub(crate) fn zero(ty: &'static Type) -> Value {
    match ty.kind() {
        Kind::Bool => Value::Bool(false),
        Kind::Int(width) => Value::Int(0, width),
        Kind::Uint(width) => Value::Uint(0, width),
        Kind::Float64 => Value::Float(0.0),
        Kind::String => Value::String(Text::default()),
        Kind::Slice if *ty == crate::types::BYTES => Value::Bytes([].into()),
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
        return Value::Map(Map::typed(crate::entries::Entries::default(), &ANY_MAP));
    }
    Value::Map(map.with_type(named.underlying.as_ref().unwrap_or(&ANY_MAP)))
}

#[cfg(test)]
mod tests {
    use super::dot_in;

    #[test]
    fn the_first_dot_is_found_wherever_it_is() {
        for length in 0..20 {
            for at in 0..length {
                let mut names = vec![b'/'; length];
                names[at] = b'.';
                names[length - 1] = b'.';
                assert_eq!(dot_in(&names), Some(at));
            }
            assert_eq!(dot_in(&vec![b'-'; length]), None);
        }
    }
}
