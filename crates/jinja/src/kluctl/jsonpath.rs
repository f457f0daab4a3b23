//! Finds what a JSON path points at, as `jsonpath-ng` with its extensions does.

use std::rc::Rc;
use std::sync::Arc;

use regex::Regex;

use crate::ast::{Binary, Compare};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Vm;
use crate::value::{UndefinedMode, Value, cmp, iter, number, ops, repr};

/// A parsed path.
#[derive(Clone, Debug)]
pub(crate) enum Path {
    Root,
    This,
    Parent,
    Fields(Vec<Arc<str>>),
    Index(Vec<i64>),
    Slice([Option<i64>; 3]),
    Child(Box<(Path, Path)>),
    Descendants(Box<(Path, Path)>),
    Where(Box<(Path, Path)>, bool),
    Union(Box<(Path, Path)>),
    Intersect,
    Filter(Vec<Condition>),
    Sorted(Option<Vec<(Path, bool)>>),
    Len,
    Keys,
    Way,
    Sub(Regex, String),
    Split {
        by: String,
        segment: Option<i64>,
        limit: i64,
    },
    Str,
    Operation(Box<(Operand, Binary, Operand)>),
}

/// One side of arithmetic.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Path(Path),
    Value(Literal),
}

/// A value written in a path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(Arc<str>),
}

impl Literal {
    fn value(&self) -> Value {
        match self {
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Bool(value) => Value::Bool(*value),
            Self::Text(value) => Value::Str(value.clone()),
        }
    }
}

/// `path op value` of a filter.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) target: Path,
    pub(crate) test: Option<(Operator, Literal)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Order(Compare),
    Matches,
}

impl Path {
    /// The names of a path that is nothing but names.
    pub(crate) fn plain_fields(&self) -> Option<Vec<Arc<str>>> {
        match self {
            Self::Fields(fields) if fields.len() == 1 && !fields[0].contains('*') => Some(fields.clone()),
            Self::Child(parts) => {
                let mut fields = parts.0.plain_fields()?;
                fields.extend(parts.1.plain_fields()?);
                Some(fields)
            }
            _ => None,
        }
    }
}

/// A value with the way to it.
struct Found {
    value: Value,
    step: String,
    parent: Option<Rc<Found>>,
}

type Matches = Vec<Rc<Found>>;

fn wrap(value: Value) -> Rc<Found> {
    Rc::new(Found {
        value,
        step: "`this`".to_owned(),
        parent: None,
    })
}

/// All values at `path` below `root`.
pub(crate) fn find(vm: &Vm, path: &Path, root: Value) -> Result<Vec<Value>> {
    Ok(search(vm, path, &wrap(root))?
        .into_iter()
        .map(|found| found.value.clone())
        .collect())
}

fn child(parent: &Rc<Found>, value: Value, step: String) -> Rc<Found> {
    Rc::new(Found {
        value,
        step,
        parent: Some(parent.clone()),
    })
}

