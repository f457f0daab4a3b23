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

    /// All files in a folder and below it, by their path in the folder; asked for charts only.
    ///
    /// # Errors
    /// When the folder cannot be read, or when this tree cannot list folders.
    fn files_below(&self, folder: &Utf8Path) -> Result<BTreeMap<Utf8PathBuf, Bytes>, Error> {
        Err(fail!("the files below '{folder}' cannot be listed here"))
    }
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
    fn files_below(&self, folder: &Utf8Path) -> Result<BTreeMap<Utf8PathBuf, Bytes>, Error> {
        let folder = rooted(folder);
        let below = self.files.range(folder.clone()..).filter_map(|(path, content)| {
            let inside = path.strip_prefix(&folder).ok()?;
            Some((inside.to_owned(), content.clone()))
        });
        Ok(below.collect())
    }

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

/// How deep the folders of a chart may be nested, and how much may be in them.
const MAX_FOLDER_DEPTH: usize = 100;
const MAX_FOLDER_BYTES: u64 = 256 << 20;

fn walk(
    folder: &Utf8Path,
    inside: &Utf8Path,
    depth: usize,
    left: &mut u64,
    files: &mut BTreeMap<Utf8PathBuf, Bytes>,
) -> Result<()> {
    if depth == MAX_FOLDER_DEPTH {
        return Err(fail!(
            "folders are nested more than {MAX_FOLDER_DEPTH} deep at '{folder}'"
        ));
    }
    let unreadable = |error: std::io::Error| fail!("read '{folder}': {error}");
    for entry in folder.read_dir_utf8().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, inside) = (entry.path(), inside.join(entry.file_name()));
        let kind = path.metadata().map_err(|error| fail!("lstat {path}: {error}"))?;
        if kind.is_dir() {
            walk(path, &inside, depth + 1, left, files)?;
        } else if kind.is_file() {
            *left = left.checked_sub(kind.len()).ok_or_else(|| {
                fail!("there are more than {MAX_FOLDER_BYTES} bytes of files at '{folder}'")
            })?;
            let content = std::fs::read(path).map_err(|error| fail!("read {path}: {error}"))?;
            files.insert(inside, content.into());
        } else {
            return Err(fail!("'{path}' is neither a file nor a folder"));
        }
    }
    Ok(())
}

impl FileSystem for DiskFiles {
    fn files_below(&self, folder: &Utf8Path) -> Result<BTreeMap<Utf8PathBuf, Bytes>, Error> {
        let mut files = BTreeMap::new();
        let mut left = MAX_FOLDER_BYTES;
        walk(folder, Utf8Path::new(""), 0, &mut left, &mut files)?;
        Ok(files)
    }

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
