//! The managers of an object, as `metadata.managedFields` lists them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::path::{PathError, go_json};
use crate::set::FieldSet;
use crate::value::go_quoted;

/// How a manager came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

impl Operation {
    /// As written in `managedFields`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields. One who applies is the same in every version; one who updates is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManagerId {
    /// Name the client gave.
    pub manager: String,
    /// How.
    pub operation: Operation,
    /// Version of the updates; empty for one who applies.
    pub api_version: String,
    /// Subresource through which; empty for the object itself.
    pub subresource: String,
}

impl ManagerId {
    /// Who does an operation.
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        Self {
            manager: if manager.is_empty() { "unknown" } else { manager }.to_owned(),
            operation,
            api_version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => api_version.to_owned(),
            },
            subresource: subresource.to_owned(),
        }
    }

    /// The text by which upstream sorts managers.
    ///
    /// Source: apimachinery `pkg/util/managedfields/internal/managedfields.go`, `BuildManagerIdentifier`.
    pub(crate) fn sort_key(&self) -> String {
        use std::fmt::Write as _;
        let text = |value: &str| go_json(&Value::from(value));
        let mut key = format!(
            "{{\"manager\":{},\"operation\":\"{}\"",
            text(&self.manager),
            self.operation.name()
        );
        for (name, value) in [
            ("apiVersion", &self.api_version),
            ("subresource", &self.subresource),
        ] {
            if !value.is_empty() {
                let _ = write!(key, ",\"{name}\":{}", text(value));
            }
        }
        key.push('}');
        key
    }

    /// As conflicts name it: `"kubectl" using apps/v1`, `"x" with subresource "status"`.
    ///
    /// Source: apimachinery `pkg/util/managedfields/internal/conflict.go`, `printManager`.
    pub(crate) fn shown(&self) -> String {
        let mut text = go_quoted(&self.manager);
        if !self.subresource.is_empty() {
            text.push_str(" with subresource ");
            text.push_str(&go_quoted(&self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(" using ");
            text.push_str(&self.api_version);
        }
        text
    }
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The fields.
    pub set: FieldSet,
    /// In which version they are named.
    pub api_version: String,
    /// When they were last changed.
    pub time: Option<String>,
}

/// Everyone who owns fields of an object.
pub type Managers = BTreeMap<ManagerId, Entry>;

/// A list of managed fields that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Neither apply nor update.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// No type of fields.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// A type of fields that is not known.
    #[error("invalid fieldsType {0:?} in managed fields entry {1}")]
    FieldsType(String, usize),
    /// Fields that cannot be read.
    #[error("error decoding set: {0}")]
    Fields(#[from] PathError),
}

/// Reads `metadata.managedFields`.
///
/// Source: apimachinery `pkg/util/managedfields/internal/managedfields.go`, `DecodeManagedFields`.
pub fn decode(managed_fields: Option<&Value>) -> Result<Managers, DecodeError> {
    let mut managers = Managers::new();
    let entries = managed_fields.and_then(Value::as_array).into_iter().flatten();
    for (index, entry) in entries.enumerate() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err(DecodeError::Operation),
        };
        let api_version = text("apiVersion");
        if api_version.is_empty() {
            return Err(DecodeError::ApiVersion);
        }
        match text("fieldsType") {
            "FieldsV1" => {}
            "" => return Err(DecodeError::NoFieldsType(index)),
            other => return Err(DecodeError::FieldsType(other.to_owned(), index)),
        }
        let id = ManagerId {
            manager: text("manager").to_owned(),
            operation,
            api_version: match operation {
                Operation::Apply => String::new(),
                Operation::Update => api_version.to_owned(),
            },
            subresource: text("subresource").to_owned(),
        };
        let set = match entry.get("fieldsV1") {
            Some(fields) => FieldSet::from_fields(fields)?,
            None => FieldSet::default(),
        };
        let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
        managers.insert(
            id,
            Entry {
                set,
                api_version: api_version.to_owned(),
                time,
            },
        );
    }
    Ok(managers)
}

/// Writes `metadata.managedFields`; `None` when nobody owns anything.
///
/// Source: apimachinery `pkg/util/managedfields/internal/managedfields.go`, `encodeManagedFields`.
pub fn encode(managers: &Managers) -> Option<Value> {
    let mut sorted: Vec<_> = managers.iter().collect();
    sorted.sort_by(|(left, left_entry), (right, right_entry)| {
        left.operation
            .cmp(&right.operation)
            .then_with(|| compare_times(left_entry.time.as_deref(), right_entry.time.as_deref()))
            .then_with(|| left.manager.cmp(&right.manager))
            .then_with(|| left_entry.api_version.cmp(&right_entry.api_version))
            .then_with(|| left.subresource.cmp(&right.subresource))
    });
    let entries: Vec<Value> = sorted
        .into_iter()
        .map(|(id, entry)| {
            let mut map = Map::new();
            let mut text = |key: &str, value: &str| {
                if !value.is_empty() {
                    map.insert(key.to_owned(), Value::from(value));
                }
            };
            text("manager", &id.manager);
            text("operation", id.operation.name());
            text("apiVersion", &entry.api_version);
            text("time", entry.time.as_deref().unwrap_or_default());
            text("fieldsType", "FieldsV1");
            map.insert("fieldsV1".to_owned(), entry.set.to_fields());
            if !id.subresource.is_empty() {
                map.insert("subresource".to_owned(), Value::from(id.subresource.as_str()));
            }
            Value::Object(map)
        })
        .collect();
    (!entries.is_empty()).then_some(Value::Array(entries))
}

/// Times in RFC 3339, in UTC and to the second, sort as text; none is the earliest.
pub(crate) fn compare_times(left: Option<&str>, right: Option<&str>) -> Ordering {
    let seconds = |time: Option<&str>| time.map(|time| time.get(..19).unwrap_or(time).to_owned());
    seconds(left).cmp(&seconds(right))
}
