//! Methods of `str`, and of `Markup` where they differ.

use std::rc::Rc;
use std::sync::Arc;

use super::strip_split::*;
use crate::call::{CallArgs, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::lexer::is_space;
use crate::runtime::{Context, Vm};
use crate::value::object::Method;
use crate::value::{Value, iter, repr, text};

type Ctx = Rc<Context>;

pub(crate) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "capitalize" => |_, _, v, a| same(v, a, "str.capitalize", capitalize),
        "casefold" => |_, _, v, a| same(v, a, "str.casefold", casefold),
        "center" => |vm, _, v, a| pad(vm, v, a, "center", Side::Both),
        "count" => count,
        "encode" => encode,
        "endswith" => |_, _, v, a| affix(v, a, "endswith", |text, part| text.ends_with(part)),
        "expandtabs" => expandtabs,
        "find" => |_, _, v, a| search(v, a, "find", false, false),
        "format" => |vm, ctx, v, a| {
            markup_as(
                v,
                crate::format::brace::format(vm, ctx, &own(v), a, matches!(v, Value::Markup(_)))?,
            )
        },
        "format_map" => format_map,
        "index" => |_, _, v, a| search(v, a, "index", false, true),
        "isalnum" => |_, _, v, a| is_all(v, a, "isalnum", text::is_alnum),
        "isalpha" => |_, _, v, a| is_all(v, a, "isalpha", text::is_alpha),
        "isascii" => |_, _, v, a| {
            a.plain::<0>("str.isascii", 0)
                .map(|_| Value::Bool(own(v).is_ascii()))
        },
        "isdecimal" => |_, _, v, a| is_all(v, a, "isdecimal", |c| text::decimal(c).is_some()),
        "isdigit" => |_, _, v, a| is_all(v, a, "isdigit", text::is_digit),
        "isidentifier" => |_, _, v, a| {
            a.plain::<0>("str.isidentifier", 0)
                .map(|_| Value::Bool(is_identifier(&own(v))))
        },
        "islower" => |_, _, v, a| {
            a.plain::<0>("str.islower", 0)
                .map(|_| Value::Bool(is_lower(&own(v))))
        },
        "isnumeric" => |_, _, v, a| is_all(v, a, "isnumeric", text::is_numeric),
        "isprintable" => |_, _, v, a| {
            a.plain::<0>("str.isprintable", 0)
                .map(|_| Value::Bool(own(v).chars().all(text::is_printable)))
        },
        "isspace" => |_, _, v, a| is_all(v, a, "isspace", is_space),
        "istitle" => |_, _, v, a| {
            a.plain::<0>("str.istitle", 0)
                .map(|_| Value::Bool(is_title(&own(v))))
        },
        "isupper" => |_, _, v, a| {
            a.plain::<0>("str.isupper", 0)
                .map(|_| Value::Bool(is_upper(&own(v))))
        },
        "join" => join,
        "ljust" => |vm, _, v, a| pad(vm, v, a, "ljust", Side::Right),
        "lower" => |_, _, v, a| same(v, a, "str.lower", str::to_lowercase),
        "lstrip" => |_, _, v, a| strip(v, a, "lstrip", true, false),
        "partition" => |_, _, v, a| partition(v, a, "partition", false),
        "removeprefix" => removeprefix,
        "removesuffix" => removesuffix,
        "replace" => replace,
        "rfind" => |_, _, v, a| search(v, a, "rfind", true, false),
        "rindex" => |_, _, v, a| search(v, a, "rindex", true, true),
        "rjust" => |vm, _, v, a| pad(vm, v, a, "rjust", Side::Left),
        "rpartition" => |_, _, v, a| partition(v, a, "rpartition", true),
        "rsplit" => |_, _, v, a| split(v, a, "rsplit", true),
        "rstrip" => |_, _, v, a| strip(v, a, "rstrip", false, true),
        "split" => |_, _, v, a| split(v, a, "split", false),
        "splitlines" => splitlines,
        "startswith" => |_, _, v, a| affix(v, a, "startswith", |text, part| text.starts_with(part)),
        "strip" => |_, _, v, a| strip(v, a, "strip", true, true),
        "swapcase" => |_, _, v, a| same(v, a, "str.swapcase", swapcase),
        "title" => |_, _, v, a| same(v, a, "str.title", title),
        "translate" => translate,
        "upper" => |_, _, v, a| same(v, a, "str.upper", str::to_uppercase),
        "zfill" => zfill,
        _ => return None,
    })
}

