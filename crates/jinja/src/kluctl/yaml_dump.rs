//! `to_yaml`: values as PyYAML's safe dumper represents them.

use std::collections::HashMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::yaml_emit::{Node, Style, emit};
use super::yaml_resolve::{Tag, resolve};
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Placeholder, Value, number, repr, text};

pub(crate) fn to_yaml(_: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    args.none("to_yaml")?;
    let mut dumper = Dumper::default();
    dumper.count(&value, 0)?;
    let node = dumper.node(&value)?;
    Ok(emit(&node).into())
}

/// Containers by identity: how often they occur, and the anchor of those that were written.
#[derive(Default)]
struct Dumper {
    seen: HashMap<*const (), usize>,
    order: Vec<*const ()>,
    anchors: HashMap<*const (), usize>,
    written: Vec<*const ()>,
}

/// What is shared between its places: lists, dicts, tuples but the empty one, dates.
fn identity(value: &Value) -> Option<*const ()> {
    match value {
        Value::List(list) => Some(Rc::as_ptr(list).cast()),
        Value::Dict(dict) | Value::Set(dict) => Some(Rc::as_ptr(dict).cast()),
        Value::Tuple(tuple) if !tuple.items.is_empty() => Some(Rc::as_ptr(tuple).cast()),
        Value::Object(object) => Some(Rc::as_ptr(object).cast()),
        _ => None,
    }
}

impl Dumper {
    /// Counts places, and numbers anchors in the order in which a second place is met.
    fn count(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > 400 {
            return Err(Error::new(
                ErrorKind::RECURSION,
                "maximum recursion depth exceeded",
            ));
        }
        if let Some(pointer) = identity(value) {
            let places = self.seen.entry(pointer).or_insert(0);
            *places += 1;
            if *places > 1 {
                if *places == 2 {
                    self.order.push(pointer);
                    self.anchors.insert(pointer, self.order.len());
                }
                return Ok(());
            }
        }
        match value {
            Value::List(list) => list
                .borrow()
                .clone()
                .iter()
                .try_for_each(|item| self.count(item, depth + 1)),
            Value::Tuple(tuple) => tuple
                .items
                .iter()
                .try_for_each(|item| self.count(item, depth + 1)),
            Value::Dict(dict) | Value::Set(dict) => dict.pairs().iter().try_for_each(|(key, item)| {
                self.count(key, depth + 1)?;
                self.count(item, depth + 1)
            }),
            _ => Ok(()),
        }
    }

    fn node(&mut self, value: &Value) -> Result<Node> {
        let anchor = identity(value).and_then(|pointer| self.anchors.get(&pointer).map(|id| (pointer, *id)));
        let Some((pointer, id)) = anchor else {
            return self.plain(value);
        };
        if self.written.contains(&pointer) {
            return Ok(Node::Alias(id));
        }
        self.written.push(pointer);
        Ok(Node::Anchor(id, Box::new(self.plain(value)?)))
    }

    fn plain(&mut self, value: &Value) -> Result<Node> {
        Ok(match value {
            Value::None => scalar("null".to_owned(), Tag::Null, "!!null", Style::Any),
            Value::Bool(flag) => scalar(flag.to_string(), Tag::Bool, "!!bool", Style::Any),
            Value::Int(_) | Value::Big(_) => {
                scalar(repr::to_str(value)?.to_string(), Tag::Int, "!!int", Style::Any)
            }
            Value::Float(float) => scalar(float_text(*float), Tag::Float, "!!float", Style::Any),
            Value::Str(text) => string(text),
            Value::Bytes(bytes) => {
                let encoded = STANDARD.encode(bytes);
                let mut text = String::new();
                for line in encoded.as_bytes().chunks(76) {
                    text.push_str(std::str::from_utf8(line).unwrap_or_default());
                    text.push('\n');
                }
                Node::Scalar {
                    text,
                    tag: "!!binary",
                    style: Style::Literal,
                    implicit: (false, false),
                }
            }
            Value::List(list) => {
                let items = list.borrow().clone();
                Node::List(items.iter().map(|item| self.node(item)).collect::<Result<_>>()?)
            }
            Value::Tuple(tuple) if !tuple.group => Node::List(
                tuple
                    .items
                    .iter()
                    .map(|item| self.node(item))
                    .collect::<Result<_>>()?,
            ),
            Value::Dict(dict) => Node::Map {
                pairs: self.pairs(dict.pairs())?,
                tag: None,
            },
            Value::Set(set) => {
                let pairs = set.keys().into_iter().map(|key| (key, Value::None)).collect();
                Node::Map {
                    pairs: self.pairs(pairs)?,
                    tag: Some("!!set"),
                }
            }
            other => match super::dates::yaml_text(other) {
                Some(text) => scalar(text, Tag::Timestamp, "!!timestamp", Style::Any),
                None => {
                    if let Some(text) = Placeholder::text(other) {
                        return Ok(string(&text));
                    }
                    let shown = if other.is_undefined() {
                        "Undefined".to_owned()
                    } else {
                        repr::repr(other)?
                    };
                    return Err(Error::new(
                        ErrorKind::REPRESENTER,
                        format!("('cannot represent an object', {shown})"),
                    ));
                }
            },
        })
    }

    fn pairs(&mut self, pairs: Vec<(Value, Value)>) -> Result<Vec<(Node, Node)>> {
        pairs
            .iter()
            .map(|(key, value)| Ok((self.node(key)?, self.node(value)?)))
            .collect()
    }
}

fn scalar(text: String, is: Tag, tag: &'static str, style: Style) -> Node {
    let implicit = (resolve(&text) == is, is == Tag::Str);
    Node::Scalar {
        text,
        tag,
        style,
        implicit,
    }
}

fn string(own: &str) -> Node {
    let style = if text::split_lines(own, false).len() > 1 {
        Style::Literal
    } else if !own.is_empty() && own.chars().all(text::is_numeric) {
        Style::Single
    } else {
        Style::Any
    };
    scalar(own.to_owned(), Tag::Str, "!!str", style)
}

fn float_text(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = number::float_repr(value);
    if text.contains('.') {
        text
    } else {
        text.replacen('e', ".0e", 1)
    }
}
