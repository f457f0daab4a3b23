//! Git repositories: a bare mirror per address in the cache, and the files of a commit read straight from it.

mod commit;
mod fetch;
mod files;
mod local;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use sha1::{Digest, Sha1};

use crate::ssh::Ssh;
use crate::{Cache, Credentials, Mirrors, Nobody, Person, SourceError, SshSettings};

pub use commit::{ChangedFile, changed_files, commit_files, root_of};
pub use local::{GitHead, WorkTree, local_snapshot};
pub use url::{GitScheme, GitUrl, percent_decoded};

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
    /// All files by their path in the repository. Symbolic links stand for what they lead to inside of the repository;
    /// those that leave it, and submodules, are left out.
    pub files: BTreeMap<Utf8PathBuf, Bytes>,
    /// The commit's id, hexadecimal.
    pub commit: String,
    /// The commits that its submodules are at, by their folder.
    pub submodules: BTreeMap<Utf8PathBuf, String>,
}

/// What else a reader of repositories may be given.
#[derive(Clone, Debug)]
pub struct GitOptions {
    /// Other places for public addresses.
    pub mirrors: Mirrors,
    /// Whom to be.
    pub credentials: Credentials,
    /// How to log in over SSH.
    pub ssh: SshSettings,
    /// Who answers questions.
    pub person: Arc<dyn Person>,
    /// How long a mirror counts as new; zero brings it up to date once in every run.
    pub update_interval: Duration,
}

impl Default for GitOptions {
    fn default() -> Self {
        Self {
            mirrors: Mirrors::default(),
            credentials: Credentials::default(),
            ssh: SshSettings::default(),
            person: Arc::new(Nobody),
            update_interval: Duration::ZERO,
        }
    }
}

/// Reads Git repositories over HTTP(S), SSH, Git's own protocol, and from folders (`file://`). All calls block.
///
/// A mirror is brought up to date once in the life of this value; another process that uses the same cache waits.
#[derive(Debug)]
pub struct GitRepositories {
    cache: Cache,
    options: GitOptions,
    ssh: Ssh,
    /// Per mirror, whether it is up to date; locked while it is brought there.
    fresh: Mutex<BTreeMap<String, Arc<Mutex<bool>>>>,
}

impl GitRepositories {
    /// Sets up access with mirrors kept below `<cache>/git-cache`.
    pub fn new(cache: Cache, options: GitOptions) -> Self {
        Self {
            cache,
            ssh: Ssh::new(options.ssh.clone(), options.person.clone()),
            options,
            fresh: Mutex::default(),
        }
    }

    /// The files of a reference, or of the remote's `HEAD`.
    pub fn snapshot(
        &self,
        address: &str,
        reference: Option<&GitReference>,
    ) -> Result<GitSnapshot, SourceError> {
        self.open(address)?.snapshot(reference)
    }

    /// All branches and tags by their full name, with the commits that they name.
    pub fn references(&self, address: &str) -> Result<BTreeMap<String, String>, SourceError> {
        let opened = self.open(address)?;
        let broken = |error: gix::Error| opened.broken(&error.to_string());
        let platform = opened.repository.references().map_err(broken)?;
        let mut references = BTreeMap::new();
        for reference in platform.all().map_err(broken)? {
            let mut reference = reference.map_err(|error| opened.broken(&error.to_string()))?;
            let name = reference.name().as_bstr().to_string();
            if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
                let id = reference.peel_to_id().map_err(broken)?;
                references.insert(name, id.to_string());
            }
        }
        Ok(references)
    }

    /// The branch that the remote's `HEAD` names, by its full name.
    pub fn head(&self, address: &str) -> Result<String, SourceError> {
        self.open(address)?.head()
    }

    /// The commit, from `commit` back, that last changed a path; `None` when none did.
    pub fn latest_commit(
        &self,
        address: &str,
        commit: &str,
        path: &Utf8Path,
    ) -> Result<Option<String>, SourceError> {
        let opened = self.open(address)?;
        let start =
            gix::ObjectId::from_hex(commit.as_bytes()).map_err(|error| opened.broken(&error.to_string()))?;
        crate::history::last_change(&opened.repository, start, path).map_err(|error| opened.broken(&error))
    }

    fn open(&self, address: &str) -> Result<Opened, SourceError> {
        let asked = GitUrl::parse(address)?;
        let mirrored = match asked.scheme {
            // Written as `host:path` an address fits no rule that starts with a scheme.
            GitScheme::Ssh if !address.contains("://") => {
                self.options.mirrors.apply(&asked.bare()).into_owned()
            }
            _ => self.options.mirrors.apply(address).into_owned(),
        };
        let url = if mirrored == address || mirrored == asked.bare() {
            asked.clone()
        } else {
            GitUrl::parse(&mirrored)?
        };
        if url.scheme == GitScheme::File {
            let repository = gix::open(url.path.as_str())
                .map_err(|error| SourceError::NotFound(format!("{address} is no Git repository: {error}")))?;
            return Ok(Opened {
                repository,
                address: asked.shown(),
            });
        }
        self.mirror(&asked, &url)
    }

    /// Opens the bare mirror of an address, after it was brought up to date.
    fn mirror(&self, asked: &GitUrl, url: &GitUrl) -> Result<Opened, SourceError> {
        let name = mirror_name(url);
        let fresh = {
            let mut all = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(name.clone()).or_default().clone()
        };
        let mut fresh = fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.cache.root().join("git-cache").join(&name);
        fs::create_dir_all(&folder).map_err(|error| SourceError::file(&folder, error))?;
        let _lock = lock(&folder.join(".cache.lock"))?;
        let git = folder.join("repository.git");
        let mut opened = Opened {
            repository: open_mirror(&git, url)?,
            address: asked.shown(),
        };
        let stamp = folder.join(".update-time");
        if !*fresh && !is_new(&stamp, self.options.update_interval) {
            self.fetch(&opened.repository, asked, url, &git)?;
            crate::cache::write_whole(&stamp, b"")?;
            // What was fetched lies in packs that were not there when it was opened, and `HEAD` may have moved.
            opened.repository = open_mirror(&git, url)?;
        }
        *fresh = true;
        Ok(opened)
    }
}

