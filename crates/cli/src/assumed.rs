//! `--assume`: what a preview takes for granted of the world outside.

use std::sync::Arc;

use camino::Utf8Path;
use kluctl_project::{Assumed as AssumedSources, AssumedVars};
use kluctl_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::Value;

/// The file of `--assume`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// Objects that the cluster has.
    objects: Vec<Value>,
    /// What sources of variables give.
    vars: Vec<AssumedVars>,
}

/// What is assumed.
#[derive(Debug, Default)]
pub(crate) struct Assumed {
    shown: String,
    objects: Vec<Value>,
    vars: Arc<AssumedSources>,
}

impl Assumed {
    /// Reads the file; without one nothing is assumed, and placeholders stand for what is missing.
    pub(crate) fn read(path: Option<&Utf8Path>) -> Result<Self, String> {
        let mut file = File::default();
        if let Some(path) = path {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            file = kluctl_yaml::decode(path.as_str(), &text)
                .map_err(|error| kluctl_project::Problem::yaml(path.as_str(), &error, &text).to_string())?;
        }
        Ok(Self {
            shown: path.map(ToString::to_string).unwrap_or_default(),
            objects: file.objects,
            vars: Arc::new(AssumedSources {
                vars: file.vars,
                placeholders: true,
            }),
        })
    }

    /// What is assumed of sources of variables.
    pub(crate) fn vars(&self) -> Arc<AssumedSources> {
        self.vars.clone()
    }

    /// Puts the objects into a sandbox, with the namespaces that they need.
    pub(crate) fn fill(&self, sandbox: &Arc<Sandbox>) -> Result<(), String> {
        let imported = sandbox.import(self.objects.clone());
        match imported.errors.first() {
            Some(error) => Err(format!("{}: {error}", self.shown)),
            None => Ok(()),
        }
    }
}
