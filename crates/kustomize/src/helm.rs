//! Charts in kustomizations (`helmCharts`): what is asked for is checked here, rendering is the caller's job.
//!
//! Source: kustomize `api/internal/builtins/HelmChartInflationGenerator.go`.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::error::{Error, Result, fail};
use crate::files::join;
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::loader::Loader;
use crate::merge;
use crate::node::Node;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;

/// What has to be rendered.
#[derive(Debug, Clone, Default)]
pub struct HelmRequest {
    /// The chart as the kustomization describes it.
    pub chart: HelmChart,
    /// The chart's files by their path in its folder.
    pub files: BTreeMap<Utf8PathBuf, Bytes>,
    /// Files of values with their names, each one over those before it.
    pub values: Vec<(String, Bytes)>,
}

/// Renders charts.
pub trait Helm {
    /// The manifests of a chart, as `helm template` prints them.
    fn render(&self, request: &HelmRequest) -> Result<Bytes, Error>;

    /// The files of a chart that is not among those of the build, from its repository.
    fn fetch(&self, chart: &HelmChart) -> Result<BTreeMap<Utf8PathBuf, Bytes>, Error>;
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
    pub(crate) fn objects(
        &self,
        loader: &Loader<'_>,
        helm: &dyn Helm,
        schema: &Schema,
    ) -> Result<Vec<Resource>> {
        let chart = &self.chart;
        let folder = self.chart_home(loader).join(&chart.name);
        let own_values = folder.join("values.yaml");
        let local = loader.folder(&folder)?;
        let is_local = local.is_some();
        let files = match local {
            Some(files) => files,
            None if chart.repo.is_empty() => {
                let found = if loader.exists(&folder) {
                    folder.as_str()
                } else {
                    ""
                };
                return Err(fail!("no repo specified for pull, no chart found at '{found}'"));
            }
            None => helm.fetch(chart)?,
        };
        let (name, content) = if !chart.values_file.is_empty() {
            (chart.values_file.clone(), loader.load(&chart.values_file)?)
        } else if is_local {
            (own_values.to_string(), loader.load(own_values.as_str())?)
        } else {
            let content = files.get(Utf8Path::new("values.yaml")).cloned();
            let missing = || fail!("chart '{}' of {} has no values.yaml", chart.name, chart.repo);
            ("values.yaml".to_owned(), content.ok_or_else(missing)?)
        };
        let mut values = vec![(name, self.values(content, schema)?)];
        for path in &chart.additional_values_files {
            values.push((path.clone(), loader.load(path)?));
        }
        if is_local && !files.contains_key(Utf8Path::new("Chart.yaml")) {
            let path = folder.join("Chart.yaml");
            return Err(fail!(
                "unable to detect chart at {path}: open {path}: no such file or directory"
            ));
        }
        let request = HelmRequest {
            chart: chart.clone(),
            files,
            values,
        };
        let shown = if is_local { folder.as_str() } else { &chart.repo };
        let manifests = helm
            .render(&request)
            .map_err(|error| fail!("{error}\n(rendering chart '{}' of '{shown}')", chart.name))?;
        let nodes = crate::document::objects(&manifests);
        let resources = nodes.map(|nodes| nodes.into_iter().map(Resource::new).collect());
        resources
            .and_then(|resources| ResMap::from_resources(resources, schema))
            .map(ResMap::into_resources)
            .map_err(|error| {
                let step = "could not parse rnode slice into resource map";
                fail!("{step}: {error}\n(rendering chart '{}' of '{shown}')", chart.name)
            })
    }

    /// The first file of values: the chart's or the kustomization's own, or what comes of it and the inline values.
    fn values(&self, file: Bytes, schema: &Schema) -> Result<Bytes> {
        let inline = match &self.chart.values_inline {
            Some(inline) if inline.as_object().is_some_and(|map| !map.is_empty()) => inline,
            _ => return Ok(file),
        };
        let printed = |value: &Value| Bytes::from(kluctl_yaml::to_string(value));
        if self.chart.values_merge == "replace" {
            return Ok(printed(inline));
        }
        let text = crate::document::text_of(&file)?;
        let from_file = crate::document::parse_first(&text)
            .and_then(|node| node.ok_or_else(|| fail!("EOF")))
            .map_err(|error| error.within("could not parse values file into rnode"))?;
        let inline = Node::from_json(inline);
        let merged = match self.chart.values_merge.as_str() {
            "merge" => merge::merge_values(inline, &from_file, schema),
            _ => merge::merge_values(from_file, &inline, schema),
        };
        let merged = merged.map_err(|error| error.within("could not merge values"))?;
        Ok(printed(&merged.unwrap_or_else(Node::null).to_value()?))
    }
}