pub(crate) fn find_markup(value: &Value, name: &str) -> Option<Method> {
    if !matches!(value, Value::Markup(_)) {
        return None;
    }
    Some(match name {
        "striptags" => |_, _, v, a| {
            a.none("Markup.striptags")
                .map(|()| Value::str(crate::filters::html::strip_tags(&own(v))))
        },
        "unescape" => |_, _, v, a| {
            a.none("Markup.unescape")
                .map(|()| Value::str(crate::filters::html::unescape(&own(v))))
        },
        "escape" => |_, _, _, a| {
            let [value] = a.bind("Markup.escape", ["s"], 1)?;
            crate::filters::html::escaped(&value.unwrap_or(Value::None)).map(Value::Markup)
        },
        _ => return None,
    })
}

/// The text a method was called on.
pub(crate) fn own(value: &Value) -> Arc<str> {
    value.as_str().cloned().unwrap_or_default()
}

/// A string, marked as HTML if the one it comes from was.
pub(crate) fn like(value: &Value, text: impl Into<Arc<str>>) -> Value {
    match value {
        Value::Markup(_) => Value::Markup(text.into()),
        _ => Value::Str(text.into()),
    }
}

fn markup_as(value: &Value, text: String) -> Result<Value> {
    Ok(like(value, text))
}

/// Text of an argument; escaped when the string it goes into is HTML and it is not.
pub(crate) fn argument(value: &Value, owner: &Value) -> Result<Arc<str>> {
    match (value, owner) {
        (Value::Str(text), Value::Markup(_)) => Ok(text::escape(text)),
        (Value::Str(text) | Value::Markup(text), _) => Ok(text.clone()),
        (Value::Undefined(undefined), _) if undefined.mode == crate::value::UndefinedMode::Strict => Err(
            Error::type_error(format!("must be str, not {}", value.type_name())),
        ),
        _ => Err(Error::type_error(format!(
            "must be str, not {}",
            value.type_name()
        ))),
    }
}

fn same(value: &Value, args: CallArgs, name: &str, change: impl Fn(&str) -> String) -> Result<Value> {
    args.plain::<0>(name, 0)?;
    Ok(like(value, change(&own(value))))
}

pub(crate) fn capitalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    if let Some(first) = chars.next() {
        text::title_char(first, &mut out);
    }
    out.push_str(&chars.as_str().to_lowercase());
    out
}

fn casefold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ß' | 'ẞ' => out.push_str("ss"),
            'ς' => out.push('σ'),
            'ſ' => out.push('s'),
            'ŉ' => out.push_str("ʼn"),
            'ﬀ' => out.push_str("ff"),
            'ﬁ' => out.push_str("fi"),
            'ﬂ' => out.push_str("fl"),
            'ﬃ' => out.push_str("ffi"),
            'ﬄ' => out.push_str("ffl"),
            'ﬅ' | 'ﬆ' => out.push_str("st"),
            'µ' => out.push('μ'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

fn swapcase(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            text::title_char(c, &mut out);
        }
        inside = text::is_cased(c);
    }
    out
}

fn is_all(value: &Value, args: CallArgs, name: &str, fits: impl Fn(char) -> bool) -> Result<Value> {
    args.plain::<0>(&format!("str.{name}"), 0)?;
    let own = own(value);
    Ok(Value::Bool(!own.is_empty() && own.chars().all(fits)))
}

pub(crate) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(|c| text::is_cased(c) && !c.is_lowercase())
}

pub(crate) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(|c| text::is_cased(c) && !c.is_uppercase())
}

fn is_title(text: &str) -> bool {
    let (mut inside, mut any) = (false, false);
    for c in text.chars() {
        if c.is_uppercase() {
            if inside {
                return false;
            }
            (inside, any) = (true, true);
        } else if c.is_lowercase() {
            if !inside {
                return false;
            }
        } else {
            inside = false;
        }
    }
    any
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || text::is_alpha(c))
        && chars.all(|c| c == '_' || text::is_alpha(c) || text::decimal(c).is_some())
}