fn search(vm: &Vm, path: &Path, at: &Rc<Found>) -> Result<Matches> {
    vm.tick()?;
    Ok(match path {
        Path::Root => {
            let mut top = at.clone();
            while let Some(parent) = &top.parent {
                top = parent.clone();
            }
            vec![Rc::new(Found {
                value: top.value.clone(),
                step: "$".to_owned(),
                parent: None,
            })]
        }
        Path::This => vec![at.clone()],
        Path::Parent => match &at.parent {
            Some(parent) => vec![parent.clone()],
            None => {
                return Err(Error::new(
                    ErrorKind::ATTRIBUTE,
                    "'NoneType' object has no attribute 'value'",
                ));
            }
        },
        Path::Fields(fields) => fields_of(at, fields),
        Path::Index(indexes) => indexed(vm, at, indexes)?,
        Path::Slice(bounds) => sliced(vm, at, bounds)?,
        Path::Child(parts) => {
            let mut all = Vec::new();
            for found in search(vm, &parts.0, at)? {
                all.extend(search(vm, &parts.1, &found)?);
            }
            all
        }
        Path::Descendants(parts) => {
            let mut all = Vec::new();
            for found in search(vm, &parts.0, at)? {
                descend(vm, &parts.1, &found, &mut all)?;
            }
            all
        }
        Path::Where(parts, wanted) => {
            let mut all = Vec::new();
            for found in search(vm, &parts.0, at)? {
                if search(vm, &parts.1, &found)?.is_empty() != *wanted {
                    all.push(found);
                }
            }
            all
        }
        Path::Union(parts) => {
            let mut all = search(vm, &parts.0, at)?;
            all.extend(search(vm, &parts.1, at)?);
            all
        }
        Path::Intersect => {
            return Err(Error::new(
                ErrorKind::EXCEPTION,
                "NotImplementedError: `&` of paths",
            ));
        }
        Path::Filter(conditions) => filtered(vm, at, conditions)?,
        Path::Sorted(by) => sorted(vm, at, by.as_deref())?,
        Path::Len => at.value.len().map_or_else(
            |_| Vec::new(),
            |length| vec![child(at, Value::Int(length as i64), "`len`".to_owned())],
        ),
        Path::Keys => match &at.value {
            Value::Dict(dict) => dict
                .keys()
                .into_iter()
                .map(|key| child(at, key, "`keys`".to_owned()))
                .collect(),
            _ => Vec::new(),
        },
        Path::Way => vec![child(at, at.step.clone().into(), "`path`".to_owned())],
        Path::Sub(pattern, replacement) => {
            let text = text_of(at)?;
            let replaced = pattern.replace_all(&text, replacement.as_str()).into_owned();
            if *replaced == *text {
                Vec::new()
            } else {
                vec![wrap(replaced.into())]
            }
        }
        Path::Split { by, segment, limit } => split(at, by, *segment, *limit),
        Path::Str => vec![wrap(Value::Str(repr::to_str(&at.value)?))],
        Path::Operation(parts) => operation(vm, at, &parts.0, parts.1, &parts.2)?,
    })
}

fn text_of(at: &Found) -> Result<Arc<str>> {
    at.value.as_str().cloned().ok_or_else(|| {
        Error::type_error(format!(
            "expected string or bytes-like object, got '{}'",
            at.value.type_name()
        ))
    })
}

fn fields_of(at: &Rc<Found>, fields: &[Arc<str>]) -> Matches {
    let Value::Dict(dict) = &at.value else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for field in fields {
        if field.contains('*') {
            for key in dict.keys() {
                if let Some(name) = key.as_str().filter(|name| wildcard(field, name)) {
                    found.extend(dict.get_str(name).map(|value| child(at, value, step_of(name))));
                }
            }
        } else {
            found.extend(dict.get_str(field).map(|value| child(at, value, step_of(field))));
        }
    }
    found
}

fn step_of(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '-'));
    if plain {
        name.to_owned()
    } else {
        repr::str_repr(name)
    }
}

/// `fnmatch`: `*`, `?` and `[...]`.
fn wildcard(pattern: &str, name: &str) -> bool {
    let mut regex = String::from("(?s)^");
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                let mut end = at + 1;
                if chars.get(end) == Some(&'!') {
                    end += 1;
                }
                if chars.get(end) == Some(&']') {
                    end += 1;
                }
                while end < chars.len() && chars[end] != ']' {
                    end += 1;
                }
                if end >= chars.len() {
                    regex.push_str("\\[");
                } else {
                    let inside: String = chars[at + 1..end].iter().collect();
                    let inside = inside.replace('\\', "\\\\").replace('[', "\\[");
                    regex.push_str(&match inside.strip_prefix('!') {
                        Some(rest) => format!("[^{rest}]"),
                        None => format!("[{inside}]"),
                    });
                    at = end;
                }
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
        at += 1;
    }
    regex.push('$');
    Regex::new(&regex).is_ok_and(|regex| regex.is_match(name))
}

