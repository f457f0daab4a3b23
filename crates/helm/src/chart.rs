//! A loaded chart.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::content::Content;
use crate::metadata::Metadata;

/// A file of a chart, with its path inside the chart.
#[derive(Debug, Clone)]
pub struct File {
    /// The path, with `/` between its parts.
    pub name: String,
    /// The content, without a byte order mark.
    pub data: Content,
}

/// A loaded chart with its dependencies. Rendering does not change it.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What `Chart.yaml` (and `requirements.yaml`) says.
    pub metadata: Metadata,
    /// What lies in `templates/`.
    pub templates: Vec<File>,
    /// What `values.yaml` says; numbers are floats, as JSON has them. `None` without that file.
    pub values: Option<Map<String, Value>>,
    /// `values.schema.json`
    pub schema: Option<Content>,
    /// All other files.
    pub files: Arc<Vec<File>>,
    /// The charts in `charts/`, by file name.
    pub dependencies: Vec<Chart>,
    /// What Helm logs while it loads the chart.
    pub(crate) logs: Vec<String>,
}

impl Chart {
    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Refuses charts that cannot be installed: libraries.
    pub fn check_installable(&self) -> Result<(), crate::Error> {
        match self.metadata.chart_type.as_str() {
            "" | "application" => Ok(()),
            other => Err(crate::Error::new(format!("{other} charts are not installable"))),
        }
    }

    /// Refuses charts that name dependencies which are not in `charts/`.
    pub fn check_dependencies(&self) -> Result<(), crate::Error> {
        let missing: Vec<&str> = self
            .metadata
            .dependencies
            .iter()
            .flatten()
            .map(|dependency| dependency.name.as_str())
            .filter(|name| !self.dependencies.iter().any(|chart| chart.name() == *name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(crate::Error::new(format!(
            "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch \
             missing dependencies: found in Chart.yaml, but missing in charts/ directory: {}",
            missing.join(", ")
        )))
    }

    /// Lines that Helm logs for this chart before it renders it.
    pub fn logs(&self) -> Vec<String> {
        let mut logs = self.logs.clone();
        for chart in &self.dependencies {
            logs.extend(chart.logs());
        }
        logs
    }
}

/// Whether a file holds manifests, going by its name.
pub(crate) fn has_manifest_extension(name: &str) -> bool {
    let extension = name.rsplit('/').next().and_then(|base| base.rsplit_once('.'));
    extension.is_some_and(|(_, extension)| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}
