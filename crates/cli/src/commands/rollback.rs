//! `kluctl rollback`.

use std::process::ExitCode;

use clap::Args;
use kluctl_commands::{DeployOptions, ExecuteOptions, Finished, RollbackOptions, previous};

use crate::changes::{ShowFlags, conclude, confirm_changes};
use crate::opened::reach;
use crate::options::global::GlobalFlags;
use crate::options::output::MISC;
use crate::options::reach::ReachFlags;
use crate::options::run::{
    AbortOnErrorFlags, CommandResultFlags, DryRunFlags, ForceApplyFlags, ReadinessFlags, ReplaceOnErrorFlags,
    YesFlags,
};
use crate::results::Listed;
use crate::running::Running;
use crate::stored::{find_id, open_store, results_of_target};

/// Applies the objects of a stored result again
///
/// Without RESULT, this is the newest result of the target without errors that deployed something else than the last one.
/// Nothing is rendered. Values of Secrets, which results do not hold, are those that are in the cluster. Hooks do not run and
/// nothing is deleted, unless that is asked for.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Id of the result to go back to, or its beginning ('kluctl results list' shows them)
    #[arg(value_name = "RESULT")]
    result: Option<String>,

    #[command(flatten)]
    reach: ReachFlags,
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

    /// Run the hooks of the result, too.
    #[arg(long, help_heading = MISC)]
    hooks: bool,

    /// Delete objects that were deployed later and are not part of the result.
    #[arg(long, help_heading = MISC)]
    prune: bool,
}

/// Finds the result, shows what would change, asks, and applies.
pub(crate) fn run(args: &RollbackArgs, global: &GlobalFlags) -> ExitCode {
    Running::run(global, args.reach.project.timeout, |running| {
        rollback(args, running)
    })
}

fn rollback(args: &RollbackArgs, running: &Running) -> Result<ExitCode, String> {
    let start_time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let namespace = &*args.results.command_result_namespace;
    let reached = reach(running, &args.reach.to_open_flags(), args.result.is_none())?;
    let store = open_store(&reached, namespace)?;
    let id = match &args.result {
        Some(wanted) => {
            let summaries = running.runtime.block_on(store.list_command_results());
            let summaries = summaries.map_err(|error| error.to_string())?;
            let ids: Vec<&str> = summaries.iter().map(|summary| &*summary.id).collect();
            find_id(&ids, wanted, namespace)?.to_owned()
        }
        None => {
            let summaries = results_of_target(running, &reached, &store)?;
            let found = previous(&summaries).map(|summary| summary.id.clone());
            found.ok_or_else(|| {
                format!(
                    "no earlier result of this target is stored in namespace {namespace} that deployed something else without errors"
                )
            })?
        }
    };
    let stored = running.runtime.block_on(store.command_result(&id));
    let stored = stored.map_err(|error| error.to_string())?;
    let headline = Listed::Command(Box::new(stored.result.summary())).headline();
    running.terminal.info(&format!("Rolling back to {headline}"));
    let options = RollbackOptions {
        deploy: DeployOptions {
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
            prune: args.prune,
            prune_on_error: false,
            wait_prune: !args.no_wait,
            want_clear: args.show.output.no_obfuscate,
            plan: None,
        },
        hooks: args.hooks,
        mask_key: crate::mask_key::key(),
        start_time: Some(start_time),
    };
    let mut shown = Ok(());
    let mut confirm = |preview: &Finished| confirm_changes(running, &args.show, preview, &mut shown);
    let work = kluctl_commands::rollback(&reached.session, &stored, &options, &mut confirm);
    let finished = running.runtime.block_on(work)?;
    shown?;
    conclude(
        running,
        &reached.session,
        &args.show,
        Some(&args.results),
        finished,
    )
}
