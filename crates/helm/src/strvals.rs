//! The grammar of `--set` and its sisters: `a.b[0].c=x,d={1,2}`.
//!
//! Source: helm `pkg/strvals/parser.go` and `literal_parser.go`.

use serde_json::{Map, Value};

use crate::error::Error;

/// How the text after `=` is read.
pub enum Kind<'r> {
    /// `--set`: integers, booleans and null are told apart from text.
    Typed,
    /// `--set-string`
    Text,
    /// `--set-literal`: everything up to the end is the value, and nothing is special in it.
    Literal,
    /// `--set-json`
    Json,
    /// `--set-file`: the value is a path that is read.
    File(&'r dyn Fn(&str) -> Result<String, String>),
}

/// The highest index of a list.
const HIGHEST_INDEX: i64 = 65536;
/// The most dots in a name.
const MOST_NESTING: usize = 30;

/// Reads one flag's argument into values.
pub fn parse(kind: &Kind<'_>, text: &str, values: &mut Map<String, Value>) -> Result<(), Error> {
    let mut parser = Parser {
        text: text.chars().collect(),
        at: 0,
        kind,
    };
    loop {
        match parser.key(values, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Failed(message)) => return Err(Error::new(message)),
        }
    }
}

/// Why reading stopped.
enum Stop {
    /// The text is over (Go's `io.EOF`).
    End,
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

type Step<T> = Result<T, Stop>;

struct Parser<'k, 'r> {
    text: Vec<char>,
    at: usize,
    kind: &'k Kind<'r>,
}

impl Parser<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let character = self.text.get(self.at).copied();
        self.at += usize::from(character.is_some());
        character
    }

    fn is_literal(&self) -> bool {
        matches!(self.kind, Kind::Literal)
    }

    /// Reads up to one of the stops, which is taken; `None` stands for the end.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut read = String::new();
        while let Some(character) = self.next() {
            if stops.contains(&character) {
                return (read, Some(character));
            }
            if character == '\\' && !self.is_literal() {
                match self.next() {
                    Some(escaped) => read.push(escaped),
                    None => break,
                }
            } else {
                read.push(character);
            }
        }
        (read, None)
    }

    fn key(&mut self, data: &mut Map<String, Value>, nesting: usize) -> Step<()> {
        let stops: &[char] = if self.is_literal() {
            &['=', '[', '.']
        } else {
            &['=', '[', ',', '.']
        };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => Err(format!("key {} has no value", quoted(&key)).into()),
            Some('[') => self.list(data, &key, nesting),
            Some('=') => self.value_of_key(data, &key),
            Some(',') => {
                set(data, &key, "".into());
                Err(format!("key {} has no value (cannot end with ,)", quoted(&key)).into())
            }
            Some(_) => self.nested(data, &key, nesting + 1),
        }
    }

    fn list(&mut self, data: &mut Map<String, Value>, key: &str, nesting: usize) -> Step<()> {
        let index = self.index()?;
        let known = match data.get_mut(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => std::mem::take(items),
            Some(other) => return Err(not_a(other, "[]interface {}")),
        };
        let mut list = Some(known);
        let result = self.list_item(&mut list, index, nesting);
        set(data, key, list.map_or(Value::Null, Value::Array));
        result
    }

    fn nested(&mut self, data: &mut Map<String, Value>, key: &str, nesting: usize) -> Step<()> {
        if nesting > MOST_NESTING {
            return Err(format!(
                "value name nested level is greater than maximum supported nested level of {MOST_NESTING}"
            )
            .into());
        }
        let mut inner = match data.get_mut(key) {
            None => Map::new(),
            Some(Value::Object(map)) => std::mem::take(map),
            Some(other) => return Err(not_a(other, "map[string]interface {}")),
        };
        let result = self.key(&mut inner, nesting);
        if result.is_ok() && inner.is_empty() {
            return Err(format!("key map {} has no value", quoted(key)).into());
        }
        if !inner.is_empty() || data.contains_key(key) {
            set(data, key, inner.into());
        }
        result
    }

    fn value_of_key(&mut self, data: &mut Map<String, Value>, key: &str) -> Step<()> {
        match self.kind {
            Kind::Literal => {
                let (value, _) = self.until(&[]);
                set(data, key, value.into());
                Ok(())
            }
            Kind::Json => {
                let value = self.json()?;
                let found_value = value.is_some();
                set(data, key, value.unwrap_or_default());
                if found_value {
                    self.skip_to_next();
                }
                Ok(())
            }
            _ => match self.braces()? {
                Braces::List(items, failure) => {
                    match failure {
                        Some(message) => return Err(message.into()),
                        None => set(data, key, items.into()),
                    }
                    Ok(())
                }
                Braces::End => {
                    set(data, key, "".into());
                    Err(Stop::End)
                }
                Braces::None => {
                    let (text, _) = self.until(&[',']);
                    match self.convert(&text) {
                        Ok(value) => {
                            set(data, key, value);
                            Ok(())
                        }
                        Err(message) => {
                            set(data, key, Value::Null);
                            Err(message.into())
                        }
                    }
                }
            },
        }
    }

    fn index(&mut self) -> Step<i64> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err("error parsing index: EOF".to_owned().into());
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let text = quoted(&text);
            return Err(format!("error parsing index: strconv.Atoi: parsing {text}: invalid syntax").into());
        }
        text.trim_start_matches('+').parse().map_err(|_| {
            let text = quoted(&text);
            Stop::Failed(format!(
                "error parsing index: strconv.Atoi: parsing {text}: value out of range"
            ))
        })
    }

    fn list_item(&mut self, list: &mut Option<Vec<Value>>, index: i64, nesting: usize) -> Step<()> {
        if index < 0 {
            return Err(format!("negative {index} index not allowed").into());
        }
        let (between, stop) = self.until(&['[', '.', '=']);
        if !between.is_empty() {
            let between = quoted(&between);
            return Err(format!("unexpected data at end of array index: {between}").into());
        }
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let value = self.value_of_item()?;
                set_index(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match item_mut(list, index) {
                    None | Some(Value::Null) => None,
                    Some(Value::Array(items)) => Some(std::mem::take(items)),
                    Some(other) => return Err(not_a(other, "[]interface {}")),
                };
                let result = self.list_item(&mut inner, next, nesting);
                let inner = inner.map_or(Value::Null, Value::Array);
                if result.is_err() {
                    if let Some(item) = item_mut(list, index) {
                        *item = inner;
                    }
                    return result;
                }
                set_index(list, index, inner)
            }
            Some(_) => {
                let mut inner = match item_mut(list, index) {
                    Some(Value::Object(map)) => std::mem::take(map),
                    _ => Map::new(),
                };
                let result = self.key(&mut inner, nesting);
                if result.is_err() {
                    if let Some(item) = item_mut(list, index) {
                        *item = inner.into();
                    }
                    return result;
                }
                set_index(list, index, inner.into())
            }
        }
    }

    fn value_of_item(&mut self) -> Step<Value> {
        match self.kind {
            Kind::Literal => Ok(self.until(&[]).0.into()),
            Kind::Json => {
                let value = self.json()?;
                if value.is_some() {
                    self.skip_to_next();
                }
                Ok(value.unwrap_or_default())
            }
            _ => match self.braces()? {
                Braces::List(_, Some(message)) => Err(message.into()),
                Braces::List(items, None) => Ok(items.into()),
                Braces::End => Ok("".into()),
                Braces::None => {
                    let (text, _) = self.until(&[',']);
                    Ok(self.convert(&text)?)
                }
            },
        }
    }

    /// A JSON value, or `None` when the value is empty (which is null).
    fn json(&mut self) -> Step<Option<Value>> {
        if self.skip_to_next() {
            return Ok(None);
        }
        let rest: String = self.text[self.at..].iter().collect();
        let mut stream = serde_json::Deserializer::from_str(&rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(mut value)) => {
                crate::values::numbers_to_floats(&mut value);
                self.at += rest[..stream.byte_offset()].chars().count();
                Ok(Some(value))
            }
            Some(Err(error)) => Err(error.to_string().into()),
            None => Err(Stop::End),
        }
    }

    /// Skips white space and one comma; tells whether the value ends here.
    fn skip_to_next(&mut self) -> bool {
        loop {
            match self.next() {
                None | Some(',') => return true,
                Some(character) if character.is_whitespace() => {}
                Some(_) => {
                    self.at -= 1;
                    return false;
                }
            }
        }
    }

    /// A list in braces.
    fn braces(&mut self) -> Step<Braces> {
        match self.next() {
            None => return Ok(Braces::End),
            Some('{') => {}
            Some(_) => {
                self.at -= 1;
                return Ok(Braces::None);
            }
        }
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return Err("list must terminate with '}'".to_owned().into());
            }
            let failure = match self.convert(&text) {
                Ok(value) => {
                    items.push(value);
                    None
                }
                Err(message) => Some(message),
            };
            if stop == Some('}') {
                if self.text.get(self.at) == Some(&',') {
                    self.at += 1;
                }
                return Ok(Braces::List(items, failure));
            }
            if failure.is_some() {
                return Ok(Braces::List(items, failure));
            }
        }
    }

    fn convert(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            Kind::Typed => Ok(typed(text)),
            Kind::File(read) => read(text).map(Value::String),
            _ => Ok(text.into()),
        }
    }
}

