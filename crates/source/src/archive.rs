//! Unpacks `.tar.gz` archives in memory, within bounds.

use std::collections::BTreeMap;
use std::io::Read;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use flate2::read::GzDecoder;

use crate::SourceError;

/// What an archive may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes after unpacking, all files together.
    pub total_bytes: u64,
    /// Number of files.
    pub files: usize,
}

impl Default for Limits {
    /// 100 MiB in 50,000 files: what Helm allows for a chart, with room for many small files.
    fn default() -> Self {
        Self {
            total_bytes: 100 << 20,
            files: 50_000,
        }
    }
}

/// Unpacks a gzipped tar archive to a map from relative path to content.
///
/// Links and devices are left out, as Kluctl and Helm do. A path that is absolute or leaves the archive's root is an
/// error.
pub fn unpack(
    what: &str,
    archive: &[u8],
    limits: Limits,
) -> Result<BTreeMap<Utf8PathBuf, Bytes>, SourceError> {
    let content = |reason: String| SourceError::Content {
        what: what.to_owned(),
        reason,
    };
    let too_large = || SourceError::TooLarge {
        what: format!("{what}, unpacked,"),
        limit: format!("{} bytes in {} files", limits.total_bytes, limits.files),
    };
    let mut files = BTreeMap::new();
    let mut left = limits.total_bytes;
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    for entry in tar.entries().map_err(|error| content(error.to_string()))? {
        let mut entry = entry.map_err(|error| content(error.to_string()))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let raw = entry.path_bytes().into_owned();
        let name = String::from_utf8(raw).map_err(|_| content("a file's name is not UTF-8".to_owned()))?;
        let path =
            relative(&name).ok_or_else(|| content(format!("the file `{name}` lies outside the archive")))?;
        if files.len() >= limits.files || entry.size() > left {
            return Err(too_large());
        }
        let mut data = Vec::new();
        entry
            .by_ref()
            .take(left + 1)
            .read_to_end(&mut data)
            .map_err(|error| content(error.to_string()))?;
        left = left.checked_sub(data.len() as u64).ok_or_else(too_large)?;
        files.insert(path, Bytes::from(data));
    }
    Ok(files)
}

/// The path without `.` segments; `None` where it is absolute, empty or has `..`.
fn relative(name: &str) -> Option<Utf8PathBuf> {
    if name.starts_with('/') || name.contains('\\') || name.contains('\0') {
        return None;
    }
    let mut path = Utf8PathBuf::new();
    for part in Utf8Path::new(name).as_str().split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => path.push(part),
        }
    }
    (!path.as_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, data) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *data).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn unpacks_files() {
        let files = unpack("x", &pack(&[("./a/b.txt", b"hi"), ("c", b"")]), Limits::default()).unwrap();
        assert_eq!(
            files.keys().map(|path| path.as_str()).collect::<Vec<_>>(),
            ["a/b.txt", "c"]
        );
    }

    #[test]
    fn stays_inside_and_within_bounds() {
        for name in ["../evil", "/etc/passwd", "a/../../b"] {
            assert!(
                unpack("x", &pack(&[(name, b"hi")]), Limits::default()).is_err(),
                "{name}"
            );
        }
        let limits = Limits {
            total_bytes: 10,
            files: 2,
        };
        assert!(unpack("x", &pack(&[("a", b"12345678901")]), limits).is_err());
        assert!(unpack("x", &pack(&[("a", b"123456"), ("b", b"123456")]), limits).is_err());
        assert!(unpack("x", &pack(&[("a", b""), ("b", b""), ("c", b"")]), limits).is_err());
        assert!(unpack("x", b"not gzip", limits).is_err());
    }
}
