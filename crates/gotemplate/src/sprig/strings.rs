//! Functions on strings.

use super::arguments::{find, int, owned, replace, split, strings, strslice, strval, text};
use super::*;
use crate::fmt;
use crate::runes;
use crate::strconv;
use crate::text::Text;
use crate::types::Kind;
use crate::value::{List, Map};

/// What no string may be longer than; Go would run out of memory.
const MAX_LENGTH: usize = 1 << 28;

pub(super) const TABLE: &[Entry] = &[
    ("hello", &NOTHING, |_, _| Ok("Hello!".into())),
    ("abbrev", &INT_TEXT, |a, _| Ok(abbrev(int(&a[0]), &a[1]))),
    ("abbrevboth", &INT_INT_TEXT, |a, _| {
        Ok(abbrev_both(int(&a[0]), int(&a[1]), &a[2]))
    }),
    ("trunc", &INT_TEXT, |a, _| Ok(trunc(int(&a[0]), &a[1]))),
    ("trim", &TEXT, |a, _| {
        Ok(Value::string(trim(text(&a[0]), runes::is_space)))
    }),
    ("substr", &INT_INT_TEXT, |a, _| {
        substr(int(&a[0]), int(&a[1]), text(&a[2]))
    }),
    ("repeat", &INT_TEXT, |a, _| {
        repeat(text(&a[1]), int(&a[0])).map(Value::string)
    }),
    ("trimall", &TEXT_TEXT, trim_all),
    ("trimAll", &TEXT_TEXT, trim_all),
    ("trimSuffix", &TEXT_TEXT, |a, _| {
        Ok(text(&a[1])
            .strip_suffix(text(&a[0]))
            .map_or_else(|| a[1].clone(), Value::string))
    }),
    ("trimPrefix", &TEXT_TEXT, |a, _| {
        Ok(text(&a[1])
            .strip_prefix(text(&a[0]))
            .map_or_else(|| a[1].clone(), Value::string))
    }),
    ("nospace", &TEXT, |a, _| Ok(nospace(&a[0]))),
    ("initials", &TEXT, |a, _| Ok(initials(text(&a[0])))),
    ("contains", &TEXT_TEXT, |a, _| {
        Ok(find(text(&a[1]), text(&a[0])).is_some().into())
    }),
    ("hasPrefix", &TEXT_TEXT, |a, _| {
        Ok(text(&a[1]).starts_with(text(&a[0])).into())
    }),
    ("hasSuffix", &TEXT_TEXT, |a, _| {
        Ok(text(&a[1]).ends_with(text(&a[0])).into())
    }),
    ("quote", &ANYS, |a, _| {
        Ok(join_quoted(a, |value| {
            strconv::quote(strval(value).as_bytes()).into_bytes()
        }))
    }),
    ("squote", &ANYS, |a, _| Ok(join_quoted(a, squote))),
    ("cat", &ANYS, |a, _| Ok(cat(a))),
    ("indent", &INT_TEXT, |a, _| indent(int(&a[0]), text(&a[1]), b"")),
    ("nindent", &INT_TEXT, |a, _| {
        indent(int(&a[0]), text(&a[1]), b"\n")
    }),
    ("replace", &TEXT_TEXT_TEXT, |a, _| {
        Ok(Value::string(replace(text(&a[2]), text(&a[0]), text(&a[1]))))
    }),
    ("plural", &TEXT_TEXT_INT, |a, _| {
        Ok(a[usize::from(int(&a[2]) != 1)].clone())
    }),
    ("toString", &ANY, |a, _| Ok(strval(&a[0]).into())),
    ("split", &TEXT_TEXT, |a, _| {
        Ok(numbered(split(text(&a[1]), text(&a[0]), -1)))
    }),
    ("splitList", &TEXT_TEXT, |a, _| {
        Ok(strings(split(text(&a[1]), text(&a[0]), -1).unwrap_or_default()))
    }),
    ("splitn", &TEXT_INT_TEXT, |a, _| {
        Ok(numbered(split(text(&a[2]), text(&a[0]), int(&a[1]))))
    }),
    ("toStrings", &ANY, |a, _| Ok(to_strings(&a[0]))),
    ("join", &TEXT_ANY, |a, _| Ok(join(text(&a[0]), &strslice(&a[1])))),
    ("sortAlpha", &ANY, |a, _| Ok(sort_alpha(&a[0]))),
];

fn trim(bytes: &[u8], unwanted: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = bytes;
    while let Some((rune, width)) = runes::decode(rest)
        && unwanted(rune)
    {
        rest = &rest[width..];
    }
    while let Some((rune, width)) = runes::decode_last(rest)
        && unwanted(rune)
    {
        rest = &rest[..rest.len() - width];
    }
    rest
}

fn trim_all(a: &[Value], _: &mut Context<'_>) -> Result<Value> {
    let set: Vec<char> = runes::iter(text(&a[0])).map(|(_, rune, _)| rune).collect();
    Ok(Value::string(trim(text(&a[1]), |rune| set.contains(&rune))))
}

