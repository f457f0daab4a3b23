//! Values as Python has them: shared, mutable, with Python's types, text and rules.

pub(crate) mod cmp;
pub(crate) mod dict;
pub(crate) mod frozen;
pub(crate) mod iter;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod ops;
pub(crate) mod placeholder;
pub(crate) mod repr;
pub(crate) mod text;

use std::rc::Rc;
use std::sync::Arc;

use num_bigint::BigInt;

pub(crate) use dict::{Dict, Key, List};
pub(crate) use iter::Iter;
pub(crate) use object::{Func, Object};
pub use placeholder::PLACEHOLDER;
pub(crate) use placeholder::Placeholder;

use crate::ast::Const;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::macros::MacroValue;

/// Any value of a template.
#[derive(Clone)]
pub(crate) enum Value {
    /// Jinja2's `missing`: a slot that holds nothing.
    Missing,
    None,
    Bool(bool),
    Int(i64),
    Big(Rc<BigInt>),
    Float(f64),
    Str(Arc<str>),
    Markup(Arc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<List>),
    Tuple(Rc<Tuple>),
    Dict(Rc<Dict>),
    Set(Rc<Dict>),
    Range(Rc<Range>),
    View(Rc<View>),
    Iter(Rc<Iter>),
    Func(Rc<Func>),
    Macro(Rc<MacroValue>),
    Undefined(Rc<Undefined>),
    Object(Rc<dyn Object>),
}

/// A tuple; `groupby` yields tuples whose two items also have names.
pub(crate) struct Tuple {
    pub(crate) items: Vec<Value>,
    pub(crate) group: bool,
}

/// `range(start, stop, step)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) stop: i64,
    pub(crate) step: i64,
}

impl Range {
    pub(crate) fn len(self) -> i64 {
        let (span, step) = match self.step > 0 {
            true => (
                i128::from(self.stop) - i128::from(self.start),
                i128::from(self.step),
            ),
            false => (
                i128::from(self.start) - i128::from(self.stop),
                -i128::from(self.step),
            ),
        };
        if span <= 0 {
            0
        } else {
            i64::try_from((span + step - 1) / step).unwrap_or(i64::MAX)
        }
    }

    pub(crate) fn get(self, index: i64) -> i64 {
        self.start.wrapping_add(index.wrapping_mul(self.step))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// `dict.keys()`, `.values()` or `.items()`.
pub(crate) struct View {
    pub(crate) dict: Rc<Dict>,
    pub(crate) kind: ViewKind,
}

/// What is not there, and how it was asked for.
pub(crate) struct Undefined {
    pub(crate) hint: Option<String>,
    /// The object in which it was looked up.
    pub(crate) object: Option<Value>,
    pub(crate) name: Value,
    /// Strict undefined values fail when touched; the others swallow everything.
    pub(crate) mode: UndefinedMode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UndefinedMode {
    Strict,
    /// Non-strict: chains, and arithmetic returns itself.
    Lenient,
    /// Jinja2's default one, which an inline `if` without `else` gives.
    Plain,
}

impl Undefined {
    pub(crate) fn message(&self) -> String {
        if let Some(hint) = &self.hint {
            return hint.clone();
        }
        let name = || match &self.name {
            Value::Str(name) | Value::Markup(name) => repr::str_repr(name),
            other => repr::repr(other).unwrap_or_else(|_| "?".to_owned()),
        };
        match &self.object {
            None => format!("{} is undefined", name()),
            Some(object) if matches!(self.name, Value::Str(_) | Value::Markup(_)) => {
                format!(
                    "{} has no attribute {}",
                    repr::str_repr(&object.object_repr()),
                    name()
                )
            }
            Some(object) => format!("{} has no element {}", object.object_repr(), name()),
        }
    }

    pub(crate) fn error(&self) -> Error {
        let mut error = Error::new(ErrorKind::UNDEFINED, self.message());
        match (&self.hint, &self.object, &self.name) {
            (None, None, Value::Str(name)) => error = error.with_missing_name(name.clone()),
            (None, Some(Value::Dict(dict)), Value::Str(name)) => {
                let keys = dict.keys();
                let names = keys.iter().filter_map(Value::as_str).map(|key| &**key);
                if let Some(hint) = crate::suggest::nearest(name, names) {
                    error.set_hint(hint);
                }
            }
            _ => {}
        }
        error
    }
}

impl Value {
    pub(crate) fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(List::new(items)))
    }

    pub(crate) fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(Rc::new(Tuple { items, group: false }))
    }

    pub(crate) fn dict(dict: Dict) -> Self {
        Self::Dict(Rc::new(dict))
    }

    pub(crate) fn object(object: impl Object + 'static) -> Self {
        Self::Object(Rc::new(object))
    }

    pub(crate) fn big(value: BigInt) -> Self {
        match i64::try_from(&value) {
            Ok(small) => Self::Int(small),
            Err(_) => Self::Big(Rc::new(value)),
        }
    }

