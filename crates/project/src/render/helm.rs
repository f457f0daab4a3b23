//! Second step: charts become files with manifests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_helm::{Capabilities, Chart, KubeVersion, Lookup, RenderOptions, SchemaSource, render_chart};
use serde_json::{Map, Value};

use crate::config::{HelmChart, HelmChartFile};
use crate::load::LoadedItem;
use crate::outside::{ChartRequest, ClusterReader, Files, HttpRequest, KindQuery, Sources};
use crate::problem::{Problem, Problems};
use crate::tree::{SourceTree, join, normalize};
use crate::vars::VarsLoader;

/// Tells where Helm would have installed an object; see [`super::objects`].
pub(super) const NAMESPACE_ANNOTATION: &str = "kluctl.io/helm-install-namespace";

/// What all charts of a run share.
pub(crate) struct Charts {
    pub(super) options: RenderOptions,
    loaded: Mutex<BTreeMap<String, Arc<Chart>>>,
}

/// Helm's template function `lookup`.
struct ClusterLookup(Arc<dyn ClusterReader>);

impl Lookup for ClusterLookup {
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String> {
        let gvk =
            kluctl_object::Gvk::from_api_version(api_version, kind).map_err(|error| error.to_string())?;
        let query = KindQuery {
            group: Some(gvk.group),
            version: Some(gvk.version),
            kind: gvk.kind,
        };
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        if name.is_empty() {
            let items = self
                .0
                .list(&query, namespace, &BTreeMap::new())
                .map_err(|error| error.to_string())?;
            let items: Vec<Value> = items.into_iter().map(Value::from).collect();
            return Ok(Some(serde_json::json!({
                "apiVersion": api_version,
                "kind": format!("{kind}List"),
                "metadata": {},
                "items": items,
            })));
        }
        let found = self
            .0
            .get(&query, namespace, name)
            .map_err(|error| error.to_string())?;
        Ok(found.map(Value::from))
    }
}

/// The documents that charts' schemas refer to, each asked for once.
struct WebSchemas {
    sources: Arc<dyn Sources>,
    known: Mutex<BTreeMap<String, Result<Vec<u8>, String>>>,
}

impl SchemaSource for WebSchemas {
    fn load(&self, url: &str) -> Result<Vec<u8>, String> {
        let ask = || {
            let request = HttpRequest {
                url,
                method: "GET",
                body: "",
                headers: &BTreeMap::new(),
            };
            match self.sources.http(&request) {
                Ok(response) => Ok(response.body.into_bytes()),
                Err(error) => Err(error.to_string()),
            }
        };
        match self.known.lock() {
            Ok(mut known) => known.entry(url.to_owned()).or_insert_with(ask).clone(),
            Err(_) => ask(),
        }
    }
}

impl Charts {
    /// Asks the cluster what it can do, or takes the version that was given.
    pub(super) fn new(
        sources: &Arc<dyn Sources>,
        cluster: Option<&Arc<dyn ClusterReader>>,
        kubernetes_version: Option<&str>,
    ) -> Result<Self, Problem> {
        let mut capabilities = Capabilities::default();
        if let Some(cluster) = cluster {
            capabilities.kube_version = parse_version(&cluster.kube_version()?)?;
            capabilities.api_versions = cluster.api_versions()?;
        }
        if let Some(version) = kubernetes_version.filter(|version| !version.is_empty()) {
            capabilities.kube_version = parse_version(version)?;
        }
        let lookup = cluster.map(|cluster| Arc::new(ClusterLookup(cluster.clone())) as Arc<dyn Lookup>);
        Ok(Self {
            options: RenderOptions {
                capabilities,
                lookup,
                schemas: Some(Arc::new(WebSchemas {
                    sources: sources.clone(),
                    known: Mutex::default(),
                })),
                ..RenderOptions::default()
            },
            loaded: Mutex::default(),
        })
    }

    fn remembered(
        &self,
        key: String,
        load: impl FnOnce() -> Result<Chart, Problem>,
    ) -> Result<Arc<Chart>, Problem> {
        let known = self
            .loaded
            .lock()
            .ok()
            .and_then(|charts| charts.get(&key).cloned());
        if let Some(chart) = known {
            return Ok(chart);
        }
        let chart = Arc::new(load()?);
        match self.loaded.lock() {
            Ok(mut charts) => Ok(charts.entry(key).or_insert(chart).clone()),
            Err(_) => Ok(chart),
        }
    }
}

