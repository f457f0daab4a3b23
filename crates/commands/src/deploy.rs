//! `deploy`: preview, question, apply, prune.

use std::sync::Arc;

use kluctl_apply::{
    DiffOptions, Event, ExecuteOptions, Fetch, LiveObjects, Outcome, Problems, deletable, delete_all,
    diff_items, execute, plan,
};
use kluctl_cluster::Cluster;
use kluctl_object::{Object, ObjectRef};

use crate::approved::check_plan;
use crate::finish::{Finished, Gathered, cluster_id, finish};
use crate::session::Session;
use crate::target::Target;

/// How to deploy.
#[derive(Clone, Debug, Default)]
pub struct DeployOptions {
    /// How objects are applied.
    pub execute: ExecuteOptions,
    /// Whether a dry run comes first and somebody is asked.
    pub preview: bool,
    /// Whether orphans are deleted afterwards.
    pub prune: bool,
    /// Whether they are deleted even where objects failed to apply.
    pub prune_on_error: bool,
    /// Whether to wait until they are gone.
    pub wait_prune: bool,
    /// Whether the result with its secret values is wanted too.
    pub want_clear: bool,
    /// What was approved: nothing is applied unless everything still is as it says.
    pub plan: Option<kluctl_api::DeployPlan>,
}

/// What would happen, to be shown before somebody answers.
pub type Preview = Finished;

/// What upstream says where there is no discriminator: at once, and again in the result.
pub(crate) fn warn_without_discriminator(session: &Session, target: &Target, problems: &mut Problems) {
    if target.discriminator().is_empty() {
        let text = "No discriminator configured. Orphan object detection will not work";
        session.events.send(Event::Warning(text.to_owned()));
        problems.warning(
            None,
            "no discriminator configured. Orphan object detection will not work",
        );
    }
}

/// Reads what the target's objects look like in the cluster.
pub(crate) async fn fetch(
    cluster: &Cluster,
    session: &Session,
    target: &Target,
    problems: &mut Problems,
) -> Option<LiveObjects> {
    let local: Vec<&Object> = target.objects().collect();
    let what = Fetch {
        discriminator: Some(target.discriminator()),
        local: &local,
        only_local_kinds: false,
    };
    match LiveObjects::fetch(cluster, &what, &session.events).await {
        Ok((live, found)) => {
            problems.extend(found);
            Some(live)
        }
        Err(error) => {
            problems.error(None, error.to_string());
            None
        }
    }
}

/// Live objects that carry the discriminator and are not part of the target any more.
pub(crate) async fn orphans(cluster: &Cluster, target: &Target, live: &LiveObjects) -> Vec<ObjectRef> {
    let Ok(discovery) = cluster.discovery().await else {
        return Vec::new();
    };
    let local = target.objects().map(Object::reference);
    let local: Vec<ObjectRef> = local.chain(target.spared.iter().cloned()).collect();
    deletable(live.iter(), &local, &target.limits, &discovery)
}

/// Plans and executes, and compares before and after.
pub(crate) async fn run(
    cluster: &Cluster,
    session: &Session,
    target: &Target,
    live: &Arc<LiveObjects>,
    options: &ExecuteOptions,
) -> Result<Outcome, kluctl_cluster::ApiError> {
    let discovery = cluster.discovery().await?;
    let plan = Arc::new(plan(&target.items, live, &discovery));
    Ok(execute(
        plan,
        Arc::clone(live),
        cluster,
        options.clone(),
        &session.events,
        &session.stop,
    )
    .await)
}

/// Compares what was live with what was applied.
pub(crate) fn compare(
    target: &Target,
    live: &LiveObjects,
    outcome: &Outcome,
    options: DiffOptions,
    problems: &mut Problems,
) -> Vec<kluctl_apply::ChangedObject> {
    let applied: std::collections::BTreeMap<ObjectRef, &Object> = outcome
        .applied()
        .map(|applied| (applied.reference.identity(), &applied.object))
        .collect();
    let find = |reference: &ObjectRef| applied.get(&reference.identity()).copied();
    diff_items(&target.items, live, find, options, problems)
}

/// Deploys a target. With a preview, `confirm` sees it and decides.
pub async fn deploy(
    session: &Session,
    target: &Target,
    options: &DeployOptions,
    confirm: &mut (dyn FnMut(&Preview) -> bool + Send),
) -> Finished {
    deploy_as("deploy", session, target, options, confirm).await
}

