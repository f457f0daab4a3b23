//! Follows the fields of one object back to where they come from.

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_object::{Key, KeyPath, Object};
use kluctl_yaml::Node;
use serde_json::Value;

use super::document::{self, leaves, line_of};
use super::marks::{Language, line_behind, mark};
use super::variables::{self, Origins};
use super::{FieldTrace, Trace, TraceRequest, TraceStep, asked_path, expressions};
use crate::load::{LoadedItem, LoadedProject};
use crate::outside::Files;
use crate::problem::Problem;
use crate::render::{ChartSource, Charts, ItemFiles, RenderedTree, chart_behind, kustomize_with_origins};
use crate::tree::normalize;
use crate::vars::VarsLoader;

/// An object with all that it was made of.
pub(crate) struct Traced<'t> {
    pub(crate) loader: &'t VarsLoader,
    pub(crate) charts: &'t Charts,
    pub(crate) root: &'t LoadedProject,
    pub(crate) item: &'t LoadedItem,
    /// The item's files after templates and charts, with its kustomization.
    pub(crate) files: &'t Files,
    /// The files of all items of the same source.
    pub(crate) all: &'t RenderedTree<'t>,
    pub(crate) object: &'t Object,
}

/// The file that the object stands in, after templates and charts.
pub(super) struct Source {
    /// As the project names it.
    shown: Utf8PathBuf,
    text: String,
    documents: Vec<Node>,
    /// The template or chart that it was made by.
    pub(super) made_by: MadeBy,
}

pub(super) enum MadeBy {
    /// It is a file of the project as it stands.
    Nobody,
    /// It is a template of the project: its text, and what it renders to with marks.
    Jinja { text: String, marked: Option<String> },
    /// It is a chart's output.
    Chart(Box<ChartSource>),
}

/// Explains all fields that are asked for.
pub(crate) fn explain(traced: &Traced<'_>, request: &TraceRequest) -> Result<Trace, Problem> {
    let value = traced.object.to_value();
    let asked = asked_path(request)?;
    let mut paths = leaves(&value);
    if let Some(asked) = &asked {
        let located = asked.locate(&value);
        if located.is_empty() {
            return Err(Problem::new(format!(
                "{} has no field {}",
                traced.object.reference(),
                request.path.as_deref().unwrap_or_default()
            )));
        }
        paths.retain(|path| located.iter().any(|prefix| path.0.starts_with(&prefix.0)));
    }
    let built = build(traced);
    let (origin, changes) = origin(&built, traced.object);
    let source = origin.as_deref().and_then(|path| read_source(traced, path));
    let origins = Origins::of(traced.loader, traced.root, traced.item);
    let fields = paths.iter().map(|path| FieldTrace {
        path: path.to_string(),
        value: path.get(&value).cloned().unwrap_or_default(),
        steps: steps(traced, path, &value, source.as_ref(), &changes, &origins),
    });
    let dir = traced.item.dir.as_deref().unwrap_or(Utf8Path::new("."));
    let mut trace = Trace {
        object: traced.object.reference().to_string(),
        item: traced.item.tree.shown(dir).into_string(),
        fields: fields.collect(),
    };
    let sensitive = traced.loader.sensitive.lock();
    hide(
        &mut trace,
        traced.object,
        &sensitive.map(|texts| texts.texts.clone()).unwrap_or_default(),
    );
    Ok(trace)
}

const SECRET: &str = "(secret)";

/// Hides what must not be shown: the content of Secrets, and texts from sensitive sources wherever they turn up.
fn hide(trace: &mut Trace, object: &Object, sensitive: &[String]) {
    let is_secret = object.kind() == "Secret" && object.api_version() == "v1";
    for field in &mut trace.fields {
        let mut secret =
            is_secret && (field.path.starts_with("data") || field.path.starts_with("stringData"));
        secret |= field
            .value
            .as_str()
            .is_some_and(|value| sensitive.iter().any(|text| value.contains(text.as_str())));
        for step in &mut field.steps {
            let holds = |shown: &str| sensitive.iter().any(|text| shown.contains(text.as_str()));
            let is_rendered = secret && matches!(step.kind, "file" | "values");
            if step.source.as_deref().is_some_and(holds) || is_rendered {
                step.source = step.source.as_ref().map(|_| SECRET.to_owned());
            }
            if holds(&step.text) {
                SECRET.clone_into(&mut step.text);
            }
        }
        if secret {
            field.value = Value::String(SECRET.to_owned());
        }
    }
}

