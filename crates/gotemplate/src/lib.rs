//! Go's `text/template` and the sprig functions.
//!
//! Starts with a template's text, [`Value`]s and named [`Functions`], and ends with the text that Go would have
//! printed, or with an [`Error`] in Go's words.
//!
//! ```
//! use std::sync::Arc;
//! use kluctl_gotemplate::{Functions, Map, MissingKey, Templates, Value};
//!
//! let functions = Arc::new(Functions::with_sprig());
//! let mut templates = Templates::new(functions, MissingKey::Zero);
//! templates.parse("greeting", r#"{{ .name | upper | quote }}"#)?;
//! let data: Map = [("name", Value::from("world"))].into_iter().collect();
//! let text = templates.execute(b"greeting", data.into(), &())?;
//! assert_eq!(text, "\"WORLD\"");
//! # Ok::<(), kluctl_gotemplate::Error>(())
//! ```
//!
//! How a host binds its own functions: [`Functions::add`] takes a function pointer and its [`Signature`]. The function
//! gets arguments of the types it asked for, and a [`Context`] that tells the templates it was called among, the calling
//! template and what the host handed to [`Templates::execute`]. So `include` is [`Context::execute`], and `tpl` is a
//! clone of [`Context::templates`], parsed into and executed. Values with fields and methods implement [`Object`].
//! JSON lives here ([`json`]), since sprig has it; YAML and TOML functions come from the host.
//!
//! Invariants:
//! - Maps and lists are shared by their clones and mutable, as in Go: what `set` does to a map is seen by all.
//! - Strings are bytes ([`Text`]); only what Go replaces is replaced.
//! - Reads no file, no environment and no network. The clock is read by date functions, randomness by random ones.
//! - Any text gives a result or an error, in stack space that grows with its nesting up to Go's own limits.

#![expect(
    clippy::float_cmp,
    reason = "templates compare floats as Go does, bit for bit"
)]
#![expect(
    clippy::naive_bytecount,
    reason = "lines are only counted for errors and short texts"
)]

mod builtin;
mod entries;
mod error;
mod exec;
mod fmt;
mod function;
mod hash;
pub mod json;
mod object;
mod parse;
mod regexp;
mod runes;
pub mod semver;
mod sprig;
mod stack;
mod strconv;
mod templates;
mod text;
mod time;
pub mod types;
mod value;

pub use entries::Entries;
pub use error::{Error, ErrorKind, Location};
pub use fmt::{print, sprintf};
pub use function::{Closure, Context, Functions, Native, Signature};
pub use object::Object;
pub use regexp::Regexp;
pub use sprig::parse_time;
pub use strconv::quote;
pub use templates::{MissingKey, Parsed, Source, Templates};
pub use text::Text;
pub use types::Type;
pub use value::{List, Map, Value};