fn parse_version(version: &str) -> Result<KubeVersion, Problem> {
    KubeVersion::parse(version).map_err(|error| Problem::new(error.message()))
}

/// Whether a file describes a chart.
pub(super) fn is_chart_file(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
    matches!(name.as_str(), "helm-chart.yml" | "helm-chart.yaml")
}

/// Whether a file holds a chart's values.
pub(super) fn is_values_file(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
    matches!(name.as_str(), "helm-values.yml" | "helm-values.yaml")
}

/// Reads a chart's description out of rendered files.
pub(super) fn read_chart_file(
    item: &LoadedItem,
    files: &Files,
    path: &Utf8Path,
) -> Result<HelmChart, Problem> {
    let shown = shown(item, path);
    let text = text(files, path, &shown)?;
    let file: HelmChartFile = kluctl_yaml::decode(shown.as_str(), &text)
        .map_err(|error| Problem::yaml(shown.as_str(), &error, &text))?;
    Ok(file.helm_chart)
}

fn text(files: &Files, path: &Utf8Path, shown: &Utf8Path) -> Result<String, Problem> {
    let content = files.get(path).map(Bytes::as_ref).unwrap_or_default();
    let text = kluctl_yaml::text_of(content).map_err(|error| Problem::in_file(shown, error.to_string()))?;
    Ok(text.into_owned())
}

/// Where a file of an item stands in the project.
pub(super) fn shown(item: &LoadedItem, path: &Utf8Path) -> Utf8PathBuf {
    item.tree.shown(&item.dir.clone().unwrap_or_default().join(path))
}

/// Renders every chart of an item into its output file. Gives the last chart's description, for the stored result.
pub(super) fn render_charts(
    loader: &VarsLoader,
    charts: &Charts,
    item: &LoadedItem,
    files: &mut Files,
) -> Result<Option<HelmChart>, Problems> {
    let descriptions: Vec<Utf8PathBuf> = files.keys().filter(|path| is_chart_file(path)).cloned().collect();
    let mut last = None;
    for path in descriptions {
        let chart = read_chart_file(item, files, &path)?;
        let folder = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
        check_listed(item, files, &folder, &chart)?;
        let output = normalize(&join(&folder, chart.output()));
        let manifests = render_one(loader, charts, item, files, &folder, &chart).map_err(|problem| {
            problem
                .context(format!(
                    "rendering helm chart {} for release {} has failed",
                    chart.name(),
                    chart.release_name
                ))
                .from_file(shown(item, &path).as_str())
        })?;
        files.insert(output, Bytes::from(manifests));
        last = Some(chart);
    }
    Ok(last)
}

/// A kustomization beside a chart must list its output.
fn check_listed(
    item: &LoadedItem,
    files: &Files,
    folder: &Utf8Path,
    chart: &HelmChart,
) -> Result<(), Problem> {
    let Some((path, value)) = super::kustomization::read(item, files, folder)? else {
        return Ok(());
    };
    let resources = value.get("resources").and_then(Value::as_array);
    let listed = resources
        .into_iter()
        .flatten()
        .any(|resource| resource.as_str() == Some(chart.output()));
    if listed {
        return Ok(());
    }
    let dir = item.rendered_dir().unwrap_or_default();
    Err(Problem::in_file(
        shown(item, &path),
        format!(
            "{}/kustomization.yaml does not include the rendered helm chart: {}",
            crate::tree::named(&dir),
            chart.output()
        ),
    )
    .hint(format!("add `{}` to its `resources`", chart.output())))
}

