//! Tells of a schema, while it is being read, that it is surely valid and that values surely meet it.
//!
//! Schemas of charts are large, most of their text describes, and nearly all values meet them. So nothing is kept of a
//! schema here; whatever is not sure is left to the validator, which knows what to say about it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use kluctl_gotemplate::{Map, Text, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::registry::Draft;
use super::{formats, sound, validator};
use crate::convert::to_typed_json;

/// Whether a schema is surely valid and values surely meet it.
///
/// Source: santhosh-tekuri/jsonschema v6, as [`sound`] and [`validator`] have it.
pub(super) fn surely_meets(schema: &[u8], values: &Map) -> bool {
    let Ok(text) = std::str::from_utf8(schema) else {
        return false;
    };
    if leads_outside(text) {
        return false;
    }
    let found = Found::default();
    let values = [Value::Map(values.clone())];
    let root = Schema {
        draft: Draft::D2020,
        is_root: true,
        values: &values,
        found: &found,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    matches!(root.deserialize(&mut reader), Ok(true)) && reader.end().is_ok() && found.are_met(text)
}

/// What is found on the way and looked at later.
#[derive(Default)]
struct Found {
    /// The paths of references, and the values that must meet what they lead to.
    references: RefCell<Vec<(String, Vec<Value>)>>,
    /// How many values references have been followed with.
    followed: Cell<usize>,
    /// The draft of the whole schema.
    draft: Cell<Option<Draft>>,
    /// Whether a part has an address of its own, so that references in it start elsewhere.
    has_parts: Cell<bool>,
}

impl Found {
    /// How often the schema is read again for what references lead to; such schemas have references themselves.
    const MOST_ROUNDS: usize = 6;

    /// Whether values surely meet what references lead to.
    fn are_met(&self, text: &str) -> bool {
        for _ in 0..Self::MOST_ROUNDS {
            let references = self.references.take();
            if references.is_empty() {
                return true;
            }
            let wanted = references.iter().map(|(path, values)| Wanted {
                path: path.split('/').collect(),
                values,
            });
            let seek = Seek {
                found: self,
                wanted: wanted.collect(),
            };
            let count = seek.wanted.len();
            let mut reader = serde_json::Deserializer::from_str(text);
            let met = seek.deserialize(&mut reader);
            if self.has_parts.get() || !matches!(met, Ok(met) if met == count) {
                return false;
            }
        }
        false
    }
}

/// A schema at a path, and the values that must meet it.
struct Wanted<'w> {
    path: Vec<&'w str>,
    values: &'w [Value],
}

/// Goes to schemas at some paths; tells how many of them are surely met.
struct Seek<'w> {
    found: &'w Found,
    wanted: Vec<Wanted<'w>>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        match self.wanted.as_slice() {
            [] => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| 0),
            [wanted] if wanted.path.is_empty() => {
                let schema = Schema {
                    draft: self.found.draft.get().unwrap_or(Draft::D2020),
                    is_root: false,
                    values: wanted.values,
                    found: self.found,
                };
                schema.deserialize(deserializer).map(usize::from)
            }
            wanted if wanted.iter().all(|wanted| wanted.path.is_empty()) => {
                let values: Vec<Value> = wanted.iter().flat_map(|wanted| wanted.values).cloned().collect();
                let count = wanted.len();
                let all = Wanted {
                    path: Vec::new(),
                    values: &values,
                };
                let seek = Seek {
                    found: self.found,
                    wanted: vec![all],
                };
                seek.deserialize(deserializer).map(|met| met * count)
            }
            wanted if wanted.iter().any(|wanted| wanted.path.is_empty()) => Err(unsure()),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what holds a schema")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut met = 0;
        while let Some(key) = map.next_key::<String>()? {
            let below = self.wanted.iter().filter_map(|wanted| {
                let (first, path) = wanted.path.split_first()?;
                (*first == key).then(|| Wanted {
                    path: path.to_vec(),
                    values: wanted.values,
                })
            });
            met += map.next_value_seed(Seek {
                found: self.found,
                wanted: below.collect(),
            })?;
        }
        Ok(met)
    }
}

