//! Git repositories: a bare mirror per address in the cache, and the files of a commit read straight from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use gix::bstr::ByteSlice;
use gix::object::tree::EntryKind;
use gix::progress::Discard;
use gix::protocol::handshake::Ref;
use gix::remote::Direction;
use sha1::{Digest, Sha1};
use url::Url;

use crate::error::shown;
use crate::{Cache, Credentials, Mirrors, SourceError};

/// What to take from a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitReference {
    /// The tip of a branch.
    Branch(String),
    /// What a tag names.
    Tag(String),
    /// A commit that some branch or tag reaches, by its full id.
    Commit(String),
}

/// The files of one commit.
#[derive(Clone, Debug)]
pub struct GitSnapshot {
    /// All files by their path in the repository; symbolic links and submodules are left out.
    pub files: BTreeMap<Utf8PathBuf, Bytes>,
    /// The commit's id, hexadecimal.
    pub commit: String,
}

/// Largest file of a repository that is read (bytes).
const FILE_LIMIT: u64 = 256 << 20;

/// Reads Git repositories over HTTP(S) and from folders (`file://`). All calls block.
///
/// A mirror is brought up to date once in the life of this value; another process that uses the same cache waits.
#[derive(Debug)]
pub struct GitRepositories {
    cache: Cache,
    mirrors: Mirrors,
    credentials: Credentials,
    fresh: Mutex<BTreeSet<String>>,
}

impl GitRepositories {
    /// Sets up access with mirrors kept below `<cache>/git-cache`.
    pub fn new(cache: Cache, mirrors: Mirrors, credentials: Credentials) -> Self {
        Self {
            cache,
            mirrors,
            credentials,
            fresh: Mutex::default(),
        }
    }

    /// The files of a reference, or of the remote's `HEAD`.
    pub fn snapshot(
        &self,
        address: &str,
        reference: Option<&GitReference>,
    ) -> Result<GitSnapshot, SourceError> {
        let opened = self.open(address)?;
        let repository = &opened.repository;
        let name = match reference {
            None => opened.head()?,
            Some(GitReference::Branch(branch)) => format!("refs/heads/{branch}"),
            Some(GitReference::Tag(tag)) => format!("refs/tags/{tag}"),
            Some(GitReference::Commit(commit)) => commit.clone(),
        };
        let missing = || SourceError::NotFound(format!("{} has no {name}", opened.address));
        let broken = |error: String| SourceError::Content {
            what: opened.address.clone(),
            reason: error,
        };
        let id = match reference {
            Some(GitReference::Commit(commit)) => gix::ObjectId::from_hex(commit.as_bytes())
                .map_err(|error| broken(format!("`{commit}`: {error}")))?,
            _ => {
                let mut found = repository.find_reference(name.as_str()).map_err(|_| missing())?;
                found
                    .peel_to_id()
                    .map_err(|error| broken(error.to_string()))?
                    .detach()
            }
        };
        let commit = repository.find_object(id).map_err(|_| missing())?;
        let commit = commit
            .peel_to_kind(gix::object::Kind::Commit)
            .map_err(|error| broken(error.to_string()))?;
        let id = commit.id;
        let tree = commit.peel_to_tree().map_err(|error| broken(error.to_string()))?;
        let mut files = BTreeMap::new();
        for entry in tree
            .traverse()
            .breadthfirst
            .files()
            .map_err(|error| broken(error.to_string()))?
        {
            if !matches!(entry.mode.kind(), EntryKind::Blob | EntryKind::BlobExecutable) {
                continue;
            }
            let path = entry
                .filepath
                .to_str()
                .map_err(|_| broken("a file's name is not UTF-8".to_owned()))?;
            let header = repository
                .find_header(entry.oid)
                .map_err(|error| broken(error.to_string()))?;
            if header.size() > FILE_LIMIT {
                return Err(SourceError::TooLarge {
                    what: format!("{path} of {}", opened.address),
                    limit: format!("{FILE_LIMIT} bytes"),
                });
            }
            let blob = repository
                .find_object(entry.oid)
                .map_err(|error| broken(error.to_string()))?;
            files.insert(Utf8PathBuf::from(path), Bytes::from(blob.detach().data));
        }
        Ok(GitSnapshot {
            files,
            commit: id.to_string(),
        })
    }

