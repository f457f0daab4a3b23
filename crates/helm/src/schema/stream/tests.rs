use kluctl_gotemplate::{Entries, Map, Value};
use serde_json::{Value as Json, json};

use super::surely_meets;
use crate::convert::map_from_json;
use crate::schema::Checker;

const DRAFTS: [&str; 6] = [
    "",
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

fn check_slowly(schema: &[u8], values: &Map) -> Result<(), String> {
    let mut checker = Checker {
        source: None,
        logs: &mut Vec::new(),
    };
    checker.check_slowly(schema, values)
}

/// Whether values are surely met; then the validator must have nothing against them.
fn agrees(schema: &str, values: &Json) -> bool {
    let map = map_from_json(values.as_object().unwrap());
    let sure = surely_meets(schema.as_bytes(), &map);
    if sure && let Err(message) = check_slowly(schema.as_bytes(), &map) {
        panic!("{schema} {values}: {message}");
    }
    sure
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "type"];
const TYPES: [&str; 7] = [
    "null", "boolean", "number", "integer", "string", "array", "object",
];
const SMALL: [&str; 42] = [
    r#""minimum": 2"#,
    r#""maximum": 2"#,
    r#""exclusiveMinimum": 1"#,
    r#""exclusiveMaximum": 1.5"#,
    r#""multipleOf": 2"#,
    r#""minLength": 1"#,
    r#""maxLength": 1"#,
    r#""minItems": 1"#,
    r#""maxItems": 1"#,
    r#""minProperties": 1"#,
    r#""maxProperties": 1"#,
    r#""uniqueItems": true"#,
    r#""pattern": "^a""#,
    r#""format": "ipv4""#,
    r#""format": "uri""#,
    r#""enum": [1, "a", null, [1], {"a": true}]"#,
    r#""enum": []"#,
    r#""const": "a""#,
    r#""required": ["a"]"#,
    r#""required": ["a", "b"]"#,
    r#""required": ["a", "a"]"#,
    r#""description": "text""#,
    r#""description": 1"#,
    r#""title": "text""#,
    r#""default": {"type": 1}"#,
    r#""examples": [1]"#,
    r#""x-own": {"type": 1}"#,
    r#""deprecated": true"#,
    r##""$ref": "#/definitions/a""##,
    r##""$ref": "#/definitions/b""##,
    r##""$ref": "#/properties/a""##,
    r##""$ref": "#""##,
    r#""$id": "http://a.example/b""#,
    r#""dependencies": {"a": ["b"]}"#,
    r#""dependentRequired": {"a": ["b"]}"#,
    r#""patternProperties": {"^a": {"type": "string"}}"#,
    r#""type": []"#,
    r#""type": ["string", "string"]"#,
    r#""minContains": 2"#,
    r#""unevaluatedProperties": false"#,
    r#""unevaluatedItems": false"#,
    r#""$comment": "text""#,
];
const APPLIED: [&str; 14] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "items",
    "contentSchema",
];

fn schema(random: &mut Random, depth: usize, start: &str) -> String {
    if depth > 0 && random.below(12) == 0 {
        return random.one(&["true", "true", "false", "1"]).to_owned();
    }
    let mut parts = Vec::new();
    if !start.is_empty() {
        parts.push(format!("\"$schema\": \"{start}\""));
    }
    for _ in 0..random.below(4) {
        parts.push(match random.below(if depth < 3 { 9 } else { 3 }) {
            0 => format!("\"type\": \"{}\"", random.one(&TYPES)),
            1 => format!(
                "\"type\": [\"{}\", \"{}\"]",
                random.one(&TYPES),
                random.one(&TYPES)
            ),
            2 => random.one(&SMALL).to_owned(),
            3..=5 => {
                let keyword = random.one(&[
                    "properties",
                    "properties",
                    "properties",
                    "definitions",
                    "dependentSchemas",
                ]);
                let inner: Vec<String> = (0..random.below(4))
                    .map(|_| format!("\"{}\": {}", random.one(&NAMES), schema(random, depth + 1, "")))
                    .collect();
                format!("\"{keyword}\": {{{}}}", inner.join(", "))
            }
            6 => {
                let keyword = random.one(&["allOf", "anyOf", "oneOf", "prefixItems", "items"]);
                let inner: Vec<String> = (0..random.below(3))
                    .map(|_| schema(random, depth + 1, ""))
                    .collect();
                format!("\"{keyword}\": [{}]", inner.join(", "))
            }
            _ => format!("\"{}\": {}", random.one(&APPLIED), schema(random, depth + 1, "")),
        });
    }
    format!("{{{}}}", parts.join(", "))
}