/// Whether a schema may refer to anything but its own definitions, which then has to be found.
fn leads_outside(schema: &str) -> bool {
    ["\"$ref\"", "\"$dynamicRef\"", "\"$recursiveRef\""]
        .iter()
        .any(|keyword| {
            memchr::memmem::find_iter(schema.as_bytes(), keyword).any(|at| {
                let rest = schema[at + keyword.len()..].trim_start();
                let to = rest.strip_prefix(':').map(str::trim_start);
                to.is_some_and(|to| to.starts_with('"') && !to.starts_with("\"#"))
            })
        })
}

/// Ends the reading where a schema may not be valid.
fn unsure<E: Error>() -> E {
    E::custom("not sure")
}

/// A schema that some values must meet; tells whether they surely do.
#[derive(Clone, Copy)]
struct Schema<'v> {
    draft: Draft,
    is_root: bool,
    values: &'v [Value],
    found: &'v Found,
}

impl<'v> Schema<'v> {
    /// A schema inside this one.
    fn inside<'w>(self, values: &'w [Value]) -> Schema<'w>
    where
        'v: 'w,
    {
        Schema {
            draft: self.draft,
            is_root: false,
            values,
            found: self.found,
        }
    }

    /// A schema of which it is only to be known whether it is valid.
    fn alone(self) -> Schema<'v> {
        self.inside(&[])
    }

    fn objects(self) -> impl Iterator<Item = &'v Map> {
        self.values.iter().filter_map(|value| match value {
            Value::Map(map) => Some(map),
            _ => None,
        })
    }

    fn has_objects(self) -> bool {
        self.objects().any(|map| !map.is_empty())
    }

    /// The items of all lists.
    fn items(self) -> Vec<Value> {
        let lists = self.values.iter().filter_map(Value::as_list);
        lists.flat_map(kluctl_gotemplate::List::to_vec).collect()
    }

    fn has_lists(self) -> bool {
        self.values.iter().any(|value| value.as_list().is_some())
    }
}

/// The types of JSON, as bits.
mod types {
    pub(super) const NULL: u8 = 1;
    pub(super) const BOOLEAN: u8 = 2;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const INTEGER: u8 = 8;
    pub(super) const STRING: u8 = 16;
    pub(super) const ARRAY: u8 = 32;
    pub(super) const OBJECT: u8 = 64;
}

/// The types that a value is of; none for what only templates have.
fn types_of(value: &Value) -> u8 {
    match value {
        Value::Nil => types::NULL,
        Value::Bool(_) => types::BOOLEAN,
        Value::Int(..) | Value::Uint(..) => types::NUMBER | types::INTEGER,
        Value::Float(number) if number.is_finite() && number.fract() == 0.0 => types::NUMBER | types::INTEGER,
        Value::Float(number) if number.is_finite() => types::NUMBER,
        Value::String(_) => types::STRING,
        Value::List(_) => types::ARRAY,
        Value::Map(_) => types::OBJECT,
        _ => 0,
    }
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number, _) => Some(*number as f64),
        Value::Uint(number, _) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

impl<'de> DeserializeSeed<'de> for Schema<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Schema<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema")
    }

    fn visit_bool<E: Error>(self, any: bool) -> Result<bool, E> {
        if self.draft == Draft::D4 {
            return Err(unsure());
        }
        Ok(any || self.values.is_empty())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        let mut first = true;
        let mut object = Object::default();
        let mut fits = self.values.iter().all(|value| types_of(value) != 0);
        while let Some(keyword) = map.next_key_seed(Keyword)? {
            if keyword == "$schema" && self.is_root {
                // Known before anything that depends on it.
                let url = map.next_value::<String>()?;
                let draft = Draft::of_url(&url).filter(|_| first);
                self.draft = draft.ok_or_else(unsure)?;
                self.found.draft.set(draft);
            } else {
                fits &= self.keyword(keyword, &mut map, &mut object)?;
            }
            first = false;
        }
        Ok(fits && object.fits(self))
    }
}

/// What is known of the properties of a schema.
#[derive(Default)]
struct Object {
    /// The properties that are listed and that each of the objects has; nothing before they have been read.
    listed: Option<Vec<BTreeSet<Text>>>,
    /// Whether there may be no others.
    is_closed: bool,
}

impl Object {
    fn fits(&self, schema: Schema<'_>) -> bool {
        let lengths = self.listed.iter().flatten().map(BTreeSet::len);
        !self.is_closed
            || schema
                .objects()
                .zip(lengths.chain(std::iter::repeat(0)))
                .all(|(map, listed)| map.len() == listed)
    }