/// What stands in braces, if anything does.
enum Braces {
    None,
    End,
    List(Vec<Value>, Option<String>),
}

fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return true.into();
    }
    if text.eq_ignore_ascii_case("false") {
        return false.into();
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if text == "0" {
        return 0.into();
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number
        && !text.starts_with('0')
        && let Ok(number) = text.parse::<i64>()
    {
        return number.into();
    }
    text.into()
}

fn set(data: &mut Map<String, Value>, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key.to_owned(), value);
    }
}

fn item_mut(list: &mut Option<Vec<Value>>, index: i64) -> Option<&mut Value> {
    usize::try_from(index)
        .ok()
        .and_then(|index| list.as_mut()?.get_mut(index))
}

fn set_index(list: &mut Option<Vec<Value>>, index: i64, value: Value) -> Step<()> {
    if index > HIGHEST_INDEX {
        return Err(
            format!("index of {index} is greater than maximum supported index of {HIGHEST_INDEX}").into(),
        );
    }
    let list = list.get_or_insert_default();
    let index = index as usize;
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

fn quoted(text: &str) -> String {
    kluctl_gotemplate::quote(text.as_bytes())
}

/// Go's words for a value that is not of the type that was counted on.
fn not_a(value: &Value, wanted: &str) -> Stop {
    let found = match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    Stop::Failed(format!(
        "unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}