    /// All branches and tags by their full name, with the commits that they name.
    pub fn references(&self, address: &str) -> Result<BTreeMap<String, String>, SourceError> {
        let opened = self.open(address)?;
        let broken = |error: String| SourceError::Content {
            what: opened.address.clone(),
            reason: error,
        };
        let platform = opened
            .repository
            .references()
            .map_err(|error| broken(error.to_string()))?;
        let mut references = BTreeMap::new();
        for reference in platform.all().map_err(|error| broken(error.to_string()))? {
            let mut reference = reference.map_err(|error| broken(error.to_string()))?;
            let name = reference.name().as_bstr().to_string();
            if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
                let id = reference
                    .peel_to_id()
                    .map_err(|error| broken(error.to_string()))?;
                references.insert(name, id.to_string());
            }
        }
        Ok(references)
    }

    fn open(&self, address: &str) -> Result<Opened, SourceError> {
        let invalid = |reason: &str| SourceError::Address {
            address: address.to_owned(),
            reason: reason.to_owned(),
        };
        let mirrored = self.mirrors.apply(address);
        let url = Url::parse(&mirrored).map_err(|error| invalid(&error.to_string()))?;
        match url.scheme() {
            "file" => {
                let path = url
                    .to_file_path()
                    .map_err(|()| invalid("is not a path of this machine"))?;
                let repository = gix::open(path).map_err(|error| {
                    SourceError::NotFound(format!("{address} is no Git repository: {error}"))
                })?;
                Ok(Opened {
                    repository,
                    address: address.to_owned(),
                })
            }
            "http" | "https" => self.mirror(address, &url),
            "ssh" | "git" | "git+ssh" => Err(invalid(
                "this version reads Git over https://, http:// and file://",
            )),
            _ => Err(invalid("expected https://, http:// or file://")),
        }
    }

    /// Opens the bare mirror of an address, after it was brought up to date.
    fn mirror(&self, address: &str, url: &Url) -> Result<Opened, SourceError> {
        let folder = self.cache.root().join("git-cache").join(mirror_name(url));
        fs::create_dir_all(&folder).map_err(|error| SourceError::file(&folder, error))?;
        let lock_path = folder.join(".cache.lock");
        let lock = File::create(&lock_path).map_err(|error| SourceError::file(&lock_path, error))?;
        lock.lock()
            .map_err(|error| SourceError::file(&lock_path, error))?;
        let git = folder.join("repository.git");
        let broken = |error: String| SourceError::Content {
            what: shown(url),
            reason: error,
        };
        let repository = match gix::open(git.as_std_path()) {
            Ok(repository) => repository,
            Err(_) => {
                // Whatever an earlier, killed process left here is no repository.
                let _ = fs::remove_dir_all(&git);
                gix::init_bare(git.as_std_path()).map_err(|error| broken(error.to_string()))?
            }
        };
        let mut fresh = self
            .fresh
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !fresh.contains(url.as_str()) {
            self.fetch(&repository, address, url, &git)?;
            fresh.insert(url.to_string());
        }
        Ok(Opened {
            repository,
            address: address.to_owned(),
        })
    }

    fn fetch(
        &self,
        repository: &gix::Repository,
        address: &str,
        url: &Url,
        git: &Utf8Path,
    ) -> Result<(), SourceError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = |error: String| SourceError::Transport {
            url: shown(url),
            reason: error,
        };
        let remote = repository
            .remote_at(url.as_str())
            .and_then(|remote| {
                remote.with_refspecs(
                    ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"],
                    Direction::Fetch,
                )
            })
            .map_err(|error| transport(causes(&error)))?;
        let login = self.login(address).or_else(|| self.login(url.as_str()));
        let mut asked = false;
        let connection = remote
            .connect(Direction::Fetch)
            .map_err(|error| transport(causes(&error)))?;
        let connection = connection.with_credentials(move |action| {
            let gix::credentials::helper::Action::Get(_) = &action else {
                return Ok(None);
            };
            // A second question means that the first answer was refused.
            let (Some((username, password)), false) = (login.clone(), asked) else {
                return Ok(None);
            };
            asked = true;
            Ok(Some(gix::credentials::protocol::Outcome {
                identity: gix::sec::identity::Account {
                    username,
                    password,
                    oauth_refresh_token: None,
                },
                next: gix::credentials::helper::NextAction::from(
                    gix::credentials::protocol::Context::default(),
                ),
            }))
        });
        let options = gix::remote::ref_map::Options {
            prefix_from_spec_as_filter_on_remote: false,
            ..Default::default()
        };
        let prepared = connection
            .prepare_fetch(Discard, options)
            .map_err(|error| transport(causes(&error)))?;
        let outcome = prepared
            .receive(Discard, &AtomicBool::new(false))
            .map_err(|error| transport(causes(&error)))?;
        let mut head = None;
        let mut known = BTreeSet::new();
        for reference in &outcome.ref_map.remote_refs {
            let (name, target, _) = reference.unpack();
            known.insert(name.to_string());
            if name == "HEAD"
                && let Ref::Symbolic { target, .. } = reference
            {
                head = Some(target.to_string());
            }
            let _ = target;
        }
        forget_references(repository, &known).map_err(transport)?;
        if let Some(head) = head {
            let path = git.join("HEAD");
            crate::cache::write_whole(&path, format!("ref: {head}\n").as_bytes())?;
        }
        Ok(())
    }

    fn login(&self, address: &str) -> Option<(String, String)> {
        let url = Url::parse(address).ok()?;
        let host = url.host_str()?;
        let full = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let path = url.path().trim_end_matches(".git");
        let credential = self.credentials.find(&full, path)?;
        Some((credential.username.clone()?, credential.password.clone()?))
    }
}

