//! Types of values: what a field may hold and how it is merged.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::Regex;
use serde_json::Value;

use crate::cel::Rule;
use crate::table::{Definition, kubernetes};

/// What a value may be. A value that may be of several shapes (`IntOrString`, free-form JSON) has several of them.
///
/// Source: structured-merge-diff `schema.Atom`; kube-openapi `pkg/schemaconv/openapi.go`.
#[derive(Debug, Default)]
pub struct Type {
    /// As a scalar.
    pub scalar: Option<Scalar>,
    /// As a list.
    pub list: Option<List>,
    /// As a map.
    pub map: Option<Map>,
    /// What a value is checked against.
    pub rules: Rules,
}

/// Kinds of scalars, as far as merging tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// Integers and floats.
    Numeric,
    /// Text.
    String,
    /// `true` or `false`.
    Boolean,
    /// Any of these.
    Untyped,
}

/// How a list's items are typed and told apart.
#[derive(Debug)]
pub struct List {
    /// Type of the items.
    pub items: TypeRef,
    /// `false` when the list is owned and replaced as a whole.
    pub associative: bool,
    /// What tells items apart; empty in an associative list means that the item itself does (a set).
    pub keys: Vec<Box<str>>,
}

/// A struct or a map.
#[derive(Debug)]
pub struct Map {
    /// Known fields, sorted by name.
    pub fields: Vec<Field>,
    /// Type of every other entry; `None` forbids them.
    pub element: Option<TypeRef>,
    /// Whether other entries are meant to be there, and not merely merged in some way when they are.
    pub open: bool,
    /// Whether it is owned and replaced as a whole.
    pub atomic: bool,
}

impl Map {
    /// Finds a known field.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .binary_search_by(|field| (*field.name).cmp(name))
            .ok()
            .map(|index| &self.fields[index])
    }

    /// The type of an entry: that of the field, or of every other entry.
    pub fn entry(&self, name: &str) -> Option<&TypeRef> {
        self.field(name).map(|field| &field.ty).or(self.element.as_ref())
    }
}

/// A named field.
#[derive(Debug)]
pub struct Field {
    /// Name.
    pub name: Box<str>,
    /// Type.
    pub ty: TypeRef,
    /// What stands there when nothing is given, as far as the OpenAPI document says.
    pub default: Option<Value>,
    /// How a strategic merge patch treats it.
    pub patch: Patch,
    /// How an API server writes it; for built-in types.
    pub go: Option<GoField>,
}

/// How Go writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoField {
    /// What Go holds it as.
    pub kind: GoKind,
    /// Whether it is left out when it is empty.
    pub left_out: bool,
}

/// What Go holds a field as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoKind {
    /// A pointer: told apart from what is not set.
    Pointer,
    /// A list, a map or bytes.
    Collection,
    /// A text, number or boolean.
    Value,
    /// A struct in place: cannot be missing.
    Struct,
}

impl GoField {
    /// Reads the mark the table has.
    fn parse(mark: &str) -> Option<Self> {
        let (kind, left_out) = match mark {
            "p" => (GoKind::Pointer, true),
            "P" => (GoKind::Pointer, false),
            "c" => (GoKind::Collection, true),
            "C" => (GoKind::Collection, false),
            "v" => (GoKind::Value, true),
            "V" => (GoKind::Value, false),
            "s" => (GoKind::Struct, false),
            "S" => (GoKind::Struct, true),
            _ => return None,
        };
        Some(Self { kind, left_out })
    }
}

/// How a strategic merge patch treats a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// What happens to the value.
    pub strategy: PatchStrategy,
    /// The key by which items of a list are matched.
    pub merge_key: Option<Box<str>>,
}

/// What a strategic merge patch does with a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchStrategy {
    /// Lists are replaced, maps merged.
    #[default]
    None,
    /// Lists are merged by key or as sets.
    Merge,
    /// Maps are merged and keep only the keys the patch lists.
    RetainKeys,
    /// Both.
    MergeRetainKeys,
}

