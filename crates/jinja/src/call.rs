//! Arguments of calls, bound to parameters as Python does.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::value::Value;

/// Positional and keyword arguments.
#[derive(Clone, Default)]
pub(crate) struct CallArgs {
    pub(crate) positional: Vec<Value>,
    pub(crate) keywords: Vec<(Arc<str>, Value)>,
}

impl CallArgs {
    pub(crate) fn of(positional: Vec<Value>) -> Self {
        Self {
            positional,
            keywords: Vec::new(),
        }
    }

    pub(crate) fn take_keyword(&mut self, name: &str) -> Option<Value> {
        let index = self.keywords.iter().position(|(key, _)| **key == *name)?;
        Some(self.keywords.remove(index).1)
    }

    /// Gives each parameter its argument; the first `required` ones must have one.
    pub(crate) fn bind<const N: usize>(
        self,
        function: &str,
        names: [&str; N],
        required: usize,
    ) -> Result<[Option<Value>; N]> {
        let (function, implied) = python_name::<N>(function);
        let given = self.positional.len();
        let mut bound: [Option<Value>; N] = std::array::from_fn(|_| None);
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        for (key, value) in self.keywords {
            let Some(index) = names.iter().position(|name| **name == *key) else {
                return Err(Error::type_error(format!(
                    "{function}() got an unexpected keyword argument '{key}'"
                )));
            };
            if bound[index].is_some() {
                return Err(Error::type_error(format!(
                    "{function}() got multiple values for argument '{key}'"
                )));
            }
            bound[index] = Some(value);
        }
        if given > N {
            let (most, given) = (N + implied, given + implied);
            let range = if required == N {
                most.to_string()
            } else {
                format!("from {} to {most}", required + implied)
            };
            let plural = if most == 1 { "" } else { "s" };
            let were = if given == 1 { "was" } else { "were" };
            return Err(Error::type_error(format!(
                "{function}() takes {range} positional argument{plural} but {given} {were} given"
            )));
        }
        let missing: Vec<String> = (0..required)
            .filter(|index| bound[*index].is_none())
            .map(|index| format!("'{}'", names[index]))
            .collect();
        if let Some((last, first)) = missing.split_last() {
            let list = match first.len() {
                0 => last.clone(),
                1 => format!("{} and {last}", first[0]),
                _ => format!("{}, and {last}", first.join(", ")),
            };
            let plural = if first.is_empty() { "" } else { "s" };
            return Err(Error::type_error(format!(
                "{function}() missing {} required positional argument{plural}: {list}",
                missing.len()
            )));
        }
        Ok(bound)
    }

    /// No arguments at all.
    pub(crate) fn none(self, function: &str) -> Result<()> {
        self.bind::<0>(function, [], 0).map(|_| ())
    }

    /// Positional arguments only, as functions written in C take them.
    pub(crate) fn plain<const N: usize>(self, function: &str, required: usize) -> Result<[Option<Value>; N]> {
        if !self.keywords.is_empty() {
            return Err(Error::type_error(format!(
                "{function}() takes no keyword arguments"
            )));
        }
        let count = self.positional.len();
        if count < required || count > N {
            let short = function.rsplit('.').next().unwrap_or(function);
            let plural = |count: usize| if count == 1 { "" } else { "s" };
            return Err(Error::type_error(match (required, N) {
                (0, 0) if matches!(function, "len" | "abs" | "callable") => {
                    format!("{function}() takes exactly one argument ({} given)", count + 1)
                }
                (0, 0) => format!("{function}() takes no arguments ({count} given)"),
                (1, 1) => format!("{function}() takes exactly one argument ({count} given)"),
                (a, b) if a == b => format!("{short} expected {a} arguments, got {count}"),
                (a, _) if count < a => {
                    format!("{short} expected at least {a} argument{}, got {count}", plural(a))
                }
                (_, b) => format!("{short} expected at most {b} argument{}, got {count}", plural(b)),
            }));
        }
        let mut bound: [Option<Value>; N] = std::array::from_fn(|_| None);
        for (slot, value) in bound.iter_mut().zip(self.positional) {
            *slot = Some(value);
        }
        Ok(bound)
    }
}

/// The name of a function as Python shows it, and how many arguments Python counts before the ones in the template: the
/// filtered value, and the context or environment that Jinja2 passes.
fn python_name<const N: usize>(function: &str) -> (Cow<'_, str>, usize) {
    let implied = match function {
        "do_list" | "do_slice" => return (format!("sync_{function}").into(), 1),
        "do_join" | "do_first" | "do_sum" | "do_groupby" | "do_unique" => {
            return (format!("sync_{function}").into(), 2);
        }
        "do_last" | "do_sort" | "do_min" | "do_max" | "do_wordwrap" | "do_attr" | "do_xmlattr"
        | "do_replace" | "do_urlize" | "do_tojson" | "do_random" | "test_filter" | "test_test" => 2,
        "escape" | "soft_str" | "b64encode" | "b64decode" | "to_yaml" | "to_json" | "from_yaml"
        | "sha256" | "slugify" => 1,
        "render" => 2 - N,
        "load_base64" | "load_sha256" | "load_latest_git_commit" | "get_var" => 1,
        _ => usize::from(
            function.starts_with("do_") || function.starts_with("test_") || function.contains(".__"),
        ),
    };
    (function.into(), implied)
}

/// An integer argument.
pub(crate) fn integer(value: &Value) -> Result<i64> {
    match value {
        Value::Undefined(undefined) if undefined.mode != crate::value::UndefinedMode::Lenient => {
            Err(undefined.error())
        }
        other => other.index().ok_or_else(|| {
            Error::type_error(format!(
                "'{}' object cannot be interpreted as an integer",
                other.type_name()
            ))
        }),
    }
}

/// A string argument.
pub(crate) fn string(value: &Value) -> Result<Arc<str>> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(text.clone()),
        other => Err(Error::type_error(format!(
            "expected str instance, {} found",
            other.type_name()
        ))),
    }
}

/// Truth of an optional argument, false when it is not given.
pub(crate) fn flag(value: Option<&Value>) -> Result<bool> {
    value.map_or(Ok(false), Value::truth)
}
