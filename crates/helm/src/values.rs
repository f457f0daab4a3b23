//! Values from YAML, as Helm layers them.

use serde_json::{Map, Number, Value};

use crate::error::Error;

/// Reads a values file: all its documents, later ones over earlier ones. Numbers become floats, as JSON has them.
///
/// Source: helm `pkg/chart/v2/loader/load.go`, `LoadValues`.
pub fn from_yaml(text: &str) -> Result<Map<String, Value>, Error> {
    let mut values = Map::new();
    for document in documents(text) {
        let value = kluctl_yaml::from_str_lenient(document)
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

/// Cuts a text at lines that are `---`, as Kubernetes' YAML reader does before it parses.
///
/// Source: k8s.io/apimachinery `pkg/util/yaml/decoder.go`, `YAMLReader.Read`.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut start = 0;
    // A separator at the very start belongs to the first document.
    for line_break in memchr::memmem::find_iter(text.as_bytes(), b"\n---") {
        let at = line_break + 1;
        let line = &text[at..];
        let length = memchr::memchr(b'\n', line.as_bytes()).map_or(line.len(), |end| end + 1);
        let rest = line["---".len()..length].trim();
        if (rest.is_empty() || rest.starts_with('#')) && at > start {
            documents.push(&text[start..at]);
            start = at + length;
        }
    }
    if text.len() > start {
        documents.push(&text[start..]);
    }
    documents
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
    use super::documents;

    #[test]
    fn separators_are_lines_of_their_own() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("a: 1", &["a: 1"]),
            ("---\na: 1\n", &["---\na: 1\n"]),
            ("a: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
            ("a: 1\n---  # b\n---\nc: 3", &["a: 1\n", "---\nc: 3"]),
            ("a: 1\n--- b\n---", &["a: 1\n--- b\n"]),
            ("a: 1\n----\n ---\n", &["a: 1\n----\n ---\n"]),
            ("\n---\n\n---\n", &["\n", "\n"]),
            ("a: 1\r\n---\r\nb: 2", &["a: 1\r\n", "b: 2"]),
        ];
        for (text, expected) in cases {
            assert_eq!(documents(text), expected, "{text:?}");
        }
    }
}
