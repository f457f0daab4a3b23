//! The world outside a project, brought by `source`: Git repositories, OCI artifacts, Helm charts, HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use camino::Utf8Path;
use kluctl_api::{GitInfo, ProjectKey};
use kluctl_project::config::{GitRef, OciRef};
use kluctl_project::outside::{
    ChartRequest, Files, GitTree, HttpRequest, HttpResponse, OutsideError, Sources,
};
use kluctl_source::archive::{Limits, unpack};
use kluctl_source::git::{GitHead, GitOptions, GitReference, GitRepositories, GitUrl, WorkTree};
use kluctl_source::helm_repository::Index;
use kluctl_source::oci::{Artifact, Pushed, Registry};
use kluctl_source::{Cache, Credentials, Http, Login, Mirrors, Nobody, Person, SourceError, SshSettings};
use serde_json::json;
use tokio::runtime::Handle;

pub use crate::overrides::LocalOverrides;
use crate::overrides::read_folder;

/// Where to fetch from, and what to present to servers.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Other places for public addresses.
    pub mirrors: Mirrors,
    /// Credentials for Git.
    pub git: Credentials,
    /// Credentials for Helm repositories.
    pub helm: Credentials,
    /// Credentials for OCI registries.
    pub registry: Credentials,
    /// How to log in over SSH.
    pub ssh: SshSettings,
    /// Who answers questions.
    pub person: Arc<dyn Person>,
    /// Local folders that stand in for repositories.
    pub overrides: LocalOverrides,
    /// How long the mirror of a Git repository counts as new; zero asks once in every run.
    pub git_update_interval: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            mirrors: Mirrors::default(),
            git: Credentials::default(),
            helm: Credentials::default(),
            registry: Credentials::default(),
            ssh: SshSettings::default(),
            person: Arc::new(Nobody),
            overrides: LocalOverrides::default(),
            git_update_interval: Duration::ZERO,
        }
    }
}

/// Fetches over the network. Synchronous: it must be called from threads that run no async tasks.
pub struct RemoteSources {
    runtime: Handle,
    git: GitRepositories,
    http: Http,
    registry: Registry,
    cache: Cache,
    indexes: Mutex<BTreeMap<String, Arc<Index>>>,
    person: Arc<dyn Person>,
    /// Answers of a person, by server and realm.
    logins: Mutex<BTreeMap<String, Login>>,
    overrides: LocalOverrides,
    /// What was overridden and told.
    told: Mutex<BTreeSet<String>>,
}

impl RemoteSources {
    /// Sets up clients; nothing is contacted before something is asked for.
    pub fn new(runtime: Handle, cache: Cache, options: SourceOptions) -> Result<Self, SourceError> {
        let git = GitOptions {
            mirrors: options.mirrors.clone(),
            credentials: options.git,
            ssh: options.ssh,
            person: options.person.clone(),
            update_interval: options.git_update_interval,
        };
        Ok(Self {
            runtime,
            git: GitRepositories::new(cache.clone(), git),
            http: Http::new(options.mirrors.clone(), options.helm)?,
            registry: Registry::new(options.mirrors, options.registry),
            cache,
            indexes: Mutex::default(),
            person: options.person,
            logins: Mutex::default(),
            overrides: options.overrides,
            told: Mutex::default(),
        })
    }

