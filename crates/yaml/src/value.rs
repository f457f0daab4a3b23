//! From nodes to JSON values, as `sigs.k8s.io/yaml` does it.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::error::Error;
use crate::go_float::format_float_g;
use crate::node::{Content, Node, ScalarStyle};
use crate::parser::{parse_documents, parse_first};
use crate::resolve::{Resolved, resolve_plain};

/// What to do when a map holds a key twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// Refuse the document.
    #[default]
    Error,
    /// Take the last one.
    LastWins,
}

/// How nodes become values.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What to do when a map holds a key twice.
    pub duplicate_keys: DuplicateKeys,
}

const LENIENT: Options = Options {
    duplicate_keys: DuplicateKeys::LastWins,
};

/// Reads the first document; an empty text is null. Duplicate keys are errors.
pub fn from_str(text: &str) -> Result<Value, Error> {
    first(text, Options::default())
}

/// Reads the first document; an empty text is null. The last one of duplicate keys wins, as Helm has it.
pub fn from_str_lenient(text: &str) -> Result<Value, Error> {
    first(text, LENIENT)
}

/// Reads all documents but the null ones. Duplicate keys are errors.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    all(text, Options::default())
}

/// Reads all documents but the null ones. The last one of duplicate keys wins.
pub fn documents_lenient(text: &str) -> Result<Vec<Value>, Error> {
    all(text, LENIENT)
}

fn first(text: &str, options: Options) -> Result<Value, Error> {
    if let Some(value) = crate::quick::read(text, options) {
        return Ok(value);
    }
    slowly(text, options)
}

/// Reads the first document with a tree of it.
pub(crate) fn slowly(text: &str, options: Options) -> Result<Value, Error> {
    match parse_first(text)? {
        Some(node) => node.to_value(&options).map_err(|error| drawn(error, text)),
        None => Ok(Value::Null),
    }
}

fn all(text: &str, options: Options) -> Result<Vec<Value>, Error> {
    let mut values = Vec::new();
    for node in parse_documents(text)? {
        let value = node.to_value(&options).map_err(|error| drawn(error, text))?;
        if !value.is_null() {
            values.push(value);
        }
    }
    Ok(values)
}

pub(crate) fn drawn(mut error: Error, text: &str) -> Error {
    error.draw(text);
    error
}

impl Node {
    /// Turns the node into a JSON value.
    ///
    /// Source: `sigs.k8s.io/yaml` `convertToJSONableObject` on what go.yaml.in/yaml v2 decodes.
    pub fn to_value(&self, options: &Options) -> Result<Value, Error> {
        let mut composer = Composer::new(*options);
        let value = composer.value(self)?;
        composer.finish()?;
        Ok(value)
    }

    /// Tells whether [`Node::to_value`] would succeed.
    pub fn check(&self, options: &Options) -> Result<(), Error> {
        let mut composer = Composer::new(*options);
        // Duplicate keys are only found by keeping the keys.
        composer.discards = options.duplicate_keys == DuplicateKeys::LastWins;
        composer.value(self)?;
        composer.finish()
    }
}

/// Walks nodes and keeps what go-yaml keeps against documents that grow by their aliases.
pub(crate) struct Composer {
    options: Options,
    /// Only looks for errors: values come out as null.
    discards: bool,
    decoded: u64,
    aliased: u64,
    alias_depth: u32,
    duplicates: String,
    first_duplicate: Option<crate::node::Span>,
    /// Problems that Go finds only after it has read everything: keys before values.
    bad_key: Option<Error>,
    bad_value: Option<Error>,
}

