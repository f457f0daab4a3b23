//! Results as data: YAML and JSON.

use kluctl_api::{CommandResult, compact};
use kluctl_object::to_yaml;
use serde::Serialize;
use serde_json::Value;

/// The result with compacted objects, as upstream's `-o yaml` has it.
fn compacted(result: &CommandResult) -> Value {
    let without_objects = CommandResult {
        objects: Vec::new(),
        ..result.clone()
    };
    let mut value = serde_json::to_value(without_objects).unwrap_or_default();
    if !result.objects.is_empty() {
        value["compactedObjects"] = compact(&result.objects);
    }
    value
}

pub(super) fn yaml(result: &CommandResult) -> String {
    to_yaml(&compacted(result))
}

pub(super) fn json(result: &CommandResult) -> String {
    pretty(&compacted(result))
}

pub(super) fn plain_yaml(value: &impl Serialize) -> String {
    to_yaml(&serde_json::to_value(value).unwrap_or_default())
}

pub(super) fn plain_json(value: &impl Serialize) -> String {
    pretty(&serde_json::to_value(value).unwrap_or_default())
}

fn pretty(value: &Value) -> String {
    let mut text = kluctl_yaml::go_json::to_string_pretty(value);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
