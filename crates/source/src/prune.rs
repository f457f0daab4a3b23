//! Keeps the cache within a size.

use std::fs;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{Cache, SourceError};

/// What was done to make room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrunedCache {
    /// What was removed, by its path in the cache, least recently used first.
    pub removed: Vec<Utf8PathBuf>,
    /// Bytes that were freed.
    pub freed: u64,
    /// Bytes that are left.
    pub left: u64,
}

/// A thing that is kept or removed as a whole: the mirror of a repository, a chart, a layer.
struct Entry {
    path: Utf8PathBuf,
    size: u64,
    used: SystemTime,
    is_mirror: bool,
}

/// Removes mirrors of Git repositories, charts and layers, least recently used first, until what is left fits.
///
/// A mirror that another process uses right now stays.
pub fn prune_cache(cache: &Cache, max_size: u64) -> Result<PrunedCache, SourceError> {
    let mut entries = Vec::new();
    for path in children(&cache.root().join("git-cache"))? {
        entries.push(Entry {
            used: used(&path.join(".cache.lock")),
            size: size(&path),
            is_mirror: true,
            path,
        });
    }
    for (folder, depth) in [("helm-charts", 2), ("oci", 2)] {
        let mut files = vec![cache.root().join(folder)];
        for _ in 0..depth {
            let mut below = Vec::new();
            for folder in files.iter().filter(|path| path.is_dir()) {
                below.extend(children(folder)?);
            }
            files = below;
        }
        entries.extend(files.into_iter().map(|path| Entry {
            used: used(&path),
            size: size(&path),
            is_mirror: false,
            path,
        }));
    }
    let mut pruned = PrunedCache {
        left: entries.iter().map(|entry| entry.size).sum(),
        ..PrunedCache::default()
    };
    entries.sort_by(|a, b| a.used.cmp(&b.used).then_with(|| a.path.cmp(&b.path)));
    for entry in entries {
        if pruned.left <= max_size {
            break;
        }
        if remove(&entry)? {
            pruned.left -= entry.size;
            pruned.freed += entry.size;
            let path = entry.path.strip_prefix(cache.root()).unwrap_or(&entry.path);
            pruned.removed.push(path.to_owned());
        }
    }
    Ok(pruned)
}

/// Removes an entry unless it is in use.
fn remove(entry: &Entry) -> Result<bool, SourceError> {
    let failed = |error| SourceError::file(&entry.path, error);
    if !entry.is_mirror {
        fs::remove_file(&entry.path).map_err(failed)?;
        // The folder goes with its last file.
        if let Some(folder) = entry.path.parent() {
            let _ = fs::remove_dir(folder);
        }
        return Ok(true);
    }
    let lock = fs::File::create(entry.path.join(".cache.lock")).map_err(failed)?;
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    fs::remove_dir_all(&entry.path).map_err(failed)?;
    Ok(true)
}

fn children(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, SourceError> {
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SourceError::file(folder, error)),
    };
    Ok(entries
        .filter_map(Result::ok)
        .map(|entry| entry.path().to_owned())
        .collect())
}

/// When a file was read or written last.
fn used(path: &Utf8Path) -> SystemTime {
    let times = fs::metadata(path).map(|metadata| {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        metadata.accessed().unwrap_or(modified).max(modified)
    });
    times.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn size(path: &Utf8Path) -> u64 {
    if path.is_dir() {
        return children(path)
            .unwrap_or_default()
            .iter()
            .map(|child| size(child))
            .sum();
    }
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn removes_the_least_recently_used_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let cache = Cache::new(root);
        let old = SystemTime::now() - Duration::from_hours(100);
        for (path, age) in [
            ("helm-charts/a-1/1.0.0.tgz", 3),
            ("git-cache/r-1/.cache.lock", 1),
            ("git-cache/r-1/repository.git/data", 1),
            ("git-cache/r-2/.cache.lock", 0),
            ("git-cache/r-2/repository.git/data", 0),
            ("oci/sha256/00", 2),
        ] {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let content = if path.ends_with("lock") { "" } else { "0123456789" };
            fs::write(&file, content).unwrap();
            let time = old + Duration::from_hours(age);
            let times = fs::FileTimes::new().set_modified(time).set_accessed(time);
            fs::File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_times(times)
                .unwrap();
        }
        fs::write(root.join("other"), "stays").unwrap();
        let lock = fs::File::open(root.join("git-cache/r-2/.cache.lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(
            prune_cache(&cache, 40).unwrap().removed,
            Vec::<Utf8PathBuf>::new()
        );
        let pruned = prune_cache(&cache, 25).unwrap();
        // the oldest is in use
        assert_eq!(pruned.removed, ["git-cache/r-1", "oci/sha256/00"]);
        assert_eq!((pruned.freed, pruned.left), (20, 20));
        drop(lock);
        assert_eq!(prune_cache(&cache, 0).unwrap().left, 0);
        assert!(root.join("other").exists());
    }
}
