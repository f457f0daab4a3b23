//! Values checked against the schema of a CRD, with the API server's words.

use std::fmt;

use serde_json::{Map, Value};

use crate::format::is_valid_format;
use crate::prune::type_name;
use crate::types::{JsonType, Limits, List, Type, TypeRef};

/// Why a value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// The value is not allowed.
    Invalid,
    /// The value has the wrong type.
    TypeInvalid,
    /// The value is missing.
    Required,
    /// The value is none of those allowed.
    NotSupported,
    /// The text is too long.
    TooLong,
    /// The list or map has too many entries.
    TooMany,
    /// The value must not be given.
    Forbidden,
    /// The value is there twice.
    Duplicate,
}

impl FindingKind {
    /// The `reason` of a cause in a `Status`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Required => "FieldValueRequired",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Forbidden => "FieldValueForbidden",
            Self::Duplicate => "FieldValueDuplicate",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::Required => "Required value",
            Self::NotSupported => "Unsupported value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
        }
    }
}

/// One thing wrong with an object. Printed as `spec.x: Invalid value: "string": spec.x in body must be …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Where, e.g. `spec.replicas`.
    pub path: String,
    /// What kind of problem.
    pub kind: FindingKind,
    /// The value shown, where one is.
    pub value: Option<Value>,
    /// The rest of the message; may be empty.
    pub detail: String,
}

impl Finding {
    /// Describes a problem.
    pub fn new(
        kind: FindingKind,
        path: impl Into<String>,
        value: Option<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            value,
            detail: detail.into(),
        }
    }

    /// The message without the path, as causes in a `Status` have it.
    ///
    /// Source: apimachinery `pkg/util/validation/field/errors.go`, `ErrorBody`.
    pub fn message(&self) -> String {
        let mut text = self.kind.text().to_owned();
        let shows_value = !matches!(
            self.kind,
            FindingKind::Required | FindingKind::Forbidden | FindingKind::TooLong
        );
        if let Some(value) = self.value.as_ref().filter(|_| shows_value) {
            text.push_str(": ");
            text.push_str(&value.to_string());
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "<nil>" } else { &self.path };
        write!(f, "{path}: {}", self.message())
    }
}

/// Checks a value against the rules of its type. `x-kubernetes-validations` are not looked at.
///
/// Source: kube-openapi `pkg/validation/validate`; apiextensions-apiserver `pkg/apiserver/validation/validation.go`.
pub fn validate(value: &Value, ty: &TypeRef) -> Vec<Finding> {
    let mut findings = Vec::new();
    check(value, ty, "", &mut findings);
    findings
}

/// The path as texts show it: without the dot it starts with.
fn shown(path: &str) -> &str {
    path.strip_prefix('.').unwrap_or(path)
}

fn add(findings: &mut Vec<Finding>, kind: FindingKind, path: &str, value: Option<Value>, detail: String) {
    findings.push(Finding::new(kind, shown(path), value, detail));
}

