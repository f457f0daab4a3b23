//! What was found wrong with a project's objects before anything was deployed.

use kluctl_object::ObjectRef;
use serde::{Deserialize, Serialize};

/// All findings of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LintResult {
    /// The targets that were looked at; one without a name in a project without targets.
    pub targets: Vec<String>,
    /// The Kubernetes version that objects were checked for.
    pub kubernetes_version: String,
    /// How many objects were checked, over all targets.
    pub objects: usize,
    /// How many findings are errors.
    pub errors: usize,
    /// How many findings are warnings.
    pub warnings: usize,
    /// The findings, in the order of their places.
    pub findings: Vec<LintFinding>,
    /// What a person should know about how it went, such as sources that could not be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    /// A deploy would fail or do something else than what is written.
    #[default]
    Error,
    /// It may be meant so.
    Warning,
}

/// One thing that is wrong, in one target or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LintFinding {
    /// The rule that found it, e.g. `unknown-field`.
    pub rule: String,
    /// How bad it is.
    pub level: LintLevel,
    /// What is wrong.
    pub message: String,
    /// The objects that have it; several where one line of a template made them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectRef>,
    /// The field as a JSON path; empty for the object as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The file of the project that the field comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The chart's template that printed the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<LintTemplate>,
    /// What changed the field after it was read from the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// The targets that have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// A place in a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LintTemplate {
    /// The template, with the chart's name in front.
    pub file: String,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}
