//! Resources that are somewhere else: git repositories and web addresses. Fetching is the caller's job.
//!
//! Source: kustomize `api/internal/git/repospec.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Result, fail};
use crate::files::clean;

/// A folder in a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRepository {
    /// The text in the kustomization.
    pub raw: String,
    /// What `git clone` takes.
    pub url: String,
    /// The folder in the repository, empty for its root.
    pub folder: Utf8PathBuf,
    /// Branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// Whether submodules are fetched too.
    pub submodules: bool,
    /// How long fetching may take.
    pub timeout: Duration,
}

/// Why a web address gave no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// The server's answer, such as `404 Not Found`: another reading of the address may be right.
    Status(String),
    /// There was no answer.
    Other(String),
}

/// Brings what is not in the tree of files.
pub trait Remote {
    /// The content behind an `http` or `https` address.
    fn http(&self, url: &str) -> Result<Bytes, HttpError>;

    /// All files of a repository at the wanted commit, by their path in it.
    fn git(&self, repository: &GitRepository) -> Result<BTreeMap<Utf8PathBuf, Bytes>, Error>;
}

/// Whether a path is a web address.
pub(crate) fn is_http(path: &str) -> bool {
    let lower = path.get(..8).unwrap_or(path).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://") || lower == "http:" || lower == "https:"
}

const TIMEOUT: Duration = Duration::from_secs(27);

/// Reads a git address; `None` when the path is none.
pub(crate) fn parse_git(path: &str) -> Option<GitRepository> {
    if Utf8Path::new(path).is_absolute() {
        return None;
    }
    let (rest, query) = path.split_once('?').unwrap_or((path, ""));
    let (host, rest) = extract_host(rest)?;
    let (repository, folder) = split_folder(&rest, host.starts_with("file://"))?;
    if repository.is_empty() {
        return None;
    }
    let relative = folder.trim_start_matches('/');
    if clean(Utf8Path::new(relative))
        .components()
        .next()
        .is_some_and(|part| part.as_str() == "..")
    {
        return None;
    }
    let mut spec = GitRepository {
        raw: path.to_owned(),
        url: format!("{host}{repository}"),
        folder: Utf8PathBuf::from(folder.strip_prefix('/').unwrap_or(&folder)),
        reference: String::new(),
        submodules: true,
        timeout: TIMEOUT,
    };
    read_query(&mut spec, query);
    Some(spec)
}

fn read_query(spec: &mut GitRepository, query: &str) {
    let values: BTreeMap<String, String> = query
        .split('&')
        .rev()
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(key), unescape(value))
        })
        .collect();
    let get = |key: &str| values.get(key).filter(|value| !value.is_empty());
    if let Some(reference) = get("ref").or_else(|| get("version")) {
        spec.reference.clone_from(reference);
    }
    if let Some(timeout) = get("timeout").and_then(|text| duration(text)) {
        spec.timeout = timeout;
    }
    match get("submodules").map(String::as_str) {
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => spec.submodules = true,
        Some("0" | "f" | "F" | "false" | "False" | "FALSE") => spec.submodules = false,
        _ => {}
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let code = [ahead.next(), ahead.next()].map(|digit| digit.map_or(' ', char::from));
                match u8::from_str_radix(&String::from_iter(code), 16) {
                    Ok(code) => {
                        bytes.push(code);
                        rest = ahead;
                    }
                    Err(_) => bytes.push(byte),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Seconds, or a number with a unit such as `1m30s`.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return (seconds > 0).then(|| Duration::from_secs(seconds));
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|symbol: char| !symbol.is_ascii_digit() && symbol != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [
            ("ms", 0.001),
            ("us", 1e-6),
            ("ns", 1e-9),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ];
        let (unit, seconds) = units.iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += number * seconds;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(total)
        .ok()
        .filter(|duration| !duration.is_zero())
}

fn strip_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn extract_host(text: &str) -> Option<(String, String)> {
    let text = strip_ignoring_case(text, "git::").unwrap_or(text);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let (scheme, text) = schemes
        .iter()
        .find_map(|scheme| strip_ignoring_case(text, scheme).map(|rest| (*scheme, rest)))
        .unwrap_or(("", text));
    let (user, text) = extract_user(text);
    let github = strip_ignoring_case(text, "github.com/")
        .or_else(|| strip_ignoring_case(text, "github.com:"))
        .is_some();
    let scp = scheme.is_empty() && (!user.is_empty() || github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == "file://" {
        return Some((scheme.to_owned(), format!("{user}{text}")));
    }
    let (host, rest) = match separator(text, scp) {
        Some(index) => (&text[..=index], &text[index + 1..]),
        None => (text, ""),
    };
    if github {
        let (scheme, user, host) = normalized_github(scheme, user);
        return Some((format!("{scheme}{user}{host}"), rest.to_owned()));
    }
    (!host.is_empty()).then(|| (format!("{scheme}{user}{host}"), rest.to_owned()))
}

fn extract_user(text: &str) -> (&str, &str) {
    let Some((user, _)) = text.split_once('@') else {
        return ("", text);
    };
    let fits = user.starts_with(|first: char| first.is_ascii_alphabetic())
        && user
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        text.split_at(user.len() + 1)
    } else {
        ("", text)
    }
}

fn separator(text: &str, scp: bool) -> Option<usize> {
    let slash = text.find('/');
    if scp {
        let colon = text.find(':');
        match (slash, colon) {
            (None, colon) => return colon,
            (Some(slash), Some(colon)) if colon > 0 && colon < slash => return Some(colon),
            _ => {}
        }
    }
    slash
}

/// GitHub is always asked over HTTPS, unless SSH or a user was named.
fn normalized_github<'t>(scheme: &str, user: &'t str) -> (&'static str, &'t str, &'static str) {
    if scheme == "ssh://" || !user.is_empty() {
        ("", user, "github.com:")
    } else {
        ("https://", "", "github.com/")
    }
}

