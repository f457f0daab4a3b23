//! What tracing needs of charts and kustomizations: the same results once more, with more to see in them.

use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_helm::{Chart, Release, RenderOptions, render_chart};
use kluctl_object::Object;
use serde_json::{Value, json};

use super::helm::{self, Charts};
use super::kustomization::{self, ItemFiles};
use crate::load::LoadedItem;
use crate::outside::Files;
use crate::problem::Problem;
use crate::trace::mark_chart_template;
use crate::tree::{join, normalize};
use crate::vars::VarsLoader;

/// Builds an item's kustomization with the origin of each object, and who changed it, in its annotations.
pub(crate) fn kustomize_with_origins(
    item: &LoadedItem,
    seen: &ItemFiles<'_>,
    loader: &VarsLoader,
) -> Result<Vec<Object>, Problem> {
    let mut files = seen.own.1.clone();
    if let Some((path, mut value)) = kustomization::read(item, &files, "".into())? {
        if let Value::Object(map) = &mut value {
            map.insert(
                "buildMetadata".to_owned(),
                json!(["originAnnotations", "transformerAnnotations"]),
            );
        }
        files.insert(path, Bytes::from(kluctl_yaml::to_string(&value)));
    }
    let seen = ItemFiles {
        own: (seen.own.0, &files),
        all: seen.all,
    };
    kustomization::build(item, &seen, loader)
}

/// A chart whose output is a file of an item.
pub(crate) struct ChartSource {
    /// The chart's name.
    pub(crate) name: String,
    /// The `helm-chart.yaml`.
    pub(crate) description: String,
    /// The item's values: their file in the tree, and its text after templates.
    pub(crate) values: Option<(Utf8PathBuf, String)>,
    /// The chart's `values.yaml`.
    pub(crate) defaults: Option<String>,
    chart: Arc<Chart>,
    release: Release,
    /// The same with marks in its lines; `None` where they break it.
    marked: Option<Release>,
}

/// The chart that wrote a file of an item.
pub(crate) fn chart_behind(
    loader: &VarsLoader,
    charts: &Charts,
    item: &LoadedItem,
    files: &Files,
    output: &Utf8Path,
) -> Option<ChartSource> {
    let descriptions = files.keys().filter(|path| helm::is_chart_file(path));
    let (path, description) = descriptions
        .filter_map(|path| Some((path, helm::read_chart_file(item, files, path).ok()?)))
        .find(|(path, chart)| {
            let folder = path.parent().unwrap_or(Utf8Path::new(""));
            normalize(&join(folder, chart.output())) == output
        })?;
    let folder = path.parent().unwrap_or(Utf8Path::new(""));
    let chart = helm::load_chart(loader, charts, item, folder, &description).ok()?;
    let given = helm::read_values(loader, item, files, folder).ok()?;
    let options = RenderOptions {
        release_name: description.release_name.clone(),
        namespace: description
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
        ..charts.options.clone()
    };
    let release = render_chart(&chart, &given, &options).ok()?;
    let mut with_marks = Chart::clone(&chart);
    mark(&mut with_marks);
    let marked = render_chart(&with_marks, &given, &options).ok();
    let dir = item.dir.clone().unwrap_or_default();
    let values = ["helm-values.yml", "helm-values.yaml"]
        .into_iter()
        .map(|name| join(folder, name))
        .find_map(|path| {
            Some((
                path.clone(),
                String::from_utf8_lossy(files.get(&path)?).into_owned(),
            ))
        })
        .map(|(path, text)| (normalize(&dir.join(path)), text));
    let defaults = helm::chart_dir(item, folder, &description)
        .and_then(|dir| item.tree.read(&dir.join("values.yaml")).ok().flatten())
        .map(|content| String::from_utf8_lossy(&content).into_owned());
    Some(ChartSource {
        name: chart.name().to_owned(),
        description: helm::shown(item, path).into_string(),
        values,
        defaults,
        chart,
        release,
        marked,
    })
}