    /// The values of properties that are not known to be listed.
    fn others(&self, schema: Schema<'_>) -> Vec<Value> {
        let mut others = Vec::new();
        for (at, map) in schema.objects().enumerate() {
            let listed = self.listed.as_ref().and_then(|listed| listed.get(at));
            let is_other = |key: &Text| listed.is_none_or(|listed| !listed.contains(key));
            let entries = map.to_vec().into_iter().filter(|(key, _)| is_other(key));
            others.extend(entries.map(|(_, value)| value));
        }
        others
    }
}

impl Schema<'_> {
    /// Reads what a keyword says; whether the values surely meet it.
    fn keyword<'de, A: MapAccess<'de>>(
        self,
        keyword: &'static str,
        map: &mut A,
        object: &mut Object,
    ) -> Result<bool, A::Error> {
        let none = self.values.is_empty();
        Ok(match keyword {
            // Keywords that no draft knows, and what is said to people.
            "" | "default" => {
                map.next_value::<IgnoredAny>()?;
                true
            }
            "description" | "title" | "$comment" => {
                map.next_value_seed(AnyText)?;
                true
            }
            "type" => {
                let wanted = map.next_value_seed(Types)?;
                self.values.iter().all(|value| types_of(value) & wanted != 0)
            }
            "properties" => {
                if object.listed.is_some() {
                    return Err(unsure());
                }
                let (fits, listed) = map.next_value_seed(Properties(self))?;
                object.listed = Some(listed);
                fits
            }
            "definitions" | "$defs" => map.next_value_seed(Properties(self.alone()))?.0,
            "dependentSchemas" => map.next_value_seed(Properties(self.alone()))?.0 && !self.has_objects(),
            "additionalProperties" => {
                let others = object.others(self);
                match map.next_value_seed(BoolOr(self.inside(&others)))? {
                    Boolean::Is(true) => true,
                    Boolean::Is(false) => {
                        object.is_closed = true;
                        true
                    }
                    Boolean::Fits(fits) => fits,
                }
            }
            "additionalItems" => {
                map.next_value_seed(BoolOr(self.alone()))?;
                !self.has_lists()
            }
            "items" => {
                let items = self.items();
                map.next_value_seed(Items(self.inside(&items)))?
            }
            "allOf" => map.next_value_seed(List(self))?.all,
            "anyOf" => map.next_value_seed(List(self))?.any || none,
            "oneOf" => map.next_value_seed(List(self.alone())).map(|_| none)?,
            "prefixItems" => map
                .next_value_seed(List(self.alone()))
                .map(|_| !self.has_lists())?,
            "not" | "if" | "then" | "else" | "contentSchema" => map.next_value_seed(self.alone())? && none,
            "contains" | "unevaluatedItems" => {
                map.next_value_seed(self.alone())?;
                !self.has_lists()
            }
            "propertyNames" | "unevaluatedProperties" => {
                map.next_value_seed(self.alone())?;
                !self.has_objects()
            }
            "$id" | "id" if !self.is_root => {
                self.found.has_parts.set(true);
                self.other(keyword, map)?
            }
            "$ref" => {
                let to = map.next_value::<String>()?;
                if !sound::fits(
                    keyword,
                    &Json::from(to.as_str()),
                    &serde_json::Map::new(),
                    self.draft,
                ) {
                    return Err(unsure());
                }
                match to.strip_prefix("#/").filter(|path| !path.contains(['~', '%'])) {
                    Some(path) if !none => {
                        // References that lead to each other could multiply their values.
                        const MOST: usize = 50_000;
                        let followed = self.found.followed.get() + self.values.len();
                        self.found.followed.set(followed);
                        if followed > MOST {
                            return Err(unsure());
                        }
                        let mut references = self.found.references.borrow_mut();
                        references.push((path.to_owned(), self.values.to_vec()));
                        true
                    }
                    _ => none,
                }
            }
            _ => self.other(keyword, map)?,
        })
    }

    /// Reads what a keyword says that is no schema itself.
    fn other<'de, A: MapAccess<'de>>(self, keyword: &str, map: &mut A) -> Result<bool, A::Error> {
        let said = map.next_value::<Json>()?;
        if !sound::fits(keyword, &said, &serde_json::Map::new(), self.draft) {
            return Err(unsure());
        }
        Ok(self.meets(keyword, &said))
    }

    /// Whether values surely meet a keyword that is no schema itself.
    fn meets(self, keyword: &str, said: &Json) -> bool {
        let limit = said.as_f64().unwrap_or_default();
        let numbers = |fits: fn(f64, f64) -> bool| {
            let mut numbers = self.values.iter().filter_map(number_of);
            numbers.all(|number| fits(number, limit))
        };
        let lengths = |length: fn(&Value) -> Option<usize>, fits: fn(f64, f64) -> bool| {
            let mut lengths = self.values.iter().filter_map(length);
            lengths.all(|length| fits(length as f64, limit))
        };
        let characters = |value: &Value| value.as_text().map(|text| text.to_str().chars().count());
        let items = |value: &Value| value.as_list().map(kluctl_gotemplate::List::len);
        let entries = |value: &Value| match value {
            Value::Map(map) => Some(map.len()),
            _ => None,
        };
        let typed = || self.values.iter().map(to_typed_json);
        match keyword {
            "minimum" => numbers(|number, limit| number >= limit),
            "maximum" => numbers(|number, limit| number <= limit),
            "exclusiveMinimum" => numbers(|number, limit| number > limit),
            "exclusiveMaximum" => numbers(|number, limit| number < limit),
            "minLength" => lengths(characters, |length, limit| length >= limit),
            "maxLength" => lengths(characters, |length, limit| length <= limit),
            "minItems" => lengths(items, |length, limit| length >= limit),
            "maxItems" => lengths(items, |length, limit| length <= limit),
            "minProperties" => lengths(entries, |length, limit| length >= limit),
            "maxProperties" => lengths(entries, |length, limit| length <= limit),
            "required" => {
                let names = said.as_array().into_iter().flatten().filter_map(Json::as_str);
                names
                    .into_iter()
                    .all(|name| self.objects().all(|map| map.contains(name)))
            }
            "enum" => {
                let choices = said.as_array().map_or(&[][..], Vec::as_slice);
                typed().all(|value| choices.iter().any(|choice| validator::equal(&value, choice)))
            }
            "const" => typed().all(|value| validator::equal(&value, said)),
            "format" => {
                let format = said.as_str().unwrap_or_default();
                self.draft >= Draft::D2019 || typed().all(|value| formats::check(format, &value).is_ok())
            }
            "uniqueItems" => said == &Json::Bool(false) || lengths(items, |length, _| length < 2.0),
            "pattern" => self.values.iter().all(|value| value.as_text().is_none()),
            "multipleOf" => self.values.iter().all(|value| number_of(value).is_none()),
            "patternProperties" | "dependentRequired" | "dependencies" => !self.has_objects(),
            "minContains" | "maxContains" => !self.has_lists(),
            "examples" | "readOnly" | "writeOnly" | "deprecated" | "$schema" | "contentMediaType"
            | "contentEncoding" | "id" | "$id" => true,
            // References, and keywords about names.
            _ => self.values.is_empty(),
        }
    }
}

