//! Where a build reads from.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result, fail};

/// The files a build may read. Paths are absolute and clean, unless the tree has its own idea of a root.
pub trait FileSystem {
    /// The content of a file; `None` when there is no file of that name.
    fn read(&self, path: &Utf8Path) -> Result<Option<Bytes>, Error>;

    /// Whether there is a folder of that name.
    fn is_dir(&self, path: &Utf8Path) -> bool;

    /// The path without links and dots. An error when nothing is there.
    fn canonical(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Error>;
}

/// Files held in memory, by their path from the root of the tree.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    files: BTreeMap<Utf8PathBuf, Bytes>,
    folders: BTreeSet<Utf8PathBuf>,
}

impl MemoryFiles {
    /// Takes over files by their path from the root, which is `/`: `app/kustomization.yaml` and `/app/kustomization.yaml`
    /// are the same file.
    pub fn new(files: impl IntoIterator<Item = (Utf8PathBuf, Bytes)>) -> Self {
        let files: BTreeMap<_, _> = files
            .into_iter()
            .map(|(path, content)| (rooted(&path), content))
            .collect();
        let folders = files
            .keys()
            .flat_map(|path| path.ancestors().skip(1))
            .map(Utf8Path::to_owned)
            .collect();
        Self { files, folders }
    }
}

impl FileSystem for MemoryFiles {
    fn read(&self, path: &Utf8Path) -> Result<Option<Bytes>, Error> {
        Ok(self.files.get(&rooted(path)).cloned())
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        let path = rooted(path);
        path == "/" || self.folders.contains(&path)
    }

    fn canonical(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Error> {
        let clean = rooted(path);
        if self.files.contains_key(&clean) || self.is_dir(&clean) {
            Ok(clean)
        } else {
            let mut parts: Vec<_> = clean.ancestors().collect();
            parts.reverse();
            let first = parts
                .into_iter()
                .find(|part| !self.is_dir(part))
                .unwrap_or(&clean);
            Err(missing(path, first))
        }
    }
}

fn rooted(path: &Utf8Path) -> Utf8PathBuf {
    clean(&Utf8Path::new("/").join(path))
}

/// Files on disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskFiles;

impl FileSystem for DiskFiles {
    fn read(&self, path: &Utf8Path) -> Result<Option<Bytes>, Error> {
        match std::fs::read(path) {
            Ok(content) => Ok(Some(content.into())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fail!("read {path}: {error}")),
        }
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        path.is_dir()
    }

    fn canonical(&self, path: &Utf8Path) -> Result<Utf8PathBuf, Error> {
        path.canonicalize_utf8().map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                missing(path, &first_missing(path))
            } else {
                fail!("evalsymlink failure on '{path}' : {error}")
            }
        })
    }
}

/// The first part of a path that is not there.
fn first_missing(path: &Utf8Path) -> Utf8PathBuf {
    let full = camino::absolute_utf8(path).unwrap_or_else(|_| path.to_owned());
    let mut parts: Vec<_> = full.ancestors().collect();
    parts.reverse();
    let missing = parts.into_iter().find(|part| part.symlink_metadata().is_err());
    missing.map_or_else(|| full.clone(), Utf8Path::to_owned)
}

fn missing(asked: &Utf8Path, path: &Utf8Path) -> Error {
    fail!("evalsymlink failure on '{asked}' : lstat {path}: no such file or directory")
}

/// A path without `.`, `..` and doubled slashes, by its text alone.
pub(crate) fn clean(path: &Utf8Path) -> Utf8PathBuf {
    let mut out = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => match out.components().next_back() {
                Some(Utf8Component::Normal(_)) => {
                    out.pop();
                }
                Some(Utf8Component::RootDir | Utf8Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            other => out.push(other.as_str()),
        }
    }
    if out.as_str().is_empty() {
        out.push(".");
    }
    out
}

/// Joins and cleans, as Go's `filepath.Join`: an absolute second part stays below the first.
pub(crate) fn join(base: &Utf8Path, path: &str) -> Utf8PathBuf {
    let joined = if base.as_str().is_empty() {
        Utf8PathBuf::from(path)
    } else {
        Utf8PathBuf::from(format!("{base}/{path}"))
    };
    if joined.as_str().is_empty() {
        joined
    } else {
        clean(&joined)
    }
}
