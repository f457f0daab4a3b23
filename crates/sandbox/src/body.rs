//! Bodies of requests as JSON values, with the fields that stand in them twice.

use std::cell::Cell;
use std::fmt;

use kluctl_object::Object;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A body that was read.
pub(crate) struct Body {
    pub(crate) value: Value,
    /// `duplicate field "data.x"`, in the order in which they stand.
    pub(crate) duplicates: Vec<String>,
}

/// Reads JSON, or YAML where the text is not JSON.
pub(crate) fn read(bytes: &[u8], yaml: bool) -> Result<Body, String> {
    match read_json(bytes) {
        Ok(body) => Ok(body),
        Err(error) if yaml => {
            let text = std::str::from_utf8(bytes).map_err(|_| error)?;
            let value = kluctl_yaml::from_str(text).map_err(|error| error.to_string())?;
            Ok(Body {
                value,
                duplicates: Vec::new(),
            })
        }
        Err(error) => Err(error),
    }
}

fn read_json(bytes: &[u8]) -> Result<Body, String> {
    let has_duplicates = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Reader(&has_duplicates)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| go_error(bytes, &error))?;
    let mut duplicates = Vec::new();
    if has_duplicates.get() {
        let mut path = Vec::new();
        let finder = Finder {
            path: &mut path,
            found: &mut duplicates,
        };
        // It has been read once, so it can be read again.
        drop(finder.deserialize(&mut serde_json::Deserializer::from_slice(bytes)));
    }
    Ok(Body { value, duplicates })
}

/// A syntax error in `encoding/json`'s words, as far as they can be known.
fn go_error(bytes: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let mut offset = 0;
    for (index, line) in bytes.split(|c| *c == b'\n').enumerate() {
        if index + 1 == error.line() {
            offset += error.column().saturating_sub(1);
            break;
        }
        offset += line.len() + 1;
    }
    let found = bytes.get(offset).map_or(' ', |c| char::from(*c));
    let place = match error.to_string() {
        text if text.contains("key must be a string") => "looking for beginning of object key string",
        text if text.contains("expected value") => "looking for beginning of value",
        text if text.contains("expected `:`") => "after object key",
        text if text.contains("expected `,` or `}`") => "after object key:value pair",
        text if text.contains("expected `,` or `]`") => "after array element",
        text if text.contains("trailing characters") => "after top-level value",
        _ => "looking for beginning of value",
    };
    format!("invalid character '{found}' {place}")
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Cell<bool>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(self)?;
            if map.insert(key, value).is_some() {
                self.0.set(true);
            }
        }
        Ok(Value::Object(map))
    }
}

/// Finds the paths of fields that stand twice.
struct Finder<'a> {
    path: &'a mut Vec<String>,
    found: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut index = 0;
        let depth = self.path.len();
        let last = self.path.last().cloned().unwrap_or_default();
        loop {
            if depth > 0 {
                self.path[depth - 1] = format!("{last}[{index}]");
            }
            let seed = Finder {
                path: self.path,
                found: self.found,
            };
            if access.next_element_seed(seed)?.is_none() {
                break;
            }
            index += 1;
        }
        if depth > 0 {
            self.path[depth - 1] = last;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut seen: Vec<String> = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            self.path.push(key.clone());
            if seen.contains(&key) {
                let text = format!("duplicate field \"{}\"", self.path.join("."));
                if !self.found.contains(&text) {
                    self.found.push(text);
                }
            }
            seen.push(key);
            access.next_value_seed(Finder {
                path: self.path,
                found: self.found,
            })?;
            self.path.pop();
        }
        Ok(())
    }
}

/// A value as an object, or why it is none.
pub(crate) fn object(value: Value) -> Result<Object, String> {
    Object::try_from(value).map_err(|error| {
        let what = match error.0 {
            "null" => "null",
            "a boolean" => "bool",
            "a number" => "number",
            "a list" => "array",
            _ => "string",
        };
        format!("couldn't get version/kind; json parse error: json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_with_their_paths() {
        let body = read(
            br#"{"a":1,"data":{"x":1,"x":2},"l":[{"b":1},{"c":1,"c":2}],"a":2}"#,
            false,
        )
        .unwrap();
        assert_eq!(body.value["data"]["x"], 2);
        assert_eq!(
            body.duplicates,
            [
                "duplicate field \"data.x\"",
                "duplicate field \"l[1].c\"",
                "duplicate field \"a\""
            ]
        );
    }

    #[test]
    fn syntax_errors_read_as_in_go() {
        for (text, message) in [
            (
                "{bad",
                "invalid character 'b' looking for beginning of object key string",
            ),
            ("{", "unexpected end of JSON input"),
            ("{\"a\":}", "invalid character '}' looking for beginning of value"),
        ] {
            assert_eq!(read(text.as_bytes(), false).err().unwrap(), message, "{text}");
        }
    }
}
