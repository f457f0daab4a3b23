//! Tells schemas that are surely valid against their metaschema, without walking the metaschema.
//!
//! Charts have schemas of half a megabyte, and nearly all of them are right. What is not surely right is left to the
//! validator, which knows what to say about it.

use serde_json::{Map, Value};

use super::formats;
use super::registry::{Draft, takes_a_schema};

/// Whether the metaschema of a draft has surely nothing against a schema.
///
/// Source: the metaschemas of drafts 4, 6, 7, 2019-09 and 2020-12.
pub(super) fn is_sound(schema: &Value, draft: Draft) -> bool {
    match schema {
        Value::Object(map) => map
            .iter()
            .all(|(keyword, value)| fits(keyword, value, map, draft)),
        Value::Bool(_) => draft > Draft::D4,
        _ => false,
    }
}

/// Whether a keyword's value is what all drafts want. Keywords that no draft knows may be anything.
pub(super) fn fits(keyword: &str, value: &Value, schema: &Map<String, Value>, draft: Draft) -> bool {
    match keyword {
        "type" => is_type(value),
        "description" | "title" | "$comment" | "format" | "contentMediaType" | "contentEncoding" => {
            value.is_string()
        }
        "properties" | "definitions" | "$defs" | "dependentSchemas" => all_sound(value, draft),
        "patternProperties" => {
            let names_fit = |map: &Map<String, Value>| map.keys().all(|name| is_regex(name));
            value.as_object().is_some_and(names_fit) && all_sound(value, draft)
        }
        "additionalProperties" | "additionalItems" => value.is_boolean() || is_sound(value, draft),
        keyword if takes_a_schema(keyword) => is_sound(value, draft),
        "items" if draft == Draft::D2020 => is_sound(value, draft),
        "items" => is_sound(value, draft) || is_list_of_schemas(value, draft),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => is_list_of_schemas(value, draft),
        "required" => is_list_of_names(value, draft),
        "dependentRequired" => value
            .as_object()
            .is_some_and(|map| map.values().all(|names| is_list_of_names(names, draft))),
        "dependencies" => value.as_object().is_some_and(|map| {
            map.values()
                .all(|inner| is_sound(inner, draft) || is_list_of_names(inner, draft))
        }),
        "enum" => value.as_array().is_some_and(|choices| !choices.is_empty()),
        "examples" => value.is_array(),
        "uniqueItems" | "readOnly" | "writeOnly" | "deprecated" => value.is_boolean(),
        "maximum" | "minimum" => value.is_number(),
        "exclusiveMaximum" if draft == Draft::D4 => value.is_boolean() && schema.contains_key("maximum"),
        "exclusiveMinimum" if draft == Draft::D4 => value.is_boolean() && schema.contains_key("minimum"),
        "exclusiveMaximum" | "exclusiveMinimum" => value.is_number(),
        "multipleOf" => value.as_f64().is_some_and(|step| step > 0.0),
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
        | "maxContains" | "minContains" => value.is_u64(),
        "pattern" => value.as_str().is_some_and(is_regex),
        "$schema" => is_url(value, "uri"),
        "$ref" => is_url(value, "uri-reference"),
        "id" if draft == Draft::D4 => value.is_string(),
        "$id" if draft > Draft::D4 => {
            is_url(value, "uri-reference") && value.as_str().is_some_and(|id| !id.contains('#'))
        }
        // The other keywords about names and vocabularies are rare, and each draft has rules of its own for them.
        "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveAnchor" | "$recursiveRef"
        | "$vocabulary" => false,
        _ => true,
    }
}

fn all_sound(value: &Value, draft: Draft) -> bool {
    value
        .as_object()
        .is_some_and(|map| map.values().all(|schema| is_sound(schema, draft)))
}

fn is_list_of_schemas(value: &Value, draft: Draft) -> bool {
    value
        .as_array()
        .is_some_and(|schemas| !schemas.is_empty() && schemas.iter().all(|schema| is_sound(schema, draft)))
}

