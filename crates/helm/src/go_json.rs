//! Reads typed fields from YAML nodes as `sigs.k8s.io/yaml` and `encoding/json` do, with their errors.
//!
//! The first type error is kept and reading goes on, so that a caller can decide as Go does.

use kluctl_yaml::{Node, Options};
use serde_json::Value;

/// The first type error met.
#[derive(Debug, Default)]
pub(crate) struct TypeErrors {
    first: Option<String>,
}

/// Where a value goes: the innermost struct, the fields that lead there, and the Go type.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) structure: &'a str,
    pub(crate) field: &'a str,
    pub(crate) go_type: &'a str,
}

impl TypeErrors {
    /// The error as `sigs.k8s.io/yaml` words it.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.first {
            None => Ok(()),
            Some(message) => Err(format!("error unmarshaling JSON: while decoding JSON: {message}")),
        }
    }

    pub(crate) fn add(&mut self, found: &str, target: Target<'_>) {
        let Target {
            structure,
            field,
            go_type,
        } = target;
        self.first.get_or_insert_with(|| {
            if field.is_empty() {
                format!("json: cannot unmarshal {found} into Go value of type {go_type}")
            } else {
                format!("json: cannot unmarshal {found} into Go struct field {structure}.{field} of type {go_type}")
            }
        });
    }
}

/// What JSON calls a node.
pub(crate) fn kind_of(node: &Node) -> &'static str {
    if node.entries().is_some() {
        return "object";
    }
    if node.items().is_some() {
        return "array";
    }
    match node.to_value(&Options::default()) {
        Ok(Value::Bool(_)) => "bool",
        Ok(Value::Number(_)) => "number",
        Ok(Value::Null) => "null",
        _ => "string",
    }
}

/// Whether a node is null.
pub(crate) fn is_null(node: &Node) -> bool {
    node.as_str().is_some() && kind_of(node) == "null"
}

/// A map's field by name, without regard to case when no key matches exactly.
pub(crate) fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    if let Some(value) = node.get(name) {
        return Some(value);
    }
    let mut merged = None;
    for (key, value) in node.entries()? {
        if key.is_merge_key() {
            let sources = value.items().unwrap_or(std::slice::from_ref(value));
            merged = sources.iter().find_map(|source| field(source, name)).or(merged);
        } else if key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)) {
            return Some(value);
        }
    }
    merged
}

/// Text; numbers and booleans become text, null the empty one.
pub(crate) fn text(node: &Node, target: Target<'_>, errors: &mut TypeErrors) -> String {
    if node.entries().is_some() || node.items().is_some() {
        errors.add(kind_of(node), target);
        return String::new();
    }
    kluctl_yaml::decode_node::<String>(node).unwrap_or_default()
}

/// Text of a struct's field; empty when it is not there.
pub(crate) fn text_field(
    node: &Node,
    name: &str,
    structure: &str,
    prefix: &str,
    errors: &mut TypeErrors,
) -> String {
    let path = format!("{prefix}{name}");
    let target = Target {
        structure,
        field: &path,
        go_type: "string",
    };
    field(node, name).map_or_else(String::new, |node| text(node, target, errors))
}

/// A boolean of a struct's field; false when it is not there.
pub(crate) fn bool_field(
    node: &Node,
    name: &str,
    structure: &str,
    prefix: &str,
    errors: &mut TypeErrors,
) -> bool {
    let Some(value) = field(node, name) else {
        return false;
    };
    match value.to_value(&Options::default()) {
        Ok(Value::Bool(truth)) => truth,
        Ok(Value::Null) => false,
        _ => {
            let path = format!("{prefix}{name}");
            errors.add(
                kind_of(value),
                Target {
                    structure,
                    field: &path,
                    go_type: "bool",
                },
            );
            false
        }
    }
}

/// The items of a struct's list field; `None` when it is not there or null.
pub(crate) fn list_field<'a>(
    node: &'a Node,
    name: &str,
    structure: &str,
    prefix: &str,
    go_type: &str,
    errors: &mut TypeErrors,
) -> Option<&'a [Node]> {
    let value = field(node, name)?;
    if is_null(value) {
        return None;
    }
    if let Some(items) = value.items() {
        return Some(items);
    }
    let path = format!("{prefix}{name}");
    errors.add(
        kind_of(value),
        Target {
            structure,
            field: &path,
            go_type,
        },
    );
    None
}
