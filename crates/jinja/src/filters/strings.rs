//! Filters on text.

use std::rc::Rc;
use std::sync::Arc;

use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::methods::{capitalize_text, center_text, like, replace_text, strip_text};
use crate::runtime::{Context, Vm};
use crate::value::{Value, repr, text};

type Ctx = Rc<Context>;

/// MarkupSafe's `soft_str`: strings stay what they are.
pub(crate) fn soft(value: &Value) -> Result<Value> {
    match value {
        Value::Str(_) | Value::Markup(_) => Ok(value.clone()),
        other => repr::to_str(other).map(Value::Str),
    }
}

fn changed(value: &Value, args: CallArgs, name: &str, change: impl Fn(&str) -> String) -> Result<Value> {
    args.none(name)?;
    let value = soft(value)?;
    let text = value.as_str().cloned().unwrap_or_default();
    Ok(like(&value, change(&text)))
}

pub(crate) fn upper(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    changed(&value, args, "do_upper", str::to_uppercase)
}

pub(crate) fn lower(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    changed(&value, args, "do_lower", str::to_lowercase)
}

pub(crate) fn capitalize(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    changed(&value, args, "do_capitalize", capitalize_text)
}

pub(crate) fn string(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("soft_str")?;
    soft(&value)
}

/// Words start after whitespace, hyphens and opening brackets.
pub(crate) fn title(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_title")?;
    let text = repr::to_str(&value)?;
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if matches!(c, '-' | '(' | '{' | '[' | '<') || crate::lexer::is_space(c) {
            out.push(c);
            start = true;
        } else if start {
            out.extend(c.to_uppercase());
            start = false;
        } else {
            out.extend(c.to_lowercase());
        }
    }
    Ok(out.into())
}

pub(crate) fn center(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [width] = args.bind("do_center", ["width"], 0)?;
    let width = usize::try_from(width.map_or(Ok(80), |width| integer(&width))?).unwrap_or_default();
    vm.charge(width)?;
    let value = soft(&value)?;
    let text = value.as_str().cloned().unwrap_or_default();
    Ok(like(&value, center_text(&text, width)))
}

pub(crate) fn trim(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [chars] = args.bind("do_trim", ["chars"], 0)?;
    let value = soft(&value)?;
    let chars = match chars {
        None | Some(Value::None) => None,
        Some(chars) => Some(
            chars
                .as_str()
                .cloned()
                .ok_or_else(|| Error::type_error("strip arg must be None or str"))?,
        ),
    };
    let text = value.as_str().cloned().unwrap_or_default();
    Ok(like(&value, strip_text(&text, chars.as_deref(), true, true)))
}

pub(crate) fn replace(vm: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [old, new, count] = args.bind("do_replace", ["old", "new", "count"], 2)?;
    let (old, new) = (old.unwrap_or(Value::None), new.unwrap_or(Value::None));
    let count = match count {
        None | Some(Value::None) => -1,
        Some(count) => integer(&count)?,
    };
    if ctx.autoescape.get() {
        let html = |value: &Value| matches!(value, Value::Markup(_));
        let value = if html(&old) || html(&new) && !html(&value) {
            Value::Markup(super::html::escaped(&value)?)
        } else {
            soft(&value)?
        };
        let escape = |part: &Value| {
            let text = repr::to_str(part)?;
            Ok::<Arc<str>, Error>(if html(&value) && !html(part) {
                text::escape(&text)
            } else {
                text
            })
        };
        let text = value.as_str().cloned().unwrap_or_default();
        return Ok(like(
            &value,
            replace_text(&text, &repr::to_str(&old)?, &escape(&new)?, count),
        ));
    }
    let replaced = replace_text(
        &repr::to_str(&value)?,
        &repr::to_str(&old)?,
        &repr::to_str(&new)?,
        count,
    );
    vm.charge(replaced.len())?;
    Ok(replaced.into())
}