fn indexed(vm: &Vm, at: &Rc<Found>, indexes: &[i64]) -> Result<Matches> {
    let mut found = Vec::new();
    for index in indexes {
        if !at.value.truth()? {
            continue;
        }
        if (at.value.len()? as i64) > *index {
            let value = vm.item(&at.value, &Value::Int(*index))?;
            found.push(child(at, value, format!("[{index}]")));
        }
    }
    Ok(found)
}

/// What is no list counts as a list of itself.
fn sliced(vm: &Vm, at: &Rc<Found>, bounds: &[Option<i64>; 3]) -> Result<Matches> {
    let items = match &at.value {
        Value::List(list) => list.borrow().clone(),
        Value::None => return Ok(Vec::new()),
        other => vec![other.clone()],
    };
    let whole = Value::list(items);
    let bound = |value: Option<i64>| value.map_or(Value::None, Value::Int);
    if bounds.iter().all(Option::is_none) {
        let items = iter::items(vm, &whole)?;
        return Ok(items
            .into_iter()
            .enumerate()
            .map(|(index, item)| child(at, item, format!("[{index}]")))
            .collect());
    }
    let cut = vm.slice(&whole, &[bound(bounds[0]), bound(bounds[1]), bound(bounds[2])])?;
    let items = iter::items(vm, &cut)?;
    Ok(items
        .into_iter()
        .enumerate()
        .map(|(index, item)| child(at, item, format!("[{index}]")))
        .collect())
}

fn descend(vm: &Vm, path: &Path, at: &Rc<Found>, all: &mut Matches) -> Result<()> {
    vm.deeper(1, || {
        all.extend(search(vm, path, at)?);
        match &at.value {
            Value::List(list) => {
                for (index, item) in list.borrow().clone().into_iter().enumerate() {
                    descend(vm, path, &child(at, item, format!("[{index}]")), all)?;
                }
            }
            Value::Dict(dict) => {
                for (key, item) in dict.pairs() {
                    let step = key.as_str().map_or_else(String::new, |name| step_of(name));
                    descend(vm, path, &child(at, item, step), all)?;
                }
            }
            _ => {}
        }
        Ok(())
    })
}

fn filtered(vm: &Vm, at: &Rc<Found>, conditions: &[Condition]) -> Result<Matches> {
    let items = match &at.value {
        Value::List(list) => list.borrow().clone(),
        Value::Dict(dict) => dict.pairs().into_iter().map(|(_, value)| value).collect(),
        _ => return Ok(Vec::new()),
    };
    let mut found = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let mut all = true;
        for condition in conditions {
            all = all && holds(vm, condition, &wrap(item.clone()))?;
        }
        if all {
            found.push(child(at, item, format!("[{index}]")));
        }
    }
    Ok(found)
}

