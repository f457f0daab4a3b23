//! `kluctl deploy`.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use kluctl_api::DeployPlan;
use kluctl_commands::{DeployOptions, ExecuteOptions, Finished};

use crate::changes::{ShowFlags, conclude, confirm_changes};
use crate::opened::{OpenChoices, OpenFlags, open};
use crate::options::global::GlobalFlags;
use crate::options::images::ImageFlags;
use crate::options::output::MISC;
use crate::options::run::{
    AbortOnErrorFlags, CommandResultFlags, DryRunFlags, ForceApplyFlags, ReadinessFlags, ReplaceOnErrorFlags,
    YesFlags,
};
use crate::options::values;
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

    /// Deploy exactly what 'diff --save-plan' has written into a file, or nothing at all
    ///
    /// Everything is rendered again. When an object is rendered differently, or has changed in the cluster since, the command
    /// says so and changes nothing. No question is asked.
    #[arg(long, value_name = "existingfile", value_parser = values::existing_file, help_heading = MISC)]
    plan: Option<Utf8PathBuf>,

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
        ..OpenChoices::default()
    };
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let opened = open(running, &args.open, &choices)?;
    let execute = ExecuteOptions {
        dry_run: args.dry_run.dry_run,
        force_apply: args.force.force_apply,
        replace_on_error: args.replace.replace_on_error,
        force_replace_on_error: args.replace.force_replace_on_error,
        abort_on_error: args.abort.abort_on_error,
        no_wait: args.no_wait,
        readiness_timeout: args.readiness.readiness_timeout,
    };
    let execute = match &plan {
        Some(plan) => as_approved(execute, plan)?,
        None => execute,
    };
    let options = DeployOptions {
        execute,
        // whoever made the plan has seen what happens
        preview: !args.yes.yes && !args.dry_run.dry_run && plan.is_none(),
        prune: args.prune || args.prune_on_error,
        prune_on_error: args.prune_on_error,
        wait_prune: !args.no_wait,
        want_clear: args.show.output.no_obfuscate,
        plan,
    };
    let mut shown = Ok(());
    let mut confirm = |preview: &Finished| confirm_changes(running, &args.show, preview, &mut shown);
    let work = kluctl_commands::deploy(&opened.session, &opened.target, &options, &mut confirm);
    let finished = running.runtime.block_on(work);
    shown?;
    conclude(
        running,
        &opened.session,
        &args.show,
        Some(&args.results),
        finished,
    )
}

fn read_plan(path: &Utf8Path) -> Result<DeployPlan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    DeployPlan::parse(&text).map_err(|error| format!("{path}: {error}"))
}

/// Applies objects as the plan says; a flag that says otherwise is refused.
fn as_approved(given: ExecuteOptions, plan: &DeployPlan) -> Result<ExecuteOptions, String> {
    let planned = &plan.command;
    for (flag, given, planned) in [
        ("--force-apply", given.force_apply, planned.force_apply),
        (
            "--replace-on-error",
            given.replace_on_error,
            planned.replace_on_error,
        ),
        (
            "--force-replace-on-error",
            given.force_replace_on_error,
            planned.force_replace_on_error,
        ),
    ] {
        if given && !planned {
            return Err(format!("the plan was made without {flag}"));
        }
    }
    Ok(ExecuteOptions {
        force_apply: planned.force_apply,
        replace_on_error: planned.replace_on_error,
        force_replace_on_error: planned.force_replace_on_error,
        ..given
    })
}
