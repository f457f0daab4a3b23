//! `len`, `index` and `slice`.

use crate::error::Error;
use crate::exec::zero;
use crate::function::Slot;
use crate::types::UintType;
use crate::value::{List, Value};

type Result<T> = std::result::Result<T, Error>;

pub(super) fn len(slots: &[Slot]) -> Result<Value> {
    let slot = &slots[0];
    let count = match &slot.value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil if slot.in_interface => return Err(Error::message("len of nil pointer")),
        Value::Nil => {
            return Err(Error::message(
                "reflect: call of reflect.Value.Type on zero Value",
            ));
        }
        Value::Object(object) => match (object.as_map(), object.as_list()) {
            (Some(map), _) => map.len(),
            (_, Some(list)) => list.len(),
            _ => {
                // Pointers are followed.
                let name = slot.value.type_name();
                return Err(Error::message(format!(
                    "len of type {}",
                    name.trim_start_matches('*')
                )));
            }
        },
        value => return Err(Error::message(format!("len of type {}", value.type_name()))),
    };
    Ok(Value::int(count as i64))
}

fn index_of(index: &Value, limit: usize) -> Result<usize> {
    let number = match index {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => *number as i64,
        Value::Nil => return Err(Error::message("cannot index slice/array with nil")),
        value => {
            let basic = if let Value::Object(object) = value {
                object.as_basic()
            } else {
                None
            };
            if let Some(Value::Int(number, _)) = basic {
                number
            } else {
                let ty = value.type_name();
                return Err(Error::message(format!("cannot index slice/array with type {ty}")));
            }
        }
    };
    match usize::try_from(number) {
        Ok(index) if index <= limit => Ok(index),
        _ => Err(Error::message(format!("index out of range: {number}"))),
    }
}

/// The index equal to the length passes the check and then fails in reflection.
fn past_end(what: &str) -> Error {
    Error::message(format!("reflect: {what} index out of range"))
}

pub(super) fn index(slots: &[Slot]) -> Result<Value> {
    let mut item = slots[0].value.clone();
    if item.is_nil() {
        return Err(Error::message("index of untyped nil"));
    }
    for slot in &slots[1..] {
        let index = &slot.value;
        item = match &item {
            Value::Nil => return Err(Error::message("index of nil pointer")),
            Value::String(text) => byte(text.as_bytes(), index, "string")?,
            Value::Bytes(bytes) => byte(bytes, index, "slice")?,
            Value::List(list) => list_item(list, index)?,
            Value::Map(map) => {
                let key = map_key(index)?;
                map.get(key).unwrap_or_else(|| zero(map.element_type()))
            }
            Value::Object(object) => match (object.as_map(), object.as_list()) {
                (Some(map), _) => {
                    let key = map_key(index)?;
                    map.get(key).unwrap_or_else(|| zero(map.element_type()))
                }
                (_, Some(list)) => list_item(&list, index)?,
                _ => return Err(cannot_index(&item)),
            },
            _ => return Err(cannot_index(&item)),
        };
    }
    Ok(item)
}

fn byte(bytes: &[u8], index: &Value, what: &str) -> Result<Value> {
    let at = index_of(index, bytes.len())?;
    let byte = bytes.get(at).ok_or_else(|| past_end(what))?;
    Ok(Value::Uint(u64::from(*byte), UintType::Uint8))
}

fn list_item(list: &List, index: &Value) -> Result<Value> {
    let at = index_of(index, list.len())?;
    list.get(at).ok_or_else(|| past_end("slice"))
}

fn cannot_index(item: &Value) -> Error {
    Error::message(format!("can't index item of type {}", item.type_name()))
}

fn map_key(index: &Value) -> Result<&[u8]> {
    match index {
        Value::String(text) => Ok(text.as_bytes()),
        Value::Nil => Err(Error::message("value is nil; should be of type string")),
        value => Err(Error::message(format!(
            "value has type {}; should be string",
            value.type_name()
        ))),
    }
}

pub(super) fn slice(slots: &[Slot]) -> Result<Value> {
    let item = &slots[0].value;
    let indexes = &slots[1..];
    if item.is_nil() {
        return Err(Error::message("slice of untyped nil"));
    }
    if indexes.len() > 3 {
        return Err(Error::message(format!(
            "too many slice indexes: {}",
            indexes.len()
        )));
    }
    let length = match item {
        Value::String(_) if indexes.len() == 3 => {
            return Err(Error::message("cannot 3-index slice a string"));
        }
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        _ => {
            return Err(Error::message(format!(
                "can't slice item of type {}",
                item.type_name()
            )));
        }
    };
    let mut bounds = [0, length, length];
    for (bound, slot) in bounds.iter_mut().zip(indexes) {
        *bound = index_of(&slot.value, length)?;
    }
    let [start, end, capacity] = bounds;
    if start > end {
        return Err(Error::message(format!("invalid slice index: {start} > {end}")));
    }
    if indexes.len() == 3 && end > capacity {
        return Err(Error::message(format!("invalid slice index: {end} > {capacity}")));
    }
    Ok(match item {
        Value::String(text) => Value::string(&text.as_bytes()[start..end]),
        Value::Bytes(bytes) => Value::Bytes(bytes[start..end].into()),
        Value::List(list) => Value::List(List::typed(list.to_vec()[start..end].to_vec(), list.go_type())),
        _ => Value::Nil,
    })
}
