//! From messages to JSON values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::table::{Field, Kind, Label, MESSAGES, Message, Shape};

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// They end in the middle of a field.
    #[error("unexpected EOF")]
    End,
    /// A number is longer than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field is of a type that its number does not have.
    #[error("proto: wrong wireType = {found} for field {field}")]
    WireType {
        /// The type found.
        found: u8,
        /// The field.
        field: String,
    },
    /// A type no message has.
    #[error("proto: illegal wireType {0}")]
    IllegalWireType(u8),
    /// A text is not UTF-8.
    #[error("proto: field {0} contains invalid UTF-8")]
    Text(String),
    /// Free-form JSON is none.
    #[error("{0}")]
    Json(String),
    /// Messages stand in each other too deeply.
    #[error("proto: message nested too deeply")]
    Depth,
    /// There is no such message.
    #[error("proto: no message {0}")]
    Unknown(String),
}

/// Reads a message of a definition (`io.k8s.api.core.v1.Pod`) as its JSON form, without `apiVersion` and `kind`.
///
/// Fields that Go writes although they are empty stand in it as they came; [`crate::default_object`] takes them out.
///
/// # Errors
/// When the bytes are no such message; fields whose numbers nobody knows are passed over, as Go does.
pub fn decode_protobuf(definition: &str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let index = MESSAGES
        .find(definition)
        .ok_or_else(|| ProtobufError::Unknown(definition.to_owned()))?;
    message(MESSAGES.get(index), bytes, 0)
}

const DEEPEST: usize = 200;

struct Reader<'a>(&'a [u8]);

/// What stands behind a field's number.
enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

impl Wire<'_> {
    fn number(&self) -> u8 {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed64(_) => 1,
            Self::Bytes(_) => 2,
            Self::Fixed32 => 5,
        }
    }
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut number = 0_u64;
        for shift in (0..).step_by(7) {
            if shift >= 64 {
                return Err(ProtobufError::Overflow);
            }
            let (byte, rest) = self.0.split_first().ok_or(ProtobufError::End)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(ProtobufError::End)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next field's number and what stands there.
    fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, ProtobufError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| ProtobufError::Overflow)?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let mut eight = [0; 8];
                eight.copy_from_slice(self.take(8)?);
                Wire::Fixed64(eight)
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::End)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            other => return Err(ProtobufError::IllegalWireType(other as u8)),
        };
        Ok(Some((number, wire)))
    }
}

fn message(message: &Message, bytes: &[u8], depth: usize) -> Result<Value, ProtobufError> {
    if depth > DEEPEST {
        return Err(ProtobufError::Depth);
    }
    let mut map = Map::new();
    read_fields(message, bytes, &mut map, depth)?;
    Ok(match message.shape {
        Shape::Struct => Value::Object(map),
        Shape::Quantity => map.remove("string").unwrap_or_else(|| Value::from("0")),
        Shape::Time => date(&map, false),
        Shape::MicroTime => date(&map, true),
        Shape::IntOrString => {
            let of = |key: &str| map.get(key).cloned();
            if of("type").and_then(|kind| kind.as_i64()).unwrap_or(0) == 0 {
                of("intVal").unwrap_or_else(|| Value::from(0))
            } else {
                of("strVal").unwrap_or_else(|| Value::from(""))
            }
        }
        Shape::Raw => raw(bytes)?,
        Shape::Items => map.remove("items").unwrap_or(Value::Null),
        Shape::SchemaOrBool => map
            .remove("schema")
            .or_else(|| map.remove("allows"))
            .unwrap_or(Value::Bool(false)),
        Shape::SchemaOrArray => map
            .remove("jSONSchemas")
            .or_else(|| map.remove("schema"))
            .unwrap_or(Value::Null),
        Shape::SchemaOrStrings => map
            .remove("property")
            .or_else(|| map.remove("schema"))
            .unwrap_or(Value::Null),
    })
}

