//! `kluctl drift`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use kluctl_api::{DriftResult, ResultStore, Stored};
use kluctl_commands::{Baseline, Events, changed_the_cluster};

use crate::mask_key;
use crate::opened::{Reached, reach};
use crate::options::global::GlobalFlags;
use crate::options::output::MISC;
use crate::options::reach::{FormatFlags, ReachFlags, ResultNamespaceFlags};
use crate::options::values;
use crate::results::write_drift;
use crate::running::{CHANGES, Running};
use crate::stored::{find_id, open_store, results_of_target};

/// Compares the cluster with what was deployed last, and tells who changed what and when
///
/// Nothing is rendered: the objects are compared with the result that the last deploy has stored in the cluster. A change counts
/// when it touches a field that the deployment sets, or when somebody has made it by hand; what controllers add on their own
/// does not, unless --all is given. The exit code is 2 when there is drift.
#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    /// Id of the result to compare with, or its beginning; the last results of the target when it is not given
    #[arg(value_name = "RESULT")]
    result: Option<String>,

    #[command(flatten)]
    reach: ReachFlags,
    #[command(flatten)]
    namespace: ResultNamespaceFlags,
    #[command(flatten)]
    format: FormatFlags,

    /// Compare again and again, and tell whenever something is different
    #[arg(long, help_heading = MISC)]
    watch: bool,

    /// Time between two comparisons of --watch
    #[arg(long, value_name = "duration", default_value = "10s", value_parser = values::duration, help_heading = MISC)]
    interval: Duration,

    /// Count what controllers have set on their own, too
    #[arg(long, help_heading = MISC)]
    all: bool,
}

/// Long enough to never be over: watching has no end of its own.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// Compares, once or until it is stopped.
pub(crate) fn run(args: &DriftArgs, global: &GlobalFlags) -> ExitCode {
    let timeout = if args.watch {
        FOREVER
    } else {
        args.reach.project.timeout
    };
    Running::run(global, timeout, |running| drift(args, running))
}

fn drift(args: &DriftArgs, running: &Running) -> Result<ExitCode, String> {
    let namespace = &*args.namespace.command_result_namespace;
    let reached = reach(running, &args.reach.to_open_flags(), args.result.is_none())?;
    let store = open_store(&reached, namespace)?;
    let key = mask_key::key();
    let mut shown: Option<DriftResult> = None;
    loop {
        // read again each time: a deploy may have happened in between
        let results = stored_results(args, running, &reached, &store)?;
        let baseline = Baseline::new(&results);
        let mut session = reached.session.clone();
        if shown.is_some() {
            // how it is looked needs to be told once only
            session.events = Events::none();
        }
        let compared = kluctl_commands::drift(&session, &baseline, args.all, &key);
        let result = running.runtime.block_on(compared);
        let stopped = running.stop.is_cancelled();
        if !stopped && shown.as_ref().is_none_or(|shown| differs(shown, &result)) {
            write_drift(&running.terminal, &args.format.output_format, &result)?;
            if !result.has_drift() && result.errors.is_empty() {
                running.terminal.info("No drift.");
            }
            shown = Some(result);
        }
        if args.watch && !stopped {
            running.runtime.block_on(async {
                tokio::select! {
                    () = tokio::time::sleep(args.interval) => {}
                    () = running.stop.cancelled() => {}
                }
            });
        }
        if !args.watch || running.stop.is_cancelled() {
            break;
        }
    }
    match shown {
        Some(result) if !result.errors.is_empty() => Err("command failed".to_owned()),
        Some(result) if result.has_drift() => Ok(ExitCode::from(CHANGES)),
        Some(_) => Ok(ExitCode::SUCCESS),
        None => Err("stopped before the end".to_owned()),
    }
}

/// Whether there is something else to tell than before.
fn differs(a: &DriftResult, b: &DriftResult) -> bool {
    a.objects != b.objects || a.errors != b.errors || a.results != b.results
}

/// The result that is asked for, or the last ones of the target, until one of them tells of everything.
fn stored_results(
    args: &DriftArgs,
    running: &Running,
    reached: &Reached,
    store: &ResultStore,
) -> Result<Vec<Stored>, String> {
    let namespace = &*args.namespace.command_result_namespace;
    let read = |id: &str| {
        let read = running.runtime.block_on(store.command_result(id));
        read.map_err(|error| error.to_string())
    };
    if let Some(wanted) = &args.result {
        let summaries = running.runtime.block_on(store.list_command_results());
        let summaries = summaries.map_err(|error| error.to_string())?;
        let ids: Vec<&str> = summaries.iter().map(|summary| &*summary.id).collect();
        return Ok(vec![read(find_id(&ids, wanted, namespace)?)?]);
    }
    let mut results = Vec::new();
    for summary in results_of_target(running, reached, store)? {
        if changed_the_cluster(&summary) && !Baseline::is_complete(&results) {
            results.push(read(&summary.id)?);
        }
    }
    if results.is_empty() {
        return Err(format!(
            "no result of this target is stored in namespace {namespace}: there is nothing to compare with until something is deployed"
        ));
    }
    Ok(results)
}