/// Marks the templates of manifests; helpers end up inside of values and stay as they are.
fn mark(chart: &mut Chart) {
    for template in &mut chart.templates {
        let name = Utf8Path::new(&template.name);
        let is_manifest = matches!(name.extension(), Some("yaml" | "yml"));
        if !is_manifest || name.file_name().is_some_and(|name| name.starts_with('_')) {
            continue;
        }
        let Ok(data) = template.data.bytes() else {
            continue;
        };
        if let Ok(text) = std::str::from_utf8(data) {
            template.data = Bytes::from(mark_chart_template(text)).into();
        }
    }
    chart.dependencies.iter_mut().for_each(mark);
}

/// A manifest's template, kind, name and text.
type Part<'r> = (&'r str, &'r str, &'r str, &'r str);

fn parts(release: &Release) -> Vec<Part<'_>> {
    let hooks = release.hooks.iter().map(|hook| &hook.manifest);
    let manifests = release.manifests.iter().chain(hooks);
    manifests
        .map(|manifest| {
            (
                manifest.path.as_str(),
                manifest.kind.as_str(),
                manifest.name.as_str(),
                manifest.content.as_str(),
            )
        })
        .collect()
}

impl ChartSource {
    /// The template that printed an object, and the object's text with marks.
    pub(crate) fn manifest(&self, object: &Object) -> Option<(String, Option<String>)> {
        let all = parts(&self.release);
        let fits = |part: &&Part<'_>| part.1 == object.kind() && part.2 == object.name();
        let similar = |part: &&Part<'_>| {
            part.1 == object.kind() && !part.2.is_empty() && object.name().contains(part.2)
        };
        let found = all.iter().find(fits).or_else(|| all.iter().find(similar))?;
        let marked = self.marked.as_ref().and_then(|release| {
            let same = |part: &Part<'_>| (part.0, part.1, part.2) == (found.0, found.1, found.2);
            parts(release)
                .into_iter()
                .find(same)
                .map(|part| part.3.to_owned())
        });
        Some((found.0.to_owned(), marked))
    }

    /// The text of a template by its full path.
    pub(crate) fn template(&self, path: &str) -> Option<String> {
        let (chart, inside) = self.owner(path)?;
        let file = chart.templates.iter().find(|file| file.name == inside)?;
        Some(String::from_utf8_lossy(file.data.bytes().ok()?).into_owned())
    }

    /// The chart that a template's full path lies in, and the path inside of it.
    fn owner<'s>(&'s self, path: &'s str) -> Option<(&'s Chart, &'s str)> {
        let mut chart: &Chart = &self.chart;
        let mut rest = path.strip_prefix(chart.name())?.strip_prefix('/')?;
        while let Some(below) = rest.strip_prefix("charts/") {
            let (name, inside) = below.split_once('/')?;
            chart = chart.dependencies.iter().find(|chart| chart.name() == name)?;
            rest = inside;
        }
        Some((chart, rest))
    }

    /// The names of the dependencies that a template's path leads through, whose values lie below theirs.
    pub(crate) fn prefix(path: &str) -> Vec<&str> {
        let parts: Vec<&str> = path.split('/').collect();
        parts
            .windows(2)
            .filter(|pair| pair[0] == "charts")
            .map(|pair| pair[1])
            .collect()
    }

    /// The file and the body of a named template.
    pub(crate) fn definition(&self, name: &str) -> Option<(String, String)> {
        let mut charts: Vec<(String, &Chart)> = vec![(self.chart.name().to_owned(), &self.chart)];
        while let Some((path, chart)) = charts.pop() {
            for file in &chart.templates {
                let text = String::from_utf8_lossy(file.data.bytes().ok()?);
                let start = text.find(&format!("define \"{name}\""));
                if let Some(start) = start {
                    let rest = &text[start..];
                    // Up to the next definition: ends of blocks are not told apart here.
                    let end = rest[1..].find("define \"").map_or(rest.len(), |end| end + 1);
                    return Some((format!("{path}/{}", file.name), rest[..end].to_owned()));
                }
            }
            charts.extend(
                chart
                    .dependencies
                    .iter()
                    .map(|below| (format!("{path}/charts/{}", below.name()), below)),
            );
        }
        None
    }
}