/// Deploys a target in the name of a command.
pub(crate) async fn deploy_as(
    command: &str,
    session: &Session,
    target: &Target,
    options: &DeployOptions,
    confirm: &mut (dyn FnMut(&Preview) -> bool + Send),
) -> Finished {
    let mut session = session.clone();
    let mut problems = Problems::default();
    warn_without_discriminator(&session, target, &mut problems);
    let Some(cluster) = session.cluster.clone() else {
        problems.error(None, "can not apply objects without a Kubernetes API client");
        return fail(command, &session, target, options, problems).await;
    };
    let Some(live) = fetch(&cluster, &session, target, &mut problems).await else {
        return fail(command, &session, target, options, problems).await;
    };
    let live = Arc::new(live);
    let orphans = orphans(&cluster, target, &live).await;
    if let Some(plan) = &options.plan {
        let id = cluster_id(&session, &mut problems).await;
        let pruned = options.prune.then_some(&*orphans);
        check_plan(plan, target, &id, &live, pruned, &mut problems);
        if !problems.errors.is_empty() {
            problems.error(None, "the plan does not hold any more, nothing was changed");
            return fail(command, &session, target, options, problems).await;
        }
    }
    if options.preview {
        let preview = preview(
            command, &cluster, &session, target, options, &live, &orphans, &problems,
        )
        .await;
        if !confirm(&preview) {
            problems.error(None, "aborted");
            let mut finished = fail(command, &session, target, options, problems).await;
            // as upstream: nothing happened to any object
            finished.result.objects.clear();
            if let Some(clear) = &mut finished.clear {
                clear.objects.clear();
            }
            return finished;
        }
    }
    let mut head = target.head.clone();
    record(&mut head.command, &options.execute);
    let target = &Target {
        head,
        ..target.clone()
    };
    let outcome = match run(&cluster, &session, target, &live, &options.execute).await {
        Ok(outcome) => outcome,
        Err(error) => {
            problems.error(None, error.to_string());
            return fail(command, &session, target, options, problems).await;
        }
    };
    problems.extend(outcome.problems());
    tell_unfinished(&session, &outcome, &mut problems);
    let orphans = left_by(&outcome, orphans);
    let mut deleted = Vec::new();
    if options.prune && target.discriminator().is_empty() {
        problems.error(None, "pruning without a discriminator is not supported");
    } else if options.prune && !problems.errors.is_empty() && !options.prune_on_error {
        if !orphans.is_empty() {
            let text =
                "orphan objects were not pruned because of errors (`--prune-on-error` prunes nevertheless)";
            problems.warning(None, text);
        }
    } else if options.prune {
        let cluster = cluster.with_dry_run(options.execute.dry_run || cluster.is_dry_run());
        deleted = delete_all(
            &cluster,
            &live,
            &orphans,
            options.wait_prune,
            (&session.events, &session.stop),
            &mut problems,
        )
        .await;
    }
    let changed = compare(target, &live, &outcome, DiffOptions::default(), &mut problems);
    // a stopped command still tells what it did
    session.stop = tokio_util::sync::CancellationToken::new();
    let gathered = Gathered {
        live: Some(&live),
        outcome: Some(&outcome),
        changed,
        orphans: without_deleted(orphans, &deleted),
        deleted,
        problems,
    };
    finish(&session, target, command, gathered, options.want_clear).await
}

/// Says what a run that did not come to its end has left undone.
fn tell_unfinished(session: &Session, outcome: &Outcome, problems: &mut Problems) {
    let skipped: Vec<String> = outcome
        .skipped()
        .map(|object| format!("\n    {object}"))
        .collect();
    let applied = outcome.applied().count();
    let count = skipped.len();
    let list = skipped.concat();
    if session.stop.is_cancelled() {
        let text = format!("stopped before the end: {applied} objects were applied, {count} were not");
        let colon = if count == 0 { "" } else { ":" };
        problems.error(None, format!("{text}{colon}{list}"));
    } else if count > 0 {
        let text =
            format!("aborted at the first error: {applied} objects were applied, {count} were not:{list}");
        problems.warning(None, text);
    }
}

async fn fail(
    command: &str,
    session: &Session,
    target: &Target,
    options: &DeployOptions,
    problems: Problems,
) -> Finished {
    let gathered = Gathered {
        problems,
        ..Gathered::default()
    };
    let mut target = target.clone();
    record(&mut target.head.command, &options.execute);
    finish(session, &target, command, gathered, options.want_clear).await
}

/// A dry run of everything, as a result to be shown.
#[expect(
    clippy::too_many_arguments,
    reason = "all that a deploy has gathered before it asks"
)]
async fn preview(
    command: &str,
    cluster: &Cluster,
    session: &Session,
    target: &Target,
    options: &DeployOptions,
    live: &Arc<LiveObjects>,
    orphans: &[ObjectRef],
    problems: &Problems,
) -> Finished {
    let execute = ExecuteOptions {
        dry_run: true,
        abort_on_error: false,
        ..options.execute.clone()
    };
    let mut problems = problems.clone();
    let outcome = match run(cluster, session, target, live, &execute).await {
        Ok(outcome) => outcome,
        Err(error) => {
            problems.error(None, error.to_string());
            Outcome::default()
        }
    };
    problems.extend(outcome.problems());
    let changed = compare(target, live, &outcome, DiffOptions::default(), &mut problems);
    let gathered = Gathered {
        live: Some(live),
        outcome: Some(&outcome),
        changed,
        orphans: left_by(&outcome, orphans.to_vec()),
        deleted: Vec::new(),
        problems,
    };
    finish(session, target, command, gathered, options.want_clear).await
}

/// Writes into a result how objects were applied.
pub(crate) fn record(info: &mut kluctl_api::CommandInfo, options: &ExecuteOptions) {
    info.dry_run = options.dry_run;
    info.no_wait = options.no_wait;
    info.force_apply = options.force_apply;
    info.replace_on_error = options.replace_on_error;
    info.force_replace_on_error = options.force_replace_on_error;
    info.abort_on_error = options.abort_on_error;
}

/// Orphans that items have not deleted themselves.
pub(crate) fn left_by(outcome: &Outcome, orphans: Vec<ObjectRef>) -> Vec<ObjectRef> {
    let deleted: Vec<ObjectRef> = outcome.deleted().cloned().collect();
    without_deleted(orphans, &deleted)
}

/// Orphans that are still there: neither deleted nor gone with their Namespace.
pub(crate) fn without_deleted(orphans: Vec<ObjectRef>, deleted: &[ObjectRef]) -> Vec<ObjectRef> {
    let gone = |orphan: &ObjectRef| {
        deleted.iter().any(|deleted| {
            let is_namespace = deleted.group.is_empty() && deleted.kind == "Namespace";
            deleted.identity() == orphan.identity()
                || is_namespace && orphan.namespace.as_deref() == Some(&*deleted.name)
        })
    };
    orphans.into_iter().filter(|orphan| !gone(orphan)).collect()
}