/// Waits for other processes that use the same mirror. The file's time tells when the mirror was used last.
fn lock(path: &Utf8Path) -> Result<File, SourceError> {
    let failed = |error| SourceError::file(path, error);
    let file = File::create(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    let _ = file.set_modified(SystemTime::now());
    Ok(file)
}

/// Whether a file was written within a time.
fn is_new(path: &Utf8Path, interval: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|time| time.elapsed().ok());
    !interval.is_zero() && age.is_some_and(|age| age <= interval)
}

fn open_mirror(git: &Utf8Path, url: &GitUrl) -> Result<gix::Repository, SourceError> {
    let isolated = || gix::open::Options::isolated();
    if let Ok(repository) = gix::open_opts(git.as_std_path(), isolated()) {
        return Ok(repository);
    }
    // Whatever an earlier, killed process left here is no repository.
    let _ = fs::remove_dir_all(git);
    let broken = |error: String| SourceError::Content {
        what: url.shown(),
        reason: error,
    };
    gix::init_bare(git.as_std_path()).map_err(|error| broken(error.to_string()))?;
    gix::open_opts(git.as_std_path(), isolated()).map_err(|error| broken(error.to_string()))
}

/// A repository that can be read.
struct Opened {
    repository: gix::Repository,
    /// For messages.
    address: String,
}

impl Opened {
    fn broken(&self, reason: &str) -> SourceError {
        SourceError::Content {
            what: self.address.clone(),
            reason: reason.to_owned(),
        }
    }

    /// The branch that `HEAD` names.
    fn head(&self) -> Result<String, SourceError> {
        let name = self.repository.head_name().ok().flatten();
        name.map(|name| name.as_bstr().to_string())
            .ok_or_else(|| SourceError::NotFound(format!("{} has no HEAD", self.address)))
    }

    /// The object that a reference names.
    fn id(&self, reference: Option<&GitReference>) -> Result<gix::ObjectId, SourceError> {
        let name = match reference {
            None => self.head()?,
            Some(GitReference::Branch(branch)) => format!("refs/heads/{branch}"),
            Some(GitReference::Tag(tag)) => format!("refs/tags/{tag}"),
            Some(GitReference::Commit(commit)) => {
                return gix::ObjectId::from_hex(commit.as_bytes())
                    .map_err(|error| self.broken(&format!("`{commit}`: {error}")));
            }
        };
        let mut found = self
            .repository
            .find_reference(name.as_str())
            .map_err(|_| self.missing(&name))?;
        let id = found
            .peel_to_id()
            .map_err(|error| self.broken(&error.to_string()))?;
        Ok(id.detach())
    }

    fn missing(&self, name: &str) -> SourceError {
        let close = self.closest(name);
        let hint = close
            .map(|name| format!(" (did you mean {name}?)"))
            .unwrap_or_default();
        SourceError::NotFound(format!("{} has no {name}{hint}", self.address))
    }

    /// The same name among branches instead of tags, or the other way round.
    fn closest(&self, name: &str) -> Option<String> {
        let short = name
            .strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("refs/tags/"))?;
        let names = [format!("refs/heads/{short}"), format!("refs/tags/{short}")];
        names
            .into_iter()
            .find(|name| self.repository.find_reference(name.as_str()).is_ok())
    }

    fn snapshot(&self, reference: Option<&GitReference>) -> Result<GitSnapshot, SourceError> {
        let id = self.id(reference)?;
        let commit = self
            .repository
            .find_object(id)
            .map_err(|_| self.missing(&id.to_string()))?
            .peel_to_kind(gix::object::Kind::Commit)
            .map_err(|error| self.broken(&error.to_string()))?;
        let id = commit.id;
        let tree = commit
            .peel_to_tree()
            .map_err(|error| self.broken(&error.to_string()))?;
        Ok(GitSnapshot {
            files: files::read(&self.repository, &tree, &self.address)?,
            commit: id.to_string(),
            submodules: files::submodules(&tree, &self.address)?,
        })
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

/// Folder of a mirror: the repository's base name and six digits of its address (as upstream names them).
fn mirror_name(url: &GitUrl) -> String {
    let path = url.plain_path().to_lowercase();
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
    let user = url.user.as_deref().unwrap_or_default();
    let key = format!("{:?}://{user}@{}/{path}", url.scheme, url.host_and_port());
    format!("{base}-{}", &hex::encode(Sha1::digest(key))[..6])
}
