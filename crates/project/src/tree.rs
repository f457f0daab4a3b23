//! A folder of files that cannot be left: the project's repository on disk, or somebody else's in memory.

use std::collections::HashMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::outside::Files;

/// How many symlinks one path may go through.
const MAX_LINKS: usize = 40;

/// How deep folders are walked, which bounds loops of symlinks.
const MAX_DEPTH: usize = 100;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// Files below a root. Paths are relative to it; `..` stops at the root and symlinks are followed inside it only, as if
/// it were the root of the file system. Nothing is read before it is asked for.
#[derive(Debug)]
pub struct SourceTree {
    root: Utf8PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Resolved folders by their path: where they really are below the root.
    Disk(RwLock<HashMap<Utf8PathBuf, Option<Utf8PathBuf>>>),
    Memory(Arc<Files>),
}

impl SourceTree {
    /// A folder on disk; `root` should be absolute.
    pub fn on_disk(root: Utf8PathBuf) -> Self {
        Self {
            root,
            place: Place::Disk(RwLock::default()),
        }
    }

    /// Files in memory, shown as if they were below `root`.
    pub fn in_memory(root: Utf8PathBuf, files: Arc<Files>) -> Self {
        Self {
            root,
            place: Place::Memory(files),
        }
    }

    /// The root, for showing paths and for handing absolute ones to templates.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Makes a path relative to the root absolute, for showing it.
    pub fn shown(&self, path: &Utf8Path) -> Utf8PathBuf {
        if path.as_str().is_empty() || path == "." {
            self.root.clone()
        } else {
            self.root.join(path)
        }
    }

