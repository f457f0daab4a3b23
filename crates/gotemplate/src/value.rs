//! The values templates work on.

use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use crate::entries::Entries;
use crate::object::Object;
use crate::stack;
use crate::text::Text;
use crate::types::{
    ANY_LIST, ANY_MAP, BYTES, INT_LIST, IntType, Kind, NamedType, STRING_LIST, STRING_MAP, Type, UintType,
};

/// A value of a template. Cloning is cheap; lists, maps and objects are shared by their clones.
#[derive(Clone, Default)]
pub enum Value {
    /// Nil without a type.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64, IntType),
    /// An unsigned integer.
    Uint(u64, UintType),
    /// A `float64`, as all numbers of values files are.
    Float(f64),
    /// A `complex128` (real and imaginary part), which only constants like `2i` make.
    Complex(Rc<(f64, f64)>),
    /// A string.
    String(Text),
    /// A `[]byte`.
    Bytes(Arc<[u8]>),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// A value of the host with fields and methods.
    Object(Rc<dyn Object>),
}

/// A Go slice: shared, and nil when it has never been made.
#[derive(Clone)]
pub struct List {
    items: Option<Rc<Items>>,
    ty: &'static Type,
}

/// What a slice's owners share. Values can be nested deeper than the stack is, so they are dropped with room.
struct Items(RefCell<Vec<Value>>);

/// What a map's owners share.
struct Pairs(RefCell<Entries>);

impl Drop for Items {
    fn drop(&mut self) {
        let items = std::mem::take(self.0.get_mut());
        stack::grow(|| drop(items));
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        let entries = std::mem::take(self.0.get_mut());
        stack::grow(|| drop(entries));
    }
}

/// A Go map with string keys: shared and mutable, as `set`, `unset` and `merge` need it.
#[derive(Clone)]
pub struct Map {
    entries: Option<Rc<Pairs>>,
    ty: &'static Type,
}

impl List {
    /// Makes a `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(items, &ANY_LIST)
    }

    /// Makes a `[]string`.
    pub fn of_strings(items: impl IntoIterator<Item = Text>) -> Self {
        Self::typed(items.into_iter().map(Value::String).collect(), &STRING_LIST)
    }

    /// Makes a `[]int`.
    pub fn of_ints(items: impl IntoIterator<Item = i64>) -> Self {
        Self::typed(
            items
                .into_iter()
                .map(|item| Value::Int(item, IntType::Int))
                .collect(),
            &INT_LIST,
        )
    }

    /// Makes a slice of a given slice type.
    pub fn typed(items: Vec<Value>, ty: &'static Type) -> Self {
        Self {
            items: Some(Rc::new(Items(RefCell::new(items)))),
            ty,
        }
    }

    /// Makes a nil slice, which prints as `[]` and is `null` in JSON.
    pub fn nil(ty: &'static Type) -> Self {
        Self { items: None, ty }
    }

    /// Tells whether the slice is nil.
    pub fn is_nil(&self) -> bool {
        self.items.is_none()
    }

    /// Returns the slice's type.
    pub fn go_type(&self) -> &'static Type {
        self.ty
    }

    /// Tells whether the elements are interfaces.
    pub fn holds_interfaces(&self) -> bool {
        matches!(self.ty.underlying(), Type::List(Type::Any))
    }

    /// Returns the same slice under another type.
    pub fn with_type(&self, ty: &'static Type) -> Self {
        Self {
            items: self.items.clone(),
            ty,
        }
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.items.as_ref().map_or(0, |items| items.0.borrow().len())
    }

    /// Tells whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one element.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.items
            .as_ref()
            .and_then(|items| items.0.borrow().get(index).cloned())
    }

    /// Returns the elements as they are now.
    pub fn to_vec(&self) -> Vec<Value> {
        self.items
            .as_ref()
            .map_or_else(Vec::new, |items| items.0.borrow().clone())
    }

    /// Looks at the elements; `None` for a nil slice.
    pub fn borrow(&self) -> Option<Ref<'_, Vec<Value>>> {
        self.items.as_ref().map(|items| items.0.borrow())
    }

    /// Changes the elements for all who share them; `None` for a nil slice.
    pub fn borrow_mut(&self) -> Option<RefMut<'_, Vec<Value>>> {
        self.items.as_ref().map(|items| items.0.borrow_mut())
    }
}

impl Map {
    /// Makes a `map[string]interface {}`.
    pub fn new(entries: Entries) -> Self {
        Self::typed(entries, &ANY_MAP)
    }

