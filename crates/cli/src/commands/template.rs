//! `kluctl template`.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_jinja::{Context, Engine, Host, Limits, Loader, Renderer};
use serde_json::{Map, Value};

/// Render one template and print its text
///
/// Shows what a file becomes: the text, and nothing else, goes to standard output. A path is rendered as a file of a
/// project, with includes and loads; `-` reads a text from standard input.
#[derive(Debug, clap::Args)]
pub(crate) struct TemplateArgs {
    /// Take variables from this YAML or JSON file; later files are merged over earlier ones
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    String,
    File,
    Struct,
}

/// Renders and prints.
pub(crate) fn run(args: &TemplateArgs) -> ExitCode {
    match render(args).and_then(|text| {
        std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| format!("cannot write: {error}"))
    }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            drop(writeln!(std::io::stderr(), "{message}"));
            ExitCode::FAILURE
        }
    }
}

fn render(args: &TemplateArgs) -> Result<String, String> {
    let TemplateArgs {
        vars,
        mode,
        non_strict,
        search_dir,
        file,
    } = args;
    if vars.is_empty() {
        return Err(
            "`kluctl template` without `--vars` is not supported yet: pass the variables with `--vars FILE`"
                .to_owned(),
        );
    }
    let from_stdin = file == "-";
    let mode = mode.unwrap_or(if from_stdin { Mode::String } else { Mode::File });
    let dirs = search_dir
        .iter()
        .map(|dir| absolute(dir))
        .collect::<Result<Vec<_>, _>>()?;
    let mut renderer = Engine::new(Limits {
        stack: 128 << 20,
        ..Limits::default()
    })
    .renderer(&Context::new(&variables(vars)?))
    .with_loader(Arc::new(Disk))
    .with_host(Arc::new(Terminal))
    .with_search_dirs(dirs);
    if *non_strict {
        renderer = renderer.non_strict();
    }
    match mode {
        Mode::File if from_stdin => Err("`-` is a text: `--mode file` needs a path".to_owned()),
        Mode::File => renderer
            .render_file(&absolute(file)?)
            .map_err(|error| error.to_string()),
        Mode::String => renderer
            .render_string(&input(file, from_stdin)?)
            .map_err(|error| error.to_string()),
        Mode::Struct => render_tree(&renderer, &input(file, from_stdin)?),
    }
}

fn render_tree(renderer: &Renderer, text: &str) -> Result<String, String> {
    let tree = parse(text, "the tree")?;
    let rendered = renderer.render_struct(&tree).map_err(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })?;
    let mut json = serde_json::to_string_pretty(&rendered).map_err(|error| error.to_string())?;
    json.push('\n');
    Ok(json)
}

/// JSON is read as such, so that its keys and numbers stay what they are; all else is YAML.
fn parse(text: &str, what: &str) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    kluctl_yaml::from_str(text).map_err(|error| format!("cannot read {what}: {error}"))
}

fn variables(files: &[Utf8PathBuf]) -> Result<Map<String, Value>, String> {
    let mut all = Map::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        match parse(&text, file.as_str())? {
            Value::Object(map) => merge(&mut all, map),
            Value::Null => {}
            _ => return Err(format!("{file} holds no map of variables")),
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

fn input(file: &Utf8Path, from_stdin: bool) -> Result<String, String> {
    let mut text = String::new();
    if from_stdin {
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| format!("cannot read standard input: {error}"))?;
    } else {
        text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    }
    Ok(text)
}

fn absolute(path: &Utf8Path) -> Result<Utf8PathBuf, String> {
    camino::absolute_utf8(path).map_err(|error| format!("cannot resolve {path}: {error}"))
}

/// Reads files from disk.
struct Disk;

impl Loader for Disk {
    fn read(&self, path: &Utf8Path) -> Option<Bytes> {
        std::fs::read(path).ok().map(Bytes::from)
    }
}

/// Prints where a person sees it.
struct Terminal;

impl Host for Terminal {
    fn debug_print(&self, message: &str) {
        drop(writeln!(std::io::stderr(), "debug_print: {message}"));
    }
}
