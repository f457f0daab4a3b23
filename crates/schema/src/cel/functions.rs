//! The functions of the language itself and of its extensions.

use std::cmp::Ordering;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::eval::{Budget, no_overload};
use super::kubernetes;
use super::times;
use super::value::Cel;

type Called = Result<Cel, String>;

/// Names of types, which are values too.
pub(super) const TYPES: [&str; 12] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

const KNOWN: [&str; 95] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "replace",
    "split",
    "substring",
    "trim",
    "format",
    "reverse",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "type",
    "dyn",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "isSorted",
    "sum",
    "min",
    "max",
    "slice",
    "flatten",
    "sort",
    "distinct",
    "find",
    "findAll",
    "hasValue",
    "value",
    "or",
    "orValue",
    "optional.of",
    "optional.none",
    "optional.ofNonZeroValue",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
    "math.greatest",
    "math.least",
    "math.abs",
    "math.ceil",
    "math.floor",
    "math.round",
    "math.trunc",
    "math.sign",
    "base64.encode",
    "base64.decode",
    "strings.quote",
    "isURL",
    "url",
    "getScheme",
    "getHost",
    "getHostname",
    "getPort",
    "getEscapedPath",
    "getQuery",
    "isQuantity",
    "quantity",
    "sign",
    "isInteger",
    "asInteger",
    "asApproximateFloat",
    "add",
    "sub",
    "isLessThan",
    "isGreaterThan",
    "compareTo",
    "isIP",
    "ip",
    "ip.isCanonical",
    "family",
    "isCIDR",
    "cidr",
    "cel.bind",
    "first",
];

/// Whether there is a function of a name.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || kubernetes::KNOWN.contains(&name)
}

fn overflow() -> String {
    "integer overflow".to_owned()
}