fn check(value: &Value, ty: &Type, path: &str, findings: &mut Vec<Finding>) {
    let rules = &ty.rules;
    if value.is_null() {
        if rules.json_type.is_some() && !rules.nullable {
            wrong_type(&type_text(ty), "null", path, findings);
        } else if let Some(values) = rules.limits.as_ref().and_then(|limits| limits.values.as_ref())
            && !rules.nullable
        {
            check_values(value, values, path, findings);
        }
        return;
    }
    check_type(value, ty, path, findings);
    if let Some(limits) = &rules.limits {
        check_combinations(value, limits, path, findings);
        check_limits(value, limits, path, findings);
    }
    if let (Value::String(text), Some(format)) = (value, rules.format.as_deref())
        && !is_valid_format(format, text)
    {
        let detail = format!("{} in body must be of type {format}: {text:?}", shown(path));
        add(
            findings,
            FindingKind::TypeInvalid,
            path,
            Some(value.clone()),
            detail,
        );
    }
    if let Value::Number(number) = value {
        check_range(number, ty, path, findings);
    }
    if let (Value::Array(items), Some(list)) = (value, &ty.list) {
        check_duplicates(items, list, path, findings);
        for (index, item) in items.iter().enumerate() {
            check(item, &list.items, &format!("{path}[{index}]"), findings);
        }
    }
    if let (Value::Object(entries), Some(map)) = (value, &ty.map) {
        for (key, entry) in entries {
            match map.field(key) {
                // Built-in parts (`metadata`) are checked elsewhere.
                Some(field) if matches!(field.ty, TypeRef::Named(_)) => {}
                Some(field) => check(entry, &field.ty, &join(path, key), findings),
                None => {
                    if let Some(ty @ TypeRef::Inline(_)) = &map.element {
                        check(entry, ty, &join(path, key), findings);
                    }
                }
            }
        }
        for name in rules
            .required
            .iter()
            .filter(|name| !entries.contains_key(&***name))
        {
            add(
                findings,
                FindingKind::Required,
                &join(path, name),
                None,
                String::new(),
            );
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn type_text(ty: &Type) -> String {
    if ty.rules.int_or_string {
        return "integer,string".to_owned();
    }
    ty.rules
        .json_type
        .map_or_else(String::new, |json_type| json_type.name().to_owned())
}

fn wrong_type(expected: &str, found: &str, path: &str, findings: &mut Vec<Finding>) {
    let detail = format!("{} in body must be of type {expected}: {found:?}", shown(path));
    add(
        findings,
        FindingKind::TypeInvalid,
        path,
        Some(Value::from(found)),
        detail,
    );
}

fn check_type(value: &Value, ty: &Type, path: &str, findings: &mut Vec<Finding>) {
    let rules = &ty.rules;
    let found = type_name(value);
    if rules.int_or_string {
        let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
        if !value.is_string() && !is_whole {
            wrong_type("integer,string", found, path, findings);
        }
        return;
    }
    let Some(expected) = rules.json_type else { return };
    let fits = match expected {
        JsonType::Number => value.is_number(),
        JsonType::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => other.name() == found,
    };
    if fits {
        return;
    }
    let has_format = rules.format.as_deref().is_some_and(|format| !format.is_empty());
    if has_format && !value.is_string() && !value.is_array() {
        let format = rules.format.as_deref().unwrap_or_default();
        let found = match value {
            Value::Number(number) if number.is_f64() => "float64",
            Value::Number(_) => "int64",
            _ => "",
        };
        return wrong_type(format, found, path, findings);
    }
    if has_format && expected == JsonType::String && value.is_array() {
        return;
    }
    wrong_type(expected.name(), found, path, findings);
}

/// Numbers must fit the type that is to hold them.
///
/// Source: kube-openapi `pkg/validation/validate/values.go`, `IsValueValidAgainstRange`.
fn check_range(number: &serde_json::Number, ty: &Type, path: &str, findings: &mut Vec<Finding>) {
    let value = number.as_f64().unwrap_or_default();
    let (kind, format) = (ty.rules.json_type, ty.rules.format.as_deref().unwrap_or_default());
    let fits = match (kind, format) {
        (Some(JsonType::Integer), "int32") => {
            value.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value)
        }
        (Some(JsonType::Integer), _) => value.fract() == 0.0,
        (Some(JsonType::Number), "float") => value.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    if fits {
        return;
    }
    let kind = kind.map_or("", JsonType::name);
    let format = if format.is_empty() {
        "(default format)".to_owned()
    } else {
        format!("with format {format}")
    };
    let detail = format!("Checked value must be of type {kind} {format} in {}", shown(path));
    findings.push(Finding::new(
        FindingKind::Invalid,
        "",
        Some(Value::from("")),
        detail,
    ));
}

/// Items of sets and lists by key must differ.
///
/// Source: apiextensions-apiserver `pkg/apiserver/schema/listtype/validation.go`.
fn check_duplicates(items: &[Value], list: &List, path: &str, findings: &mut Vec<Finding>) {
    if !list.associative {
        return;
    }
    let identity = |item: &Value| -> Value {
        if list.keys.is_empty() {
            return item.clone();
        }
        let keys = list.keys.iter();
        keys.filter_map(|key| Some((key.to_string(), item.get(&**key)?.clone())))
            .collect::<Map<_, _>>()
            .into()
    };
    let identities: Vec<_> = items.iter().map(identity).collect();
    for (index, identity) in identities.iter().enumerate() {
        if identities[..index].contains(identity) {
            let path = format!("{path}[{index}]");
            add(
                findings,
                FindingKind::Duplicate,
                &path,
                Some(identity.clone()),
                String::new(),
            );
        }
    }
}

fn check_values(value: &Value, values: &[Value], path: &str, findings: &mut Vec<Finding>) {
    let same = |left: &Value, right: &Value| match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() < f64::EPSILON,
        _ => left == right,
    };
    if values.iter().any(|allowed| same(allowed, value)) {
        return;
    }
    let quoted: Vec<_> = values
        .iter()
        .map(|value| match value {
            Value::String(text) => format!("{text:?}"),
            other => format!("{:?}", other.to_string()),
        })
        .collect();
    let detail = format!("supported values: {}", quoted.join(", "));
    add(
        findings,
        FindingKind::NotSupported,
        path,
        Some(value.clone()),
        detail,
    );
}

/// A limit as Go prints a float with `%v`.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e21 {
        return format!("{number:.0}");
    }
    number.to_string()
}

