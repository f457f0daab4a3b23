//! Finds objects and their fields in the text of a file.

use kluctl_object::{Key, KeyPath, Object};
use kluctl_yaml::{Content, Node};
use serde_json::Value;

/// The document of a text that became an object: the one of its kind whose name is the object's, or is part of it.
pub(super) fn find<'n>(documents: &'n [Node], object: &Object) -> Option<&'n Node> {
    let mut candidates: Vec<(&Node, &str)> = Vec::new();
    let mut in_namespace = None;
    for document in documents {
        let entries = match document.get("items").and_then(Node::items) {
            Some(items)
                if document
                    .get("kind")
                    .and_then(Node::as_str)
                    .is_some_and(|kind| kind.ends_with("List")) =>
            {
                items.iter().collect()
            }
            _ => vec![document],
        };
        for entry in entries {
            let metadata = |key: &str| entry.get("metadata")?.get(key)?.as_str();
            let name = metadata("name").unwrap_or_default();
            if entry.get("kind").and_then(Node::as_str) == Some(object.kind()) {
                candidates.push((entry, name));
                if name == object.name() && metadata("namespace") == object.namespace() {
                    in_namespace.get_or_insert(entry);
                }
            }
        }
    }
    if in_namespace.is_some() {
        return in_namespace;
    }
    let exact = candidates.iter().find(|(_, name)| *name == object.name());
    let part = || {
        let parts = candidates
            .iter()
            .filter(|(_, name)| !name.is_empty() && object.name().contains(name));
        parts.max_by_key(|(_, name)| name.len())
    };
    let found = exact.or_else(part);
    match candidates.as_slice() {
        [(only, _)] if found.is_none() => Some(only),
        _ => found.map(|(node, _)| *node),
    }
}

/// A field in a document: its key's line, and its value.
pub(super) struct Field<'n> {
    pub(super) line: u32,
    pub(super) node: &'n Node,
}

/// Follows a path of the finished object into a document. Items of lists that have a name are found by it, since patches
/// may have moved them.
pub(super) fn field<'n>(document: &'n Node, path: &KeyPath, object: &Value) -> Option<Field<'n>> {
    let mut node = document;
    let mut value = object;
    let mut line = document.span.line;
    for key in &path.0 {
        match key {
            Key::Name(name) => {
                let (key, inner) = entry(node, name)?;
                line = key.span.line;
                node = inner;
                value = value.get(name)?;
            }
            Key::Index(index) => {
                value = value.get(index)?;
                let items = node.items()?;
                let named = value.get("name").and_then(Value::as_str).and_then(|name| {
                    let is_named = |item: &&Node| item.get("name").and_then(Node::as_str) == Some(name);
                    items.iter().find(is_named)
                });
                node = named.or_else(|| items.get(*index))?;
                line = node.span.line;
            }
        }
    }
    Some(Field { line, node })
}

/// The last entry with a key.
fn entry<'n>(node: &'n Node, name: &str) -> Option<(&'n Node, &'n Node)> {
    match &node.resolved().content {
        Content::Mapping { entries, .. } => {
            let mut found = entries.iter().rev();
            found
                .find(|(key, _)| key.as_str() == Some(name))
                .map(|(key, value)| (key, value))
        }
        _ => None,
    }
}

/// Whether a scalar of a text is the value of the finished object, whatever its style.
pub(super) fn says(node: &Node, value: &Value) -> bool {
    let Some(text) = node.as_str() else { return false };
    match value {
        Value::String(value) => value == text,
        Value::Null => matches!(text, "" | "~" | "null" | "Null" | "NULL"),
        _ => kluctl_yaml::from_str(text).is_ok_and(|read| read == *value),
    }
}

/// All scalars of an object, and empty lists and maps, in their order.
pub(super) fn leaves(value: &Value) -> Vec<KeyPath> {
    let mut found = Vec::new();
    collect(value, &KeyPath::default(), &mut found);
    found
}

fn collect(value: &Value, path: &KeyPath, found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for key in keys {
                collect(&map[key], &path.child(key.as_str()), found);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, item) in list.iter().enumerate() {
                collect(item, &path.child(index), found);
            }
        }
        _ => found.push(path.clone()),
    }
}

/// One line of a text, counted from one.
pub(super) fn line_of(text: &str, line: u32) -> Option<&str> {
    text.lines().nth(line.checked_sub(1)? as usize)
}
