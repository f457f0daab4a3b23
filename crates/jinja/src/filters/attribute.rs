//! `attribute='a.b.0'` of filters.

use crate::error::Result;
use crate::runtime::Vm;
use crate::value::{Value, text};

/// A path into items.
#[derive(Clone)]
pub(crate) struct Path {
    parts: Vec<Value>,
    default: Option<Value>,
    ignore_case: bool,
}

impl Path {
    pub(crate) fn new(attribute: Option<&Value>, ignore_case: bool) -> Self {
        Self {
            parts: attribute.map_or_else(Vec::new, parts),
            default: None,
            ignore_case,
        }
    }

    pub(crate) fn with_default(mut self, default: Option<Value>) -> Self {
        self.default = default.filter(|value| !matches!(value, Value::None));
        self
    }

    pub(crate) fn get(&self, vm: &Vm, item: &Value) -> Result<Value> {
        let mut value = item.clone();
        for part in &self.parts {
            value = vm.getitem(&value, part)?;
            if let (Value::Undefined(_), Some(default)) = (&value, &self.default) {
                value = default.clone();
            }
        }
        Ok(if self.ignore_case { lowered(value) } else { value })
    }
}

/// Strings in lower case, all else as it is.
pub(crate) fn lowered(value: Value) -> Value {
    match value {
        Value::Str(text) => Value::str(text.to_lowercase()),
        Value::Markup(text) => Value::Markup(text.to_lowercase().into()),
        other => other,
    }
}

fn parts(attribute: &Value) -> Vec<Value> {
    match attribute {
        Value::None => Vec::new(),
        Value::Str(path) | Value::Markup(path) => path.split('.').map(part).collect(),
        other => vec![other.clone()],
    }
}

fn part(name: &str) -> Value {
    let digits = !name.is_empty() && name.chars().all(text::is_digit);
    match name.parse::<i64>() {
        Ok(index) if digits => Value::Int(index),
        _ => name.into(),
    }
}

/// Several paths separated by commas, for `sort`.
pub(crate) fn several(attribute: Option<&Value>, ignore_case: bool) -> Vec<Path> {
    match attribute {
        Some(Value::Str(paths) | Value::Markup(paths)) => paths
            .split(',')
            .map(|path| Path::new(Some(&path.into()), ignore_case))
            .collect(),
        other => vec![Path::new(other, ignore_case)],
    }
}
