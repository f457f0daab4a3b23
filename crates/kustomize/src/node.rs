//! The tree that everything here works on: maps in the order of their text, lists, and typed scalars.

use std::collections::HashSet;

use serde_json::Value;

use crate::error::{Error, Kind, Result, fail};
use crate::links;
use crate::scalar::{Scalar, Style, Tag};

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Scalar(Scalar),
    Map(Map),
    Seq(Vec<Node>),
}

/// A map in the order of its text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<(Scalar, Node)>,
}

impl Map {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|(name, _)| name.text == key)
            .map(|(_, value)| value)
    }

    pub(crate) fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(name, _)| name.text == key)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Node> {
        let index = self.position(key)?;
        Some(self.entries.remove(index).1)
    }

    pub(crate) fn push(&mut self, key: &str, value: Node) {
        if self.entries.len() < 4 {
            // Most maps stay small, and there are many of them.
            self.entries.reserve_exact(1);
        }
        self.entries.push((Scalar::untyped(key), value));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets a field the way kustomize does: a null clears it, and the style of an older value stays.
    ///
    /// Source: kustomize `kyaml/yaml/fns.go`, `FieldSetter`.
    pub(crate) fn set(&mut self, key: &str, mut value: Node) {
        if value.is_null() {
            self.remove(key);
            return;
        }
        value.quote_if_ambiguous();
        match self.get_mut(key) {
            Some(old) => {
                value.take_style_of(old);
                *old = value;
                if let Node::Scalar(scalar) = old {
                    links::note(scalar);
                }
            }
            None => self.push(key, value),
        }
    }

    /// The value under a key as a map; made when it is not there.
    pub(crate) fn map_or_create(&mut self, key: &str) -> Result<&mut Map> {
        let index = match self.position(key) {
            Some(index) => index,
            None => {
                self.push(key, Node::Map(Map::default()));
                self.entries.len() - 1
            }
        };
        let value = &mut self.entries[index].1;
        if value.is_null() {
            *value = Node::Map(Map::default());
        }
        value.expect_map_mut()
    }
}

impl Node {
    pub(crate) fn string(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    pub(crate) fn untyped(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::untyped(text))
    }

