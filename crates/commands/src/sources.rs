//! The world outside a project, brought by `source`: Git repositories, OCI artifacts, Helm charts, HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use kluctl_project::config::{GitRef, OciRef};
use kluctl_project::outside::{
    ChartRequest, Files, GitTree, HttpRequest, HttpResponse, OutsideError, Sources,
};
use kluctl_source::archive::{Limits, unpack};
use kluctl_source::git::{GitReference, GitRepositories};
use kluctl_source::helm_repository::Index;
use kluctl_source::oci::Registry;
use kluctl_source::{Cache, Credentials, Http, Mirrors, SourceError};
use tokio::runtime::Handle;

/// What to present to servers.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// Other places for public addresses.
    pub mirrors: Mirrors,
    /// Credentials for Git.
    pub git: Credentials,
    /// Credentials for Helm repositories.
    pub helm: Credentials,
    /// Credentials for OCI registries.
    pub registry: Credentials,
}

/// Fetches over the network. Synchronous: it must be called from threads that run no async tasks.
pub struct RemoteSources {
    runtime: Handle,
    git: GitRepositories,
    http: Http,
    registry: Registry,
    cache: Cache,
    indexes: Mutex<BTreeMap<String, Arc<Index>>>,
}

impl RemoteSources {
    /// Sets up clients; nothing is contacted before something is asked for.
    pub fn new(runtime: Handle, cache: Cache, options: SourceOptions) -> Result<Self, SourceError> {
        Ok(Self {
            runtime,
            git: GitRepositories::new(cache.clone(), options.mirrors.clone(), options.git),
            http: Http::new(options.mirrors.clone(), options.helm)?,
            registry: Registry::new(options.mirrors, options.registry),
            cache,
            indexes: Mutex::default(),
        })
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
    match &error {
        SourceError::NotFound(_) => OutsideError::missing(error.to_string()),
        SourceError::Status { status, .. } if status.starts_with("404") => {
            OutsideError::missing(error.to_string())
        }
        _ => OutsideError::new(error.to_string()),
    }
}

impl Sources for RemoteSources {
    fn git(&self, url: &str, reference: Option<&GitRef>) -> Result<GitTree, OutsideError> {
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
        })
    }

    fn git_refs(&self, url: &str) -> Result<Vec<String>, OutsideError> {
        Ok(self.git.references(url).map_err(outside)?.into_keys().collect())
    }

    fn oci(&self, url: &str, reference: Option<&OciRef>) -> Result<Arc<Files>, OutsideError> {
        let text = |value: Option<&String>| {
            value
                .map(String::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let tag = text(reference.and_then(|reference| reference.tag.as_ref()));
        let digest = text(reference.and_then(|reference| reference.digest.as_ref()));
        let pulled = self.registry.artifact(url, tag.as_deref(), digest.as_deref());
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
        let sent = self
            .http
            .request(request.url, request.method, request.headers, request.body);
        let (body, authenticated) = self.runtime.block_on(sent).map_err(outside)?;
        Ok(HttpResponse { body, authenticated })
    }
}
