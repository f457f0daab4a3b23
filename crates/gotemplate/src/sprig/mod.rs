//! The sprig functions 3.3, as Helm offers them: without `env` and `expandenv`.

mod arguments;
mod case;
mod cast;
mod certificates;
mod dates;
mod decimals;
mod defaults;
mod der;
mod dicts;
mod encoding;
mod keys;
mod lists;
mod merge;
mod network;
mod numbers;
mod passwords;
mod paths;
mod primes;
mod random;
mod reflect;
mod regexes;
mod strings;
mod urls;
mod versions;
mod wrap;

pub use dates::parse_time;
pub(crate) use dates::time;

use crate::error::Error;
use crate::function::{Context, Native, Signature};
use crate::types::{IntType, Type};
use crate::value::Value;

type Result<T> = std::result::Result<T, Error>;
type Entry = (&'static str, &'static Signature, Native);

const INT: Type = Type::Int(IntType::Int);

static NOTHING: Signature = Signature::fixed(&[]);
static TEXT: Signature = Signature::fixed(&[Type::String]);
static TEXT_TEXT: Signature = Signature::fixed(&[Type::String, Type::String]);
static TEXT_TEXT_TEXT: Signature = Signature::fixed(&[Type::String, Type::String, Type::String]);
static TEXT_TEXT_INT: Signature = Signature::fixed(&[Type::String, Type::String, INT]);
static TEXT_INT_TEXT: Signature = Signature::fixed(&[Type::String, INT, Type::String]);
static TEXT_ANY: Signature = Signature::fixed(&[Type::String, Type::Any]);
static INT_TEXT: Signature = Signature::fixed(&[INT, Type::String]);
static INT_INT: Signature = Signature::fixed(&[INT, INT]);
static INT_INT_INT: Signature = Signature::fixed(&[INT, INT, INT]);
static INT_INT_TEXT: Signature = Signature::fixed(&[INT, INT, Type::String]);
static INT_TEXT_TEXT: Signature = Signature::fixed(&[INT, Type::String, Type::String]);
static INT_ONLY: Signature = Signature::fixed(&[INT]);
static INT_ANY: Signature = Signature::fixed(&[INT, Type::Any]);
static INTS: Signature = Signature::variadic(&[INT]);
static ANY: Signature = Signature::fixed(&[Type::Any]);
static ANY_ANY: Signature = Signature::fixed(&[Type::Any, Type::Any]);
static ANY_ANY_BOOL: Signature = Signature::fixed(&[Type::Any, Type::Any, Type::Bool]);
static ANYS: Signature = Signature::variadic(&[Type::Any]);
static ANY_ANYS: Signature = Signature::variadic(&[Type::Any, Type::Any]);
static ANY_INT_FLOATS: Signature = Signature::variadic(&[Type::Any, INT, Type::Float64]);
static MAP: Signature = Signature::fixed(&[ANY_MAP_TYPE]);
static MAP_TEXT: Signature = Signature::fixed(&[ANY_MAP_TYPE, Type::String]);
static MAP_TEXTS: Signature = Signature::variadic(&[ANY_MAP_TYPE, Type::String]);
static MAP_TEXT_ANY: Signature = Signature::fixed(&[ANY_MAP_TYPE, Type::String, Type::Any]);
static MAPS: Signature = Signature::variadic(&[ANY_MAP_TYPE]);
static MAP_MAPS: Signature = Signature::variadic(&[ANY_MAP_TYPE, ANY_MAP_TYPE]);
static TEXT_MAPS: Signature = Signature::variadic(&[Type::String, ANY_MAP_TYPE]);

const ANY_MAP_TYPE: Type = Type::Map(&Type::Any);

/// Name, parameters and body of every function.
pub(crate) fn functions() -> impl Iterator<Item = Entry> {
    let tables = [
        case::TABLE,
        certificates::TABLE,
        dates::TABLE,
        decimals::TABLE,
        defaults::TABLE,
        dicts::TABLE,
        encoding::TABLE,
        lists::TABLE,
        network::TABLE,
        numbers::TABLE,
        passwords::TABLE,
        paths::TABLE,
        random::TABLE,
        reflect::TABLE,
        regexes::TABLE,
        strings::TABLE,
        urls::TABLE,
        versions::TABLE,
        wrap::TABLE,
    ];
    tables.into_iter().flatten().copied()
}

/// Go's run-time error of a slice expression.
fn out_of_range(what: &str) -> Error {
    Error::message(format!("runtime error: slice bounds out of range {what}"))
}