    pub(crate) fn null() -> Self {
        Self::Scalar(Scalar::with_tag("null", Tag::Null))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// Null, an empty map or an empty list.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.tag == Tag::Null,
            Self::Map(map) => map.is_empty(),
            Self::Seq(items) => items.is_empty(),
        }
    }

    pub(crate) fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn as_seq(&self) -> Option<&[Node]> {
        match self {
            Self::Seq(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar; nothing for maps and lists, as the `Value` of a node that has none.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }

    /// The text of a scalar, nothing for null.
    pub(crate) fn value_text(&self) -> &str {
        if self.is_null() { "" } else { self.text() }
    }

    pub(crate) fn field(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "ScalarNode",
            Self::Map(_) => "MappingNode",
            Self::Seq(_) => "SequenceNode",
        }
    }

    pub(crate) fn wrong_kind(&self, expected: &str) -> Error {
        let mut error = fail!(
            "wrong node kind: expected {expected} but got {}",
            self.kind_name()
        );
        if let Ok(value) = self.to_value() {
            error = fail!("{error}: node contents:\n{}", kluctl_yaml::to_string(&value));
        }
        error.of_kind(Kind::WrongNode)
    }

    pub(crate) fn expect_map(&self) -> Result<&Map> {
        self.as_map().ok_or_else(|| self.wrong_kind("MappingNode"))
    }

    pub(crate) fn expect_map_mut(&mut self) -> Result<&mut Map> {
        if !matches!(self, Self::Map(_)) {
            return Err(self.wrong_kind("MappingNode"));
        }
        self.as_map_mut().ok_or_else(|| fail!("expected MappingNode"))
    }

    /// Takes over the style that an older value of the same field had.
    pub(crate) fn take_style_of(&mut self, old: &Node) {
        if let Self::Scalar(scalar) = self {
            let (style, tagged) = match old {
                Self::Scalar(old) => (old.style, old.tagged),
                _ => (Style::Plain, false),
            };
            scalar.style = style;
            scalar.tagged = tagged;
            scalar.link = old.as_scalar().and_then(|old| old.link);
        }
    }

    /// Quotes a string that an older YAML reader would take for something else.
    pub(crate) fn quote_if_ambiguous(&mut self) {
        if let Self::Scalar(scalar) = self
            && scalar.is_string()
            && scalar.style.is_plain()
            && !scalar.tagged
            && is_not_a_string_in_yaml_1_1(&scalar.text)
        {
            scalar.style = Style::Double;
        }
    }

    /// Writes a scalar over a scalar, keeping the style of the old one.
    ///
    /// Source: kustomize `kyaml/yaml/fns.go`, `FieldSetter` without a name.
    pub(crate) fn overwrite_scalar(&mut self, mut value: Scalar) -> Result<()> {
        match self {
            Self::Scalar(old) => {
                value.style = old.style;
                value.tagged = old.tagged;
                value.link = old.link;
                *old = value;
                links::note(old);
                Ok(())
            }
            other => Err(other.wrong_kind("ScalarNode")),
        }
    }

    /// Whether there are more nodes in it than a number; looks no further than that.
    pub(crate) fn is_larger_than(&self, most: usize) -> bool {
        fn count(node: &Node, left: &mut usize) -> bool {
            if *left == 0 {
                return false;
            }
            *left -= 1;
            match node {
                Node::Scalar(_) => true,
                Node::Seq(items) => items.iter().all(|item| count(item, left)),
                Node::Map(map) => map.entries.iter().all(|(_, value)| count(value, left)),
            }
        }
        let mut left = most;
        !count(self, &mut left)
    }

    /// The same without folded blocks, for places where a value is made without printing and reading it again.
    pub(crate) fn with_folds_kept(&self) -> Self {
        let mut node = self.clone();
        node.keep_folds();
        node
    }

    fn keep_folds(&mut self) {
        match self {
            Self::Scalar(scalar) if scalar.style == Style::Folded => scalar.style = Style::Literal,
            Self::Scalar(_) => {}
            Self::Seq(items) => items.iter_mut().for_each(Self::keep_folds),
            Self::Map(map) => map.entries.iter_mut().for_each(|(_, value)| value.keep_folds()),
        }
    }

    /// The value as it leaves the build.
    pub(crate) fn to_value(&self) -> Result<Value> {
        self.value_at(false)
    }

    /// The value; keys that are not strings are read as strings at the top only.
    fn value_at(&self, nested: bool) -> Result<Value> {
        match self {
            Self::Scalar(scalar) => {
                let value = scalar.to_value()?;
                if scalar.tag == Tag::Float
                    && matches!(&value, Value::String(text) if text == &scalar.text)
                    && scalar.style.is_plain()
                {
                    return Err(fail!("json: unsupported value: {}", scalar.text));
                }
                Ok(value)
            }
            Self::Seq(items) => items
                .iter()
                .map(|item| item.value_at(true))
                .collect::<Result<_>>()
                .map(Value::Array),
            Self::Map(map) => {
                let mut out = serde_json::Map::new();
                reject_duplicates(map)?;
                for (key, value) in &map.entries {
                    if key.is_compound_key() {
                        return Err(fail!("yaml: invalid map key: {}", key.text));
                    }
                    if nested && !key.is_text() {
                        return Err(fail!(
                            "json: unsupported type: map[interface {{}}]interface {{}} with key {}",
                            key.text
                        ));
                    }
                    out.insert(key.text.clone(), value.value_at(true)?);
                }
                Ok(Value::Object(out))
            }
        }
    }

    /// The tree of a JSON value, with numbers as the float that kustomize takes them for.
    ///
    /// Source: kustomize `kyaml/yaml/rnode.go`, `UnmarshalJSON` and `FromMap`.
    pub(crate) fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::null(),
            Value::Bool(truth) => {
                Self::Scalar(Scalar::with_tag(if *truth { "true" } else { "false" }, Tag::Bool))
            }
            Value::Number(number) => {
                let text = kluctl_yaml::format_float_g(number.as_f64().unwrap_or_default());
                Self::Scalar(Scalar::plain(text))
            }
            Value::String(text) => Self::string(text.clone()),
            Value::Array(items) => Self::Seq(items.iter().map(Self::from_json).collect()),
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by(|a, b| kluctl_yaml::natural_order(a.0, b.0));
                Self::Map(Map {
                    entries: fields
                        .into_iter()
                        .map(|(key, value)| {
                            let mut name = Scalar::string(key.clone());
                            if is_not_a_string_in_yaml_1_1(key) {
                                name.style = Style::Double;
                            }
                            (name, Self::from_json(value))
                        })
                        .collect(),
                })
            }
        }
    }
}

fn reject_duplicates(map: &Map) -> Result<()> {
    let duplicate = if map.entries.len() <= 16 {
        map.entries.iter().enumerate().find_map(|(index, (key, _))| {
            map.entries[..index]
                .iter()
                .any(|(other, _)| other.text == key.text)
                .then_some(key)
        })
    } else {
        let mut seen = HashSet::with_capacity(map.entries.len());
        map.entries
            .iter()
            .find(|(key, _)| !seen.insert(key.text.as_str()))
            .map(|(key, _)| key)
    };
    match duplicate {
        Some(key) => Err(fail!(
            "yaml: unmarshal errors: mapping key {:?} already defined",
            key.text
        )),
        None => Ok(()),
    }
}

fn is_not_a_string_in_yaml_1_1(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    use kluctl_yaml::Resolved;
    !matches!(
        kluctl_yaml::resolve_plain(text),
        Resolved::String | Resolved::Timestamp | Resolved::Merge
    )
}
