//! A text for what nobody could say: the values of a source that could not be asked.

use std::any::Any;
use std::rc::Rc;

use super::{Iter, Object, Value};
use crate::ast::Binary;
use crate::call::CallArgs;
use crate::error::Result;
use crate::runtime::{Context, Vm};

/// The key of a map whose other entries are unknown; its value is the name of where they would come from.
///
/// Names that are looked up in such a map, or in variables that have it at their root, and are not there give a
/// placeholder instead of being undefined.
pub const PLACEHOLDER: &str = "\u{0}placeholder";

/// Stands for an unknown value. It prints as `⟨name⟩`, and so does all that is looked up in it.
pub(crate) struct Placeholder {
    name: String,
}

impl Placeholder {
    /// A value that `name` is looked up in.
    pub(crate) fn child(name: &str, key: &Value) -> Value {
        let key = match key {
            Value::Str(key) | Value::Markup(key) => key.to_string(),
            other => super::repr::repr(other).unwrap_or_default(),
        };
        Value::object(Self {
            name: format!("{name}.{key}"),
        })
    }

    /// The text that it prints as.
    pub(crate) fn text(value: &Value) -> Option<String> {
        let Value::Object(object) = value else { return None };
        let placeholder: &Self = object.as_any().downcast_ref()?;
        Some(placeholder.shown())
    }

    fn shown(&self) -> String {
        format!("⟨{}⟩", self.name)
    }
}

impl Object for Placeholder {
    fn type_name(&self) -> &'static str {
        "placeholder"
    }

    fn attribute(&self, _vm: &Vm, name: &str) -> Result<Option<Value>> {
        let special = name.starts_with("__");
        Ok((!special).then(|| Self::child(&self.name, &name.into())))
    }

    fn item(&self, _vm: &Vm, key: &Value) -> Option<Result<Value>> {
        Some(Ok(Self::child(&self.name, key)))
    }

    fn call(&self, _vm: &Vm, _context: &Rc<Context>, _args: CallArgs) -> Result<Value> {
        Ok(Value::object(Self {
            name: format!("{}()", self.name),
        }))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn repr(&self) -> Result<String> {
        Ok(self.shown())
    }

    fn binary(&self, _this: &Value, op: Binary, other: &Value, reflected: bool) -> Option<Result<Value>> {
        let (Binary::Add, Some(other)) = (op, other.as_str()) else {
            return None;
        };
        let shown = self.shown();
        Some(Ok(Value::str(if reflected {
            format!("{other}{shown}")
        } else {
            format!("{shown}{other}")
        })))
    }

    fn iterate(&self) -> Option<Result<Rc<Iter>>> {
        Some(Ok(Iter::from_items("placeholder_iterator", Vec::new())))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