/// A keyword's name, which is empty where no draft knows it.
struct Keyword;

impl<'de> DeserializeSeed<'de> for Keyword {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Keyword {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a keyword")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<&'static str, E> {
        macro_rules! known {
            ($($keyword:literal)*) => {
                match name {
                    $($keyword => $keyword,)*
                    _ => "",
                }
            };
        }
        Ok(known!(
            "type" "description" "default" "properties" "items" "title" "additionalProperties" "required" "enum"
            "const" "format" "minimum" "maximum" "exclusiveMinimum" "exclusiveMaximum" "multipleOf" "minLength"
            "maxLength" "pattern" "minItems" "maxItems" "uniqueItems" "contains" "minContains" "maxContains"
            "minProperties" "maxProperties" "patternProperties" "propertyNames" "dependencies" "dependentRequired"
            "dependentSchemas" "additionalItems" "prefixItems" "unevaluatedItems" "unevaluatedProperties"
            "allOf" "anyOf" "oneOf" "not" "if" "then" "else" "definitions" "$defs" "$schema" "$ref" "$id" "id"
            "$anchor" "$dynamicAnchor" "$dynamicRef" "$recursiveAnchor" "$recursiveRef" "$vocabulary" "$comment"
            "examples" "readOnly" "writeOnly" "deprecated" "contentMediaType" "contentEncoding" "contentSchema"
        ))
    }
}