impl PatchStrategy {
    /// Whether lists are merged by key or as sets.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeRetainKeys)
    }

    /// Whether a map keeps only the keys the patch lists.
    pub fn retains_keys(self) -> bool {
        matches!(self, Self::RetainKeys | Self::MergeRetainKeys)
    }
}

/// A type, shared with the places that use it.
#[derive(Clone)]
pub enum TypeRef {
    /// A built-in definition, parsed when first looked at.
    Named(&'static Definition),
    /// The type of what is not described.
    Unknown(&'static LazyLock<Type>),
    /// A type written in place.
    Inline(Arc<Type>),
}

impl Deref for TypeRef {
    type Target = Type;

    fn deref(&self) -> &Type {
        match self {
            Self::Named(definition) => definition.get(),
            Self::Unknown(ty) => ty,
            Self::Inline(ty) => ty,
        }
    }
}

impl fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(definition) => f.write_str(definition.name()),
            Self::Unknown(_) => f.write_str("unknown"),
            Self::Inline(ty) => ty.fmt(f),
        }
    }
}

impl TypeRef {
    /// The type of values of which nothing is known: lists are replaced, maps merged.
    pub fn deduced() -> Self {
        Self::Unknown(&DEDUCED)
    }

    /// The type of values of which nothing is known and which are replaced as a whole.
    pub fn untyped() -> Self {
        Self::Unknown(&UNTYPED)
    }
}

static DEDUCED: LazyLock<Type> = LazyLock::new(|| Type::unknown(TypeRef::deduced(), false));
static UNTYPED: LazyLock<Type> = LazyLock::new(|| Type::unknown(TypeRef::untyped(), true));

/// JSON types as OpenAPI names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
}

impl JsonType {
    /// The name in a schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }
}

/// What a value is checked against.
#[derive(Debug, Default)]
pub struct Rules {
    /// JSON type; `None` allows any.
    pub json_type: Option<JsonType>,
    /// Format, e.g. `int32` or `date-time`.
    pub format: Option<Box<str>>,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// `x-kubernetes-int-or-string`
    pub int_or_string: bool,
    /// `x-kubernetes-preserve-unknown-fields` (of this level) or a free-form object.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`
    pub embedded_resource: bool,
    /// What stands there when nothing is given.
    pub default: Option<Value>,
    /// Fields that must be there.
    pub required: Vec<Box<str>>,
    /// Everything rarer.
    pub limits: Option<Box<Limits>>,
}

/// Rarer rules of a value.
#[derive(Debug, Default)]
pub struct Limits {
    /// Allowed values.
    pub values: Option<Vec<Value>>,
    /// Smallest number.
    pub minimum: Option<f64>,
    /// Whether the smallest number is itself forbidden.
    pub exclusive_minimum: bool,
    /// Largest number.
    pub maximum: Option<f64>,
    /// Whether the largest number is itself forbidden.
    pub exclusive_maximum: bool,
    /// Numbers must be a multiple of it.
    pub multiple_of: Option<f64>,
    /// Shortest text in characters.
    pub min_length: Option<u64>,
    /// Longest text in characters.
    pub max_length: Option<u64>,
    /// Regular expression of texts.
    pub pattern: Option<Pattern>,
    /// Fewest items.
    pub min_items: Option<u64>,
    /// Most items.
    pub max_items: Option<u64>,
    /// Whether items must differ.
    pub unique_items: bool,
    /// Fewest entries.
    pub min_properties: Option<u64>,
    /// Most entries.
    pub max_properties: Option<u64>,
    /// All of these must hold too.
    pub all_of: Vec<Type>,
    /// One of these must hold.
    pub any_of: Vec<Type>,
    /// Exactly one of these must hold.
    pub one_of: Vec<Type>,
    /// This must not hold.
    pub not: Option<Box<Type>>,
    /// `x-kubernetes-validations`
    pub validations: Vec<Rule>,
}