fn render_one(
    loader: &VarsLoader,
    charts: &Charts,
    item: &LoadedItem,
    files: &Files,
    folder: &Utf8Path,
    description: &HelmChart,
) -> Result<String, Problem> {
    let chart = load_chart(loader, charts, item, folder, description)?;
    let failed = |error: &kluctl_helm::Error| {
        let mut problem = Problem::new(error.message());
        problem.places = error
            .excerpts()
            .iter()
            .rev()
            .map(|excerpt| crate::problem::Place {
                file: excerpt.file.clone(),
                line: excerpt.line as u32,
                column: excerpt.column.unwrap_or_default() as u32,
                source_line: None,
            })
            .collect();
        problem
    };
    chart.check_installable().map_err(|error| failed(&error))?;
    chart.check_dependencies().map_err(|error| failed(&error))?;
    if chart.metadata.deprecated {
        loader.warn(format!("Chart {} is deprecated", description.name()));
    }
    let values = read_values(loader, item, files, folder)?;
    let options = RenderOptions {
        release_name: description.release_name.clone(),
        namespace: description
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
        ..charts.options.clone()
    };
    let release = render_chart(&chart, &values, &options).map_err(|error| failed(&error))?;
    // Helm gives manifests as one text, each with a line break after it, and hooks one by one.
    let mut manifests = String::new();
    let mut append = |path: &str, content: &str| {
        for part in ["---\n# Source: ", path, "\n", content, "\n"] {
            manifests.push_str(part);
        }
    };
    if !description.skip_crds {
        for crd in &release.crds {
            append(&crd.path, &crd.text().map_err(|error| failed(&error))?);
        }
    }
    let plain = release.manifests.iter();
    plain.for_each(|manifest| append(&manifest.path, &manifest.content));
    let hooks = release.hooks.iter().map(|hook| hook.manifest.content.as_str());
    let texts = std::iter::once(manifests.as_str()).chain(hooks.filter(|text| !is_test(text)));
    let mut documents = Vec::new();
    for text in texts {
        let parsed = kluctl_yaml::documents_lenient(text)
            .map_err(|error| Problem::yaml(&format!("output of chart {}", chart.name()), &error, text))?;
        for mut document in parsed {
            let Value::Object(object) = &mut document else {
                return Err(Problem::new("yaml object is not a map"));
            };
            if let Some(namespace) = &description.namespace {
                let namespace = Value::String(namespace.clone());
                crate::merge::set(
                    object,
                    &["metadata", "annotations", NAMESPACE_ANNOTATION],
                    namespace,
                );
            }
            documents.push(document);
        }
    }
    Ok(kluctl_yaml::to_string_documents(&documents))
}

/// Whether a hook is a test; others such as `test-success` stay.
fn is_test(text: &str) -> bool {
    let document = kluctl_yaml::from_str_lenient(text).unwrap_or_default();
    let hook = document
        .pointer("/metadata/annotations/helm.sh~1hook")
        .and_then(Value::as_str);
    hook.is_some_and(|events| events.split(',').any(|event| event.trim() == "test"))
}

pub(super) fn read_values(
    loader: &VarsLoader,
    item: &LoadedItem,
    files: &Files,
    folder: &Utf8Path,
) -> Result<Map<String, Value>, Problem> {
    let found = ["helm-values.yml", "helm-values.yaml"]
        .into_iter()
        .map(|name| join(folder, name))
        .find(|path| files.contains_key(path));
    let Some(path) = found else {
        return Ok(Map::new());
    };
    let shown = shown(item, &path);
    let content = files.get(&path).map(Bytes::as_ref).unwrap_or_default();
    let decrypted = loader.decrypter.decrypt(&shown, content)?;
    let plain = decrypted.as_ref().map(|plain| plain.content.as_slice());
    let text = kluctl_yaml::text_of(plain.unwrap_or(content))
        .map_err(|error| Problem::in_file(&shown, error.to_string()))?;
    // Lines of a decrypted file are not shown.
    let excerpt = if decrypted.is_some() { "" } else { &*text };
    let value =
        kluctl_yaml::from_str(&text).map_err(|error| Problem::yaml(shown.as_str(), &error, excerpt))?;
    if let Some(plain) = &decrypted
        && let Ok(mut sensitive) = loader.sensitive.lock()
    {
        sensitive.add_texts(&plain.secrets);
    }
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        other => Err(Problem::in_file(
            shown,
            format!(
                "expected a map of values, found {}",
                kluctl_object::type_name(&other)
            ),
        )),
    }
}

