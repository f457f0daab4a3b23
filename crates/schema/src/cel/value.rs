//! Values of expressions.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::types::{JsonType, Type};

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Cel {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<Vec<Cel>>),
    /// A list whose order says nothing, e.g. of a set.
    Bag(Arc<Vec<Cel>>),
    Map(Arc<BTreeMap<Key, Cel>>),
    Time(jiff::Timestamp),
    /// In nanoseconds.
    Duration(i64),
    Optional(Option<Box<Cel>>),
    /// In nano units.
    Quantity(i128),
    Url(Arc<Url>),
    Ip(IpAddr),
    Cidr(IpAddr, u8),
    Semver(u64, u64, u64, Arc<str>),
    Type(&'static str),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
}

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Url {
    pub(crate) text: String,
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
}

impl Key {
    pub(crate) fn of(value: &Cel) -> Option<Self> {
        Some(match value {
            Cel::Bool(set) => Self::Bool(*set),
            Cel::Int(number) => Self::Int(*number),
            Cel::Uint(number) => Self::Int(i64::try_from(*number).ok()?),
            Cel::Double(number) if number.fract() == 0.0 => Self::Int(*number as i64),
            Cel::Text(text) => Self::Text(text.clone()),
            _ => return None,
        })
    }

    pub(crate) fn value(&self) -> Cel {
        match self {
            Self::Bool(set) => Cel::Bool(*set),
            Self::Int(number) => Cel::Int(*number),
            Self::Text(text) => Cel::Text(text.clone()),
        }
    }
}

/// Words that cannot name a field in an expression.
const RESERVED: [&str; 19] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
];

/// A field's name as expressions write it: `a-b` is `a__dash__b`.
pub(crate) fn escape(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

impl Cel {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A JSON value of a type.
    pub(crate) fn of(value: &Value, ty: &Type) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(set) => Self::Bool(*set),
            Value::Number(number) => match number.as_i64() {
                Some(whole) if ty.rules.json_type == Some(JsonType::Number) => Self::Double(whole as f64),
                Some(whole) => Self::Int(whole),
                None => Self::Double(number.as_f64().unwrap_or(0.0)),
            },
            Value::String(text) => Self::of_text(text, ty),
            Value::Array(items) => {
                let unknown = Type::default();
                let list = ty.list.as_ref();
                let of = |item| match list {
                    Some(list) => Self::of(item, &list.items),
                    None => Self::of(item, &unknown),
                };
                let items = Arc::new(items.iter().map(of).collect());
                if list.is_some_and(|list| list.associative) {
                    Self::Bag(items)
                } else {
                    Self::List(items)
                }
            }
            Value::Object(entries) => {
                let unknown = Type::default();
                let mut map = BTreeMap::new();
                for (key, value) in entries {
                    let field = ty.map.as_ref().and_then(|map| map.field(key));
                    let element = ty.map.as_ref().and_then(|map| map.element.as_ref());
                    let (key, value) = match (field, element) {
                        (Some(field), _) => (escape(key), Self::of(value, &field.ty)),
                        (None, Some(element)) => (key.clone(), Self::of(value, element)),
                        (None, None) => (key.clone(), Self::of(value, &unknown)),
                    };
                    map.insert(Key::Text(key.into()), value);
                }
                Self::Map(Arc::new(map))
            }
        }
    }

    fn of_text(text: &str, ty: &Type) -> Self {
        let special = match ty.rules.format.as_deref() {
            Some("date-time") => super::times::timestamp(text).map(Self::Time),
            Some("date") => super::times::timestamp(&format!("{text}T00:00:00Z")).map(Self::Time),
            Some("duration") => super::times::duration(text).map(Self::Duration),
            Some("byte") => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
                bytes.map(|bytes| Self::Bytes(bytes.into()))
            }
            _ => None,
        };
        special.unwrap_or_else(|| Self::text(text))
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) | Self::Bag(_) => "list",
            Self::Map(_) => "map",
            Self::Time(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Optional(_) => "optional_type",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Url(_) => "kubernetes.URL",
            Self::Ip(_) => "net.IP",
            Self::Cidr(..) => "net.CIDR",
            Self::Semver(..) => "kubernetes.Semver",
            Self::Type(_) => "type",
        }
    }

    pub(crate) fn items(&self) -> Option<&Arc<Vec<Self>>> {
        match self {
            Self::List(items) | Self::Bag(items) => Some(items),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Uint(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether two values are the same; numbers are compared whatever their type.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Quantity(a), Self::Quantity(b)) => a == b,
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a, n), Self::Cidr(b, m)) => a == b && n == m,
            (Self::Semver(..), Self::Semver(..)) => self.compare(other) == Some(Ordering::Equal),
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Self::List(a) | Self::Bag(a), Self::List(b) | Self::Bag(b)) => {
                a.len() == b.len() && a.iter().all(|item| b.iter().any(|other| item.equals(other)))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, value)| b.get(key).is_some_and(|other| value.equals(other)))
            }
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    /// Which value is smaller, where they have an order.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Quantity(a), Self::Quantity(b)) => Some(a.cmp(b)),
            (Self::Semver(a, b, c, pre), Self::Semver(x, y, z, other)) => {
                let release = (a, b, c).cmp(&(x, y, z));
                Some(release.then_with(|| match (pre.is_empty(), other.is_empty()) {
                    (true, false) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    _ => pre.cmp(other),
                }))
            }
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }
}