    /// What a person answers for a server, asked once per server and realm.
    fn login(&self, host: &str, realm: &str) -> Option<Login> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{host}|{realm}");
        if let Some(login) = logins.get(&key) {
            return Some(login.clone());
        }
        let who = format!("Please enter credentials for host '{host}'");
        let login = Login {
            username: self.person.text(&format!("{who}, username"))?,
            password: self.person.secret(&format!("{who}, password"))?,
        };
        logins.insert(key, login.clone());
        Some(login)
    }

    /// The local folder that stands in for a repository, with a warning at its first use.
    fn overridden(&self, kind: &str, url: &str, key: &str) -> Result<Option<Arc<Files>>, OutsideError> {
        let Some(folder) = self.overrides.resolve(key)? else {
            return Ok(None);
        };
        let first = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(key.to_owned())
        };
        if first {
            self.person.warn(&format!(
                "Overriding {kind} repo {url} with local directory {folder}"
            ));
        }
        read_folder(&folder).map(Some)
    }

    /// The tag with the highest version in a range.
    fn newest_tag(&self, url: &str, range: &str) -> Result<String, OutsideError> {
        let wanted = kluctl_gotemplate::semver::Constraints::parse(range)
            .map_err(|error| OutsideError::new(format!("`{range}` is no range of versions: {error}")))?;
        let tags = self
            .runtime
            .block_on(self.registry.versions(url))
            .map_err(outside)?;
        let newest = tags
            .iter()
            .filter_map(|tag| Some((kluctl_gotemplate::semver::Version::parse(tag).ok()?, tag)))
            .filter(|(version, _)| wanted.check(version))
            .max_by(|(a, _), (b, _)| a.cmp(b));
        match newest {
            Some((_, tag)) => Ok(tag.replace('+', "_")),
            None => Err(OutsideError::missing(format!(
                "{url} has no tag with a version in `{range}`"
            ))),
        }
    }

    /// Pushes an artifact to `oci://host/path[:tag]`.
    pub(crate) fn push(&self, address: &str, artifact: &Artifact) -> Result<Pushed, SourceError> {
        self.runtime.block_on(self.registry.push(address, artifact))
    }

    fn git_override(&self, url: &str) -> Result<Option<Arc<Files>>, OutsideError> {
        let key = GitUrl::parse(url).map_err(outside)?.repo_key();
        self.overridden("git", url, &key)
    }

    /// The packed archive of a chart, from the cache where it is not older than a day and `force` is not set.
    pub fn chart_archive(&self, chart: &ChartRequest<'_>, force: bool) -> Result<Bytes, SourceError> {
        let cache = self.cache.charts();
        if !force && let Some(archive) = cache.get(chart.repo, chart.name, chart.version) {
            return Ok(archive);
        }
        let archive = if chart.repo.starts_with("oci://") {
            self.runtime
                .block_on(self.registry.chart(chart.repo, chart.version))?
        } else {
            let index = self.index(chart.repo)?;
            self.runtime
                .block_on(index.chart(&self.http, chart.name, chart.version))?
        };
        cache.put(chart.repo, chart.name, chart.version, &archive)?;
        Ok(archive)
    }

    /// All versions of a chart that its repository or registry offers, in no particular order.
    pub fn chart_versions(&self, repo: &str, name: &str) -> Result<Vec<String>, SourceError> {
        if repo.starts_with("oci://") {
            return self.runtime.block_on(self.registry.versions(repo));
        }
        let index = self.index(repo)?;
        Ok(index
            .versions(name)?
            .iter()
            .map(|entry| entry.version.clone())
            .collect())
    }

    /// The index of a repository, fetched once.
    fn index(&self, repo: &str) -> Result<Arc<Index>, SourceError> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = indexes.get(repo) {
            return Ok(index.clone());
        }
        let index = Arc::new(self.runtime.block_on(Index::fetch(&self.http, repo))?);
        indexes.insert(repo.to_owned(), index.clone());
        Ok(index)
    }
}

/// The files of a packed chart without the folder that `helm package` puts around them.
pub fn chart_files(what: &str, archive: &[u8]) -> Result<Files, SourceError> {
    let files = unpack(what, archive, Limits::default())?;
    let inner = files.into_iter().filter_map(|(path, bytes)| {
        let mut parts = path.components();
        parts.next()?;
        let rest = parts.as_path();
        (!rest.as_str().is_empty()).then(|| (rest.to_owned(), bytes.clone()))
    });
    Ok(inner.collect())
}

fn outside(error: SourceError) -> OutsideError {
    let status = match &error {
        SourceError::Status { status, .. } => Some(status.clone()),
        _ => None,
    };
    OutsideError {
        status,
        ..described(&error)
    }
}

fn described(error: &SourceError) -> OutsideError {
    match error {
        SourceError::NotFound(_) => OutsideError::missing(error.to_string()),
        SourceError::Status { status, .. } if status.starts_with("404") => {
            OutsideError::missing(error.to_string())
        }
        _ => OutsideError::new(error.to_string()),
    }
}

impl Sources for RemoteSources {
    fn git(&self, url: &str, reference: Option<&GitRef>) -> Result<GitTree, OutsideError> {
        if let Some(files) = self.git_override(url)? {
            return Ok(GitTree {
                files,
                commit: String::new(),
                submodules: BTreeMap::new(),
            });
        }
        let reference = reference.and_then(|reference| {
            let GitRef { branch, tag, commit } = reference;
            let branch = branch.clone().map(GitReference::Branch);
            branch
                .or_else(|| tag.clone().map(GitReference::Tag))
                .or_else(|| commit.clone().map(GitReference::Commit))
        });
        let snapshot = self.git.snapshot(url, reference.as_ref()).map_err(outside)?;
        Ok(GitTree {
            files: Arc::new(snapshot.files),
            commit: snapshot.commit,
            submodules: snapshot.submodules,
        })
    }