impl Composer {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            discards: false,
            decoded: 0,
            aliased: 0,
            alias_depth: 0,
            duplicates: String::new(),
            first_duplicate: None,
            bad_key: None,
            bad_value: None,
        }
    }

    /// The duplicate keys that were met, all in one error as Go prints them.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        match self.first_duplicate.take() {
            None => match self.bad_key.take().or_else(|| self.bad_value.take()) {
                None => Ok(()),
                Some(error) => Err(error),
            },
            Some(span) => {
                let mut error = Error::new(format!("yaml: unmarshal errors:{}", self.duplicates));
                error.place_if_unknown(span);
                Err(error)
            }
        }
    }

    fn count(&mut self, node: &Node) -> Result<(), Error> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.aliased += 1;
            let share = self.aliased as f64 / self.decoded as f64;
            if self.aliased > 100 && self.decoded > 1000 && share > allowed_alias_share(self.decoded) {
                return Err(placed("yaml: document contains excessive aliasing", node));
            }
        }
        Ok(())
    }

    pub(crate) fn value(&mut self, node: &Node) -> Result<Value, Error> {
        self.count(node)?;
        match &node.content {
            Content::Alias { target, .. } => {
                self.alias_depth += 1;
                let value = self.value(target);
                self.alias_depth -= 1;
                value
            }
            Content::Anchored(inner) => {
                self.decoded -= 1;
                if self.alias_depth > 0 {
                    self.aliased -= 1;
                }
                self.value(inner)
            }
            Content::Scalar { value, style } => self.scalar(node, value, *style),
            Content::Sequence { items, .. } => {
                let mut values = Vec::new();
                if !self.discards {
                    values.reserve_exact(items.len());
                }
                for item in items {
                    let value = self.value(item)?;
                    if !self.discards {
                        values.push(value);
                    }
                }
                Ok(Value::Array(values))
            }
            Content::Mapping { entries, .. } => {
                let mut map = Map::new();
                self.entries(entries, &mut map)?;
                Ok(Value::Object(map))
            }
        }
    }

    fn entries(&mut self, entries: &[(Node, Node)], map: &mut Map<String, Value>) -> Result<(), Error> {
        for (key, value) in entries {
            if key.is_merge_key() {
                self.merge(value, map)?;
                continue;
            }
            self.count(key)?;
            let Some(name) = self.key(key, value)? else {
                self.value(value)?;
                continue;
            };
            let value_of_key = self.value(value)?;
            if self.options.duplicate_keys == DuplicateKeys::Error && map.contains_key(&name) {
                self.first_duplicate.get_or_insert(key.span);
                let shown = shown_key(key, &name);
                let line = value.span.line;
                let _ = write!(self.duplicates, "\n  line {line}: key {shown} already set in map");
                continue;
            }
            if !self.discards {
                map.insert(name, value_of_key);
            }
        }
        Ok(())
    }

    /// A key's name, or `None` for a key that JSON does not allow, which is told at the end.
    fn key(&mut self, key: &Node, value: &Node) -> Result<Option<String>, Error> {
        match key_name(key, value) {
            Ok(name) => Ok(Some(name)),
            Err(error) if error.message().starts_with("unsupported map key") => {
                self.bad_key.get_or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn scalar(&mut self, node: &Node, text: &str, style: ScalarStyle) -> Result<Value, Error> {
        Ok(match resolve_scalar(node, text, style)? {
            Scalar::Null => Value::Null,
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Int(number) => Value::from(number),
            Scalar::Uint(number) => Value::from(number),
            Scalar::Float(number) => match json_number(number) {
                Some(number) => Value::Number(number),
                None => {
                    let message = format!("json: unsupported value: {}", format_float_g(number));
                    self.bad_value.get_or_insert_with(|| placed(message, node));
                    Value::Null
                }
            },
            Scalar::Text if self.discards => Value::Null,
            Scalar::Text => Value::String(text.to_owned()),
            Scalar::Binary(text) => Value::String(text),
        })
    }

    fn merge(&mut self, node: &Node, map: &mut Map<String, Value>) -> Result<(), Error> {
        match &node.content {
            Content::Sequence { items, .. } => {
                for item in items.iter().rev() {
                    self.merge_one(item, map)?;
                }
                Ok(())
            }
            Content::Anchored(inner) if inner.items().is_some() => self.merge(inner, map),
            _ => self.merge_one(node, map),
        }
    }

    fn merge_one(&mut self, node: &Node, map: &mut Map<String, Value>) -> Result<(), Error> {
        let Some(entries) = node.entries() else {
            return Err(placed(
                "yaml: map merge requires map or sequence of maps as the value",
                node,
            ));
        };
        let is_alias = matches!(node.content, Content::Alias { .. });
        self.alias_depth += u32::from(is_alias);
        self.count(node)?;
        let result = self.entries(entries, map);
        self.alias_depth -= u32::from(is_alias);
        result
    }
}

/// How much of what is decoded may come from aliases: nearly all of a small document, a tenth of a huge one.
fn allowed_alias_share(decoded: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match decoded {
        0..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64),
    }
}

fn placed(message: impl Into<String>, node: &Node) -> Error {
    let mut error = Error::new(message);
    error.place_if_unknown(node.span);
    error
}

/// What a scalar is, with its tag and style taken into account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// The scalar's own text.
    Text,
    /// What `!!binary` held.
    Binary(String),
}

/// Source: go.yaml.in/yaml v2 `decode.go`, `scalar`, and `resolve.go`, `resolve`.
pub(crate) fn resolve_scalar(node: &Node, text: &str, style: ScalarStyle) -> Result<Scalar, Error> {
    let tag = match node.tag() {
        None if style != ScalarStyle::Plain => return Ok(Scalar::Text),
        None => return Ok(to_scalar(resolve_plain(text))),
        Some(tag) => tag,
    };
    let Some(short) = tag.strip_prefix("tag:yaml.org,2002:") else {
        return Ok(Scalar::Text);
    };
    if short == "binary" {
        return match crate::go_json::decode_base64(text) {
            Some(bytes) => Ok(Scalar::Binary(String::from_utf8_lossy(&bytes).into_owned())),
            None => Err(placed("yaml: !!binary value contains invalid base64 data", node)),
        };
    }
    let found = resolve_plain(text);
    let found_tag = match found {
        Resolved::Null => "null",
        Resolved::Bool(_) => "bool",
        Resolved::Int(_) | Resolved::Uint(_) => "int",
        Resolved::Float(_) => "float",
        Resolved::Timestamp => "timestamp",
        Resolved::Merge => "merge",
        Resolved::String => "str",
    };
    match (short, found) {
        ("str", _) => Ok(Scalar::Text),
        ("float", Resolved::Int(number)) => Ok(Scalar::Float(number as f64)),
        ("bool" | "int" | "float" | "null" | "timestamp", _) if short == found_tag => Ok(to_scalar(found)),
        ("bool" | "int" | "float" | "null" | "timestamp", _) => Err(placed(
            format!("yaml: cannot decode !!{found_tag} `{text}` as a !!{short}"),
            node,
        )),
        _ => Ok(Scalar::Text),
    }
}

