//! The project's variables, shared between threads and never changed.

use std::sync::Arc;

use num_bigint::BigInt;

use super::{Dict, List, Value};

/// A value that all renders share. Templates see copies that are made only as deep as they look.
#[derive(Clone, Debug)]
pub(crate) enum Frozen {
    None,
    Bool(bool),
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
    Str(Arc<str>),
    List(Arc<[Frozen]>),
    Dict(Arc<FrozenMap>),
}

/// Entries sorted by key, as the JSON that upstream hands to Python has them.
#[derive(Debug, Default)]
pub(crate) struct FrozenMap {
    pub(crate) entries: Vec<(Arc<str>, Frozen)>,
}

impl FrozenMap {
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.entries.binary_search_by(|(key, _)| (**key).cmp(name)).ok()
    }

    pub(crate) fn from_json(map: &serde_json::Map<String, serde_json::Value>) -> Self {
        let mut entries: Vec<_> = map
            .iter()
            .map(|(key, value)| (Arc::from(key.as_str()), Frozen::from_json(value)))
            .collect();
        entries.sort_by(|(a, _): &(Arc<str>, _), (b, _)| a.cmp(b));
        Self { entries }
    }
}

impl Frozen {
    /// Whole floats become integers below 1e21, as Go's JSON writer prints them.
    pub(crate) fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => Self::from_number(number),
            serde_json::Value::String(text) => Self::Str(text.as_str().into()),
            serde_json::Value::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(map) => Self::Dict(Arc::new(FrozenMap::from_json(map))),
        }
    }

    fn from_number(number: &serde_json::Number) -> Self {
        if let Some(value) = number.as_i64() {
            return Self::Int(value);
        }
        if let Some(value) = number.as_u64() {
            return Self::Big(Arc::new(BigInt::from(value)));
        }
        let value = number.as_f64().unwrap_or(f64::NAN);
        if value.fract() == 0.0 && value.abs() < 1e21 {
            if value.abs() < 9e18 {
                return Self::Int(value as i64);
            }
            return Self::Big(Arc::new(BigInt::from(value as i128)));
        }
        Self::Float(value)
    }

    pub(crate) fn thaw(&self) -> Value {
        match self {
            Self::None => Value::None,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Big(value) => Value::big((**value).clone()),
            Self::Float(value) => Value::Float(*value),
            Self::Str(text) => Value::Str(text.clone()),
            Self::List(items) => Value::List(std::rc::Rc::new(List::frozen(items.clone()))),
            Self::Dict(map) => Value::Dict(std::rc::Rc::new(Dict::frozen(map.clone()))),
        }
    }
}