pub(crate) fn format(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    if !args.positional.is_empty() && !args.keywords.is_empty() {
        return Err(Error::new(
            ErrorKind::FILTER_ARGUMENT,
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let value = soft(&value)?;
    let values = if args.keywords.is_empty() {
        Value::tuple(args.positional)
    } else {
        let map = args
            .keywords
            .into_iter()
            .map(|(key, value)| (crate::value::Key::str(key), value))
            .collect();
        Value::dict(crate::value::Dict::from_map(map))
    };
    crate::value::ops::binary(vm, crate::ast::Binary::Mod, &value, &values)
}

pub(crate) fn indent(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [width, first, blank] = args.bind("do_indent", ["width", "first", "blank"], 0)?;
    let indention = match width {
        None => "    ".into(),
        Some(Value::Str(text) | Value::Markup(text)) => text,
        Some(width) => {
            let count = usize::try_from(integer(&width).map_err(|_| {
                Error::type_error(format!(
                    "can't multiply sequence by non-int of type '{}'",
                    width.type_name()
                ))
            })?)
            .unwrap_or_default();
            vm.charge(count)?;
            Arc::from(" ".repeat(count))
        }
    };
    let (first, blank) = (flag(first.as_ref())?, flag(blank.as_ref())?);
    let text = match &value {
        Value::Str(text) | Value::Markup(text) => text.clone(),
        Value::Undefined(undefined) if undefined.mode == crate::value::UndefinedMode::Lenient => {
            return Err(Error::new(
                ErrorKind::TYPE,
                "'StrictUndefined' object cannot be indented",
            ));
        }
        Value::Undefined(undefined) => return Err(undefined.error()),
        other => {
            return Err(Error::type_error(format!(
                "unsupported operand type(s) for +=: '{}' and 'str'",
                other.type_name()
            )));
        }
    };
    let whole = format!("{text}\n");
    let lines = text::split_lines(&whole, false);
    let mut out = String::with_capacity(text.len() + lines.len() * indention.len());
    if first {
        out.push_str(&indention);
    }
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&indention);
            }
        }
        out.push_str(line);
    }
    vm.charge(out.len())?;
    Ok(like(&value, out))
}

pub(crate) fn truncate(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [length, killwords, end, leeway] =
        args.bind("do_truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let length = length.map_or(Ok(255), |length| integer(&length))?;
    let killwords = flag(killwords.as_ref())?;
    let end = end.unwrap_or_else(|| "...".into());
    let end_text = repr::to_str(&end)?;
    let end_length = end.len()? as i64;
    let leeway = match leeway {
        None | Some(Value::None) => 5,
        Some(leeway) => integer(&leeway)?,
    };
    if length < end_length {
        return Err(Error::new(
            ErrorKind::ASSERT,
            format!("expected length >= {end_length}, got {length}"),
        ));
    }
    if leeway < 0 {
        return Err(Error::new(
            ErrorKind::ASSERT,
            format!("expected leeway >= 0, got {leeway}"),
        ));
    }
    let size = value.len()? as i64;
    if size <= length + leeway {
        return Ok(value);
    }
    let Some(text) = value.as_str() else {
        return Err(Error::type_error(format!(
            "can only concatenate {} (not \"str\") to {}",
            value.type_name(),
            value.type_name()
        )));
    };
    let cut = text::slice(text, 0, (length - end_length) as usize);
    let kept = if killwords {
        cut
    } else {
        cut.rsplit_once(' ').map_or(cut, |(before, _)| before)
    };
    Ok(like(&value, format!("{kept}{end_text}")))
}

/// Runs of word characters.
pub(crate) fn wordcount(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_wordcount")?;
    let text = repr::to_str(&value)?;
    let mut count = 0;
    let mut inside = false;
    for c in text.chars() {
        let word = c == '_' || text::is_alnum(c);
        count += i64::from(word && !inside);
        inside = word;
    }
    Ok(Value::Int(count))
}