    /// What stands at a path; `None` when nothing does.
    pub fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        let path = normalize(path);
        match &self.place {
            Place::Memory(files) => {
                if files.contains_key(&path) {
                    Some(EntryKind::File)
                } else {
                    (path.as_str().is_empty() || below(files, &path).next().is_some())
                        .then_some(EntryKind::Folder)
                }
            }
            Place::Disk(_) => {
                let real = self.resolve(&path).ok()??;
                let metadata = std::fs::metadata(self.root.join(real)).ok()?;
                Some(if metadata.is_dir() {
                    EntryKind::Folder
                } else {
                    EntryKind::File
                })
            }
        }
    }

    /// Whether there is a file at a path.
    pub fn is_file(&self, path: &Utf8Path) -> bool {
        self.kind(path) == Some(EntryKind::File)
    }

    /// Whether there is a folder at a path.
    pub fn is_folder(&self, path: &Utf8Path) -> bool {
        self.kind(path) == Some(EntryKind::Folder)
    }

    /// The content of the file at a path; `None` when there is none.
    pub fn read(&self, path: &Utf8Path) -> io::Result<Option<Bytes>> {
        let path = normalize(path);
        match &self.place {
            Place::Memory(files) => Ok(files.get(&path).cloned()),
            Place::Disk(_) => {
                let Some(real) = self.resolve(&path)? else {
                    return Ok(None);
                };
                match std::fs::read(self.root.join(real)) {
                    Ok(content) => Ok(Some(content.into())),
                    Err(error) if is_absent(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// What a folder holds, sorted by name; nothing when there is no such folder.
    pub fn list(&self, folder: &Utf8Path) -> io::Result<Vec<(String, EntryKind)>> {
        let folder = normalize(folder);
        match &self.place {
            Place::Memory(files) => {
                let mut entries: Vec<(String, EntryKind)> = Vec::new();
                for path in below(files, &folder) {
                    let Ok(inner) = path.strip_prefix(&folder) else {
                        continue;
                    };
                    let mut parts = inner.components();
                    let Some(name) = parts.next() else { continue };
                    let kind = if parts.next().is_some() {
                        EntryKind::Folder
                    } else {
                        EntryKind::File
                    };
                    if entries.last().is_none_or(|(last, _)| last != name.as_str()) {
                        entries.push((name.to_string(), kind));
                    }
                }
                entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
                entries.dedup();
                Ok(entries)
            }
            Place::Disk(_) => self.list_disk(&folder),
        }
    }

    fn list_disk(&self, folder: &Utf8Path) -> io::Result<Vec<(String, EntryKind)>> {
        let Some(real) = self.resolve(folder)? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for entry in self.root.join(&real).read_dir_utf8()? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            let name = entry.file_name();
            let kind = if file_type.is_dir() {
                Some(EntryKind::Folder)
            } else if file_type.is_file() {
                Some(EntryKind::File)
            } else if file_type.is_symlink() {
                self.kind(&real.join(name))
            } else {
                None
            };
            entries.extend(kind.map(|kind| (name.to_owned(), kind)));
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    /// All files below a folder in the order of a walk (names sorted in each folder), without what `skip` refuses.
    /// Paths start with `folder`.
    pub fn walk(
        &self,
        folder: &Utf8Path,
        skip: &dyn Fn(&Utf8Path, EntryKind) -> bool,
    ) -> io::Result<Vec<Utf8PathBuf>> {
        let mut found = Vec::new();
        self.walk_into(&normalize(folder), skip, 0, &mut found)?;
        Ok(found)
    }

    fn walk_into(
        &self,
        folder: &Utf8Path,
        skip: &dyn Fn(&Utf8Path, EntryKind) -> bool,
        depth: usize,
        found: &mut Vec<Utf8PathBuf>,
    ) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(io::Error::other(format!(
                "folders nest more than {MAX_DEPTH} deep at {folder}"
            )));
        }
        for (name, kind) in self.list(folder)? {
            let path = join(folder, &name);
            if skip(&path, kind) {
                continue;
            }
            match kind {
                EntryKind::File => found.push(path),
                EntryKind::Folder => self.walk_into(&path, skip, depth + 1, found)?,
            }
        }
        Ok(())
    }

    /// The well-known file `name` (`.yaml` or `.yml`) in a folder: the exact name first, then with the other ending.
    pub fn yaml_file(&self, folder: &Utf8Path, stem: &str) -> Option<Utf8PathBuf> {
        ["yml", "yaml"]
            .into_iter()
            .map(|ending| join(folder, &format!("{stem}.{ending}")))
            .find(|path| self.is_file(path))
    }

    /// Where a normalized path really is below the root, with all symlinks followed; `None` when nothing is there.
    fn resolve(&self, path: &Utf8Path) -> io::Result<Option<Utf8PathBuf>> {
        let mut links = 0;
        self.resolve_counted(path, &mut links)
    }

    fn resolve_counted(&self, path: &Utf8Path, links: &mut usize) -> io::Result<Option<Utf8PathBuf>> {
        let Place::Disk(known) = &self.place else {
            return Ok(Some(path.to_owned()));
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Some(Utf8PathBuf::new()));
        };
        if let Some(real) = known.read().ok().and_then(|known| known.get(path).cloned()) {
            return Ok(real);
        }
        let Some(folder) = self.resolve_counted(parent, links)? else {
            return Ok(None);
        };
        let candidate = join(&folder, name);
        let on_disk = self.root.join(&candidate);
        let metadata = match std::fs::symlink_metadata(&on_disk) {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let real = if metadata.is_symlink() {
            *links += 1;
            if *links > MAX_LINKS {
                return Err(io::Error::other(format!("too many symlinks at {path}")));
            }
            let target = on_disk.read_link_utf8()?;
            // An absolute link into this very root stays what it means; any other starts at the root.
            let target = match target.strip_prefix(&self.root) {
                Ok(inside) => normalize(inside),
                Err(_) if target.is_absolute() => normalize(&target),
                Err(_) => normalize(&folder.join(&target)),
            };
            self.resolve_counted(&target, links)?
        } else {
            Some(candidate)
        };
        if (metadata.is_dir() || metadata.is_symlink())
            && let Ok(mut known) = known.write()
        {
            known.insert(path.to_owned(), real.clone());
        }
        Ok(real)
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// Files below a folder of a map, by their whole path.
fn below<'f>(files: &'f Files, folder: &'f Utf8Path) -> impl Iterator<Item = &'f Utf8PathBuf> {
    files
        .range::<Utf8Path, _>((Bound::Excluded(folder), Bound::Unbounded))
        .map(|(path, _)| path)
        .take_while(move |path| path.starts_with(folder))
}

/// Joins without a leading `./`.
pub(crate) fn join(folder: &Utf8Path, name: &str) -> Utf8PathBuf {
    if folder.as_str().is_empty() || folder == "." {
        Utf8PathBuf::from(name)
    } else {
        folder.join(name)
    }
}

/// Removes `.` and resolves `..`, which stops at the root. The root itself is empty.
pub(crate) fn normalize(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::ParentDir => drop(parts.pop()),
            Utf8Component::Normal(part) => parts.push(part),
            _ => {}
        }
    }
    parts.join("/").into()
}

/// The path as messages, labels and tags name it: `.` for the root.
pub(crate) fn named(path: &Utf8Path) -> &str {
    if path.as_str().is_empty() {
        "."
    } else {
        path.as_str()
    }
}

/// The way from one folder to another, both relative to the same root.
pub(crate) fn relative(from: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
    let (from, to) = (normalize(from), normalize(to));
    let mut from_parts = from.components().peekable();
    let mut to_parts = to.components().peekable();
    while from_parts.peek().is_some() && from_parts.peek() == to_parts.peek() {
        from_parts.next();
        to_parts.next();
    }
    let up = from_parts.map(|_| "..");
    let parts: Vec<&str> = up.chain(to_parts.map(|part| part.as_str())).collect();
    if parts.is_empty() {
        ".".into()
    } else {
        parts.join("/").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stop_at_the_root() {
        for (path, expected) in [
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("../../x", "x"),
            ("/x", "x"),
            (".", ""),
            ("a/..", ""),
        ] {
            assert_eq!(normalize(path.into()), expected);
        }
    }

    #[test]
    fn ways_lead_up_and_down() {
        for (from, to, expected) in [
            ("", "a/b", "a/b"),
            ("a", "a/b", "b"),
            ("a/c", "a/b", "../b"),
            ("a", "a", "."),
            ("a/b", "", "../.."),
        ] {
            assert_eq!(relative(from.into(), to.into()), expected, "{from} {to}");
        }
    }

    fn memory() -> SourceTree {
        let files = ["a.yaml", "a/x.yaml", "a/b/y.yaml", "a-b/z.yaml"];
        let files = files.map(|path| (Utf8PathBuf::from(path), Bytes::from_static(b"x")));
        SourceTree::in_memory("/r".into(), Arc::new(files.into_iter().collect()))
    }

    fn disk() -> (tempfile::TempDir, SourceTree) {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        let root = folder.path().join("root");
        for (path, content) in [
            (outside.join("secret"), "s"),
            (root.join("a.yaml"), "x"),
            (root.join("a/x.yaml"), "x"),
            (root.join("a/b/y.yaml"), "x"),
            (root.join("a-b/z.yaml"), "x"),
        ] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let root = Utf8PathBuf::from_path_buf(root.canonicalize().unwrap()).unwrap();
        (folder, SourceTree::on_disk(root))
    }

    #[test]
    fn disk_and_memory_look_the_same() {
        let (_folder, disk) = disk();
        for tree in [&memory(), &disk] {
            assert!(tree.is_file("a.yaml".into()) && tree.is_folder("a".into()) && tree.is_folder("".into()));
            assert_eq!(tree.kind("b".into()), None);
            let names: Vec<String> = tree
                .list("a".into())
                .unwrap()
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(names, ["b", "x.yaml"]);
            let all = tree.walk("".into(), &|path, _| path == "a/b").unwrap();
            assert_eq!(all, ["a/x.yaml", "a-b/z.yaml", "a.yaml"]);
            assert_eq!(
                tree.read("../a/./x.yaml".into()).unwrap().as_deref(),
                Some(b"x".as_slice())
            );
            assert_eq!(tree.read("a".into()).unwrap(), None);
            assert_eq!(tree.read("a.yaml/x".into()).unwrap(), None);
            assert_eq!(tree.yaml_file("a".into(), "x").unwrap(), "a/x.yaml");
        }
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_stay_inside() {
        use std::os::unix::fs::symlink;
        let (_folder, tree) = disk();
        let root = tree.root().as_std_path().to_owned();
        symlink("../../outside/secret", root.join("a/up")).unwrap();
        symlink(root.parent().unwrap().join("outside"), root.join("away")).unwrap();
        symlink("../a/b", root.join("a-b/in")).unwrap();
        symlink(root.join("a/x.yaml"), root.join("absolute")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        assert_eq!(tree.read("a/up".into()).unwrap(), None);
        assert_eq!(tree.read("away/secret".into()).unwrap(), None);
        assert_eq!(
            tree.read("a-b/in/y.yaml".into()).unwrap().as_deref(),
            Some(b"x".as_slice())
        );
        assert_eq!(
            tree.read("absolute".into()).unwrap().as_deref(),
            Some(b"x".as_slice())
        );
        assert!(tree.read("loop".into()).is_err());
    }
}
