//! `delete`: deletes everything that carries the discriminator.

use kluctl_object::ObjectRef;

use crate::finish::Finished;
use crate::prune::remove;
use crate::session::Session;
use crate::target::Target;

/// How to delete.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeleteOptions {
    /// Only ask the server what would happen.
    pub dry_run: bool,
    /// Wait until everything is gone.
    pub wait: bool,
    /// Whether the result with its secret values is wanted too.
    pub want_clear: bool,
}

/// Deletes a target. `confirm` sees what would go first.
pub async fn delete(
    session: &Session,
    target: &Target,
    options: &DeleteOptions,
    confirm: &mut (dyn FnMut(&[ObjectRef]) -> bool + Send),
) -> Finished {
    remove(session, target, options, &[], "delete", confirm).await
}
