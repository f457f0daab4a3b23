//! Charts of kustomizations, rendered by our own chart engine.

use bytes::Bytes;
use kluctl_helm::{
    Capabilities, Chart, KubeVersion, PrintOptions, RenderOptions, name_from_template, pick_version, print,
    render_chart, values,
};
use kluctl_kustomize::{Error, Helm, HelmChart, HelmRequest};
use kluctl_project::outside::{ChartRequest, Files};
use serde_json::Map;

use crate::lazy_sources::LazySources;

/// Renders charts as `helm template` does. Charts that are not there are fetched through the sources; they are not put into
/// the kustomization's folder, as kustomize does.
pub(crate) struct Charts<'s> {
    pub(crate) sources: &'s LazySources,
    /// What `--helm-kube-version` says; the kustomization's own wins.
    pub(crate) kube_version: String,
    /// What `--helm-api-versions` says; the kustomization's own win.
    pub(crate) api_versions: Vec<String>,
}

fn failed(error: &kluctl_helm::Error) -> Error {
    let mut text = error.message().to_owned();
    for excerpt in error.excerpts() {
        text.push_str(&format!("\n\n{excerpt}"));
    }
    Error::new(text)
}

impl Charts<'_> {
    fn release_name(chart: &HelmChart) -> Result<String, Error> {
        match (chart.release_name.as_str(), chart.name_template.as_str()) {
            ("", "") => Ok("release-name".to_owned()),
            ("", template) => name_from_template(template).map_err(|error| failed(&error)),
            (name, "") => Ok(name.to_owned()),
            _ => Err(Error::new("cannot set --name-template and also specify a name")),
        }
    }

    fn capabilities(&self, chart: &HelmChart) -> Result<Capabilities, Error> {
        let mut capabilities = Capabilities::default();
        let version = if chart.kube_version.is_empty() {
            &self.kube_version
        } else {
            &chart.kube_version
        };
        if !version.is_empty() {
            capabilities.kube_version = KubeVersion::parse(version).map_err(|error| failed(&error))?;
        }
        let api_versions = if chart.api_versions.is_empty() {
            &self.api_versions
        } else {
            &chart.api_versions
        };
        capabilities.api_versions.extend(api_versions.iter().cloned());
        Ok(capabilities)
    }

    fn archive(&self, chart: &HelmChart) -> Result<Files, String> {
        let remote = self.sources.remote().map_err(|error| error.message)?;
        let (repo, name) = if chart.repo.starts_with("oci://") {
            let address = format!("{}/{}", chart.repo.trim_end_matches('/'), chart.name);
            (address, String::new())
        } else {
            (chart.repo.clone(), chart.name.clone())
        };
        let is_exact = chart.version.split('.').count() >= 3
            && chart
                .version
                .trim_start_matches('v')
                .starts_with(|first: char| first.is_ascii_digit())
            && !chart.version.contains(['*', ' ', ',', '|']);
        let version = if is_exact {
            chart.version.clone()
        } else {
            let known = remote
                .chart_versions(&repo, &name)
                .map_err(|error| error.to_string())?;
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let wanted = match (chart.version.as_str(), chart.devel) {
                ("", true) => ">0.0.0-0",
                (version, _) => version,
            };
            pick_version(&known, wanted)
                .map(|picked| known[picked].to_owned())
                .ok_or_else(|| format!("no version of it fits {wanted:?}"))?
        };
        let request = ChartRequest {
            repo: &repo,
            name: &name,
            version: &version,
        };
        let archive = remote
            .chart_archive(&request, false)
            .map_err(|error| error.to_string())?;
        kluctl_commands::sources::chart_files(&format!("chart {repo} {version}"), &archive)
            .map_err(|error| error.to_string())
    }
}

impl Helm for Charts<'_> {
    fn fetch(&self, chart: &HelmChart) -> Result<Files, Error> {
        self.archive(chart).map_err(|reason| {
            Error::new(format!(
                "chart {:?} cannot be fetched from {}: {reason}",
                chart.name, chart.repo
            ))
        })
    }

    fn render(&self, request: &HelmRequest) -> Result<Bytes, Error> {
        let asked = &request.chart;
        let failed = |error: kluctl_helm::Error| failed(&error);
        let mut all = Map::new();
        for (name, content) in &request.values {
            let broken =
                |error: &dyn std::fmt::Display| Error::new(format!("failed to parse {name}: {error}"));
            let text = kluctl_yaml::text_of(content).map_err(|error| broken(&error.go_text()))?;
            let read = values::from_yaml(&text).map_err(|error| broken(&error))?;
            values::merge(&mut all, read);
        }
        let chart = Chart::from_files(&request.files).map_err(failed)?;
        chart.check_installable().map_err(failed)?;
        chart.check_dependencies().map_err(failed)?;
        let namespace = if asked.namespace.is_empty() {
            "default"
        } else {
            &asked.namespace
        };
        let options = RenderOptions {
            release_name: Self::release_name(asked)?,
            namespace: namespace.to_owned(),
            capabilities: self.capabilities(asked)?,
            ..RenderOptions::default()
        };
        let release = render_chart(&chart, &all, &options).map_err(failed)?;
        let printed = print(
            &release,
            &PrintOptions {
                include_crds: asked.include_crds,
                no_hooks: asked.skip_hooks,
                skip_tests: asked.skip_tests,
                ..PrintOptions::default()
            },
        );
        Ok(Bytes::from(printed.map_err(failed)?.text))
    }
}
