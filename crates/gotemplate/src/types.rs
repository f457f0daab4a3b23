//! Go's types, as far as templates can see them.

use std::fmt;

/// The widths of signed integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    /// `int`
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
}

/// The widths of unsigned integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UintType {
    /// `uint`
    Uint,
    /// `uint8`
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
}

/// A type of Go, as `%T` prints it and as parameters are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`: takes everything.
    Any,
    /// `reflect.Value`: takes everything, and tells an untyped nil from a nil interface.
    Reflect,
    /// `bool`
    Bool,
    /// A signed integer.
    Int(IntType),
    /// An unsigned integer.
    Uint(UintType),
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// `[]T`
    List(&'static Type),
    /// `map[string]T`
    Map(&'static Type),
    /// A type with a name of its own.
    Named(&'static NamedType),
}

/// A type with a name, such as `common.Values` or `time.Time`.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedType {
    /// The name with its package, and with `*` for a pointer.
    pub name: &'static str,
    /// The type below, where templates can see it; `None` for structs and pointers.
    pub underlying: Option<Type>,
    /// The kind `kindOf` tells.
    pub kind: Kind,
}

/// `[]interface {}`
pub static ANY_LIST: Type = Type::List(&Type::Any);
/// `[]string`
pub static STRING_LIST: Type = Type::List(&Type::String);
/// `[]int`
pub static INT_LIST: Type = Type::List(&Type::Int(IntType::Int));
/// `[][]interface {}`
pub static ANY_LIST_LIST: Type = Type::List(&ANY_LIST);
/// `[]uint8`
pub static BYTES: Type = Type::List(&Type::Uint(UintType::Uint8));
/// `map[string]interface {}`
pub static ANY_MAP: Type = Type::Map(&Type::Any);
/// `[]map[string]interface {}`
pub static MAP_LIST: Type = Type::List(&ANY_MAP);
/// `map[string]string`
pub static STRING_MAP: Type = Type::Map(&Type::String);

/// Go's `reflect.Kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value at all.
    Invalid,
    /// `bool`
    Bool,
    /// Signed integers.
    Int(IntType),
    /// Unsigned integers.
    Uint(UintType),
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// Slices.
    Slice,
    /// Maps.
    Map,
    /// Structs.
    Struct,
    /// Pointers.
    Pointer,
    /// Interfaces (as a static type only).
    Interface,
}

impl Type {
    /// Returns the type's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Any => Kind::Interface,
            Self::Reflect => Kind::Struct,
            Self::Bool => Kind::Bool,
            Self::Int(width) => Kind::Int(*width),
            Self::Uint(width) => Kind::Uint(*width),
            Self::Float64 => Kind::Float64,
            Self::Complex128 => Kind::Complex128,
            Self::String => Kind::String,
            Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Named(named) => named.kind,
        }
    }

    /// Tells whether nil is a value of the type.
    pub fn can_be_nil(&self) -> bool {
        matches!(self, Self::Reflect)
            || matches!(
                self.kind(),
                Kind::Interface | Kind::Map | Kind::Pointer | Kind::Slice
            )
    }

    /// Returns the type without its name.
    pub fn underlying(&self) -> Type {
        match self {
            Self::Named(NamedType {
                underlying: Some(below),
                ..
            }) => *below,
            _ => *self,
        }
    }

    /// Tells whether a value of this type can be assigned to a variable of type `to`.
    pub fn assignable_to(&self, to: &Type) -> bool {
        if self == to || matches!(to, Self::Any | Self::Reflect) {
            return true;
        }
        let one_unnamed = !self.has_name() || !to.has_name();
        one_unnamed && self.underlying() == to.underlying()
    }

    fn has_name(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_) | Self::Any)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Reflect => f.write_str("reflect.Value"),
            Self::List(element) => write!(f, "[]{element}"),
            Self::Map(element) => write!(f, "map[string]{element}"),
            Self::Named(named) => f.write_str(named.name),
            basic => f.write_str(basic.kind().name()),
        }
    }
}

impl Kind {
    /// Returns the name `kindOf` prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int(IntType::Int) => "int",
            Self::Int(IntType::Int8) => "int8",
            Self::Int(IntType::Int16) => "int16",
            Self::Int(IntType::Int32) => "int32",
            Self::Int(IntType::Int64) => "int64",
            Self::Uint(UintType::Uint) => "uint",
            Self::Uint(UintType::Uint8) => "uint8",
            Self::Uint(UintType::Uint16) => "uint16",
            Self::Uint(UintType::Uint32) => "uint32",
            Self::Uint(UintType::Uint64) => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Pointer => "ptr",
            Self::Interface => "interface",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