/// `+`, `-`, `*`, `/` and `%`.
pub(super) fn arithmetic(sign: &str, left: &Cel, right: &Cel) -> Called {
    match (left, right) {
        (Cel::Int(a), Cel::Int(b)) => {
            let done = match sign {
                "+" => a.checked_add(*b),
                "-" => a.checked_sub(*b),
                "*" => a.checked_mul(*b),
                "/" if *b == 0 => return Err("division by zero".to_owned()),
                "/" => a.checked_div(*b),
                _ if *b == 0 => return Err("modulus by zero".to_owned()),
                _ => a.checked_rem(*b),
            };
            done.map(Cel::Int).ok_or_else(overflow)
        }
        (Cel::Uint(a), Cel::Uint(b)) => {
            let done = match sign {
                "+" => a.checked_add(*b),
                "-" => a.checked_sub(*b),
                "*" => a.checked_mul(*b),
                "/" if *b == 0 => return Err("division by zero".to_owned()),
                "/" => a.checked_div(*b),
                _ if *b == 0 => return Err("modulus by zero".to_owned()),
                _ => a.checked_rem(*b),
            };
            done.map(Cel::Uint)
                .ok_or_else(|| "unsigned integer overflow".to_owned())
        }
        (Cel::Double(a), Cel::Double(b)) => Ok(Cel::Double(match sign {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            _ => return Err(no_overload()),
        })),
        (Cel::Text(a), Cel::Text(b)) if sign == "+" => Ok(Cel::text(format!("{a}{b}"))),
        (Cel::Bytes(a), Cel::Bytes(b)) if sign == "+" => Ok(Cel::Bytes([&**a, &**b].concat().into())),
        (Cel::List(a) | Cel::Bag(a), Cel::List(b) | Cel::Bag(b)) if sign == "+" => {
            Ok(Cel::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        (Cel::Time(time), Cel::Duration(nanos)) | (Cel::Duration(nanos), Cel::Time(time)) => {
            let span = jiff::SignedDuration::from_nanos(*nanos);
            let done = match sign {
                "+" => time.checked_add(span),
                "-" => time.checked_sub(span),
                _ => return Err(no_overload()),
            };
            done.map(Cel::Time).map_err(|_| "timestamp overflow".to_owned())
        }
        (Cel::Time(a), Cel::Time(b)) if sign == "-" => i64::try_from(a.as_nanosecond() - b.as_nanosecond())
            .map(Cel::Duration)
            .map_err(|_| overflow()),
        (Cel::Duration(a), Cel::Duration(b)) => match sign {
            "+" => a.checked_add(*b),
            "-" => a.checked_sub(*b),
            _ => return Err(no_overload()),
        }
        .map(Cel::Duration)
        .ok_or_else(overflow),
        _ => Err(no_overload()),
    }
}

/// Calls a function; the receiver is the first argument.
pub(super) fn call(name: &str, arguments: &[Cel], budget: &mut Budget) -> Called {
    for argument in arguments {
        let size = match argument {
            Cel::Text(text) => text.len() / 10,
            Cel::List(items) | Cel::Bag(items) => items.len(),
            _ => 0,
        };
        budget.spend(size)?;
    }
    let done = match arguments {
        [Cel::Text(text), rest @ ..] => texts(name, text, rest),
        [Cel::List(items) | Cel::Bag(items), rest @ ..] => lists(name, items, rest),
        [Cel::Time(time), rest @ ..] => {
            let zone = match rest {
                [Cel::Text(zone)] => Some(&**zone),
                _ => None,
            };
            times::time_part(name, *time, zone)
        }
        [Cel::Duration(nanos)] => times::duration_part(name, *nanos).map(Ok),
        [Cel::Optional(inner), rest @ ..] => optionals(name, inner.as_deref(), rest),
        _ => None,
    };
    done.or_else(|| convert(name, arguments))
        .or_else(|| named(name, arguments))
        .or_else(|| kubernetes::call(name, arguments))
        .unwrap_or_else(|| Err(no_overload()))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| format!("error parsing regexp: `{pattern}`"))
}

fn position(index: i64, length: usize) -> Result<usize, String> {
    usize::try_from(index)
        .ok()
        .filter(|index| *index <= length)
        .ok_or_else(|| format!("index out of range: {index}"))
}

fn find_from(text: &[char], wanted: &[char], from: usize) -> i64 {
    if wanted.is_empty() {
        return from as i64;
    }
    (from..text.len())
        .find(|index| text[*index..].starts_with(wanted))
        .map_or(-1, |index| index as i64)
}

fn texts(name: &str, text: &Arc<str>, rest: &[Cel]) -> Option<Called> {
    let chars = || text.chars().collect::<Vec<char>>();
    Some(Ok(match (name, rest) {
        ("size", []) => Cel::Int(text.chars().count() as i64),
        ("contains", [Cel::Text(other)]) => Cel::Bool(text.contains(&**other)),
        ("startsWith", [Cel::Text(other)]) => Cel::Bool(text.starts_with(&**other)),
        ("endsWith", [Cel::Text(other)]) => Cel::Bool(text.ends_with(&**other)),
        ("matches", [Cel::Text(pattern)]) => match regex(pattern) {
            Ok(regex) => Cel::Bool(regex.is_match(text)),
            Err(error) => return Some(Err(error)),
        },
        ("find", [Cel::Text(pattern)]) => match regex(pattern) {
            Ok(regex) => Cel::text(regex.find(text).map_or("", |found| found.as_str())),
            Err(error) => return Some(Err(error)),
        },
        ("findAll", [Cel::Text(pattern), limit @ ..]) => match regex(pattern) {
            Ok(regex) => {
                let most = match limit {
                    [Cel::Int(most)] if *most >= 0 => *most as usize,
                    _ => usize::MAX,
                };
                Cel::list(
                    regex
                        .find_iter(text)
                        .take(most)
                        .map(|found| Cel::text(found.as_str()))
                        .collect(),
                )
            }
            Err(error) => return Some(Err(error)),
        },
        ("charAt", [Cel::Int(index)]) => {
            let chars = chars();
            match position(*index, chars.len()) {
                Ok(index) => Cel::text(chars.get(index).map(char::to_string).unwrap_or_default()),
                Err(error) => return Some(Err(error)),
            }
        }
        ("indexOf", [Cel::Text(other), from @ ..]) => {
            let chars = chars();
            let from = match from {
                [Cel::Int(from)] => match position(*from, chars.len()) {
                    Ok(from) => from,
                    Err(error) => return Some(Err(error)),
                },
                _ => 0,
            };
            Cel::Int(find_from(&chars, &other.chars().collect::<Vec<_>>(), from))
        }
        ("lastIndexOf", [Cel::Text(other), ..]) => {
            let found = text.rfind(&**other).map(|index| text[..index].chars().count());
            Cel::Int(found.map_or(-1, |index| index as i64))
        }
        ("lowerAscii", []) => Cel::text(text.to_ascii_lowercase()),
        ("upperAscii", []) => Cel::text(text.to_ascii_uppercase()),
        ("trim", []) => Cel::text(text.trim()),
        ("reverse", []) => Cel::text(text.chars().rev().collect::<String>()),
        ("replace", [Cel::Text(old), Cel::Text(new), count @ ..]) => Cel::text(match count {
            [Cel::Int(count)] if *count >= 0 => text.replacen(&**old, new, *count as usize),
            _ => text.replace(&**old, new),
        }),
        ("split", [Cel::Text(separator), limit @ ..]) => {
            let parts: Vec<String> = if separator.is_empty() {
                text.chars().map(String::from).collect()
            } else {
                text.split(&**separator).map(str::to_owned).collect()
            };
            let parts = match limit {
                [Cel::Int(0)] => Vec::new(),
                [Cel::Int(most)] if *most > 0 && parts.len() > *most as usize => {
                    let (head, tail) = parts.split_at(*most as usize - 1);
                    let mut list = head.to_vec();
                    list.push(tail.join(separator));
                    list
                }
                _ => parts,
            };
            Cel::list(parts.into_iter().map(Cel::text).collect())
        }
        ("substring", [Cel::Int(from), to @ ..]) => {
            let chars = chars();
            let to = match to {
                [Cel::Int(to)] => *to,
                _ => chars.len() as i64,
            };
            match (position(*from, chars.len()), position(to, chars.len())) {
                (Ok(from), Ok(to)) if from <= to => Cel::text(chars[from..to].iter().collect::<String>()),
                (Ok(from), Ok(to)) => {
                    return Some(Err(format!("invalid substring range. start: {from}, end: {to}")));
                }
                (Err(error), _) | (_, Err(error)) => return Some(Err(error)),
            }
        }
        ("format", [arguments]) => return Some(format(text, arguments.items()?)),
        _ => return None,
    }))
}

/// `'%s is %d'.format([…])`
fn format(text: &str, arguments: &[Cel]) -> Called {
    let mut out = String::new();
    let mut rest = arguments.iter();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut precision = String::new();
        if chars.peek() == Some(&'.') {
            chars.next();
            while let Some(digit) = chars.peek().filter(|c| c.is_ascii_digit()) {
                precision.push(*digit);
                chars.next();
            }
        }
        let clause = chars.next().unwrap_or('%');
        if clause == '%' {
            out.push('%');
            continue;
        }
        let value = rest.next().ok_or("index 0 out of range")?;
        let digits = precision.parse::<usize>().unwrap_or(6);
        match (clause, value) {
            ('s', value) => out.push_str(&shown(value)),
            ('d', Cel::Int(number)) => out.push_str(&number.to_string()),
            ('d', Cel::Uint(number)) => out.push_str(&number.to_string()),
            ('f', Cel::Double(number)) => out.push_str(&format!("{number:.digits$}")),
            ('f', Cel::Int(number)) => out.push_str(&format!("{:.digits$}", *number as f64)),
            ('e', Cel::Double(number)) => out.push_str(&format!("{number:.digits$e}")),
            ('x', Cel::Int(number)) => out.push_str(&format!("{number:x}")),
            ('X', Cel::Int(number)) => out.push_str(&format!("{number:X}")),
            ('x', Cel::Text(text)) => text.bytes().for_each(|byte| out.push_str(&format!("{byte:02x}"))),
            ('o', Cel::Int(number)) => out.push_str(&format!("{number:o}")),
            ('b', Cel::Int(number)) => out.push_str(&format!("{number:b}")),
            ('b', Cel::Bool(set)) => out.push_str(&set.to_string()),
            _ => {
                return Err(format!(
                    "error during formatting: no formatting function for %{clause} and {}",
                    value.type_name()
                ));
            }
        }
    }
    Ok(Cel::text(out))
}

