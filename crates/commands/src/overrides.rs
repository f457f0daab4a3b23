//! Local folders that stand in for repositories, so that changes can be tried before they are pushed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_project::outside::{Files, OutsideError};

/// One folder and what it stands in for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Override {
    /// `git://host/path` or `oci://host/path`.
    key: String,
    folder: Utf8PathBuf,
    /// Whether it stands in for all repositories below the key.
    group: bool,
}

/// All folders that stand in for repositories, in order of precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalOverrides(Vec<Override>);

impl LocalOverrides {
    /// Adds rules of the form `host/path=folder`. `scheme` is `git` or `oci`; the error is the part that is wrong.
    ///
    /// Source: kluctl `cmd/kluctl/args/overrides.go` and `lib/git/types/repo_key.go`.
    pub fn add(&mut self, scheme: &str, group: bool, rules: &[String]) -> Result<(), String> {
        for rule in rules {
            let wrong = |reason: &str| format!("{reason} in `{rule}`, expected <host>/<path>=<folder>");
            let (name, folder) = rule.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
            let (scheme, name) = name.split_once("://").unwrap_or((scheme, name));
            let (host, path) = name.split_once('/').ok_or_else(|| wrong("there is no path"))?;
            let is_host = !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
            if !is_host || !matches!(scheme, "git" | "oci") {
                return Err(wrong("there is no repository"));
            }
            if folder.is_empty() {
                return Err(wrong("there is no folder"));
            }
            let path = path.trim_matches('/');
            let path = if scheme == "git" {
                path.strip_suffix(".git").unwrap_or(path).to_lowercase()
            } else {
                path.to_owned()
            };
            self.0.push(Override {
                key: format!("{scheme}://{}/{path}", host.to_lowercase()),
                folder: Utf8PathBuf::from(folder),
                group,
            });
        }
        Ok(())
    }

    /// The folder that stands in for a repository, if one does. Of a group only what is there counts.
    ///
    /// Source: kluctl `pkg/sourceoverride/manager.go`, `ResolveOverride`.
    pub fn resolve(&self, key: &str) -> Result<Option<Utf8PathBuf>, OutsideError> {
        for rule in &self.0 {
            let folder = if rule.group {
                let Some(rest) = key
                    .strip_prefix(&rule.key)
                    .and_then(|rest| rest.strip_prefix('/'))
                else {
                    continue;
                };
                if rest.split('/').any(|part| part == "..") {
                    continue;
                }
                rule.folder.join(rest)
            } else if rule.key == key {
                rule.folder.clone()
            } else {
                continue;
            };
            if folder.is_dir() {
                return Ok(Some(folder));
            }
            if folder.exists() {
                return Err(OutsideError::new(format!(
                    "can not override repo {key}. {folder} is not a directory"
                )));
            }
        }
        Ok(None)
    }
}

/// All files of a folder and below, but for Git's own.
pub(crate) fn read_folder(folder: &Utf8Path) -> Result<Arc<Files>, OutsideError> {
    let mut files = BTreeMap::new();
    read_below(folder, Utf8Path::new(""), 0, &mut files)?;
    Ok(Arc::new(files))
}

/// Deepest folder that is read; links that lead in a circle end there.
const DEPTH: usize = 64;

fn read_below(
    root: &Utf8Path,
    within: &Utf8Path,
    depth: usize,
    files: &mut BTreeMap<Utf8PathBuf, Bytes>,
) -> Result<(), OutsideError> {
    let folder = root.join(within);
    let failed = |path: &Utf8Path, error: std::io::Error| OutsideError::new(format!("{path}: {error}"));
    if depth > DEPTH {
        return Err(OutsideError::new(format!(
            "{folder}: folders are nested too deeply"
        )));
    }
    for entry in folder.read_dir_utf8().map_err(|error| failed(&folder, error))? {
        let entry = entry.map_err(|error| failed(&folder, error))?;
        if entry.file_name() == ".git" {
            continue;
        }
        let path = within.join(entry.file_name());
        if entry.path().is_dir() {
            read_below(root, &path, depth + 1, files)?;
        } else if entry.path().is_file() {
            let content = std::fs::read(entry.path()).map_err(|error| failed(entry.path(), error))?;
            files.insert(path, Bytes::from(content));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_repositories_and_groups() {
        let here = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let rule = |name: &str, folder: &Utf8Path| vec![format!("{name}={folder}")];
        let mut overrides = LocalOverrides::default();
        overrides
            .add("git", false, &rule("Git.example/Org/Repo.git", &here))
            .unwrap();
        overrides
            .add("git", true, &rule("git.example/org", &here))
            .unwrap();
        overrides
            .add("oci", false, &rule("reg.example:5000/Org/repo", &here))
            .unwrap();
        let found = |key: &str| overrides.resolve(key).unwrap();
        assert_eq!(found("git://git.example/org/repo"), Some(here.clone()));
        assert_eq!(found("git://git.example/org/src"), Some(here.join("src")));
        assert_eq!(found("git://git.example/org/nothing"), None);
        assert_eq!(found("git://git.example/org/../src"), None);
        assert_eq!(found("git://git.example/organisation/src"), None);
        assert_eq!(found("oci://reg.example:5000/Org/repo"), Some(here.clone()));
        assert_eq!(found("oci://git.example/org/repo"), None);
        overrides
            .add("git", false, &rule("a.b/file", &here.join("Cargo.toml")))
            .unwrap();
        assert!(overrides.resolve("git://a.b/file").is_err());
    }

    #[test]
    fn refuses_what_is_no_rule() {
        for rule in ["", "a.b/c", "a.b=d", "a.b/c=", "/c=d", "http://a.b/c=d"] {
            let mut overrides = LocalOverrides::default();
            assert!(overrides.add("git", false, &[rule.to_owned()]).is_err(), "{rule}");
        }
    }
}
