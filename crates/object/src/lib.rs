//! A Kubernetes object as data: [`Object`], [`ObjectRef`], kinds, paths, merge and JSON patch.
//!
//! Starts with a JSON value and ends with typed parts of it and edits to it.
//!
//! Invariants:
//! - Talks to nothing and reads no files.
//! - Whatever is printed is sorted by key, whether or not `serde_json` keeps insertion order.

mod kind;
mod mask;
mod object;
mod path;
mod reference;

pub use kind::{ApiVersionError, GroupKind, Gvk};
pub use mask::{MASK, MaskKey, Masks};
pub use object::{NotAnObject, Object};
pub use path::{JsonPath, JsonPathError, Key, KeyPath, KeyPathError, type_name};
pub use reference::ObjectRef;

/// Writes a value as Go's `encoding/json` does: sorted keys, no spaces, `<`, `>` and `&` escaped.
pub fn to_go_json(value: &serde_json::Value) -> String {
    kluctl_yaml::go_json::to_string(value)
}

/// Appends a text as Go's `encoding/json` writes it.
pub fn push_go_json_text(text: &str, json: &mut String) {
    kluctl_yaml::go_json::write_string(text, true, json);
}

/// Writes a value as Kubernetes' tools write YAML: sorted keys, lists not indented below their key.
pub fn to_yaml(value: &serde_json::Value) -> String {
    kluctl_yaml::to_string(value)
}
