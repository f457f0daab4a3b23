//! The folder in which downloads are kept between runs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::SourceError;

/// The cache folder, e.g. `~/.cache/kluctl`.
#[derive(Debug, Clone)]
pub struct Cache {
    root: Utf8PathBuf,
}

/// Downloaded chart archives: `<cache>/helm-charts/<name>-<digest of the address>/<version>.tgz`.
#[derive(Debug, Clone)]
pub struct ChartCache {
    root: Utf8PathBuf,
}

/// Content by its digest: `<cache>/oci/sha256/<hex>`.
#[derive(Debug, Clone)]
pub struct BlobCache {
    root: Utf8PathBuf,
}

/// How long a downloaded chart is used without asking again (upstream: 24 hours).
const FRESH: Duration = Duration::from_hours(24);

impl Cache {
    /// Uses a folder; it is made when something is written.
    pub fn new(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The part for Helm charts.
    pub fn charts(&self) -> ChartCache {
        ChartCache {
            root: self.root.join("helm-charts"),
        }
    }

    /// The part for layers of OCI artifacts.
    pub fn blobs(&self) -> BlobCache {
        BlobCache {
            root: self.root.join("oci"),
        }
    }
}

impl BlobCache {
    /// The content with a digest; what does not fit its digest is as good as missing.
    pub fn get(&self, digest: &str) -> Option<Bytes> {
        let path = self.path(digest)?;
        let content = fs::read(&path).ok()?;
        let fits = digest.strip_prefix("sha256:") == Some(&hex::encode(Sha256::digest(&content)));
        touch(&path);
        fits.then(|| Bytes::from(content))
    }

    /// Stores content under its digest.
    pub fn put(&self, digest: &str, content: &[u8]) -> Result<(), SourceError> {
        match self.path(digest) {
            Some(path) => write_whole(&path, content),
            // Kinds of digests that nobody uses yet are not kept.
            None => Ok(()),
        }
    }

    fn path(&self, digest: &str) -> Option<Utf8PathBuf> {
        let hex = digest.strip_prefix("sha256:")?;
        let is_digest = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| self.root.join("sha256").join(hex))
    }
}

/// Notes that a file was used, without making it newer.
fn touch(path: &Utf8Path) {
    if let Ok(file) = File::open(path) {
        let _ = file.set_times(fs::FileTimes::new().set_accessed(SystemTime::now()));
    }
}

impl ChartCache {
    /// A chart archive that is not older than a day.
    pub fn get(&self, address: &str, chart: &str, version: &str) -> Option<Bytes> {
        let path = self.path(address, chart, version);
        let age = SystemTime::now()
            .duration_since(fs::metadata(&path).ok()?.modified().ok()?)
            .ok()?;
        let archive = (age < FRESH)
            .then(|| fs::read(&path).ok().map(Bytes::from))
            .flatten();
        touch(&path);
        archive
    }

    /// Stores a chart archive, whole or not at all, so that other processes never see a part of it.
    pub fn put(&self, address: &str, chart: &str, version: &str, archive: &[u8]) -> Result<(), SourceError> {
        write_whole(&self.path(address, chart, version), archive)
    }

    fn path(&self, address: &str, chart: &str, version: &str) -> Utf8PathBuf {
        let digest = hex::encode(Sha256::digest(format!("{address}\n{chart}\n{version}")));
        let plain = |text: &str| {
            text.chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                        c
                    } else {
                        '_'
                    }
                })
                .collect::<String>()
        };
        self.root
            .join(format!("{}-{}", plain(chart), &digest[..16]))
            .join(format!("{}.tgz", plain(version)))
    }
}

/// Writes a file under another name first and then moves it to its place.
pub(crate) fn write_whole(path: &Utf8Path, data: &[u8]) -> Result<(), SourceError> {
    let failed = |error: io::Error| SourceError::file(path, error);
    let folder = path
        .parent()
        .ok_or_else(|| failed(io::Error::other("has no parent folder")))?;
    fs::create_dir_all(folder).map_err(failed)?;
    let partial = folder.join(format!(
        ".{}.{}.part",
        path.file_name().unwrap_or("file"),
        std::process::id()
    ));
    let written = File::create(&partial)
        .and_then(|mut file| file.write_all(data))
        .and_then(|()| fs::rename(&partial, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&partial);
        failed(error)
    })
}
