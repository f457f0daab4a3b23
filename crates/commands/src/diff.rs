//! `diff`: what a deploy would change.

use std::sync::Arc;

use kluctl_api::{DeployPlan, TargetKey};
use kluctl_apply::{DiffOptions, ExecuteOptions, Problems};

use crate::approved::make_plan;
use crate::deploy::{compare, fetch, left_by, orphans, record, run, warn_without_discriminator};
use crate::finish::{Finished, Gathered, finish};
use crate::session::Session;
use crate::target::Target;

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffCommandOptions {
    /// How objects would be applied.
    pub execute: ExecuteOptions,
    /// What is left out.
    pub ignore: DiffOptions,
    /// Whether the result with its secret values is wanted too.
    pub want_clear: bool,
    /// Whether what is shown is to be written down, for a deploy that does exactly that.
    pub want_plan: bool,
}

/// Compares a target with the cluster by a server-side dry run.
pub async fn diff(session: &Session, target: &Target, options: &DiffCommandOptions) -> Finished {
    diff_as("diff", session, target, options).await
}

/// The same in the name of a command.
pub(crate) async fn diff_as(
    command: &str,
    session: &Session,
    target: &Target,
    options: &DiffCommandOptions,
) -> Finished {
    let mut problems = Problems::default();
    warn_without_discriminator(session, target, &mut problems);
    let execute = ExecuteOptions {
        dry_run: true,
        abort_on_error: false,
        ..options.execute.clone()
    };
    let mut target = target.clone();
    record(&mut target.head.command, &execute);
    let target = &target;
    let Some(cluster) = &session.cluster else {
        problems.error(None, "can not apply objects without a Kubernetes API client");
        return fail(command, session, target, options, problems).await;
    };
    let Some(live) = fetch(cluster, session, target, &mut problems).await else {
        return fail(command, session, target, options, problems).await;
    };
    let live = Arc::new(live);
    let outcome = match run(cluster, session, target, &live, &execute).await {
        Ok(outcome) => outcome,
        Err(error) => {
            problems.error(None, error.to_string());
            return fail(command, session, target, options, problems).await;
        }
    };
    problems.extend(outcome.problems());
    if session.stop.is_cancelled() {
        problems.error(None, "stopped before the end: what follows is incomplete");
    }
    let changed = compare(target, &live, &outcome, options.ignore, &mut problems);
    let orphans = left_by(&outcome, orphans(cluster, target, &live).await);
    let planned = (options.want_plan && problems.errors.is_empty())
        .then(|| make_plan(target, TargetKey::default(), &live, &outcome, &changed, &orphans));
    let gathered = Gathered {
        orphans,
        live: Some(&live),
        outcome: Some(&outcome),
        changed,
        deleted: Vec::new(),
        problems,
    };
    let mut finished = finish(session, target, command, gathered, options.want_clear).await;
    finished.plan = planned.map(|plan| DeployPlan {
        target_key: finished.result.target_key.clone(),
        ..plan
    });
    finished
}

async fn fail(
    command: &str,
    session: &Session,
    target: &Target,
    options: &DiffCommandOptions,
    problems: Problems,
) -> Finished {
    let gathered = Gathered {
        problems,
        ..Gathered::default()
    };
    finish(session, target, command, gathered, options.want_clear).await
}