pub(super) fn load_chart(
    loader: &VarsLoader,
    charts: &Charts,
    item: &LoadedItem,
    folder: &Utf8Path,
    description: &HelmChart,
) -> Result<Arc<Chart>, Problem> {
    let tree = &item.tree;
    if !description.path.is_empty() {
        if Utf8Path::new(&description.path).is_absolute() {
            return Err(Problem::new("absolute path is not allowed in helm-chart.yaml"));
        }
        let from = item.dir.clone().unwrap_or_default().join(folder);
        let dir = local_dir(&from, &description.path)?;
        if !tree.is_folder(&dir) {
            return Err(Problem::new(format!(
                "local chart not found at {}",
                tree.shown(&dir)
            )));
        }
        return charts.remembered(tree.shown(&dir).into_string(), || {
            chart_from(&read_folder(tree, &dir)?)
        });
    }
    if description.skip_pre_pull {
        return pull(loader, charts, description);
    }
    let dir = charts_dir(item).and_then(|base| Ok((pulled_dir(description)?, base)));
    let (below, base) = dir?;
    let Some(base) = base else {
        return Err(not_pulled(description));
    };
    let dir = base.join(below);
    if !tree.is_folder(&dir) || tree.yaml_file(&dir, "Chart").is_none() {
        return Err(not_pulled(description));
    }
    let chart = charts.remembered(tree.shown(&dir).into_string(), || {
        chart_from(&read_folder(tree, &dir)?)
    })?;
    let wanted = description.chart_version.as_deref().unwrap_or_default();
    if description.git.is_none() && chart.metadata.version != wanted {
        return Err(Problem::new(format!(
            "pre-pulled Helm Chart {} need to be pulled (call 'kluctl helm-pull'). Desired version is {wanted} while \
             pre-pulled version is {}",
            description.name(),
            chart.metadata.version
        )));
    }
    Ok(chart)
}

/// The folder in the tree that a chart is loaded from, where it is in there.
pub(super) fn chart_dir(
    item: &LoadedItem,
    folder: &Utf8Path,
    description: &HelmChart,
) -> Option<Utf8PathBuf> {
    if !description.path.is_empty() {
        let from = item.dir.clone().unwrap_or_default().join(folder);
        return local_dir(&from, &description.path).ok();
    }
    let base = charts_dir(item).ok()??;
    Some(base.join(pulled_dir(description).ok()?))
}

/// A path relative to a folder; leaving the root is refused.
fn local_dir(from: &Utf8Path, path: &str) -> Result<Utf8PathBuf, Problem> {
    let mut depth = normalize(from).components().count();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => {
                return Err(Problem::new(format!(
                    "the path {path} of a local chart leads out of the project"
                )));
            }
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(normalize(&from.join(path)))
}

fn not_pulled(description: &HelmChart) -> Problem {
    Problem::new(format!(
        "Helm Chart {} has not been pre-pulled, which is not allowed when skipPrePull is not enabled. Run 'kluctl \
         helm-pull' to pre-pull all Helm Charts",
        description.name()
    ))
}

fn pull(loader: &VarsLoader, charts: &Charts, description: &HelmChart) -> Result<Arc<Chart>, Problem> {
    let version = description.chart_version.as_deref().unwrap_or_default();
    let key = match &description.git {
        Some(git) => format!("git {} {:?} {}", git.url, git.reference, git.sub_dir),
        None => format!("{} {} {version}", description.repo, description.chart_name),
    };
    charts.remembered(key, || {
        let files = match &description.git {
            Some(git) => loader.sources.git_chart(git)?,
            None => loader.sources.helm_chart(&ChartRequest {
                repo: &description.repo,
                name: &description.chart_name,
                version,
            })?,
        };
        chart_from(&files)
    })
}

fn chart_from(files: &Files) -> Result<Chart, Problem> {
    Chart::from_files(files).map_err(|error| Problem::new(error.message()))
}

fn read_folder(tree: &SourceTree, dir: &Utf8Path) -> Result<Files, Problem> {
    let failed = |error: std::io::Error| Problem::in_file(tree.shown(dir), error.to_string());
    let mut files = Files::new();
    for path in tree
        .walk(dir, &|path, _| path.file_name() == Some(".git"))
        .map_err(failed)?
    {
        if let (Ok(inside), Some(content)) = (path.strip_prefix(dir), tree.read(&path).map_err(failed)?) {
            files.insert(inside.to_owned(), content);
        }
    }
    Ok(files)
}

