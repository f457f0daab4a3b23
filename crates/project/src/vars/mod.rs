//! Variables: trees that are shared, and merged without copying what does not change.

mod cluster;
mod git_files;
mod load;

use std::collections::BTreeMap;
use std::sync::Arc;

use kluctl_jinja::Context;
use serde_json::{Map, Value};

use crate::merge::merge;

pub(crate) use load::{LoadedSource, TemplatePlace, VarsLoader};

/// The variables that templates see. Merging makes a new set that shares all untouched top-level entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vars {
    entries: BTreeMap<String, Arc<Value>>,
    context: Context,
}

impl Vars {
    /// Takes a tree over.
    pub(crate) fn new(values: Map<String, Value>) -> Self {
        Self {
            context: Context::new(&values),
            entries: values
                .into_iter()
                .map(|(key, value)| (key, Arc::new(value)))
                .collect(),
        }
    }

    /// What templates are rendered with.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// One top-level entry.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(Arc::as_ref)
    }

    /// The same with a tree merged over it, or under it where what is there wins.
    pub(crate) fn merged(&self, values: Map<String, Value>, keep_existing: bool) -> Self {
        let mut changed = Map::new();
        for (key, value) in values {
            let result = match self.get(&key) {
                None => value,
                Some(existing) if keep_existing => over(value, existing.clone()),
                Some(existing) => over(existing.clone(), value),
            };
            changed.insert(key, result);
        }
        if changed.is_empty() {
            return self.clone();
        }
        let context = self.context.with(&changed);
        let mut entries = self.entries.clone();
        entries.extend(changed.into_iter().map(|(key, value)| (key, Arc::new(value))));
        Self { entries, context }
    }

    /// The same without one top-level entry.
    pub(crate) fn without(&self, key: &str) -> Self {
        let values = self.entries.iter().filter(|(name, _)| *name != key);
        Self::new(
            values
                .map(|(key, value)| (key.clone(), (**value).clone()))
                .collect(),
        )
    }
}

/// Merges one value over another.
fn over(under: Value, over: Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            merge(&mut under, over);
            Value::Object(under)
        }
        (_, over) => over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn maps_merge_and_all_else_is_replaced() {
        let vars = Vars::new(map(json!({"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": "x"})));
        let more = || map(json!({"a": {"b": 2, "c": [3], "n": null}, "f": {"g": 1}, "d": null}));
        let over = vars.merged(more(), false);
        assert_eq!(over.get("a"), Some(&json!({"b": 2, "c": [3], "n": null})));
        assert_eq!(over.get("f"), Some(&json!({"g": 1})));
        assert_eq!(over.get("d"), Some(&Value::Null));
        let under = vars.merged(more(), true);
        assert_eq!(under.get("a"), Some(&json!({"b": 1, "c": [1, 2], "n": null})));
        assert_eq!(under.get("f"), Some(&json!("x")));
        assert_eq!(under.get("d"), Some(&json!({"e": 1})));
        assert_eq!(vars.get("a"), Some(&json!({"b": 1, "c": [1, 2]})));
        assert_eq!(vars.without("a").get("a"), None);
    }
}
