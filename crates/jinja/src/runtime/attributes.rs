//! `a.b`, `a[b]` and `a[b:c]`.

use super::Vm;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Func, UndefinedMode, Value, text};

impl Vm {
    /// `object.name`: the attribute, else the item.
    pub(crate) fn getattr(&self, object: &Value, name: &str) -> Result<Value> {
        if let Some(value) = self.attribute(object, name)? {
            return Ok(value);
        }
        let found = match object {
            Value::Dict(dict) => dict.get_str(name),
            Value::Object(inner) => match inner.item(self, &name.into()) {
                Some(result) => lookup(result)?,
                None => None,
            },
            _ => None,
        };
        Ok(found.unwrap_or_else(|| self.undefined_in(object, name.into())))
    }

    /// `object[key]`: the item, else the attribute.
    pub(crate) fn getitem(&self, object: &Value, key: &Value) -> Result<Value> {
        if let Some(value) = lookup(self.item(object, key))? {
            return Ok(value);
        }
        if let Some(name) = key.as_str()
            && let Some(value) = self.attribute(object, name)?
        {
            return Ok(value);
        }
        Ok(self.undefined_in(object, key.clone()))
    }

    /// Python's `getattr`, without any items.
    pub(crate) fn attribute(&self, object: &Value, name: &str) -> Result<Option<Value>> {
        if let (Some(value), false) = (special(object, name), object.is_undefined()) {
            return Ok(Some(value));
        }
        match object {
            Value::Undefined(undefined) => {
                if name.starts_with("__") && name.ends_with("__") {
                    return Ok(None);
                }
                return match undefined.mode {
                    UndefinedMode::Lenient => Ok(Some(object.clone())),
                    _ => Err(undefined.error()),
                };
            }
            Value::Object(inner) => {
                if let Some(value) = inner.attribute(self, name)? {
                    return Ok(Some(value));
                }
            }
            Value::Macro(value) => return Ok(value.attribute(name)),
            Value::Tuple(tuple) if tuple.group => {
                let index = match name {
                    "grouper" => 0,
                    "list" => 1,
                    _ => return Ok(bound(object, name)),
                };
                return Ok(tuple.items.get(index).cloned());
            }
            Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) => {
                let plain = |value: &Value| match value {
                    Value::Bool(value) => Value::Int(i64::from(*value)),
                    other => other.clone(),
                };
                match (name, object) {
                    ("real", _) | ("numerator", Value::Bool(_) | Value::Int(_) | Value::Big(_)) => {
                        return Ok(Some(plain(object)));
                    }
                    ("imag", Value::Float(_)) => return Ok(Some(Value::Float(0.0))),
                    ("imag", _) => return Ok(Some(Value::Int(0))),
                    ("denominator", Value::Bool(_) | Value::Int(_) | Value::Big(_)) => {
                        return Ok(Some(Value::Int(1)));
                    }
                    _ => {}
                }
            }
            Value::Range(range) => match name {
                "start" => return Ok(Some(Value::Int(range.start))),
                "stop" => return Ok(Some(Value::Int(range.stop))),
                "step" => return Ok(Some(Value::Int(range.step))),
                _ => {}
            },
            _ => {}
        }
        Ok(bound(object, name))
    }

    /// Python's `object[key]`.
    pub(crate) fn item(&self, object: &Value, key: &Value) -> Result<Value> {
        match object {
            Value::Dict(dict) => match dict.get(key)? {
                Some(value) => Ok(value),
                None => Err(Error::new(ErrorKind::KEY, crate::value::repr::repr(key)?)),
            },
            Value::List(list) => {
                let index = index_of(key, "list")?;
                let items = list.borrow();
                at(&items, index).ok_or_else(|| Error::new(ErrorKind::INDEX, "list index out of range"))
            }
            Value::Tuple(tuple) => {
                let index = index_of(key, "tuple")?;
                at(&tuple.items, index)
                    .ok_or_else(|| Error::new(ErrorKind::INDEX, "tuple index out of range"))
            }
            Value::Str(string) | Value::Markup(string) => {
                let index = index_of(key, "string")?;
                let position = position(index, text::length(string))
                    .ok_or_else(|| Error::new(ErrorKind::INDEX, "string index out of range"))?;
                let part = text::slice(string, position, position + 1);
                Ok(if matches!(object, Value::Markup(_)) {
                    Value::Markup(part.into())
                } else {
                    part.into()
                })
            }
            Value::Bytes(bytes) => {
                let index = index_of(key, "byte")?;
                let found = position(index, bytes.len()).and_then(|position| bytes.get(position));
                found
                    .map(|byte| Value::Int(i64::from(*byte)))
                    .ok_or_else(|| Error::new(ErrorKind::INDEX, "index out of range"))
            }
            Value::Range(range) => {
                let index = index_of(key, "range")?;
                let length = range.len();
                let position = if index < 0 { index + length } else { index };
                match (0..length).contains(&position) {
                    true => Ok(Value::Int(range.get(position))),
                    false => Err(Error::new(ErrorKind::INDEX, "range object index out of range")),
                }
            }
            Value::Undefined(undefined) => match undefined.mode {
                UndefinedMode::Lenient => Ok(object.clone()),
                _ => Err(undefined.error()),
            },
            Value::Object(inner) => inner
                .item(self, key)
                .unwrap_or_else(|| Err(not_subscriptable(object))),
            other => Err(not_subscriptable(other)),
        }
    }

    /// Python's `object[start:stop:step]`.
    pub(crate) fn slice(&self, object: &Value, bounds: &[Value; 3]) -> Result<Value> {
        if let Value::Undefined(undefined) = object {
            return match undefined.mode {
                UndefinedMode::Lenient => Ok(object.clone()),
                _ => Err(undefined.error()),
            };
        }
        let pick = |length: usize| picked(bounds, length);
        Ok(match object {
            Value::Str(string) | Value::Markup(string) => {
                let (positions, step) = pick(text::length(string))?;
                let part: String = if step == 1 {
                    match (positions.first(), positions.last()) {
                        (Some(first), Some(last)) => text::slice(string, *first, *last + 1).to_owned(),
                        _ => String::new(),
                    }
                } else {
                    let chars: Vec<char> = string.chars().collect();
                    positions.into_iter().map(|position| chars[position]).collect()
                };
                if matches!(object, Value::Markup(_)) {
                    Value::Markup(part.into())
                } else {
                    Value::str(part)
                }
            }
            Value::List(list) => {
                let items = list.borrow();
                Value::list(
                    pick(items.len())?
                        .0
                        .into_iter()
                        .map(|position| items[position].clone())
                        .collect(),
                )
            }
            Value::Tuple(tuple) => Value::tuple(
                pick(tuple.items.len())?
                    .0
                    .into_iter()
                    .map(|position| tuple.items[position].clone())
                    .collect(),
            ),
            Value::Bytes(bytes) => Value::Bytes(
                pick(bytes.len())?
                    .0
                    .into_iter()
                    .map(|position| bytes[position])
                    .collect(),
            ),
            Value::Range(range) => {
                let length = range.len();
                let (start, stop, step) = indices(bounds, length)?;
                Value::Range(std::rc::Rc::new(crate::value::Range {
                    start: range.get(start),
                    stop: range.get(stop),
                    step: range.step.saturating_mul(step),
                }))
            }
            Value::Dict(_) => return Err(Error::new(ErrorKind::KEY, slice_repr(bounds)?)),
            other => return Err(not_subscriptable(other)),
        })
    }
}

