//! The engine: a shared cache of compiled templates and the settings, and what is rendered with it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Vm;
use crate::source::Source;
use crate::template::{Compiled, Template, compile_text};
use crate::value::dict::BuildFast;
use crate::value::frozen::FrozenMap;
use crate::value::text::decode_file;

/// Where templates and loaded files come from. The engine itself never touches the disk.
pub trait Loader: Send + Sync {
    /// The content of the file at this path, or `None` when there is no such file (folders are none).
    fn read(&self, path: &Utf8Path) -> Option<Bytes>;
}

/// A loader without files, for texts that include nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Loader for NoFiles {
    fn read(&self, _: &Utf8Path) -> Option<Bytes> {
        None
    }
}

/// What templates may ask of the world; each part has an answer that needs nothing.
pub trait Host: Send + Sync {
    /// The moment `time.now()` and `time.utcnow()` give.
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// The zone of `time.now()`.
    fn time_zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::system()
    }

    /// The commit that last touched the file at this path, for `load_latest_git_commit`; `None` when no commit did. The
    /// error is the message to show.
    fn latest_git_commit(&self, path: &Utf8Path) -> Result<Option<String>, String> {
        let folder = path.parent().unwrap_or(path);
        Err(format!("No git repository was found at {folder}"))
    }

    /// Takes what `debug_print` prints.
    fn debug_print(&self, _message: &str) {}
}

/// A host that knows the clock and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHost;

impl Host for PlainHost {}

/// Bounds on one render.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statements, calls and loop steps.
    pub steps: u64,
    /// Bytes of text and data that are made in all, and of output.
    pub memory: usize,
    /// Depth of calls as Python counts frames; a macro takes four.
    pub depth: u32,
    /// Bytes of stack from where rendering starts. Threads must have more than this.
    pub stack: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 30_000_000,
            memory: 1 << 30,
            depth: 1000,
            stack: 1 << 20,
        }
    }
}

type Programs = HashMap<Arc<str>, Arc<Compiled>, BuildFast>;

struct Shared {
    programs: RwLock<(Programs, usize)>,
    limits: Limits,
}

/// Renders templates. Cheap to clone; all clones share the compiled templates, from any thread.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// Cached source text beyond this many bytes is dropped, all at once.
const CACHE_BYTES: usize = 64 << 20;

impl Engine {
    /// An engine with these limits on every render.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared {
            programs: RwLock::default(),
            limits,
        }))
    }

    /// A renderer over these variables.
    pub fn renderer(&self, context: &Context) -> Renderer {
        Renderer {
            input: RenderInput {
                engine: self.clone(),
                context: context.0.clone(),
                loader: Arc::new(NoFiles),
                host: Arc::new(PlainHost),
                search_dirs: Arc::from([]),
                strict: true,
            },
        }
    }

    /// The template of a text; errors have their place.
    pub(crate) fn compile(&self, name: Option<Arc<str>>, shown: Arc<str>, text: &str) -> Result<Template> {
        let cached = self
            .0
            .programs
            .read()
            .ok()
            .and_then(|programs| programs.0.get(text).cloned());
        let compiled = match cached {
            Some(compiled) => compiled,
            None => match compile_text(text) {
                Ok(compiled) => self.remember(text, Arc::new(compiled)),
                Err((error, text)) => {
                    let shown = if name.is_none() { "<unknown>".into() } else { shown };
                    return Err(error.locate(&Source { name: shown, text }, "template"));
                }
            },
        };
        Ok(Template {
            name,
            source: Source {
                name: shown,
                text: compiled.text.clone(),
            },
            program: compiled.program.clone(),
        })
    }

    fn remember(&self, text: &str, compiled: Arc<Compiled>) -> Arc<Compiled> {
        if let Ok(mut programs) = self.0.programs.write() {
            if programs.1 + text.len() > CACHE_BYTES {
                *programs = Default::default();
            }
            programs.1 += text.len();
            programs.0.insert(text.into(), compiled.clone());
        }
        compiled
    }
}

/// The variables of templates: shared between renders, and never changed by one.
#[derive(Clone, Debug, Default)]
pub struct Context(Arc<FrozenMap>);

impl Context {
    /// Takes variables over. Keys are sorted and whole floats become integers, as upstream hands them to Python.
    pub fn new(variables: &serde_json::Map<String, serde_json::Value>) -> Self {
        Self(Arc::new(FrozenMap::from_json(variables)))
    }

    /// As [`Context::new`], from any JSON value; what is not an object has no variables.
    pub fn from_value(variables: &serde_json::Value) -> Self {
        variables.as_object().map(Self::new).unwrap_or_default()
    }

    /// The same variables with these in place of or beside them; what is unchanged is shared.
    #[must_use]
    pub fn with(&self, more: &serde_json::Map<String, serde_json::Value>) -> Self {
        let more = FrozenMap::from_json(more);
        let mut entries = self.0.entries.clone();
        for (key, value) in more.entries {
            match entries.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(index) => entries[index].1 = value,
                Err(index) => entries.insert(index, (key, value)),
            }
        }
        Self(Arc::new(FrozenMap { entries }))
    }
}

