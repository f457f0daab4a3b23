//! Walks the tree of deployment projects: variables, conditions, includes, and the items in their order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use serde_json::{Map, Value};

use crate::args::with_defaults;
use crate::config::{Deployment, DeploymentItem, Library};
use crate::problem::{Gathered, Problem, Problems};
use crate::rendered::Rules;
use crate::templates;
use crate::tree::{SourceTree, join, named, normalize, relative};
use crate::vars::{LoadedSource, TemplatePlace, Vars, VarsLoader};
use crate::watch::Role;

/// What a project hands down to everything below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) override_namespace: Option<String>,
    /// Own tags, then those of the including item, then those of the project above, and so on.
    pub(crate) tags: Vec<String>,
    pub(crate) rules: Arc<Rules>,
    /// Folders that templates look in, absolute: the project's own, then those above it in the same source.
    pub(crate) search_dirs: Vec<Utf8PathBuf>,
}

/// One deployment project after loading.
#[derive(Debug, Default)]
pub(crate) struct LoadedProject {
    /// Its `deployment.yaml`, as it is shown.
    pub(crate) file: Utf8PathBuf,
    pub(crate) config: Deployment,
    pub(crate) loaded_vars: Vec<LoadedSource>,
    pub(crate) entries: Vec<Entry>,
}

/// What became of an item of a project's list.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Its `when` is false, or it could not be loaded.
    Out,
    /// An item of its own.
    Item(Box<LoadedItem>),
    /// An included project, and the barrier after it.
    Include(Box<LoadedProject>, Vec<LoadedSource>, Option<Box<LoadedItem>>),
}

/// One item, ready to be rendered.
#[derive(Clone, Debug)]
pub(crate) struct LoadedItem {
    pub(crate) config: DeploymentItem,
    pub(crate) tree: Arc<SourceTree>,
    pub(crate) project_dir: Utf8PathBuf,
    /// The folder relative to the root of its source.
    pub(crate) dir: Option<Utf8PathBuf>,
    /// How many items before it have the same folder.
    pub(crate) index: usize,
    /// How many items of the whole deployment are before it.
    pub(crate) order: usize,
    pub(crate) vars: Arc<Vars>,
    pub(crate) loaded_vars: Vec<LoadedSource>,
    pub(crate) inherited: Arc<Inherited>,
    pub(crate) tags: Vec<String>,
}

impl LoadedItem {
    /// Where its rendered files go, relative to the rendered root of its source.
    pub(crate) fn rendered_dir(&self) -> Option<Utf8PathBuf> {
        let dir = self.dir.as_ref()?;
        Some(match self.index {
            0 => dir.clone(),
            index => format!("{}-{index}", named(dir)).into(),
        })
    }

    /// Folders that the item's templates look in, absolute: its own, then those of its project.
    pub(crate) fn search_dirs(&self, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
        let mut dirs = vec![self.tree.shown(dir)];
        dirs.extend(self.inherited.search_dirs.iter().cloned());
        dirs
    }

    /// The folder relative to its own project.
    pub(crate) fn dir_in_project(&self) -> Option<Utf8PathBuf> {
        self.dir.as_ref().map(|dir| relative(&self.project_dir, dir))
    }
}

/// The project above one that is being loaded.
struct Above<'a> {
    inherited: &'a Inherited,
    tree: &'a Arc<SourceTree>,
    item: &'a DeploymentItem,
}

/// Loads the root project and everything that it includes.
pub(crate) fn load_root(
    loader: &VarsLoader,
    tree: &Arc<SourceTree>,
    dir: &Utf8Path,
    vars: Arc<Vars>,
) -> Result<LoadedProject, Problems> {
    let mut project = load(loader, tree, dir, vars, None)?;
    number(&mut project, &mut Counts::default());
    Ok(project)
}

/// What has been counted so far.
#[derive(Default)]
struct Counts {
    items: usize,
    folders: HashMap<Utf8PathBuf, usize>,
}

/// Counts items, and how often each folder is used, in the order of deployment.
fn number(project: &mut LoadedProject, counts: &mut Counts) {
    for entry in &mut project.entries {
        match entry {
            Entry::Out => {}
            Entry::Include(project, ..) => number(project, counts),
            Entry::Item(item) => {
                item.order = counts.items;
                counts.items += 1;
                if let Some(dir) = &item.dir {
                    let count = counts.folders.entry(item.tree.shown(dir)).or_default();
                    item.index = *count;
                    *count += 1;
                }
            }
        }
    }
}

