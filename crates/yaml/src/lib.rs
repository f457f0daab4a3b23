//! YAML and JSON as Go's libraries read and write them, with spans and comments.
//!
//! Starts with text and ends with [`serde_json::Value`]s, a [`Node`] tree or a decoded type, or with one [`Error`]
//! that knows its place; and back to text.
//!
//! Invariants:
//! - Reading follows go-yaml v2 (YAML 1.1) as `sigs.k8s.io/yaml` uses it: what it accepts is accepted, with the same value.
//! - [`to_string`] prints what `sigs.k8s.io/yaml` prints, [`to_string_indented`] what go-yaml v3 prints, and [`go_json`]
//!   what `encoding/json` prints.
//! - Time and memory are linear in the text; aliases cannot blow up ([`MAX_DEPTH`] and go-yaml's alias ratio bound them).
//! - Knows nothing of Kubernetes.

mod decode;
mod emit;
mod error;
mod go_float;
pub mod go_json;
mod key_order;
mod node;
mod outline;
mod parser;
mod quick;
mod resolve;
mod scalars;
mod scanner;
mod text;
mod tree;
mod value;

pub use decode::{closest, decode, decode_node};
pub use emit::{Layout, to_string, to_string_documents, to_string_indented, to_string_layout, try_to_string};
pub use error::Error;
pub use go_float::{format_float_g, format_float_json};
pub use key_order::{natural_order, natural_order_v3, sort_keys};
pub use node::{Content, Node, ScalarStyle, Span};
pub use outline::{Outline, Outlined, OutlinedKey, outline};
pub use parser::{MAX_DEPTH, parse_documents, parse_first};
pub use resolve::{Resolved, resolve_plain};
pub use text::text_of;
pub use tree::{Commented, Tree, tree_documents};
pub use value::{DuplicateKeys, Options, documents, documents_lenient, from_str, from_str_lenient};