/// The item's objects with their origins; none where its kustomization cannot be built so.
pub(super) fn build(traced: &Traced<'_>) -> Vec<Object> {
    let dir = traced.item.rendered_dir().unwrap_or_default();
    let seen = ItemFiles {
        own: (&dir, traced.files),
        all: traced.all,
    };
    kustomize_with_origins(traced.item, &seen, traced.loader).unwrap_or_default()
}

/// The file that kustomize read the object from, and who changed it after.
pub(super) fn origin(built: &[Object], wanted: &Object) -> (Option<String>, Vec<String>) {
    let named = |object: &&Object| object.kind() == wanted.kind() && object.name() == wanted.name();
    let same = |object: &&Object| named(object) && object.namespace() == wanted.namespace();
    let Some(object) = built.iter().find(same).or_else(|| built.iter().find(named)) else {
        return (None, Vec::new());
    };
    let annotation = |name: &str| {
        let text = object.annotation(name)?;
        kluctl_yaml::from_str(text).ok()
    };
    let describe = |change: &Value| {
        let text = |key: &str| change.pointer(key).and_then(Value::as_str);
        let kind = text("/configuredBy/kind").unwrap_or("a transformer");
        match text("/configuredIn") {
            Some(file) => format!("{kind} in {file}"),
            None => kind.to_owned(),
        }
    };
    let origin = annotation("config.kubernetes.io/origin");
    let path = origin
        .as_ref()
        .and_then(|origin| origin.get("path")?.as_str().map(str::to_owned));
    let mut changes: Vec<String> = annotation("alpha.config.kubernetes.io/transformations")
        .and_then(|list| Some(list.as_array()?.iter().map(describe).collect()))
        .unwrap_or_default();
    if path.is_none()
        && let Some(origin) = &origin
    {
        changes.push(describe(origin));
    }
    changes.dedup();
    (path, changes)
}

pub(super) fn read_source(traced: &Traced<'_>, path: &str) -> Option<Source> {
    let item = traced.item;
    let dir = item.rendered_dir().unwrap_or_default();
    let place = normalize(&dir.join(path));
    let seen = ItemFiles {
        own: (&dir, traced.files),
        all: traced.all,
    };
    let content = kluctl_kustomize::FileSystem::read(&seen, &place).ok()??;
    let text = kluctl_yaml::text_of(&content).ok()?.into_owned();
    let documents = kluctl_yaml::parse_documents(&text).ok()?;
    let inside = normalize(Utf8Path::new(path));
    let own = item.dir.clone().unwrap_or_default().join(&inside);
    let own = normalize(&own);
    let original = item.tree.read(&own).ok().flatten();
    let made_by = match original {
        Some(original) if original == content => MadeBy::Nobody,
        Some(original) => {
            let text = String::from_utf8_lossy(&original).into_owned();
            let marked = render_marked(traced, &own, &text);
            MadeBy::Jinja { text, marked }
        }
        None => match chart_behind(traced.loader, traced.charts, item, traced.files, &inside) {
            Some(chart) => MadeBy::Chart(Box::new(chart)),
            None => MadeBy::Nobody,
        },
    };
    Some(Source {
        shown: item.tree.shown(&own),
        text,
        documents,
        made_by,
    })
}

/// Renders a file's template with marks; `None` where they break it.
fn render_marked(traced: &Traced<'_>, path: &Utf8Path, text: &str) -> Option<String> {
    let item = traced.item;
    let mut search_dirs = vec![item.tree.shown(item.dir.as_deref()?)];
    search_dirs.extend(item.inherited.search_dirs.iter().cloned());
    let renderer = traced
        .loader
        .templates
        .for_tree(item.vars.context(), &item.tree, &search_dirs);
    let marked = Bytes::from(mark(text, Language::Jinja));
    let rendered = renderer.render_content(&item.tree.shown(path), &marked).ok()?;
    String::from_utf8(rendered.into()).ok()
}

