//! Remote resources of kustomizations, brought by whoever brings the project's other sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use kluctl_kustomize::{Error, GitRepository, HttpError, Remote};

use crate::config::GitRef;
use crate::outside::{Files, GitTree, HttpRequest, OutsideError, Sources};
use crate::tree::{join, normalize};

/// How deep submodules may stand in one another.
const SUBMODULE_DEPTH: usize = 20;

/// Fetches remote resources through the sources.
pub struct KustomizeRemote(pub Arc<dyn Sources>);

impl Remote for KustomizeRemote {
    fn http(&self, url: &str) -> Result<Bytes, HttpError> {
        let headers = BTreeMap::new();
        let request = HttpRequest {
            url,
            method: "GET",
            body: "",
            headers: &headers,
        };
        match self.0.http(&request) {
            Ok(response) => Ok(Bytes::from(response.body)),
            Err(OutsideError {
                status: Some(status), ..
            }) => {
                let (code, reason) = status.split_once(' ').unwrap_or((&status, ""));
                Err(HttpError::Status(format!("{code} ({reason})")))
            }
            Err(error) => Err(HttpError::Other(error.message)),
        }
    }

    fn git(&self, repository: &GitRepository) -> Result<Files, Error> {
        let (sender, receiver) = channel();
        let sources = self.0.clone();
        let wanted = repository.clone();
        // A thread that hangs is left behind: the program goes on to say so, and ends.
        std::thread::spawn(move || {
            let fetched = fetch(&*sources, &wanted);
            // Nobody listens any more when it took too long.
            drop(sender.send(fetched));
        });
        match receiver.recv_timeout(repository.timeout) {
            Ok(fetched) => fetched.map_err(|error| Error::new(error.message)),
            Err(RecvTimeoutError::Timeout) => Err(Error::timeout(format!(
                "hit {} timeout running 'git fetch --depth=1 {} {}'",
                go_duration(repository.timeout),
                repository.url,
                if repository.reference.is_empty() {
                    "HEAD"
                } else {
                    &repository.reference
                }
            ))),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new(format!("fetching {} failed", repository.url)))
            }
        }
    }
}

/// A duration as Go prints it: `27s`, `1m30s`.
fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let rest = seconds - (hours * 3600 + minutes * 60) as f64;
    match (hours, minutes) {
        _ if seconds < 1.0 => format!("{}ms", duration.as_millis()),
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn fetch(sources: &dyn Sources, repository: &GitRepository) -> Result<Files, OutsideError> {
    let tree = at_reference(sources, &repository.url, &repository.reference)?;
    let mut files = (*tree.files).clone();
    if repository.submodules {
        add_submodules(sources, &repository.url, &tree, Utf8Path::new(""), &mut files, 0)?;
    }
    Ok(files)
}

fn at_reference(sources: &dyn Sources, url: &str, reference: &str) -> Result<GitTree, OutsideError> {
    if reference.is_empty() {
        return sources.git(url, None);
    }
    // A ref says neither whether it is a branch, a tag or a commit.
    let is_commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let names = if is_commit {
        Vec::new()
    } else {
        sources.git_refs(url)?
    };
    let short = |folder: &str| {
        let short = reference.strip_prefix(folder).unwrap_or(reference);
        names
            .iter()
            .any(|name| name.strip_prefix(folder) == Some(short))
            .then(|| short.to_owned())
    };
    let mut wanted = GitRef::default();
    if let Some(name) = short("refs/heads/") {
        wanted.branch = Some(name);
    } else if let Some(name) = short("refs/tags/") {
        wanted.tag = Some(name);
    } else if reference.len() >= 4 && reference.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        wanted.commit = Some(reference.to_owned());
    } else {
        return Err(OutsideError::missing(format!(
            "couldn't find remote ref {reference} in {url}: it has neither a branch nor a tag of that name"
        )));
    }
    sources.git(url, Some(&wanted))
}

/// Puts the files of submodules where they belong.
fn add_submodules(
    sources: &dyn Sources,
    url: &str,
    tree: &GitTree,
    folder: &Utf8Path,
    files: &mut Files,
    depth: usize,
) -> Result<(), OutsideError> {
    if tree.submodules.is_empty() {
        return Ok(());
    }
    if depth == SUBMODULE_DEPTH {
        return Err(OutsideError::new(format!(
            "submodules of {url} are nested more than {SUBMODULE_DEPTH} deep"
        )));
    }
    let listed = tree.files.get(Utf8Path::new(".gitmodules"));
    let addresses = submodule_addresses(&String::from_utf8_lossy(listed.map_or(&[], |text| text)));
    for (path, commit) in &tree.submodules {
        let Some(address) = addresses.get(path) else {
            return Err(OutsideError::new(format!(
                "no url found for submodule path '{path}' in .gitmodules of {url}"
            )));
        };
        let address = resolved(url, address);
        let inner = at_reference(sources, &address, commit)?;
        let target = join(folder, path.as_str());
        files.extend(
            inner
                .files
                .iter()
                .map(|(inside, content)| (target.join(inside), content.clone())),
        );
        add_submodules(sources, &address, &inner, &target, files, depth + 1)?;
    }
    Ok(())
}

/// The addresses in `.gitmodules`, by path.
fn submodule_addresses(text: &str) -> BTreeMap<Utf8PathBuf, String> {
    let mut addresses = BTreeMap::new();
    let mut path = None;
    let mut address = None;
    for line in text.lines().chain(["[end]"]) {
        let line = line.trim();
        if line.starts_with('[') {
            if let (Some(path), Some(address)) = (path.take(), address.take()) {
                addresses.insert(path, address);
            }
        } else if let Some((key, value)) = line.split_once('=') {
            let value = value.trim().trim_matches('"');
            match key.trim() {
                "path" => path = Some(normalize(Utf8Path::new(value))),
                "url" => address = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    addresses
}

/// The address of a submodule, which may be relative to that of its repository.
fn resolved(base: &str, address: &str) -> String {
    if !address.starts_with("./") && !address.starts_with("../") {
        return address.to_owned();
    }
    let mut base = base.trim_end_matches('/');
    let mut rest = address;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            let cut = base.rfind('/').or_else(|| base.rfind(':'));
            base = cut.map_or("", |at| &base[..at]);
        } else {
            return format!("{base}/{rest}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_submodules_come_from() {
        let text = "[submodule \"a\"]\n\tpath = libs/a\n\turl = ../a.git\n[submodule \"b\"]\n url=https://x/b\n path = b\n";
        let addresses = submodule_addresses(text);
        assert_eq!(addresses.get(Utf8Path::new("libs/a")).unwrap(), "../a.git");
        assert_eq!(addresses.get(Utf8Path::new("b")).unwrap(), "https://x/b");
        assert_eq!(
            resolved("https://h/org/main.git", "../a.git"),
            "https://h/org/a.git"
        );
        assert_eq!(resolved("https://h/org/main", "./a"), "https://h/org/main/a");
        assert_eq!(resolved("git@h:org/main", "../../o/a"), "git@h/o/a");
        assert_eq!(resolved("https://h/org/main", "ssh://x/y"), "ssh://x/y");
    }

    #[test]
    fn prints_durations_as_go_does() {
        for (seconds, text) in [(27.0, "27s"), (90.0, "1m30s"), (3661.0, "1h1m1s"), (0.5, "500ms")] {
            assert_eq!(go_duration(Duration::from_secs_f64(seconds)), text);
        }
    }
}
