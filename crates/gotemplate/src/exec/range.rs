//! The `range` action.

use super::{Branch, Flow, Result, State};
use crate::fmt;
use crate::function::Slot;
use crate::parse::node::{Index, Word};
use crate::value::Value;

/// How often the bodies of all loops are run at most. Go goes on for as long as one waits.
const MAX_ROUNDS: usize = 100_000_000;

impl State<'_> {
    pub(super) fn walk_range(&mut self, dot: &Slot, branch: Branch, out: &mut Vec<u8>) -> Result<Flow> {
        let scope = self.stacks.variables.len();
        let value = self.eval_pipe(dot, branch.pipe)?;
        let ran = self.iterate(&value, branch, out);
        self.stacks.variables.truncate(scope);
        if ran? {
            return Ok(Flow::Next);
        }
        match branch.otherwise {
            Some(otherwise) => self.walk_all(dot, otherwise, out),
            None => Ok(Flow::Next),
        }
    }

    /// Runs the body for every element; false where there was none.
    fn iterate(&mut self, value: &Value, branch: Branch, out: &mut Vec<u8>) -> Result<bool> {
        let int = |number: usize| Slot::from(Value::int(number as i64));
        match value {
            Value::Nil => Ok(false),
            Value::Int(count, width) => {
                self.refuse_two_variables(value, branch)?;
                let numbers = (0..*count).map(|number| (Slot::default(), Value::Int(number, *width).into()));
                self.run_all(numbers, branch, out)
            }
            Value::Uint(count, width) => {
                self.refuse_two_variables(value, branch)?;
                let numbers = (0..*count).map(|number| (Slot::default(), Value::Uint(number, *width).into()));
                self.run_all(numbers, branch, out)
            }
            Value::Bytes(bytes) => {
                let bytes = bytes.clone();
                let items = (0..bytes.len()).map(|index| {
                    let byte = Value::Uint(u64::from(bytes[index]), crate::types::UintType::Uint8);
                    (int(index), Slot::from(byte))
                });
                self.run_all(items, branch, out)
            }
            Value::List(list) => {
                let in_interface = list.holds_interfaces();
                let items = (0..list.len()).map(|index| {
                    let value = list.get(index).unwrap_or_default();
                    (int(index), Slot { value, in_interface })
                });
                self.run_all(items, branch, out)
            }
            Value::Map(map) => {
                let in_interface = map.holds_interfaces();
                let entries = map
                    .to_vec()
                    .into_iter()
                    .map(|(key, value)| (Slot::from(Value::String(key)), Slot { value, in_interface }));
                self.run_all(entries, branch, out)
            }
            Value::Object(object) => {
                if let Some(basic) = object.as_basic().filter(|basic| matches!(basic, Value::Int(..))) {
                    return self.iterate(&basic, branch, out);
                }
                if let Some(map) = object.as_map() {
                    return self.iterate(&Value::Map(map), branch, out);
                }
                match object.as_list() {
                    Some(list) => self.iterate(&Value::List(list), branch, out),
                    None => Err(self.cannot_iterate(value)),
                }
            }
            value => Err(self.cannot_iterate(value)),
        }
    }

    #[cold]
    fn cannot_iterate(&self, value: &Value) -> crate::error::Error {
        let printed = fmt::to_lossy_string(value);
        self.error(format!("range can't iterate over {printed}"))
    }

    fn refuse_two_variables(&self, value: &Value, branch: Branch) -> Result<()> {
        if self.code.pipe(branch.pipe).declared.len() > 1 {
            let printed = fmt::to_lossy_string(value);
            return Err(self.error(format!(
                "can't use {printed} to iterate over more than one variable"
            )));
        }
        Ok(())
    }

    fn run_all(
        &mut self,
        elements: impl Iterator<Item = (Slot, Slot)>,
        branch: Branch,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let scope = self.stacks.variables.len();
        let mut ran = false;
        for (key, element) in elements {
            if self.templates.count_round() >= MAX_ROUNDS {
                return Err(self.error(format!("range over more than {MAX_ROUNDS} elements in all")));
            }
            ran = true;
            self.bind(key, &element, branch)?;
            let flow = self.walk_all(&element, branch.body, out)?;
            self.stacks.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    /// Hands the key and the element to the variables of the range.
    fn bind(&mut self, key: Slot, element: &Slot, branch: Branch) -> Result<()> {
        let pipe = self.code.pipe(branch.pipe);
        let first = pipe.declared.start;
        match pipe.declared.len() {
            0 => Ok(()),
            1 => self.hand(first, pipe.is_assign, 1, element.clone()),
            _ => {
                self.hand(first, pipe.is_assign, 2, key)?;
                self.hand(first + 1, pipe.is_assign, 1, element.clone())
            }
        }
    }

    /// Hands a value to a variable: the one that is so far from the newest, unless it is an older one that is assigned to.
    fn hand(&mut self, declared: Index, is_assign: bool, from_top: usize, slot: Slot) -> Result<()> {
        if !is_assign {
            let place = self.stacks.variables.len() - from_top;
            self.stacks.variables[place].slot = slot;
        } else if let Word::Declared { id, start, end } = self.code.word(declared) {
            self.set_variable(id, (start, end), slot)?;
        }
        Ok(())
    }
}
