//! First step: the files of an item, rendered.

use std::collections::BTreeSet;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::load::LoadedItem;
use crate::outside::Files;
use crate::problem::{Gathered, Problem, Problems};
use crate::templates::{self, Templates};
use crate::tree::{EntryKind, SourceTree, join};

/// Renders all files of an item, folders below it too, but for local charts, what `.templateignore` names, and `.git`.
/// The files keep their place relative to the item's folder.
pub(super) fn render_files(templates: &Templates, item: &LoadedItem) -> Result<Files, Problems> {
    let Some(dir) = &item.dir else {
        return Ok(Files::new());
    };
    let tree = &item.tree;
    let unreadable =
        |path: &Utf8Path, error: &std::io::Error| Problem::in_file(tree.shown(path), error.to_string());
    let paths = tree
        .walk(dir, &|path, _| path.file_name() == Some(".git"))
        .map_err(|error| unreadable(dir, &error))?;
    let charts = chart_dirs(&paths);
    let ignore = TemplateIgnore::of(tree, dir, &paths)?;
    let renderer = templates.for_tree(item.vars.context(), tree, &item.search_dirs(dir));
    let mut problems = Gathered::default();
    let mut files = Files::new();
    for path in &paths {
        let content = match tree.read(path) {
            Ok(content) => content.unwrap_or_default(),
            Err(error) => {
                problems.keep(Err::<(), _>(unreadable(path, &error)));
                continue;
            }
        };
        let raw = !content.contains(&b'{')
            || path.ancestors().skip(1).any(|folder| charts.contains(folder))
            || ignore.ignores(path);
        let rendered = if raw {
            Some(content)
        } else {
            let shown = tree.shown(path);
            let rendered = renderer.render_content(&shown, &content);
            problems.keep(
                rendered
                    .map(Bytes::from)
                    .map_err(|error| templates::problem(&error)),
            )
        };
        if let (Some(content), Ok(inside)) = (rendered, path.strip_prefix(dir)) {
            files.insert(inside.to_owned(), content);
        }
    }
    problems.finish(files)
}

/// Whether one file of an item stays as it is.
pub(crate) fn is_raw(item: &LoadedItem, path: &Utf8Path, content: &[u8]) -> Result<bool, Problem> {
    let Some(dir) = item.dir.as_deref() else {
        return Ok(true);
    };
    let tree = &item.tree;
    let folders: Vec<&Utf8Path> = path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(dir))
        .collect();
    let holds = |folder: &Utf8Path, name: &str| tree.is_file(&join(folder, name));
    let in_chart = folders
        .iter()
        .any(|folder| holds(folder, "Chart.yaml") || holds(folder, "Chart.yml"));
    let ignore_files: Vec<Utf8PathBuf> = folders
        .iter()
        .rev()
        .map(|folder| join(folder, IGNORE_FILE))
        .collect();
    let in_git = path.components().any(|part| part.as_str() == ".git");
    Ok(!content.contains(&b'{')
        || in_chart
        || in_git
        || TemplateIgnore::of(tree, dir, &ignore_files)?.ignores(path))
}

/// Folders of charts, whose templates are not ours.
fn chart_dirs(paths: &[Utf8PathBuf]) -> BTreeSet<&Utf8Path> {
    paths
        .iter()
        .filter(|path| matches!(path.file_name(), Some("Chart.yaml" | "Chart.yml")))
        .filter_map(|path| path.parent())
        .collect()
}

/// What the `.templateignore` files from the root down to the item, and inside it, name.
struct TemplateIgnore(Vec<(Utf8PathBuf, Gitignore)>);

const IGNORE_FILE: &str = ".templateignore";

impl TemplateIgnore {
    fn of(tree: &SourceTree, dir: &Utf8Path, paths: &[Utf8PathBuf]) -> Result<Self, Problem> {
        let mut folders: Vec<&Utf8Path> = dir.ancestors().skip(1).collect();
        folders.reverse();
        let mut rules = Vec::new();
        for folder in folders {
            rules.extend(read_rules(tree, folder)?);
        }
        for path in paths.iter().filter(|path| path.file_name() == Some(IGNORE_FILE)) {
            rules.extend(read_rules(tree, path.parent().unwrap_or(dir))?);
        }
        Ok(Self(rules))
    }

    /// Rules of inner files come later and win.
    fn ignores(&self, path: &Utf8Path) -> bool {
        for (folder, rules) in self.0.iter().rev() {
            let Ok(inside) = path.strip_prefix(folder) else {
                continue;
            };
            let matched = rules.matched_path_or_any_parents(inside, false);
            if matched.is_ignore() {
                return true;
            }
            if matched.is_whitelist() {
                return false;
            }
        }
        false
    }
}

fn read_rules(tree: &SourceTree, folder: &Utf8Path) -> Result<Option<(Utf8PathBuf, Gitignore)>, Problem> {
    let path = join(folder, IGNORE_FILE);
    if tree.kind(&path) != Some(EntryKind::File) {
        return Ok(None);
    }
    let shown = tree.shown(&path);
    let content = tree
        .read(&path)
        .map_err(|error| Problem::in_file(&shown, error.to_string()))?;
    let text = String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned();
    let mut builder = GitignoreBuilder::new("");
    for (line, number) in text.lines().zip(1..) {
        builder.add_line(None, line).map_err(|error| {
            let mut problem = Problem::in_file(&shown, error.to_string());
            if let Some(place) = problem.places.first_mut() {
                (place.line, place.source_line) = (number, Some(line.to_owned()));
            }
            problem
        })?;
    }
    let rules = builder
        .build()
        .map_err(|error| Problem::in_file(&shown, error.to_string()))?;
    Ok(Some((folder.to_owned(), rules)))
}
