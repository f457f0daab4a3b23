//! Filters for HTML: escaping, tags, URLs.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::call::{CallArgs, flag, integer};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{UndefinedMode, Value, iter, repr, text};

type Ctx = Rc<Context>;

/// MarkupSafe's `escape`: HTML stays, all else is escaped.
pub(crate) fn escaped(value: &Value) -> Result<Arc<str>> {
    match value {
        Value::Markup(text) => Ok(text.clone()),
        other => Ok(text::escape(&repr::to_str(other)?)),
    }
}

pub(crate) fn escape(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("escape")?;
    escaped(&value).map(Value::Markup)
}

pub(crate) fn forceescape(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_forceescape")?;
    Ok(Value::Markup(text::escape(&repr::to_str(&value)?)))
}

pub(crate) fn safe(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_mark_safe")?;
    repr::to_str(&value).map(Value::Markup)
}

/// `~` with autoescape on.
pub(crate) fn markup_join(values: &[Value]) -> Result<Value> {
    if values.iter().any(|value| matches!(value, Value::Markup(_))) {
        let mut out = String::new();
        for value in values {
            out.push_str(&escaped(value)?);
        }
        return Ok(Value::Markup(out.into()));
    }
    let mut out = String::new();
    for value in values {
        repr::write_str(value, &mut out)?;
    }
    Ok(out.into())
}

/// `join` with autoescape on.
pub(crate) fn join(separator: &Value, items: &[Value]) -> Result<Value> {
    let html =
        matches!(separator, Value::Markup(_)) || items.iter().any(|item| matches!(item, Value::Markup(_)));
    let text = |value: &Value| if html { escaped(value) } else { repr::to_str(value) };
    let separator = text(separator)?;
    let parts = items.iter().map(text).collect::<Result<Vec<_>>>()?;
    let joined = parts.join(&*separator);
    Ok(if html {
        Value::Markup(joined.into())
    } else {
        joined.into()
    })
}

/// Text without comments and tags, with whitespace folded and entities read.
pub(crate) fn strip_tags(html: &str) -> String {
    let mut text = html.to_owned();
    for (open, close) in [("<!--", "-->"), ("<", ">")] {
        while let Some(start) = text.find(open) {
            let Some(end) = text[start..].find(close) else {
                break;
            };
            text.replace_range(start..start + end + close.len(), "");
        }
    }
    let folded: Vec<&str> = text
        .split(crate::lexer::is_space)
        .filter(|word| !word.is_empty())
        .collect();
    unescape(&folded.join(" "))
}

/// Reads the entities that text usually has, and all numeric ones.
pub(crate) fn unescape(text: &str) -> String {
    static ENTITY: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z0-9]+;)").ok());
    let Some(entity) = &*ENTITY else {
        return text.to_owned();
    };
    let replace = |found: &regex::Captures<'_>| {
        let whole = found[0].to_owned();
        let name = found[1].trim_end_matches(';');
        let code = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            },
            None => ENTITIES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, c)| u32::from(*c)),
        };
        match code {
            Some(code) if name.starts_with('#') => char::from_u32(code)
                .filter(|_| code != 0)
                .unwrap_or('\u{fffd}')
                .to_string(),
            Some(code) => char::from_u32(code).map_or(whole, String::from),
            None => whole,
        }
    };
    entity.replace_all(text, replace).into_owned()
}

