//! Functions on regular expressions.

use std::rc::Rc;

use super::arguments::{int, owned, text};
use super::*;
use crate::regexp::{Pattern, compile, must_compile_message, quote_meta};
use crate::text::Text;
use crate::types::STRING_LIST;
use crate::value::List;

pub(super) const TABLE: &[Entry] = &[
    ("regexMatch", &TEXT_TEXT, |a, _| {
        Ok(compile(&owned(&a[0]))
            .is_ok_and(|pattern| pattern.is_match(text(&a[1])))
            .into())
    }),
    ("mustRegexMatch", &TEXT_TEXT, |a, _| {
        Ok(compiled(&a[0])?.is_match(text(&a[1])).into())
    }),
    ("regexFind", &TEXT_TEXT, |a, _| Ok(find(&must(&a[0])?, a))),
    ("mustRegexFind", &TEXT_TEXT, |a, _| Ok(find(&compiled(&a[0])?, a))),
    ("regexFindAll", &TEXT_TEXT_INT, |a, _| {
        Ok(find_all(&must(&a[0])?, a))
    }),
    ("mustRegexFindAll", &TEXT_TEXT_INT, |a, _| {
        Ok(find_all(&compiled(&a[0])?, a))
    }),
    ("regexReplaceAll", &TEXT_TEXT_TEXT, |a, _| {
        Ok(replace(&must(&a[0])?, a, false))
    }),
    ("mustRegexReplaceAll", &TEXT_TEXT_TEXT, |a, _| {
        Ok(replace(&compiled(&a[0])?, a, false))
    }),
    ("regexReplaceAllLiteral", &TEXT_TEXT_TEXT, |a, _| {
        Ok(replace(&must(&a[0])?, a, true))
    }),
    ("mustRegexReplaceAllLiteral", &TEXT_TEXT_TEXT, |a, _| {
        Ok(replace(&compiled(&a[0])?, a, true))
    }),
    ("regexSplit", &TEXT_TEXT_INT, |a, _| Ok(split(&must(&a[0])?, a))),
    ("mustRegexSplit", &TEXT_TEXT_INT, |a, _| {
        Ok(split(&compiled(&a[0])?, a))
    }),
    ("regexQuoteMeta", &TEXT, |a, _| {
        Ok(Value::string(quote_meta(text(&a[0]))))
    }),
];

fn compiled(value: &Value) -> Result<Rc<Pattern>> {
    compile(&owned(value)).map_err(Error::message)
}

/// Compiles as those functions do that have no error of their own: with a panic's message.
fn must(value: &Value) -> Result<Rc<Pattern>> {
    compile(&owned(value)).map_err(|error| Error::message(must_compile_message(text(value), &error)))
}

fn find(pattern: &Rc<Pattern>, a: &[Value]) -> Value {
    Value::string(pattern.find(text(&a[1])).unwrap_or_default())
}

fn find_all(pattern: &Rc<Pattern>, a: &[Value]) -> Value {
    let subject = text(&a[1]);
    let found = pattern.find_all(subject, int(&a[2]));
    if found.is_empty() {
        return Value::List(List::nil(&STRING_LIST));
    }
    Value::List(List::of_strings(
        found
            .into_iter()
            .map(|(start, end)| Text::from(&subject[start..end])),
    ))
}

fn replace(pattern: &Rc<Pattern>, a: &[Value], literal: bool) -> Value {
    Value::string(pattern.replace_all(text(&a[1]), text(&a[2]), literal))
}

fn split(pattern: &Rc<Pattern>, a: &[Value]) -> Value {
    match pattern.split(text(&a[1]), int(&a[2])) {
        Some(parts) => Value::List(List::of_strings(parts.into_iter().map(Text::from))),
        None => Value::List(List::nil(&STRING_LIST)),
    }
}
