//! A project's folder as an archive to push.

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use flate2::Compression;
use flate2::write::GzEncoder;
use ignore::WalkBuilder;
use sha2::{Digest, Sha256};

use crate::SourceError;

/// A folder as a gzipped tar archive.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The archive.
    pub archive: Bytes,
    /// Digest of the tar archive before it was packed, `sha256:…`.
    pub content_digest: String,
}

/// Packs all files of a folder but `.git` and what its `.gitignore` files leave out; links are left out, too.
///
/// The same files give the same bytes: entries are sorted, without owners and times.
///
/// Source: kluctl `lib/git/utils.go`, `LoadGitignorePaths`; flux `pkg/tar`.
pub fn pack(folder: &Utf8Path) -> Result<Packed, SourceError> {
    let failed = |error: std::io::Error| SourceError::file(folder, error);
    let mut tar = tar::Builder::new(Vec::new());
    for path in files(folder)? {
        let full = folder.join(&path);
        let content = std::fs::read(&full).map_err(|error| SourceError::file(&full, error))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if is_executable(&full) { 0o755 } else { 0o644 });
        header.set_mtime(0);
        tar.append_data(&mut header, path.as_str(), content.as_slice())
            .map_err(failed)?;
    }
    let content = tar.into_inner().map_err(failed)?;
    let content_digest = format!("sha256:{}", hex::encode(Sha256::digest(&content)));
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut packed, &content).map_err(failed)?;
    Ok(Packed {
        archive: Bytes::from(packed.finish().map_err(failed)?),
        content_digest,
    })
}

/// The files to pack, by their path in the folder, sorted.
fn files(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, SourceError> {
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| SourceError::Content {
            what: folder.to_string(),
            reason: error.to_string(),
        })?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = Utf8Path::from_path(entry.path()).and_then(|path| path.strip_prefix(folder).ok());
        let path = path.ok_or_else(|| SourceError::Content {
            what: entry.path().display().to_string(),
            reason: "the file's name is not UTF-8".to_owned(),
        })?;
        files.push(path.to_owned());
    }
    files.sort();
    Ok(files)
}

#[cfg(unix)]
fn is_executable(path: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Utf8Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_what_git_ignores() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        for (path, text) in [
            (".gitignore", "*.log\n/build\n!keep.log\n"),
            ("a.yaml", "a"),
            ("x.log", ""),
            ("keep.log", ""),
            ("build/b", ""),
            ("sub/build/c", "c"),
            ("sub/.gitignore", "secret\n"),
            ("sub/secret", ""),
            (".hidden", "h"),
            (".git/config", ""),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let packed = pack(root).unwrap();
        let files = crate::archive::unpack("x", &packed.archive, crate::archive::Limits::default()).unwrap();
        let names: Vec<_> = files.keys().map(|path| path.as_str()).collect();
        assert_eq!(
            names,
            [
                ".gitignore",
                ".hidden",
                "a.yaml",
                "keep.log",
                "sub/.gitignore",
                "sub/build/c"
            ]
        );
        assert_eq!(pack(root).unwrap().archive, packed.archive);
    }
}