impl LoadedProject {
    /// All items in the order of deployment.
    pub(crate) fn items(&self) -> Vec<&LoadedItem> {
        let mut items = Vec::new();
        self.collect(&mut items);
        items
    }

    fn collect<'p>(&'p self, items: &mut Vec<&'p LoadedItem>) {
        for entry in &self.entries {
            match entry {
                Entry::Out => {}
                Entry::Item(item) => items.push(item),
                Entry::Include(project, _, barrier) => {
                    project.collect(items);
                    items.extend(barrier.as_deref());
                }
            }
        }
    }
}

fn load(
    loader: &VarsLoader,
    tree: &Arc<SourceTree>,
    dir: &Utf8Path,
    vars: Arc<Vars>,
    above: Option<&Above<'_>>,
) -> Result<LoadedProject, Problems> {
    if !tree.is_folder(dir) {
        return Err(Problem::new(format!(
            "{} does not exist or is not a directory",
            tree.shown(dir)
        ))
        .into());
    }
    let mut search_dirs = vec![tree.shown(dir)];
    if let Some(above) = above.filter(|above| Arc::ptr_eq(above.tree, tree)) {
        search_dirs.extend(above.inherited.search_dirs.iter().cloned());
    }
    let read = read_config(loader, tree, dir, &vars, &search_dirs, above.is_none())?;
    let Read {
        mut config,
        file,
        text,
    } = read;
    let place = TemplatePlace {
        tree,
        search_dirs: &search_dirs,
        file: file.as_str(),
        text: &text,
    };
    if above.is_none() && !config.when.is_empty() {
        let problem = Problem::in_file(&file, "the root deployment project can not contain 'when'");
        return Err(Problems::from(problem).located(file.as_str(), &text, "when"));
    }
    let (vars, loaded_vars) = loader
        .load_list(vars, &config.vars, &place, "vars")
        .map_err(|problems| context(problems, "failed to load deployment.yml vars"))?;
    if let Some(watch) = &loader.watch {
        watch.project(tree, dir, vars.context(), &search_dirs);
    }
    config.deployments.iter_mut().for_each(give_default_tag);
    let inherited = Arc::new(inherit(&config, above, search_dirs.clone()));
    let project = Loading {
        loader,
        tree,
        dir,
        vars: &vars,
        inherited: &inherited,
        place: &place,
    };
    if !project.holds(&config.when, "when")? {
        return Ok(LoadedProject {
            file,
            config,
            loaded_vars,
            entries: Vec::new(),
        });
    }
    let results: Vec<Result<Entry, Problems>> = config
        .deployments
        .par_iter()
        .enumerate()
        .map(|(index, item)| {
            let at = format!("deployments[{index}]");
            let entry = project.entry(item, &at);
            entry.map_err(|problems| problems.located(place.file, place.text, &at))
        })
        .collect();
    let mut problems = Gathered::default();
    let entries = results
        .into_iter()
        .filter_map(|result| problems.keep(result))
        .collect();
    problems.finish(LoadedProject {
        file,
        config,
        loaded_vars,
        entries,
    })
}

fn context(problems: Problems, context: &str) -> Problems {
    let problems = problems.into_vec();
    problems
        .into_iter()
        .map(|problem| problem.context(context))
        .collect::<Vec<_>>()
        .into()
}

/// A deployment.yaml after rendering.
struct Read {
    config: Deployment,
    file: Utf8PathBuf,
    text: String,
}

fn read_config(
    loader: &VarsLoader,
    tree: &Arc<SourceTree>,
    dir: &Utf8Path,
    vars: &Vars,
    search_dirs: &[Utf8PathBuf],
    is_root: bool,
) -> Result<Read, Problems> {
    let Some(path) = tree.yaml_file(dir, "deployment") else {
        let shown = tree.shown(&join(dir, "deployment.yml"));
        if is_root {
            let item = DeploymentItem {
                path: Some(".".to_owned()),
                ..DeploymentItem::default()
            };
            return Ok(Read {
                config: Deployment {
                    deployments: vec![item],
                    ..Deployment::default()
                },
                file: shown,
                text: String::new(),
            });
        }
        let problem = if tree.yaml_file(dir, "kustomization").is_some() {
            let folder = tree.shown(dir);
            Problem::new(format!(
                "deployment.yml not found but folder {folder} contains a kustomization.yml"
            ))
            .hint("use `path` instead of `include` for folders with a kustomization")
        } else {
            Problem::new(format!("{shown} not found"))
        };
        return Err(problem.into());
    };
    let file = tree.shown(&path);
    if let Some(watch) = &loader.watch {
        watch.rendered(Role::Deployment, tree, &path, vars.context(), search_dirs);
    }
    let text = loader
        .templates
        .for_tree(vars.context(), tree, search_dirs)
        .render_file(&file)
        .map_err(|error| templates::problem(&error))?;
    let config = kluctl_yaml::decode(file.as_str(), &text)
        .map_err(|error| Problem::yaml(file.as_str(), &error, &text))?;
    Ok(Read { config, file, text })
}

