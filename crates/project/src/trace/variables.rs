//! Where variables and values of charts come from.

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_yaml::Node;
use serde_json::Value;

use super::document::line_of;
use super::explain::Traced;
use super::marks::Language;
use super::{TraceStep, expressions};
use crate::config::VarsSource;
use crate::load::{Entry, LoadedItem, LoadedProject};
use crate::render::ChartSource;
use crate::vars::{LoadedSource, VarsLoader};

/// A source of variables with the place that names it.
struct Named<'o> {
    file: String,
    source: &'o VarsSource,
    loaded: &'o LoadedSource,
}

/// All that an item's variables, labels and annotations come from, the outermost first.
pub(super) struct Origins<'o> {
    item: &'o LoadedItem,
    /// The projects from the root down to the item's own.
    projects: Vec<&'o LoadedProject>,
    sources: Vec<Named<'o>>,
}

impl<'o> Origins<'o> {
    pub(super) fn of(_loader: &VarsLoader, root: &'o LoadedProject, item: &'o LoadedItem) -> Self {
        let mut origins = Self {
            item,
            projects: Vec::new(),
            sources: Vec::new(),
        };
        origins.descend(root, item.order);
        origins
    }

    /// Goes down to the item; tells whether it is there.
    fn descend(&mut self, project: &'o LoadedProject, order: usize) -> bool {
        let (projects, sources) = (self.projects.len(), self.sources.len());
        self.projects.push(project);
        self.add(&project.file, &project.config.vars, &project.loaded_vars);
        for (config, entry) in project.config.deployments.iter().zip(&project.entries) {
            match entry {
                Entry::Item(item) if item.order == order => {
                    self.add(&project.file, &config.vars, &item.loaded_vars);
                    return true;
                }
                Entry::Include(below, loaded, _) => {
                    let before = self.sources.len();
                    self.add(&project.file, &config.vars, loaded);
                    if self.descend(below, order) {
                        return true;
                    }
                    self.sources.truncate(before);
                }
                _ => {}
            }
        }
        self.projects.truncate(projects);
        self.sources.truncate(sources);
        false
    }

    fn add(&mut self, file: &Utf8Path, sources: &'o [VarsSource], loaded: &'o [LoadedSource]) {
        for (source, loaded) in sources.iter().zip(loaded) {
            self.sources.push(Named {
                file: file.to_string(),
                source,
                loaded,
            });
        }
    }

    /// Where a variable comes from; nothing for names that are no variables.
    pub(super) fn variable(&self, name: &str) -> Option<TraceStep> {
        let keys: Vec<&str> = name.split('.').collect();
        let value = lookup(self.item.vars.get(keys.first()?)?, &keys[1..]);
        let shown = match value {
            Some(Value::String(text)) if text.chars().count() > 60 => "a long text".to_owned(),
            Some(value @ (Value::Object(_) | Value::Array(_))) => kluctl_object::type_name(value).to_owned(),
            Some(value) => value.to_string(),
            None => "not set".to_owned(),
        };
        let with = |text: String| TraceStep::new("variable", format!("{name} = {text}"));
        // The last source that has it wins, unless it was told to keep what is there.
        let has_it = |named: &&Named<'_>| {
            let first = named
                .loaded
                .values
                .as_ref()
                .and_then(|values| values.get(keys[0]));
            first.and_then(|first| lookup(first, &keys[1..])).is_some()
        };
        let all: Vec<&Named<'_>> = self.sources.iter().filter(has_it).collect();
        let winner = all
            .iter()
            .rev()
            .find(|named| named.source.no_override != Some(true))
            .or_else(|| all.first());
        let Some(winner) = winner else {
            let from = match keys[0] {
                "args" => "an argument: of the command line, the target, or a default",
                "target" => "the target",
                // a name of the template itself, or a function
                _ => return None,
            };
            return Some(with(format!("{shown}, {from}")));
        };
        if winner.loaded.sensitive {
            let text = format!("(secret), from {}", describe(winner.source));
            return Some(with(text).at(winner.file.clone(), None, None));
        }
        Some(with(format!("{shown}, from {}", describe(winner.source))).at(winner.file.clone(), None, None))
    }

    /// The project that a field of all its items comes from: the nearest that sets it.
    pub(super) fn project_field(&self, field: &str) -> TraceStep {
        let set = |project: &&&LoadedProject| {
            let config = serde_json::to_value(&project.config).unwrap_or_default();
            config.get(field).is_some_and(|value| !value.is_null())
        };
        in_project(field, self.projects.iter().rev().find(set).copied())
    }

    /// The same for a key of a map.
    pub(super) fn project_entry(&self, field: &str, key: &str) -> TraceStep {
        let set = |project: &&&LoadedProject| {
            let config = serde_json::to_value(&project.config).unwrap_or_default();
            config.get(field).and_then(|map| map.get(key)).is_some()
        };
        in_project(field, self.projects.iter().rev().find(set).copied())
    }
}

