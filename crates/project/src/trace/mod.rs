//! `render --trace`: where the fields of an object come from.
//!
//! Nothing in the engines is instrumented. An object is followed back through the steps of a render: the kustomization is
//! built once more with origins written on the objects, and the template that made a file is rendered once more with a
//! mark at the end of each line that may take one, which tells the template's line for each line of the result.

mod document;
mod explain;
mod expressions;
mod marks;
mod places;
mod variables;

use std::fmt;

use kluctl_object::JsonPath;
use kluctl_object::Object;
use serde_json::Value;

pub(crate) use explain::{Traced, explain};
pub(crate) use places::Places;
pub use places::{FieldPlace, FieldRequest};

/// Marks the lines of a chart's template.
pub(crate) fn mark_chart_template(text: &str) -> String {
    marks::mark(text, marks::Language::Go)
}

/// Which fields of which object are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceRequest {
    /// `NAMESPACE/KIND/NAME`, or `KIND/NAME`.
    pub object: String,
    /// JSON path of a field; all fields when missing.
    pub path: Option<String>,
}

/// What was found out about an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The object.
    pub object: String,
    /// The folder of its item.
    pub item: String,
    /// Its fields in their order.
    pub fields: Vec<FieldTrace>,
}

/// How one field came to be.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTrace {
    /// JSON path.
    pub path: String,
    /// Its value in the end.
    pub value: Value,
    /// What made it so, the last step first.
    pub steps: Vec<TraceStep>,
}

/// One step on the way of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceStep {
    /// What it is: `file`, `template`, `variable`, `chart`, `values`, `kustomize`, `kluctl`, `image`.
    pub kind: &'static str,
    /// What it did, in words.
    pub text: String,
    /// File, as the project or the chart names it.
    pub file: Option<String>,
    /// Line in the file, from one.
    pub line: Option<u32>,
    /// The text of the line.
    pub source: Option<String>,
}

impl TraceStep {
    pub(crate) fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            ..Self::default()
        }
    }

    pub(crate) fn at(mut self, file: impl Into<String>, line: Option<u32>, source: Option<&str>) -> Self {
        self.file = Some(file.into());
        self.line = line;
        self.source = source.map(|source| source.trim().to_owned());
        self
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {}", self.object, self.item)?;
        for field in &self.fields {
            let value = match &field.value {
                Value::String(text) if text.chars().count() > 80 || text.contains('\n') => {
                    format!("{:?}…", text.chars().take(60).collect::<String>())
                }
                value => value.to_string(),
            };
            writeln!(f, "{}: {value}", field.path)?;
            for step in &field.steps {
                write!(f, "  {:<9} {}", step.kind, step.text)?;
                if let Some(file) = &step.file {
                    let gap = if step.text.is_empty() { "" } else { " " };
                    write!(f, "{gap}{file}")?;
                    if let Some(line) = step.line {
                        write!(f, ":{line}")?;
                    }
                }
                writeln!(f)?;
                if let Some(source) = &step.source {
                    writeln!(f, "            | {source}")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether an object is the one that is asked for. A namespace that is asked for must be the object's, where it has one.
pub(crate) fn is_asked(request: &TraceRequest, object: &Object) -> bool {
    let mut parts: Vec<&str> = request.object.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let kind = parts.pop().unwrap_or_default();
    let namespace = parts.pop();
    let in_namespace = match (namespace, object.namespace()) {
        (Some(asked), Some(own)) => asked == own,
        _ => true,
    };
    parts.is_empty() && object.name() == name && object.kind().eq_ignore_ascii_case(kind) && in_namespace
}

/// The path that is asked for, read.
pub(crate) fn asked_path(request: &TraceRequest) -> Result<Option<JsonPath>, crate::Problem> {
    let parse = |text: &String| {
        JsonPath::parse(text).map_err(|error| crate::Problem::new(format!("--trace-path: {error}")))
    };
    request.path.as_ref().map(parse).transpose()
}