    pub(crate) fn from_const(value: &Const) -> Self {
        match value {
            Const::None => Self::None,
            Const::Bool(value) => Self::Bool(*value),
            Const::Int(value) => Self::Int(*value),
            Const::Big(value) => Self::Big(Rc::new((**value).clone())),
            Const::Float(value) => Self::Float(*value),
            Const::Str(value) => Self::Str(value.clone()),
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "MissingType",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Markup(_) => "Markup",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(tuple) if tuple.group => "_GroupTuple",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::Range(_) => "range",
            Self::View(view) => match view.kind {
                ViewKind::Keys => "dict_keys",
                ViewKind::Values => "dict_values",
                ViewKind::Items => "dict_items",
            },
            Self::Iter(iter) => iter.type_name(),
            Self::Func(func) => func.type_name(),
            Self::Macro(_) => "Macro",
            Self::Undefined(undefined) => match undefined.mode {
                UndefinedMode::Strict => "StrictUndefined",
                UndefinedMode::Lenient => "NullUndefined",
                UndefinedMode::Plain => "Undefined",
            },
            Self::Object(object) => object.type_name(),
        }
    }

    /// How Jinja2 calls the type of an object in messages.
    pub(crate) fn object_repr(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Markup(_) => "markupsafe.Markup object".to_owned(),
            Self::Object(object) => format!("{} object", object.qualified_name()),
            Self::Macro(_) => "jinja2.runtime.Macro object".to_owned(),
            Self::Undefined(_) => format!("jinja2.runtime.{} object", self.type_name()),
            Self::Tuple(tuple) if tuple.group => "jinja2.filters._GroupTuple object".to_owned(),
            _ => format!("{} object", self.type_name()),
        }
    }

    /// Text of a `str` or `Markup`.
    pub(crate) fn as_str(&self) -> Option<&Arc<str>> {
        match self {
            Self::Str(text) | Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self, Self::Str(_) | Self::Markup(_))
    }

    /// Whether both are the same object: `is`.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) | (Self::Missing, Self::Missing) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b && (-5..=256).contains(a),
            (Self::Str(a), Self::Str(b)) | (Self::Markup(a), Self::Markup(b)) => {
                Arc::ptr_eq(a, b) || (a == b && a.chars().count() <= 1)
            }
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b),
            (Self::Tuple(a), Self::Tuple(b)) => {
                Rc::ptr_eq(a, b) || (a.items.is_empty() && b.items.is_empty())
            }
            (Self::Dict(a), Self::Dict(b)) | (Self::Set(a), Self::Set(b)) => Rc::ptr_eq(a, b),
            (Self::Macro(a), Self::Macro(b)) => Rc::ptr_eq(a, b),
            (Self::Func(a), Self::Func(b)) => Rc::ptr_eq(a, b),
            (Self::Iter(a), Self::Iter(b)) => Rc::ptr_eq(a, b),
            (Self::Undefined(a), Self::Undefined(b)) => Rc::ptr_eq(a, b),
            (Self::Object(a), Self::Object(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
            _ => false,
        }
    }

    /// Python's truth.
    pub(crate) fn truth(&self) -> Result<bool> {
        Ok(match self {
            Self::None | Self::Missing => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Big(_) => true,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) | Self::Markup(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(list) => !list.borrow().is_empty(),
            Self::Tuple(tuple) => !tuple.items.is_empty(),
            Self::Dict(dict) | Self::Set(dict) => !dict.is_empty(),
            Self::Range(range) => range.len() > 0,
            Self::View(view) => !view.dict.is_empty(),
            Self::Iter(_) | Self::Func(_) | Self::Macro(_) => true,
            Self::Undefined(undefined) => match undefined.mode {
                UndefinedMode::Strict => return Err(undefined.error()),
                _ => false,
            },
            Self::Object(object) => object.truth()?,
        })
    }

    /// `len()`, or the error Python gives.
    pub(crate) fn len(&self) -> Result<usize> {
        Ok(match self {
            Self::Str(text) | Self::Markup(text) => text::length(text),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.borrow().len(),
            Self::Tuple(tuple) => tuple.items.len(),
            Self::Dict(dict) | Self::Set(dict) => dict.len(),
            Self::Range(range) => range.len() as usize,
            Self::View(view) => view.dict.len(),
            Self::Undefined(undefined) => match undefined.mode {
                UndefinedMode::Strict => return Err(undefined.error()),
                _ => 0,
            },
            Self::Object(object) => match object.len() {
                Some(length) => length?,
                None => {
                    return Err(Error::type_error(format!(
                        "object of type '{}' has no len()",
                        self.type_name()
                    )));
                }
            },
            _ => {
                return Err(Error::type_error(format!(
                    "object of type '{}' has no len()",
                    self.type_name()
                )));
            }
        })
    }

    pub(crate) fn is_callable(&self) -> bool {
        match self {
            Self::Func(_) | Self::Macro(_) => true,
            // Undefined values define `__call__`, which fails.
            Self::Undefined(_) => true,
            Self::Object(object) => object.is_callable(),
            _ => false,
        }
    }

    /// An integer where Python wants an index.
    pub(crate) fn index(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Int(value) => Some(*value),
            Self::Big(value) => Some(if value.sign() == num_bigint::Sign::Minus {
                i64::MIN
            } else {
                i64::MAX
            }),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&repr::repr(self).unwrap_or_else(|_| format!("<{}>", self.type_name())))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}
