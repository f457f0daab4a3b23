//! Values of the host that have fields and methods of their own.

use std::any::Any;

use crate::error::Error;
use crate::function::{Context, Signature};
use crate::text::Text;
use crate::types::NamedType;
use crate::value::{List, Map, Value};

/// A value of the host, such as `.Files`, `.Capabilities` or a point in time.
///
/// Go's rules apply: a name is first looked for among the methods, then among the fields of a struct or the keys of a map.
pub trait Object: 'static {
    /// Returns the type as Go names it.
    fn go_type(&self) -> &'static NamedType;

    /// Returns the object for a downcast.
    fn as_any(&self) -> &dyn Any;

    /// Returns a method's parameters, where there is such a method.
    fn method(&self, _name: &str) -> Option<&'static Signature> {
        None
    }

    /// Calls a method that [`Object::method`] has told of. The arguments have the types of its signature.
    fn call(&self, name: &str, _arguments: &[Value], _context: &mut Context<'_>) -> Result<Value, Error> {
        Err(Error::message(format!(
            "{name} is not a method of {}",
            self.go_type().name
        )))
    }

    /// Returns a struct's field.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Tells whether a struct has a field that is hidden from templates: naming it is an error of its own.
    fn has_hidden_field(&self, _name: &str) -> bool {
        false
    }

    /// Returns a struct's fields in the order of their declaration, for printing and JSON.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Returns a struct's fields as its tags name them in JSON.
    fn json_fields(&self) -> Vec<(&'static str, Value)> {
        self.fields()
    }

    /// Returns what the value's own `String` or `Error` method prints.
    fn display(&self) -> Option<Text> {
        None
    }

    /// Returns what the value's own `GoString` method prints for `%#v`.
    fn go_syntax(&self) -> Option<Text> {
        None
    }

    /// Returns what a function gets of the value: a struct that was reached through a pointer is copied, and the copy does not
    /// have the methods of the pointer.
    fn passed_on(&self) -> Option<Value> {
        None
    }

    /// Returns the entries where the type below is a map; a named map type lends its entries here.
    fn as_map(&self) -> Option<Map> {
        None
    }

    /// Returns the elements where the type below is a slice.
    fn as_list(&self) -> Option<List> {
        None
    }

    /// Returns the plain value where the type below is a number, string or boolean.
    fn as_basic(&self) -> Option<Value> {
        None
    }

    /// Returns what stands for the value in JSON and YAML, where its type says so itself.
    fn to_plain(&self) -> Option<Value> {
        None
    }

    /// Tells whether `if` takes the value for true.
    fn is_true(&self) -> bool {
        if let Some(map) = self.as_map() {
            return !map.is_empty();
        }
        if let Some(list) = self.as_list() {
            return !list.is_empty();
        }
        self.as_basic().is_none_or(|value| value.is_true())
    }

    /// Tells whether two values of this type are the same (`==` and `reflect.DeepEqual`).
    fn equals(&self, other: &dyn Object) -> bool {
        std::ptr::addr_eq(self.as_any(), other.as_any())
    }
}
