//! Methods of Python's own types.

mod bytes;
mod containers;
mod numbers;
mod strings;
mod strip_split;

pub(crate) use strings::{
    capitalize as capitalize_text, center as center_text, is_lower, is_upper, like, replace_text,
};
pub(crate) use strip_split::strip_text;

use crate::value::Value;
use crate::value::object::Method;

/// The method of this name, if the value's type has it.
pub(crate) fn find(value: &Value, name: &str) -> Option<Method> {
    match value {
        Value::Str(_) | Value::Markup(_) => strings::find(name).or_else(|| strings::find_markup(value, name)),
        Value::List(_) => containers::find_list(name),
        Value::Dict(_) => containers::find_dict(name),
        Value::Tuple(_) | Value::Range(_) => containers::find_tuple(name),
        Value::Set(_) => containers::find_set(name),
        Value::View(view) => containers::find_view(view, name),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => numbers::find_int(name),
        Value::Float(_) => numbers::find_float(name),
        Value::Bytes(_) => bytes::find(name),
        Value::Object(object) => object.method(name),
        _ => None,
    }
}

/// Names of all methods, to show bound ones by.
const NAMES: [&str; 92] = [
    "add",
    "append",
    "as_integer_ratio",
    "as_timezone",
    "astimezone",
    "bit_count",
    "bit_length",
    "capitalize",
    "casefold",
    "center",
    "changed",
    "clear",
    "conjugate",
    "copy",
    "count",
    "cycle",
    "date",
    "decode",
    "difference",
    "discard",
    "encode",
    "endswith",
    "escape",
    "expandtabs",
    "extend",
    "find",
    "format",
    "format_map",
    "from_bytes",
    "fromkeys",
    "get",
    "hex",
    "hour",
    "index",
    "insert",
    "intersection",
    "is_integer",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isdisjoint",
    "isidentifier",
    "islower",
    "isnumeric",
    "isoformat",
    "isprintable",
    "isspace",
    "issubset",
    "issuperset",
    "istitle",
    "isupper",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "minute",
    "nanosecond",
    "next",
    "partition",
    "pop",
    "popitem",
    "remove",
    "removeprefix",
    "removesuffix",
    "replace",
    "reset",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "second",
    "setdefault",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "striptags",
    "swapcase",
    "symmetric_difference",
    "timestamp",
    "title",
    "translate",
    "union",
    "unescape",
];

pub(crate) fn static_name(name: &str) -> &'static str {
    const MORE: [&str; 8] = [
        "update",
        "upper",
        "values",
        "weekday",
        "zfill",
        "isoweekday",
        "strftime",
        "maketrans",
    ];
    NAMES
        .iter()
        .chain(&MORE)
        .find(|known| **known == name)
        .copied()
        .unwrap_or("method")
}