/// Names that are all different; draft 4 wants one at least.
fn is_list_of_names(value: &Value, draft: Draft) -> bool {
    value.as_array().is_some_and(|names| {
        (draft > Draft::D4 || !names.is_empty()) && names.iter().all(Value::is_string) && all_differ(names)
    })
}

fn all_differ(values: &[Value]) -> bool {
    values
        .iter()
        .enumerate()
        .all(|(at, value)| !values[..at].contains(value))
}

fn is_type(value: &Value) -> bool {
    let is_name = |value: &Value| {
        matches!(
            value.as_str(),
            Some("array" | "boolean" | "integer" | "null" | "number" | "object" | "string")
        )
    };
    match value {
        Value::Array(names) => !names.is_empty() && names.iter().all(is_name) && all_differ(names),
        name => is_name(name),
    }
}

fn is_regex(pattern: &str) -> bool {
    kluctl_gotemplate::Regexp::new(pattern).is_ok()
}

fn is_url(value: &Value, format: &str) -> bool {
    value.is_string() && formats::check(format, value).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_sound;
    use crate::schema::registry::{Draft, Registry};
    use crate::schema::validator::Validator;

    const DRAFTS: [Draft; 5] = [Draft::D4, Draft::D6, Draft::D7, Draft::D2019, Draft::D2020];

    const KEYWORDS: [&str; 56] = [
        "type",
        "description",
        "title",
        "$comment",
        "format",
        "contentMediaType",
        "contentEncoding",
        "properties",
        "definitions",
        "$defs",
        "dependentSchemas",
        "patternProperties",
        "additionalProperties",
        "additionalItems",
        "contains",
        "propertyNames",
        "if",
        "then",
        "else",
        "not",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contentSchema",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "prefixItems",
        "required",
        "dependentRequired",
        "dependencies",
        "enum",
        "examples",
        "uniqueItems",
        "readOnly",
        "writeOnly",
        "deprecated",
        "maximum",
        "minimum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "multipleOf",
        "maxLength",
        "minLength",
        "maxItems",
        "maxProperties",
        "maxContains",
        "pattern",
        "$schema",
        "$ref",
        "id",
        "$id",
        "$anchor",
        "default",
        "const",
        "x-unknown",
    ];

    fn values() -> Vec<Value> {
        vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(3),
            json!("a"),
            json!("object"),
            json!("["),
            json!("#/x"),
            json!("a b"),
            json!([]),
            json!(["a"]),
            json!(["a", "a"]),
            json!(["string", "null"]),
            json!([{}]),
            json!([true]),
            json!([3]),
            json!({}),
            json!({"a": {}}),
            json!({"a": true}),
            json!({"a": 3}),
            json!({"a": ["b"]}),
            json!({"a": []}),
            json!({"[": {}}),
            json!({"type": "object"}),
            json!({"type": "x"}),
            json!({"type": ["string", "string"]}),
            json!([{"minLength": "1"}]),
        ]
    }

    #[test]
    fn what_is_sound_is_valid_against_the_metaschema() {
        let (mut sound, mut valid) = (0, 0);
        for draft in DRAFTS {
            let url = draft.url();
            let registry = Registry::new(draft.metaschema(), url, &[]).unwrap();
            for keyword in KEYWORDS {
                for value in values() {
                    let alone = json!({ keyword: value });
                    let schemas = [
                        json!({ "properties": { "p": alone } }),
                        json!({ "maximum": 1, "minimum": 0, keyword: value }),
                        json!({ "items": alone, "allOf": [alone] }),
                        alone,
                    ];
                    for schema in schemas {
                        let is_valid = Validator::of_schemas(&registry).validate(&schema).is_ok();
                        let is_sound = is_sound(&schema, draft);
                        assert!(is_valid || !is_sound, "{url} {schema}");
                        sound += usize::from(is_sound);
                        valid += usize::from(is_valid);
                    }
                }
            }
        }
        // Half of them are only valid because their draft does not know the keyword.
        assert!(sound * 2 > valid, "{sound} of {valid}");
    }
}
