//! TOML as Go's most used library writes it: direct values first, then tables, each sorted and indented.

use kluctl_gotemplate::Value;
use kluctl_yaml::format_float_g;

/// Writes a value; a failure is told in the library's words.
///
/// Source: github.com/BurntSushi/toml `encode.go`.
pub(crate) fn write(value: &Value) -> Result<String, String> {
    let mut writer = Writer { text: String::new() };
    writer.encode(&mut Vec::new(), value)?;
    Ok(writer.text)
}

struct Writer {
    text: String,
}

/// What TOML makes of a value.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Nothing,
    Scalar,
    Array,
    Table,
    TableArray,
}

impl Writer {
    fn encode(&mut self, key: &mut Vec<String>, value: &Value) -> Result<(), String> {
        match form(value)? {
            Form::Nothing => Ok(()),
            Form::Scalar | Form::Array => self.key_value(key, value, false),
            Form::TableArray => {
                if key.is_empty() {
                    return Err("toml: top-level values must be Go maps or structs".to_owned());
                }
                for item in value
                    .as_list()
                    .map(kluctl_gotemplate::List::to_vec)
                    .unwrap_or_default()
                {
                    let Some(entries) = entries(&item) else {
                        continue;
                    };
                    self.newline();
                    self.indent(key);
                    self.text.push_str(&format!("[[{}]]", dotted(key)));
                    self.newline();
                    self.table(key, entries, false)?;
                }
                Ok(())
            }
            Form::Table => {
                let Some(entries) = entries(value) else {
                    return Ok(());
                };
                if key.len() == 1 {
                    self.newline();
                }
                if !key.is_empty() {
                    self.indent(key);
                    self.text.push_str(&format!("[{}]", dotted(key)));
                    self.newline();
                }
                self.table(key, entries, false)
            }
        }
    }

    fn table(
        &mut self,
        key: &mut Vec<String>,
        all: Vec<(String, Value)>,
        inline: bool,
    ) -> Result<(), String> {
        let mut direct = Vec::new();
        let mut tables = Vec::new();
        for (name, value) in all {
            let form = form(&value)?;
            let group = if matches!(form, Form::Table | Form::TableArray) {
                &mut tables
            } else {
                &mut direct
            };
            group.push((name, value, form));
        }
        if inline {
            self.text.push('{');
        }
        let more = !tables.is_empty();
        for (entries, comma_after) in [(direct, more), (tables, false)] {
            let count = entries.len();
            for (i, (name, value, form)) in entries.into_iter().enumerate() {
                if form == Form::Nothing {
                    continue;
                }
                if inline {
                    self.key_value(&[name], &value, true)?;
                    if comma_after || i + 1 < count {
                        self.text.push_str(", ");
                    }
                } else {
                    key.push(name);
                    self.encode(key, &value)?;
                    key.pop();
                }
            }
        }
        if inline {
            self.text.push('}');
        }
        Ok(())
    }

