//! Deletes one object and waits until it is gone.

use std::time::Duration;

use kluctl_cluster::{ApiError, Cluster, Delete, Deletion};
use kluctl_object::ObjectRef;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::problem::Problems;

/// What came of deleting an object.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    /// Whether something was deleted (or would have been).
    pub(crate) deleted: bool,
    pub(crate) problems: Problems,
}

/// Deletes an object of a run.
pub(crate) async fn remove_object(run: &Run, reference: &ObjectRef) -> Removed {
    let mut removed = Removed::default();
    let how = Delete {
        dry_run: run.options.dry_run,
        ..Delete::default()
    };
    match run.cluster.delete(reference, &how).await {
        Ok(answer) => {
            removed.problems.server_warnings(reference, &answer.warnings);
            removed.deleted = answer.value != Deletion::Missing;
            if let Deletion::Pending { uid } = answer.value
                && !run.options.dry_run
                && !run.cluster.is_dry_run()
                && let Err(error) = until_gone(&run.cluster, reference, &uid, &run.stop).await
            {
                removed.problems.error(Some(reference), error);
            }
        }
        // a kind that is not there has no objects
        Err(error) if error.is_not_found() || error.is_unknown_kind() => {}
        Err(error) => removed.problems.error(Some(reference), error.to_string()),
    }
    removed
}

/// Polls until an object is gone, or another one has taken its name.
pub(crate) async fn until_gone(
    cluster: &Cluster,
    reference: &ObjectRef,
    uid: &str,
    stop: &CancellationToken,
) -> Result<(), String> {
    let mut pause = Duration::from_millis(50);
    loop {
        match cluster.get(reference).await {
            Ok(answer)
                if answer
                    .value
                    .as_ref()
                    .and_then(|object| object.str_at(&["metadata", "uid"]))
                    != Some(uid) =>
            {
                return Ok(());
            }
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
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
