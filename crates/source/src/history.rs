//! The history of a repository: which commit last changed a path.

use std::collections::{BinaryHeap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use gix::ObjectId;

use crate::SourceError;

/// The commit that last changed the file at an absolute path, in the repository that the file lies in; `None` when no
/// commit has it.
///
/// # Errors
/// No repository is found from the file's folder up, or it cannot be read.
pub fn latest_commit(path: &Utf8Path) -> Result<Option<String>, SourceError> {
    let folder = path.parent().unwrap_or(path);
    let missing = || SourceError::NotFound(format!("No git repository was found at {folder}"));
    let repository = gix::discover(folder).map_err(|_| missing())?;
    let root = repository.workdir().ok_or_else(missing)?;
    let root = root
        .canonicalize()
        .map_err(|error| SourceError::file(folder, error))?;
    let root = Utf8PathBuf::from_path_buf(root).map_err(|_| missing())?;
    let folder = folder
        .canonicalize_utf8()
        .map_err(|error| SourceError::file(folder, error))?;
    let inside = folder.strip_prefix(&root).map_err(|_| missing())?;
    let inside = inside.join(path.file_name().unwrap_or_default());
    let broken = |reason: String| SourceError::Content {
        what: root.to_string(),
        reason,
    };
    let head = repository.head_id().map_err(|error| broken(error.to_string()))?;
    last_change(&repository, head.detach(), &inside).map_err(broken)
}

/// The newest commit, from `start` back, that changed `path`. Newest is what was committed last; a merge counts only if
/// the path is like that in none of its parents.
///
/// Source: dulwich `walk.py`, `Walker` with `paths`.
pub(crate) fn last_change(
    repository: &gix::Repository,
    start: ObjectId,
    path: &Utf8Path,
) -> Result<Option<String>, String> {
    let mut queue = BinaryHeap::new();
    let mut seen = HashSet::new();
    let mut push = |queue: &mut BinaryHeap<_>, id: ObjectId| -> Result<(), String> {
        let met = seen.len();
        if seen.insert(id) {
            let time = repository.find_commit(id).map_err(|error| error.to_string())?;
            let time = time.time().map_err(|error| error.to_string())?.seconds;
            // Of those made in the same second, the one met first is the newer one.
            queue.push((time, std::cmp::Reverse(met), id));
        }
        Ok(())
    };
    push(&mut queue, start)?;
    while let Some((_, _, id)) = queue.pop() {
        let commit = repository.find_commit(id).map_err(|error| error.to_string())?;
        // A shallow clone ends where a parent is not there.
        let parents: Vec<ObjectId> = commit
            .parent_ids()
            .map(gix::Id::detach)
            .filter(|parent| repository.has_object(*parent))
            .collect();
        let here = entry(repository, id, path)?;
        let mut changed = here.is_some() || parents.len() == 1;
        for parent in parents {
            changed = changed && entry(repository, parent, path)? != here;
            push(&mut queue, parent)?;
        }
        if changed {
            return Ok(Some(id.to_string()));
        }
    }
    Ok(None)
}

/// What stands at a path in a commit: its mode and its id.
fn entry(
    repository: &gix::Repository,
    commit: ObjectId,
    path: &Utf8Path,
) -> Result<Option<(u16, ObjectId)>, String> {
    let commit = repository
        .find_commit(commit)
        .map_err(|error| error.to_string())?;
    let tree = commit.tree().map_err(|error| error.to_string())?;
    let found = tree
        .lookup_entry_by_path(path.as_std_path())
        .map_err(|error| error.to_string())?;
    Ok(found.map(|entry| (entry.mode().value(), entry.object_id())))
}
