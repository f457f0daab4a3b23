//! `kluctl list-targets`.

use std::process::ExitCode;
use std::sync::Arc;

use kluctl_project::Problems;
use kluctl_project::outside::NoSources;
use serde_json::Value;

use super::rendering::{report, show_warnings};
use crate::opening;
use crate::options::args::ArgsFlags;
use crate::options::global::GlobalFlags;
use crate::options::output::OutputFlags;
use crate::options::project::ProjectFlags;
use crate::terminal::Terminal;

/// Outputs a yaml list with all targets
#[derive(Debug, clap::Args)]
pub(crate) struct ListTargetsArgs {
    #[command(flatten)]
    project: ProjectFlags,

    #[command(flatten)]
    output: OutputFlags,

    /// Output only the names of targets, one per line
    #[arg(long)]
    only_names: bool,
}

/// Lists the targets of a project.
pub(crate) fn run(args: &ListTargetsArgs, global: &GlobalFlags) -> ExitCode {
    let terminal = Terminal::of(global);
    report(&terminal, list(args, &terminal))
}

fn list(args: &ListTargetsArgs, terminal: &Terminal) -> Result<(), Problems> {
    let (project, _args, warnings) =
        opening::open(&args.project, &ArgsFlags::default(), Arc::new(NoSources))?;
    show_warnings(terminal, &warnings);
    show_warnings(terminal, &opening::failed_targets(&project));
    let text = if args.only_names {
        project
            .targets()
            .iter()
            .map(|target| format!("{}\n", target.name))
            .collect()
    } else {
        let targets = project.target_values()?;
        // As upstream writes a list that has nothing in it.
        kluctl_yaml::to_string(&if targets.is_empty() {
            Value::Null
        } else {
            Value::Array(targets)
        })
    };
    Ok(opening::write_output(&args.output.output, &text)?)
}
