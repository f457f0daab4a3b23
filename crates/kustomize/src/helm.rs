//! Charts in kustomizations (`helmCharts`): what is asked for is checked here, rendering is the caller's job.
//!
//! Source: kustomize `api/internal/builtins/HelmChartInflationGenerator.go`.

use bytes::Bytes;
use camino::Utf8PathBuf;
use serde_json::Value;

use crate::error::{Error, Result, fail};
use crate::files::join;
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::loader::Loader;
use crate::merge;
use crate::node::Node;
use crate::schema::Schema;

/// What has to be rendered.
#[derive(Debug, Clone, Default)]
pub struct HelmRequest {
    /// The chart as the kustomization describes it.
    pub chart: HelmChart,
    /// The folder that holds the chart's folder.
    pub chart_home: Utf8PathBuf,
    /// The values: those of the file and the inline ones, merged as asked.
    pub values: Value,
    /// Further files of values, in order.
    pub additional_values: Vec<Bytes>,
}

/// Renders charts.
pub trait Helm {
    /// The manifests of a chart, as `helm template` prints them.
    fn render(&self, request: &HelmRequest) -> Result<Bytes, Error>;

    /// The chart's own values file, when the chart is not among the files of the build.
    fn default_values(&self, request: &HelmRequest) -> Result<Bytes, Error>;
}

/// A chart to inflate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inflation {
    pub(crate) chart: HelmChart,
    pub(crate) globals: HelmGlobals,
}

impl Inflation {
    /// Checks the settings.
    pub(crate) fn check(&mut self, loader: &Loader<'_>) -> Result<()> {
        if self.chart.name.is_empty() {
            return Err(fail!("chart name cannot be empty"));
        }
        if self.globals.chart_home.is_empty() {
            "charts".clone_into(&mut self.globals.chart_home);
        }
        for file in &self.chart.additional_values_files {
            loader
                .load(file)
                .map_err(|error| error.within("could not load additionalValuesFile"))?;
        }
        if self.chart.values_merge.is_empty() {
            "override".clone_into(&mut self.chart.values_merge);
        }
        if !matches!(self.chart.values_merge.as_str(), "merge" | "override" | "replace") {
            return Err(fail!("valuesMerge must be one of [merge override replace]"));
        }
        Ok(())
    }

    /// The settings as the generator would print them.
    pub(crate) fn settings(&self) -> String {
        let (chart, globals) = (&self.chart, &self.globals);
        let mut map = serde_json::Map::new();
        for (name, text) in [
            ("chartHome", &globals.chart_home),
            ("configHome", &globals.config_home),
            ("name", &chart.name),
            ("version", &chart.version),
            ("repo", &chart.repo),
            ("releaseName", &chart.release_name),
            ("namespace", &chart.namespace),
            ("nameTemplate", &chart.name_template),
            ("valuesFile", &chart.values_file),
            ("valuesMerge", &chart.values_merge),
            ("kubeVersion", &chart.kube_version),
        ] {
            if !text.is_empty() {
                map.insert(name.to_owned(), text.clone().into());
            }
        }
        for (name, list) in [
            ("additionalValuesFiles", &chart.additional_values_files),
            ("apiVersions", &chart.api_versions),
        ] {
            if !list.is_empty() {
                map.insert(name.to_owned(), list.clone().into());
            }
        }
        for (name, set) in [
            ("includeCRDs", chart.include_crds),
            ("skipHooks", chart.skip_hooks),
            ("skipTests", chart.skip_tests),
            ("devel", chart.devel),
            ("debug", chart.debug),
        ] {
            if set {
                map.insert(name.to_owned(), true.into());
            }
        }
        let inline = chart
            .values_inline
            .as_ref()
            .filter(|value| value.as_object().is_some_and(|map| !map.is_empty()));
        if let Some(inline) = inline {
            map.insert("valuesInline".to_owned(), inline.clone());
        }
        kluctl_yaml::to_string(&Value::Object(map))
    }

    fn chart_home(&self, loader: &Loader<'_>) -> Utf8PathBuf {
        let home = join(loader.root(), &self.globals.chart_home);
        if self.chart.version.is_empty() || self.chart.repo.is_empty() {
            home
        } else {
            home.join(format!("{}-{}", self.chart.name, self.chart.version))
        }
    }

    /// Renders the chart to objects.
    pub(crate) fn objects(&self, loader: &Loader<'_>, helm: &dyn Helm, schema: &Schema) -> Result<Vec<Node>> {
        let mut request = HelmRequest {
            chart: self.chart.clone(),
            chart_home: self.chart_home(loader),
            ..HelmRequest::default()
        };
        let file = if self.chart.values_file.is_empty() {
            let path = request.chart_home.join(&self.chart.name).join("values.yaml");
            match loader.load(path.as_str()) {
                Ok(content) => content,
                Err(_) => helm.default_values(&request)?,
            }
        } else {
            loader.load(&self.chart.values_file)?
        };
        request.values = self.values(&file, schema)?;
        for path in &self.chart.additional_values_files {
            request.additional_values.push(loader.load(path)?);
        }
        crate::document::objects(&helm.render(&request)?)
    }

    fn values(&self, file: &Bytes, schema: &Schema) -> Result<Value> {
        let text = crate::document::text_of(file)?;
        let from_file = || -> Result<Node> {
            Ok(crate::document::parse_first(&text)
                .map_err(|error| error.within("could not parse values file into rnode"))?
                .unwrap_or_else(Node::null))
        };
        let inline = match &self.chart.values_inline {
            Some(inline) if inline.as_object().is_some_and(|map| !map.is_empty()) => Node::from_json(inline),
            _ => return from_file()?.to_value(),
        };
        let merged = match self.chart.values_merge.as_str() {
            "replace" => return inline.to_value(),
            "merge" => merge::merge_values(inline, &from_file()?, schema)?,
            _ => merge::merge_values(from_file()?, &inline, schema)?,
        };
        merged.unwrap_or_else(Node::null).to_value()
    }
}
