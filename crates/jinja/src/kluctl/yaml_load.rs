//! `from_yaml`: PyYAML's safe loader over our parser.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use kluctl_yaml::{Content, Node, ScalarStyle};
use num_bigint::BigInt;

use super::yaml_resolve::{Tag, resolve, timestamp};
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Dict, Key, List, UndefinedMode, Value, number};

const PREFIX: &str = "tag:yaml.org,2002:";

pub(crate) fn from_yaml(_: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    args.none("from_yaml")?;
    let text: Arc<str> = match &value {
        Value::Str(text) | Value::Markup(text) => text.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => {
            return Err(undefined.error());
        }
        other => {
            return Err(Error::new(
                ErrorKind::ATTRIBUTE,
                format!("'{}' object has no attribute 'read'", other.type_name()),
            ));
        }
    };
    let documents = kluctl_yaml::parse_documents(&text).map_err(|error| {
        let place = format!(
            "\n  in \"<unicode string>\", line {}, column {}",
            error.line(),
            error.column()
        );
        Error::new(
            ErrorKind::SCANNER,
            format!("{}{place}", error.message().trim_start_matches("yaml: ")),
        )
    })?;
    match documents.as_slice() {
        [] => Ok(Value::None),
        [document] => Loader::default().node(document),
        [_, second, ..] => Err(Error::new(
            ErrorKind::COMPOSER,
            format!(
                "expected a single document in the stream\nbut found another document\n  in \"<unicode string>\", line {}, column {}",
                second.span.line, second.span.column
            ),
        )),
    }
}

/// Anchored nodes are one object wherever they are named.
#[derive(Default)]
struct Loader {
    anchored: HashMap<*const Node, Value>,
    depth: usize,
}

fn failed(node: &Node, message: impl std::fmt::Display) -> Error {
    let place = format!(
        "\n  in \"<unicode string>\", line {}, column {}",
        node.span.line, node.span.column
    );
    Error::new(ErrorKind::CONSTRUCTOR, format!("{message}{place}"))
}

fn tag_of(node: &Node) -> String {
    let resolved = node.resolved();
    if let Some(tag) = resolved.tag().filter(|tag| *tag != "!") {
        return tag.to_owned();
    }
    let name = match &resolved.content {
        Content::Scalar {
            value,
            style: ScalarStyle::Plain,
        } if resolved.tag().is_none() => match resolve(value) {
            Tag::Null => "null",
            Tag::Bool => "bool",
            Tag::Int => "int",
            Tag::Float => "float",
            Tag::Timestamp => "timestamp",
            Tag::Merge => "merge",
            Tag::Value => "value",
            Tag::Yaml => "yaml",
            Tag::Str => "str",
        },
        Content::Scalar { .. } => "str",
        Content::Sequence { .. } => "seq",
        _ => "map",
    };
    format!("{PREFIX}{name}")
}

impl Loader {
    fn node(&mut self, node: &Node) -> Result<Value> {
        let shared = match &node.content {
            Content::Anchored(inner) | Content::Alias { target: inner, .. } => Arc::as_ptr(inner),
            _ => return self.plain(node),
        };
        if let Some(value) = self.anchored.get(&shared) {
            return Ok(value.clone());
        }
        let value = self.plain(node.resolved())?;
        self.anchored.insert(shared, value.clone());
        Ok(value)
    }

    fn plain(&mut self, node: &Node) -> Result<Value> {
        self.depth += 1;
        if self.depth > 500 {
            return Err(Error::new(
                ErrorKind::RECURSION,
                "maximum recursion depth exceeded",
            ));
        }
        let tag = tag_of(node);
        let value = self.tagged(node, tag.strip_prefix(PREFIX), &tag)?;
        self.depth -= 1;
        Ok(value)
    }

    fn tagged(&mut self, node: &Node, short: Option<&str>, tag: &str) -> Result<Value> {
        match short {
            Some("null") => Ok(text_of(node).map(|_| Value::None)?),
            Some("bool") => match text_of(node)?.to_lowercase().as_str() {
                "yes" | "true" | "on" => Ok(Value::Bool(true)),
                "no" | "false" | "off" => Ok(Value::Bool(false)),
                other => Err(Error::new(ErrorKind::KEY, crate::value::repr::str_repr(other))),
            },
            Some("int") => {
                let text = text_of(node)?;
                integer(&text).ok_or_else(|| {
                    Error::value_error(format!(
                        "invalid literal for int() with base 10: {}",
                        crate::parser::quoted(&text)
                    ))
                })
            }
            Some("float") => {
                let text = text_of(node)?;
                float(&text).ok_or_else(|| {
                    Error::value_error(format!(
                        "could not convert string to float: {}",
                        crate::parser::quoted(&text)
                    ))
                })
            }
            Some("timestamp") => {
                let text = text_of(node)?;
                let parsed = timestamp(&text).ok_or_else(|| failed(node, "not a timestamp"))?;
                super::dates::from_timestamp(&parsed)
            }
            Some("binary") => {
                let text = text_of(node)?;
                let bytes = super::commands::decode_base64(&text).map_err(|error| {
                    failed(node, format!("failed to decode base64 data: {}", error.message()))
                })?;
                Ok(Value::Bytes(bytes.into()))
            }
            Some("str" | "value") => Ok(text_of(node)?.into()),
            Some("seq") => match node.items() {
                Some(items) => {
                    let items = items.iter().map(|item| self.node(item)).collect::<Result<_>>()?;
                    Ok(Value::List(Rc::new(List::new(items))))
                }
                None => Err(failed(
                    node,
                    format!("expected a sequence node, but found {}", kind(node)),
                )),
            },
            Some("map") => self.mapping(node).map(Value::dict),
            Some("set") => {
                let keys = self.mapping(node)?.keys();
                let set = Dict::default();
                for key in keys {
                    set.insert(Key::new(key)?, Value::None);
                }
                Ok(Value::Set(Rc::new(set)))
            }
            Some(name @ ("omap" | "pairs")) => self.pairs(node, name),
            _ => Err(failed(
                node,
                format!(
                    "could not determine a constructor for the tag {}",
                    crate::parser::quoted(tag)
                ),
            )),
        }
    }