/// What made a field of the object so, the last step first.
pub(super) fn steps(
    traced: &Traced<'_>,
    path: &KeyPath,
    object: &Value,
    source: Option<&Source>,
    changes: &[String],
    origins: &Origins<'_>,
) -> Vec<TraceStep> {
    if let Some(step) = by_kluctl(traced, path, origins) {
        return vec![step];
    }
    let changes = who_may(changes, path);
    let kustomized = |what: &str| {
        let text = if changes.is_empty() {
            "the kustomization".to_owned()
        } else {
            changes.join(", ")
        };
        TraceStep::new("kustomize", format!("{what} by {text}"))
    };
    let Some(source) = source else {
        return vec![kustomized("made")];
    };
    let value = path.get(object).unwrap_or(&Value::Null);
    let document = document::find(&source.documents, traced.object);
    let found = document.and_then(|document| document::field(document, path, object));
    let Some(found) = found else {
        if is(path, &["metadata", "namespace"])
            && let Some(namespace) = &traced.item.inherited.override_namespace
            && value.as_str() == Some(namespace)
        {
            return vec![origins.project_field("overrideNamespace")];
        }
        return vec![kustomized("set")];
    };
    let mut steps = Vec::new();
    if found
        .node
        .as_str()
        .is_some_and(|text| text.contains("XXXXXbegin_get_image_"))
    {
        steps.push(TraceStep::new(
            "image",
            "filled in for images.get_image by the fixed images",
        ));
    } else if found.node.as_str().is_some() && !document::says(found.node, value) {
        steps.push(kustomized("changed"));
    }
    match &source.made_by {
        MadeBy::Nobody => {
            let text = line_of(&source.text, found.line);
            steps.push(TraceStep::new("file", "").at(source.shown.as_str(), Some(found.line), text));
        }
        MadeBy::Jinja { text, marked } => {
            let line = template_line(marked.as_deref(), traced, path, object, text);
            let source_line = line.and_then(|line| line_of(text, line));
            steps.push(TraceStep::new("template", "").at(source.shown.as_str(), line, source_line));
            for name in expressions::names(source_line.unwrap_or_default(), Language::Jinja) {
                steps.extend(origins.variable(&name));
            }
        }
        MadeBy::Chart(chart) => steps.extend(by_chart(traced, chart, path, object, origins)),
    }
    steps
}

/// The line of a template that printed a field: by its mark, or else the first line with its key.
fn template_line(
    marked: Option<&str>,
    traced: &Traced<'_>,
    path: &KeyPath,
    object: &Value,
    text: &str,
) -> Option<u32> {
    let by_mark = || {
        let marked = marked?;
        let documents = kluctl_yaml::parse_documents(marked).ok()?;
        let document = document::find(&documents, traced.object)?;
        let field = document::field(document, path, object)?;
        line_behind(marked, field.line)
    };
    by_mark().or_else(|| by_key(text, path))
}

/// The first line that starts with the field's key.
fn by_key(text: &str, path: &KeyPath) -> Option<u32> {
    let key = path.0.iter().rev().find_map(|key| match key {
        Key::Name(name) => Some(name.as_str()),
        Key::Index(_) => None,
    })?;
    let starts = |line: &str| {
        let line = line.trim_start_matches([' ', '-', '"', '\'']);
        line.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
    };
    text.lines()
        .zip(1..)
        .find(|(line, _)| starts(line))
        .map(|(_, number)| number)
}