/// A value as `string()` and `%s` write it.
fn shown(value: &Cel) -> String {
    match value {
        Cel::Null => "null".to_owned(),
        Cel::Bool(set) => set.to_string(),
        Cel::Int(number) => number.to_string(),
        Cel::Uint(number) => number.to_string(),
        Cel::Double(number) => number.to_string(),
        Cel::Text(text) => text.to_string(),
        Cel::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cel::Time(time) => times::timestamp_text(*time),
        Cel::Duration(nanos) => times::duration_text(*nanos),
        Cel::List(items) | Cel::Bag(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Cel::Map(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", shown(&key.value()), shown(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Cel::Url(url) => url.text.clone(),
        Cel::Ip(address) => address.to_string(),
        Cel::Cidr(address, length) => format!("{address}/{length}"),
        Cel::Type(name) => (*name).to_owned(),
        other => other.type_name().to_owned(),
    }
}

fn lists(name: &str, items: &Arc<Vec<Cel>>, rest: &[Cel]) -> Option<Called> {
    let compare = |a: &Cel, b: &Cel| a.compare(b).unwrap_or(Ordering::Equal);
    Some(Ok(match (name, rest) {
        ("size", []) => Cel::Int(items.len() as i64),
        ("isSorted", []) => Cel::Bool(
            items
                .windows(2)
                .all(|pair| compare(&pair[0], &pair[1]) != Ordering::Greater),
        ),
        ("sum", []) => {
            let mut sum = items.first().cloned().unwrap_or(Cel::Int(0));
            for item in items.iter().skip(1) {
                match arithmetic("+", &sum, item) {
                    Ok(next) => sum = next,
                    Err(error) => return Some(Err(error)),
                }
            }
            sum
        }
        ("min" | "max", []) => {
            let found = if name == "min" {
                items.iter().min_by(|a, b| compare(a, b))
            } else {
                items.iter().max_by(|a, b| compare(a, b))
            };
            match found {
                Some(found) => found.clone(),
                None => return Some(Err(format!("{name} called on empty list"))),
            }
        }
        ("indexOf", [wanted]) => {
            let found = items.iter().position(|item| item.equals(wanted));
            Cel::Int(found.map_or(-1, |index| index as i64))
        }
        ("lastIndexOf", [wanted]) => {
            let found = items.iter().rposition(|item| item.equals(wanted));
            Cel::Int(found.map_or(-1, |index| index as i64))
        }
        ("join", rest) => {
            let separator = match rest {
                [Cel::Text(separator)] => &**separator,
                _ => "",
            };
            let mut parts = Vec::new();
            for item in items.iter() {
                match item {
                    Cel::Text(text) => parts.push(text.to_string()),
                    _ => return Some(Err(no_overload())),
                }
            }
            Cel::text(parts.join(separator))
        }
        ("slice", [Cel::Int(from), Cel::Int(to)]) => {
            match (position(*from, items.len()), position(*to, items.len())) {
                (Ok(from), Ok(to)) if from <= to => Cel::list(items[from..to].to_vec()),
                _ => {
                    return Some(Err(format!(
                        "cannot slice({from}, {to}), start index must be less than or equal to end index"
                    )));
                }
            }
        }
        ("flatten", _) => Cel::list(
            items
                .iter()
                .flat_map(|item| match item.items() {
                    Some(inner) => inner.to_vec(),
                    None => vec![item.clone()],
                })
                .collect(),
        ),
        ("sort", []) => {
            let mut list = items.to_vec();
            list.sort_by(compare);
            Cel::list(list)
        }
        ("distinct", []) => {
            let mut list: Vec<Cel> = Vec::new();
            for item in items.iter() {
                if !list.iter().any(|known| known.equals(item)) {
                    list.push(item.clone());
                }
            }
            Cel::list(list)
        }
        ("reverse", []) => Cel::list(items.iter().rev().cloned().collect()),
        ("first", []) => Cel::Optional(items.first().cloned().map(Box::new)),
        ("last", []) => Cel::Optional(items.last().cloned().map(Box::new)),
        ("sets.contains", [Cel::List(other) | Cel::Bag(other)]) => Cel::Bool(contains_all(items, other)),
        ("sets.equivalent", [Cel::List(other) | Cel::Bag(other)]) => {
            Cel::Bool(contains_all(items, other) && contains_all(other, items))
        }
        ("sets.intersects", [Cel::List(other) | Cel::Bag(other)]) => Cel::Bool(
            other
                .iter()
                .any(|item| items.iter().any(|known| known.equals(item))),
        ),
        ("math.greatest", []) => return lists("max", items, rest),
        ("math.least", []) => return lists("min", items, rest),
        _ => return None,
    }))
}

fn contains_all(items: &[Cel], wanted: &[Cel]) -> bool {
    wanted
        .iter()
        .all(|item| items.iter().any(|known| known.equals(item)))
}

fn optionals(name: &str, inner: Option<&Cel>, rest: &[Cel]) -> Option<Called> {
    Some(match (name, rest) {
        ("hasValue", []) => Ok(Cel::Bool(inner.is_some())),
        ("value", []) => inner
            .cloned()
            .ok_or_else(|| "optional.none() dereference".to_owned()),
        ("orValue", [other]) => Ok(inner.cloned().unwrap_or_else(|| other.clone())),
        ("or", [other]) => Ok(match inner {
            Some(inner) => Cel::Optional(Some(Box::new(inner.clone()))),
            None => other.clone(),
        }),
        _ => return None,
    })
}

/// Conversions between types.
fn convert(name: &str, arguments: &[Cel]) -> Option<Called> {
    let [value] = arguments else { return None };
    let range = || Err(overflow());
    Some(match (name, value) {
        ("dyn", value) => Ok(value.clone()),
        ("type", value) => Ok(Cel::Type(value.type_name())),
        ("size", Cel::Map(map)) => Ok(Cel::Int(map.len() as i64)),
        ("size", Cel::Bytes(bytes)) => Ok(Cel::Int(bytes.len() as i64)),
        ("string", Cel::Bytes(bytes)) => String::from_utf8(bytes.to_vec())
            .map(Cel::text)
            .map_err(|_| "invalid UTF-8 in bytes, cannot convert to string".to_owned()),
        ("string", value) => Ok(Cel::text(shown(value))),
        ("int", Cel::Int(_))
        | ("uint", Cel::Uint(_))
        | ("double", Cel::Double(_))
        | ("bool", Cel::Bool(_)) => Ok(value.clone()),
        ("int", Cel::Uint(number)) => i64::try_from(*number).map(Cel::Int).or_else(|_| range()),
        ("int", Cel::Double(number)) if number.abs() < 9.2e18 => Ok(Cel::Int(*number as i64)),
        ("int", Cel::Double(_)) => range(),
        ("int", Cel::Time(time)) => Ok(Cel::Int(time.as_second())),
        ("int", Cel::Duration(nanos)) => Ok(Cel::Int(*nanos)),
        ("int", Cel::Text(text)) => text
            .parse()
            .map(Cel::Int)
            .map_err(|_| "type conversion error from 'string' to 'int'".to_owned()),
        ("uint", Cel::Int(number)) => u64::try_from(*number)
            .map(Cel::Uint)
            .map_err(|_| "unsigned integer overflow".to_owned()),
        ("uint", Cel::Double(number)) if *number >= 0.0 => Ok(Cel::Uint(*number as u64)),
        ("uint", Cel::Text(text)) => text
            .parse()
            .map(Cel::Uint)
            .map_err(|_| "type conversion error from 'string' to 'uint'".to_owned()),
        ("double", Cel::Int(number)) => Ok(Cel::Double(*number as f64)),
        ("double", Cel::Uint(number)) => Ok(Cel::Double(*number as f64)),
        ("double", Cel::Text(text)) => text
            .parse()
            .map(Cel::Double)
            .map_err(|_| "type conversion error from 'string' to 'double'".to_owned()),
        ("bool", Cel::Text(text)) => match &**text {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Cel::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Cel::Bool(false)),
            _ => Err("type conversion error from 'string' to 'bool'".to_owned()),
        },
        ("bytes", Cel::Text(text)) => Ok(Cel::Bytes(text.as_bytes().into())),
        ("bytes", Cel::Bytes(_)) => Ok(value.clone()),
        ("timestamp", Cel::Time(_)) | ("duration", Cel::Duration(_)) => Ok(value.clone()),
        ("timestamp", Cel::Int(seconds)) => jiff::Timestamp::from_second(*seconds)
            .map(Cel::Time)
            .map_err(|_| "timestamp overflow".to_owned()),
        ("timestamp", Cel::Text(text)) => times::timestamp(text)
            .map(Cel::Time)
            .ok_or_else(|| "type conversion error from 'string' to 'google.protobuf.Timestamp'".to_owned()),
        ("duration", Cel::Text(text)) => times::duration(text)
            .map(Cel::Duration)
            .ok_or_else(|| "type conversion error from 'string' to 'google.protobuf.Duration'".to_owned()),
        _ => return None,
    })
}

/// Functions with a namespace.
fn named(name: &str, arguments: &[Cel]) -> Option<Called> {
    Some(Ok(match (name, arguments) {
        ("optional.of", [value]) => Cel::Optional(Some(Box::new(value.clone()))),
        ("optional.none", []) => Cel::Optional(None),
        ("optional.ofNonZeroValue", [value]) => {
            let is_zero = match value {
                Cel::Null | Cel::Bool(false) | Cel::Int(0) | Cel::Uint(0) => true,
                Cel::Double(number) => *number == 0.0,
                Cel::Text(text) => text.is_empty(),
                Cel::List(items) | Cel::Bag(items) => items.is_empty(),
                Cel::Map(map) => map.is_empty(),
                _ => false,
            };
            Cel::Optional((!is_zero).then(|| Box::new(value.clone())))
        }
        ("math.greatest", [_, _, ..]) => return lists("max", &Arc::new(arguments.to_vec()), &[]),
        ("math.least", [_, _, ..]) => return lists("min", &Arc::new(arguments.to_vec()), &[]),
        ("math.greatest" | "math.least", [one]) => one.clone(),
        ("math.abs", [Cel::Int(number)]) => Cel::Int(number.wrapping_abs()),
        ("math.abs", [Cel::Double(number)]) => Cel::Double(number.abs()),
        ("math.sign", [Cel::Int(number)]) => Cel::Int(number.signum()),
        ("math.ceil", [Cel::Double(number)]) => Cel::Double(number.ceil()),
        ("math.floor", [Cel::Double(number)]) => Cel::Double(number.floor()),
        ("math.round", [Cel::Double(number)]) => Cel::Double(number.round()),
        ("math.trunc", [Cel::Double(number)]) => Cel::Double(number.trunc()),
        ("base64.encode", [Cel::Bytes(bytes)]) => Cel::text(STANDARD.encode(bytes)),
        ("base64.decode", [Cel::Text(text)]) => match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Cel::Bytes(bytes.into()),
            Err(_) => return Some(Err("illegal base64 data".to_owned())),
        },
        ("strings.quote", [Cel::Text(text)]) => Cel::text(format!("{:?}", &**text)),
        _ => return None,
    }))
}
