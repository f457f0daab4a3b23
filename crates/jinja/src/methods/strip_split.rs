//! Methods of `str` that search and cut.

use std::rc::Rc;

use super::strings::{argument, like, own};
use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, Result};
use crate::lexer::is_space;
use crate::runtime::{Context, Vm};
use crate::value::{Value, text};

/// The part between optional positions, and how many characters come before it; nothing when they do not make one.
fn window<'a>(own: &'a str, start: Option<&Value>, end: Option<&Value>) -> Result<Option<(&'a str, i64)>> {
    let length = text::length(own) as i64;
    let bound = |value: Option<&Value>, default: i64| match value {
        None | Some(Value::None) => Ok(default),
        Some(value) => integer(value)
            .map_err(|_| {
                Error::type_error("slice indices must be integers or None or have an __index__ method")
            })
            .map(|at| if at < 0 { (at + length).max(0) } else { at }),
    };
    let (start, end) = (bound(start, 0)?, bound(end, length)?.min(length));
    if start > end {
        return Ok(None);
    }
    Ok(Some((text::slice(own, start as usize, end as usize), start)))
}

fn text_argument(value: Option<Value>, name: &str) -> Result<std::sync::Arc<str>> {
    let value = value.unwrap_or(Value::None);
    argument(&value, &Value::None).map_err(|_| {
        Error::type_error(format!(
            "{name}() argument 1 must be str, not {}",
            value.type_name()
        ))
    })
}

pub(crate) fn count(_: &Vm, _: &Rc<Context>, value: &Value, args: CallArgs) -> Result<Value> {
    let [part, start, end] = args.plain::<3>("str.count", 1)?;
    let part = text_argument(part, "count")?;
    let own = own(value);
    let found = match window(&own, start.as_ref(), end.as_ref())? {
        None => 0,
        Some((inside, _)) if part.is_empty() => text::length(inside) + 1,
        Some((inside, _)) => inside.matches(&*part).count(),
    };
    Ok(Value::Int(found as i64))
}

pub(crate) fn search(value: &Value, args: CallArgs, name: &str, last: bool, must: bool) -> Result<Value> {
    let [part, start, end] = args.plain::<3>(&format!("str.{name}"), 1)?;
    let part = text_argument(part, name)?;
    let own = own(value);
    let found = window(&own, start.as_ref(), end.as_ref())?.and_then(|(inside, before)| {
        let at = if last {
            inside.rfind(&*part)
        } else {
            inside.find(&*part)
        }?;
        Some(before + text::length(&inside[..at]) as i64)
    });
    match found {
        Some(at) => Ok(Value::Int(at)),
        None if must => Err(Error::value_error("substring not found")),
        None => Ok(Value::Int(-1)),
    }
}

pub(crate) fn affix(
    value: &Value,
    args: CallArgs,
    name: &str,
    fits: impl Fn(&str, &str) -> bool,
) -> Result<Value> {
    let [part, start, end] = args.plain::<3>(&format!("str.{name}"), 1)?;
    let part = part.unwrap_or(Value::None);
    let own = own(value);
    let inside = window(&own, start.as_ref(), end.as_ref())?;
    let parts = match &part {
        Value::Tuple(tuple) => tuple.items.clone(),
        other => vec![other.clone()],
    };
    for one in &parts {
        let Some(text) = one.as_str() else {
            return Err(Error::type_error(match &part {
                Value::Tuple(_) => format!("tuple for {name} must only contain str, not {}", one.type_name()),
                other => format!(
                    "{name} first arg must be str or a tuple of str, not {}",
                    other.type_name()
                ),
            }));
        };
        if inside.is_some_and(|(inside, _)| fits(inside, text)) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// `str.strip(chars)` and its halves.
pub(crate) fn strip_text<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let goes = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    let text = if left { text.trim_start_matches(goes) } else { text };
    if right { text.trim_end_matches(goes) } else { text }
}

pub(crate) fn strip(value: &Value, args: CallArgs, name: &str, left: bool, right: bool) -> Result<Value> {
    let [chars] = args.plain::<1>(&format!("str.{name}"), 0)?;
    let chars = match chars {
        None | Some(Value::None) => None,
        Some(chars) => Some(
            argument(&chars, value)
                .map_err(|_| Error::type_error(format!("{name} arg must be None or str")))?,
        ),
    };
    Ok(like(
        value,
        strip_text(&own(value), chars.as_deref(), left, right),
    ))
}

pub(crate) fn partition(value: &Value, args: CallArgs, name: &str, last: bool) -> Result<Value> {
    let [separator] = args.plain::<1>(&format!("str.{name}"), 1)?;
    let separator = argument(&separator.unwrap_or(Value::None), value)?;
    if separator.is_empty() {
        return Err(Error::value_error("empty separator"));
    }
    let own = own(value);
    let found = if last {
        own.rsplit_once(&*separator)
    } else {
        own.split_once(&*separator)
    };
    let (before, middle, after) = match found {
        Some((before, after)) => (before, &*separator, after),
        None if last => ("", "", &*own),
        None => (&*own, "", ""),
    };
    Ok(Value::tuple(
        [before, middle, after].map(|part| like(value, part)).to_vec(),
    ))
}

pub(crate) fn split(value: &Value, args: CallArgs, name: &str, last: bool) -> Result<Value> {
    let [separator, limit] = args.bind(name, ["sep", "maxsplit"], 0)?;
    let limit = limit.map_or(Ok(-1), |limit| integer(&limit))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let own = own(value);
    let parts: Vec<&str> = match separator {
        None | Some(Value::None) => split_space(&own, limit, last),
        Some(separator) => {
            let separator = argument(&separator, value).map_err(|_| {
                Error::type_error(format!("must be str or None, not {}", separator.type_name()))
            })?;
            if separator.is_empty() {
                return Err(Error::value_error("empty separator"));
            }
            let limit = limit.saturating_add(1);
            if last {
                let mut parts: Vec<&str> = own.rsplitn(limit, &*separator).collect();
                parts.reverse();
                parts
            } else {
                own.splitn(limit, &*separator).collect()
            }
        }
    };
    Ok(Value::list(
        parts.into_iter().map(|part| like(value, part)).collect(),
    ))
}

fn split_space(text: &str, limit: usize, last: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        rest = if last {
            rest.trim_end_matches(is_space)
        } else {
            rest.trim_start_matches(is_space)
        };
        if rest.is_empty() {
            break;
        }
        if parts.len() == limit {
            parts.push(rest);
            break;
        }
        let found = if last {
            rest.rfind(is_space)
        } else {
            rest.find(is_space)
        };
        let Some(at) = found else {
            parts.push(rest);
            break;
        };
        if last {
            let width = rest[at..].chars().next().map_or(1, char::len_utf8);
            parts.push(&rest[at + width..]);
            rest = &rest[..at];
        } else {
            parts.push(&rest[..at]);
            rest = &rest[at..];
        }
    }
    if last {
        parts.reverse();
    }
    parts
}

pub(crate) fn splitlines(_: &Vm, _: &Rc<Context>, value: &Value, args: CallArgs) -> Result<Value> {
    let [keep] = args.bind("splitlines", ["keepends"], 0)?;
    let keep = flag(keep.as_ref())?;
    Ok(Value::list(
        text::split_lines(&own(value), keep)
            .into_iter()
            .map(|line| like(value, line))
            .collect(),
    ))
}
