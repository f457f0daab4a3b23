//! `--assume`: what a preview or a check takes for granted of the world outside.

use std::sync::Arc;

use camino::Utf8Path;
use kluctl_cluster::{Cluster, Limits};
use kluctl_object::Object;
use kluctl_project::{Assumed as AssumedSources, AssumedFile, AssumedVars, Rendered};
use kluctl_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::Value;

use crate::running::Running;

/// The file of `--assume`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// Objects that the cluster has.
    objects: Vec<Value>,
    /// What sources of variables give.
    vars: Vec<AssumedVars>,
    /// What files hold that SOPS encrypted.
    files: Vec<AssumedFile>,
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
                files: file.files,
                placeholders: true,
            }),
        })
    }

    /// What is assumed of sources of variables.
    pub(crate) fn vars(&self) -> Arc<AssumedSources> {
        self.vars.clone()
    }

    /// The objects that are assumed to be in the cluster.
    pub(crate) fn objects(&self) -> Vec<Object> {
        let objects = self.objects.iter().cloned();
        objects
            .filter_map(|object| Object::try_from(object).ok())
            .collect()
    }

    /// A server of its own that has the objects and the namespaces that they need, and nothing else.
    pub(crate) fn cluster(&self, running: &Running, version: Option<&str>) -> Result<Cluster, String> {
        let _runtime = running.runtime.enter();
        let sandbox = Sandbox::open(kluctl_sandbox::Options {
            directory: None,
            kubernetes_version: version.map(str::to_owned),
            controllers: true,
        });
        let sandbox = sandbox.map_err(|error| error.to_string())?;
        let imported = sandbox.import(self.objects.clone());
        if let Some(error) = imported.errors.first() {
            return Err(format!("{}: {error}", self.shown));
        }
        Ok(Cluster::new(sandbox.service(), Limits::default()))
    }
}

/// The sources that could not be asked for a target.
pub(crate) fn notes(rendered: &Rendered) -> impl Iterator<Item = String> + '_ {
    rendered.assumed.iter().map(|source| {
        format!("{source} could not be asked: its values stand as ⟨{source}⟩ (give them with --assume)")
    })
}