    fn git_refs(&self, url: &str) -> Result<Vec<String>, OutsideError> {
        // As upstream: a folder that stands in has no branches and no tags.
        if self.git_override(url)?.is_some() {
            return Ok(Vec::new());
        }
        Ok(self.git.references(url).map_err(outside)?.into_keys().collect())
    }

    fn git_head(&self, url: &str) -> Result<Option<String>, OutsideError> {
        if self.git_override(url)?.is_some() {
            return Ok(None);
        }
        self.git.head(url).map(Some).map_err(outside)
    }

    fn latest_commit_in(
        &self,
        url: &str,
        commit: &str,
        path: &Utf8Path,
    ) -> Result<Option<String>, OutsideError> {
        self.git.latest_commit(url, commit, path).map_err(outside)
    }

    fn oci(&self, url: &str, reference: Option<&OciRef>) -> Result<Arc<Files>, OutsideError> {
        if let Some(files) = self.overridden("oci", url, url.trim_end_matches('/'))? {
            return Ok(files);
        }
        let text = |value: Option<&String>| {
            value
                .map(String::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let mut tag = text(reference.and_then(|reference| reference.tag.as_ref()));
        let digest = text(reference.and_then(|reference| reference.digest.as_ref()));
        let range = text(reference.and_then(|reference| reference.semver.as_ref()));
        if let (Some(range), None) = (range, &digest) {
            tag = Some(self.newest_tag(url, &range)?);
        }
        let blobs = self.cache.blobs();
        let pulled = self
            .registry
            .artifact(&blobs, url, tag.as_deref(), digest.as_deref());
        let archive = self.runtime.block_on(pulled).map_err(outside)?;
        let limits = Limits {
            total_bytes: 1 << 30,
            ..Limits::default()
        };
        Ok(Arc::new(unpack(url, &archive, limits).map_err(outside)?))
    }

    fn helm_chart(&self, chart: &ChartRequest<'_>) -> Result<Arc<Files>, OutsideError> {
        let archive = self.chart_archive(chart, false).map_err(outside)?;
        let what = format!("chart {} {}", chart.repo, chart.version);
        Ok(Arc::new(chart_files(&what, &archive).map_err(outside)?))
    }

    fn http(&self, request: &HttpRequest<'_>) -> Result<HttpResponse, OutsideError> {
        let send = |login: Option<&Login>| {
            let HttpRequest {
                url,
                method,
                body,
                headers,
            } = request;
            self.runtime
                .block_on(self.http.request(url, method, headers, body, login))
        };
        let answer = match send(None) {
            Err(SourceError::Unauthorized { host, realm, url }) => match self.login(&host, &realm) {
                Some(login) => send(Some(&login)),
                None => Err(SourceError::Unauthorized { host, realm, url }),
            },
            answer => answer,
        };
        let (body, authenticated) = answer.map_err(outside)?;
        Ok(HttpResponse { body, authenticated })
    }

    fn latest_commit(&self, path: &Utf8Path) -> Result<Option<String>, OutsideError> {
        kluctl_source::latest_commit(path).map_err(outside)
    }
}

/// Where a project comes from, as results say it: its repository and the folder inside.
pub fn git_info(root: &Utf8Path, sub_dir: &str) -> Result<(ProjectKey, GitInfo), SourceError> {
    let mut key = ProjectKey {
        repo_key: String::new(),
        sub_dir: sub_dir.to_owned(),
    };
    let mut info = GitInfo {
        sub_dir: sub_dir.to_owned(),
        ..GitInfo::default()
    };
    if let Some(tree) = WorkTree::read(root)? {
        if let Some(origin) = &tree.origin {
            key.repo_key = origin.repo_key();
            info.url = Some(origin.shown());
        }
        info.reference = tree.head.map(|head| match head {
            GitHead::Branch(name) => json!({ "branch": name }),
            GitHead::Tag(name) => json!({ "tag": name }),
        });
        info.commit = tree.commit.unwrap_or_default();
        info.dirty = tree.dirty;
    }
    Ok((key, info))
}
