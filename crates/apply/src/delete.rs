//! Deletes many objects: Namespaces first, definitions of kinds last.

use std::collections::BTreeSet;

use futures::StreamExt;
use kluctl_cluster::{Cluster, Delete, Deletion, Reason};
use kluctl_object::ObjectRef;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, Events};
use crate::execute::{uid_of, until_gone};
use crate::kinds::{is_crd, is_namespace};
use crate::live::LiveObjects;
use crate::problem::Problems;

/// Deletions at work at the same time.
const PARALLEL: usize = 8;

/// Deletes objects and returns those that were there. What lives in a deleted Namespace goes with it and is left out.
///
/// Custom resources go before the definitions of their kinds, since their finalizers need those. Only the very objects that
/// are known to be live are deleted: one that has been replaced since by another of its name stays, and is an error.
pub async fn delete_all(
    cluster: &Cluster,
    live: &LiveObjects,
    references: &[ObjectRef],
    wait: bool,
    (events, stop): (&Events, &CancellationToken),
    problems: &mut Problems,
) -> Vec<ObjectRef> {
    let namespaces: BTreeSet<&str> = references
        .iter()
        .filter(|r| is_namespace(r))
        .map(|r| &*r.name)
        .collect();
    let goes_along = |reference: &ObjectRef| {
        reference
            .namespace
            .as_deref()
            .is_some_and(|name| namespaces.contains(name))
    };
    let rank = |reference: &ObjectRef| match () {
        () if is_namespace(reference) => 0,
        () if is_crd(reference) => 2,
        () => 1,
    };
    let mut deleted = Vec::new();
    for stage in 0..3 {
        let due = references.iter().filter(|r| rank(r) == stage && !goes_along(r));
        let deletions = due.map(|reference| async move {
            let show = |text: Option<String>| {
                let object = reference.clone();
                events.send(Event::Working { object, text });
            };
            show(Some(format!("Deleting {reference}")));
            let deleted = delete(cluster, live, reference, wait, stop, &show).await;
            show(None);
            (reference, deleted)
        });
        let mut ended = futures::stream::iter(deletions).buffered(PARALLEL);
        while let Some((reference, (was_there, more))) = ended.next().await {
            problems.extend(more);
            if was_there {
                deleted.push(reference.clone());
            }
        }
    }
    deleted
}

async fn delete(
    cluster: &Cluster,
    live: &LiveObjects,
    reference: &ObjectRef,
    wait: bool,
    stop: &CancellationToken,
    show: &(dyn Fn(Option<String>) + Sync),
) -> (bool, Problems) {
    let waiting = |seconds: u64| {
        let text = format!("Waiting for {reference} to be gone... ({seconds}s elapsed)");
        show(Some(text));
    };
    let mut problems = Problems::default();
    if stop.is_cancelled() {
        problems.error(
            Some(reference),
            format!("not deleted: {reference}: context canceled"),
        );
        return (false, problems);
    }
    let how = Delete {
        uid: live.get(reference).and_then(uid_of).map(str::to_owned),
        ..Delete::default()
    };
    match cluster.delete(reference, &how).await {
        Ok(answer) => {
            problems.server_warnings(reference, &answer.warnings);
            if let Deletion::Pending { uid } = &answer.value
                && wait
                && !cluster.is_dry_run()
                && let Err(error) = until_gone(cluster, reference, uid, stop, &waiting).await
            {
                problems.error(Some(reference), error);
                return (false, problems);
            }
            (true, problems)
        }
        Err(error) if error.is_unknown_kind() => (true, problems),
        Err(error) if error.reason == Reason::Conflict => {
            let text = format!("not deleted, since it changed after it was looked at: {error}");
            problems.error(Some(reference), text);
            (false, problems)
        }
        Err(error) => {
            problems.error(Some(reference), error.to_string());
            (false, problems)
        }
    }
}