/// The JSON that the bytes of a message's only field are.
fn raw(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut reader = Reader(bytes);
    let mut value = Value::Null;
    while let Some((_, wire)) = reader.field()? {
        if let Wire::Bytes(text) = wire
            && !text.is_empty()
        {
            value = serde_json::from_slice(text).map_err(|error| ProtobufError::Json(error.to_string()))?;
        }
    }
    Ok(value)
}

fn date(map: &Map<String, Value>, micro: bool) -> Value {
    let of = |key: &str| map.get(key).and_then(Value::as_i64).unwrap_or(0);
    let (seconds, nanos) = (of("seconds"), of("nanos"));
    if seconds == 0 && nanos == 0 {
        return Value::Null;
    }
    let format = if micro {
        "%Y-%m-%dT%H:%M:%S.%6fZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0))
        .map_or(Value::Null, |time| Value::from(time.strftime(format).to_string()))
}

fn read_fields(
    message: &Message,
    bytes: &[u8],
    map: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.field()? {
        let Some(field) = message.field(number) else {
            continue;
        };
        match field.label {
            Label::Single => {
                let value = scalar(field, &wire, depth)?;
                map.insert(field.name.to_owned(), value);
            }
            Label::Repeated => {
                let value = scalar(field, &wire, depth)?;
                let list = map.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = list {
                    items.push(value);
                }
            }
            Label::Map => {
                let (key, value) = entry(field, &wire, depth)?;
                let entries = map.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(entries) = entries {
                    entries.insert(key, value);
                }
            }
            Label::Inline => {
                let (Kind::Message(index), Wire::Bytes(bytes)) = (field.kind, &wire) else {
                    return Err(wrong(field, &wire));
                };
                if depth > DEEPEST {
                    return Err(ProtobufError::Depth);
                }
                read_fields(MESSAGES.get(index), bytes, map, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn wrong(field: &Field, wire: &Wire<'_>) -> ProtobufError {
    ProtobufError::WireType {
        found: wire.number(),
        field: field.name.to_owned(),
    }
}

fn scalar(field: &Field, wire: &Wire<'_>, depth: usize) -> Result<Value, ProtobufError> {
    Ok(match (field.kind, wire) {
        (Kind::Text, Wire::Bytes(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| ProtobufError::Text(field.name.to_owned()))?;
            Value::from(text)
        }
        (Kind::Bytes, Wire::Bytes(bytes)) => Value::from(STANDARD.encode(bytes)),
        (Kind::Integer, Wire::Varint(number)) => Value::from(*number as i64),
        (Kind::Boolean, Wire::Varint(number)) => Value::Bool(*number != 0),
        (Kind::Double, Wire::Fixed64(bytes)) => {
            let number = f64::from_le_bytes(*bytes);
            if number.fract() == 0.0 && number.abs() < 9e15 {
                Value::from(number as i64)
            } else {
                Value::from(number)
            }
        }
        (Kind::Message(index), Wire::Bytes(bytes)) => message(MESSAGES.get(index), bytes, depth + 1)?,
        _ => return Err(wrong(field, wire)),
    })
}

fn entry(field: &Field, wire: &Wire<'_>, depth: usize) -> Result<(String, Value), ProtobufError> {
    let Wire::Bytes(bytes) = wire else {
        return Err(wrong(field, wire));
    };
    let mut reader = Reader(bytes);
    let mut key = String::new();
    let mut value = None;
    while let Some((number, wire)) = reader.field()? {
        match (number, &wire) {
            (1, Wire::Bytes(text)) => {
                key = String::from_utf8(text.to_vec())
                    .map_err(|_| ProtobufError::Text(field.name.to_owned()))?;
            }
            (2, wire) => value = Some(scalar(field, wire, depth)?),
            _ => {}
        }
    }
    let value = match (value, field.kind) {
        (Some(value), _) => value,
        (None, Kind::Text | Kind::Bytes) => Value::from(""),
        (None, Kind::Message(index)) => message(MESSAGES.get(index), &[], depth + 1)?,
        (None, Kind::Boolean) => Value::Bool(false),
        (None, Kind::Integer | Kind::Double) => Value::from(0),
    };
    Ok((key, value))
}
