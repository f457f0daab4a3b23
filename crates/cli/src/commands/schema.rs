//! `kluctl schema`.

use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use kluctl_project::config::{FileKind, json_schema};
use kluctl_project::{Problem, Problems};

use super::rendering::report;
use crate::opening;
use crate::options::global::GlobalFlags;
use crate::options::output::OutputFlags;
use crate::terminal::Terminal;

/// Print the JSON Schema of a kind of file, for editors to complete and check it
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// Kind of file: .kluctl.yaml, .kluctl-library.yaml, deployment.yaml, helm-chart.yaml, a file of fixed images, or a
    /// source of variables
    #[arg(value_parser = PossibleValuesParser::new(FileKind::ALL.map(FileKind::name)))]
    kind: String,

    #[command(flatten)]
    output: OutputFlags,
}

/// Prints a schema.
pub(crate) fn run(args: &SchemaArgs, global: &GlobalFlags) -> ExitCode {
    report(&Terminal::of(global), print(args))
}

fn print(args: &SchemaArgs) -> Result<(), Problems> {
    let kind = FileKind::ALL.into_iter().find(|kind| kind.name() == args.kind);
    let kind = kind.ok_or_else(|| Problem::new(format!("unknown kind of file `{}`", args.kind)))?;
    let mut text =
        serde_json::to_string_pretty(&json_schema(kind)).map_err(|error| Problem::new(error.to_string()))?;
    text.push('\n');
    Ok(opening::write_output(&args.output.output, &text)?)
}
