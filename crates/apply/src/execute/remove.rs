//! Deletes one object and waits until it is gone.

use std::time::Duration;

use kluctl_cluster::{ApiError, Cluster, Delete, Deletion, Reason};
use kluctl_object::{Object, ObjectRef};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::event::ItemEvent;
use crate::problem::Problems;

/// What came of deleting an object.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Whether something was deleted (or would have been).
    pub(crate) deleted: bool,
    pub(crate) problems: Problems,
}

/// How often an object is looked at again because another one has taken its name.
const RACES: usize = 5;

/// Deletes an object of a run.
///
/// The request names the uid, so that neither its repetition nor a late copy of it can ever hit a successor.
pub(crate) async fn remove_object(run: &Run, item: usize, reference: &ObjectRef) -> Removed {
    let mut removed = Removed::default();
    let known = run.live.get(reference).and_then(uid_of).map(str::to_owned);
    if let Err(error) = remove(run, item, reference, known, &mut removed).await
        && !is_gone(&error)
    {
        removed.problems.error(Some(reference), error.to_string());
    }
    removed
}

async fn remove(
    run: &Run,
    item: usize,
    reference: &ObjectRef,
    mut known: Option<String>,
    removed: &mut Removed,
) -> Result<(), ApiError> {
    let mut races = 0;
    loop {
        let uid = match known.take() {
            Some(uid) => uid,
            None => match run.cluster.get(reference).await?.value.as_ref().and_then(uid_of) {
                Some(uid) => uid.to_owned(),
                None => return Ok(()),
            },
        };
        let how = Delete {
            dry_run: run.options.dry_run,
            uid: Some(uid),
            ..Delete::default()
        };
        let answer = match run.cluster.delete(reference, &how).await {
            Err(error) if error.reason == Reason::Conflict && races < RACES => {
                races += 1;
                continue;
            }
            answer => answer?,
        };
        removed.problems.server_warnings(reference, &answer.warnings);
        // it was there a moment ago: if it is not any more, our own request went through and its answer was lost
        removed.deleted = true;
        if let Deletion::Pending { uid } = answer.value
            && !run.options.dry_run
            && !run.cluster.is_dry_run()
        {
            let waiting = |seconds| {
                let object = reference.clone();
                run.events.item(item, ItemEvent::WaitingToGo { object, seconds });
            };
            if let Err(error) = until_gone(&run.cluster, reference, &uid, &run.stop, &waiting).await {
                removed.problems.error(Some(reference), error);
            }
        }
        return Ok(());
    }
}

/// What tells an object from its successors of the same name.
pub(crate) fn uid_of(object: &Object) -> Option<&str> {
    object.str_at(&["metadata", "uid"])
}

/// Polls until an object is gone, or another one has taken its name.
pub(crate) async fn until_gone(
    cluster: &Cluster,
    reference: &ObjectRef,
    uid: &str,
    stop: &CancellationToken,
    waiting: &(dyn Fn(u64) + Sync),
) -> Result<(), String> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match cluster.get(reference).await {
            Ok(answer) if answer.value.as_ref().and_then(uid_of) != Some(uid) => return Ok(()),
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(_) => waiting(start.elapsed().as_secs()),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(Duration::from_millis(500)),
            () = stop.cancelled() => return Err(format!("failed waiting for deletion of {reference}: context canceled")),
        }
    }
}

fn is_gone(error: &ApiError) -> bool {
    error.is_not_found() || error.is_unknown_kind()
}
