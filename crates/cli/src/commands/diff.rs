//! `kluctl diff`.

use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::Args;
use kluctl_commands::{DiffCommandOptions, ExecuteOptions};

use crate::changes::{ShowFlags, conclude};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::output::MISC;
use crate::options::run::{ForceApplyFlags, IgnoreFlags, ReplaceOnErrorFlags};
use crate::running::Running;

/// Perform a diff between the locally rendered target and the already deployed target
///
/// The output is by default in human readable form (a table combined with unified diffs). The output can also be changed to
/// output a yaml file. Please note however that the format is currently not documented and prone to changes.
/// After the diff is performed, the command will also search for prunable objects and list them.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    open: OpenFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    force: ForceApplyFlags,
    #[command(flatten)]
    replace: ReplaceOnErrorFlags,
    #[command(flatten)]
    ignore: IgnoreFlags,
    #[command(flatten)]
    show: ShowFlags,

    /// Write what is shown into a file that 'deploy --plan' carries out
    ///
    /// The file holds hashes instead of objects, so no secret can be read from it. It is not written when the diff has errors.
    #[arg(long, value_name = "path", help_heading = MISC)]
    save_plan: Option<Utf8PathBuf>,

    /// Override the target discriminator.
    #[arg(long, value_name = "string", help_heading = MISC)]
    discriminator: Option<String>,
}

/// Renders, asks the server what would happen, and shows what would change.
pub(crate) fn run(args: &DiffArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.open.project.timeout, |running| diff(args, running))
}

fn diff(args: &DiffArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        discriminator: args.discriminator.clone(),
        read_only: true,
        ..OpenChoices::default()
    };
    let opened = open(running, &args.open, &choices)?;
    let options = DiffCommandOptions {
        execute: ExecuteOptions {
            force_apply: args.force.force_apply,
            replace_on_error: args.replace.replace_on_error,
            force_replace_on_error: args.replace.force_replace_on_error,
            ..ExecuteOptions::default()
        },
        ignore: args.ignore.options(),
        want_clear: args.show.output.no_obfuscate,
        want_plan: args.save_plan.is_some(),
    };
    let work = kluctl_commands::diff(&opened.session, &opened.target, &options);
    let finished = running.runtime.block_on(work);
    match (&args.save_plan, &finished.plan) {
        (Some(path), Some(plan)) => {
            std::fs::write(path, plan.to_text()).map_err(|error| format!("{path}: {error}"))?;
            running.terminal.info(&format!("Wrote the plan to {path}"));
        }
        (Some(path), None) => {
            let text = format!("The plan was not written to {path}, since the diff has errors");
            running.terminal.warning(&text);
        }
        (None, _) => {}
    }
    conclude(running, &opened.session, &args.show, None, finished)
}
