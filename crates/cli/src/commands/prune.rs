//! `kluctl prune`.

use std::process::ExitCode;

use clap::Args;
use kluctl_commands::DeleteOptions;

use crate::changes::{ShowFlags, confirm_deletion, exit_code};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::output::MISC;
use crate::options::run::{CommandResultFlags, DryRunFlags, YesFlags};
use crate::results::write_command;
use crate::running::Running;
use crate::stored::write_result;

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
    match Running::start(global, Some(args.open.project.timeout)) {
        Ok(running) => running.finish(prune(args, &running)),
        Err(error) => crate::fail(&error),
    }
}

fn prune(args: &PruneArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        discriminator: args.discriminator.clone(),
        read_only: false,
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
    let mut finished = running.runtime.block_on(work);
    write_result(
        running,
        &args.results,
        opened.session.cluster.as_ref(),
        &mut finished.result,
    );
    let result = finished.clear.as_ref().unwrap_or(&finished.result);
    write_command(
        &running.terminal,
        &args.show.show(running.color),
        result,
        &finished.versions,
    )?;
    exit_code(&finished.result, args.show.detailed_exitcode)
}