fn in_project(field: &str, project: Option<&LoadedProject>) -> TraceStep {
    let step = TraceStep::new("kluctl", format!("{field} in"));
    match project {
        Some(project) => step.at(project.file.as_str(), None, None),
        None => TraceStep::new("kluctl", field),
    }
}

fn lookup<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

/// The kind of a source and what it names.
fn describe(source: &VarsSource) -> String {
    if let Some(file) = &source.file {
        return format!("the file {file}, named in");
    }
    let value = serde_json::to_value(source).unwrap_or_default();
    let settings = [
        "ignoreMissing",
        "noOverride",
        "sensitive",
        "multidoc",
        "targetPath",
        "when",
    ];
    let kind = value
        .as_object()
        .and_then(|map| map.keys().find(|key| !settings.contains(&key.as_str())).cloned());
    format!("`{}` in", kind.as_deref().unwrap_or("vars"))
}

/// Where a value of a chart comes from: the item's values, else the chart's own.
pub(super) fn chart_value(
    traced: &Traced<'_>,
    chart: &ChartSource,
    keys: &[&str],
    origins: &Origins<'_>,
) -> Vec<TraceStep> {
    let name = format!(".Values.{}", keys.join("."));
    let step = |what: &str| TraceStep::new("values", format!("{name} {what}"));
    let in_text = |text: &str| -> Option<u32> {
        let document = kluctl_yaml::parse_first(text).ok()??;
        line_of_key(&document, keys)
    };
    if let Some((path, text)) = &chart.values
        && let Some(line) = in_text(text)
    {
        let shown = traced.item.tree.shown(path);
        let original = traced.item.tree.read(path).ok().flatten();
        let original = original.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let templated = original.as_deref().is_some_and(|original| original != text);
        let source = line_of(text, line);
        let mut steps = vec![step("of").at(shown.as_str(), Some(line), source)];
        // The same line of the template, where rendering kept the lines in their places.
        let template = original.as_deref().and_then(|original| line_of(original, line));
        if let (true, Some(template)) = (templated, template) {
            for name in expressions::names(template, Language::Jinja) {
                steps.extend(origins.variable(&name));
            }
        }
        return steps;
    }
    let defaults = chart
        .defaults
        .as_deref()
        .and_then(|text| Some((text, in_text(text)?)));
    match defaults {
        Some((text, line)) => {
            let file = Utf8PathBuf::from(&chart.name).join("values.yaml");
            vec![step("by default in").at(file.into_string(), Some(line), line_of(text, line))]
        }
        None => vec![step("is not set")],
    }
}

/// The line of the last key of a path.
fn line_of_key(document: &Node, keys: &[&str]) -> Option<u32> {
    let mut node = document;
    let mut line = None;
    for key in keys {
        let entries = node.entries()?;
        let (name, value) = entries
            .iter()
            .rev()
            .find(|(name, _)| name.as_str() == Some(key))?;
        line = Some(name.span.line);
        node = value;
    }
    line
}
