//! Strict typed decoding: errors know their line, column and path.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use crate::error::Error;
use crate::go_float::format_float_g;
use crate::node::{Content, Node, ScalarStyle, Span};
use crate::parser::parse_first;
use crate::value::{Options, Scalar, drawn, json_number, key_name, resolve_scalar};

/// Decodes the first document of a file as Go decodes a typed file with unknown fields forbidden.
///
/// As there: field names match without regard to case when there is no exact match, scalars become text where text is
/// wanted, null leaves a field at its default, and an empty document decodes like `{}`.
pub fn decode<T: DeserializeOwned>(file_name: &str, text: &str) -> Result<T, Error> {
    let decoded = (|| match parse_first(text)? {
        Some(node) => decode_node(&node),
        None => decode_node(&Node::scalar(Span::default(), String::new(), ScalarStyle::Plain)),
    })();
    decoded.map_err(|error| drawn(error, text).with_name(file_name))
}

/// Decodes a node like [`decode`]; its errors have a place but no name and no excerpt.
pub fn decode_node<T: DeserializeOwned>(node: &Node) -> Result<T, Error> {
    // Refuses duplicate keys and documents that grow by their aliases before anything is decoded.
    node.to_value(&Options::default())?;
    T::deserialize(NodeDeserializer { node })
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new(message.to_string()).in_json()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = closest(field, expected).map(|name| format!("did you mean \"{name}\"?"));
        Error::new(format!("json: unknown field \"{field}\""))
            .in_json()
            .with_unknown_field(field)
            .with_hint(hint)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let hint = closest(variant, expected).map(|name| format!("did you mean \"{name}\"?"));
        let known = expected.join(", ");
        Error::new(format!("unknown value \"{variant}\", expected one of: {known}"))
            .in_json()
            .with_hint(hint)
    }

    fn missing_field(field: &'static str) -> Self {
        Error::new(format!("missing field \"{field}\"")).in_json()
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            de::Unexpected::Map => "a map".to_owned(),
            de::Unexpected::Seq => "a list".to_owned(),
            de::Unexpected::Unit | de::Unexpected::Option => "null".to_owned(),
            de::Unexpected::Str(text) => format!("the text {text:?}"),
            de::Unexpected::Bool(truth) => format!("the boolean {truth}"),
            de::Unexpected::Signed(number) => format!("the number {number}"),
            de::Unexpected::Unsigned(number) => format!("the number {number}"),
            de::Unexpected::Float(number) => format!("the number {number}"),
            other => other.to_string(),
        };
        Error::new(format!("expected {expected}, found {found}")).in_json()
    }
}

/// The known name nearest to a misspelt one; none where every one is too far.
pub fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .iter()
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(wanted.len()).div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours counts as two) between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'a> {
    node: &'a Node,
}

impl<'a> NodeDeserializer<'a> {
    fn scalar(self) -> Result<Option<(Scalar, &'a str)>, Error> {
        let node = self.node.resolved();
        match &node.content {
            Content::Scalar { value, style } => Ok(Some((resolve_scalar(node, value, *style)?, value))),
            _ => Ok(None),
        }
    }

    fn is_null(self) -> bool {
        matches!(self.scalar(), Ok(Some((Scalar::Null, _))))
    }

    fn placed<T>(self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|mut error| {
            error.place_if_unknown(self.node.span);
            error
        })
    }

    fn map<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut entries = Vec::new();
        if !self.is_null() {
            let Some(own) = self.node.entries() else {
                return self.deserialize_anything(visitor);
            };
            flatten(own, &mut entries)?;
        }
        let result = visitor.visit_map(MapAccess {
            entries: entries.into_iter(),
            fields,
            current: None,
        });
        self.placed(result)
    }

    fn deserialize_anything<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self, visitor)
    }
}