fn value(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth < 3 { 10 } else { 7 }) {
        0 => Json::Null,
        1 => json!(true),
        2 => json!(2),
        3 => json!(1.5),
        4 => json!("a"),
        5 => json!("\u{fc}\u{1f600}"),
        6 => json!(3.0),
        7 => (0..random.below(3)).map(|_| value(random, depth + 1)).collect(),
        _ => object(random, depth),
    }
}

fn object(random: &mut Random, depth: usize) -> Json {
    let entries = (0..random.below(4)).map(|_| (random.one(&NAMES).to_owned(), value(random, depth + 1)));
    Json::Object(entries.collect())
}

#[test]
fn what_is_surely_met_the_validator_lets_pass() {
    let mut random = Random(5);
    let (mut sure, mut met) = (0, 0);
    for _ in 0..15_000 {
        let draft = random.one(&DRAFTS);
        let schema = schema(&mut random, 0, draft);
        let values = object(&mut random, 0);
        sure += usize::from(agrees(&schema, &values));
        let map = map_from_json(values.as_object().unwrap());
        met += usize::from(check_slowly(schema.as_bytes(), &map).is_ok());
    }
    assert!(sure * 2 > met, "{sure} of {met}");
}

#[test]
fn references_to_each_other_end() {
    let references = vec![r##"{"$ref": "#/definitions/a"}"##; 100].join(", ");
    let schema =
        format!(r#"{{"allOf": [{references}], "definitions": {{"a": {{"allOf": [{references}]}}}}}}"#);
    let map = map_from_json(json!({"a": 1}).as_object().unwrap());
    assert!(!surely_meets(schema.as_bytes(), &map));
}

#[test]
fn schemas_as_charts_have_them_are_seen_through() {
    let values = json!({"image": {"tag": "v1", "pullPolicy": "Always"}, "replicas": 2.0, "hosts": ["a", "b"], "extra": null});
    let schema = r#"{
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values",
        "additionalProperties": false,
        "required": ["image"],
        "properties": {
            "image": {
                "description": "where it is",
                "type": "object",
                "properties": {"tag": {"type": "string"}, "pullPolicy": {"enum": ["Always", "Never"]}}
            },
            "replicas": {"type": ["integer", "null"], "minimum": 1},
            "hosts": {"type": "array", "items": {"type": "string"}},
            "extra": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "other": {"$ref": "\#/definitions/other"}
        },
        "definitions": {
            "other": {"type": "object", "properties": {"a": {"$ref": "\#/definitions/name"}}},
            "name": {"type": "string"}
        }
    }"#
    .replace('\\', "");
    let with = |other: Json| {
        let mut values = values.clone();
        values["other"] = other;
        values
    };
    assert!(agrees(&schema, &with(json!({"a": "b"}))));
    assert!(!agrees(&schema, &with(json!({"a": 1}))));
    assert!(!agrees(&schema, &with(json!("a"))));
    assert!(!agrees(
        &schema.replace("\"name\":", "\"$id\": \"x\", \"name\":"),
        &with(json!({"a": "b"}))
    ));
    assert!(agrees(&schema, &values));
    assert!(!agrees(
        &schema.replace("\"integer\", \"null\"", "\"null\""),
        &values
    ));
    assert!(!agrees(
        &schema.replace("\"Always\", \"Never\"", "\"Never\""),
        &values
    ));
    assert!(!agrees(&schema.replace("\"hosts\":", "\"host\":"), &values));
    assert!(!agrees(&schema.replace("\"extra\":", "\"hosts\":"), &values));
    for outside in ["http://a.example/b", "b.json"] {
        assert!(!agrees(&schema.replace("#/definitions/other", outside), &values));
    }
    // The draft is not known from the start.
    assert!(!agrees(&schema.replacen('{', "{\"title\": \"\", ", 1), &values));
    assert!(!agrees("{", &values));
    assert!(!agrees("{} {}", &values));
    assert!(!surely_meets(b"{\"title\": \"\xFF\"}", &Map::new(Entries::new())));
    let of_templates = [("a", Value::Bytes(b"b"[..].into()))].into_iter().collect();
    assert!(!surely_meets(
        b"{\"properties\": {\"a\": {\"type\": \"array\"}}}",
        &of_templates
    ));
}
