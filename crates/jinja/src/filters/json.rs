//! `json.dumps`, for `tojson`, `to_json` and whoever needs it.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::call::CallArgs;
use crate::error::{Error, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Placeholder, Value, cmp, number, repr};

/// How to write.
#[derive(Clone, Default)]
pub(crate) struct Style {
    pub(crate) sort_keys: bool,
    pub(crate) indent: Option<String>,
}

/// `tojson`: sorted keys, and nothing that HTML would take for markup.
pub(crate) fn tojson(_: &Vm, _: &Rc<Context>, value: Value, args: CallArgs) -> Result<Value> {
    let [indent] = args.bind("do_tojson", ["indent"], 0)?;
    let indent = match indent {
        None | Some(Value::None) => None,
        Some(Value::Str(text) | Value::Markup(text)) => Some(text.to_string()),
        Some(indent) => {
            Some(" ".repeat(usize::try_from(crate::call::integer(&indent)?.min(1000)).unwrap_or_default()))
        }
    };
    let text = dumps(
        &value,
        &Style {
            sort_keys: true,
            indent,
        },
    )?;
    let safe = text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::Markup(safe.into()))
}

/// `json.dumps(value)`.
pub(crate) fn dumps(value: &Value, style: &Style) -> Result<String> {
    let mut out = String::new();
    Writer {
        style,
        out: &mut out,
        open: Vec::new(),
    }
    .value(value)?;
    Ok(out)
}

struct Writer<'a> {
    style: &'a Style,
    out: &'a mut String,
    open: Vec<*const ()>,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::None => self.out.push_str("null"),
            Value::Bool(flag) => self.out.push_str(if *flag { "true" } else { "false" }),
            Value::Int(_) | Value::Big(_) => repr::write_str(value, self.out)?,
            Value::Float(float) => self.out.push_str(&float_text(*float)),
            Value::Str(text) | Value::Markup(text) => push_string(self.out, text),
            Value::List(list) => {
                let items = list.borrow().clone();
                self.sequence(&items, Rc::as_ptr(list).cast())?;
            }
            Value::Tuple(tuple) => self.sequence(&tuple.items, Rc::as_ptr(tuple).cast())?,
            Value::Dict(dict) => self.mapping(dict.pairs(), Rc::as_ptr(dict).cast())?,
            other => {
                if let Some(text) = Placeholder::text(other) {
                    push_string(self.out, &text);
                    return Ok(());
                }
                return Err(Error::type_error(format!(
                    "Object of type {} is not JSON serializable",
                    other.type_name()
                )));
            }
        }
        Ok(())
    }

    fn enter(&mut self, pointer: *const ()) -> Result<()> {
        if self.open.contains(&pointer) {
            return Err(Error::value_error("Circular reference detected"));
        }
        if self.open.len() > 400 {
            return Err(Error::new(
                crate::error::ErrorKind::RECURSION,
                "maximum recursion depth exceeded",
            ));
        }
        self.open.push(pointer);
        Ok(())
    }

    fn line(&mut self) {
        if let Some(indent) = &self.style.indent {
            self.out.push('\n');
            for _ in &self.open {
                self.out.push_str(indent);
            }
        }
    }

    fn comma(&mut self) {
        self.out
            .push_str(if self.style.indent.is_some() { "," } else { ", " });
    }

    fn sequence(&mut self, items: &[Value], pointer: *const ()) -> Result<()> {
        if items.is_empty() {
            self.out.push_str("[]");
            return Ok(());
        }
        self.out.push('[');
        self.enter(pointer)?;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.comma();
            }
            self.line();
            self.value(item)?;
        }
        self.open.pop();
        self.line();
        self.out.push(']');
        Ok(())
    }

    fn mapping(&mut self, pairs: Vec<(Value, Value)>, pointer: *const ()) -> Result<()> {
        if pairs.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        let pairs = if self.style.sort_keys {
            let keyed = pairs
                .into_iter()
                .map(|(key, value)| (key.clone(), Value::tuple(vec![key, value])))
                .collect();
            let sorted = cmp::sort_by_key(keyed, false)?;
            let split = |pair: Value| match pair {
                Value::Tuple(pair) => (pair.items[0].clone(), pair.items[1].clone()),
                other => (other, Value::None),
            };
            sorted.into_iter().map(split).collect()
        } else {
            pairs
        };
        self.out.push('{');
        self.enter(pointer)?;
        for (index, (key, value)) in pairs.iter().enumerate() {
            if index > 0 {
                self.comma();
            }
            self.line();
            self.key(key)?;
            self.out.push_str(": ");
            self.value(value)?;
        }
        self.open.pop();
        self.line();
        self.out.push('}');
        Ok(())
    }

    fn key(&mut self, key: &Value) -> Result<()> {
        let text = match key {
            Value::Str(text) | Value::Markup(text) => text.clone(),
            Value::None => "null".into(),
            Value::Bool(flag) => if *flag { "true" } else { "false" }.into(),
            Value::Float(float) => float_text(*float).into(),
            Value::Int(_) | Value::Big(_) => repr::to_str(key)?,
            other => {
                return Err(Error::type_error(format!(
                    "keys must be str, int, float, bool or None, not {}",
                    other.type_name()
                )));
            }
        };
        push_string(self.out, &text);
        Ok(())
    }
}

fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        number::float_repr(value)
    }
}

/// A JSON string in ASCII.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
