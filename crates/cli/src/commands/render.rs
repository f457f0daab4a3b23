//! `kluctl render`.

use std::io::Write;
use std::process::ExitCode;

use camino::Utf8Path;
use kluctl_object::Object;
use kluctl_project::{Problem, Problems, Rendered, TraceRequest};
use rayon::prelude::*;
use serde_json::Value;

use super::rendering::{RenderingFlags, render, report};
use crate::opening;
use crate::options::global::GlobalFlags;
use crate::options::output::RenderOutputDirFlags;
use crate::terminal::Terminal;

/// Renders all resources and configuration files
///
/// Writes the result to standard output, or to the folder that is given.
#[derive(Debug, clap::Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    rendering: RenderingFlags,

    #[command(flatten)]
    output: RenderOutputDirFlags,

    /// Write all rendered manifests to stdout
    #[arg(long)]
    print_all: bool,

    /// Tell where the fields of an object come from: file, chart, line of the template, key of the values, kustomization,
    /// variable. Must be in the form --trace=<namespace>/<kind>/<name> or --trace=<kind>/<name>.
    #[arg(long, value_name = "object", conflicts_with = "print_all")]
    trace: Option<String>,

    /// With --trace, only the fields below a JSON path, e.g. --trace-path spec.replicas
    #[arg(long, value_name = "jsonPath", requires = "trace")]
    trace_path: Option<String>,
}

/// Renders a target and shows what came out.
pub(crate) fn run(args: &RenderArgs, global: &GlobalFlags) -> ExitCode {
    let terminal = Terminal::of(global);
    report(&terminal, render_and_write(args, &terminal))
}

fn render_and_write(args: &RenderArgs, terminal: &Terminal) -> Result<(), Problems> {
    let keep_files = args.output.render_output_dir.is_some();
    let trace = args.trace.as_ref().map(|object| TraceRequest {
        object: object.clone(),
        path: args.trace_path.clone(),
    });
    let rendered = render(&args.rendering, keep_files, trace, terminal)?;
    if let Some(trace) = &rendered.trace {
        return Ok(opening::write_output(&[], &trace.to_string())?);
    }
    if let Some(folder) = &args.output.render_output_dir {
        write_files(folder, &rendered)?;
    }
    if args.print_all {
        print_all(rendered)?;
    } else if let Some(folder) = &args.output.render_output_dir {
        terminal.info(&format!("Rendered into {folder}"));
    } else {
        let objects: usize = rendered.items.iter().map(|item| item.objects.len()).sum();
        let items = rendered.items.len();
        terminal.info(&format!(
            "Rendered {objects} objects of {items} items. Pass --print-all or --render-output-dir to see them."
        ));
    }
    Ok(())
}

/// Writes every object as one stream of documents, in the order of items and of objects in them.
fn print_all(rendered: Rendered) -> Result<(), Problem> {
    let texts: Vec<String> = rendered
        .items
        .into_par_iter()
        .flat_map_iter(|item| item.objects)
        .map(|object: Object| kluctl_yaml::to_string(&Value::from(object)))
        .collect();
    let mut stdout = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let written = texts.iter().enumerate().try_for_each(|(index, text)| {
        if index > 0 {
            stdout.write_all(b"---\n")?;
        }
        stdout.write_all(text.as_bytes())
    });
    match written.and_then(|()| stdout.flush()) {
        // Whoever reads may stop reading.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Problem::new(format!("writing to standard output failed: {error}"))),
    }
}

/// Writes the rendered files, readable by their owner only, since they may hold secrets.
pub(crate) fn write_files(folder: &Utf8Path, rendered: &Rendered) -> Result<(), Problem> {
    let failed =
        |path: &Utf8Path, error: std::io::Error| Problem::in_file(path, format!("writing failed: {error}"));
    for (path, content) in &rendered.files.0 {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| failed(&path, error))?;
        file.write_all(content).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