const ENTITIES: [(&str, char); 44] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("hellip", '…'),
    ("mdash", '—'),
    ("ndash", '–'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("bull", '•'),
    ("middot", '·'),
    ("euro", '€'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("sect", '§'),
    ("para", '¶'),
    ("deg", '°'),
    ("plusmn", '±'),
    ("times", '×'),
    ("divide", '÷'),
    ("frac12", '½'),
    ("frac14", '¼'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ccedil", 'ç'),
    ("larr", '←'),
];

pub(crate) fn striptags(_: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_striptags")?;
    Ok(strip_tags(&repr::to_str(&value)?).into())
}

pub(crate) fn xmlattr(_: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [autospace] = args.bind("do_xmlattr", ["autospace"], 0)?;
    let autospace = autospace.map_or(Ok(true), |value| value.truth())?;
    let Value::Dict(dict) = &value else {
        return Err(match &value {
            Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => undefined.error(),
            other => Error::new(
                ErrorKind::ATTRIBUTE,
                format!("'{}' object has no attribute 'items'", other.type_name()),
            ),
        });
    };
    let mut parts = Vec::new();
    for (key, value) in dict.pairs() {
        if matches!(value, Value::None | Value::Undefined(_)) {
            continue;
        }
        let Some(name) = key.as_str() else {
            return Err(Error::type_error(format!(
                "expected string or bytes-like object, got '{}'",
                key.type_name()
            )));
        };
        if name.contains(['/', '>', '=', ' ', '\t', '\n', '\r', '\x0b', '\x0c']) {
            return Err(Error::value_error(format!(
                "Invalid character in attribute name: {}",
                repr::str_repr(name)
            )));
        }
        parts.push(format!("{}=\"{}\"", escaped(&key)?, escaped(&value)?));
    }
    let mut text = parts.join(" ");
    if autospace && !text.is_empty() {
        text.insert(0, ' ');
    }
    Ok(if ctx.autoescape.get() {
        Value::Markup(text.into())
    } else {
        text.into()
    })
}

/// Percent-encodes; `/` stays unless the text is part of a query.
fn quote(value: &Value, query: bool) -> Result<String> {
    let bytes: Vec<u8> = match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        other => repr::to_str(other)?.as_bytes().to_vec(),
    };
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(byte as char),
            b'/' if !query => out.push('/'),
            b' ' if query => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out)
}

pub(crate) fn urlencode(vm: &Vm, _: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    args.none("do_urlencode")?;
    let pairs = match &value {
        Value::Dict(dict) => dict.pairs(),
        Value::Str(_) | Value::Markup(_) => return quote(&value, false).map(Value::from),
        other => match iter::iterate(vm, other) {
            Err(error) if error.kind() == ErrorKind::TYPE => return quote(&value, false).map(Value::from),
            Err(error) => return Err(error),
            Ok(items) => {
                let mut pairs = Vec::new();
                while let Some(item) = items.next(vm)? {
                    let parts = iter::items(vm, &item)?;
                    let [key, value] = <[Value; 2]>::try_from(parts).map_err(|parts| match parts.len() {
                        0 | 1 => Error::value_error(format!(
                            "not enough values to unpack (expected 2, got {})",
                            parts.len()
                        )),
                        _ => Error::value_error("too many values to unpack (expected 2)"),
                    })?;
                    pairs.push((key, value));
                }
                pairs
            }
        },
    };
    let mut parts = Vec::new();
    for (key, value) in pairs {
        parts.push(format!("{}={}", quote(&key, true)?, quote(&value, true)?));
    }
    Ok(parts.join("&").into())
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::[\d]{1,5})?(?:[/?#]\S*)?$",
    )
});
static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^\S+@\w[\w.-]*\.\w+$"));

