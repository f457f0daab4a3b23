//! Reads packed charts (`.tgz`) within Helm's limits.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tar::EntryType;

use crate::chart::File;
use crate::error::Error;

/// The most that all files of a chart may have together.
const LARGEST_CHART: u64 = 100 * 1024 * 1024;
/// The most that one file may have.
pub(crate) const LARGEST_FILE: u64 = 5 * 1024 * 1024;
/// The most entries; Helm has no such limit, but empty entries cost time without counting as size.
const MOST_ENTRIES: usize = 200_000;

/// Unpacks a chart. Paths that would leave the chart's folder are refused.
///
/// Source: helm `pkg/chart/loader/archive/archive.go`, `LoadArchiveFiles`.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<File>, Error> {
    if !packed.starts_with(&[0x1F, 0x8B]) {
        let message = if packed.len() < 10 {
            "EOF"
        } else {
            "gzip: invalid header"
        };
        return Err(Error::new(message));
    }
    let mut files = Vec::new();
    let mut left = LARGEST_CHART;
    let unzipped = MultiGzDecoder::new(packed).take(LARGEST_CHART * 2);
    let mut archive = tar::Archive::new(unzipped);
    let entries = archive.entries().map_err(|error| Error::new(error.to_string()))?;
    for (count, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|error| Error::new(read_error(&error)))?;
        let kind = entry.header().entry_type();
        if matches!(
            kind,
            EntryType::Directory | EntryType::XGlobalHeader | EntryType::XHeader
        ) {
            continue;
        }
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if raw.ends_with('/') {
            continue;
        }
        let name = inner_path(&raw)?;
        let size = entry.size();
        if size > left || count > MOST_ENTRIES {
            return Err(too_large());
        }
        if size > LARGEST_FILE {
            let name = kluctl_gotemplate::quote(raw.as_bytes());
            return Err(Error::new(format!(
                "decompressed chart file {name} is larger than the maximum file size {LARGEST_FILE}"
            )));
        }
        let mut data = Vec::with_capacity(size as usize);
        let read = entry
            .read_to_end(&mut data)
            .map_err(|error| Error::new(read_error(&error)))?;
        left -= read as u64;
        if (read as u64) < size || left == 0 {
            return Err(too_large());
        }
        files.push(File {
            name,
            data: Bytes::from(data).into(),
        });
    }
    if files.is_empty() {
        return Err(Error::new("no files in chart archive"));
    }
    Ok(files)
}

fn read_error(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        _ => error.to_string(),
    }
}

fn too_large() -> Error {
    Error::new(format!(
        "decompressed chart is larger than the maximum size {LARGEST_CHART}"
    ))
}

/// Takes a UTF-8 byte order mark away.
pub(crate) fn without_mark(data: Bytes) -> Bytes {
    if data.starts_with(&[0xEF, 0xBB, 0xBF]) {
        data.slice(3..)
    } else {
        data
    }
}

/// The path inside the chart's folder, which is the first part of every path.
fn inner_path(raw: &str) -> Result<String, Error> {
    let delimiter = if raw.contains('\\') { '\\' } else { '/' };
    let (first, rest) = raw.split_once(delimiter).unwrap_or((raw, ""));
    let rest = rest.replace(delimiter, "/");
    if rest.starts_with('/') {
        return Err(Error::new("chart illegally contains absolute paths"));
    }
    let name = clean(&rest);
    if name == "." {
        let raw = kluctl_gotemplate::quote(raw.as_bytes());
        return Err(Error::new(format!(
            "chart illegally contains content outside the base directory: {raw}"
        )));
    }
    if name.starts_with("..") {
        return Err(Error::new("chart illegally references parent directory"));
    }
    let bytes = name.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && &bytes[1..3] == b":/" {
        return Err(Error::new("chart contains illegally named files"));
    }
    if first == "Chart.yaml" {
        return Err(Error::new("chart yaml not in base directory"));
    }
    Ok(name)
}

/// Go's `path.Clean` for relative paths.
pub(crate) fn clean(path: &str) -> String {
    let has_odd_part = |separator: &[u8]| memchr::memmem::find(path.as_bytes(), separator).is_some();
    let starts_or_ends_odd = path.starts_with(['/', '.']) || path.ends_with('/') || path.is_empty();
    if !starts_or_ends_odd && !has_odd_part(b"//") && !has_odd_part(b"/.") {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}
