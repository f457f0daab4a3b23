//! A schema that is told to be right without its metaschema is valid against it.
//!
//! The input is a small program that builds a schema out of keywords and values, since few texts are JSON.

#![no_main]

/// What joins addresses; a metaschema has none to join.
mod archive {
    pub(crate) fn clean(path: &str) -> String {
        path.to_owned()
    }
}

#[allow(dead_code)]
#[path = "../../crates/helm/src/schema"]
mod schema {
    mod failure;
    mod formats;
    mod registry;
    mod sound;
    mod validator;

    use serde_json::Value;

    use registry::{Draft, Registry};
    use validator::Validator;

    const DRAFTS: [Draft; 5] = [Draft::D4, Draft::D6, Draft::D7, Draft::D2019, Draft::D2020];

    pub(crate) fn check(schema: &Value) {
        for draft in DRAFTS {
            if !sound::is_sound(schema, draft) {
                continue;
            }
            let Ok(registry) = Registry::new(draft.metaschema(), draft.url(), &[]) else {
                panic!("{} is not read", draft.url());
            };
            if let Err(failure) = Validator::of_schemas(&registry).validate(schema) {
                panic!("{} {schema}: {}", draft.url(), failure.show());
            }
        }
    }
}

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

const WORDS: [&str; 80] = [
    "type", "description", "title", "$comment", "format", "contentMediaType", "contentEncoding", "properties",
    "definitions", "$defs", "dependentSchemas", "patternProperties", "additionalProperties", "additionalItems",
    "contains", "propertyNames", "if", "then", "else", "not", "unevaluatedItems", "unevaluatedProperties",
    "contentSchema", "items", "allOf", "anyOf", "oneOf", "prefixItems", "required", "dependentRequired",
    "dependencies", "enum", "examples", "uniqueItems", "readOnly", "writeOnly", "deprecated", "maximum", "minimum",
    "exclusiveMaximum", "exclusiveMinimum", "multipleOf", "maxLength", "minLength", "maxItems", "minItems",
    "maxProperties", "minProperties", "maxContains", "minContains", "pattern", "$schema", "$ref", "id", "$id",
    "$anchor", "$dynamicRef", "$recursiveRef", "$vocabulary", "default", "const", "x-own", "array", "boolean",
    "integer", "null", "number", "object", "string", "any", "#/definitions/a", "http://a/b#c", "a b", "[", "^a$",
    "%zz", "a", "", "date-time", "//h:x/",
];

/// Builds a value from the bytes; what is missing is zero.
struct Program<'a>(std::slice::Iter<'a, u8>);

impl Program<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn word(&mut self) -> &'static str {
        WORDS[usize::from(self.next()) % WORDS.len()]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.next() % 12 {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(false),
            3 => json!(i64::from(self.next()) - 4),
            4 => json!(f64::from(self.next()) / 4.0 - 1.0),
            5 => json!(u64::MAX - u64::from(self.next())),
            6 | 7 => json!(self.word()),
            8 | 9 if depth < 6 => {
                let count = self.next() % 4;
                (0..count).map(|_| self.value(depth + 1)).collect()
            }
            _ if depth < 6 => {
                let count = self.next() % 5;
                let entries = (0..count).map(|_| (self.word().to_owned(), self.value(depth + 1)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
            _ => json!({}),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    schema::check(&Program(data.iter()).value(0));
});
