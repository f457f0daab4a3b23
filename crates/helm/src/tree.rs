//! A chart while it is being rendered: with aliases, without what is disabled, with imported values.

use kluctl_gotemplate::{List, Map, Value};
use serde_json::Value as Json;

use crate::chart::{Chart, File};
use crate::coalesce::{coalesce_values, copy_map, merge_tables, merge_values, new_map, path_value, table};
use crate::convert::{from_json, map_from_json};
use crate::error::{Error, log_line};
use crate::metadata::{Dependency, Metadata};
use crate::semver;

/// One chart of the tree.
#[derive(Clone)]
pub(crate) struct Tree<'c> {
    pub(crate) chart: &'c Chart,
    pub(crate) metadata: Metadata,
    pub(crate) values: Option<Map>,
    pub(crate) dependencies: Vec<Tree<'c>>,
    /// What processing has made of each dependency's `import-values`.
    imports: Vec<Option<Vec<Value>>>,
}

impl<'c> Tree<'c> {
    /// The chart as it was loaded.
    pub(crate) fn new(chart: &'c Chart) -> Self {
        Self {
            chart,
            metadata: chart.metadata.clone(),
            values: chart.values.as_ref().map(map_from_json),
            dependencies: chart.dependencies.iter().map(Tree::new).collect(),
            imports: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn is_library(&self) -> bool {
        self.metadata.chart_type.eq_ignore_ascii_case("library")
    }

    /// The CRDs of the chart and its dependencies, with their full paths.
    pub(crate) fn crds(&self, path: &str, into: &mut Vec<(String, &'c File)>) {
        for file in self.chart.files.iter() {
            if file.name.starts_with("crds/") && crate::chart::has_manifest_extension(&file.name) {
                into.push((format!("{path}/{}", file.name), file));
            }
        }
        for dependency in &self.dependencies {
            dependency.crds(&format!("{path}/charts/{}", dependency.name()), into);
        }
    }

    /// Takes out what conditions and tags disable, and brings in what is imported.
    ///
    /// Source: helm `pkg/chart/v2/util/dependencies.go`, `ProcessDependencies`.
    pub(crate) fn process_dependencies(&mut self, values: &Map, logs: &mut Vec<String>) -> Result<(), Error> {
        self.process_enabled(values, "", logs)?;
        self.process_imports(logs)
    }

    fn process_enabled(&mut self, values: &Map, path: &str, logs: &mut Vec<String>) -> Result<(), Error> {
        if !self.metadata.lists_dependencies {
            return Ok(());
        }
        self.apply_aliases();
        let mut wanted: Vec<Dependency> = std::mem::take(&mut self.metadata.dependencies)
            .into_iter()
            .flatten()
            .collect();
        for dependency in &mut wanted {
            if !dependency.alias.is_empty() {
                dependency.name.clone_from(&dependency.alias);
            }
            dependency.enabled = true;
        }
        let coalesced = coalesce_values(self, values, logs)?;
        apply_tags(&mut wanted, &coalesced, logs);
        apply_conditions(&mut wanted, &coalesced, path, logs);
        let disabled: Vec<String> = wanted
            .iter()
            .filter(|dependency| !dependency.enabled)
            .map(|dependency| dependency.name.clone())
            .collect();
        self.dependencies
            .retain(|dependency| !disabled.iter().any(|name| name == dependency.name()));
        wanted.retain(|dependency| !disabled.contains(&dependency.name));
        for dependency in &mut self.dependencies {
            let inner = format!("{path}{}.", dependency.name());
            dependency.process_enabled(&coalesced, &inner, logs)?;
        }
        // As in Helm, a list that has become empty is no list any more.
        self.metadata.lists_dependencies = !wanted.is_empty();
        self.metadata.dependencies = wanted.into_iter().map(Some).collect();
        Ok(())
    }

    /// Puts a copy of a chart in place for each dependency that asks for it, under its alias.
    fn apply_aliases(&mut self) {
        let wanted: Vec<&Dependency> = self.metadata.dependencies.iter().flatten().collect();
        let meets = |chart: &Tree<'_>, dependency: &Dependency| {
            chart.name() == dependency.name
                && semver::is_compatible(&dependency.version, &chart.metadata.version)
        };
        let mut charts: Vec<Tree<'c>> = self
            .dependencies
            .iter()
            .filter(|chart| !wanted.iter().any(|dependency| meets(chart, dependency)))
            .cloned()
            .collect();
        for dependency in &wanted {
            let found = self.dependencies.iter().find(|chart| meets(chart, dependency));
            if let Some(chart) = found {
                let mut chart = chart.clone();
                if !dependency.alias.is_empty() {
                    chart.metadata.name.clone_from(&dependency.alias);
                }
                charts.push(chart);
            }
        }
        self.dependencies = charts;
    }

    fn process_imports(&mut self, logs: &mut Vec<String>) -> Result<(), Error> {
        for dependency in &mut self.dependencies {
            dependency.process_imports(logs)?;
        }
        if !self.metadata.lists_dependencies {
            return Ok(());
        }
        let merged = merge_values(self, &new_map(), logs)?;
        let mut imported = new_map();
        let mut all_imports = Vec::new();
        for dependency in self.metadata.dependencies.iter().flatten() {
            let mut done = Vec::new();
            for import in &dependency.import_values {
                let (child, parent) = match import {
                    Json::Object(map) => (shown(map.get("child")), shown(map.get("parent"))),
                    Json::String(name) => (format!("exports.{name}"), ".".to_owned()),
                    _ => continue,
                };
                done.push(import_as_map(&child, &parent));
                let path = format!("{}.{child}", dependency.name);
                let Some(found) = table(&merged, &path) else {
                    logs.push(missing_import(dependency, import, &merged, &path));
                    continue;
                };
                let found = if found.is_empty() { new_map() } else { found };
                imported = merge_tables(&imported, &path_to_map(&parent, found), logs);
            }
            all_imports.push(Some(done));
        }
        self.imports = all_imports;
        self.values = Some(if imported.is_empty() {
            merged
        } else {
            merge_tables(&copy_map(&merged), &imported, logs)
        });
        Ok(())
    }

    /// The metadata as `.Chart` shows it.
    ///
    /// Source: helm `pkg/chart/common.go`, `structToMap`.
    pub(crate) fn metadata_map(&self, is_root: bool) -> Map {
        let metadata = &self.metadata;
        let texts =
            |texts: &[String]| Value::List(texts.iter().map(|text| Value::from(text.as_str())).collect());
        let annotations = match &metadata.annotations {
            None => Map::nil(&kluctl_gotemplate::types::STRING_MAP),
            Some(annotations) => Map::of_strings(
                annotations
                    .iter()
                    .map(|(key, value)| (key.as_str().into(), value.as_str().into())),
            ),
        };
        let maintainers: List = metadata
            .maintainers
            .iter()
            .flatten()
            .map(|maintainer| {
                let fields = [
                    ("Name", maintainer.name.as_str()),
                    ("Email", &maintainer.email),
                    ("URL", &maintainer.url),
                ];
                let map: Map = fields.into_iter().map(|(key, text)| (key, text.into())).collect();
                Value::Map(map)
            })
            .collect();
        let dependencies: List = metadata
            .dependencies
            .iter()
            .flatten()
            .enumerate()
            .map(|(i, dependency)| Value::Map(self.dependency_map(i, dependency)))
            .collect();
        let texts_by_name = [
            ("Name", &metadata.name),
            ("Home", &metadata.home),
            ("Version", &metadata.version),
            ("Description", &metadata.description),
            ("Icon", &metadata.icon),
            ("APIVersion", &metadata.api_version),
            ("Condition", &metadata.condition),
            ("Tags", &metadata.tags),
            ("AppVersion", &metadata.app_version),
            ("KubeVersion", &metadata.kube_version),
            ("Type", &metadata.chart_type),
        ];
        let map: Map = texts_by_name
            .into_iter()
            .map(|(key, text)| (key, Value::from(text.as_str())))
            .collect();
        map.insert("Sources", texts(&metadata.sources));
        map.insert("Keywords", texts(&metadata.keywords));
        map.insert("Maintainers", maintainers.into());
        map.insert("Deprecated", metadata.deprecated.into());
        map.insert("Annotations", annotations.into());
        map.insert("Dependencies", dependencies.into());
        map.insert("IsRoot", is_root.into());
        map
    }

    fn dependency_map(&self, index: usize, dependency: &Dependency) -> Map {
        let imports: Vec<Value> = match self.imports.get(index) {
            Some(Some(imports)) => imports.clone(),
            _ => dependency.import_values.iter().map(from_json).collect(),
        };
        let tags: List = dependency
            .tags
            .iter()
            .map(|tag| Value::from(tag.as_str()))
            .collect();
        let map: Map = [
            ("Name", &dependency.name),
            ("Version", &dependency.version),
            ("Repository", &dependency.repository),
            ("Condition", &dependency.condition),
            ("Alias", &dependency.alias),
        ]
        .into_iter()
        .map(|(key, text)| (key, Value::from(text.as_str())))
        .collect();
        map.insert("Tags", tags.into());
        map.insert("Enabled", dependency.enabled.into());
        map.insert("ImportValues", List::new(imports).into());
        map
    }
}

/// What Go's `%v` prints for a JSON value.
fn shown(value: Option<&Json>) -> String {
    let value = value.map_or(Value::Nil, from_json);
    kluctl_gotemplate::sprintf(b"%v", &[value]).to_str().into_owned()
}

fn import_as_map(child: &str, parent: &str) -> Value {
    Value::Map(Map::of_strings([
        ("child".into(), child.into()),
        ("parent".into(), parent.into()),
    ]))
}

fn missing_import(dependency: &Dependency, import: &Json, values: &Map, path: &str) -> String {
    // The name of the first part of the path that is no map.
    let mut known = values.clone();
    let mut missing = "";
    for part in path.split('.') {
        missing = part;
        match known.get(part) {
            Some(Value::Map(map)) => known = map,
            _ => break,
        }
    }
    let error = format!("{} is not a table", kluctl_gotemplate::quote(missing.as_bytes()));
    if import.is_string() {
        log_line("WARN", "ImportValues missing table", &[("error", &error)])
    } else {
        let attributes = [("chart", dependency.name.as_str()), ("error", &error)];
        log_line("WARN", "ImportValues missing table from chart", &attributes)
    }
}

fn path_to_map(path: &str, data: Map) -> Map {
    if path == "." {
        return data;
    }
    path.split('.').rev().fold(data, |inner, key| {
        [(key, Value::Map(inner))].into_iter().collect()
    })
}

fn apply_tags(dependencies: &mut [Dependency], values: &Map, logs: &mut Vec<String>) {
    let Some(tags) = table(values, "tags") else {
        return;
    };
    for dependency in dependencies {
        let (mut has_true, mut has_false) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(true)) => has_true = true,
                Some(Value::Bool(false)) => has_false = true,
                Some(_) => {
                    let attributes = [("tag", tag.as_str()), ("chart", dependency.name.as_str())];
                    logs.push(log_line("WARN", "returned non-bool value", &attributes));
                }
                None => {}
            }
        }
        dependency.enabled = has_true || !has_false;
    }
}

fn apply_conditions(dependencies: &mut [Dependency], values: &Map, path: &str, logs: &mut Vec<String>) {
    for dependency in dependencies {
        for condition in dependency
            .condition
            .trim()
            .split(',')
            .filter(|part| !part.is_empty())
        {
            match path_value(values, &format!("{path}{condition}")) {
                Some(Value::Bool(enabled)) => {
                    dependency.enabled = enabled;
                    break;
                }
                Some(_) => {
                    let attributes = [("path", condition), ("chart", dependency.name.as_str())];
                    logs.push(log_line("WARN", "returned non-bool value", &attributes));
                }
                None => {}
            }
        }
    }
}
