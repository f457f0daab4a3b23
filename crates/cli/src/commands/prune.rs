//! `kluctl prune`.

use std::process::ExitCode;

use clap::Args;
use kluctl_commands::DeleteOptions;

use crate::changes::{ShowFlags, conclude, confirm_deletion};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::output::MISC;
use crate::options::run::{CommandResultFlags, DryRunFlags, YesFlags};
use crate::running::Running;

/// Searches the target cluster for prunable objects and deletes them
///
/// Searching works by listing all objects that carry the target's discriminator and taking away those that the rendered target
/// consists of.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    open: OpenFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    yes: YesFlags,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    results: CommandResultFlags,

    /// Override the target discriminator.
    #[arg(long, value_name = "string", help_heading = MISC)]
    discriminator: Option<String>,
}

/// Finds what is to go, shows it, asks, and deletes it.
pub(crate) fn run(args: &PruneArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.open.project.timeout, |running| prune(args, running))
}

fn prune(args: &PruneArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        discriminator: args.discriminator.clone(),
        read_only: false,
        ..OpenChoices::default()
    };
    let opened = open(running, &args.open, &choices)?;
    let options = DeleteOptions {
        dry_run: args.dry_run.dry_run,
        wait: true,
        want_clear: args.show.output.no_obfuscate,
    };
    let ask = !args.yes.yes && !args.dry_run.dry_run;
    let mut confirm = |doomed: &[kluctl_object::ObjectRef]| confirm_deletion(running, doomed, ask);
    let work = kluctl_commands::prune(&opened.session, &opened.target, &options, &mut confirm);
    let finished = running.runtime.block_on(work);
    conclude(
        running,
        &opened.session,
        &args.show,
        Some(&args.results),
        finished,
    )
}