/// Any text, which is not kept.
struct AnyText;

impl<'de> DeserializeSeed<'de> for AnyText {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for AnyText {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// What `type` says, as bits.
struct Types;

impl<'de> DeserializeSeed<'de> for Types {
    type Value = u8;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u8, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Types {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a type or a list of types")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<u8, E> {
        Ok(match name {
            "null" => types::NULL,
            "boolean" => types::BOOLEAN,
            "number" => types::NUMBER,
            "integer" => types::INTEGER,
            "string" => types::STRING,
            "array" => types::ARRAY,
            "object" => types::OBJECT,
            _ => return Err(unsure()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<u8, A::Error> {
        let mut all = 0;
        while let Some(one) = names.next_element_seed(Types)? {
            // A list in the list has several bits or one that is known.
            if all & one != 0 || one.count_ones() != 1 {
                return Err(unsure());
            }
            all |= one;
        }
        if all == 0 { Err(unsure()) } else { Ok(all) }
    }
}

/// Schemas by the names of properties; tells which of them each object has.
struct Properties<'v>(Schema<'v>);

impl<'de> DeserializeSeed<'de> for Properties<'_> {
    type Value = (bool, Vec<BTreeSet<Text>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_> {
    type Value = (bool, Vec<BTreeSet<Text>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("schemas by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let objects: Vec<&Map> = self.0.objects().collect();
        let mut listed = vec![BTreeSet::new(); objects.len()];
        let mut fits = true;
        loop {
            let mut values = Vec::new();
            let name = Name {
                objects: &objects,
                listed: &mut listed,
                values: &mut values,
            };
            if map.next_key_seed(name)?.is_none() {
                return Ok((fits, listed));
            }
            fits &= map.next_value_seed(self.0.inside(&values))?;
        }
    }
}

/// A property's name; finds its values.
struct Name<'n> {
    objects: &'n [&'n Map],
    listed: &'n mut [BTreeSet<Text>],
    values: &'n mut Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        for (map, listed) in self.objects.iter().zip(self.listed) {
            let Some(value) = map.get(name) else {
                continue;
            };
            self.values.push(value);
            if !listed.insert(Text::from(name)) {
                // Of two properties of one name the last one counts.
                return Err(unsure());
            }
        }
        Ok(())
    }
}

/// A list of schemas for the same values.
struct List<'v>(Schema<'v>);

/// Which of several schemas values surely meet.
struct Met {
    all: bool,
    any: bool,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Met;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Met, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Met;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of schemas")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut schemas: A) -> Result<Met, A::Error> {
        let mut met = Met {
            all: true,
            any: false,
        };
        let mut is_empty = true;
        while let Some(fits) = schemas.next_element_seed(self.0.inside(self.0.values))? {
            met.all &= fits;
            met.any |= fits;
            is_empty = false;
        }
        if is_empty { Err(unsure()) } else { Ok(met) }
    }
}

/// What `items` says: a schema for all items, or a list with one for each in older drafts.
struct Items<'v>(Schema<'v>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema or a list of schemas")
    }

    fn visit_bool<E: Error>(self, any: bool) -> Result<bool, E> {
        self.0.visit_bool(any)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        self.0.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, schemas: A) -> Result<bool, A::Error> {
        if self.0.draft == Draft::D2020 {
            return Err(unsure());
        }
        List(self.0.alone()).visit_seq(schemas)?;
        Ok(self.0.values.is_empty())
    }
}

/// What may be a boolean in all drafts, or a schema.
struct BoolOr<'v>(Schema<'v>);

enum Boolean {
    Is(bool),
    Fits(bool),
}

impl<'de> DeserializeSeed<'de> for BoolOr<'_> {
    type Value = Boolean;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Boolean, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BoolOr<'_> {
    type Value = Boolean;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean or a schema")
    }

    fn visit_bool<E: Error>(self, is: bool) -> Result<Boolean, E> {
        Ok(Boolean::Is(is))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Boolean, A::Error> {
        self.0.visit_map(map).map(Boolean::Fits)
    }
}

#[cfg(test)]
mod tests;