fn holds(vm: &Vm, condition: &Condition, at: &Rc<Found>) -> Result<bool> {
    let found = search(vm, &condition.target, at)?;
    let Some((operator, wanted)) = &condition.test else {
        return Ok(!found.is_empty());
    };
    for found in found {
        let mut value = found.value.clone();
        if matches!(wanted, Literal::Int(_)) {
            value = match to_int(&value)? {
                Some(value) => value,
                None => continue,
            };
        }
        let wanted_value = wanted.value();
        let fits = match operator {
            Operator::Equal => cmp::equal(&value, &wanted_value)?,
            Operator::Unequal => !cmp::equal(&value, &wanted_value)?,
            Operator::Order(op) => cmp::less(*op, &value, &wanted_value)?,
            Operator::Matches => match (value.as_str(), wanted) {
                (Some(text), Literal::Text(pattern)) => Regex::new(pattern)
                    .map_err(|error| Error::new(ErrorKind::EXCEPTION, error.to_string()))?
                    .is_match(text),
                _ => false,
            },
        };
        if fits {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `int(value)`; text that is no number is passed over.
fn to_int(value: &Value) -> Result<Option<Value>> {
    match value {
        Value::Str(text) | Value::Markup(text) => Ok(number::parse_int(text, 10)),
        Value::Float(float) => Ok(number::float_to_int(*float)),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => Ok(number::to_big(value).map(Value::big)),
        Value::Undefined(undefined) if undefined.mode == UndefinedMode::Strict => Err(undefined.error()),
        other => {
            let name = other.type_name();
            Err(Error::type_error(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{name}'"
            )))
        }
    }
}

fn sorted(vm: &Vm, at: &Rc<Found>, by: Option<&[(Path, bool)]>) -> Result<Matches> {
    let items = match (&at.value, by) {
        (Value::Dict(_), Some(_)) => return Ok(vec![at.clone()]),
        (Value::Dict(dict), None) => dict.keys(),
        (Value::List(list), _) => list.borrow().clone(),
        _ => return Ok(vec![at.clone()]),
    };
    let mut items = items;
    let Some(by) = by else {
        let keyed = items.into_iter().map(|item| (item.clone(), item)).collect();
        return Ok(vec![wrap(Value::list(cmp::sort_by_key(keyed, false)?))]);
    };
    for (path, reverse) in by.iter().rev() {
        let mut keyed = Vec::new();
        for item in items {
            let found = search(vm, path, &wrap(item.clone()))?;
            let key = match found.as_slice() {
                [one] => Value::tuple(vec![Value::Int(0), one.value.clone()]),
                _ => Value::tuple(vec![Value::Int(0)]),
            };
            keyed.push((key, item));
        }
        items = cmp::sort_by_key(keyed, *reverse)?;
    }
    Ok(vec![wrap(Value::list(items))])
}

fn split(at: &Rc<Found>, by: &str, segment: Option<i64>, limit: i64) -> Matches {
    let Some(text) = at.value.as_str() else {
        return Vec::new();
    };
    let parts: Vec<Value> = match usize::try_from(limit) {
        Ok(limit) => text.splitn(limit + 1, by).map(Value::from).collect(),
        Err(_) => text.split(by).map(Value::from).collect(),
    };
    match segment {
        None => vec![wrap(Value::list(parts))],
        Some(index) => {
            let position = crate::runtime::attributes::position(index, parts.len());
            position
                .map(|position| wrap(parts[position].clone()))
                .into_iter()
                .collect()
        }
    }
}

fn operation(vm: &Vm, at: &Rc<Found>, left: &Operand, op: Binary, right: &Operand) -> Result<Matches> {
    let values = |operand: &Operand| match operand {
        Operand::Path(path) => Ok(Some(
            search(vm, path, at)?
                .iter()
                .map(|found| found.value.clone())
                .collect::<Vec<_>>(),
        )),
        Operand::Value(_) => Ok::<_, Error>(None),
    };
    let literal = |operand: &Operand| match operand {
        Operand::Value(literal) => literal.value(),
        Operand::Path(_) => Value::None,
    };
    let pairs: Vec<(Value, Value)> = match (values(left)?, values(right)?) {
        (Some(left), Some(right)) if !left.is_empty() && left.len() == right.len() => {
            left.into_iter().zip(right).collect()
        }
        (Some(_), Some(_)) => return Ok(Vec::new()),
        (Some(left), None) => left.into_iter().map(|value| (value, literal(right))).collect(),
        (None, Some(right)) => right.into_iter().map(|value| (literal(left), value)).collect(),
        (None, None) => vec![(literal(left), literal(right))],
    };
    let mut results = Vec::new();
    for (a, b) in pairs {
        match ops::binary(vm, op, &a, &b) {
            Ok(value) => results.push(wrap(value)),
            Err(error) if error.kind() == ErrorKind::TYPE => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}