fn encode(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [encoding, errors] = args.bind("encode", ["encoding", "errors"], 0)?;
    let encoding = encoding.map_or(Ok("utf-8".into()), |value| argument(&value, &Value::None))?;
    let errors = errors.map_or(Ok("strict".into()), |value| argument(&value, &Value::None))?;
    let own = own(value);
    let limit = match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => return Ok(Value::Bytes(own.as_bytes().into())),
        "ascii" | "us-ascii" => 0x80,
        "latin-1" | "latin1" | "iso-8859-1" => 0x100,
        _ => {
            return Err(Error::new(
                ErrorKind::LOOKUP,
                format!("unknown encoding: {encoding}"),
            ));
        }
    };
    let mut bytes = Vec::new();
    for (index, c) in own.chars().enumerate() {
        match (u32::from(c), &*errors) {
            (code, _) if code < limit => bytes.push(code as u8),
            (_, "ignore") => {}
            (_, "replace") => bytes.push(b'?'),
            (code, "xmlcharrefreplace") => bytes.extend(format!("&#{code};").bytes()),
            (code, "backslashreplace") => bytes.extend(
                match code {
                    ..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                }
                .bytes(),
            ),
            _ => {
                let codec = if limit == 0x80 { "ascii" } else { "latin-1" };
                let message = format!(
                    "'{codec}' codec can't encode character {} in position {index}: ordinal not in range({limit})",
                    repr::str_repr(&c.escape_unicode().to_string()).replace("\\\\", "\\")
                );
                return Err(Error::new(ErrorKind::UNICODE_ENCODE, message));
            }
        }
    }
    Ok(Value::Bytes(bytes.into()))
}

fn expandtabs(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [size] = args.bind("expandtabs", ["tabsize"], 0)?;
    let size = size.map_or(Ok(8), |size| integer(&size))?.max(0) as usize;
    let mut out = String::new();
    let mut column = 0;
    for c in own(value).chars() {
        match c {
            '\t' if size > 0 => {
                let width = size - column % size;
                vm.charge(width)?;
                out.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\t' => {}
            c => {
                out.push(c);
                column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    Ok(like(value, out))
}

fn format_map(vm: &Vm, ctx: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [map] = args.plain::<1>("str.format_map", 1)?;
    let map = map.unwrap_or(Value::None);
    let text =
        crate::format::brace::format_map(vm, ctx, &own(value), &map, matches!(value, Value::Markup(_)))?;
    Ok(like(value, text))
}

fn join(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [items] = args.plain::<1>("str.join", 1)?;
    let items = items.unwrap_or(Value::None);
    let items = iter::items(vm, &items).map_err(|error| match error.kind() {
        ErrorKind::TYPE => Error::type_error("can only join an iterable"),
        _ => error,
    })?;
    let separator = own(value);
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        match (item, value) {
            (Value::Str(text), Value::Str(_)) => out.push_str(text),
            (Value::Markup(text), _) => out.push_str(text),
            (Value::Str(text), _) => out.push_str(&text::escape(text)),
            (other, _) => {
                return Err(Error::type_error(format!(
                    "sequence item {index}: expected str instance, {} found",
                    other.type_name()
                )));
            }
        }
    }
    vm.charge(out.len())?;
    Ok(like(value, out))
}

enum Side {
    Left,
    Right,
    Both,
}

fn pad(vm: &Vm, value: &Value, args: CallArgs, name: &str, side: Side) -> Result<Value> {
    let [width, fill] = args.plain::<2>(&format!("str.{name}"), 1)?;
    let width = integer(&width.unwrap_or(Value::None))?;
    let fill = match fill {
        None => ' ',
        Some(fill) => {
            let text = fill.as_str().cloned().ok_or_else(|| {
                Error::type_error(format!(
                    "The fill character must be a unicode character, not {}",
                    fill.type_name()
                ))
            })?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => c,
                _ => {
                    return Err(Error::type_error(
                        "The fill character must be exactly one character long",
                    ));
                }
            }
        }
    };
    let own = own(value);
    let width = usize::try_from(width).unwrap_or_default();
    vm.charge(width)?;
    let length = text::length(&own);
    Ok(like(
        value,
        padded(&own, width, width.saturating_sub(length), fill, &side),
    ))
}

fn padded(text: &str, width: usize, missing: usize, fill: char, side: &Side) -> String {
    let left = match side {
        Side::Left => missing,
        Side::Right => 0,
        Side::Both => missing / 2 + (missing & width & 1),
    };
    let mut out: String = std::iter::repeat_n(fill, left).collect();
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, missing - left));
    out
}

