//! Charts in folders. Of most files it is only made sure that they can be read: they are when a template asks for them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kluctl_helm::{Chart, Content, IgnoreRules, check_size};

use super::{Failure, go_error, log};

/// How deep folders may be nested.
const DEEPEST: usize = 100;

/// Loads the chart in a folder.
pub(super) fn load(path: &Path) -> Result<Chart, Failure> {
    let chart_yaml = path.join("Chart.yaml");
    let data = open(&chart_yaml)
        .and_then(|(file, size)| read_open(&chart_yaml, file, size))
        .map_err(|error| format!("unable to detect chart at {}: {error}", chart_yaml.display()))?;
    let ignore = path.join(".helmignore");
    let ignore = match std::fs::read(&ignore) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|error| go_error("open", &ignore, &error))?,
    };
    let mut walk = Walk {
        rules: IgnoreRules::parse(&String::from_utf8_lossy(&ignore))?,
        files: Vec::new(),
    };
    walk.folder(path, "", 0)?;
    Ok(Chart::from_folder(&data, walk.files)?)
}

/// A folder's files, following links, without what is ignored.
struct Walk {
    rules: IgnoreRules,
    files: Vec<kluctl_helm::File>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Failure> {
        if depth > DEEPEST {
            let folder = folder.display();
            return Err(format!("folders are nested more than {DEEPEST} deep at {folder}").into());
        }
        let entries = std::fs::read_dir(folder).map_err(|error| go_error("open", folder, &error))?;
        let mut entries = entries
            .map(|entry| entry.map(|entry| (entry.file_name(), entry)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| go_error("open", folder, &error))?;
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, entry) in entries {
            let path = entry.path();
            let inner = format!("{prefix}{}", name.to_string_lossy());
            let kind = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => kind,
                found => {
                    if found.is_ok() {
                        tell_link(folder, &path)?;
                    }
                    std::fs::metadata(&path)
                        .map_err(|error| go_error("lstat", &path, &error))?
                        .file_type()
                }
            };
            if self.rules.ignores(&inner, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                self.folder(&path, &format!("{inner}/"), depth + 1)?;
            } else if kind.is_file() {
                self.file(path, inner)?;
            } else {
                let shown = path.display();
                return Err(
                    format!("cannot load irregular file {shown} as it has file mode type bits set").into(),
                );
            }
        }
        Ok(())
    }

    /// Adds a file. It is opened in any case, since a chart with a file that cannot be read is refused.
    fn file(&mut self, path: PathBuf, name: String) -> Result<(), Failure> {
        let (file, size) = open(&path)?;
        check_size(&name, size)?;
        let data = if is_needed(&name) {
            read_open(&path, file, size)?.into()
        } else {
            Content::later(move || read_later(&path, size))
        };
        self.files.push(kluctl_helm::File { name, data });
        Ok(())
    }
}

/// Whether a file is read whatever the values are.
fn is_needed(name: &str) -> bool {
    name.starts_with("templates/")
        || matches!(
            name.rsplit('/').next(),
            Some("Chart.yaml" | "Chart.lock" | "values.yaml" | "requirements.yaml" | "requirements.lock")
        )
}

/// Logs that a link is followed, as Helm does, or says where a broken one leads.
fn tell_link(folder: &Path, link: &Path) -> Result<(), Failure> {
    match link.canonicalize() {
        Ok(resolved) => {
            let (path, resolved) = (link.display().to_string(), resolved.display().to_string());
            let attributes = [("path", path.as_str()), ("resolved", resolved.as_str())];
            log(
                &[kluctl_helm::log_line("INFO", LINK_FOLLOWED, &attributes)],
                false,
            );
            Ok(())
        }
        Err(error) => {
            let target = std::fs::read_link(link).unwrap_or_default();
            let mut end = PathBuf::new();
            for part in folder.join(target).components() {
                match part {
                    std::path::Component::ParentDir => {
                        end.pop();
                    }
                    part => end.push(part),
                }
            }
            let reason = go_error("lstat", &end, &error);
            Err(format!("error evaluating symlink {}: {reason}", link.display()).into())
        }
    }
}

const LINK_FOLLOWED: &str = "found symbolic link in path. Contents of linked file included and used";

/// Reads a file, however large it is.
pub(super) fn read(path: &Path) -> Result<Bytes, String> {
    std::fs::read(path)
        .map(Bytes::from)
        .map_err(|error| go_error("open", path, &error))
}

/// Opens a file and tells its size.
fn open(path: &Path) -> Result<(File, u64), String> {
    let opened = File::open(path).and_then(|file| {
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    opened.map_err(|error| go_error("open", path, &error))
}

fn read_open(path: &Path, file: File, size: u64) -> Result<Bytes, String> {
    read_sized(file, size).map_err(|error| go_error("open", path, &error))
}

/// Reads a file that was opened before; what is not as large as it was then may be half written.
fn read_later(path: &Path, size: u64) -> Result<Bytes, String> {
    let file = File::open(path).map_err(|error| go_error("open", path, &error))?;
    let data = read_open(path, file, size)?;
    if data.len() as u64 == size {
        Ok(data)
    } else {
        let path = path.display();
        Err(format!(
            "read {path}: the file was changed while the chart was rendered"
        ))
    }
}

/// Reads a file whose size is known, with a single call where it has that size.
fn read_sized(mut file: File, size: u64) -> io::Result<Bytes> {
    // The byte after the end tells whether that is the end.
    let mut data = vec![0; usize::try_from(size).unwrap_or_default() + 1];
    let read = loop {
        match file.read(&mut data) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    data.truncate(read);
    if read as u64 != size {
        file.read_to_end(&mut data)?;
    }
    Ok(data.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_whole_whatever_their_size_was_thought_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 1, 5000] {
            let content = vec![b'x'; length];
            std::fs::write(&path, &content).unwrap();
            for size in [0, 1, length.saturating_sub(1), length, length + 1, 9000] {
                let read = read_sized(File::open(&path).unwrap(), size as u64).unwrap();
                assert_eq!(read, content, "{length} {size}");
            }
        }
    }

    #[test]
    fn what_has_changed_since_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_later(&path, 5).unwrap(), "12345");
        std::fs::write(&path, "123").unwrap();
        let shown = path.display();
        assert_eq!(
            read_later(&path, 5).unwrap_err(),
            format!("read {shown}: the file was changed while the chart was rendered")
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(
            read_later(&path, 5).unwrap_err(),
            format!("open {shown}: no such file or directory")
        );
    }
}
