//! The file and line of many fields at once, for whoever found something wrong with them.

use std::collections::BTreeMap;

use camino::Utf8Path;
use kluctl_object::{KeyPath, Object};

use super::TraceStep;
use super::explain::{MadeBy, Source, Traced, build, origin, read_source, steps};
use super::variables::Origins;

/// A field of a rendered object whose place is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldRequest {
    /// Index of the item in [`crate::Rendered::items`].
    pub item: usize,
    /// Index of the object in [`crate::RenderedItem::objects`].
    pub object: usize,
    /// The field.
    pub path: KeyPath,
}

/// Where a field was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPlace {
    /// A file of the project, as it names it; a folder where nothing closer is known.
    pub file: String,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// The template of the chart that printed the field, with its line, where a chart did.
    pub chart: Option<(String, Option<u32>)>,
    /// What changed the field after it was read from the file.
    pub changed_by: Option<String>,
}

/// Finds places in one item. What was found out for one object helps with the next.
#[derive(Default)]
pub(crate) struct Places {
    built: Option<Vec<Object>>,
    sources: BTreeMap<String, Option<Source>>,
}

impl Places {
    /// The place of a field of an object of the item.
    pub(crate) fn find(&mut self, traced: &Traced<'_>, path: &KeyPath) -> FieldPlace {
        let built = self.built.get_or_insert_with(|| build(traced));
        let (origin, changes) = origin(built, traced.object);
        let source = match origin.as_deref() {
            Some(path) => {
                let known = self.sources.entry(path.to_owned());
                known.or_insert_with(|| read_source(traced, path)).as_ref()
            }
            None => None,
        };
        let origins = Origins::of(traced.loader, traced.root, traced.item);
        let value = traced.object.to_value();
        let found = steps(traced, path, &value, source, &changes, &origins);
        place(traced, source, &found)
    }
}

/// The closest of the project's own files among the steps, and the chart's template.
fn place(traced: &Traced<'_>, source: Option<&Source>, steps: &[TraceStep]) -> FieldPlace {
    let item = traced.item;
    let chart = source.and_then(|source| match &source.made_by {
        MadeBy::Chart(chart) => Some(chart),
        _ => None,
    });
    let changed = steps.first().filter(|step| step.kind == "kustomize");
    let mut place = FieldPlace {
        changed_by: changed.map(|step| step.text.clone()),
        ..FieldPlace::default()
    };
    let in_file = |kinds: &[&str]| {
        let mut with_file = steps
            .iter()
            .filter(|step| kinds.contains(&step.kind) && step.file.is_some());
        with_file.next()
    };
    if let Some(chart) = chart {
        let template = in_file(&["chart"]);
        place.chart = template.map(|step| (step.file.clone().unwrap_or_default(), step.line));
        let values = chart
            .values
            .as_ref()
            .map(|(path, _)| item.tree.shown(path).into_string());
        let given = steps
            .iter()
            .find(|step| step.kind == "values" && step.file.is_some() && step.file == values);
        match given {
            Some(step) => (place.file, place.line) = (values.unwrap_or_default(), step.line),
            None => place.file.clone_from(&chart.description),
        }
        return place;
    }
    if let Some(step) = in_file(&["file", "template", "kluctl"]) {
        (place.file, place.line) = (step.file.clone().unwrap_or_default(), step.line);
        return place;
    }
    let dir = item.dir.as_deref().unwrap_or(Utf8Path::new(""));
    let kustomization = ["kustomization.yml", "kustomization.yaml", "Kustomization"];
    let file = kustomization
        .iter()
        .map(|name| dir.join(name))
        .find(|path| item.tree.read(path).ok().flatten().is_some());
    place.file = item.tree.shown(file.as_deref().unwrap_or(dir)).into_string();
    place
}