    /// Makes a `map[string]string`.
    pub fn of_strings(entries: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)))
            .collect();
        Self::typed(entries, &STRING_MAP)
    }

    /// Makes a map of a given map type.
    pub fn typed(entries: Entries, ty: &'static Type) -> Self {
        Self {
            entries: Some(Rc::new(Pairs(RefCell::new(entries)))),
            ty,
        }
    }

    /// Makes a nil map.
    pub fn nil(ty: &'static Type) -> Self {
        Self { entries: None, ty }
    }

    /// Tells whether the map is nil.
    pub fn is_nil(&self) -> bool {
        self.entries.is_none()
    }

    /// Returns the map's type.
    pub fn go_type(&self) -> &'static Type {
        self.ty
    }

    /// Returns the type of the map's elements.
    pub fn element_type(&self) -> &'static Type {
        match self.ty {
            Type::Map(element)
            | Type::Named(NamedType {
                underlying: Some(Type::Map(element)),
                ..
            }) => element,
            _ => &Type::Any,
        }
    }

    /// Tells whether the elements are interfaces.
    pub fn holds_interfaces(&self) -> bool {
        match self.ty {
            Type::Map(element) => matches!(element, Type::Any),
            _ => matches!(self.element_type(), Type::Any),
        }
    }

    /// Returns the same map under another type.
    pub fn with_type(&self, ty: &'static Type) -> Self {
        Self {
            entries: self.entries.clone(),
            ty,
        }
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries
            .as_ref()
            .map_or(0, |entries| entries.0.borrow().len())
    }

    /// Tells whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns one entry.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries
            .as_ref()
            .and_then(|entries| entries.0.borrow().get(key.as_ref()).cloned())
    }

    /// Tells whether there is such an entry.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.entries
            .as_ref()
            .is_some_and(|entries| entries.0.borrow().contains_key(key.as_ref()))
    }

    /// Sets an entry for all who share the map. A nil map cannot take entries: false.
    pub fn insert(&self, key: impl Into<Text>, value: Value) -> bool {
        self.entries.as_ref().is_some_and(|entries| {
            let old = entries.0.borrow_mut().insert(key.into(), value);
            drop(old);
            true
        })
    }

    /// Removes an entry for all who share the map.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries
            .as_ref()
            .and_then(|entries| entries.0.borrow_mut().remove(key.as_ref()))
    }

    /// Returns the entries as they are now, ordered by key.
    pub fn to_vec(&self) -> Vec<(Text, Value)> {
        self.entries.as_ref().map_or_else(Vec::new, |entries| {
            entries
                .0
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        })
    }

    /// Looks at the entries; `None` for a nil map.
    pub fn borrow(&self) -> Option<Ref<'_, Entries>> {
        self.entries.as_ref().map(|entries| entries.0.borrow())
    }

    pub(crate) fn address(&self) -> usize {
        self.entries
            .as_ref()
            .map_or(0, |entries| Rc::as_ptr(entries).addr())
    }
}

impl<K: Into<Text>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        Self::new(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

impl Value {
    /// Makes a string.
    pub fn string(text: impl Into<Text>) -> Self {
        Self::String(text.into())
    }

    /// Makes an `int`.
    pub fn int(number: i64) -> Self {
        Self::Int(number, IntType::Int)
    }

    /// Makes an `int64`.
    pub fn int64(number: i64) -> Self {
        Self::Int(number, IntType::Int64)
    }

    /// Makes a `time.Time`: seconds and nanoseconds since the Unix epoch, and the zone that it is seen from.
    pub fn time(seconds: i64, nanoseconds: u32, offset: i32, zone: &str) -> Self {
        crate::sprig::time(seconds, nanoseconds, offset, zone)
    }

    /// Wraps a host object.
    pub fn object(object: impl Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// Tells whether this is the untyped nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Returns the string.
    pub fn as_text(&self) -> Option<&Text> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the map, also when the host object is one.
    pub fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) => object.as_map(),
            _ => None,
        }
    }

    /// Returns the list.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the value's type; `None` for the untyped nil.
    pub fn go_type(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(_, width) => Type::Int(*width),
            Self::Uint(_, width) => Type::Uint(*width),
            Self::Float(_) => Type::Float64,
            Self::Complex(_) => Type::Complex128,
            Self::String(_) => Type::String,
            Self::Bytes(_) => BYTES,
            Self::List(list) => *list.ty,
            Self::Map(map) => *map.ty,
            Self::Object(object) => Type::Named(object.go_type()),
        })
    }

    /// Returns the value's kind.
    pub fn kind(&self) -> Kind {
        self.go_type().map_or(Kind::Invalid, |ty| ty.kind())
    }

    /// Returns the type's name as `%T` prints it.
    pub fn type_name(&self) -> String {
        self.go_type()
            .map_or_else(|| "<nil>".to_owned(), |ty| ty.to_string())
    }

    /// Tells whether `if` takes the value for true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number, _) => *number != 0,
            Self::Uint(number, _) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Complex(number) => number.0 != 0.0 || number.1 != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&crate::fmt::go_syntax(self)))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_value_takes_no_more_room_than_a_text() {
        assert_eq!(size_of::<Value>(), size_of::<crate::text::Text>());
        assert_eq!(size_of::<Value>(), 24);
    }
}
