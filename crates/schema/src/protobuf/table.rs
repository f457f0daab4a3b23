//! The table of messages, read when protobuf is first met.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::ZlibDecoder;

/// Written by `cargo xtask protobuf`, which says what is in it; 157,051 bytes of text, some 18,500 deflated.
static BYTES: &[u8] = include_bytes!("../../table/protobuf-1.37.bin");
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    match ZlibDecoder::new(BYTES).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
});
pub(super) static MESSAGES: LazyLock<Messages> = LazyLock::new(|| Messages::read(&TEXT));

/// Whether a definition of the OpenAPI documents has a protobuf form.
pub fn has_protobuf(definition: &str) -> bool {
    MESSAGES.find(definition).is_some()
}

/// All messages.
pub(super) struct Messages {
    all: Vec<Message>,
    names: HashMap<String, usize>,
}

pub(super) struct Message {
    pub(super) shape: Shape,
    pub(super) fields: Vec<Field>,
}

/// How a message stands in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As an object with its fields.
    Struct,
    /// As its only text.
    Quantity,
    /// As a date to the second.
    Time,
    /// As a date to the microsecond.
    MicroTime,
    /// As a number or a text.
    IntOrString,
    /// As the JSON its bytes are.
    Raw,
    /// As its only list.
    Items,
    /// As a schema, or a boolean.
    SchemaOrBool,
    /// As a schema, or a list of them.
    SchemaOrArray,
    /// As a schema, or a list of texts.
    SchemaOrStrings,
}

pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) label: Label,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Single,
    Repeated,
    /// A map from text.
    Map,
    /// Its fields stand beside those of its message.
    Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Integer,
    Boolean,
    Double,
    Message(usize),
}

impl Message {
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

impl Messages {
    fn read(text: &'static str) -> Self {
        let mut names = HashMap::new();
        let mut package = "";
        for line in text.lines() {
            match line.strip_prefix('@') {
                Some(name) => package = name,
                None => {
                    let name = line.split('\t').next().unwrap_or_default();
                    let index = names.len();
                    names.insert(format!("{package}.{name}"), index);
                }
            }
        }
        let mut all = Vec::with_capacity(names.len());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('@') {
                package = name;
                continue;
            }
            let mut parts = line.split('\t');
            let name = parts.next().unwrap_or_default();
            let fields: Vec<Field> = parts.filter_map(|part| field(part, package, &names)).collect();
            all.push(Message {
                shape: shape(package, name, &fields),
                fields,
            });
        }
        Self { all, names }
    }

    pub(super) fn find(&self, definition: &str) -> Option<usize> {
        self.names.get(definition).copied()
    }

    pub(super) fn get(&self, index: usize) -> &Message {
        &self.all[index]
    }
}

fn field(text: &'static str, package: &str, names: &HashMap<String, usize>) -> Option<Field> {
    let mut parts = text.splitn(3, ' ');
    let number = parts.next()?.parse().ok()?;
    let name = parts.next()?;
    let kind = parts.next()?;
    let (label, kind) = match kind.split_at_checked(1)? {
        ("*", kind) => (Label::Repeated, kind),
        ("%", kind) => (Label::Map, kind),
        ("<", kind) => (Label::Inline, kind),
        _ => (Label::Single, kind),
    };
    let kind = match kind {
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "int32" | "int64" => Kind::Integer,
        "bool" => Kind::Boolean,
        "double" => Kind::Double,
        name => Kind::Message(
            *names
                .get(&format!("{package}.{name}"))
                .or_else(|| names.get(name))?,
        ),
    };
    Some(Field {
        number,
        name,
        label,
        kind,
    })
}

fn shape(package: &str, name: &str, fields: &[Field]) -> Shape {
    match (package, name) {
        ("io.k8s.apimachinery.pkg.api.resource", "Quantity" | "QuantityValue") => Shape::Quantity,
        ("io.k8s.apimachinery.pkg.apis.meta.v1", "Time") => Shape::Time,
        ("io.k8s.apimachinery.pkg.apis.meta.v1", "MicroTime") => Shape::MicroTime,
        ("io.k8s.apimachinery.pkg.apis.meta.v1", "FieldsV1")
        | ("io.k8s.apimachinery.pkg.runtime", "RawExtension")
        | (_, "JSON") => Shape::Raw,
        ("io.k8s.apimachinery.pkg.util.intstr", "IntOrString") => Shape::IntOrString,
        (_, "JSONSchemaPropsOrBool") => Shape::SchemaOrBool,
        (_, "JSONSchemaPropsOrArray") => Shape::SchemaOrArray,
        (_, "JSONSchemaPropsOrStringArray") => Shape::SchemaOrStrings,
        _ => match fields {
            [only] if only.name == "items" && only.label == Label::Repeated && only.kind == Kind::Text => {
                Shape::Items
            }
            _ => Shape::Struct,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_and_field_of_the_table_is_read() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('@'));
        let (mut messages, mut fields) = (0, 0);
        for line in lines {
            messages += 1;
            fields += line.split('\t').count() - 1;
        }
        assert_eq!(MESSAGES.all.len(), messages);
        assert_eq!(
            MESSAGES
                .all
                .iter()
                .map(|message| message.fields.len())
                .sum::<usize>(),
            fields
        );
        assert!(messages > 1_000, "{messages}");
        assert!(BYTES.len() < 50_000, "{}", BYTES.len());
    }

    #[test]
    fn every_kind_has_a_message_whose_fields_are_its_own() {
        let table = crate::kubernetes();
        for gvk in table.kinds() {
            let name = table.definition_name(gvk).unwrap_or_default();
            // Groups whose objects exist in JSON only.
            if name.starts_with("io.k8s.api.apiserverinternal.") {
                continue;
            }
            let Some(index) = MESSAGES.find(name) else {
                panic!("no message for {name}");
            };
            let ty = table.type_of(gvk).unwrap();
            let known = ty.map.as_ref().map_or(&[][..], |map| &map.fields);
            for field in &MESSAGES.get(index).fields {
                assert!(
                    field.label == Label::Inline || known.iter().any(|other| *other.name == *field.name),
                    "{name} has no field {}",
                    field.name
                );
            }
        }
    }
}
