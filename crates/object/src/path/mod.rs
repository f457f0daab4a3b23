//! Places inside an object, and the JSON path dialect that names them.
//!
//! [`KeyPath`] is one place and prints as Kluctl prints it: `data.password`, `data["a"]`, `spec.ports[0].name`, `$["x"]`.
//! [`JsonPath`] is a text with wildcards, slices, descents and filters that [`JsonPath::locate`]s any number of places.

mod evaluate;
mod expression;
mod field;

use std::fmt;

use serde_json::{Map, Value};

pub use expression::{JsonPath, JsonPathError};

/// One step down: into a map or into a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A key of a map.
    Name(String),
    /// An index of a list.
    Index(usize),
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Key {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// How many nulls are put in a list to reach an index.
const MAX_GAP: usize = 1024;

/// One place inside a tree of JSON, from its root down.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(pub Vec<Key>);

impl KeyPath {
    /// The place one step further down.
    pub fn child(&self, key: impl Into<Key>) -> Self {
        let mut keys = Vec::with_capacity(self.0.len() + 1);
        keys.extend_from_slice(&self.0);
        keys.push(key.into());
        Self(keys)
    }

    /// What stands there.
    pub fn get<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, key| match key {
            Key::Name(name) => value.as_object()?.get(name),
            Key::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// What stands there, to change it.
    pub fn get_mut<'v>(&self, root: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(root, |value, key| match key {
            Key::Name(name) => value.as_object_mut()?.get_mut(name),
            Key::Index(index) => value.as_array_mut()?.get_mut(*index),
        })
    }

    /// Sets the value there. Missing maps are made, and a list is prolonged with nulls; a parent of another type is
    /// refused with its own place.
    pub fn set(&self, root: &mut Value, new: Value) -> Result<(), KeyPathError> {
        let mut value = root;
        for (depth, key) in self.0.iter().enumerate() {
            let wrong = |found: &'static str, expected: &'static str| KeyPathError {
                path: Self(self.0.iter().take(depth).cloned().collect()),
                expected,
                found,
            };
            value = match key {
                Key::Name(name) => {
                    if value.is_null() {
                        *value = Value::Object(Map::new());
                    }
                    let found = type_name(value);
                    let map = value.as_object_mut().ok_or_else(|| wrong(found, "a map"))?;
                    map.entry(name.clone()).or_insert(Value::Null)
                }
                Key::Index(index) => {
                    if value.is_null() {
                        *value = Value::Array(Vec::new());
                    }
                    let found = type_name(value);
                    let list = value.as_array_mut().ok_or_else(|| wrong(found, "a list"))?;
                    if list.len() <= *index && *index < list.len() + MAX_GAP {
                        list.resize(index + 1, Value::Null);
                    }
                    list.get_mut(*index)
                        .ok_or_else(|| wrong(found, "a longer list"))?
                }
            };
        }
        *value = new;
        Ok(())
    }

    /// Removes what stands there, if anything does, and returns it. Later entries of a list move up.
    pub fn remove(&self, root: &mut Value) -> Option<Value> {
        let (last, parents) = self.0.split_last()?;
        let parent = Self(parents.to_vec()).get_mut(root)?;
        match last {
            Key::Name(name) => parent.as_object_mut()?.remove(name),
            Key::Index(index) => {
                let list = parent.as_array_mut()?;
                (*index < list.len()).then(|| list.remove(*index))
            }
        }
    }
}

/// A value that cannot be set because something on the way is neither missing nor of the right type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at `{path}`, found {found}")]
pub struct KeyPathError {
    /// Where it is.
    pub path: KeyPath,
    /// What should be there.
    pub expected: &'static str,
    /// What is there.
    pub found: &'static str,
}

/// The type of a value, as a person would name it.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// Names of two characters and more that need no quotes.
fn is_simple(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() >= 2
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && bytes.first().is_some_and(|b| !b.is_ascii_digit())
}

impl fmt::Display for KeyPath {
    /// Source: kluctl `pkg/utils/uo/jsonpath.go`, `KeyPath.ToJsonPath`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, key) in self.0.iter().enumerate() {
            match key {
                Key::Name(name) if is_simple(name) => {
                    if depth > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(name)?;
                }
                Key::Name(name) => {
                    if depth == 0 {
                        f.write_str("$")?;
                    }
                    let quote = if name.contains('"') { '\'' } else { '"' };
                    write!(f, "[{quote}{name}{quote}]")?;
                }
                // Upstream prints a leading index without the `$`.
                Key::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
