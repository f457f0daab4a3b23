//! `kluctl diff`.

use std::process::ExitCode;

use clap::Args;
use kluctl_commands::{DiffCommandOptions, DiffOptions, ExecuteOptions};

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
    };
    let opened = open(running, &args.open, &choices)?;
    let options = DiffCommandOptions {
        execute: ExecuteOptions {
            force_apply: args.force.force_apply,
            replace_on_error: args.replace.replace_on_error,
            force_replace_on_error: args.replace.force_replace_on_error,
            ..ExecuteOptions::default()
        },
        ignore: DiffOptions {
            ignore_tags: args.ignore.ignore_tags,
            ignore_labels: args.ignore.ignore_labels,
            ignore_annotations: args.ignore.ignore_annotations,
            ignore_kluctl_metadata: args.ignore.ignore_kluctl_metadata,
        },
        want_clear: args.show.output.no_obfuscate,
    };
    let work = kluctl_commands::diff(&opened.session, &opened.target, &options);
    let finished = running.runtime.block_on(work);
    conclude(running, &opened, &args.show, None, finished)
}
