//! `helm-chart.yaml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GitSource, checked};

/// The file: one chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmChartFile {
    /// The chart and its release.
    pub helm_chart: HelmChart,
}

/// Which chart becomes which release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmChart {
    /// URL of a Helm repository, or of the chart in a registry (`oci://…`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// Folder of the chart in a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// Folder of the chart in this project, relative to this file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Name of the chart in a Helm repository.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chart_name: String,
    /// Version of the chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,
    /// Versions that `helm-update` may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_constraints: Option<String>,
    /// Name of the release.
    #[serde(default)]
    pub release_name: String,
    /// Namespace of the release, `default` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// File that the rendered manifests are written to, `helm-rendered.yaml` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Leaves the chart's `crds` folders out.
    #[serde(default, rename = "skipCRDs", skip_serializing_if = "std::ops::Not::not")]
    pub skip_crds: bool,
    /// Keeps `helm-update` away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_update: bool,
    /// Pulls the chart when it is rendered, not with `helm-pull`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_pre_pull: bool,
}

checked!(HelmChart);

impl HelmChart {
    /// Whether the chart is in a registry.
    pub fn is_oci(&self) -> bool {
        self.repo.starts_with("oci://")
    }

    /// Name of the file that the manifests go to.
    pub fn output(&self) -> &str {
        self.output.as_deref().unwrap_or("helm-rendered.yaml")
    }

    /// Name of the chart: as given, or the last part of where it comes from.
    pub fn name(&self) -> &str {
        let last = |text: &'_ str| {
            text.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .len()
        };
        let tail = |text: &'_ str| text.trim_end_matches('/').len() - last(text);
        if !self.chart_name.is_empty() {
            &self.chart_name
        } else if !self.path.is_empty() {
            &self.path.trim_end_matches('/')[tail(&self.path)..]
        } else if let Some(git) = &self.git {
            let text = if git.sub_dir.is_empty() {
                &git.url
            } else {
                &git.sub_dir
            };
            &text.trim_end_matches('/')[tail(text)..]
        } else {
            &self.repo.trim_end_matches('/')[tail(&self.repo)..]
        }
    }

    fn check(&self) -> Result<(), String> {
        let given = usize::from(!self.repo.is_empty())
            + usize::from(!self.path.is_empty())
            + usize::from(self.git.is_some());
        let version = self.chart_version.as_deref().unwrap_or_default();
        let problem = if given == 0 {
            "either repo, path or git must be specified"
        } else if given > 1 {
            "only one of repo, path and git can be specified"
        } else if self.release_name.is_empty() {
            "`releaseName` is required"
        } else if !self.repo.is_empty() && version.is_empty() {
            "chartVersion must be specified when repo is specified"
        } else if self.is_oci() && !self.chart_name.is_empty() {
            "chartName can not be specified when repo is a OCI url"
        } else if !self.repo.is_empty() && !self.is_oci() && self.chart_name.is_empty() {
            "chartName must be specified when repo is normal Helm repo"
        } else if !self.path.is_empty() && !self.chart_name.is_empty() {
            "chartName can not be specified for local Helm charts"
        } else if !self.path.is_empty() && self.chart_version.is_some() {
            "chartVersion can not be specified for local Helm charts"
        } else if !self.path.is_empty() && self.update_constraints.is_some() {
            "updateConstraints can not be specified for local Helm charts"
        } else if self.git.is_some() && !self.chart_name.is_empty() {
            "chartName can not be specified for git Helm charts"
        } else if self.git.is_some() && self.chart_version.is_some() {
            "chartVersion can not be specified for git Helm charts"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }
}
