//! Third step: kustomizations, generated where there is none, become objects.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_kustomize::FileSystem;
use kluctl_object::Object;
use serde_json::{Value, json};

use super::helm;
use super::remote::KustomizeRemote;
use crate::load::LoadedItem;
use crate::outside::Files;
use crate::problem::{Problem, Problems};
use crate::tree::{join, named, normalize};
use crate::vars::VarsLoader;

const NAMES: [&str; 3] = ["kustomization.yml", "kustomization.yaml", "Kustomization"];

/// What a kustomization says to kluctl.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub(super) barrier: bool,
    pub(super) wait_readiness: bool,
}

/// The kustomization in a folder of rendered files, with its path.
pub(super) fn read(
    item: &LoadedItem,
    files: &Files,
    folder: &Utf8Path,
) -> Result<Option<(Utf8PathBuf, Value)>, Problem> {
    let Some(path) = NAMES
        .iter()
        .map(|name| join(folder, name))
        .find(|path| files.contains_key(path))
    else {
        return Ok(None);
    };
    let shown = helm::shown(item, &path);
    let content = files.get(&path).map(Bytes::as_ref).unwrap_or_default();
    let text = kluctl_yaml::text_of(content).map_err(|error| Problem::in_file(&shown, error.to_string()))?;
    let value = kluctl_yaml::from_str(&text).map_err(|error| Problem::yaml(shown.as_str(), &error, &text))?;
    match value {
        Value::Object(_) => Ok(Some((path, value))),
        Value::Null => Ok(Some((path, json!({})))),
        other => Err(Problem::in_file(
            shown,
            format!(
                "expected a kustomization, found {}",
                kluctl_object::type_name(&other)
            ),
        )),
    }
}

/// Makes an item's kustomization ready: generates it where there is none, and puts the project's namespace in.
pub(super) fn prepare(item: &LoadedItem, files: &mut Files) -> Result<Marks, Problems> {
    let found = read(item, files, "".into())?;
    let generated = found.is_none();
    let (path, mut value) = match found {
        Some((path, _)) if item.config.recursive => {
            let dir = item.dir.clone().unwrap_or_default();
            return Err(Problem::in_file(
                helm::shown(item, &path),
                format!(
                    "recursive: true cannot be used when a kustomization.yaml/yml already exists in {}",
                    named(&dir)
                ),
            )
            .into());
        }
        Some(found) => found,
        None => (Utf8PathBuf::from("kustomization.yml"), generate(item, files)?),
    };
    let mut changed = generated;
    if let Some(namespace) = &item.inherited.override_namespace
        && let Value::Object(map) = &mut value
        && !map.get("namespace").is_some_and(Value::is_string)
    {
        map.insert("namespace".to_owned(), Value::String(namespace.clone()));
        changed = true;
    }
    if changed {
        files.insert(path, Bytes::from(kluctl_yaml::to_string(&value)));
    }
    let marked = |name: &str| {
        let annotation = value.pointer(&format!("/metadata/annotations/kluctl.io~1{name}"));
        annotation
            .and_then(Value::as_str)
            .is_some_and(super::objects::is_true)
    };
    Ok(Marks {
        barrier: marked("barrier"),
        wait_readiness: marked("wait-readiness"),
    })
}

/// A kustomization that lists the item's manifests and what its charts give.
fn generate(item: &LoadedItem, files: &Files) -> Result<Value, Problem> {
    let mut resources: Vec<String> = Vec::new();
    for path in walk_order(files) {
        let nested = path.components().count() > 1;
        if nested && !item.config.recursive {
            continue;
        }
        if matches!(path.file_name(), Some("kustomization.yaml" | "kustomization.yml")) {
            return Err(Problem::in_file(
                helm::shown(item, path),
                format!(
                    "recursive: true cannot be used when a nested kustomization.yaml/yml already exists in {path}"
                ),
            ));
        }
        let resource = if helm::is_values_file(path) {
            None
        } else if helm::is_chart_file(path) {
            let chart = helm::read_chart_file(item, files, path)?;
            let output = normalize(&join(path.parent().unwrap_or("".into()), chart.output()));
            // The chart is rendered by now, so that its output is found as a file of its own; elsewhere it is not listed.
            (!files.contains_key(&output)).then_some(output)
        } else {
            let lower = path.as_str().to_lowercase();
            (lower.ends_with(".yml") || lower.ends_with(".yaml")).then(|| path.clone())
        };
        if let Some(resource) = resource.map(Utf8PathBuf::into_string)
            && !resources.contains(&resource)
        {
            resources.push(resource);
        }
    }
    Ok(json!({ "resources": resources }))
}

