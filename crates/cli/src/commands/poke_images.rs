//! `kluctl poke-images`.

use std::process::ExitCode;

use clap::Args;

use crate::changes::{ShowFlags, exit_code};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::run::{CommandResultFlags, DryRunFlags, YesFlags};
use crate::results::write_command;
use crate::running::Running;
use crate::stored::write_result;

/// Replace all images in target
///
/// This command will fully render the target and then only replace images instead of fully deploying the target. Only images
/// used in combination with 'images.get_image(...)' are replaced.
#[derive(Debug, Args)]
pub(crate) struct PokeImagesArgs {
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
}

/// Renders, asks, and replaces images.
pub(crate) fn run(args: &PokeImagesArgs, global: &GlobalFlags) -> ExitCode {
    match Running::start(global, Some(args.open.project.timeout)) {
        Ok(running) => running.finish(poke(args, &running)),
        Err(error) => crate::fail(&error),
    }
}

fn poke(args: &PokeImagesArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        ..OpenChoices::default()
    };
    let opened = open(running, &args.open, &choices)?;
    if !args.yes.yes && !args.dry_run.dry_run {
        let question = format!(
            "Do you really want to poke images to the context/cluster {}?",
            opened.context
        );
        if !running.terminal.confirm(&question) {
            return Err("aborted".to_owned());
        }
    }
    let dry_run = args.dry_run.dry_run;
    let work = kluctl_commands::poke_images(
        &opened.session,
        &opened.target,
        dry_run,
        args.show.output.no_obfuscate,
    );
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
