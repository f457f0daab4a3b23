//! One file, as the project's own templates see it: what `kluctl template` shows.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::Renderer;
use serde_json::Value;

use crate::config::TargetConfig;
use crate::inclusion::Inclusion;
use crate::load;
use crate::problem::{Problem, Problems, mask_all};
use crate::project::OpenProject;
use crate::render::{World, is_in, is_raw, on_threads};
use crate::templates;
use crate::tree::normalize;
use crate::vars::{Vars, VarsLoader};
use crate::watch::{Met, Role, Watch};

/// What is rendered.
#[derive(Clone, Debug)]
pub enum Template {
    /// The file itself.
    File,
    /// This text, in place of the file.
    Text(String),
    /// Every text of this tree, in place of the file.
    Tree(Value),
}

/// What is to be seen, and how.
#[derive(Clone, Debug)]
pub struct ViewOptions {
    /// The file, absolute; `None` to see with the eyes of the root project.
    pub file: Option<Utf8PathBuf>,
    /// What is rendered.
    pub template: Template,
    /// Which items may be the file's.
    pub inclusion: Inclusion,
    /// Lets undefined variables pass.
    pub non_strict: bool,
    /// Whether a file that SOPS cannot decrypt is an error.
    pub sops_strict: bool,
    /// More folders to search, absolute, after those of the project.
    pub search_dirs: Vec<Utf8PathBuf>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// The content of the file.
    Content(Bytes),
    /// The tree.
    Tree(Value),
}

/// Renders a file of a project as the one who renders it in a deployment does, and gives what a person should know about
/// that beside it.
///
/// A file that several render is shown as the first of these does: a project whose deployment.yaml it is, a source of
/// variables, the item with the deepest folder around it. A file that nobody renders is shown as the nearest project would.
///
/// # Errors
/// The file is not in the project's repository, nobody is found who could render it, or rendering it fails. What else is
/// wrong with the project does not matter.
pub fn view(
    project: &OpenProject,
    target: &TargetConfig,
    options: &ViewOptions,
    world: &World,
) -> Result<(View, Vec<String>), Problems> {
    // One thread meets everybody in the order of deployment.
    on_threads(1, || {
        let mut loader = VarsLoader::new(world, options.sops_strict);
        let seen = view_with(&mut loader, project, target, options);
        let masks = lock(&loader.sensitive).masks();
        let mut problems = match seen {
            Ok((view, mut notes)) => {
                notes.extend(loader.decrypter.into_warnings());
                for note in &mut notes {
                    masks.mask_text(note);
                }
                return Ok((view, notes));
            }
            Err(problems) => problems.into_vec(),
        };
        mask_all(&mut problems, &masks);
        Err(problems.into())
    })
}

