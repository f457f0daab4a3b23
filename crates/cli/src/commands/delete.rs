//! `kluctl delete`.

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

/// Delete a target (or parts of it) from the corresponding cluster
///
/// Objects are located based on the target discriminator.
///
/// WARNING: This command will also delete objects which are not part of your deployment project (anymore). It really only
/// decides based on the discriminator and does NOT take the local target/state into account!
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
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

    /// Don't wait for deletion of objects to finish.
    #[arg(long, help_heading = MISC)]
    no_wait: bool,

    /// Override the target discriminator.
    #[arg(long, value_name = "string", help_heading = MISC)]
    discriminator: Option<String>,
}

/// Finds what is to go, shows it, asks, and deletes it.
pub(crate) fn run(args: &DeleteArgs, global: &GlobalFlags) -> ExitCode {
    match Running::start(global, Some(args.open.project.timeout)) {
        Ok(running) => running.finish(delete(args, &running)),
        Err(error) => crate::fail(&error),
    }
}

fn delete(args: &DeleteArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        discriminator: args.discriminator.clone(),
        read_only: false,
    };
    let opened = open(running, &args.open, &choices)?;
    let options = DeleteOptions {
        dry_run: args.dry_run.dry_run,
        wait: !args.no_wait,
        want_clear: args.show.output.no_obfuscate,
    };
    let ask = !args.yes.yes && !args.dry_run.dry_run;
    let mut confirm = |doomed: &[kluctl_object::ObjectRef]| confirm_deletion(running, doomed, ask);
    let work = kluctl_commands::delete(&opened.session, &opened.target, &options, &mut confirm);
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
