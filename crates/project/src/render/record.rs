//! The tree of deployment projects as a command result stores it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::run::Finished;
use crate::load::{Entry, LoadedItem, LoadedProject};
use crate::vars::LoadedSource;

/// The root project with everything below it: what each source of variables gave (but for secrets), what each item
/// rendered to, and what each include brought.
pub(super) fn project_value(root: &LoadedProject, included: &[&LoadedItem], finished: &[Finished]) -> Value {
    let by_order = included.iter().map(|item| item.order).zip(finished).collect();
    Recorder { by_order }.project(root)
}

struct Recorder<'r> {
    by_order: HashMap<usize, &'r Finished>,
}

impl Recorder<'_> {
    fn project(&self, project: &LoadedProject) -> Value {
        let mut value = serde_json::to_value(&project.config).unwrap_or_default();
        put_vars(&mut value, &project.loaded_vars);
        if let Some(Value::Array(items)) = value.get_mut("deployments") {
            for (item, entry) in items.iter_mut().zip(&project.entries) {
                self.entry(item, entry);
            }
        }
        value
    }

    fn entry(&self, value: &mut Value, entry: &Entry) {
        match entry {
            Entry::Out => {}
            Entry::Include(project, vars, _) => {
                put_vars(value, vars);
                put(value, "renderedInclude", self.project(project));
            }
            Entry::Item(item) => {
                put_vars(value, &item.loaded_vars);
                let Some((rendered, chart)) = self.by_order.get(&item.order) else {
                    return;
                };
                if let Some(chart) = chart {
                    put(value, "renderedHelmChartConfig", json!({ "helmChart": chart }));
                }
                if !rendered.objects.is_empty() {
                    let references = rendered.objects.iter().map(|object| json!(object.reference()));
                    put(value, "renderedObjects", references.collect());
                }
            }
        }
    }
}

fn put_vars(value: &mut Value, loaded: &[LoadedSource]) {
    let Some(Value::Array(sources)) = value.get_mut("vars") else {
        return;
    };
    for (source, loaded) in sources.iter_mut().zip(loaded) {
        if loaded.sensitive {
            put(source, "renderedSensitive", Value::Bool(true));
        } else if let Some(values) = &loaded.values {
            put(source, "renderedVars", Value::Object(Map::clone(values)));
        }
    }
}

fn put(value: &mut Value, key: &str, entry: Value) {
    if let Value::Object(map) = value {
        map.insert(key.to_owned(), entry);
    }
}