/// What one render works with.
#[derive(Clone)]
pub(crate) struct RenderInput {
    pub(crate) engine: Engine,
    pub(crate) context: Arc<FrozenMap>,
    pub(crate) loader: Arc<dyn Loader>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) search_dirs: Arc<[Utf8PathBuf]>,
    pub(crate) strict: bool,
}

impl RenderInput {
    pub(crate) fn limits(&self) -> Limits {
        self.engine.0.limits
    }
}

/// Renders texts, files and trees with one set of variables. Cheap to clone and to share between threads; every text
/// and file is rendered on its own, and what one changes in place no other sees.
#[derive(Clone)]
pub struct Renderer {
    input: RenderInput,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer")
            .field("search_dirs", &self.input.search_dirs)
            .field("strict", &self.input.strict)
            .finish_non_exhaustive()
    }
}

impl Renderer {
    /// Takes files from `loader`.
    #[must_use]
    pub fn with_loader(mut self, loader: Arc<dyn Loader>) -> Self {
        self.input.loader = loader;
        self
    }

    /// Asks `host` for the time, git commits and where to print.
    #[must_use]
    pub fn with_host(mut self, host: Arc<dyn Host>) -> Self {
        self.input.host = host;
        self
    }

    /// Searches these folders, in order, for what templates include and load. They should be absolute.
    #[must_use]
    pub fn with_search_dirs(mut self, search_dirs: impl IntoIterator<Item = Utf8PathBuf>) -> Self {
        self.input.search_dirs = search_dirs.into_iter().collect();
        self
    }

    /// Lets undefined variables pass: they print nothing and swallow arithmetic.
    #[must_use]
    pub fn non_strict(mut self) -> Self {
        self.input.strict = false;
        self
    }

    /// Renders a text. Without any `{` it is returned as it is.
    pub fn render_string(&self, text: &str) -> Result<String> {
        if !text.contains('{') {
            return Ok(text.to_owned());
        }
        let template = Rc::new(self.input.engine.compile(None, "<template>".into(), text)?);
        let vm = Vm::new(self.input.clone());
        vm.render(&template, vm.base.clone())
    }

    /// Renders the file at `path`, which should be absolute. Without any `{` its content is returned as it is.
    pub fn render_file(&self, path: &Utf8Path) -> Result<String> {
        let Some(content) = self.input.loader.read(path) else {
            return Err(crate::runtime::imports::not_found(path.as_str()));
        };
        self.render_content(path, &content)
    }

    /// Renders `content` as the file at `path`. It must be UTF-8 text.
    pub fn render_content(&self, path: &Utf8Path, content: &[u8]) -> Result<String> {
        let name: Arc<str> = path.as_str().into();
        let shown: Arc<str> = crate::paths::normalize(path.as_str()).into();
        let text = decode_file(&shown, content)?;
        if !text.contains('{') {
            return Ok(text.to_owned());
        }
        let template = Rc::new(self.input.engine.compile(Some(name.clone()), shown, text)?);
        let vm = Vm::new(self.input.clone());
        vm.root.replace(Some(name.clone()));
        vm.templates.borrow_mut().insert(name, template.clone());
        vm.render(&template, vm.base.clone())
    }

    /// Renders every string of a tree, keys too. Results stay strings; all errors are returned, in the tree's order.
    pub fn render_struct(&self, tree: &serde_json::Value) -> Result<serde_json::Value, Vec<Error>> {
        let mut errors = Vec::new();
        let rendered = self.render_tree(tree, &mut errors);
        if errors.is_empty() {
            Ok(rendered)
        } else {
            Err(errors)
        }
    }

    fn render_tree(&self, tree: &serde_json::Value, errors: &mut Vec<Error>) -> serde_json::Value {
        use serde_json::Value;
        let text = |text: &str, errors: &mut Vec<Error>| {
            self.render_string(text).unwrap_or_else(|error| {
                errors.push(error);
                String::new()
            })
        };
        match tree {
            Value::String(value) => Value::String(text(value, errors)),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.render_tree(item, errors)).collect())
            }
            Value::Object(map) => {
                let mut keys: Vec<_> = map.iter().collect();
                keys.sort_by_key(|(key, _)| *key);
                let mut rendered = serde_json::Map::new();
                for (key, value) in keys {
                    let key = text(key, errors);
                    rendered.insert(key, self.render_tree(value, errors));
                }
                Value::Object(rendered)
            }
            other => other.clone(),
        }
    }

    /// Whether a `when` expression holds. An empty one does.
    pub fn eval_condition(&self, expression: &str) -> Result<bool> {
        if expression.is_empty() {
            return Ok(true);
        }
        let text = self.render_string(&format!(
            "{{% if {expression} %}} True {{% else %}} False {{% endif %}}"
        ))?;
        match text.trim() {
            "" | "True" => Ok(true),
            "False" => Ok(false),
            _ => Err(Error::new(
                ErrorKind::VALUE,
                format!("unable to evaluate conditional: {expression}"),
            )),
        }
    }
}
