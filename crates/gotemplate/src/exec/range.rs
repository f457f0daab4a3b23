//! The `range` action.

use super::{At, Flow, Result, State, Variable};
use crate::fmt;
use crate::function::Slot;
use crate::parse::node::{Branch, Node};
use crate::value::Value;

/// How often a body is run at most. Go goes on for as long as one waits.
const MAX_ITERATIONS: usize = 100_000_000;

impl<'t> State<'t> {
    pub(super) fn walk_range(
        &mut self,
        dot: &Slot,
        node: &'t Node,
        branch: &'t Branch,
        out: &mut Vec<u8>,
    ) -> Result<Flow> {
        self.at = At::Node(node);
        let scope = self.variables.len();
        let value = self.eval_pipe(dot, &branch.pipe)?;
        let ran = self.iterate(&value, branch, out);
        self.variables.truncate(scope);
        if ran? {
            return Ok(Flow::Next);
        }
        match &branch.otherwise {
            Some(otherwise) => self.walk_all(dot, otherwise, out),
            None => Ok(Flow::Next),
        }
    }

    /// Runs the body for every element; false where there was none.
    fn iterate(&mut self, value: &Value, branch: &'t Branch, out: &mut Vec<u8>) -> Result<bool> {
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
                    let byte = Value::Uint(u64::from(bytes.as_bytes()[index]), crate::types::UintType::Uint8);
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

    fn refuse_two_variables(&self, value: &Value, branch: &Branch) -> Result<()> {
        if branch.pipe.declared.len() > 1 {
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
        branch: &'t Branch,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let scope = self.variables.len();
        let mut ran = false;
        for (count, (key, element)) in elements.enumerate() {
            if count >= MAX_ITERATIONS {
                return Err(self.error(format!("range over more than {MAX_ITERATIONS} elements")));
            }
            ran = true;
            self.bind(key, &element, branch)?;
            let flow = self.walk_all(&element, &branch.body, out)?;
            self.variables.truncate(scope);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(ran)
    }

    /// Hands the key and the element to the variables of the range.
    fn bind(&mut self, key: Slot, element: &Slot, branch: &'t Branch) -> Result<()> {
        let pipe = &branch.pipe;
        let top = self.variables.len();
        match (&pipe.declared[..], pipe.is_assign) {
            ([], _) => {}
            ([only], true) => self.set_variable(only.id, &only.name, element.clone())?,
            ([first, second, ..], true) => {
                self.set_variable(first.id, &first.name, key)?;
                self.set_variable(second.id, &second.name, element.clone())?;
            }
            ([_], false) => set(&mut self.variables[top - 1], element.clone()),
            ([_, _, ..], false) => {
                set(&mut self.variables[top - 1], element.clone());
                set(&mut self.variables[top - 2], key);
            }
        }
        Ok(())
    }
}

fn set(variable: &mut Variable, slot: Slot) {
    variable.slot = slot;
}