fn fits(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

pub(crate) fn urlize(vm: &Vm, ctx: &Ctx, value: Value, args: CallArgs) -> Result<Value> {
    let [limit, nofollow, target, rel, schemes] = args.bind(
        "do_urlize",
        ["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"],
        0,
    )?;
    let limit = match limit {
        None | Some(Value::None) => None,
        Some(limit) => Some(usize::try_from(integer(&limit)?).unwrap_or_default()),
    };
    let optional = |value: Option<Value>| match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => repr::to_str(&value).map(Some),
    };
    let target = optional(target)?;
    let mut rels: Vec<String> = optional(rel)?
        .map(|rel| rel.split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default();
    if flag(nofollow.as_ref())? {
        rels.push("nofollow".to_owned());
    }
    rels.push("noopener".to_owned());
    rels.sort();
    rels.dedup();
    let mut extra = Vec::new();
    if let Some(schemes) = schemes.filter(|schemes| !matches!(schemes, Value::None)) {
        for scheme in iter::items(vm, &schemes)? {
            let text = repr::to_str(&scheme)?;
            if !pattern(r"^([\w.+-]{2,}:(/){0,2})$").is_some_and(|pattern| pattern.is_match(&text)) {
                return Err(Error::new(
                    ErrorKind::FILTER_ARGUMENT,
                    format!("{} is not a valid URI scheme prefix.", repr::str_repr(&text)),
                ));
            }
            extra.push(text);
        }
    }
    let mut attributes = format!(" rel=\"{}\"", text::escape(&rels.join(" ")));
    if let Some(target) = target {
        attributes.push_str(&format!(" target=\"{}\"", text::escape(&target)));
    }
    let whole = escaped(&value)?;
    let mut out = String::new();
    let mut rest = &*whole;
    while !rest.is_empty() {
        let space = rest.starts_with(crate::lexer::is_space);
        let end = rest
            .find(|c| crate::lexer::is_space(c) != space)
            .unwrap_or(rest.len());
        if space {
            out.push_str(&rest[..end]);
        } else {
            out.push_str(&link_word(&rest[..end], limit, &attributes, &extra));
        }
        rest = &rest[end..];
    }
    Ok(if ctx.autoescape.get() {
        Value::Markup(out.into())
    } else {
        out.into()
    })
}

/// A word as a link, if it is one, brackets and punctuation around it left outside.
fn link_word(word: &str, limit: Option<usize>, attributes: &str, extra: &[Arc<str>]) -> String {
    let mut head_end = 0;
    while let Some(found) = ["(", "<", "&lt;"]
        .iter()
        .find(|open| word[head_end..].starts_with(**open))
    {
        head_end += found.len();
    }
    let (head, mut middle) = word.split_at(head_end);
    let mut tail = String::new();
    let mut end = middle.len();
    while let Some(found) = [")", ">", ".", ",", "\n", "&gt;"]
        .iter()
        .find(|close| middle[..end].ends_with(**close))
    {
        end -= found.len();
    }
    if end < middle.len() {
        tail.push_str(&middle[end..]);
        middle = &middle[..end];
    }
    let mut middle = middle.to_owned();
    for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
        let opened = middle.matches(open).count();
        if opened <= middle.matches(close).count() {
            continue;
        }
        for _ in 0..opened.min(tail.matches(close).count()) {
            let Some(at) = tail.find(close) else { break };
            let moved: String = tail.drain(..at + close.len()).collect();
            middle.push_str(&moved);
        }
    }
    let trim = |text: &str| match limit {
        Some(limit) if text::length(text) > limit => format!("{}...", text::slice(text, 0, limit)),
        _ => text.to_owned(),
    };
    if fits(&URL, &middle) {
        let prefix = if middle.starts_with("https://") || middle.starts_with("http://") {
            ""
        } else {
            "https://"
        };
        middle = format!("<a href=\"{prefix}{middle}\"{attributes}>{}</a>", trim(&middle));
    } else if middle.starts_with("mailto:") && fits(&EMAIL, &middle[7..]) {
        middle = format!("<a href=\"{middle}\">{}</a>", &middle[7..]);
    } else if middle.contains('@')
        && !middle.starts_with("www.")
        && !middle.starts_with('@')
        && !middle.contains(':')
        && fits(&EMAIL, &middle)
    {
        middle = format!("<a href=\"mailto:{middle}\">{middle}</a>");
    } else {
        for scheme in extra {
            if middle.starts_with(&**scheme) && middle != **scheme {
                middle = format!("<a href=\"{middle}\"{attributes}>{middle}</a>");
            }
        }
    }
    format!("{head}{middle}{tail}")
}
