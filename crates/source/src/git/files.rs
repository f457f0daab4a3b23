//! The files of a tree, as a checkout would give them.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use gix::bstr::ByteSlice;
use gix::object::tree::EntryKind;

use crate::SourceError;

/// Largest file of a repository that is read (bytes).
const FILE_LIMIT: u64 = 256 << 20;

/// How many links may lead to one another.
const LINK_DEPTH: usize = 8;

/// Reads all files of a tree; `address` names the repository in messages.
pub(super) fn read(
    repository: &gix::Repository,
    tree: &gix::Tree<'_>,
    address: &str,
) -> Result<BTreeMap<Utf8PathBuf, Bytes>, SourceError> {
    let broken = |reason: String| SourceError::Content {
        what: address.to_owned(),
        reason,
    };
    let mut files = BTreeMap::new();
    let mut links = BTreeMap::new();
    let entries = tree.traverse().breadthfirst.files();
    for entry in entries.map_err(|error| broken(error.to_string()))? {
        let kind = entry.mode.kind();
        if !matches!(
            kind,
            EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link
        ) {
            continue;
        }
        let path = entry
            .filepath
            .to_str()
            .map_err(|_| broken("a file's name is not UTF-8".to_owned()))?;
        let header = repository
            .find_header(entry.oid)
            .map_err(|error| broken(error.to_string()))?;
        if header.size() > FILE_LIMIT {
            return Err(SourceError::TooLarge {
                what: format!("{path} of {address}"),
                limit: format!("{FILE_LIMIT} bytes"),
            });
        }
        let blob = repository
            .find_object(entry.oid)
            .map_err(|error| broken(error.to_string()))?
            .detach();
        let path = Utf8PathBuf::from(path);
        if kind == EntryKind::Link {
            let target = String::from_utf8(blob.data).unwrap_or_default();
            links.insert(path, target);
        } else {
            files.insert(path, Bytes::from(blob.data));
        }
    }
    follow(&mut files, &links);
    Ok(files)
}

/// The commits that a tree's submodules are at, by their folder.
pub(super) fn submodules(
    tree: &gix::Tree<'_>,
    address: &str,
) -> Result<BTreeMap<Utf8PathBuf, String>, SourceError> {
    let broken = |reason: String| SourceError::Content {
        what: address.to_owned(),
        reason,
    };
    let entries = tree.traverse().breadthfirst.files();
    let entries = entries.map_err(|error| broken(error.to_string()))?;
    let submodules = entries
        .into_iter()
        .filter(|entry| entry.mode.kind() == EntryKind::Commit);
    submodules
        .map(|entry| {
            let path = entry
                .filepath
                .to_str()
                .map_err(|_| broken("a submodule's folder is not UTF-8".to_owned()))?;
            Ok((Utf8PathBuf::from(path), entry.oid.to_string()))
        })
        .collect()
}

/// Puts a copy of what they lead to in the place of links, files and folders alike.
fn follow(files: &mut BTreeMap<Utf8PathBuf, Bytes>, links: &BTreeMap<Utf8PathBuf, String>) {
    let mut left: BTreeMap<&Utf8PathBuf, Utf8PathBuf> = links
        .iter()
        .filter_map(|(path, target)| {
            let folder = path.parent().unwrap_or(Utf8Path::new(""));
            Some((path, joined(folder, target)?))
        })
        .collect();
    for _ in 0..LINK_DEPTH {
        let mut copies = Vec::new();
        left.retain(|path, target| {
            let found = below(files, target);
            let waiting = found.is_empty();
            copies.extend(found.into_iter().map(|(rest, bytes)| {
                let copy = if rest.as_str().is_empty() {
                    (*path).clone()
                } else {
                    path.join(rest)
                };
                (copy, bytes)
            }));
            waiting
        });
        if copies.is_empty() {
            break;
        }
        files.extend(copies);
    }
}

/// The file at a path, or all files below it, by their path from there.
fn below(files: &BTreeMap<Utf8PathBuf, Bytes>, path: &Utf8Path) -> Vec<(Utf8PathBuf, Bytes)> {
    if let Some(bytes) = files.get(path) {
        return vec![(Utf8PathBuf::new(), bytes.clone())];
    }
    files
        .range(path.to_owned()..)
        .take_while(|(file, _)| file.starts_with(path))
        .filter_map(|(file, bytes)| Some((file.strip_prefix(path).ok()?.to_owned(), bytes.clone())))
        .collect()
}

/// A relative path from a folder; `None` where it is absolute or leaves the root.
fn joined(folder: &Utf8Path, target: &str) -> Option<Utf8PathBuf> {
    if target.starts_with('/') {
        return None;
    }
    let mut path = folder.to_owned();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !path.pop() {
                    return None;
                }
            }
            part => path.push(part),
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_what_they_lead_to() {
        let mut files: BTreeMap<Utf8PathBuf, Bytes> =
            [("base/a.yaml", "a"), ("base/deep/b.yaml", "b"), ("base.txt", "c")]
                .into_iter()
                .map(|(path, text)| (path.into(), Bytes::from(text)))
                .collect();
        let links = [
            ("env/file.yaml", "../base/a.yaml"),
            ("env/folder", "../base"),
            ("env/second", "folder/deep"),
            ("env/outside", "../../etc/passwd"),
            ("env/absolute", "/etc/passwd"),
            ("env/loop", "loop"),
        ];
        let links = links
            .into_iter()
            .map(|(path, target)| (path.into(), target.to_owned()))
            .collect();
        follow(&mut files, &links);
        let names: Vec<_> = files.keys().map(|path| path.as_str()).collect();
        assert_eq!(
            names,
            [
                "base/a.yaml",
                "base/deep/b.yaml",
                "base.txt",
                "env/file.yaml",
                "env/folder/a.yaml",
                "env/folder/deep/b.yaml",
                "env/second/b.yaml",
            ]
        );
    }
}
