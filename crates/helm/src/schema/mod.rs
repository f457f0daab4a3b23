//! Checks values against `values.schema.json`, with the messages of the validator that Helm uses.

mod failure;
mod formats;
mod registry;
mod sound;
mod validator;

use kluctl_gotemplate::{Map, Value};
use serde_json::Value as Json;

use crate::convert::to_typed_json;
use crate::error::{Error, log_line};
use crate::tree::Tree;
use registry::Registry;
use validator::Validator;

/// The URL under which the validator knows a chart's schema.
const URL: &str = "file:///values.schema.json";

/// Checks the values of a chart and its dependencies; the error lists all failures by chart.
///
/// Source: helm `pkg/chart/common/util/jsonschema.go`, `ValidateAgainstSchema`.
pub(crate) fn validate(chart: &Tree<'_>, values: &Map, logs: &mut Vec<String>) -> Result<(), Error> {
    let mut text = String::new();
    check(chart, values, logs, &mut text)?;
    if text.is_empty() {
        return Ok(());
    }
    Err(Error::new(format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{text}"
    )))
}

fn check(chart: &Tree<'_>, values: &Map, logs: &mut Vec<String>, text: &mut String) -> Result<(), Error> {
    if chart.chart.schema.is_some() {
        logs.push(log_line("DEBUG", "chart name", &[("chart-name", chart.name())]));
    }
    if let Some(schema) = &chart.chart.schema
        && let Err(message) = check_one(schema.bytes()?, values)
    {
        text.push_str(chart.name());
        text.push_str(":\n");
        text.push_str(&message);
    }
    let count = chart.dependencies.len().to_string();
    let attributes = [("chart", chart.name()), ("dependencies", &count)];
    logs.push(log_line(
        "DEBUG",
        "number of dependencies in the chart",
        &attributes,
    ));
    for dependency in &chart.dependencies {
        match values.get(dependency.name()) {
            None | Some(Value::Nil) => {}
            Some(Value::Map(own)) => check(dependency, &own, logs, text)?,
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

fn check_one(schema: &[u8], values: &Map) -> Result<(), String> {
    let schema: Json = serde_json::from_slice(schema).map_err(|error| {
        // Reading it the way Go does gives Go's message for what is no JSON.
        let read = kluctl_gotemplate::json::parse(schema);
        read.err()
            .map_or_else(|| error.to_string(), |error| error.to_string())
    })?;
    let registry = Registry::new(&schema, URL)?;
    if !sound::is_sound(&schema, registry.draft()) {
        let meta_registry = Registry::new(registry.metaschema(), registry.metaschema_url())?;
        if let Err(failure) = Validator::of_schemas(&meta_registry).validate(&schema) {
            let shown = failure.show();
            return Err(format!(
                "\"{URL}#\" is not valid against metaschema: jsonschema validation failed with '{}#'{shown}",
                registry.metaschema_url().trim_end_matches('#')
            ));
        }
    }
    let values = to_typed_json(&Value::Map(values.clone()));
    let validator = Validator::new(&registry);
    let result = validator.validate(&values);
    if let Some(problem) = validator.problem() {
        return Err(problem);
    }
    result.map_err(|failure| format!("{}\n", failure.show().trim_start_matches('\n')))
}
