//! Objects as trees of JSON with accessors for what every object has.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Gvk, ObjectRef};

/// A Kubernetes object: a JSON map with `apiVersion`, `kind` and `metadata`.
///
/// Copies share the map until one of them is changed: a run holds each object in many places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Arc<Map<String, Value>>);

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(Map::deserialize(deserializer)?))
    }
}

/// A value that cannot be an object because it is not a map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a Kubernetes object (a map), found {0}")]
pub struct NotAnObject(pub &'static str);

impl TryFrom<Value> for Object {
    type Error = NotAnObject;

    fn try_from(value: Value) -> Result<Self, NotAnObject> {
        match value {
            Value::Object(map) => Ok(Self::from(map)),
            Value::Null => Err(NotAnObject("null")),
            Value::Bool(_) => Err(NotAnObject("a boolean")),
            Value::Number(_) => Err(NotAnObject("a number")),
            Value::String(_) => Err(NotAnObject("a string")),
            Value::Array(_) => Err(NotAnObject("a list")),
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Arc::unwrap_or_clone(object.0))
    }
}

impl From<Map<String, Value>> for Object {
    fn from(map: Map<String, Value>) -> Self {
        Self(Arc::new(map))
    }
}

impl Object {
    /// The whole map.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The whole map, to change it.
    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        Arc::make_mut(&mut self.0)
    }

    /// A copy as a JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object((*self.0).clone())
    }

    /// The object as Go's `encoding/json` writes it: sorted keys, no spaces, `<`, `>` and `&` escaped.
    pub fn to_go_json(&self) -> String {
        kluctl_yaml::go_json::map_to_string(&self.0)
    }

    /// Follows map keys down from the root.
    pub fn at(&self, keys: &[&str]) -> Option<&Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter()
            .try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    /// Follows map keys down from the root to a string.
    pub fn str_at(&self, keys: &[&str]) -> Option<&str> {
        self.at(keys).and_then(Value::as_str)
    }

    /// Follows map keys down from the root, making maps where there is nothing or something else,
    /// and sets the last one.
    pub fn set(&mut self, keys: &[&str], value: Value) {
        let Some((last, parents)) = keys.split_last() else {
            return;
        };
        let mut map = self.as_map_mut();
        for key in parents {
            let slot = map
                .entry((*key).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            let Value::Object(next) = slot else { return };
            map = next;
        }
        map.insert((*last).to_owned(), value);
    }

    /// Removes what stands at a path of map keys and returns it.
    pub fn remove(&mut self, keys: &[&str]) -> Option<Value> {
        let (last, parents) = keys.split_last()?;
        // what is not there needs no copy of its own
        self.at(keys)?;
        let mut map = self.as_map_mut();
        for key in parents {
            map = map.get_mut(*key)?.as_object_mut()?;
        }
        map.remove(*last)
    }

    /// `apiVersion`, empty when missing.
    pub fn api_version(&self) -> &str {
        self.str_at(&["apiVersion"]).unwrap_or_default()
    }

    /// `kind`, empty when missing.
    pub fn kind(&self) -> &str {
        self.str_at(&["kind"]).unwrap_or_default()
    }

    /// Group, version and kind; a malformed `apiVersion` gives it whole as the version.
    pub fn gvk(&self) -> Gvk {
        Gvk::from_api_version(self.api_version(), self.kind())
            .unwrap_or_else(|error| Gvk::new("", error.0, self.kind()))
    }

    /// `metadata.name`, empty when missing.
    pub fn name(&self) -> &str {
        self.str_at(&["metadata", "name"]).unwrap_or_default()
    }

    /// `metadata.namespace` where it is set and not empty.
    pub fn namespace(&self) -> Option<&str> {
        self.str_at(&["metadata", "namespace"])
            .filter(|namespace| !namespace.is_empty())
    }

    /// Sets `metadata.namespace`, or removes it.
    pub fn set_namespace(&mut self, namespace: Option<&str>) {
        match namespace {
            Some(namespace) => self.set(&["metadata", "namespace"], Value::from(namespace)),
            None => drop(self.remove(&["metadata", "namespace"])),
        }
    }

    /// The object's reference.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::new(&self.gvk(), self.namespace(), self.name())
    }

    /// One label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.str_at(&["metadata", "labels", key])
    }

    /// Sets one label.
    pub fn set_label(&mut self, key: &str, value: &str) {
        self.set(&["metadata", "labels", key], Value::from(value));
    }

    /// One annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.str_at(&["metadata", "annotations", key])
    }

    /// Sets one annotation.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        self.set(&["metadata", "annotations", key], Value::from(value));
    }

    /// Removes one annotation and returns its value.
    pub fn remove_annotation(&mut self, key: &str) -> Option<Value> {
        self.remove(&["metadata", "annotations", key])
    }

    /// All annotations with text values, sorted by key.
    pub fn annotations(&self) -> Vec<(&str, &str)> {
        self.texts(&["metadata", "annotations"])
    }

    /// All labels with text values, sorted by key.
    pub fn labels(&self) -> Vec<(&str, &str)> {
        self.texts(&["metadata", "labels"])
    }

    fn texts(&self, keys: &[&str]) -> Vec<(&str, &str)> {
        let map = self.at(keys).and_then(Value::as_object);
        let mut texts: Vec<_> = map
            .into_iter()
            .flatten()
            .filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
            .collect();
        texts.sort_unstable();
        texts
    }
}
