//! The key that fingerprints of secrets are made with: random, kept in the cache folder, so that results can be compared.

use std::io::Write as _;
use std::sync::LazyLock;

use camino::Utf8Path;
use kluctl_object::MaskKey;

use crate::lazy_sources::cache_dir;

/// The key of this person, the same for all of a run. Where it can be neither read nor kept, it is one for this run only.
pub(crate) fn key() -> MaskKey {
    static KEY: LazyLock<MaskKey> = LazyLock::new(|| load(&cache_dir()));
    KEY.clone()
}

fn load(cache: &Utf8Path) -> MaskKey {
    let path = cache.join("mask.key");
    let read = || -> Option<[u8; 32]> { std::fs::read(&path).ok()?.try_into().ok() };
    if let Some(key) = read() {
        return MaskKey::new(key);
    }
    let key: [u8; 32] = rand::random();
    match keep(cache, &path, &key) {
        Ok(()) => MaskKey::new(key),
        // Another process may have been first.
        Err(_) => MaskKey::new(read().unwrap_or(key)),
    }
}

/// Writes the key for its owner only, and never over another one.
fn keep(cache: &Utf8Path, path: &Utf8Path, key: &[u8; 32]) -> std::io::Result<()> {
    std::fs::create_dir_all(cache)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(key)
}
