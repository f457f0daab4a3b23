//! `kluctl poke-images`.

use std::process::ExitCode;

use clap::Args;

use crate::changes::{ShowFlags, conclude};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::run::{CommandResultFlags, DryRunFlags, YesFlags};
use crate::running::Running;

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
    Running::run(global, args.open.project.timeout, |running| poke(args, running))
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
    let finished = running.runtime.block_on(work);
    conclude(
        running,
        &opened.session,
        &args.show,
        Some(&args.results),
        finished,
    )
}
