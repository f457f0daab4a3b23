//! Kluctl's templating: Jinja2 with Python's semantics, and Kluctl's own filters and functions.
//!
//! Starts with a text or the path of a file, variables and a way to read files; ends with text, or with an [`Error`] that
//! knows the whole chain of places (file, line, column) that led to it.
//!
//! ```
//! let context = kluctl_jinja::Context::from_value(&serde_json::json!({"args": {"replicas": 3}}));
//! let renderer = kluctl_jinja::Engine::default().renderer(&context);
//! assert_eq!(renderer.render_string("replicas: {{ args.replicas }}")?, "replicas: 3");
//! assert!(renderer.eval_condition("args.replicas > 2")?);
//! # Ok::<(), kluctl_jinja::Error>(())
//! ```
//!
//! How it is built: `lexer` → `parser` → `scope` (every name gets a slot) → `runtime` (walks the tree). Values are
//! Python's (`value`, `methods`, `format`), and so are filters, tests and functions.
//!
//! Invariants:
//! - Reads no file, clock or environment by itself: [`Loader`] and [`Host`] are handed in.
//! - What a template changes in place is seen by nothing but that render; variables are shared and thawed as they are read.
//! - Every render is bounded in steps, memory, depth and stack ([`Limits`]). Rendering needs a thread whose stack is larger
//!   than [`Limits::stack`].

#![expect(
    clippy::format_push_string,
    reason = "text is built in pieces everywhere here, and a write to a string cannot fail"
)]
#![expect(
    clippy::unused_self,
    reason = "steps of the machine and the readers are all methods of it"
)]
#![expect(clippy::wrong_self_convention, reason = "`from` is a statement of Jinja2")]
#![expect(clippy::float_cmp, reason = "floats compare as Python compares them")]
#![expect(clippy::naive_bytecount, reason = "only errors count lines")]
#![expect(
    clippy::match_bool,
    reason = "two results side by side read better than nested if"
)]
#![expect(clippy::needless_for_each, reason = "walks over the tree are one line each")]

mod ast;
mod call;
mod engine;
mod error;
mod filters;
mod format;
mod globals;
mod kluctl;
mod lexer;
mod methods;
mod parse_expr;
mod parser;
mod paths;
mod runtime;
mod scope;
mod source;
mod suggest;
mod symbols;
mod template;
mod tests;
mod token;
mod value;
mod walk;

pub use engine::{Context, Engine, Host, Limits, Loader, NoFiles, PlainHost, Renderer};
pub use error::{Error, ErrorKind, Place, Result};
pub use value::PLACEHOLDER;