    fn pairs(&mut self, node: &Node, name: &str) -> Result<Value> {
        let what = if name == "omap" {
            "while constructing an ordered map"
        } else {
            "while constructing pairs"
        };
        let Some(items) = node.items() else {
            return Err(failed(
                node,
                format!("{what}\nexpected a sequence, but found {}", kind(node)),
            ));
        };
        let mut out = Vec::new();
        for item in items {
            match item.entries() {
                Some([(key, value)]) => out.push(Value::tuple(vec![self.node(key)?, self.node(value)?])),
                Some(entries) => {
                    return Err(failed(
                        item,
                        format!(
                            "{what}\nexpected a single mapping item, but found {} items",
                            entries.len()
                        ),
                    ));
                }
                None => {
                    return Err(failed(
                        item,
                        format!("{what}\nexpected a mapping of length 1, but found {}", kind(item)),
                    ));
                }
            }
        }
        Ok(Value::list(out))
    }

    fn mapping(&mut self, node: &Node) -> Result<Dict> {
        let dict = Dict::default();
        for (key, value) in flattened(node, 0)? {
            let tag = tag_of(key);
            let key_value = if tag == "tag:yaml.org,2002:value" {
                "=".into()
            } else {
                self.node(key)?
            };
            let hashable = Key::new(key_value)
                .map_err(|_| failed(key, "while constructing a mapping\nfound unhashable key"))?;
            let value = self.node(value)?;
            dict.insert(hashable, value);
        }
        Ok(dict)
    }
}

/// Text of a scalar, or of the `=` of a mapping.
fn text_of(node: &Node) -> Result<String> {
    match &node.content {
        Content::Scalar { value, .. } => Ok(value.clone()),
        Content::Mapping { entries, .. } => {
            for (key, value) in entries {
                if tag_of(key) == "tag:yaml.org,2002:value" {
                    return text_of(value.resolved());
                }
            }
            Err(failed(node, "expected a scalar node, but found mapping"))
        }
        _ => Err(failed(
            node,
            format!("expected a scalar node, but found {}", kind(node)),
        )),
    }
}

fn kind(node: &Node) -> &'static str {
    match &node.resolved().content {
        Content::Scalar { .. } => "scalar",
        Content::Sequence { .. } => "sequence",
        _ => "mapping",
    }
}

/// Entries with those of `<<` before the mapping's own.
fn flattened(node: &Node, depth: usize) -> Result<Vec<(&Node, &Node)>> {
    let Some(entries) = node.entries() else {
        return Err(failed(
            node,
            format!("expected a mapping node, but found {}", kind(node)),
        ));
    };
    if depth > 100 {
        return Err(failed(node, "merge keys are nested too deeply"));
    }
    let mut merged = Vec::new();
    let mut own = Vec::new();
    for (key, value) in entries {
        if tag_of(key) != "tag:yaml.org,2002:merge" {
            own.push((key, value));
            continue;
        }
        match &value.resolved().content {
            Content::Mapping { .. } => merged.extend(flattened(value, depth + 1)?),
            Content::Sequence { items, .. } => {
                for item in items.iter().rev() {
                    if item.entries().is_none() {
                        let text = format!(
                            "while constructing a mapping\nexpected a mapping for merging, but found {}",
                            kind(item)
                        );
                        return Err(failed(item, text));
                    }
                    merged.extend(flattened(item, depth + 1)?);
                }
            }
            _ => {
                return Err(failed(
                    value,
                    "while constructing a mapping\nexpected a mapping or list of mappings for merging, but found scalar",
                ));
            }
        }
    }
    merged.extend(own);
    Ok(merged)
}

fn sixties(text: &str) -> Option<BigInt> {
    text.split(':').try_fold(BigInt::from(0), |total, part| {
        Some(total * 60 + part.parse::<BigInt>().ok()?)
    })
}

fn integer(text: &str) -> Option<Value> {
    let plain = text.trim_end_matches('\n').replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let value = if digits == "0" {
        BigInt::from(0)
    } else if let Some(rest) = digits.strip_prefix("0b") {
        BigInt::parse_bytes(rest.as_bytes(), 2)?
    } else if let Some(rest) = digits.strip_prefix("0x") {
        BigInt::parse_bytes(rest.as_bytes(), 16)?
    } else if digits.starts_with('0') {
        BigInt::parse_bytes(digits.as_bytes(), 8)?
    } else if digits.contains(':') {
        sixties(digits)?
    } else {
        digits.parse().ok()?
    };
    Some(Value::big(if negative { -value } else { value }))
}

fn float(text: &str) -> Option<Value> {
    let plain = text.trim_end_matches('\n').replace('_', "").to_lowercase();
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let value = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(Value::Float(f64::NAN)),
        digits if digits.contains(':') => {
            let mut total = 0.0;
            let mut base = 1.0;
            for part in digits.rsplit(':') {
                total += number::parse_float(part)? * base;
                base *= 60.0;
            }
            total
        }
        digits => number::parse_float(digits)?,
    };
    Some(Value::Float(sign * value))
}