/// Items without tags get the name of their folder.
fn give_default_tag(item: &mut DeploymentItem) {
    if !item.tags.is_empty() {
        return;
    }
    let path = item.path.as_ref().or(item.include.as_ref());
    let name = path.map(|path| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    if let Some(name) = name.filter(|name| !matches!(*name, "" | "." | "..")) {
        item.tags = vec![name.to_owned()];
    }
}

fn push_new(tags: &mut Vec<String>, more: &[String]) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
}

fn inherit(config: &Deployment, above: Option<&Above<'_>>, search_dirs: Vec<Utf8PathBuf>) -> Inherited {
    let default = Inherited::default();
    let from = above.map_or(&default, |above| above.inherited);
    let mut labels = from.labels.clone();
    labels.extend(config.common_labels.clone());
    let mut annotations = from.annotations.clone();
    annotations.extend(config.common_annotations.clone());
    let mut tags = Vec::new();
    push_new(&mut tags, &config.tags);
    if let Some(above) = above {
        push_new(&mut tags, &above.item.tags);
    }
    push_new(&mut tags, &from.tags);
    let rules = if config.ignore_for_diff.is_empty() && config.conflict_resolution.is_empty() {
        from.rules.clone()
    } else {
        let mut rules = Rules {
            ignore_for_diff: config.ignore_for_diff.clone(),
            conflict_resolution: config.conflict_resolution.clone(),
        };
        rules
            .ignore_for_diff
            .extend(from.rules.ignore_for_diff.iter().cloned());
        rules
            .conflict_resolution
            .extend(from.rules.conflict_resolution.iter().cloned());
        Arc::new(rules)
    };
    Inherited {
        labels,
        annotations,
        override_namespace: config
            .override_namespace
            .clone()
            .or_else(|| from.override_namespace.clone()),
        tags,
        rules,
        search_dirs,
    }
}

/// A project whose items are being loaded.
struct Loading<'l> {
    loader: &'l VarsLoader,
    tree: &'l Arc<SourceTree>,
    dir: &'l Utf8Path,
    vars: &'l Arc<Vars>,
    inherited: &'l Arc<Inherited>,
    place: &'l TemplatePlace<'l>,
}