fn view_with(
    loader: &mut VarsLoader,
    project: &OpenProject,
    target: &TargetConfig,
    options: &ViewOptions,
) -> Result<(View, Vec<String>), Problems> {
    let files = match &options.file {
        Some(file) => names_in(project, file)?,
        None => Vec::new(),
    };
    loader.watch = Some(Watch::new(project.tree.clone(), files));
    let globals = crate::target::globals(&project.file(), target, &project.args)?;
    let loaded = load::load_root(loader, &project.tree, &project.dir, Arc::new(Vars::new(globals)));
    let met = loader.watch.take().map(Watch::into_met).unwrap_or_default();
    let mut notes = std::mem::take(&mut *lock(&loader.warnings));
    let found = match (choose(met, options), loaded) {
        (
            None
            | Some((
                Met {
                    role: Role::Project(_),
                    ..
                },
                _,
            )),
            Err(problems),
        ) if options.file.is_some() => {
            return Err(problems);
        }
        (None, Err(problems)) => return Err(problems),
        (None, Ok(_)) => None,
        (Some(found), _) => Some(found),
    };
    let Some((met, others)) = found else {
        return Err(nobody(project, options).into());
    };
    notes.extend(describe(project, options, &met, others));
    let mut renderer = loader
        .templates
        .for_tree(&met.context, &project.tree, &met.search_dirs);
    renderer = renderer.with_search_dirs(met.search_dirs.iter().chain(&options.search_dirs).cloned());
    if options.non_strict {
        renderer = renderer.non_strict();
    }
    Ok((render(project, options, &met, &renderer)?, notes))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The names of a file below the project's root: as it was given, and with all links followed.
fn names_in(project: &OpenProject, file: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Problem> {
    let root = project.root();
    let folder = file.parent().unwrap_or(file);
    let real = folder
        .canonicalize_utf8()
        .map(|folder| folder.join(file.file_name().unwrap_or_default()));
    let mut names: Vec<Utf8PathBuf> = Vec::new();
    for path in std::iter::once(file.to_owned()).chain(real) {
        if let Ok(inside) = path.strip_prefix(root) {
            let inside = normalize(inside);
            if !names.contains(&inside) {
                names.push(inside);
            }
        }
    }
    if names.is_empty() {
        return Err(
            Problem::in_file(file, "the file is not in the project's repository").hint(format!(
                "the project is in {root}; pass --vars FILE to render without a project"
            )),
        );
    }
    if !names.iter().any(|name| project.tree.is_file(name)) {
        return Err(Problem::in_file(file, "there is no such file"));
    }
    Ok(names)
}

/// The one whose eyes to see with, and how many more have the file. Without a file it is the root project.
fn choose(met: Vec<Met>, options: &ViewOptions) -> Option<(Met, usize)> {
    if options.file.is_none() {
        return met.into_iter().next().map(|first| (first, 0));
    }
    let rank = |met: &Met| match &met.role {
        Role::Deployment => Some((3, 0)),
        Role::Vars => Some((2, 0)),
        Role::Item(item) => is_in(item, &options.inclusion).then(|| (1, depth(item.dir.as_deref()))),
        Role::Project(dir) => Some((0, depth(Some(dir)))),
    };
    let best = met.iter().filter_map(rank).max()?;
    let mut fitting = met.into_iter().filter(|met| rank(met) == Some(best));
    let first = fitting.next()?;
    Some((first, fitting.count()))
}

fn depth(dir: Option<&Utf8Path>) -> usize {
    dir.map_or(0, |dir| dir.components().count())
}

/// What a person should know about whose view it is.
fn describe(project: &OpenProject, options: &ViewOptions, met: &Met, others: usize) -> Option<String> {
    let file = options.file.as_ref()?;
    match &met.role {
        Role::Project(dir) => Some(format!(
            "{file} is rendered by no item; shown with the variables of the project in {}",
            project.tree.shown(dir)
        )),
        Role::Item(_) if others > 0 => Some(format!(
            "{file} is rendered by {} items; shown as the first one sees it (choose another with --include-tag)",
            others + 1
        )),
        Role::Deployment | Role::Vars if others > 0 => Some(format!(
            "{file} is rendered {} times; shown as it is seen the first time",
            others + 1
        )),
        _ => None,
    }
}

fn nobody(project: &OpenProject, options: &ViewOptions) -> Problem {
    let file = options.file.as_deref().unwrap_or("-".into());
    let folder = project.tree.shown(&project.dir);
    Problem::in_file(file, "no part of the project renders this file").hint(format!(
        "the project is in {folder}; pass --vars FILE to render without a project"
    ))
}

fn render(
    project: &OpenProject,
    options: &ViewOptions,
    met: &Met,
    renderer: &Renderer,
) -> Result<View, Problems> {
    let shown = project.tree.shown(&met.file);
    let name = options.file.as_ref().map(|_| shown.as_str());
    let place = |errors: &[kluctl_jinja::Error], text: &str| match name {
        Some(name) => templates::problems_within(errors, name, text),
        None => errors.iter().map(templates::problem).collect::<Vec<_>>().into(),
    };
    match &options.template {
        Template::Text(text) => match renderer.render_string(text) {
            Ok(rendered) => Ok(View::Content(rendered.into())),
            Err(error) => Err(place(&[error], text)),
        },
        Template::Tree(tree) => match renderer.render_struct(tree) {
            Ok(rendered) => Ok(View::Tree(rendered)),
            Err(errors) => Err(place(&errors, "")),
        },
        Template::File => {
            let content = project
                .tree
                .read(&met.file)
                .map_err(|error| Problem::in_file(&shown, error.to_string()))?
                .unwrap_or_default();
            let raw = match &met.role {
                Role::Item(item) => is_raw(item, &met.file, &content)?,
                _ => !content.contains(&b'{'),
            };
            if raw {
                return Ok(View::Content(content));
            }
            match renderer.render_content(&shown, &content) {
                Ok(rendered) => Ok(View::Content(rendered.into())),
                Err(error) => Err(templates::problem(&error).into()),
            }
        }
    }
}
