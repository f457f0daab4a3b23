//! The repository that a project lies in.

use camino::Utf8Path;

use super::{GitSnapshot, GitUrl, causes, files};
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

/// All files of a repository on this machine as they are in a revision: a branch, a tag, a commit, `HEAD~2` and whatever
/// else `gitrevisions(7)` has. Nothing is fetched and the work tree is left alone.
pub fn local_snapshot(root: &Utf8Path, revision: &str) -> Result<GitSnapshot, SourceError> {
    let repository = open(root)?;
    let missing = |reason: String| {
        SourceError::NotFound(format!(
            "`{revision}` is no commit in the repository {root}: {reason}"
        ))
    };
    let commit = repository
        .rev_parse_single(revision)
        .map_err(|error| missing(causes(&error)))?
        .object()
        .map_err(|error| missing(causes(&error)))?
        .peel_to_kind(gix::object::Kind::Commit)
        .map_err(|error| missing(causes(&error)))?;
    let id = commit.id;
    let tree = commit
        .peel_to_tree()
        .map_err(|error| broken(root, causes(&error)))?;
    Ok(GitSnapshot {
        files: files::read(&repository, &tree, root.as_str())?,
        commit: id.to_string(),
        submodules: files::submodules(&tree, root.as_str())?,
    })
}
