//! Values from YAML, as Helm layers them.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::error::Error;

/// Reads a values file: all its documents, later ones over earlier ones. Numbers become floats, as JSON has them.
///
/// Source: helm `pkg/chart/v2/loader/load.go`, `LoadValues`.
pub fn from_yaml(text: &str) -> Result<Map<String, Value>, Error> {
    let mut values = Map::new();
    let mut rest = text;
    while let Some(document) = next_document(&mut rest)? {
        let value = kluctl_yaml::from_str_lenient(&document)
            .map_err(|error| Error::new(format!("cannot unmarshal yaml document: {}", error.go_text())))?;
        match value {
            Value::Null => {}
            Value::Object(mut map) => {
                map.values_mut().for_each(numbers_to_floats);
                if values.is_empty() {
                    values = map;
                } else {
                    merge(&mut values, map);
                }
            }
            other => {
                let found = match other {
                    Value::Array(_) => "array",
                    Value::String(_) => "string",
                    Value::Bool(_) => "bool",
                    _ => "number",
                };
                return Err(Error::new(format!(
                    "cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \
                     {found} into Go value of type map[string]interface {{}}"
                )));
            }
        }
    }
    Ok(values)
}

/// Lays maps over maps; anything else in `over` replaces what was there.
///
/// Source: helm `pkg/chart/v2/loader/load.go`, `MergeMaps`.
pub fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(new)) => merge(known, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Turns whole numbers to floats, since Go reads JSON numbers so.
pub(crate) fn numbers_to_floats(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_f64() => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numbers_to_floats),
        Value::Object(map) => map.values_mut().for_each(numbers_to_floats),
        _ => {}
    }
}

/// Takes the text up to the next line that is `---`, as Kubernetes' YAML reader does before it parses. Each line ends with a
/// line break then, the last one too.
///
/// Source: k8s.io/apimachinery `pkg/util/yaml/decoder.go`, `YAMLReader.Read`.
fn next_document<'t>(rest: &mut &'t str) -> Result<Option<Cow<'t, str>>, Error> {
    const SEPARATOR: &str = "---";
    let text = *rest;
    let first = text.starts_with(SEPARATOR).then_some(0);
    let later = memchr::memmem::find_iter(text.as_bytes(), b"\n---").map(|line_break| line_break + 1);
    for at in first.into_iter().chain(later) {
        let line = &text[at..];
        let length = memchr::memchr(b'\n', line.as_bytes()).map_or(line.len(), |end| end + 1);
        let behind = line[SEPARATOR.len()..length].trim();
        if !behind.is_empty() && !behind.starts_with('#') {
            return Err(Error::new(format!(
                "error reading yaml document: invalid Yaml document separator: {behind}"
            )));
        }
        // A separator at the very start belongs to the document.
        if at > 0 {
            *rest = &text[at + length..];
            return Ok(Some(Cow::Borrowed(&text[..at])));
        }
    }
    *rest = "";
    Ok(match text {
        "" => None,
        _ if text.ends_with('\n') => Some(Cow::Borrowed(text)),
        _ => Some(Cow::Owned(format!("{text}\n"))),
    })
}

/// Reads a JSON object, as `--set-json` takes it. Numbers become floats.
pub fn from_json(text: &str) -> Result<Map<String, Value>, Error> {
    let mut map: Map<String, Value> =
        serde_json::from_str(text.trim()).map_err(|error| Error::new(error.to_string()))?;
    map.values_mut().for_each(numbers_to_floats);
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::next_document;

    fn documents(text: &str) -> Result<Vec<String>, String> {
        let mut rest = text;
        std::iter::from_fn(|| next_document(&mut rest).transpose())
            .map(|document| match document {
                Ok(document) => Ok(document.into_owned()),
                Err(error) => Err(error.message().to_owned()),
            })
            .collect()
    }

    #[test]
    fn separators_are_lines_of_their_own() {
        let cases: [(&str, &[&str]); 8] = [
            ("", &[]),
            ("a: 1", &["a: 1\n"]),
            ("---\na: 1\n", &["---\na: 1\n"]),
            ("a: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
            ("a: 1\n---  # b\n---\nc: 3", &["a: 1\n", "---\nc: 3\n"]),
            ("a: 1\n ---\n", &["a: 1\n ---\n"]),
            ("\n---\n\n---\n", &["\n", "\n"]),
            ("a: 1\r\n---\r\nb: 2", &["a: 1\r\n", "b: 2\n"]),
        ];
        for (text, expected) in cases {
            assert_eq!(documents(text).unwrap(), expected, "{text:?}");
        }
        for text in ["a: 1\n--- b\n---", "a: 1\n----\n ---\n"] {
            assert!(documents(text).is_err(), "{text:?}");
        }
    }
}
