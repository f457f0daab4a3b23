//! `slugify`, with python-slugify's arguments.

use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use super::transliterate::transliterate;
use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{UndefinedMode, Value, iter, text};

struct Options {
    entities: bool,
    decimal: bool,
    hexadecimal: bool,
    max_length: i64,
    word_boundary: bool,
    separator: Arc<str>,
    save_order: bool,
    stopwords: Vec<Arc<str>>,
    pattern: Option<Regex>,
    lowercase: bool,
    replacements: Vec<(Arc<str>, Arc<str>)>,
    allow_unicode: bool,
}

pub(crate) fn slugify(vm: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    if !args.positional.is_empty() {
        let count = args.positional.len() + 1;
        return Err(Error::type_error(format!(
            "slugify() takes 1 positional argument but {count} were given"
        )));
    }
    let own = match &value {
        Value::Str(own) | Value::Markup(own) => own.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
            return Err(undefined.error());
        }
        other => {
            return Err(Error::type_error(format!(
                "decoding to str: need a bytes-like object, {} found",
                other.type_name()
            )));
        }
    };
    let options = options(vm, args)?;
    Ok(run(&own, &options).into())
}

fn options(vm: &Vm, args: CallArgs) -> Result<Options> {
    let names = [
        "entities",
        "decimal",
        "hexadecimal",
        "max_length",
        "word_boundary",
        "separator",
        "save_order",
        "stopwords",
        "regex_pattern",
        "lowercase",
        "replacements",
        "allow_unicode",
    ];
    let [
        entities,
        decimal,
        hexadecimal,
        max_length,
        word_boundary,
        separator,
        save_order,
        stopwords,
        pattern,
        lowercase,
        replacements,
        allow_unicode,
    ] = args.bind("slugify", names, 0)?;
    let on = |value: Option<Value>| value.map_or(Ok(true), |value| value.truth());
    let words = |value: &Value| {
        let items = iter::items(vm, value)?;
        items
            .iter()
            .map(super::commands::text_argument)
            .collect::<Result<Vec<_>>>()
    };
    let mut pairs = Vec::new();
    if let Some(replacements) = replacements {
        for pair in iter::items(vm, &replacements)? {
            let [old, new] = <[Arc<str>; 2]>::try_from(words(&pair)?).map_err(|found| {
                Error::value_error(format!(
                    "not enough values to unpack (expected 2, got {})",
                    found.len()
                ))
            })?;
            pairs.push((old, new));
        }
    }
    let pattern = match pattern {
        Some(pattern) if pattern.truth()? => {
            let source = super::commands::text_argument(&pattern)?;
            Some(Regex::new(&source).map_err(|error| {
                Error::new(
                    ErrorKind::EXCEPTION,
                    format!("invalid regular expression: {error}"),
                )
            })?)
        }
        _ => None,
    };
    Ok(Options {
        entities: on(entities)?,
        decimal: on(decimal)?,
        hexadecimal: on(hexadecimal)?,
        max_length: max_length.map_or(Ok(0), |length| integer(&length))?,
        word_boundary: flag(word_boundary.as_ref())?,
        separator: separator.map_or(Ok("-".into()), |separator| {
            super::commands::text_argument(&separator)
        })?,
        save_order: flag(save_order.as_ref())?,
        stopwords: stopwords.map_or(Ok(Vec::new()), |stopwords| words(&stopwords))?,
        pattern,
        lowercase: on(lowercase)?,
        replacements: pairs,
        allow_unicode: flag(allow_unicode.as_ref())?,
    })
}

/// Runs of `'` as one `with`.
fn quotes(text: &str, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    for c in text.chars() {
        if c != '\'' {
            out.push(c);
        } else if !quoted {
            out.push_str(with);
        }
        quoted = c == '\'';
    }
    out
}

fn run(own: &str, options: &Options) -> String {
    let mut text = own.to_owned();
    for (old, new) in &options.replacements {
        text = text.replace(&**old, new);
    }
    text = quotes(&text, "-");
    text = if options.allow_unicode {
        text.nfkc().collect()
    } else {
        transliterate(&text.nfkd().collect::<String>())
    };
    text = references(&text, options);
    text = if options.allow_unicode {
        text.nfkc().collect()
    } else {
        text.nfkd().collect()
    };
    if options.lowercase {
        text = text.to_lowercase();
    }
    text = numbers(&quotes(&text, ""));
    text = match &options.pattern {
        Some(pattern) => pattern.replace_all(&text, "-").into_owned(),
        None if options.allow_unicode => dashed(&text, text::is_alnum),
        None => dashed(&text, |c| c == '-' || c.is_ascii_alphanumeric()),
    };
    text = single_dashes(&text);
    if !options.stopwords.is_empty() {
        let stop: Vec<String> = options
            .stopwords
            .iter()
            .map(|word| {
                if options.lowercase {
                    word.to_lowercase()
                } else {
                    word.to_string()
                }
            })
            .collect();
        text = text
            .split('-')
            .filter(|word| !stop.iter().any(|stop| stop == word))
            .collect::<Vec<_>>()
            .join("-");
    }
    for (old, new) in &options.replacements {
        text = text.replace(&**old, new);
    }
    if options.max_length > 0 {
        text = truncate(
            &text,
            options.max_length as usize,
            options.word_boundary,
            options.save_order,
        );
    }
    if &*options.separator == "-" {
        text
    } else {
        text.replace('-', &options.separator)
    }
}

/// HTML references of the kinds that are wanted.
fn references(text: &str, options: &Options) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let wanted = |reference: &str| match reference.as_bytes() {
        [b'&', b'#', b'x', ..] => options.hexadecimal,
        [b'&', b'#', ..] => options.decimal,
        _ => options.entities,
    };
    let Ok(pattern) = Regex::new(r"&(#[0-9]+|#x[0-9a-fA-F]+|[A-Za-z0-9]+);") else {
        return text.to_owned();
    };
    pattern
        .replace_all(text, |found: &regex::Captures<'_>| {
            let whole = &found[0];
            if wanted(whole) {
                crate::filters::html::unescape(whole)
            } else {
                whole.to_owned()
            }
        })
        .into_owned()
}

/// Commas between digits go.
fn numbers(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: usize| chars.get(at).is_some_and(|c| text::decimal(*c).is_some());
    let keep = |at: usize| !(chars[at] == ',' && at > 0 && digit(at - 1) && digit(at + 1));
    (0..chars.len())
        .filter(|at| keep(*at))
        .map(|at| chars[at])
        .collect()
}

fn dashed(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if keep(c) {
            out.push(c);
        } else if !gap {
            out.push('-');
        }
        gap = !keep(c);
    }
    out
}

fn single_dashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out.trim_matches('-').to_owned()
}

fn truncate(own: &str, limit: usize, word_boundary: bool, save_order: bool) -> String {
    let own = own.trim_matches('-');
    if text::length(own) < limit {
        return own.to_owned();
    }
    let head = text::slice(own, 0, limit.min(text::length(own)));
    if !word_boundary {
        return head.trim_matches('-').to_owned();
    }
    if !own.contains('-') {
        return head.to_owned();
    }
    let mut kept = String::new();
    for word in own.split('-').filter(|word| !word.is_empty()) {
        let next = text::length(&kept) + text::length(word);
        if next < limit {
            kept.push_str(word);
            kept.push('-');
        } else if next == limit {
            kept.push_str(word);
            break;
        } else if save_order {
            break;
        }
    }
    if kept.is_empty() {
        kept.push_str(head);
    }
    kept.trim_matches('-').to_owned()
}