/// Files in the order of a walk: by name, folder by folder.
fn walk_order(files: &Files) -> Vec<&Utf8PathBuf> {
    let mut paths: Vec<&Utf8PathBuf> = files.keys().collect();
    paths.sort_by(|a, b| a.components().cmp(b.components()));
    paths
}

/// The rendered files of all items, by the folder they were rendered to. Items see one another's files.
pub(crate) struct RenderedTree<'r> {
    items: BTreeMap<Utf8PathBuf, &'r Files>,
}

impl<'r> RenderedTree<'r> {
    /// Puts items of one source together; the first of several that share a folder counts.
    pub(super) fn new(items: impl Iterator<Item = (Utf8PathBuf, &'r Files)>) -> Self {
        let mut tree = BTreeMap::new();
        for (dir, files) in items {
            tree.entry(dir).or_insert(files);
        }
        Self { items: tree }
    }

    /// The items whose folder holds a path, the innermost first, with the path inside.
    fn around<'t>(&'t self, path: &'t Utf8Path) -> impl Iterator<Item = (&'r Files, &'t Utf8Path)> + 't {
        path.ancestors()
            .filter_map(move |dir| Some((*self.items.get(dir)?, path.strip_prefix(dir).ok()?)))
    }
}

/// The files that one item's kustomization sees: its own first, then those of the others.
pub(crate) struct ItemFiles<'r> {
    pub(crate) own: (&'r Utf8Path, &'r Files),
    pub(crate) all: &'r RenderedTree<'r>,
}

impl FileSystem for ItemFiles<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Option<Bytes>, kluctl_kustomize::Error> {
        let path = normalize(path);
        let own = path
            .strip_prefix(self.own.0)
            .ok()
            .and_then(|inside| self.own.1.get(inside));
        let others = || {
            self.all
                .around(&path)
                .find_map(|(files, inside)| files.get(inside))
        };
        Ok(own.or_else(others).cloned())
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        let path = normalize(path);
        if path.as_str().is_empty() {
            return true;
        }
        let holds = |files: &Files, inside: &Utf8Path| {
            let mut below = files.range::<Utf8Path, _>((Bound::Excluded(inside), Bound::Unbounded));
            inside.as_str().is_empty() || below.next().is_some_and(|(file, _)| file.starts_with(inside))
        };
        let own = path
            .strip_prefix(self.own.0)
            .is_ok_and(|inside| holds(self.own.1, inside));
        own || self.all.around(&path).any(|(files, inside)| holds(files, inside)) || {
            let from = (Bound::Included(path.as_path()), Bound::Unbounded);
            let mut below = self.all.items.range::<Utf8Path, _>(from);
            below.next().is_some_and(|(dir, _)| dir.starts_with(&path))
        }
    }

    fn canonical(&self, path: &Utf8Path) -> Result<Utf8PathBuf, kluctl_kustomize::Error> {
        let clean = normalize(path);
        if self.read(&clean)?.is_some() || self.is_dir(&clean) {
            return Ok(Utf8Path::new("/").join(clean));
        }
        Err(kluctl_kustomize::Error::new(format!("'{path}' doesn't exist")))
    }
}

/// Builds an item's kustomization to objects in build order.
pub(super) fn build(
    item: &LoadedItem,
    files: &ItemFiles<'_>,
    loader: &VarsLoader,
) -> Result<Vec<Object>, Problem> {
    let remote = KustomizeRemote(loader.sources.clone());
    let on_read = |path: &Utf8Path, content: Bytes| match loader.decrypter.decrypt(path, &content) {
        Ok(Some(plain)) => {
            if let Ok(mut sensitive) = loader.sensitive.lock() {
                sensitive.add_texts(&plain.secrets);
            }
            Ok(Bytes::from(plain.content.clone()))
        }
        Ok(None) => Ok(content),
        Err(problem) => Err(kluctl_kustomize::Error::new(problem.to_string())),
    };
    let on_warning = |warning: &str| loader.warn(format!("{}: {warning}", named(files.own.0)));
    let options = kluctl_kustomize::Options {
        load_restrictor: kluctl_kustomize::LoadRestrictor::None,
        on_warning: Some(&on_warning),
        remote: Some(&remote),
        on_read: Some(&on_read),
        ..kluctl_kustomize::Options::default()
    };
    let root = Utf8Path::new("/").join(files.own.0);
    let failed = |error: String| {
        let dir = item.tree.shown(item.dir.as_deref().unwrap_or(Utf8Path::new("")));
        Problem::in_file(
            &dir,
            format!("building kustomize objects for {dir} failed. {error}"),
        )
    };
    let built = kluctl_kustomize::build(files, &root, &options).map_err(|error| failed(error.to_string()))?;
    let objects = built.objects.into_iter().map(Object::try_from);
    objects
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))
}
