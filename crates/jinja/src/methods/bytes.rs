//! Methods of `bytes`: those of `str`, on bytes taken as characters.

use std::rc::Rc;

use super::strings;
use crate::call::{CallArgs, string};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::object::Method;
use crate::value::{Value, iter, text};

macro_rules! as_text {
    ($name:expr, $($known:literal)*) => {
        match $name {
            $($known => |vm, ctx, v, a| through_text(vm, ctx, v, a, $known),)*
            _ => return None,
        }
    };
}

pub(crate) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "decode" => |_, _, v, a| decode(v, a),
        "hex" => |_, _, v, a| {
            a.plain::<0>("bytes.hex", 0)?;
            let Value::Bytes(bytes) = v else {
                return Ok(Value::None);
            };
            Ok(hex::encode(bytes).into())
        },
        name => as_text!(
            name,
            "capitalize" "center" "count" "endswith" "expandtabs" "find" "index" "isalnum" "isalpha" "isascii" "isdigit" "islower"
            "isspace" "istitle" "isupper" "join" "ljust" "lower" "lstrip" "partition" "removeprefix" "removesuffix" "replace"
            "rfind" "rindex" "rjust" "rpartition" "rsplit" "rstrip" "split" "splitlines" "startswith" "strip" "swapcase" "title"
            "upper" "zfill"
        ),
    })
}

fn decode(value: &Value, args: CallArgs) -> Result<Value> {
    let [encoding, errors] = args.bind("decode", ["encoding", "errors"], 0)?;
    let encoding = encoding.map_or(Ok("utf-8".into()), |value| string(&value))?;
    let errors = errors.map_or(Ok("strict".into()), |value| string(&value))?;
    let Value::Bytes(bytes) = value else {
        return Ok(Value::None);
    };
    let encoding_name = encoding.to_lowercase().replace('_', "-");
    match encoding_name.as_str() {
        "utf-8" | "utf8" => match (text::decode_utf8(bytes), &*errors) {
            (Ok(text), _) => Ok(text.into()),
            (Err(_), "ignore") => Ok(String::from_utf8_lossy(bytes).replace('\u{fffd}', "").into()),
            (Err(_), "replace") => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
            (Err(error), _) => Err(error),
        },
        "ascii" | "us-ascii" => match bytes.iter().position(|byte| !byte.is_ascii()) {
            None => Ok(String::from_utf8_lossy(bytes).into_owned().into()),
            Some(_) if matches!(&*errors, "ignore" | "replace") => {
                let instead = if &*errors == "ignore" {
                    None
                } else {
                    Some('\u{fffd}')
                };
                let chars = bytes.iter().filter_map(|byte| {
                    if byte.is_ascii() {
                        Some(*byte as char)
                    } else {
                        instead
                    }
                });
                Ok(chars.collect::<String>().into())
            }
            Some(at) => Err(Error::new(
                ErrorKind::UNICODE_DECODE,
                format!(
                    "'ascii' codec can't decode byte 0x{:02x} in position {at}: ordinal not in range(128)",
                    bytes[at]
                ),
            )),
        },
        "latin-1" | "latin1" | "iso-8859-1" => {
            Ok(bytes.iter().map(|byte| *byte as char).collect::<String>().into())
        }
        _ => Err(Error::new(
            ErrorKind::LOOKUP,
            format!("unknown encoding: {encoding}"),
        )),
    }
}

/// Where bytes that are not ASCII stand among the characters: nothing there is a letter, a digit or a space.
const PRIVATE: u32 = 0xF700;

fn to_text(bytes: &[u8]) -> Value {
    let char_of = |byte: &u8| match byte {
        0..0x80 => *byte as char,
        _ => char::from_u32(PRIVATE + u32::from(*byte)).unwrap_or_default(),
    };
    bytes.iter().map(char_of).collect::<String>().into()
}

/// Turns the result of a method of `str` back.
fn to_bytes(value: Value) -> Value {
    match value {
        Value::Str(text) => {
            let bytes = text.chars().map(|c| (u32::from(c) & 0xFF) as u8);
            Value::Bytes(bytes.collect::<Vec<u8>>().into())
        }
        Value::List(list) => Value::list(list.borrow().iter().cloned().map(to_bytes).collect()),
        Value::Tuple(tuple) => Value::tuple(tuple.items.iter().cloned().map(to_bytes).collect()),
        other => other,
    }
}

fn through_text(vm: &Vm, ctx: &Rc<Context>, value: &Value, args: CallArgs, name: &str) -> Result<Value> {
    let (Value::Bytes(bytes), Some(method)) = (value, strings::find(name)) else {
        return Ok(Value::None);
    };
    let argument = |value: Value| match value {
        Value::Bytes(bytes) => Ok(to_text(&bytes)),
        Value::Tuple(tuple) => {
            let parts = tuple.items.iter().map(|part| match part {
                Value::Bytes(bytes) => to_text(bytes),
                other => other.clone(),
            });
            Ok(Value::tuple(parts.collect()))
        }
        Value::Int(byte @ 0..256) if matches!(name, "find" | "rfind" | "index" | "rindex" | "count") => {
            Ok(to_text(&[byte as u8]))
        }
        Value::Str(_) | Value::Markup(_) => {
            Err(Error::type_error("a bytes-like object is required, not 'str'"))
        }
        other => Ok(other),
    };
    let mut positional = Vec::with_capacity(args.positional.len());
    for (index, value) in args.positional.into_iter().enumerate() {
        // Positions are numbers, even where a byte may be one too.
        positional.push(match value {
            Value::Int(_) if index > 0 => value,
            value if name == "join" => {
                let items = iter::items(vm, &value)?.into_iter();
                Value::list(items.map(argument).collect::<Result<_>>()?)
            }
            value => argument(value)?,
        });
    }
    let args = CallArgs {
        positional,
        keywords: args.keywords,
    };
    method(vm, ctx, &to_text(bytes), args).map(to_bytes)
}
