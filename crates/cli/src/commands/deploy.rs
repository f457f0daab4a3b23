//! `kluctl deploy`.

use std::process::ExitCode;

use clap::Args;
use kluctl_commands::{DeployOptions, ExecuteOptions, Finished};

use crate::changes::{ShowFlags, conclude};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::output::MISC;
use crate::options::run::{
    AbortOnErrorFlags, CommandResultFlags, DryRunFlags, ForceApplyFlags, ReadinessFlags, ReplaceOnErrorFlags,
    YesFlags,
};
use crate::results::write_command;
use crate::running::Running;

/// Deploys a target to the corresponding cluster
///
/// This command will also output a diff between the initial state and the state after deployment. The format of this diff is
/// the same as for the 'diff' command. It will also output a list of prunable objects (without actually deleting them).
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    open: OpenFlags,
    #[command(flatten)]
    images: ImageFlags,
    #[command(flatten)]
    yes: YesFlags,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    force: ForceApplyFlags,
    #[command(flatten)]
    replace: ReplaceOnErrorFlags,
    #[command(flatten)]
    abort: AbortOnErrorFlags,
    #[command(flatten)]
    readiness: ReadinessFlags,
    #[command(flatten)]
    show: ShowFlags,
    #[command(flatten)]
    results: CommandResultFlags,

    /// Don't wait for objects readiness.
    #[arg(long, help_heading = MISC)]
    no_wait: bool,

    /// Prune orphaned objects directly after deploying. See the help for the 'prune' sub-command for details.
    #[arg(long, help_heading = MISC)]
    prune: bool,

    /// Prune orphaned objects even when objects failed to deploy.
    #[arg(long, help_heading = MISC)]
    prune_on_error: bool,

    /// Override the target discriminator.
    #[arg(long, value_name = "string", help_heading = MISC)]
    discriminator: Option<String>,
}

/// Renders, shows what would change, asks, applies, waits, and tells what changed.
pub(crate) fn run(args: &DeployArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.open.project.timeout, |running| deploy(args, running))
}

fn deploy(args: &DeployArgs, running: &Running) -> Result<ExitCode, String> {
    let choices = OpenChoices {
        images: args.images.clone(),
        discriminator: args.discriminator.clone(),
        read_only: false,
    };
    let opened = open(running, &args.open, &choices)?;
    let show = args.show.show(running.color);
    let options = DeployOptions {
        execute: ExecuteOptions {
            dry_run: args.dry_run.dry_run,
            force_apply: args.force.force_apply,
            replace_on_error: args.replace.replace_on_error,
            force_replace_on_error: args.replace.force_replace_on_error,
            abort_on_error: args.abort.abort_on_error,
            no_wait: args.no_wait,
            readiness_timeout: args.readiness.readiness_timeout,
        },
        preview: !args.yes.yes && !args.dry_run.dry_run,
        prune: args.prune || args.prune_on_error,
        prune_on_error: args.prune_on_error,
        wait_prune: !args.no_wait,
        want_clear: args.show.output.no_obfuscate,
    };
    let mut shown = Ok(());
    let mut confirm = |preview: &Finished| {
        // the preview is always text, wherever the result goes
        let mut show = show.clone();
        show.formats.clear();
        let result = preview.clear.as_ref().unwrap_or(&preview.result);
        shown = write_command(&running.terminal, &show, result, &preview.versions);
        let question = if preview.result.errors.is_empty() {
            "The diff succeeded, do you want to proceed?"
        } else {
            "The diff resulted in errors, do you still want to proceed?"
        };
        shown.is_ok() && running.terminal.confirm(question)
    };
    let work = kluctl_commands::deploy(&opened.session, &opened.target, &options, &mut confirm);
    let finished = running.runtime.block_on(work);
    shown?;
    conclude(running, &opened, &args.show, Some(&args.results), finished)
}
