//! `str()` and `repr()`.

use std::cell::Cell;
use std::fmt::Write as _;

use super::{Value, View, ViewKind};
use crate::error::{Error, ErrorKind, Result};

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

const MAX_DEPTH: usize = 400;

/// `str(value)` as output and `~` do it.
pub(crate) fn to_str(value: &Value) -> Result<std::sync::Arc<str>> {
    if let Value::Str(text) | Value::Markup(text) = value {
        return Ok(text.clone());
    }
    let mut out = String::new();
    write_str(value, &mut out)?;
    Ok(out.into())
}

/// Appends `str(value)`.
pub(crate) fn write_str(value: &Value, out: &mut String) -> Result<()> {
    match value {
        Value::Str(text) | Value::Markup(text) => out.push_str(text),
        Value::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Undefined(undefined) => {
            if undefined.mode == super::UndefinedMode::Strict {
                return Err(undefined.error());
            }
        }
        Value::Object(object) => out.push_str(&object.to_str()?),
        other => write_repr(other, out, &mut Vec::new())?,
    }
    Ok(())
}

/// `repr(value)`.
pub(crate) fn repr(value: &Value) -> Result<String> {
    let mut out = String::new();
    write_repr(value, &mut out, &mut Vec::new())?;
    Ok(out)
}

type Seen = Vec<*const ()>;

fn write_repr(value: &Value, out: &mut String, seen: &mut Seen) -> Result<()> {
    match value {
        Value::Missing => out.push_str("missing"),
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Value::Big(value) => {
            if value.bits() > 14_300 {
                return Err(Error::value_error(
                    "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit",
                ));
            }
            let _ = write!(out, "{value}");
        }
        Value::Float(value) => out.push_str(&super::number::float_repr(*value)),
        Value::Str(text) => push_str_repr(out, text),
        Value::Markup(text) => {
            out.push_str("Markup(");
            push_str_repr(out, text);
            out.push(')');
        }
        Value::Bytes(bytes) => push_bytes_repr(out, bytes),
        Value::List(list) => {
            let pointer = std::rc::Rc::as_ptr(list).cast();
            nested(pointer, "[...]", out, seen, |out, seen| {
                sequence(&list.borrow(), "[", "]", out, seen)
            })?;
        }
        Value::Tuple(tuple) => {
            let close = if tuple.items.len() == 1 { ",)" } else { ")" };
            nested(
                std::rc::Rc::as_ptr(tuple).cast(),
                "(...)",
                out,
                seen,
                |out, seen| sequence(&tuple.items, "(", close, out, seen),
            )?;
        }
        Value::Dict(dict) => {
            nested(
                std::rc::Rc::as_ptr(dict).cast(),
                "{...}",
                out,
                seen,
                |out, seen| dict_repr(&dict.pairs(), out, seen),
            )?;
        }
        Value::Set(set) if set.is_empty() => out.push_str("set()"),
        Value::Set(set) => sequence(&set.keys(), "{", "}", out, seen)?,
        Value::Range(range) => {
            let _ = write!(out, "range({}, {}", range.start, range.stop);
            if range.step != 1 {
                let _ = write!(out, ", {}", range.step);
            }
            out.push(')');
        }
        Value::View(view) => view_repr(view, out, seen)?,
        Value::Iter(iter) => {
            let _ = write!(out, "<{} at {:p}>", iter.description(), std::rc::Rc::as_ptr(iter));
        }
        Value::Func(func) => out.push_str(&func.repr()),
        Value::Macro(value) => {
            let name = value
                .def
                .name
                .as_ref()
                .map_or_else(|| "anonymous".to_owned(), |name| str_repr(name));
            let _ = write!(out, "<Macro {name}>");
        }
        Value::Undefined(_) => out.push_str("Undefined"),
        Value::Object(object) => out.push_str(&object.repr()?),
    }
    Ok(())
}

fn nested(
    pointer: *const (),
    again: &str,
    out: &mut String,
    seen: &mut Seen,
    inside: impl FnOnce(&mut String, &mut Seen) -> Result<()>,
) -> Result<()> {
    if seen.contains(&pointer) {
        out.push_str(again);
        return Ok(());
    }
    if seen.len() > MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::RECURSION,
            "maximum recursion depth exceeded while getting the repr of an object",
        ));
    }
    seen.push(pointer);
    let result = inside(out, seen);
    seen.pop();
    result
}

fn sequence(items: &[Value], open: &str, close: &str, out: &mut String, seen: &mut Seen) -> Result<()> {
    out.push_str(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(item, out, seen)?;
    }
    out.push_str(close);
    Ok(())
}

fn dict_repr(pairs: &[(Value, Value)], out: &mut String, seen: &mut Seen) -> Result<()> {
    out.push('{');
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_repr(key, out, seen)?;
        out.push_str(": ");
        write_repr(value, out, seen)?;
    }
    out.push('}');
    Ok(())
}

fn view_repr(view: &View, out: &mut String, seen: &mut Seen) -> Result<()> {
    let pairs = view.dict.pairs();
    let (name, items): (_, Vec<Value>) = match view.kind {
        ViewKind::Keys => ("dict_keys", pairs.into_iter().map(|(key, _)| key).collect()),
        ViewKind::Values => ("dict_values", pairs.into_iter().map(|(_, value)| value).collect()),
        ViewKind::Items => (
            "dict_items",
            pairs
                .into_iter()
                .map(|(key, value)| Value::tuple(vec![key, value]))
                .collect(),
        ),
    };
    out.push_str(name);
    out.push('(');
    let pointer: *const () = std::rc::Rc::as_ptr(&view.dict).cast();
    nested(pointer, "...", out, seen, |out, seen| {
        sequence(&items, "[", "]", out, seen)
    })?;
    out.push(')');
    Ok(())
}

/// `repr` of a string.
pub(crate) fn str_repr(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_str_repr(&mut out, text);
    out
}

fn push_str_repr(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if super::text::is_printable(c) => out.push(c),
            c => {
                let _ = match c as u32 {
                    code @ ..=0xff => write!(out, "\\x{code:02x}"),
                    code @ ..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

fn push_bytes_repr(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(quote);
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if *byte == quote as u8 => {
                out.push('\\');
                out.push(quote);
            }
            0x20..=0x7e => out.push(*byte as char),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
}

/// Runs `inside` unless values are nested too deeply.
pub(crate) fn guard<T>(inside: impl FnOnce() -> Result<T>) -> Result<T> {
    let depth = DEPTH.get();
    if depth > MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::RECURSION,
            "maximum recursion depth exceeded",
        ));
    }
    DEPTH.set(depth + 1);
    let result = inside();
    DEPTH.set(depth);
    result
}
