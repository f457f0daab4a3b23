//! `merge_dict`, `update_dict` and `get_var`.

use std::rc::Rc;

use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Dict, Key, UndefinedMode, Value, iter};

type Ctx = Rc<Context>;

/// A copy as deep as dicts and lists go; tuples and other iterables become lists.
fn copy_value(vm: &Vm, value: &Value) -> Result<Value> {
    crate::value::repr::guard(|| {
        Ok(match value {
            Value::Dict(dict) => Value::dict(copy_dict(vm, dict)?),
            Value::List(_)
            | Value::Tuple(_)
            | Value::Set(_)
            | Value::Range(_)
            | Value::View(_)
            | Value::Iter(_) => {
                let items = iter::items(vm, value)?;
                Value::list(
                    items
                        .iter()
                        .map(|item| copy_value(vm, item))
                        .collect::<Result<_>>()?,
                )
            }
            other => other.clone(),
        })
    })
}

pub(crate) fn copy_dict(vm: &Vm, dict: &Dict) -> Result<Dict> {
    let copy = Dict::default();
    for (key, value) in dict.pairs() {
        copy.insert(Key::new(key)?, copy_value(vm, &value)?);
    }
    Ok(copy)
}

/// Puts `b` over `a`: dicts are merged, all else replaced.
pub(crate) fn merge(a: &Dict, b: &Dict) -> Result<()> {
    crate::value::repr::guard(|| {
        for (key, value) in b.pairs() {
            match (a.get(&key)?, &value) {
                (Some(Value::Dict(below)), Value::Dict(above)) => merge(&below, above)?,
                _ => {
                    a.insert(Key::new(key)?, value);
                }
            }
        }
        Ok(())
    })
}

fn merge_values(vm: &Vm, a: &Value, b: &Value) -> Result<()> {
    let target = match a {
        Value::Dict(dict) => dict.clone(),
        Value::None => Rc::new(Dict::default()),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
            return Err(undefined.error());
        }
        other => {
            return Err(Error::type_error(format!(
                "'{}' object does not support item assignment",
                other.type_name()
            )));
        }
    };
    match b {
        Value::None => Ok(()),
        Value::Dict(dict) => merge(&target, dict),
        other => {
            // Upstream takes anything iterable for a dict, and fails on the first item that is no key of it.
            for key in iter::items(vm, other)? {
                let value = vm.item(other, &key)?;
                target.insert(Key::new(key)?, value);
            }
            Ok(())
        }
    }
}

pub(crate) fn merge_dict(vm: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [a, b, clone] = args.bind("merge_dict", ["a", "b", "clone"], 2)?;
    let (a, b) = (a.unwrap_or(Value::None), b.unwrap_or(Value::None));
    let mut target = a;
    if clone.map_or(Ok(true), |clone| clone.truth())? {
        target = match &target {
            Value::Dict(dict) => Value::dict(copy_dict(vm, dict)?),
            Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
                return Err(undefined.error());
            }
            other => {
                return Err(Error::new(
                    ErrorKind::ATTRIBUTE,
                    format!("'{}' object has no attribute 'items'", other.type_name()),
                ));
            }
        };
    } else if matches!(target, Value::None) {
        target = Value::dict(Dict::default());
    }
    merge_values(vm, &target, &b)?;
    Ok(target)
}

pub(crate) fn update_dict(vm: &Vm, _: &Ctx, args: CallArgs) -> Result<Value> {
    let [a, b] = args.bind("update_dict", ["a", "b"], 2)?;
    merge_values(vm, &a.unwrap_or(Value::None), &b.unwrap_or(Value::None))?;
    Ok("".into())
}

/// The first path that exists; more than one match is an error.
pub(crate) fn get_var(vm: &Vm, ctx: &Ctx, args: CallArgs) -> Result<Value> {
    let [path, default] = args.bind("get_var", ["path", "default"], 1)?;
    let paths = match path.unwrap_or(Value::None) {
        Value::List(list) => list.borrow().clone(),
        other => vec![other],
    };
    for path in &paths {
        let text = match path {
            Value::Str(text) | Value::Markup(text) => text.to_string(),
            Value::List(_) | Value::Tuple(_) => path_of(&iter::items(vm, path)?)?,
            Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
                return Err(undefined.error());
            }
            other => {
                return Err(Error::type_error(format!(
                    "'{}' object is not subscriptable",
                    other.type_name()
                )));
            }
        };
        let parsed = super::jsonpath_parse::parse(&text)?;
        let found = match simple(&parsed, ctx) {
            Some(found) => found,
            None => super::jsonpath::find(vm, &parsed, Value::dict(ctx.to_dict()))?,
        };
        match found.len() {
            0 => {}
            1 => return Ok(found.into_iter().next().unwrap_or(Value::None)),
            _ => {
                return Err(Error::new(
                    ErrorKind::EXCEPTION,
                    "Only simple jsonpath supported in get_dict_value",
                ));
            }
        }
    }
    Ok(default.unwrap_or(Value::None))
}

/// `a.b.c` is looked up without building a dict of all variables.
fn simple(path: &super::jsonpath::Path, ctx: &Ctx) -> Option<Vec<Value>> {
    let fields = path.plain_fields()?;
    let (first, rest) = fields.split_first()?;
    let Some(mut value) = ctx.get(first) else {
        return Some(Vec::new());
    };
    for field in rest {
        let next = match &value {
            Value::Dict(dict) => dict.get_str(field),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return Some(Vec::new()),
        }
    }
    Some(vec![value])
}

/// A list of names and indexes as a path.
fn path_of(parts: &[Value]) -> Result<String> {
    let mut path = String::new();
    for part in parts {
        match part {
            Value::Str(name) | Value::Markup(name)
                if !name.is_empty() && name.chars().all(crate::value::text::is_alnum) =>
            {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Value::Str(name) | Value::Markup(name) => {
                if path.is_empty() {
                    path.push('$');
                }
                let quote = if name.contains('"') { '\'' } else { '"' };
                path.push_str(&format!("[{quote}{name}{quote}]"));
            }
            other => {
                let Some(index) = other.index() else {
                    return Err(Error::type_error(format!(
                        "%d format: a real number is required, not {}",
                        other.type_name()
                    )));
                };
                if path.is_empty() {
                    path.push('$');
                }
                path.push_str(&format!("[{index}]"));
            }
        }
    }
    Ok(path)
}