/// The entries of a map with those that merge keys bring.
fn flatten<'a>(entries: &'a [(Node, Node)], into: &mut Vec<(&'a Node, &'a Node)>) -> Result<(), Error> {
    for (key, value) in entries {
        if !key.is_merge_key() {
            into.push((key, value));
        } else if let Some(merged) = value.entries() {
            flatten(merged, into)?;
        } else {
            for item in value.items().unwrap_or_default().iter().rev() {
                flatten(item.entries().unwrap_or_default(), into)?;
            }
        }
    }
    Ok(())
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            if self.is_null() {
                return self.placed(visitor.visit_u64(0));
            }
            self.deserialize_any(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match &self.node.resolved().content {
            Content::Sequence { .. } => return self.deserialize_seq(visitor),
            Content::Mapping { .. } => return self.map(&[], visitor),
            _ => match self.scalar()? {
                None | Some((Scalar::Null, _)) => visitor.visit_unit(),
                Some((Scalar::Bool(truth), _)) => visitor.visit_bool(truth),
                Some((Scalar::Int(number), _)) => match u64::try_from(number) {
                    Ok(number) => visitor.visit_u64(number),
                    Err(_) => visitor.visit_i64(number),
                },
                Some((Scalar::Uint(number), _)) => visitor.visit_u64(number),
                Some((Scalar::Float(number), text)) => match json_number(number) {
                    Some(number) => visit_number(&number, visitor),
                    None => Err(Error::new(format!("json: unsupported value: {text}"))),
                },
                Some((Scalar::Text, text)) => visitor.visit_str(text),
                Some((Scalar::Binary(text), _)) => visitor.visit_string(text),
            },
        };
        self.placed(result)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let result = match self.scalar()? {
            None => return self.deserialize_any(visitor),
            Some((Scalar::Null, _)) => visitor.visit_str(""),
            Some((Scalar::Bool(truth), _)) => visitor.visit_str(if truth { "true" } else { "false" }),
            Some((Scalar::Int(number), _)) => visitor.visit_string(number.to_string()),
            Some((Scalar::Uint(number), _)) => visitor.visit_string(number.to_string()),
            Some((Scalar::Float(number), _)) => {
                let narrow = (number as f32).to_string().parse().unwrap_or(number);
                visitor.visit_string(format_float_g(narrow))
            }
            Some((Scalar::Text, text)) => visitor.visit_str(text),
            Some((Scalar::Binary(text), _)) => visitor.visit_string(text),
        };
        self.placed(result)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() {
            return self.placed(visitor.visit_bool(false));
        }
        self.deserialize_any(visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.node.items() {
            Some(items) => items,
            None if self.is_null() => &[],
            None => return self.deserialize_any(visitor),
        };
        let result = visitor.visit_seq(SeqAccess { items, next: 0 });
        self.placed(result)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.map(fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = visitor.visit_newtype_struct(self);
        self.placed(result)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let result = match self.node.entries() {
            Some([(key, value)]) => {
                key_name(key, value).and_then(|name| visitor.visit_enum(EnumAccess { name, value }))
            }
            Some(_) => Err(Error::new("expected a map with one entry").in_json()),
            None => match self.node.as_str() {
                Some(name) => visitor.visit_enum(name.into_deserializer()),
                None => Err(Error::new("expected a text or a map with one entry").in_json()),
            },
        };
        self.placed(result)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit_struct tuple_struct identifier
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &serde_json::Number, visitor: V) -> Result<V::Value, Error> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or_default())
    }
}

struct SeqAccess<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> de::SeqAccess<'de> for SeqAccess<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.get(self.next) else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let deserializer = NodeDeserializer { node };
        let result = deserializer.placed(seed.deserialize(deserializer));
        result.map(Some).map_err(|mut error| {
            error.push_path(format!("[{index}]"));
            error
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct MapAccess<'a> {
    entries: std::vec::IntoIter<(&'a Node, &'a Node)>,
    fields: &'static [&'static str],
    current: Option<(String, &'a Node)>,
}

impl MapAccess<'_> {
    /// The field that a key means: itself, or one that differs only in case.
    fn field<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.fields.contains(&key) {
            return Cow::Borrowed(key);
        }
        match self.fields.iter().find(|field| field.eq_ignore_ascii_case(key)) {
            Some(field) => Cow::Borrowed(*field),
            None => Cow::Borrowed(key),
        }
    }
}

impl<'de> de::MapAccess<'de> for MapAccess<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        let name = key_name(key, value)?;
        let result = seed.deserialize(KeyDeserializer {
            name: self.field(&name),
        });
        self.current = Some((name, value));
        NodeDeserializer { node: key }.placed(result.map(Some))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, node)) = self.current.take() else {
            return Err(Error::new("a value was asked for before its key"));
        };
        let deserializer = NodeDeserializer { node };
        let result = deserializer.placed(seed.deserialize(deserializer));
        result.map_err(|mut error| {
            error.push_path(name);
            error
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A map key: text, which also decodes to numbers and booleans for typed maps.
struct KeyDeserializer<'a> {
    name: Cow<'a, str>,
}

macro_rules! number_keys {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.name.parse::<i64>() {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for KeyDeserializer<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.name)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.name.as_ref().into_deserializer())
    }

    number_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct EnumAccess<'a> {
    name: String,
    value: &'a Node,
}

impl<'de, 'a> de::EnumAccess<'de> for EnumAccess<'a> {
    type Error = Error;
    type Variant = VariantAccess<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Error> {
        let variant = seed.deserialize(self.name.as_str().into_deserializer())?;
        Ok((variant, VariantAccess { value: self.value }))
    }
}

struct VariantAccess<'a> {
    value: &'a Node,
}

impl<'de> de::VariantAccess<'de> for VariantAccess<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(NodeDeserializer { node: self.value })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_tuple(NodeDeserializer { node: self.value }, length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        NodeDeserializer { node: self.value }.map(fields, visitor)
    }
}
