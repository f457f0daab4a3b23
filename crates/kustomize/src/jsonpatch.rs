//! JSON patches (RFC 6902) with the liberties of the library kustomize uses.
//!
//! Source: evanphx/json-patch v4 `patch.go`: `replace` may add a key to a map, negative indices count from the end.

use serde_json::Value;

use crate::decode::json_type;
use crate::error::{Result, fail};
use crate::go_syntax::go_syntax_error;

/// One step of a patch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    op: String,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

/// Reads the text of a patch: JSON, or YAML when it does not begin with `[`.
pub(crate) fn parse(text: &str) -> Result<Vec<Operation>> {
    let value: Value = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|error| {
            let message = go_syntax_error(text).unwrap_or_else(|| format!("invalid JSON patch: {error}"));
            fail!("{message}")
        })?
    } else {
        kluctl_yaml::from_str_lenient(text)
            .map_err(|error| fail!("{}", crate::document::yaml_message(&error)))?
    };
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items,
        other => {
            return Err(fail!(
                "json: cannot unmarshal {} into Go value of type jsonpatch.Patch",
                json_type(&other)
            ));
        }
    };
    items.into_iter().map(operation).collect()
}

fn operation(value: Value) -> Result<Operation> {
    let Value::Object(mut fields) = value else {
        if value.is_null() {
            return Ok(Operation {
                op: "unknown".to_owned(),
                path: None,
                from: None,
                value: None,
            });
        }
        return Err(fail!(
            "json: cannot unmarshal {} into Go value of type jsonpatch.Operation",
            json_type(&value)
        ));
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Ok(Operation {
        op: text(fields.get("op")).unwrap_or_else(|| "unknown".to_owned()),
        path: text(fields.get("path")),
        from: text(fields.get("from")),
        value: fields.remove("value"),
    })
}

/// How many values the steps of one patch may copy, since each `copy` can double the object.
const MAX_COPIED: usize = 1_000_000;

/// Applies all steps of a patch, or none.
pub(crate) fn apply(mut document: Value, operations: &[Operation]) -> Result<Value> {
    let mut copied = 0;
    for operation in operations {
        step(&mut document, operation, &mut copied)?;
    }
    Ok(document)
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

fn step(document: &mut Value, operation: &Operation, copied: &mut usize) -> Result<()> {
    let op = operation.op.as_str();
    if !matches!(op, "add" | "remove" | "replace" | "move" | "test" | "copy") {
        return Err(fail!("Unexpected kind: {op}"));
    }
    let path = operation.path.as_deref();
    let need_path = || path.ok_or_else(|| fail!("{op} operation failed to decode path: missing value"));
    let value = || operation.value.clone().unwrap_or(Value::Null);
    match op {
        "add" => add(document, need_path()?, value(), "add"),
        "remove" => remove(document, need_path()?),
        "replace" => replace(document, need_path()?, value()),
        "test" => test(document, need_path()?, operation.value.as_ref()),
        _ => {
            let Some(from) = operation.from.as_deref() else {
                return Err(fail!(
                    "{op} operation failed to decode from: operation, missing from field: missing value"
                ));
            };
            let Some((container, key)) = find(document, from) else {
                return Err(fail!(
                    "{op} operation does not apply: doc is missing from path: {from}: missing value"
                ));
            };
            let moved = get(container, &key)
                .map_err(|error| error.within(format!("error in {op} for path: '{from}'")))?;
            *copied += moved.as_ref().map_or(0, size);
            if *copied > MAX_COPIED {
                return Err(fail!(
                    "{op} operation for path '{from}': a patch may copy {MAX_COPIED} values at most"
                ));
            }
            if op == "move" {
                remove_key(container, &key)
                    .map_err(|error| error.within(format!("error in move for path: '{key}'")))?;
            }
            let path = need_path()?;
            let Some((container, key)) = find(document, path) else {
                return Err(fail!(
                    "{op} operation does not apply: doc is missing destination path: {path}: missing value"
                ));
            };
            add_key(container, &key, moved.unwrap_or(Value::Null))
                .map_err(|error| error.within(format!("error in {op} for path: '{path}'")))
        }
    }
}

fn add(document: &mut Value, path: &str, value: Value, op: &str) -> Result<()> {
    let Some((container, key)) = find(document, path) else {
        return Err(fail!(
            "{op} operation does not apply: doc is missing path: \"{path}\": missing value"
        ));
    };
    add_key(container, &key, value).map_err(|error| error.within(format!("error in {op} for path: '{path}'")))
}

fn remove(document: &mut Value, path: &str) -> Result<()> {
    let Some((container, key)) = find(document, path) else {
        return Err(fail!(
            "remove operation does not apply: doc is missing path: \"{path}\": missing value"
        ));
    };
    remove_key(container, &key).map_err(|error| error.within(format!("error in remove for path: '{path}'")))
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<()> {
    if path.is_empty() {
        if !value.is_object() && !value.is_array() {
            return Err(fail!("replace operation value must be object or array"));
        }
        *document = value;
        return Ok(());
    }
    let Some((container, key)) = find(document, path) else {
        return Err(fail!(
            "replace operation does not apply: doc is missing path: {path}: missing value"
        ));
    };
    if get(container, &key).is_err() {
        return Err(fail!(
            "replace operation does not apply: doc is missing key: {path}: missing value"
        ));
    }
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let index = index_of(&key, items.len())?;
            items[index] = value;
        }
        _ => {}
    }
    Ok(())
}

fn test(document: &mut Value, path: &str, wanted: Option<&Value>) -> Result<()> {
    let failed = || fail!("testing value {path} failed: test failed");
    if path.is_empty() {
        return if wanted == Some(document) {
            Ok(())
        } else {
            Err(failed())
        };
    }
    let Some((container, key)) = find(document, path) else {
        return Err(fail!(
            "test operation does not apply: is missing path: {path}: missing value"
        ));
    };
    let found =
        get(container, &key).map_err(|error| error.within(format!("error in test for path: '{path}'")))?;
    let wanted = wanted.filter(|wanted| !wanted.is_null());
    match (found.filter(|found| !found.is_null()), wanted) {
        (None, None) => Ok(()),
        (Some(found), Some(wanted)) if equal(&found, wanted) => Ok(()),
        _ => Err(failed()),
    }
}

/// Numbers are equal when their texts are, as everything is compared as JSON text.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The container that a path leads to, and the key in it.
fn find<'d>(document: &'d mut Value, path: &str) -> Option<(&'d mut Value, String)> {
    let (_, path) = path.split_once('/')?;
    let mut parts: Vec<&str> = path.split('/').collect();
    let key = decode(parts.pop()?);
    let mut place = document;
    for part in parts {
        let part = decode(part);
        place = match place {
            Value::Object(map) => map.get_mut(&part)?,
            Value::Array(items) => {
                let index = index_of(&part, items.len()).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    (place.is_object() || place.is_array()).then_some((place, key))
}

fn decode(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn index_of(key: &str, length: usize) -> Result<usize> {
    let index: i64 = key
        .parse()
        .map_err(|_| fail!("strconv.Atoi: parsing {key:?}: invalid syntax"))?;
    let invalid = || fail!("Unable to access invalid index: {index}: invalid index referenced");
    let index = if index < 0 { index + length as i64 } else { index };
    usize::try_from(index)
        .ok()
        .filter(|&index| index < length)
        .ok_or_else(invalid)
}

fn get(container: &Value, key: &str) -> Result<Option<Value>> {
    match container {
        Value::Object(map) => Ok(map.get(key).cloned()),
        Value::Array(items) => index_of(key, items.len()).map(|index| Some(items[index].clone())),
        _ => Ok(None),
    }
}

fn add_key(container: &mut Value, key: &str, value: Value) -> Result<()> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            if key.parse::<i64>().is_err() {
                return Err(fail!(
                    "value was not a proper array index: '{key}': strconv.Atoi: parsing {key:?}: invalid syntax"
                ));
            }
            let index = index_of(key, items.len() + 1)?;
            items.insert(index, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove_key(container: &mut Value, key: &str) -> Result<()> {
    match container {
        Value::Object(map) => map
            .remove(key)
            .map(|_| ())
            .ok_or_else(|| fail!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Array(items) => {
            let index = index_of(key, items.len())?;
            items.remove(index);
            Ok(())
        }
        _ => Ok(()),
    }
}
