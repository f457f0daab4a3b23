//! Metadata in files without nesting: `age__list_0__map_recipient`.
//!
//! Source: sops `stores/flatten.go`.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::tree::{Branch, Entry, Value};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// One step of a path.
enum Step<'k> {
    Key(&'k str),
    Index(usize),
}

#[derive(Default)]
struct Node {
    value: Option<Value>,
    keys: BTreeMap<String, Node>,
    items: BTreeMap<usize, Node>,
}

/// The nested form of a flat branch.
pub(crate) fn unflatten(branch: &Branch) -> Result<Branch, Error> {
    let mut root = Node::default();
    for entry in branch {
        let Entry::Item(key, value) = entry else { continue };
        let mut node = &mut root;
        for step in steps(key) {
            node = match step {
                Step::Key(name) => node.keys.entry(name.to_owned()).or_default(),
                Step::Index(index) => node.items.entry(index).or_default(),
            };
        }
        if node.value.replace(value.clone()).is_some() {
            return Err(Error::new(format!("the metadata has `{key}` twice")));
        }
    }
    match nested(root)? {
        Value::Map(branch) => Ok(branch),
        _ => Err(Error::new("the metadata is not a map")),
    }
}

fn steps(key: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = key;
    let mut is_index = false;
    loop {
        let next = [MAP, LIST]
            .into_iter()
            .filter_map(|mark| rest.find(mark).map(|at| (at, mark)))
            .min();
        let part = next.map_or(rest, |(at, _)| &rest[..at]);
        steps.push(if is_index {
            Step::Index(part.parse().unwrap_or_default())
        } else {
            Step::Key(part)
        });
        let Some((at, mark)) = next else { return steps };
        is_index = mark == LIST;
        rest = &rest[at + mark.len()..];
    }
}

fn nested(node: Node) -> Result<Value, Error> {
    let kinds = [
        node.value.is_some(),
        !node.keys.is_empty(),
        !node.items.is_empty(),
    ];
    if kinds.iter().filter(|kind| **kind).count() > 1 {
        return Err(Error::new(
            "the metadata has a value and something below it under one name",
        ));
    }
    if let Some(value) = node.value {
        return Ok(value);
    }
    if !node.items.is_empty() {
        if node.items.keys().copied().ne(0..node.items.len()) {
            return Err(Error::new("a list of the metadata is incomplete"));
        }
        let items = node.items.into_values().map(nested);
        return Ok(Value::List(items.collect::<Result<_, _>>()?));
    }
    let entries = node
        .keys
        .into_iter()
        .map(|(key, node)| Ok(Entry::Item(key, nested(node)?)));
    Ok(Value::Map(entries.collect::<Result<_, Error>>()?))
}