    fn key_value(&mut self, key: &[String], value: &Value, inline: bool) -> Result<(), String> {
        let Some(last) = key.last() else {
            return self.element(value);
        };
        self.indent(key);
        self.text.push_str(&quoted_key(last));
        self.text.push_str(" = ");
        self.element(value)?;
        if !inline {
            self.newline();
        }
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::String(text) => self.text.push_str(&quoted(&text.to_str())),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Int(number, _) => self.text.push_str(&number.to_string()),
            Value::Uint(number, _) => self.text.push_str(&number.to_string()),
            Value::Float(number) => self.text.push_str(&float(*number)),
            Value::Bytes(bytes) => {
                let items: Vec<String> = bytes.iter().map(u8::to_string).collect();
                self.text.push_str(&format!("[{}]", items.join(", ")));
            }
            Value::List(list) => {
                self.text.push('[');
                for (i, item) in list.to_vec().iter().enumerate() {
                    if i > 0 {
                        self.text.push_str(", ");
                    }
                    self.element(item)?;
                }
                self.text.push(']');
            }
            Value::Object(object) if object.go_type().name == "time.Time" => {
                self.text.push_str(&time(object.as_ref()));
            }
            Value::Map(_) | Value::Object(_) if let Some(entries) = entries(value) => {
                self.table(&mut Vec::new(), entries, true)?;
            }
            Value::Object(object) => {
                if let Some(Value::String(text)) = object.to_plain() {
                    self.text.push_str(&quoted(&text.to_str()));
                } else if let Some(list) = object.as_list() {
                    self.element(&Value::List(list))?;
                } else if let Some(basic) = object.as_basic() {
                    self.element(&basic)?;
                } else {
                    return Err(format!("unexpected type: {}", object.go_type().name));
                }
            }
            Value::Nil | Value::Complex(_) | Value::Map(_) => {
                return Err(format!("unexpected type: {}", value.type_name()));
            }
        }
        Ok(())
    }

    fn newline(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn indent(&mut self, key: &[String]) {
        self.text
            .extend(std::iter::repeat_n("  ", key.len().saturating_sub(1)));
    }
}

fn form(value: &Value) -> Result<Form, String> {
    Ok(match value {
        Value::Nil => Form::Nothing,
        Value::Map(map) if map.is_nil() => Form::Nothing,
        Value::Map(_) => Form::Table,
        Value::List(list) if list.is_nil() => Form::Nothing,
        Value::List(list) => {
            let items = list.to_vec();
            let mut tables = !items.is_empty();
            for item in &items {
                match form(item)? {
                    Form::Nothing => return Err("toml: cannot encode array with nil element".to_owned()),
                    Form::Table => {}
                    _ => tables = false,
                }
            }
            if tables { Form::TableArray } else { Form::Array }
        }
        Value::Object(_) if entries(value).is_some() => Form::Table,
        Value::Complex(_) => return Err("unsupported type: complex128".to_owned()),
        _ => Form::Scalar,
    })
}

/// The entries of a map, or the fields of a struct that does not write itself as a text.
fn entries(value: &Value) -> Option<Vec<(String, Value)>> {
    if let Some(map) = value.as_map() {
        let entries = map.to_vec().into_iter();
        let entries = entries.map(|(name, value)| (name.to_str().into_owned(), value));
        return (!map.is_nil()).then(|| entries.collect());
    }
    let Value::Object(object) = value else {
        return None;
    };
    let is_text = object.to_plain().is_some() || object.as_list().is_some() || object.as_basic().is_some();
    let fields = object.fields().into_iter();
    let fields = fields.filter(|(name, _)| name.starts_with(char::is_uppercase));
    let fields: Vec<_> = fields.map(|(name, field)| (name.to_owned(), field)).collect();
    (!is_text && !fields.is_empty()).then_some(fields)
}

fn dotted(key: &[String]) -> String {
    let parts: Vec<String> = key.iter().map(|part| quoted_key(part)).collect();
    parts.join(".")
}

fn quoted_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if key.is_empty() {
        "\"\"".to_owned()
    } else if key.chars().all(bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\x08' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\x0C' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\0'..='\x1F' | '\x7F' => quoted.push_str(&format!("\\u{:04x}", character as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A time with its offset, or without one where it was read so.
fn time(time: &dyn kluctl_gotemplate::Object) -> String {
    let shown = time.display().unwrap_or_default();
    let shown = shown.to_str();
    let mut parts = shown.split(' ');
    let (day, clock) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match parts.nth(1) {
        Some("datetime-local") => format!("{day}T{clock}"),
        Some("date-local") => day.to_owned(),
        Some("time-local") => clock.to_owned(),
        _ => match time.to_plain() {
            Some(Value::String(text)) => text.to_str().into_owned(),
            _ => shown.into_owned(),
        },
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let mut text = format_float_g(number);
    if !text.contains(['e', '.']) {
        text.push_str(".0");
    }
    text
}