fn abbreviate(bytes: &[u8], offset: usize, width: usize) -> Vec<u8> {
    if bytes.len() <= width {
        return bytes.to_vec();
    }
    let mut offset = offset.min(bytes.len());
    if bytes.len() - offset < width - 3 {
        offset = bytes.len() - (width - 3);
    }
    if offset <= 4 {
        return [&bytes[..width - 3], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < bytes.len() {
        return [b"...".to_vec(), abbreviate(&bytes[offset..], 0, width - 3)].concat();
    }
    [b"...", &bytes[bytes.len() - (width - 3)..]].concat()
}

fn abbrev(width: i64, value: &Value) -> Value {
    if width < 4 {
        return value.clone();
    }
    Value::string(abbreviate(text(value), 0, width as usize))
}

fn abbrev_both(left: i64, right: i64, value: &Value) -> Value {
    if right < 4 || left > 0 && right < 7 {
        return value.clone();
    }
    Value::string(abbreviate(text(value), left.max(0) as usize, right as usize))
}

fn trunc(count: i64, value: &Value) -> Value {
    let bytes = text(value);
    let length = bytes.len() as i64;
    if count < 0 && length.saturating_add(count) > 0 {
        return Value::string(&bytes[(length + count) as usize..]);
    }
    if count >= 0 && length > count {
        return Value::string(&bytes[..count as usize]);
    }
    value.clone()
}

fn substr(start: i64, end: i64, bytes: &[u8]) -> Result<Value> {
    let length = bytes.len() as i64;
    if start < 0 {
        if end < 0 {
            return Err(out_of_range(&format!("[:{end}]")));
        }
        if end > length {
            return Err(out_of_range(&format!("[:{end}] with length {length}")));
        }
        return Ok(Value::string(&bytes[..end as usize]));
    }
    if end < 0 || end > length {
        if start > length {
            return Err(out_of_range(&format!("[{start}:{length}]")));
        }
        return Ok(Value::string(&bytes[start as usize..]));
    }
    if start > end {
        return Err(out_of_range(&format!("[{start}:{end}]")));
    }
    Ok(Value::string(&bytes[start as usize..end as usize]))
}

pub(super) fn repeat(bytes: &[u8], count: i64) -> Result<Vec<u8>> {
    let Ok(count) = usize::try_from(count) else {
        return Err(Error::message("strings: negative Repeat count"));
    };
    match bytes.len().checked_mul(count) {
        Some(length) if length <= MAX_LENGTH => Ok(bytes.repeat(count)),
        _ => Err(Error::message("strings: Repeat output length overflow")),
    }
}

/// Goes by bytes, so that other runes than ASCII are spoilt, as in Go.
fn nospace(value: &Value) -> Value {
    let bytes = text(value);
    let is_space = |byte: &u8| runes::is_space(char::from(*byte));
    if !bytes.iter().any(is_space) {
        return value.clone();
    }
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes.iter().filter(|byte| !is_space(byte)) {
        runes::push(&mut out, char::from(*byte));
    }
    Value::string(out)
}

fn initials(bytes: &[u8]) -> Value {
    let mut out = Vec::new();
    let mut after_gap = true;
    for byte in bytes {
        let rune = char::from(*byte);
        if runes::is_space(rune) {
            after_gap = true;
        } else if after_gap {
            runes::push(&mut out, rune);
            after_gap = false;
        }
    }
    Value::string(out)
}

fn join_quoted(values: &[Value], quote: impl Fn(&Value) -> Vec<u8>) -> Value {
    let quoted: Vec<_> = values.iter().filter(|value| !value.is_nil()).map(quote).collect();
    Value::string(quoted.join(&b" "[..]))
}

fn squote(value: &Value) -> Vec<u8> {
    fmt::sprintf(b"'%v'", std::slice::from_ref(value))
        .as_bytes()
        .to_vec()
}

fn cat(values: &[Value]) -> Value {
    let words: Vec<_> = values
        .iter()
        .filter(|value| !value.is_nil())
        .map(|value| {
            fmt::sprintf(b"%v", std::slice::from_ref(value))
                .as_bytes()
                .to_vec()
        })
        .collect();
    Value::string(words.join(&b" "[..]))
}

fn indent(spaces: i64, bytes: &[u8], before: &[u8]) -> Result<Value> {
    let pad = repeat(b" ", spaces)?;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let length = bytes.len() + lines.saturating_mul(pad.len());
    if length > MAX_LENGTH {
        return Err(Error::message("strings: Repeat output length overflow"));
    }
    let mut out = Vec::with_capacity(before.len() + length);
    out.extend_from_slice(before);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    Ok(Value::string(out))
}

fn numbered(parts: Option<Vec<Text>>) -> Value {
    let parts = parts.unwrap_or_default();
    let entries = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (Text::from(format!("_{index}")), part));
    Value::Map(Map::of_strings(entries))
}

fn to_strings(value: &Value) -> Value {
    match value {
        Value::List(list) if *list.go_type() == crate::types::STRING_LIST => value.clone(),
        value => strings(strslice(value)),
    }
}

fn join(separator: &[u8], parts: &[Text]) -> Value {
    let parts: Vec<_> = parts.iter().map(Text::as_bytes).collect();
    Value::string(parts.join(separator))
}

fn sort_alpha(value: &Value) -> Value {
    match value {
        // A slice of strings is sorted where it is, for all who share it.
        Value::List(list) if *list.go_type() == crate::types::STRING_LIST => {
            if let Some(mut items) = list.borrow_mut() {
                items.sort_by_key(owned);
            }
            value.clone()
        }
        value if value.kind() == Kind::Slice => {
            let mut sorted = strslice(value);
            sorted.sort();
            strings(sorted)
        }
        value => Value::List(List::of_strings([strval(value)])),
    }
}