/// `str.center(width)`.
pub(crate) fn center(text: &str, width: usize) -> String {
    padded(
        text,
        width,
        width.saturating_sub(text::length(text)),
        ' ',
        &Side::Both,
    )
}

fn zfill(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [width] = args.plain::<1>("str.zfill", 1)?;
    let width = usize::try_from(integer(&width.unwrap_or(Value::None))?).unwrap_or_default();
    vm.charge(width)?;
    let own = own(value);
    let missing = width.saturating_sub(text::length(&own));
    let (sign, digits) = match own.chars().next() {
        Some('+' | '-') => own.split_at(1),
        _ => ("", &*own),
    };
    Ok(like(value, format!("{sign}{}{digits}", "0".repeat(missing))))
}

fn replace(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"], 2)?;
    let check = |value: Option<Value>, position: usize| {
        let value = value.unwrap_or(Value::None);
        argument(&value, &Value::None)
            .map_err(|_| {
                Error::type_error(format!(
                    "replace() argument {position} must be str, not {}",
                    value.type_name()
                ))
            })
            .map(|text| {
                if matches!((&value, position), (Value::Str(_), 2)) {
                    (text, true)
                } else {
                    (text, false)
                }
            })
    };
    let ((old, _), (new, plain)) = (check(old, 1)?, check(new, 2)?);
    let new = if plain && matches!(value, Value::Markup(_)) {
        text::escape(&new)
    } else {
        new
    };
    let count = count.map_or(Ok(-1), |count| integer(&count))?;
    let replaced = replace_text(&own(value), &old, &new, count);
    vm.charge(replaced.len())?;
    Ok(like(value, replaced))
}

/// `str.replace`; a negative count replaces all.
pub(crate) fn replace_text(text: &str, old: &str, new: &str, count: i64) -> String {
    match usize::try_from(count) {
        Ok(count) => text.replacen(old, new, count),
        Err(_) => text.replace(old, new),
    }
}

fn removeprefix(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [prefix] = args.plain::<1>("str.removeprefix", 1)?;
    let prefix = argument(&prefix.unwrap_or(Value::None), value)?;
    let own = own(value);
    Ok(like(value, own.strip_prefix(&*prefix).unwrap_or(&own)))
}

fn removesuffix(_: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [suffix] = args.plain::<1>("str.removesuffix", 1)?;
    let suffix = argument(&suffix.unwrap_or(Value::None), value)?;
    let own = own(value);
    Ok(like(value, own.strip_suffix(&*suffix).unwrap_or(&own)))
}

/// A table from characters to characters, strings or nothing.
fn translate(vm: &Vm, _: &Ctx, value: &Value, args: CallArgs) -> Result<Value> {
    let [table] = args.plain::<1>("str.translate", 1)?;
    let table = table.unwrap_or(Value::None);
    let mut out = String::new();
    for c in own(value).chars() {
        match vm.item(&table, &Value::Int(i64::from(u32::from(c)))) {
            Ok(Value::None) => {}
            Ok(Value::Str(text) | Value::Markup(text)) => out.push_str(&text),
            Ok(Value::Int(code)) => {
                let code = u32::try_from(code).ok().and_then(char::from_u32);
                out.push(
                    code.ok_or_else(|| Error::value_error("character mapping must be in range(0x110000)"))?,
                );
            }
            Ok(_) => {
                return Err(Error::type_error(
                    "character mapping must return integer, None or str",
                ));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::KEY | ErrorKind::INDEX | ErrorKind::LOOKUP
                ) =>
            {
                out.push(c);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(like(value, out))
}
