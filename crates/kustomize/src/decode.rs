//! Reads settings from JSON the way Go's `encoding/json` does: names in any case, null for nothing, and messages that name
//! type and field.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Result, fail};
use crate::fieldspec::FieldSpec;
use crate::resid::{Gvk, ResId};
use crate::selector::Selector;

/// The fields of one struct, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'v> {
    map: Option<&'v serde_json::Map<String, Value>>,
    type_name: &'static str,
    path: String,
}

impl<'v> Fields<'v> {
    pub(crate) fn of(value: &'v Value, type_name: &'static str, path: &str) -> Result<Self> {
        let map = match value {
            Value::Null => None,
            Value::Object(map) => Some(map),
            other => return Err(mismatch(other, path, &format!("types.{type_name}"))),
        };
        Ok(Self {
            map,
            type_name,
            path: path.to_owned(),
        })
    }

    /// The fields in their order in the JSON text, which is by name.
    pub(crate) fn entries(&self) -> Vec<(&'v str, &'v Value)> {
        let mut entries: Vec<_> = self
            .map
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        entries.sort_unstable_by_key(|(name, _)| *name);
        entries
    }

    /// The place of a field as messages give it: the innermost type, and the way from the outermost.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let way = self.path.split_once('.').map_or("", |(_, way)| way);
        if way.is_empty() {
            format!("{}.{name}", self.type_name)
        } else {
            format!("{}.{way}.{name}", self.type_name)
        }
    }

    /// The place of a field that belongs to an embedded struct, which messages name too.
    pub(crate) fn path_in(&self, embedded: &str, name: &str) -> String {
        if embedded.is_empty() {
            self.path_of(name)
        } else {
            self.path_of(&format!("{embedded}.{name}"))
        }
    }

    /// The items of a list; none for null.
    pub(crate) fn list(value: &'v Value, item: &str, path: &str) -> Result<&'v [Value]> {
        match value {
            Value::Null => Ok(&[]),
            Value::Array(items) => Ok(items),
            other => Err(mismatch(other, path, &format!("[]types.{item}"))),
        }
    }
}

pub(crate) fn unknown(name: &str) -> Error {
    fail!("json: unknown field {name:?}")
}

/// The name that messages of Go's `encoding/json` give to the type of a value.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn mismatch(value: &Value, path: &str, wanted: &str) -> Error {
    let found = json_type(value);
    if path.is_empty() {
        return fail!("json: cannot unmarshal {found} into Go value of type {wanted}");
    }
    fail!("json: cannot unmarshal {found} into Go struct field {path} of type {wanted}")
}

pub(crate) fn string(value: &Value, path: &str) -> Result<String> {
    string_of(value, path, "string")
}

/// A string that has a type name of its own.
pub(crate) fn string_of(value: &Value, path: &str, type_name: &str) -> Result<String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(mismatch(other, path, type_name)),
    }
}

pub(crate) fn boolean(value: &Value, path: &str) -> Result<bool> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(truth) => Ok(*truth),
        other => Err(mismatch(other, path, "bool")),
    }
}

pub(crate) fn integer(value: &Value, path: &str, wanted: &str) -> Result<i64> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) => {
            let whole = number.as_i64().or_else(|| {
                number
                    .as_f64()
                    .filter(|float| float.fract() == 0.0 && float.abs() < 9e15)
                    .map(|float| float as i64)
            });
            whole.ok_or_else(|| {
                fail!("json: cannot unmarshal number {number} into Go struct field {path} of type {wanted}")
            })
        }
        other => Err(mismatch(other, path, wanted)),
    }
}

pub(crate) fn string_list(value: &Value, path: &str) -> Result<Vec<String>> {
    string_list_of(value, path, "string")
}

/// A list of strings that have a type name of their own.
pub(crate) fn string_list_of(value: &Value, path: &str, item_type: &str) -> Result<Vec<String>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items
            .iter()
            .map(|item| string_of(item, path, item_type))
            .collect(),
        other => Err(mismatch(other, path, &format!("[]{item_type}"))),
    }
}

pub(crate) fn string_map(value: &Value, path: &str) -> Result<BTreeMap<String, String>> {
    match value {
        Value::Null => Ok(BTreeMap::new()),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| Ok((key.clone(), string(value, path)?)))
            .collect(),
        other => Err(mismatch(other, path, "map[string]string")),
    }
}

/// A value as it is, for settings that are handed on.
pub(crate) fn object(value: &Value, path: &str) -> Result<Option<Value>> {
    match value {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(Some(value.clone())),
        other => Err(mismatch(other, path, "map[string]interface {}")),
    }
}

/// Takes a field that belongs to a group, version or kind; says whether it did. `embedded` is the way to the struct that
/// holds them.
pub(crate) fn decode_gvk_into(
    gvk: &mut Gvk,
    fields: &Fields<'_>,
    embedded: &str,
    (name, value): (&str, &Value),
) -> Result<bool> {
    let part = match name.to_ascii_lowercase().as_str() {
        "group" => &mut gvk.group,
        "version" => &mut gvk.version,
        "kind" => &mut gvk.kind,
        _ => return Ok(false),
    };
    *part = string(value, &fields.path_in(embedded, name))?;
    Ok(true)
}

/// Takes a field that belongs to an embedded id; says whether it did.
pub(crate) fn decode_id_into(id: &mut ResId, fields: &Fields<'_>, entry: (&str, &Value)) -> Result<bool> {
    let (name, value) = entry;
    let part = match name.to_ascii_lowercase().as_str() {
        "name" => &mut id.name,
        "namespace" => &mut id.namespace,
        _ => return decode_gvk_into(&mut id.gvk, fields, "ResId.Gvk", entry),
    };
    *part = string(value, &fields.path_in("ResId", name))?;
    Ok(true)
}

pub(crate) fn decode_field_spec(value: &Value, path: &str) -> Result<FieldSpec> {
    let fields = Fields::of(value, "FieldSpec", path)?;
    let mut spec = FieldSpec::new("", false);
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "path" => spec.path = string(value, &path)?,
            "create" => spec.create = boolean(value, &path)?,
            _ if decode_gvk_into(&mut spec.gvk, &fields, "Gvk", (name, value))? => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(spec)
}

pub(crate) fn decode_field_specs(value: &Value, path: &str) -> Result<Vec<FieldSpec>> {
    Fields::list(value, "FieldSpec", path)?
        .iter()
        .map(|item| decode_field_spec(item, path))
        .collect()
}

pub(crate) fn decode_selector(value: &Value, path: &str) -> Result<Option<Selector>> {
    if value.is_null() {
        return Ok(None);
    }
    let fields = Fields::of(value, "Selector", path)?;
    let mut selector = Selector::default();
    for (name, value) in fields.entries() {
        let path = fields.path_of(name);
        match name.to_ascii_lowercase().as_str() {
            "labelselector" => selector.labels = string(value, &path)?,
            "annotationselector" => selector.annotations = string(value, &path)?,
            _ if decode_id_into(&mut selector.id, &fields, (name, value))? => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(selector))
}