fn to_scalar(resolved: Resolved) -> Scalar {
    match resolved {
        Resolved::Null => Scalar::Null,
        Resolved::Bool(truth) => Scalar::Bool(truth),
        Resolved::Int(number) => Scalar::Int(number),
        Resolved::Uint(number) => Scalar::Uint(number),
        Resolved::Float(number) => Scalar::Float(number),
        Resolved::Timestamp | Resolved::Merge | Resolved::String => Scalar::Text,
    }
}

/// A float after its way through JSON text, where a whole one is an integer like any other.
pub(crate) fn json_number(number: f64) -> Option<Number> {
    if number.fract() == 0.0 && number.abs() < 1e21 && !(number == 0.0 && number.is_sign_negative()) {
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
            return Some(Number::from(number as i64));
        }
        if (0.0..18_446_744_073_709_551_616.0).contains(&number) {
            return Some(Number::from(number as u64));
        }
    }
    Number::from_f64(number)
}

/// The name that a map key gets in JSON.
pub(crate) fn key_name(key: &Node, value: &Node) -> Result<String, Error> {
    let node = key.resolved();
    let Content::Scalar { value: text, style } = &node.content else {
        return Err(placed(format!("yaml: invalid map key: {}", go_syntax(node)), key));
    };
    Ok(match resolve_scalar(node, text, *style)? {
        Scalar::Text => text.clone(),
        Scalar::Binary(text) => text,
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Int(number) => number.to_string(),
        Scalar::Float(number) => format_float_key(number),
        Scalar::Null => {
            let shown = go_syntax_of_value(value);
            return Err(placed(
                format!("unsupported map key of type: %!s(<nil>), key: <nil>, value: {shown}"),
                key,
            ));
        }
        Scalar::Uint(number) => {
            let shown = go_syntax_of_value(value);
            return Err(placed(
                format!("unsupported map key of type: uint64, key: 0x{number:x}, value: {shown}"),
                key,
            ));
        }
    })
}

/// Go prints float keys with the digits of a 32 bit float.
fn format_float_key(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    let narrow = number as f32;
    if narrow.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    // The shortest digits of the narrow float, printed by the rules of the wide one.
    format_float_g(narrow.to_string().parse().unwrap_or(number))
}

fn shown_key(key: &Node, name: &str) -> String {
    let node = key.resolved();
    match &node.content {
        Content::Scalar { value, style } => match resolve_scalar(node, value, *style) {
            Ok(Scalar::Text | Scalar::Binary(_)) | Err(_) => crate::go_json::quoted(name),
            Ok(_) => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

/// Like [`go_syntax`] for a value that stands alone, where nothing is `<nil>`.
fn go_syntax_of_value(node: &Node) -> String {
    let shown = go_syntax(node);
    if shown == "interface {}(nil)" {
        "<nil>".to_owned()
    } else {
        shown
    }
}

/// A node as Go's `%#v` shows what it decodes to.
fn go_syntax(node: &Node) -> String {
    const ENOUGH: usize = 2000;
    let mut text = String::new();
    write_go_syntax(node.resolved(), &mut text, ENOUGH);
    text
}

fn write_go_syntax(node: &Node, text: &mut String, enough: usize) {
    if text.len() > enough {
        return;
    }
    match &node.content {
        Content::Anchored(inner) | Content::Alias { target: inner, .. } => {
            write_go_syntax(inner, text, enough);
        }
        Content::Scalar { value, style } => match resolve_scalar(node, value, *style) {
            Ok(Scalar::Null) => text.push_str("interface {}(nil)"),
            Ok(Scalar::Bool(truth)) => text.push_str(if truth { "true" } else { "false" }),
            Ok(Scalar::Int(number)) => {
                let _ = write!(text, "{number}");
            }
            Ok(Scalar::Uint(number)) => {
                let _ = write!(text, "0x{number:x}");
            }
            Ok(Scalar::Float(number)) => text.push_str(&format_float_g(number)),
            Ok(Scalar::Binary(data)) => text.push_str(&crate::go_json::quoted(&data)),
            Ok(Scalar::Text) | Err(_) => text.push_str(&crate::go_json::quoted(value)),
        },
        Content::Sequence { items, .. } => {
            text.push_str("[]interface {}{");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push_str(", ");
                }
                write_go_syntax(item, text, enough);
            }
            text.push('}');
        }
        Content::Mapping { entries, .. } => {
            text.push_str("map[interface {}]interface {}{");
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    text.push_str(", ");
                }
                write_go_syntax(key, text, enough);
                text.push(':');
                write_go_syntax(value, text, enough);
            }
            text.push('}');
        }
    }
}