/// All causes of an error of gix, outermost first.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
        cause = inner.source();
    }
    texts.join(": ")
}

/// Removes what the remote no longer has.
fn forget_references(repository: &gix::Repository, known: &BTreeSet<String>) -> Result<(), String> {
    let platform = repository.references().map_err(|error| error.to_string())?;
    let gone: Vec<_> = platform
        .all()
        .map_err(|error| error.to_string())?
        .filter_map(Result::ok)
        .filter(|reference| {
            let name = reference.name().as_bstr().to_string();
            name.starts_with("refs/") && !known.contains(&name)
        })
        .collect();
    gone.into_iter()
        .try_for_each(|reference| reference.delete().map_err(|error| error.to_string()))
}

struct Opened {
    repository: gix::Repository,
    address: String,
}

impl Opened {
    /// The branch that `HEAD` names.
    fn head(&self) -> Result<String, SourceError> {
        let name = self.repository.head_name().ok().flatten();
        name.map(|name| name.as_bstr().to_string())
            .ok_or_else(|| SourceError::NotFound(format!("{} has no HEAD", self.address)))
    }
}

/// Folder of a mirror: the repository's base name and six digits of its address (as upstream names them).
fn mirror_name(url: &Url) -> String {
    let path = url
        .path()
        .trim_matches('/')
        .trim_end_matches(".git")
        .to_lowercase();
    let base: String = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let key = format!(
        "{}://{}{port}/{path}",
        url.scheme(),
        url.host_str().unwrap_or_default()
    );
    format!("{base}-{}", &hex::encode(Sha1::digest(key))[..6])
}
