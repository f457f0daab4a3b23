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

fn mismatch(value: &Value, path: &str, wanted: &str) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if path.is_empty() {
        return fail!("json: cannot unmarshal {found} into Go value of type {wanted}");
    }
    fail!("json: cannot unmarshal {found} into Go struct field {path} of type {wanted}")
}

pub(crate) fn string(value: &Value, path: &str) -> Result<String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        other => Err(mismatch(other, path, "string")),
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
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(|item| string(item, path)).collect(),
        other => Err(mismatch(other, path, "[]string")),
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

/// Takes a field that belongs to a group, version or kind; says whether it did.
pub(crate) fn decode_gvk_into(gvk: &mut Gvk, name: &str, value: &Value, path: &str) -> Result<bool> {
    let part = match name.to_ascii_lowercase().as_str() {
        "group" => &mut gvk.group,
        "version" => &mut gvk.version,
        "kind" => &mut gvk.kind,
        _ => return Ok(false),
    };
    *part = string(value, path)?;
    Ok(true)
}

/// Takes a field that belongs to an id; says whether it did.
pub(crate) fn decode_id_into(id: &mut ResId, name: &str, value: &Value, path: &str) -> Result<bool> {
    match name.to_ascii_lowercase().as_str() {
        "name" => id.name = string(value, path)?,
        "namespace" => id.namespace = string(value, path)?,
        _ => return decode_gvk_into(&mut id.gvk, name, value, path),
    }
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
            _ if decode_gvk_into(&mut spec.gvk, name, value, &path)? => {}
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
            _ if decode_id_into(&mut selector.id, name, value, &path)? => {}
            _ => return Err(unknown(name)),
        }
    }
    Ok(Some(selector))
}