fn by_chart(
    traced: &Traced<'_>,
    chart: &ChartSource,
    path: &KeyPath,
    object: &Value,
    origins: &Origins<'_>,
) -> Vec<TraceStep> {
    let line_in = |text: &str| {
        let documents = kluctl_yaml::parse_documents(text).ok()?;
        let document = document::find(&documents, traced.object)?;
        Some(document::field(document, path, object)?.line)
    };
    let made = chart.manifest(traced.object);
    let Some((template, marked)) = made else {
        return vec![TraceStep::new("chart", &chart.name)];
    };
    if is(
        path,
        &["metadata", "annotations", "kluctl.io/helm-install-namespace"],
    ) {
        return vec![TraceStep::new("chart", "namespace of the chart").at(
            chart.description.as_str(),
            None,
            None,
        )];
    }
    let text = chart.template(&template).unwrap_or_default();
    let line = marked
        .as_deref()
        .and_then(|marked| line_behind(marked, line_in(marked)?))
        .or_else(|| by_key(&text, path));
    let source_line = line.and_then(|line| line_of(&text, line));
    let mut steps = vec![TraceStep::new("chart", "").at(template.as_str(), line, source_line)];
    let mut names = expressions::names(source_line.unwrap_or_default(), Language::Go);
    for include in expressions::includes(source_line.unwrap_or_default()) {
        if let Some((file, body)) = chart.definition(&include) {
            steps.push(TraceStep::new("chart", format!("`{include}` in")).at(file, None, None));
            for line in body.lines() {
                names.extend(expressions::names(line, Language::Go));
            }
        }
    }
    names.dedup();
    for name in names.iter().filter(|name| name.contains('.')) {
        let mut keys = ChartSource::prefix(&template);
        keys.extend(name.split('.').skip(1));
        steps.extend(variables::chart_value(traced, chart, &keys, origins));
    }
    steps
}

/// Those of kustomize's changes that can have made a field: its built-in transformers for names, namespaces, labels and images
/// touch nothing else.
fn who_may(changes: &[String], path: &KeyPath) -> Vec<String> {
    let has = |name: &str| {
        path.0
            .iter()
            .any(|key| matches!(key, Key::Name(own) if own == name))
    };
    let ends = |name: &str| matches!(path.0.last(), Some(Key::Name(own)) if own == name);
    let labels = has("labels") || has("matchLabels") || has("selector");
    let may = |change: &&String| match change.split(' ').next().unwrap_or_default() {
        "NamespaceTransformer" => ends("namespace"),
        "LabelTransformer" => labels,
        "AnnotationsTransformer" => has("annotations"),
        "ImageTagTransformer" => ends("image"),
        "ReplicaCountTransformer" => ends("replicas"),
        "PrefixTransformer" | "SuffixTransformer" | "HashTransformer" => {
            !labels && !ends("namespace") && !ends("image")
        }
        _ => true,
    };
    changes.iter().filter(may).cloned().collect()
}

/// Labels, annotations and the like that kluctl puts on every object.
fn by_kluctl(traced: &Traced<'_>, path: &KeyPath, origins: &Origins<'_>) -> Option<TraceStep> {
    let [Key::Name(metadata), Key::Name(map), Key::Name(key)] = path.0.as_slice() else {
        return None;
    };
    let inherited = &traced.item.inherited;
    match (metadata.as_str(), map.as_str(), key.as_str()) {
        ("metadata", "labels", "kluctl.io/discriminator") => {
            Some(TraceStep::new("kluctl", "the discriminator of the target"))
        }
        ("metadata", "labels", key) if key.starts_with("kluctl.io/tag-") => {
            Some(TraceStep::new("kluctl", "a tag of the item"))
        }
        ("metadata", "labels", key) if inherited.labels.contains_key(key) => {
            Some(origins.project_entry("commonLabels", key))
        }
        ("metadata", "annotations", "kluctl.io/deployment-item-dir") => {
            Some(TraceStep::new("kluctl", "the item's folder"))
        }
        ("metadata", "annotations", "kluctl.io/skip-delete-if-tags") => {
            Some(TraceStep::new("kluctl", "skipDeleteIfTags of the item"))
        }
        ("metadata", "annotations", key) if inherited.annotations.contains_key(key) => {
            Some(origins.project_entry("commonAnnotations", key))
        }
        _ => None,
    }
}

fn is(path: &KeyPath, names: &[&str]) -> bool {
    path.0.len() == names.len()
        && path
            .0
            .iter()
            .zip(names)
            .all(|(key, name)| matches!(key, Key::Name(own) if own == name))
}
