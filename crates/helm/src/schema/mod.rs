//! Checks values against `values.schema.json`, with the messages of the validator that Helm uses.

mod documents;
mod failure;
mod formats;
mod registry;
mod sound;
mod stream;
mod validator;

use kluctl_gotemplate::{Map, Value};
use serde_json::Value as Json;

use crate::convert::to_typed_json;
use crate::error::{Error, log_line};
use crate::tree::Tree;
pub use documents::SchemaSource;
use registry::{Draft, Registry};
use validator::Validator;

/// What checking needs and leaves behind.
pub(crate) struct Checker<'c> {
    /// Where documents come from that schemas refer to.
    pub(crate) source: Option<&'c dyn SchemaSource>,
    /// What Helm logs.
    pub(crate) logs: &'c mut Vec<String>,
}

/// The URL under which the validator knows a chart's schema.
const URL: &str = "file:///values.schema.json";

impl Checker<'_> {
    /// Checks the values of a chart and its dependencies; the error lists all failures by chart.
    ///
    /// Source: helm `pkg/chart/common/util/jsonschema.go`, `ValidateAgainstSchema`.
    pub(crate) fn validate(&mut self, chart: &Tree<'_>, values: &Map) -> Result<(), Error> {
        let mut text = String::new();
        self.check(chart, values, &mut text)?;
        if text.is_empty() {
            return Ok(());
        }
        Err(Error::new(format!(
            "values don't meet the specifications of the schema(s) in the following chart(s):\n{text}"
        )))
    }

    fn check(&mut self, chart: &Tree<'_>, values: &Map, text: &mut String) -> Result<(), Error> {
        if let Some(schema) = &chart.chart.schema {
            let line = log_line("DEBUG", "chart name", &[("chart-name", chart.name())]);
            self.logs.push(line);
            if let Err(message) = self.check_one(schema.bytes()?, values) {
                text.push_str(chart.name());
                text.push_str(":\n");
                text.push_str(&message);
            }
        }
        let count = chart.dependencies.len().to_string();
        let attributes = [("chart", chart.name()), ("dependencies", &count)];
        self.logs.push(log_line(
            "DEBUG",
            "number of dependencies in the chart",
            &attributes,
        ));
        for dependency in &chart.dependencies {
            match values.get(dependency.name()) {
                None | Some(Value::Nil) => {}
                Some(Value::Map(own)) => self.check(dependency, &own, text)?,
                Some(other) => {
                    let found = other.type_name();
                    text.push_str(&format!(
                        "{}:\ninvalid type for values: expected object (map), got {found}\n",
                        dependency.name()
                    ));
                }
            }
        }
        Ok(())
    }

    fn check_one(&mut self, schema: &[u8], values: &Map) -> Result<(), String> {
        if stream::surely_meets(schema, values) {
            return Ok(());
        }
        self.check_slowly(schema, values)
    }

    /// Checks values with a tree of the schema.
    fn check_slowly(&mut self, schema: &[u8], values: &Map) -> Result<(), String> {
        let schema = from_json(schema)?;
        let documents = self.documents_of(&schema)?;
        let registry = Registry::new(&schema, URL, &documents)?;
        let values = to_typed_json(&Value::Map(values.clone()));
        let validator = Validator::new(&registry);
        let result = validator.validate(&values);
        if let Some(problem) = validator.problem() {
            return Err(problem);
        }
        result.map_err(|failure| format!("{}\n", failure.show().trim_start_matches('\n')))
    }
}

/// Reads a schema; failures are in Go's words.
fn from_json(text: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(text).map_err(|error| {
        // Reading it the way Go does gives Go's message for what is no JSON.
        let read = kluctl_gotemplate::json::parse(text);
        read.err()
            .map_or_else(|| error.to_string(), |error| error.to_string())
    })
}

/// Checks a schema against the schema of its draft.
fn check_schema(schema: &Json, url: &str, draft: Draft) -> Result<(), String> {
    if sound::is_sound(schema, draft) {
        return Ok(());
    }
    let registry = Registry::new(draft.metaschema(), draft.url(), &[])?;
    Validator::of_schemas(&registry).validate(schema).map_err(|failure| {
        let shown = failure.show();
        let meta = draft.url();
        format!(
            "\"{url}#\" is not valid against metaschema: jsonschema validation failed with '{meta}#'{shown}"
        )
    })
}
