//! `pprint`: Python's `pprint.pformat` with its default width.

use std::rc::Rc;

use crate::call::CallArgs;
use crate::error::Result;
use crate::runtime::{Context, Vm};
use crate::value::{Value, cmp, repr, text};

const WIDTH: usize = 80;

pub(crate) fn pprint(_: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_pprint")?;
    let mut out = String::new();
    write(&value, &mut out, 0, 0, 0)?;
    Ok(out.into())
}

/// Dicts print with sorted keys, here as everywhere inside.
fn one_line(value: &Value) -> Result<String> {
    Ok(match value {
        Value::Dict(dict) if !dict.is_empty() => {
            let mut parts = Vec::new();
            for (key, value) in sorted(dict.pairs())? {
                parts.push(format!("{}: {}", one_line(&key)?, one_line(&value)?));
            }
            format!("{{{}}}", parts.join(", "))
        }
        Value::List(list) => {
            let parts = list.borrow().iter().map(one_line).collect::<Result<Vec<_>>>()?;
            format!("[{}]", parts.join(", "))
        }
        Value::Tuple(tuple) if tuple.items.len() != 1 && !tuple.group => {
            let parts = tuple.items.iter().map(one_line).collect::<Result<Vec<_>>>()?;
            format!("({})", parts.join(", "))
        }
        other => repr::repr(other)?,
    })
}

/// By key; keys that do not compare go by type name and text.
fn sorted(pairs: Vec<(Value, Value)>) -> Result<Vec<(Value, Value)>> {
    let keyed: Vec<(Value, Value)> = pairs
        .iter()
        .map(|(key, value)| (key.clone(), Value::tuple(vec![key.clone(), value.clone()])))
        .collect();
    let ordered = match cmp::sort_by_key(keyed.clone(), false) {
        Ok(ordered) => ordered,
        Err(_) => {
            let mut by_name = Vec::new();
            for (key, pair) in keyed {
                by_name.push((format!("{} {}", key.type_name(), repr::repr(&key)?), pair));
            }
            by_name.sort_by(|(a, _), (b, _)| a.cmp(b));
            by_name.into_iter().map(|(_, pair)| pair).collect()
        }
    };
    let split = |pair: Value| match pair {
        Value::Tuple(pair) => Some((pair.items[0].clone(), pair.items[1].clone())),
        _ => None,
    };
    Ok(ordered.into_iter().filter_map(split).collect())
}

fn write(value: &Value, out: &mut String, indent: usize, allowance: usize, level: usize) -> Result<()> {
    let line = one_line(value)?;
    let room = WIDTH.saturating_sub(indent + allowance);
    if text::length(&line) <= room || level > 200 {
        out.push_str(&line);
        return Ok(());
    }
    match value {
        Value::Dict(dict) => {
            out.push('{');
            let pairs = sorted(dict.pairs())?;
            let last = pairs.len().saturating_sub(1);
            for (index, (key, value)) in pairs.iter().enumerate() {
                let key = repr::repr(key)?;
                out.push_str(&key);
                out.push_str(": ");
                let allowance = if index == last { allowance + 1 } else { 1 };
                write(value, out, indent + text::length(&key) + 3, allowance, level + 1)?;
                if index != last {
                    out.push_str(&format!(",\n{}", " ".repeat(indent + 1)));
                }
            }
            out.push('}');
        }
        Value::List(list) => items(&list.borrow(), "[", "]", out, indent, allowance, level)?,
        Value::Tuple(tuple) => {
            let close = if tuple.items.len() == 1 { ",)" } else { ")" };
            items(&tuple.items, "(", close, out, indent, allowance, level)?;
        }
        Value::Str(own) if !own.is_empty() => string(own, out, indent, allowance, level),
        _ => out.push_str(&line),
    }
    Ok(())
}

fn items(
    items: &[Value],
    open: &str,
    close: &str,
    out: &mut String,
    indent: usize,
    allowance: usize,
    level: usize,
) -> Result<()> {
    out.push_str(open);
    let last = items.len().saturating_sub(1);
    for (index, item) in items.iter().enumerate() {
        let allowance = if index == last { allowance + close.len() } else { 1 };
        write(item, out, indent + 1, allowance, level + 1)?;
        if index != last {
            out.push_str(&format!(",\n{}", " ".repeat(indent + 1)));
        }
    }
    out.push_str(close);
    Ok(())
}

/// A long string as several literals, broken between words.
fn string(own: &str, out: &mut String, indent: usize, allowance: usize, level: usize) {
    let (indent, allowance) = if level == 0 {
        (indent + 1, allowance + 1)
    } else {
        (indent, allowance)
    };
    let lines = text::split_lines(own, true);
    let mut chunks: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let shown = repr::str_repr(line);
        let mut width = WIDTH.saturating_sub(indent);
        if index == lines.len() - 1 {
            width = width.saturating_sub(allowance);
        }
        if text::length(&shown) <= width {
            chunks.push(shown);
            continue;
        }
        let mut current = String::new();
        let parts = words(line);
        for (position, part) in parts.iter().enumerate() {
            let candidate = format!("{current}{part}");
            let mut limit = WIDTH.saturating_sub(indent);
            if position == parts.len() - 1 && index == lines.len() - 1 {
                limit = limit.saturating_sub(allowance);
            }
            if text::length(&repr::str_repr(&candidate)) > limit {
                if !current.is_empty() {
                    chunks.push(repr::str_repr(&current));
                }
                current.clone_from(part);
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(repr::str_repr(&current));
        }
    }
    if chunks.len() == 1 {
        out.push_str(&chunks[0]);
        return;
    }
    let joined = chunks.join(&format!("\n{}", " ".repeat(indent)));
    if level == 0 {
        out.push_str(&format!("({joined})"));
    } else {
        out.push_str(&joined);
    }
}

/// Words, each with the whitespace after it.
fn words(line: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut space = false;
    for c in line.chars() {
        let is_space = crate::lexer::is_space(c);
        if space && !is_space {
            out.push(std::mem::take(&mut current));
        }
        space = is_space;
        current.push(c);
    }
    if !current.is_empty() {
        out.push(current);
    }
    out
}