impl Loading<'_> {
    fn holds(&self, when: &str, at: &str) -> Result<bool, Problems> {
        if when.is_empty() {
            return Ok(true);
        }
        let renderer = self.loader.templates.plain(self.vars.context());
        renderer.eval_condition(when).map_err(|error| {
            let told = templates::problem(&error);
            let problem = Problem {
                hint: told.hint,
                ..Problem::in_file(self.place.file, told.message)
            };
            let problem = problem.context(format!("unable to render conditional '{when}'"));
            Problems::from(problem).located(self.place.file, self.place.text, at)
        })
    }

    /// What becomes of an item, which stands at `at` in its file.
    fn entry(&self, item: &DeploymentItem, at: &str) -> Result<Entry, Problems> {
        if !self.holds(&item.when, &format!("{at}.when"))? {
            return Ok(Entry::Out);
        }
        if item.is_include() {
            let (project, vars) = self.include(item, at)?;
            let barrier = item.barrier.then(|| {
                let config = DeploymentItem {
                    barrier: true,
                    message: item.message.clone(),
                    ..DeploymentItem::default()
                };
                Box::new(self.item(config, None, self.vars.clone(), Vec::new()))
            });
            return Ok(Entry::Include(Box::new(project), vars, barrier));
        }
        let dir = item.path.as_ref().map(|path| self.item_dir(path)).transpose();
        let dir = dir.map_err(|problem| {
            Problems::from(problem).located(self.place.file, self.place.text, &format!("{at}.path"))
        })?;
        let vars_at = format!("{at}.vars");
        let (vars, loaded) = self
            .loader
            .load_list(self.vars.clone(), &item.vars, self.place, &vars_at)?;
        let item = self.item(item.clone(), dir, vars, loaded);
        if let Some(watch) = &self.loader.watch {
            watch.item(&item);
        }
        Ok(Entry::Item(Box::new(item)))
    }

    fn item(
        &self,
        config: DeploymentItem,
        dir: Option<Utf8PathBuf>,
        vars: Arc<Vars>,
        loaded_vars: Vec<LoadedSource>,
    ) -> LoadedItem {
        let mut tags = self.inherited.tags.clone();
        push_new(&mut tags, &config.tags);
        LoadedItem {
            config,
            tree: self.tree.clone(),
            project_dir: self.dir.to_owned(),
            dir,
            index: 0,
            order: 0,
            vars,
            loaded_vars,
            inherited: self.inherited.clone(),
            tags,
        }
    }

    fn item_dir(&self, path: &str) -> Result<Utf8PathBuf, Problem> {
        let dir = normalize(&join(self.dir, path.trim_start_matches('/')));
        let problem = |message: String| {
            let problem = Problem::in_file(self.place.file, message);
            problem.hint(format!("it should be at {}", self.tree.shown(&dir)))
        };
        match self.tree.kind(&dir) {
            Some(crate::tree::EntryKind::Folder) => Ok(dir),
            Some(_) => Err(problem(format!("deployment path is not a directory: {path}"))),
            None => Err(problem(format!("deployment directory does not exist: {path}"))),
        }
    }

    fn include(
        &self,
        item: &DeploymentItem,
        at: &str,
    ) -> Result<(LoadedProject, Vec<LoadedSource>), Problems> {
        let trees = &self.loader.trees;
        let sources = &*self.loader.sources;
        let outside = |error| Problem::from(error).from_file(self.place.file);
        let (tree, dir) = if let Some(git) = &item.git {
            let tree = trees
                .git(sources, &git.url, git.reference.as_ref())
                .map_err(outside)?;
            (tree, normalize(Utf8Path::new(&git.sub_dir)))
        } else if let Some(oci) = &item.oci {
            let tree = trees
                .oci(sources, &oci.url, oci.reference.as_ref())
                .map_err(outside)?;
            (tree, normalize(Utf8Path::new(&oci.sub_dir)))
        } else {
            let include = item.include.as_deref().unwrap_or_default();
            (
                self.tree.clone(),
                normalize(&join(self.dir, include.trim_start_matches('/'))),
            )
        };
        let vars = self.include_vars(item, &tree, &dir)?;
        let vars_at = format!("{at}.vars");
        let (vars, loaded) = self.loader.load_list(vars, &item.vars, self.place, &vars_at)?;
        let above = Above {
            inherited: self.inherited,
            tree: self.tree,
            item,
        };
        let project = load(self.loader, &tree, &dir, vars, Some(&above)).map_err(|problems| {
            let problems = problems.into_vec().into_iter();
            Problems::from(
                problems
                    .map(|problem| problem.from_file(self.place.file))
                    .collect::<Vec<_>>(),
            )
        })?;
        Ok((project, loaded))
    }

    /// What an included project starts from: everything, or the arguments of a library.
    fn include_vars(
        &self,
        item: &DeploymentItem,
        tree: &SourceTree,
        dir: &Utf8Path,
    ) -> Result<Arc<Vars>, Problems> {
        let Some(path) = tree.yaml_file(dir, ".kluctl-library") else {
            return Ok(self.vars.clone());
        };
        let shown = tree.shown(&path);
        let content = tree
            .read(&path)
            .map_err(|error| Problem::in_file(&shown, error.to_string()))?
            .unwrap_or_default();
        let text =
            kluctl_yaml::text_of(&content).map_err(|error| Problem::in_file(&shown, error.to_string()))?;
        let library: Library = kluctl_yaml::decode(shown.as_str(), &text)
            .map_err(|error| Problem::yaml(shown.as_str(), &error, &text))?;
        let base = if item.pass_vars {
            self.vars.without("args")
        } else {
            Vars::default()
        };
        let args = with_defaults(
            &library.args,
            item.args.clone().unwrap_or_default(),
            self.place.file,
        )?;
        let args = Map::from_iter([("args".to_owned(), Value::Object(args))]);
        Ok(Arc::new(base.merged(args, false)))
    }
}
