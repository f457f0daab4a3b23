//! `prune`: deletes what belongs to nobody any more.

use kluctl_apply::{Fetch, LiveObjects, Problems, deletable, delete_all};
use kluctl_object::{Object, ObjectRef};

use crate::delete::DeleteOptions;
use crate::deploy::without_deleted;
use crate::finish::{Finished, Gathered, finish};
use crate::session::Session;
use crate::target::Target;

/// Deletes orphans of a target. `confirm` sees them first.
pub async fn prune(
    session: &Session,
    target: &Target,
    options: &DeleteOptions,
    confirm: &mut (dyn FnMut(&[ObjectRef]) -> bool + Send),
) -> Finished {
    let local: Vec<ObjectRef> = target.objects().map(Object::reference).collect();
    remove(session, target, options, &local, "prune", confirm).await
}

/// Deletes what carries the discriminator and is not among what is kept.
pub(crate) async fn remove(
    session: &Session,
    target: &Target,
    options: &DeleteOptions,
    keep: &[ObjectRef],
    command: &str,
    confirm: &mut (dyn FnMut(&[ObjectRef]) -> bool + Send),
) -> Finished {
    let mut target = target.clone();
    target.head.command.dry_run = options.dry_run;
    target.head.command.no_wait = !options.wait;
    let target = &target;
    let mut problems = Problems::default();
    let mut gathered = Gathered::default();
    let outcome = look_and_delete(session, target, options, keep, command, confirm, &mut problems).await;
    let looked = outcome.is_some();
    let live;
    if let Some((found, orphans, deleted)) = outcome {
        live = found;
        gathered.live = Some(&live);
        if command == "prune" {
            gathered.orphans = without_deleted(orphans, &deleted);
        }
        gathered.deleted = deleted;
    }
    gathered.problems = problems;
    let mut finished = finish(session, target, command, gathered, options.want_clear).await;
    if !looked {
        // As upstream has it, the result of what was not begun names no objects.
        finished.result.objects.clear();
        if let Some(clear) = &mut finished.clear {
            clear.objects.clear();
        }
    }
    finished
}

type Found = (LiveObjects, Vec<ObjectRef>, Vec<ObjectRef>);

async fn look_and_delete(
    session: &Session,
    target: &Target,
    options: &DeleteOptions,
    keep: &[ObjectRef],
    command: &str,
    confirm: &mut (dyn FnMut(&[ObjectRef]) -> bool + Send),
    problems: &mut Problems,
) -> Option<Found> {
    if target.discriminator().is_empty() {
        let what = if command == "prune" { "pruning" } else { "deletion" };
        problems.error(None, format!("{what} without a discriminator is not supported"));
        return None;
    }
    let Some(cluster) = &session.cluster else {
        problems.error(
            None,
            "can not determine orphan objects without a Kubernetes API client",
        );
        return None;
    };
    let what = Fetch {
        discriminator: Some(target.discriminator()),
        local: &[],
        only_local_kinds: false,
    };
    let live = match LiveObjects::fetch(cluster, &what, &session.events).await {
        Ok((live, found)) => {
            problems.extend(found);
            live
        }
        Err(error) => {
            problems.error(None, error.to_string());
            return None;
        }
    };
    let discovery = match cluster.discovery().await {
        Ok(discovery) => discovery,
        Err(error) => {
            problems.error(None, error.to_string());
            return None;
        }
    };
    let doomed = deletable(live.iter(), keep, &target.limits, &discovery);
    if !confirm(&doomed) {
        problems.error(None, "aborted");
        return None;
    }
    let cluster = cluster.with_dry_run(options.dry_run || cluster.is_dry_run());
    let deleted = delete_all(
        &cluster,
        &live,
        &doomed,
        options.wait,
        (&session.events, &session.stop),
        problems,
    )
    .await;
    Some((live, doomed, deleted))
}
