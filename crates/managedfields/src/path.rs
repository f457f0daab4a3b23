//! Steps of a path into an object.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::value::{compare_values, value_text};

/// One step of a path: a field, or an item of a list.
///
/// Ordered as managed fields are written: fields by name, then items by key, by value, by index.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of a map.
    Field(Arc<str>),
    /// The item of a list whose fields have these values; sorted by field.
    Key(Arc<[(Arc<str>, Value)]>),
    /// The item of a set.
    Value(Arc<Value>),
    /// The item at an index.
    Index(i64),
}

/// A written path element that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathError(pub String);

impl PathElement {
    /// A field of a map.
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }

    /// As written in `fieldsV1`: `f:name`, `k:{"name":"x"}`, `v:"x"`, `i:0`.
    ///
    /// Source: structured-merge-diff `fieldpath/serialize-pe.go`.
    pub fn written(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(fields) => {
                let mut text = String::from("k:{");
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    text.push_str(&go_json(&Value::String(name.to_string())));
                    text.push(':');
                    text.push_str(&go_json(value));
                }
                text.push('}');
                text
            }
            Self::Value(value) => format!("v:{}", go_json(value)),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads what [`Self::written`] writes; `None` for kinds of elements of the future.
    pub fn read(text: &str) -> Result<Option<Self>, PathError> {
        let bytes = text.as_bytes();
        if bytes.len() < 2 {
            return Err(PathError("key must be 2 characters long:".to_owned()));
        }
        if bytes[1] != b':' {
            return Err(PathError(format!("missing colon: {text}")));
        }
        let rest = &text[2..];
        let invalid = |error: serde_json::Error| PathError(error.to_string());
        Ok(Some(match bytes[0] {
            b'f' => Self::field(rest),
            b'v' => Self::Value(Arc::new(serde_json::from_str(rest).map_err(invalid)?)),
            b'k' => {
                let map: serde_json::Map<String, Value> = serde_json::from_str(rest).map_err(invalid)?;
                let mut fields: Vec<(Arc<str>, Value)> = map
                    .into_iter()
                    .map(|(name, value)| (name.into(), value))
                    .collect();
                fields.sort_by(|left, right| left.0.cmp(&right.0));
                Self::Key(fields.into())
            }
            b'i' => Self::Index(
                rest.parse()
                    .map_err(|_| PathError(format!("invalid index: {rest}")))?,
            ),
            _ => return Ok(None),
        }))
    }
}

/// JSON as Go writes it: `<`, `>` and `&` are escaped.
pub(crate) fn go_json(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(left), Self::Field(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => left
                .iter()
                .zip(right.iter())
                .map(|(left, right)| {
                    left.0
                        .cmp(&right.0)
                        .then_with(|| compare_values(&left.1, &right.1))
                })
                .find(|order| order.is_ne())
                .unwrap_or_else(|| left.len().cmp(&right.len())),
            (Self::Value(left), Self::Value(right)) => compare_values(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

impl fmt::Display for PathElement {
    /// As messages show it: `.name`, `[name="x"]`, `[="x"]`, `[0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{name}={}", value_text(value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", value_text(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path as messages show it, e.g. `.spec.containers[name="app"].image`.
pub fn path_text(path: &[PathElement]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for element in path {
        let _ = write!(text, "{element}");
    }
    text
}