/// Splits the repository from the folder in it.
fn split_folder(text: &str, is_file: bool) -> Option<(String, String)> {
    if let Some(index) = text.find("_git/") {
        let after = &text[index + 5..];
        let (name, folder) = after.split_once('/').unwrap_or((after, ""));
        return Some((format!("{}{name}", &text[..index + 5]), folder.to_owned()));
    }
    if let Some(index) = text.find("//") {
        return Some((text[..index].to_owned(), text[index + 2..].to_owned()));
    }
    if let Some(index) = text.find(".git") {
        return Some((text[..index + 4].to_owned(), text[index + 4..].to_owned()));
    }
    if is_file {
        return Some((text.to_owned(), String::new()));
    }
    let mut parts = text.splitn(3, '/');
    let (owner, name) = (parts.next()?, parts.next()?);
    Some((
        format!("{owner}/{name}"),
        parts.next().unwrap_or_default().to_owned(),
    ))
}

/// Stands in when nothing fetches.
pub(crate) fn refuse(what: &str, path: &str) -> Error {
    fail!("{what} '{path}' cannot be read: this build has no access to remote resources")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_git_addresses() {
        for (text, expected) in [
            (
                "github.com/org/repo/path?ref=v1",
                Some(("https://github.com/org/repo", "path", "v1")),
            ),
            (
                "git@github.com:org/repo.git",
                Some(("git@github.com:org/repo.git", "", "")),
            ),
            (
                "https://example.com/a/b//c/d?version=x",
                Some(("https://example.com/a/b", "c/d", "x")),
            ),
            (
                "https://example.com/a/b.git/c",
                Some(("https://example.com/a/b.git", "c", "")),
            ),
            (
                "ssh://git@github.com/org/repo",
                Some(("git@github.com:org/repo", "", "")),
            ),
            (
                "https://dev.azure.com/org/project/_git/repo/path",
                Some(("https://dev.azure.com/org/project/_git/repo", "path", "")),
            ),
            ("https://example.com/a", None),
            ("../base", None),
            ("base/dir", None),
            ("/abs/github.com/x/y", None),
            ("github.com/org/repo//../x", None),
        ] {
            let parsed = parse_git(text);
            let found = parsed
                .as_ref()
                .map(|spec| (spec.url.as_str(), spec.folder.as_str(), spec.reference.as_str()));
            assert_eq!(found, expected, "{text}");
        }
        let spec = parse_git("github.com/a/b?timeout=1m30s&submodules=false").unwrap();
        assert_eq!((spec.timeout.as_secs(), spec.submodules), (90, false));
    }
}
