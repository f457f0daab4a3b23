//! The repository that a project lies in.

use camino::{Utf8Path, Utf8PathBuf};

use super::{GitUrl, causes};
use crate::SourceError;

/// What `HEAD` of a work tree names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitHead {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
}

/// What is known of a work tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkTree {
    /// Address of the remote `origin`, without a password.
    pub origin: Option<GitUrl>,
    /// What is checked out; `None` for a commit by itself.
    pub head: Option<GitHead>,
    /// The commit; `None` before the first one.
    pub commit: Option<String>,
    /// Whether files differ from the commit, or are new.
    pub dirty: bool,
}

impl WorkTree {
    /// Reads the repository whose top folder is `root`; `None` where there is no repository.
    ///
    /// Source: kluctl `lib/git/build_git_info.go`.
    pub fn read(root: &Utf8Path) -> Result<Option<Self>, SourceError> {
        if !root.join(".git").exists() {
            return Ok(None);
        }
        let repository = open(root)?;
        let origin = repository
            .find_remote("origin")
            .ok()
            .and_then(|remote| {
                Some(
                    remote
                        .url(gix::remote::Direction::Fetch)?
                        .to_bstring()
                        .to_string(),
                )
            })
            .and_then(|address| GitUrl::parse(&address).ok());
        let name = repository.head_name().ok().flatten();
        let name = name.map(|name| name.as_bstr().to_string()).unwrap_or_default();
        let head = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => Some(GitHead::Branch(branch.to_owned())),
            (_, Some(tag)) => Some(GitHead::Tag(tag.to_owned())),
            _ => None,
        };
        let commit = repository.head_id().ok().map(|id| id.to_string());
        Ok(Some(Self {
            origin,
            head: head.filter(|_| commit.is_some()),
            commit,
            dirty: is_dirty(&repository).map_err(|error| broken(root, error))?,
        }))
    }
}

pub(super) fn broken(path: &Utf8Path, reason: String) -> SourceError {
    SourceError::Content {
        what: format!("the git repository {path}"),
        reason,
    }
}

pub(super) fn open(root: &Utf8Path) -> Result<gix::Repository, SourceError> {
    gix::open(root.as_std_path()).map_err(|error| broken(root, causes(&error)))
}

/// Whether anything differs from the commit, new files included.
fn is_dirty(repository: &gix::Repository) -> Result<bool, String> {
    let status = repository
        .status(gix::progress::Discard)
        .map_err(|error| causes(&error))?;
    let mut changes = status
        .untracked_files(gix::status::UntrackedFiles::Collapsed)
        .into_iter(None)
        .map_err(|error| causes(&error))?;
    match changes.next() {
        None => Ok(false),
        Some(Ok(_)) => Ok(true),
        Some(Err(error)) => Err(causes(&error)),
    }
}

/// The newest commit on `HEAD`'s history that changed a file or folder.
///
/// As in `git log -n 1 -- PATH`, a merge counts only where the path differs from all of its parents.
pub fn latest_commit(path: &Utf8Path) -> Result<String, SourceError> {
    let root = path
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .ok_or_else(|| SourceError::NotFound(format!("{path} is in no git repository")))?;
    let within = path.strip_prefix(root).unwrap_or(path).to_owned();
    let repository = open(root)?;
    let head = repository
        .head_id()
        .map_err(|error| broken(root, causes(&error)))?;
    let mut next = Some(head.detach());
    while let Some(id) = next {
        let (own, parents) = states(&repository, id, &within).map_err(|error| broken(root, error))?;
        let same = parents.iter().find(|(_, state)| *state == own);
        match same {
            // Whatever happened to it happened on that side.
            Some((parent, _)) => next = Some(*parent),
            None if own.is_none() && parents.is_empty() => break,
            None => return Ok(id.to_string()),
        }
    }
    Err(SourceError::NotFound(format!("no commit has changed {path}")))
}

/// A commit, and what a path was in it.
type State = Option<gix::ObjectId>;

/// What a path is in a commit, and in each of its parents.
fn states(
    repository: &gix::Repository,
    id: gix::ObjectId,
    path: &Utf8PathBuf,
) -> Result<(State, Vec<(gix::ObjectId, State)>), String> {
    let state = |id: gix::ObjectId| -> Result<State, String> {
        let commit = repository.find_commit(id).map_err(|error| causes(&error))?;
        let tree = commit.tree().map_err(|error| causes(&error))?;
        if path.as_str().is_empty() {
            return Ok(Some(tree.id));
        }
        let entry = tree
            .lookup_entry_by_path(path.as_std_path())
            .map_err(|error| causes(&error))?;
        Ok(entry.map(|entry| entry.object_id()))
    };
    let commit = repository.find_commit(id).map_err(|error| causes(&error))?;
    let parents: Vec<_> = commit.parent_ids().map(gix::Id::detach).collect();
    let parents = parents
        .into_iter()
        .map(|parent| Ok((parent, state(parent)?)))
        .collect::<Result<_, String>>()?;
    Ok((state(id)?, parents))
}