/// The few special attributes that templates look at.
fn special(object: &Value, name: &str) -> Option<Value> {
    if !name.starts_with("__") {
        return None;
    }
    match (name, object) {
        ("__class__", _) => Some(Func::class(object.type_name(), |_, _, _| {
            Err(Error::type_error(
                "classes reached through `__class__` cannot be called",
            ))
        })),
        ("__name__", Value::Func(func)) => Some(func.name.rsplit('.').next().unwrap_or_default().into()),
        ("__len__", _) if object.len().is_ok() => {
            Some(Func::bound("__len__", object.clone(), |_, _, value, args| {
                args.plain::<0>("__len__", 0)?;
                value.len().map(|length| Value::Int(length as i64))
            }))
        }
        _ => None,
    }
}

fn slice_repr(bounds: &[Value; 3]) -> Result<String> {
    let parts = bounds
        .iter()
        .map(crate::value::repr::repr)
        .collect::<Result<Vec<_>>>()?;
    Ok(format!("slice({})", parts.join(", ")))
}

fn not_subscriptable(value: &Value) -> Error {
    Error::type_error(format!("'{}' object is not subscriptable", value.type_name()))
}

/// What Jinja2 takes for "not there": lookup, type and attribute errors.
fn lookup(result: Result<Value>) -> Result<Option<Value>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::TYPE
                    | ErrorKind::KEY
                    | ErrorKind::INDEX
                    | ErrorKind::LOOKUP
                    | ErrorKind::ATTRIBUTE
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A method bound to its object.
fn bound(object: &Value, name: &str) -> Option<Value> {
    let method = crate::methods::find(object, name)?;
    Some(Func::bound(
        crate::methods::static_name(name),
        object.clone(),
        method,
    ))
}

fn index_of(key: &Value, what: &str) -> Result<i64> {
    key.index().ok_or_else(|| {
        Error::type_error(match what {
            "string" => format!("string indices must be integers, not '{}'", key.type_name()),
            what => format!(
                "{what} indices must be integers or slices, not {}",
                key.type_name()
            ),
        })
    })
}

pub(crate) fn position(index: i64, length: usize) -> Option<usize> {
    let length = length as i64;
    let position = if index < 0 {
        index.checked_add(length)?
    } else {
        index
    };
    (0..length).contains(&position).then_some(position as usize)
}

fn at(items: &[Value], index: i64) -> Option<Value> {
    items.get(position(index, items.len())?).cloned()
}

/// Python's `slice.indices`.
fn indices(bounds: &[Value; 3], length: i64) -> Result<(i64, i64, i64)> {
    let number = |value: &Value| match value {
        Value::None => Ok(None),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => Err(Error::type_error(
            "slice indices must be integers or None or have an __index__ method",
        )),
        other => match other.index() {
            Some(index) => Ok(Some(index)),
            None => Err(Error::type_error(
                "slice indices must be integers or None or have an __index__ method",
            )),
        },
    };
    let step = number(&bounds[2])?.unwrap_or(1);
    if step == 0 {
        return Err(Error::value_error("slice step cannot be zero"));
    }
    let (low, high) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let clamp = |value: i64| {
        let value = if value < 0 {
            value.saturating_add(length)
        } else {
            value
        };
        value.clamp(low, high)
    };
    let start = number(&bounds[0])?.map_or(if step < 0 { high } else { low }, clamp);
    let stop = number(&bounds[1])?.map_or(if step < 0 { low } else { high }, clamp);
    Ok((start, stop, step))
}

fn picked(bounds: &[Value; 3], length: usize) -> Result<(Vec<usize>, i64)> {
    let (start, stop, step) = indices(bounds, length as i64)?;
    let mut positions = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        positions.push(at as usize);
        at = at.saturating_add(step);
    }
    Ok((positions, step))
}
