//! Commits of changed files, without a git program.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Flags, Mode, Stat};
use gix::objs::tree;

use super::causes;
use super::local::{broken, open};
use crate::SourceError;

/// A file that differs from the newest commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedFile {
    /// The path from the repository's top folder.
    pub path: Utf8PathBuf,
    /// Whether the repository knows the file; files that it ignores are never told.
    pub tracked: bool,
}

/// The top folder of the repository that a folder lies in.
pub fn root_of(folder: &Utf8Path) -> Option<&Utf8Path> {
    folder.ancestors().find(|folder| folder.join(".git").exists())
}

/// All files that differ from the newest commit, sorted.
pub fn changed_files(root: &Utf8Path) -> Result<Vec<ChangedFile>, SourceError> {
    let repository = open(root)?;
    changes(&repository).map_err(|error| broken(root, error))
}

fn changes(repository: &gix::Repository) -> Result<Vec<ChangedFile>, String> {
    let status = repository
        .status(gix::progress::Discard)
        .map_err(|error| causes(&error))?
        .untracked_files(gix::status::UntrackedFiles::Files)
        .index_worktree_rewrites(None)
        .tree_index_track_renames(gix::status::tree_index::TrackRenames::Disabled)
        .into_iter(None)
        .map_err(|error| causes(&error))?;
    let mut found = BTreeSet::new();
    for item in status {
        let item = item.map_err(|error| causes(&error))?;
        let new = matches!(
            item,
            gix::status::Item::IndexWorktree(gix::status::index_worktree::Item::DirectoryContents { .. })
        );
        found.insert(ChangedFile {
            path: item.location().to_str_lossy().into_owned().into(),
            tracked: !new,
        });
    }
    Ok(found.into_iter().collect())
}

/// Commits files as they are on disk on top of `HEAD`, by the person that Git's configuration names; gives the commit.
///
/// Files that are no longer there are removed. Hooks are not run.
pub fn commit_files(root: &Utf8Path, paths: &[Utf8PathBuf], message: &str) -> Result<String, SourceError> {
    let repository = open(root)?;
    commit(&repository, root, paths, message).map_err(|error| broken(root, error))
}

fn commit(
    repository: &gix::Repository,
    root: &Utf8Path,
    paths: &[Utf8PathBuf],
    message: &str,
) -> Result<String, String> {
    let mut index = repository.open_index().map_err(|error| causes(&error))?;
    let wanted: BTreeSet<BString> = paths.iter().map(|path| path.as_str().into()).collect();
    let mut known = std::collections::BTreeMap::new();
    index.remove_entries(|_, path, entry| {
        let found = wanted.contains(path);
        if found {
            known.insert(path.to_owned(), entry.mode);
        }
        found
    });
    for path in paths {
        let file = root.join(path);
        let Ok(data) = fs::symlink_metadata(&file) else {
            continue;
        };
        let failed = |error: std::io::Error| format!("{path}: {error}");
        let (content, mode) = if data.is_symlink() {
            let target = fs::read_link(&file).map_err(failed)?;
            (target.to_string_lossy().into_owned().into_bytes(), Mode::SYMLINK)
        } else {
            let before = known.get(BStr::new(path.as_str())).copied();
            (fs::read(&file).map_err(failed)?, file_mode(&data, before))
        };
        let id = repository
            .write_blob(&content)
            .map_err(|error| causes(&error))?
            .detach();
        let stat = gix::index::fs::Metadata::from_path_no_follow(file.as_std_path()).map_err(failed)?;
        let stat = Stat::from_fs(&stat).map_err(|error| error.to_string())?;
        index.dangerously_push_entry(stat, id, Flags::empty(), mode, path.as_str().into());
    }
    index.sort_entries();
    // What it keeps of trees is of the old ones.
    index.remove_tree();
    let entries: Vec<_> = index
        .entries()
        .iter()
        .map(|entry| (entry.path(&index), entry.mode, entry.id))
        .collect();
    let tree = write_tree(repository, &entries, 0)?;
    let parents: Vec<_> = repository
        .head_id()
        .ok()
        .map(gix::Id::detach)
        .into_iter()
        .collect();
    let commit = repository
        .commit("HEAD", message, tree, parents)
        .map_err(|error| format!("{}; set user.name and user.email", causes(&error)))?;
    index
        .write(gix::index::write::Options::default())
        .map_err(|error| causes(&error))?;
    Ok(commit.to_string())
}

/// Executable or not; where the file system cannot tell, as it was.
fn file_mode(data: &fs::Metadata, before: Option<Mode>) -> Mode {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = before;
        if data.permissions().mode() & 0o111 == 0 {
            Mode::FILE
        } else {
            Mode::FILE_EXECUTABLE
        }
    }
    #[cfg(not(unix))]
    {
        let _ = data;
        before.unwrap_or(Mode::FILE)
    }
}

type Staged<'i> = (&'i BStr, Mode, gix::ObjectId);

/// Writes the tree of sorted entries, whose paths are looked at from `start` on.
fn write_tree(
    repository: &gix::Repository,
    entries: &[Staged<'_>],
    start: usize,
) -> Result<gix::ObjectId, String> {
    let mut written = gix::objs::Tree::empty();
    let mut rest = entries;
    while let Some((path, mode, id)) = rest.first() {
        let inner = &path[start..];
        let (name, mode, oid, count) = match inner.find_byte(b'/') {
            None => {
                let mode = mode
                    .to_tree_entry_mode()
                    .ok_or_else(|| format!("{path}: unknown kind of file"))?;
                (inner, mode, *id, 1)
            }
            Some(slash) => {
                let folder = &path[..=start + slash];
                let count = rest
                    .iter()
                    .take_while(|(other, ..)| other.starts_with(folder))
                    .count();
                let id = write_tree(repository, &rest[..count], start + slash + 1)?;
                (&inner[..slash], tree::EntryKind::Tree.into(), id, count)
            }
        };
        written.entries.push(tree::Entry {
            mode,
            filename: BString::from(name.as_bytes()),
            oid,
        });
        rest = &rest[count..];
    }
    written.entries.sort();
    let id = repository
        .write_object(&written)
        .map_err(|error| causes(&error))?;
    Ok(id.detach())
}