fn check_limits(value: &Value, limits: &Limits, path: &str, findings: &mut Vec<Finding>) {
    let name = shown(path).to_owned();
    let mut invalid = |value: Option<Value>, detail: String| {
        add(findings, FindingKind::Invalid, path, value, detail);
    };
    match value {
        Value::String(text) => {
            let length = text.chars().count() as u64;
            if limits.min_length.is_some_and(|min| length < min) {
                let min = limits.min_length.unwrap_or_default();
                invalid(
                    Some(value.clone()),
                    format!("{name} in body should be at least {min} chars long"),
                );
            }
            if let Some(pattern) = limits.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
                let source = pattern.source();
                invalid(
                    Some(value.clone()),
                    format!("{name} in body should match '{source}'"),
                );
            }
            if let Some(max) = limits.max_length.filter(|max| length > *max) {
                let unit = if max == 1 { "byte" } else { "bytes" };
                let detail = format!("may not be more than {max} {unit}");
                add(findings, FindingKind::TooLong, path, None, detail);
            }
        }
        Value::Number(number) => {
            // Whole numbers are compared with whole limits.
            let whole = !number.is_f64();
            let number = number.as_f64().unwrap_or_default();
            let limit = |limit: Option<f64>| limit.map(|limit| if whole { limit.trunc() } else { limit });
            if let Some(step) = limits.multiple_of.filter(|step| whole && *step < 1.0) {
                // Whole numbers are divided by whole ones.
                let detail = format!(
                    "factor MultipleOf declared for {} must be positive: 0",
                    shown(path)
                );
                let _ = step;
                invalid(Some(Value::from(0)), detail);
            } else if let Some(step) = limits.multiple_of
                && (number / step).fract() != 0.0
            {
                let detail = format!("{name} in body should be a multiple of {}", number_text(step));
                invalid(Some(value.clone()), detail);
            }
            if let Some(max) = limit(limits.maximum)
                && (number > max || (limits.exclusive_maximum && number >= max))
            {
                let words = if limits.exclusive_maximum {
                    "less than"
                } else {
                    "less than or equal to"
                };
                invalid(
                    Some(value.clone()),
                    format!("{name} in body should be {words} {}", number_text(max)),
                );
            }
            if let Some(min) = limit(limits.minimum)
                && (number < min || (limits.exclusive_minimum && number <= min))
            {
                let words = if limits.exclusive_minimum {
                    "greater than"
                } else {
                    "greater than or equal to"
                };
                invalid(
                    Some(value.clone()),
                    format!("{name} in body should be {words} {}", number_text(min)),
                );
            }
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            if let Some(min) = limits.min_items.filter(|min| count < *min) {
                let detail = format!("{name} in body should have at least {min} items");
                invalid(Some(Value::from(count)), detail);
            }
            if limits.unique_items
                && items
                    .iter()
                    .enumerate()
                    .any(|(index, item)| items[..index].contains(item))
            {
                invalid(
                    Some(Value::from("")),
                    format!("{name} in body shouldn't contain duplicates"),
                );
            }
            check_most(count, limits.max_items, path, findings);
        }
        Value::Object(entries) => {
            let count = entries.len() as u64;
            if let Some(min) = limits.min_properties.filter(|min| count < *min) {
                let detail = format!("{name} in body should have at least {min} properties");
                invalid(Some(Value::from(count)), detail);
            }
            check_most(count, limits.max_properties, path, findings);
        }
        Value::Null | Value::Bool(_) => {}
    }
    if let Some(values) = &limits.values {
        check_values(value, values, path, findings);
    }
}

fn check_most(count: u64, most: Option<u64>, path: &str, findings: &mut Vec<Finding>) {
    if let Some(most) = most.filter(|most| count > *most) {
        let unit = if most == 1 { "item" } else { "items" };
        let detail = format!("must have at most {most} {unit}");
        add(
            findings,
            FindingKind::TooMany,
            path,
            Some(Value::from(count)),
            detail,
        );
    }
}