/// A regular expression, compiled when first used.
#[derive(Debug, Default)]
pub struct Pattern {
    source: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// As written in the schema.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Tells whether a text matches; an expression that cannot be compiled matches nothing.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled
            .get_or_init(|| Regex::new(&self.source).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const FIELDS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
/// Where the table notes how Go writes a field.
pub(crate) const GO_MARK: &str = "x-go";
const REFERENCE: &str = "#/components/schemas/";

/// Reads a schema written in place: that of a CRD version (`openAPIV3Schema`) or a part of it.
///
/// The outermost object gets what every object has (`apiVersion`, `kind`, `metadata`).
///
/// Source: apiextensions-apiserver `pkg/controller/openapi/builder/builder.go`, `buildKubeNative`.
pub fn from_schema(schema: &Value, preserve_unknown: bool) -> TypeRef {
    let mut ty = Type::parse(schema, preserve_unknown);
    ty.rules.preserve_unknown |= preserve_unknown;
    add_object_fields(&mut ty);
    TypeRef::Inline(Arc::new(ty))
}

/// Gives a type the fields every object has.
fn add_object_fields(ty: &mut Type) {
    let map = ty.map.get_or_insert_with(|| Map {
        fields: Vec::new(),
        element: None,
        open: false,
        atomic: false,
    });
    for (name, definition) in [
        ("apiVersion", None),
        ("kind", None),
        (
            "metadata",
            Some("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        ),
    ] {
        let ty = definition
            .and_then(|name| kubernetes().definition(name))
            .unwrap_or_else(|| {
                TypeRef::Inline(Arc::new(Type {
                    scalar: Some(Scalar::String),
                    rules: Rules {
                        json_type: Some(JsonType::String),
                        ..Rules::default()
                    },
                    ..Type::default()
                }))
            });
        match map.fields.binary_search_by(|field| (*field.name).cmp(name)) {
            Ok(index) => map.fields[index].ty = ty,
            Err(index) => map.fields.insert(
                index,
                Field {
                    name: name.into(),
                    ty,
                    default: None,
                    patch: Patch::default(),
                    go: None,
                },
            ),
        }
    }
}

impl Type {
    fn unknown(element: TypeRef, atomic: bool) -> Self {
        Self {
            scalar: Some(Scalar::Untyped),
            list: Some(List {
                items: TypeRef::untyped(),
                associative: false,
                keys: Vec::new(),
            }),
            map: Some(Map {
                fields: Vec::new(),
                element: Some(element),
                open: true,
                atomic,
            }),
            rules: Rules {
                preserve_unknown: true,
                ..Rules::default()
            },
        }
    }

    pub(crate) fn of_definition(name: &str, schema: &Value) -> Self {
        let mut ty = match name {
            QUANTITY => Self {
                scalar: Some(Scalar::Untyped),
                rules: Self::parse(schema, false).rules,
                ..Self::default()
            },
            RAW_EXTENSION => Self::unknown(TypeRef::untyped(), true),
            _ => Self::parse(schema, false),
        };
        if name == FIELDS
            && let Some(map) = &mut ty.map
        {
            map.open = true;
        }
        if name == QUANTITY {
            ty.rules.format = Some("quantity".into());
        }
        ty
    }

    fn parse(schema: &Value, preserve_unknown: bool) -> Self {
        let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
        let preserve_here = flag("x-kubernetes-preserve-unknown-fields");
        let preserve = preserve_unknown || preserve_here;
        let json_type = schema
            .get("type")
            .and_then(Value::as_str)
            .and_then(JsonType::parse);
        let format = schema.get("format").and_then(Value::as_str);
        let (scalar, list, map) = match json_type {
            None => (
                Some(Scalar::Untyped),
                Some(parse_list(schema, preserve)),
                Some(parse_map(schema, preserve)),
            ),
            Some(JsonType::Object) => (None, None, Some(parse_map(schema, preserve))),
            Some(JsonType::Array) => (None, Some(parse_list(schema, preserve)), None),
            Some(JsonType::Integer | JsonType::Number) => (Some(Scalar::Numeric), None, None),
            Some(JsonType::Boolean) => (Some(Scalar::Boolean), None, None),
            Some(JsonType::String) => match format {
                None | Some("" | "byte") => (Some(Scalar::String), None, None),
                Some(_) => (Some(Scalar::Untyped), None, None),
            },
        };
        let free_form = schema.get("properties").is_none() && schema.get("additionalProperties").is_none();
        let mut ty = Self {
            scalar,
            list,
            map,
            rules: Rules {
                json_type,
                format: format.map(Into::into),
                nullable: flag("nullable"),
                int_or_string: flag("x-kubernetes-int-or-string") || format == Some("int-or-string"),
                preserve_unknown: preserve_here || (free_form && json_type.is_none()),
                embedded_resource: flag("x-kubernetes-embedded-resource"),
                default: schema.get("default").cloned(),
                required: strings(schema.get("required")),
                limits: parse_limits(schema, preserve),
            },
        };
        if ty.rules.embedded_resource {
            add_object_fields(&mut ty);
        }
        ty
    }
}

fn strings(value: Option<&Value>) -> Vec<Box<str>> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().map(Into::into))
        .collect()
}

/// A type as used by a field or an item: a reference or a type in place.
fn parse_reference(schema: &Value, preserve: bool) -> TypeRef {
    let reference = schema
        .get("$ref")
        .or_else(|| match schema.get("allOf")?.as_array()?.as_slice() {
            [single] => single.get("$ref"),
            _ => None,
        });
    let reference = reference.and_then(Value::as_str);
    let name = reference.map(|reference| reference.strip_prefix(REFERENCE).unwrap_or(reference));
    // A field may own a type by its parts that is owned as a whole elsewhere.
    let granular = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("granular");
    if granular
        && let Some(name) = name
        && let Some(definition) = kubernetes().definition_schema(name, false)
    {
        let mut ty = Type::of_definition(name, &definition);
        if let Some(map) = &mut ty.map {
            map.atomic = false;
        }
        return TypeRef::Inline(Arc::new(ty));
    }
    name.and_then(|name| kubernetes().definition(name))
        .unwrap_or_else(|| TypeRef::Inline(Arc::new(Type::parse(schema, preserve))))
}

fn parse_map(schema: &Value, preserve: bool) -> Map {
    let properties = schema.get("properties").and_then(Value::as_object);
    let ordered: BTreeMap<&String, &Value> = properties.into_iter().flatten().collect();
    let fields: Vec<_> = ordered
        .into_iter()
        .map(|(name, member)| Field {
            name: name.as_str().into(),
            ty: parse_reference(member, preserve),
            default: member.get("default").cloned(),
            patch: parse_patch(member),
            go: member
                .get(GO_MARK)
                .and_then(Value::as_str)
                .and_then(GoField::parse),
        })
        .collect();
    let element = match schema.get("additionalProperties") {
        None if preserve || fields.is_empty() => Some(TypeRef::deduced()),
        None | Some(Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some(TypeRef::deduced()),
        Some(inner) => Some(parse_reference(inner, preserve)),
    };
    Map {
        fields,
        element,
        open: !matches!(
            schema.get("additionalProperties"),
            None | Some(Value::Bool(false))
        ),
        atomic: schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic"),
    }
}

fn parse_list(schema: &Value, preserve: bool) -> List {
    let items = match schema.get("items") {
        Some(items) => parse_reference(items, preserve),
        None => TypeRef::untyped(),
    };
    let (associative, keys) = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => (true, Vec::new()),
        Some("map") => (true, strings(schema.get("x-kubernetes-list-map-keys"))),
        Some(_) => (false, Vec::new()),
        None => match parse_patch(schema) {
            Patch {
                strategy: PatchStrategy::Merge | PatchStrategy::MergeRetainKeys,
                merge_key,
            } => (true, merge_key.into_iter().collect()),
            _ => (false, Vec::new()),
        },
    };
    List {
        items,
        associative,
        keys,
    }
}

fn parse_patch(schema: &Value) -> Patch {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    Patch {
        strategy: match text("x-kubernetes-patch-strategy") {
            Some("merge") => PatchStrategy::Merge,
            Some("retainKeys") => PatchStrategy::RetainKeys,
            Some("merge,retainKeys") => PatchStrategy::MergeRetainKeys,
            _ => PatchStrategy::None,
        },
        merge_key: text("x-kubernetes-patch-merge-key").map(Into::into),
    }
}

fn parse_limits(schema: &Value, preserve: bool) -> Option<Box<Limits>> {
    const KEYS: [&str; 18] = [
        "enum",
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "anyOf",
        "oneOf",
        "not",
        "x-kubernetes-validations",
    ];
    let all_of = schema.get("allOf").and_then(Value::as_array);
    let own_all_of = all_of.is_some_and(|list| list.iter().any(|item| item.get("$ref").is_none()));
    if !own_all_of && !KEYS.iter().any(|key| schema.get(key).is_some()) {
        return None;
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_f64);
    let count = |key: &str| schema.get(key).and_then(Value::as_u64);
    let flag = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or(false);
    let types = |key: &str| -> Vec<Type> {
        let list = schema.get(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|item| Type::parse(item, preserve))
            .collect()
    };
    Some(Box::new(Limits {
        values: schema.get("enum").and_then(Value::as_array).cloned(),
        minimum: number("minimum"),
        exclusive_minimum: flag("exclusiveMinimum"),
        maximum: number("maximum"),
        exclusive_maximum: flag("exclusiveMaximum"),
        multiple_of: number("multipleOf"),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        pattern: schema
            .get("pattern")
            .and_then(Value::as_str)
            .map(|source| Pattern {
                source: source.into(),
                compiled: OnceLock::new(),
            }),
        min_items: count("minItems"),
        max_items: count("maxItems"),
        unique_items: flag("uniqueItems"),
        min_properties: count("minProperties"),
        max_properties: count("maxProperties"),
        all_of: types("allOf"),
        any_of: types("anyOf"),
        one_of: types("oneOf"),
        not: schema
            .get("not")
            .map(|inner| Box::new(Type::parse(inner, preserve))),
        validations: schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(Rule::read)
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use kluctl_object::Gvk;
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_are_a_list_by_name() {
        let deployment = kubernetes()
            .type_of(&Gvk::new("apps", "v1", "Deployment"))
            .unwrap();
        let at = |ty: &TypeRef, key: &str| ty.map.as_ref().unwrap().entry(key).unwrap().clone();
        let pod_spec = at(&at(&at(&deployment, "spec"), "template"), "spec");
        let containers = at(&pod_spec, "containers");
        let list = containers.list.as_ref().unwrap();
        assert!(list.associative);
        assert_eq!(list.keys, ["name".into()]);
        let ports = at(&list.items, "ports");
        let ports = ports.list.as_ref().unwrap();
        assert_eq!(ports.keys, ["containerPort".into(), "protocol".into()]);
        let protocol = ports.items.map.as_ref().unwrap().field("protocol").unwrap();
        assert_eq!(protocol.default, Some(json!("TCP")));
    }

    #[test]
    fn unknown_values_nest() {
        let deduced = TypeRef::deduced();
        let inner = deduced.map.as_ref().unwrap().entry("a").unwrap().clone();
        assert!(!inner.map.as_ref().unwrap().atomic);
        assert!(TypeRef::untyped().map.as_ref().unwrap().atomic);
    }

    #[test]
    fn a_custom_type_has_metadata() {
        let ty = from_schema(
            &json!({"type": "object", "properties": {"spec": {"type": "object"}}}),
            false,
        );
        let map = ty.map.as_ref().unwrap();
        assert!(map.field("metadata").is_some());
        assert!(map.field("spec").is_some());
        assert!(map.entry("other").is_none());
    }
}
