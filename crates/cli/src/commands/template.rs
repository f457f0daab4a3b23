//! `kluctl template`.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, Host, Limits, Loader};
use kluctl_project::view::{Template, View, ViewOptions, view};
use kluctl_project::{Problem, Problems};
use serde_json::{Map, Value};

use super::rendering::{RenderingFlags, prepare, report, show_warnings};
use crate::lazy_sources;
use crate::options::global::GlobalFlags;
use crate::terminal::Terminal;

/// Render one template and print its text
///
/// Shows what a file becomes: the text, and nothing else, goes to standard output.
///
/// Inside a project, FILE is shown as its own deployment item sees it, with the variables of the target. With `--vars`, no
/// project is needed: a path is rendered as a file, with includes and loads. `-` reads a text from standard input.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    /// Take variables from this YAML or JSON file and from no project; later files are merged over earlier ones
    #[arg(long, value_name = "FILE")]
    vars: Vec<Utf8PathBuf>,

    /// What FILE is: a text, a file, or a YAML or JSON tree whose strings are templates
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<Mode>,

    /// Let undefined variables pass as empty
    #[arg(long)]
    non_strict: bool,

    /// Search this folder for what templates include and load
    #[arg(long, value_name = "DIR")]
    search_dir: Vec<Utf8PathBuf>,

    /// The template, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,

    #[command(flatten)]
    rendering: RenderingFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    String,
    File,
    Struct,
}

/// Renders and prints.
pub(crate) fn run(args: &TemplateArgs, global: &GlobalFlags) -> ExitCode {
    let terminal = Terminal::of(global);
    let written = render(args, &terminal).and_then(|content| {
        std::io::stdout()
            .write_all(&content)
            .map_err(|error| Problem::new(format!("cannot write: {error}")).into())
    });
    report(&terminal, written)
}

fn render(args: &TemplateArgs, terminal: &Terminal) -> Result<Bytes, Problems> {
    let from_stdin = args.file == "-";
    let mode = args
        .mode
        .unwrap_or(if from_stdin { Mode::String } else { Mode::File });
    let file = (!from_stdin).then(|| absolute(&args.file)).transpose()?;
    let template = match mode {
        Mode::File if from_stdin => {
            return Err(Problem::new("`-` is a text: `--mode file` needs a path").into());
        }
        Mode::File => Template::File,
        Mode::String => Template::Text(input(file.as_deref())?),
        Mode::Struct => Template::Tree(parse(&input(file.as_deref())?, "the tree")?),
    };
    let search_dirs = args.search_dir.iter().map(|dir| absolute(dir));
    let search_dirs = search_dirs.collect::<Result<Vec<_>, _>>()?;
    let view = if args.vars.is_empty() {
        in_project(args, file, template, search_dirs, terminal)?
    } else {
        with_variables(args, file.as_deref(), &template, search_dirs)?
    };
    match view {
        View::Content(content) => Ok(content),
        View::Tree(tree) => {
            let json = serde_json::to_string_pretty(&tree);
            let mut json = json.map_err(|error| Problem::new(error.to_string()))?;
            json.push('\n');
            Ok(json.into())
        }
    }
}

/// Renders as the project does that the file is in.
fn in_project(
    args: &TemplateArgs,
    file: Option<Utf8PathBuf>,
    template: Template,
    search_dirs: Vec<Utf8PathBuf>,
    terminal: &Terminal,
) -> Result<View, Problems> {
    let prepared = prepare(&args.rendering.clone().near(file.as_deref())?, false, terminal)?;
    let options = ViewOptions {
        file,
        template,
        inclusion: prepared.options.inclusion,
        non_strict: args.non_strict,
        sops_strict: prepared.options.sops_strict,
        search_dirs,
    };
    let (view, notes) = view(&prepared.project, &prepared.target, &options, &prepared.world)?;
    show_warnings(terminal, &notes);
    Ok(view)
}

/// Renders with the variables of `--vars`.
fn with_variables(
    args: &TemplateArgs,
    file: Option<&Utf8Path>,
    template: &Template,
    search_dirs: Vec<Utf8PathBuf>,
) -> Result<View, Problems> {
    let shown = |error: kluctl_jinja::Error| Problems::from(Problem::new(error.to_string()));
    let mut renderer = Engine::new(Limits {
        stack: 128 << 20,
        ..Limits::default()
    })
    .renderer(&Context::new(&variables(&args.vars)?))
    .with_loader(Arc::new(Disk))
    .with_host(Arc::new(Here))
    .with_search_dirs(search_dirs);
    if args.non_strict {
        renderer = renderer.non_strict();
    }
    match template {
        Template::File => {
            let path = file.unwrap_or("".into());
            let content = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
            let rendered = renderer.render_content(path, &content).map_err(shown)?;
            Ok(View::Content(rendered.into()))
        }
        Template::Text(text) => Ok(View::Content(renderer.render_string(text).map_err(shown)?.into())),
        Template::Tree(tree) => match renderer.render_struct(tree) {
            Ok(rendered) => Ok(View::Tree(rendered)),
            Err(errors) => {
                let problems = errors.iter().map(|error| Problem::new(error.to_string()));
                Err(problems.collect::<Vec<_>>().into())
            }
        },
    }
}

/// JSON is read as such, so that its keys and numbers stay what they are; all else is YAML.
fn parse(text: &str, what: &str) -> Result<Value, Problem> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    kluctl_yaml::from_str(text).map_err(|error| Problem::new(format!("cannot read {what}: {error}")))
}

fn variables(files: &[Utf8PathBuf]) -> Result<Map<String, Value>, Problem> {
    let mut all = Map::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| cannot_read(file, &error))?;
        match parse(&text, file.as_str())? {
            Value::Object(map) => merge(&mut all, map),
            Value::Null => {}
            _ => return Err(Problem::new(format!("{file} holds no map of variables"))),
        }
    }
    Ok(all)
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn input(file: Option<&Utf8Path>) -> Result<String, Problem> {
    let Some(file) = file else {
        let mut text = String::new();
        return match std::io::stdin().read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(Problem::new(format!("cannot read standard input: {error}"))),
        };
    };
    std::fs::read_to_string(file).map_err(|error| cannot_read(file, &error))
}

fn cannot_read(file: &Utf8Path, error: &std::io::Error) -> Problem {
    Problem::new(format!("cannot read {file}: {error}"))
}

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, Problem> {
    camino::absolute_utf8(path).map_err(|error| Problem::new(format!("cannot resolve {path}: {error}")))
}

/// Reads files from disk.
struct Disk;

impl Loader for Disk {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        std::fs::read(path).ok().map(Bytes::from)
    }
}

/// Prints where a person sees it, and knows the history of files.
struct Here;

impl Host for Here {
    fn latest_git_commit(&self, path: &Utf8Path) -> Result<Option<String>, String> {
        lazy_sources::latest_commit(path).map_err(|error| error.to_string())
    }

    fn debug_print(&self, message: &str) {
        lazy_sources::debug_print(message);
    }
}