/// The nearest `.helm-charts` from the item's folder upwards.
fn charts_dir(item: &LoadedItem) -> Result<Option<Utf8PathBuf>, Problem> {
    let dir = item.dir.clone().unwrap_or_default();
    Ok(dir
        .ancestors()
        .map(|folder| join(folder, ".helm-charts"))
        .find(|folder| item.tree.is_folder(folder)))
}

/// Where below `.helm-charts` a chart is.
pub fn pulled_dir(description: &HelmChart) -> Result<Utf8PathBuf, Problem> {
    if let Some(git) = &description.git {
        let address = Address::parse(&git.url)?;
        let port = address.port.map(|port| format!("_{port}")).unwrap_or_default();
        let reference = git
            .reference
            .as_ref()
            .map(ToString::to_string)
            .filter(|text| !text.is_empty());
        let mut dir = Utf8PathBuf::from(format!("git_{}{port}_{}", address.scheme, address.host));
        let path = address.path.trim_end_matches('/');
        dir.push(path.strip_suffix(".git").unwrap_or(path).trim_start_matches('/'));
        dir.push(git.sub_dir.trim_matches('/').to_lowercase());
        dir.push(reference.as_deref().unwrap_or("HEAD"));
        return Ok(normalize(&dir));
    }
    let address = Address::parse(&description.repo)?;
    if !matches!(address.scheme.as_str(), "oci" | "http" | "https") {
        return Err(Problem::new(format!(
            "unsupported scheme in {}",
            description.repo
        )));
    }
    let port = address.port.map(|port| format!("_{port}")).unwrap_or_default();
    let mut dir = Utf8PathBuf::from(format!("{}{port}_{}", address.scheme, address.host));
    dir.push(address.path.trim_matches('/'));
    if address.scheme != "oci" {
        dir.push(&description.chart_name);
    }
    dir.push(description.chart_version.as_deref().unwrap_or_default());
    Ok(normalize(&dir))
}

/// The parts of a URL that name folders, in lower case.
struct Address {
    scheme: String,
    host: String,
    port: Option<String>,
    path: String,
}

impl Address {
    fn parse(url: &str) -> Result<Self, Problem> {
        let lower = url.to_lowercase();
        let (scheme, rest) = match lower.split_once("://") {
            Some((scheme, rest)) => (scheme.to_owned(), rest.to_owned()),
            // The form `git@host:path`.
            None => match lower.split_once(':') {
                Some((host, path)) => ("ssh".to_owned(), format!("{host}/{path}")),
                None => return Err(Problem::new(format!("`{url}` is not a URL"))),
            },
        };
        let (authority, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let default = match scheme.as_str() {
            "http" => "80",
            "https" => "443",
            "ssh" => "22",
            _ => "",
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.filter(|port| *port != default).map(str::to_owned),
            path: path.to_owned(),
            scheme,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulled_charts_have_their_folder() {
        for (text, expected) in [
            (
                "{repo: https://Traefik.github.io/charts, chartName: traefik, chartVersion: '28.3.0', releaseName: x}",
                "https_traefik.github.io/charts/traefik/28.3.0",
            ),
            (
                "{repo: 'http://h:8080/', chartName: c, chartVersion: '1', releaseName: x}",
                "http_8080_h/c/1",
            ),
            (
                "{repo: 'https://h:443/a', chartName: c, chartVersion: '1', releaseName: x}",
                "https_h/a/c/1",
            ),
            (
                "{repo: 'oci://ghcr.io/x/Y', chartVersion: '1.2', releaseName: x}",
                "oci_ghcr.io/x/y/1.2",
            ),
            (
                "{git: {url: 'https://github.com/a/b.git', ref: {tag: v1}, subDir: charts/c}, releaseName: x}",
                "git_https_github.com/a/b/charts/c/refs/tags/v1",
            ),
            (
                "{git: 'git@github.com:a/b.git', releaseName: x}",
                "git_ssh_github.com/a/b/HEAD",
            ),
        ] {
            let file: HelmChartFile = kluctl_yaml::decode("f", &format!("helmChart: {text}")).unwrap();
            assert_eq!(pulled_dir(&file.helm_chart).unwrap(), expected);
        }
    }

    #[test]
    fn local_charts_stay_inside() {
        assert_eq!(local_dir("a/b".into(), "../../c").unwrap(), "c");
        assert!(local_dir("a/b".into(), "../../../c").is_err());
    }
}
