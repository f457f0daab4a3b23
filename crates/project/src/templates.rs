//! Templates: where they find files, and how their errors are shown.

use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, Host, Limits, Loader, Renderer};

use crate::outside::Sources;
use crate::problem::{Place, Problem, Problems};
use crate::tree::SourceTree;
use crate::trees::Trees;

/// Reads files of a tree by their absolute path.
struct TreeLoader(Arc<SourceTree>);

impl Loader for TreeLoader {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        let inside = path.strip_prefix(self.0.root()).ok()?;
        self.0.read(inside).ok().flatten()
    }
}

/// Knows the clock, and asks the sources for commits.
struct SourcesHost {
    sources: Arc<dyn Sources>,
    trees: Arc<Trees>,
}

impl Host for SourcesHost {
    fn latest_git_commit(&self, path: &Utf8Path) -> Result<Option<String>, String> {
        let commit = match self.trees.commit_of(path) {
            Some((url, commit, inside)) => self.sources.latest_commit_in(&url, &commit, &inside),
            None => self.sources.latest_commit(path),
        };
        commit.map_err(|error| error.to_string())
    }

    fn debug_print(&self, message: &str) {
        self.sources.debug_print(message);
    }
}

/// How much of its thread's stack one render may take; the threads that render have more.
const STACK_BYTES: usize = 40 << 20;

/// What all templates of a run share.
pub(crate) struct Templates {
    engine: Engine,
    host: Arc<dyn Host>,
}

impl Templates {
    /// Templates whose functions ask `sources`; `trees` are those that the run includes.
    pub(crate) fn new(sources: Arc<dyn Sources>, trees: Arc<Trees>) -> Self {
        Self {
            engine: Engine::new(Limits {
                stack: STACK_BYTES,
                ..Limits::default()
            }),
            host: Arc::new(SourcesHost { sources, trees }),
        }
    }

    /// A renderer for texts that include nothing.
    pub(crate) fn plain(&self, context: &Context) -> Renderer {
        self.engine.renderer(context).with_host(self.host.clone())
    }

    /// A renderer that finds files of a tree.
    pub(crate) fn for_tree(
        &self,
        context: &Context,
        tree: &Arc<SourceTree>,
        search_dirs: &[Utf8PathBuf],
    ) -> Renderer {
        self.plain(context)
            .with_loader(Arc::new(TreeLoader(tree.clone())))
            .with_search_dirs(search_dirs.iter().cloned())
    }
}

/// Shows a template's error with all its places.
pub(crate) fn problem(error: &kluctl_jinja::Error) -> Problem {
    let message = match error.message() {
        "" => error.kind().to_string(),
        message => format!("{}: {message}", error.kind()),
    };
    let mut problem = Problem::new(message);
    problem.places = error
        .chain()
        .iter()
        .map(|place| Place {
            file: place.template.to_string(),
            line: place.line,
            column: place.column,
            source_line: Some(place.text.to_string()),
        })
        .collect();
    problem.hint = error.hint().map(str::to_owned);
    problem
}

/// Shows the errors of a text that stands somewhere in a file: the line is found by its text.
pub(crate) fn problem_within(error: &kluctl_jinja::Error, file: &str, text: &str) -> Problem {
    let mut problem = problem(error);
    for place in &mut problem.places {
        if place.file.starts_with('<') {
            let found = place.source_line.as_deref().and_then(|line| find(text, line));
            file.clone_into(&mut place.file);
            (place.line, place.source_line) = match found {
                Some((number, line)) => {
                    let before = place
                        .source_line
                        .as_deref()
                        .and_then(|snippet| line.find(snippet.trim()));
                    place.column += before.map_or(0, |bytes| line[..bytes].chars().count() as u32);
                    (number, Some(line.to_owned()))
                }
                None => {
                    place.column = 0;
                    (0, None)
                }
            };
        }
    }
    if problem.places.is_empty() {
        problem = problem.from_file(file);
    }
    problem
}

/// The line of a text that holds a snippet.
fn find<'t>(text: &'t str, snippet: &str) -> Option<(u32, &'t str)> {
    let snippet = snippet.trim();
    if snippet.is_empty() {
        return None;
    }
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| line.contains(snippet))
        .map(|(line, number)| (number, line))
        .next()
}

/// As [`problem_within`], for many.
pub(crate) fn problems_within(errors: &[kluctl_jinja::Error], file: &str, text: &str) -> Problems {
    errors
        .iter()
        .map(|error| problem_within(error, file, text))
        .collect::<Vec<_>>()
        .into()
}
