//! The functions of the language itself.

mod compare;
mod escape;
mod index;

use crate::error::Error;
use crate::fmt;
use crate::function::{Body, Signature, Slot};
use crate::text::Text;
use crate::types::Type;
use crate::value::Value;

type Entry = (&'static str, &'static Signature, Body);

static ONE: Signature = Signature::fixed(&[Type::Reflect]);
static TWO: Signature = Signature::fixed(&[Type::Reflect, Type::Reflect]);
static ONE_OR_MORE: Signature = Signature::variadic(&[Type::Reflect, Type::Reflect]);
static ANY_NUMBER: Signature = Signature::variadic(&[Type::Any]);
static FORMAT: Signature = Signature::variadic(&[Type::String, Type::Any]);

/// Name, parameters and body of every function.
pub(crate) static TABLE: [Entry; 19] = [
    ("and", &ONE_OR_MORE, Body::And),
    ("or", &ONE_OR_MORE, Body::Or),
    ("call", &ONE_OR_MORE, Body::Call),
    ("not", &ONE, Body::Builtin(not)),
    ("len", &ONE, Body::Builtin(index::len)),
    ("index", &ONE_OR_MORE, Body::Builtin(index::index)),
    ("slice", &ONE_OR_MORE, Body::Builtin(index::slice)),
    ("eq", &ONE_OR_MORE, Body::Builtin(compare::eq)),
    ("ne", &TWO, Body::Builtin(compare::ne)),
    ("lt", &TWO, Body::Builtin(compare::lt)),
    ("le", &TWO, Body::Builtin(compare::le)),
    ("gt", &TWO, Body::Builtin(compare::gt)),
    ("ge", &TWO, Body::Builtin(compare::ge)),
    (
        "print",
        &ANY_NUMBER,
        Body::Native(|arguments, _| Ok(fmt::print(arguments).into())),
    ),
    (
        "println",
        &ANY_NUMBER,
        Body::Native(|arguments, _| Ok(fmt::println(arguments).into())),
    ),
    (
        "printf",
        &FORMAT,
        Body::Native(|arguments, _| Ok(printf(arguments).into())),
    ),
    (
        "html",
        &ANY_NUMBER,
        Body::Native(|arguments, _| Ok(escape::html(arguments).into())),
    ),
    (
        "js",
        &ANY_NUMBER,
        Body::Native(|arguments, _| Ok(escape::js(arguments).into())),
    ),
    (
        "urlquery",
        &ANY_NUMBER,
        Body::Native(|arguments, _| Ok(escape::url_query(arguments).into())),
    ),
];

fn not(slots: &[Slot]) -> Result<Value, Error> {
    Ok(Value::Bool(!slots[0].value.is_true()))
}

fn printf(arguments: &[Value]) -> Text {
    match arguments.split_first() {
        Some((Value::String(format), rest)) => fmt::sprintf(format.as_bytes(), rest),
        _ => Text::default(),
    }
}
