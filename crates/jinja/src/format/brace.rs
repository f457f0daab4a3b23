//! `'{}'.format(...)`.

use std::rc::Rc;

use super::spec::format_value;
use crate::call::CallArgs;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Context, Vm};
use crate::value::{Key, Value, repr, text};

enum Source<'a> {
    Args(&'a CallArgs),
    Map(&'a Value),
}

struct Formatter<'a> {
    vm: &'a Vm,
    source: Source<'a>,
    html: bool,
    /// Next automatic index; `None` once a number was written out.
    auto: Option<usize>,
    manual: bool,
}

pub(crate) fn format(vm: &Vm, _: &Rc<Context>, template: &str, args: CallArgs, html: bool) -> Result<String> {
    let mut formatter = Formatter {
        vm,
        source: Source::Args(&args),
        html,
        auto: Some(0),
        manual: false,
    };
    let out = formatter.run(&template.chars().collect::<Vec<_>>(), 2)?;
    vm.charge(out.len())?;
    Ok(out)
}

pub(crate) fn format_map(
    vm: &Vm,
    _: &Rc<Context>,
    template: &str,
    map: &Value,
    html: bool,
) -> Result<String> {
    let mut formatter = Formatter {
        vm,
        source: Source::Map(map),
        html,
        auto: Some(0),
        manual: false,
    };
    formatter.run(&template.chars().collect::<Vec<_>>(), 2)
}

impl Formatter<'_> {
    fn run(&mut self, chars: &[char], depth: usize) -> Result<String> {
        if depth == 0 {
            return Err(Error::value_error("Max string recursion exceeded"));
        }
        let mut out = String::new();
        let mut at = 0;
        while at < chars.len() {
            let c = chars[at];
            at += 1;
            match c {
                '{' if chars.get(at) == Some(&'{') => {
                    out.push('{');
                    at += 1;
                }
                '}' if chars.get(at) == Some(&'}') => {
                    out.push('}');
                    at += 1;
                }
                '}' => return Err(Error::value_error("Single '}' encountered in format string")),
                '{' => {
                    let end = field_end(chars, at)?;
                    let formatted = self.field(&chars[at..end], depth)?;
                    out.push_str(&formatted);
                    at = end + 1;
                }
                c => out.push(c),
            }
        }
        Ok(out)
    }

    fn field(&mut self, field: &[char], depth: usize) -> Result<String> {
        let mut split = field.len();
        let mut brackets = 0;
        for (index, c) in field.iter().enumerate() {
            match c {
                '[' => brackets += 1,
                ']' => brackets -= 1,
                '{' => return Err(Error::value_error("unexpected '{' in field name")),
                '!' | ':' if brackets <= 0 => {
                    split = index;
                    break;
                }
                _ => {}
            }
        }
        let name: String = field[..split].iter().collect();
        let mut conversion = None;
        let mut rest = &field[split..];
        if rest.first() == Some(&'!') {
            match rest {
                ['!', c] => {
                    conversion = Some(*c);
                    rest = &[];
                }
                ['!', c, ':', ..] => {
                    conversion = Some(*c);
                    rest = &rest[2..];
                }
                ['!'] => {
                    return Err(Error::value_error(
                        "end of string while looking for conversion specifier",
                    ));
                }
                _ => return Err(Error::value_error("expected ':' after conversion specifier")),
            }
        }
        let value = self.lookup(&name)?;
        let spec = if rest.len() > 1 {
            self.run(&rest[1..], depth - 1)?
        } else {
            String::new()
        };
        let value = match conversion {
            None => value,
            Some('r') => Value::str(repr::repr(&value)?),
            Some('s') => Value::str(repr::to_str(&value)?),
            Some('a') => Value::str(super::percent::ascii(&repr::repr(&value)?)),
            Some(other) => {
                return Err(Error::value_error(format!(
                    "Unknown conversion specifier {other}"
                )));
            }
        };
        let formatted = format_value(&value, &spec)?;
        Ok(if self.html && !matches!(value, Value::Markup(_)) {
            text::escape(&formatted).to_string()
        } else {
            formatted
        })
    }

    fn lookup(&mut self, name: &str) -> Result<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        let mut value = self.first(first)?;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let attribute = &after[..end];
                if attribute.is_empty() {
                    return Err(Error::value_error("Empty attribute in format string"));
                }
                value = match self.vm.attribute(&value, attribute)? {
                    Some(value) => value,
                    None => {
                        let message =
                            format!("'{}' object has no attribute '{attribute}'", value.type_name());
                        return Err(Error::new(ErrorKind::ATTRIBUTE, message));
                    }
                };
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let end = after
                    .find(']')
                    .ok_or_else(|| Error::value_error("Missing ']' in format string"))?;
                let key = &after[..end];
                if key.is_empty() {
                    return Err(Error::value_error("Empty attribute in format string"));
                }
                let key = key.parse::<i64>().map_or_else(|_| Value::from(key), Value::Int);
                value = self.vm.item(&value, &key)?;
                rest = &after[end + 1..];
            } else {
                return Err(Error::value_error(
                    "Only '.' or '[' may follow ']' in format field specifier",
                ));
            }
        }
        Ok(value)
    }

    fn first(&mut self, name: &str) -> Result<Value> {
        let index = match (name.is_empty(), name.parse::<usize>()) {
            (true, _) => {
                if self.manual {
                    return Err(Error::value_error(
                        "cannot switch from manual field specification to automatic field numbering",
                    ));
                }
                let index = self.auto.unwrap_or_default();
                self.auto = Some(index + 1);
                Some(index)
            }
            (false, Ok(index)) => {
                if self.auto.is_some_and(|auto| auto > 0) {
                    return Err(Error::value_error(
                        "cannot switch from automatic field numbering to manual field specification",
                    ));
                }
                self.manual = true;
                Some(index)
            }
            _ => None,
        };
        match (&self.source, index) {
            (Source::Args(args), Some(index)) => args.positional.get(index).cloned().ok_or_else(|| {
                Error::new(
                    ErrorKind::INDEX,
                    format!("Replacement index {index} out of range for positional args tuple"),
                )
            }),
            (Source::Args(args), None) => {
                let found = args.keywords.iter().find(|(key, _)| **key == *name);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| Error::new(ErrorKind::KEY, repr::str_repr(name)))
            }
            (Source::Map(_), Some(_)) => Err(Error::value_error("Format string contains positional fields")),
            (Source::Map(map), None) => self.vm.item(map, Key::str(name).value()),
        }
    }
}

/// Index of the `}` that ends a field.
fn field_end(chars: &[char], start: usize) -> Result<usize> {
    let mut depth = 1;
    let mut bracket = false;
    for (index, c) in chars.iter().enumerate().skip(start) {
        match c {
            '[' => bracket = true,
            ']' => bracket = false,
            '{' if !bracket => depth += 1,
            '}' if !bracket => {
                depth -= 1;
                if depth == 0 {
                    return Ok(index);
                }
            }
            _ => {}
        }
    }
    Err(Error::value_error(match chars.len() == start {
        true => "Single '{' encountered in format string",
        false => "expected '}' before end of string",
    }))
}