/// Checks `allOf`, `anyOf`, `oneOf` and `not`.
fn check_combinations(value: &Value, limits: &Limits, path: &str, findings: &mut Vec<Finding>) {
    let results = |types: &[Type]| -> Vec<Vec<Finding>> {
        types
            .iter()
            .map(|ty| {
                let mut findings = Vec::new();
                check(value, ty, path, &mut findings);
                findings
            })
            .collect()
    };
    let name = format!("{:?}", shown(path));
    let mut whole = |detail: String| {
        // These are not tied to a field by the API server.
        findings.push(Finding::new(
            FindingKind::Invalid,
            "",
            Some(Value::from("")),
            detail,
        ));
    };
    if !limits.any_of.is_empty() {
        let results = results(&limits.any_of);
        if results.iter().all(|findings| !findings.is_empty()) {
            whole(format!("{name} must validate at least one schema (anyOf)"));
            findings.extend(results.into_iter().min_by_key(Vec::len).unwrap_or_default());
        }
    }
    let mut whole = |detail: String| {
        findings.push(Finding::new(
            FindingKind::Invalid,
            "",
            Some(Value::from("")),
            detail,
        ));
    };
    if !limits.one_of.is_empty() {
        let results = results(&limits.one_of);
        match results.iter().filter(|findings| findings.is_empty()).count() {
            1 => {}
            0 => {
                whole(format!(
                    "{name} must validate one and only one schema (oneOf). Found none valid"
                ));
                findings.extend(results.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
            count => whole(format!(
                "{name} must validate one and only one schema (oneOf). Found {count} valid alternatives"
            )),
        }
    }
    if !limits.all_of.is_empty() {
        let results = results(&limits.all_of);
        let failed = results.iter().filter(|findings| !findings.is_empty()).count();
        let rest = if failed == results.len() {
            ". None validated"
        } else {
            ""
        };
        findings.extend(results.into_iter().flatten());
        if failed > 0 {
            let detail = format!("{name} must validate all the schemas (allOf){rest}");
            findings.push(Finding::new(
                FindingKind::Invalid,
                "",
                Some(Value::from("")),
                detail,
            ));
        }
    }
    if let Some(not) = &limits.not {
        let mut inner = Vec::new();
        check(value, not, path, &mut inner);
        if inner.is_empty() {
            let detail = format!("{name} must not validate the schema (not)");
            findings.push(Finding::new(
                FindingKind::Invalid,
                "",
                Some(Value::from("")),
                detail,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::from_schema;

    #[track_caller]
    fn check_spec(schema: &Value, spec: &Value, expected: &[&str]) {
        let ty = from_schema(&json!({"type": "object", "properties": {"spec": schema}}), false);
        let findings = validate(&json!({"spec": spec}), &ty);
        let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn types_and_limits() {
        let schema = json!({"type": "object", "required": ["must"], "properties": {
            "must": {"type": "string"},
            "i": {"type": "integer", "minimum": 1, "maximum": 5},
            "s": {"type": "string", "pattern": "^a+$", "maxLength": 3},
            "e": {"type": "string", "enum": ["A", "B"]},
            "l": {"type": "array", "maxItems": 1, "items": {"type": "boolean"}},
            "p": {"x-kubernetes-int-or-string": true},
        }});
        check_spec(
            &schema,
            &json!({"i": "x", "s": "bbbb", "e": "C", "l": [true, "x"], "p": true}),
            &[
                "spec.e: Unsupported value: \"C\": supported values: \"A\", \"B\"",
                "spec.i: Invalid value: \"string\": spec.i in body must be of type integer: \"string\"",
                "spec.l: Too many: 2: must have at most 1 item",
                "spec.l[1]: Invalid value: \"string\": spec.l[1] in body must be of type boolean: \"string\"",
                "spec.p: Invalid value: \"boolean\": spec.p in body must be of type integer,string: \"boolean\"",
                "spec.s: Invalid value: \"bbbb\": spec.s in body should match '^a+$'",
                "spec.s: Too long: may not be more than 3 bytes",
                "spec.must: Required value",
            ],
        );
        check_spec(
            &schema,
            &json!({"must": "x", "i": 9}),
            &["spec.i: Invalid value: 9: spec.i in body should be less than or equal to 5"],
        );
        check_spec(&schema, &json!({"must": "x", "i": 3, "p": "50%"}), &[]);
    }

    #[test]
    fn combinations() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        check_spec(&schema, &json!({"a": "1"}), &[]);
        check_spec(
            &schema,
            &json!({"a": "1", "b": "2"}),
            &[
                "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
            ],
        );
    }
}
