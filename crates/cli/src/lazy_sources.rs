//! Sources of other people's files that cost nothing until one is asked for: no thread, no TLS.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use kluctl_commands::sources::{RemoteSources, SourceOptions};
use kluctl_project::config::{GitRef, OciRef};
use kluctl_project::outside::{
    ChartRequest, Files, GitTree, HttpRequest, HttpResponse, OutsideError, Sources,
};
use kluctl_source::Cache;
use tokio::runtime::{Handle, Runtime};

/// The threads that talk to the outside, started when they are needed.
#[derive(Default)]
pub(crate) struct LazyRuntime(OnceLock<Result<Runtime, String>>);

impl LazyRuntime {
    /// A handle to the running threads.
    pub(crate) fn handle(&self) -> Result<Handle, String> {
        let start = || {
            let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            built.map_err(|error| format!("starting threads failed: {error}"))
        };
        let runtime = self.0.get_or_init(start).as_ref().map_err(Clone::clone)?;
        Ok(runtime.handle().clone())
    }
}

/// Remote sources, set up when they are needed.
pub(crate) struct LazySources {
    options: SourceOptions,
    runtime: Arc<LazyRuntime>,
    remote: OnceLock<Result<RemoteSources, String>>,
}

impl LazySources {
    pub(crate) fn new(options: SourceOptions, runtime: Arc<LazyRuntime>) -> Self {
        Self {
            options,
            runtime,
            remote: OnceLock::new(),
        }
    }

    /// The sources themselves, for what the trait does not offer.
    pub(crate) fn remote(&self) -> Result<&RemoteSources, OutsideError> {
        let set_up = || {
            let handle = self.runtime.handle()?;
            let cache = Cache::new(cache_dir());
            RemoteSources::new(handle, cache, self.options.clone()).map_err(|error| error.to_string())
        };
        self.remote
            .get_or_init(set_up)
            .as_ref()
            .map_err(|error| OutsideError::new(error.clone()))
    }
}

impl Sources for LazySources {
    fn git(&self, url: &str, reference: Option<&GitRef>) -> Result<GitTree, OutsideError> {
        self.remote()?.git(url, reference)
    }

    fn git_refs(&self, url: &str) -> Result<Vec<String>, OutsideError> {
        self.remote()?.git_refs(url)
    }

    fn git_head(&self, url: &str) -> Result<Option<String>, OutsideError> {
        self.remote()?.git_head(url)
    }

    fn oci(&self, url: &str, reference: Option<&OciRef>) -> Result<Arc<Files>, OutsideError> {
        self.remote()?.oci(url, reference)
    }

    fn helm_chart(&self, chart: &ChartRequest<'_>) -> Result<Arc<Files>, OutsideError> {
        self.remote()?.helm_chart(chart)
    }

    fn http(&self, request: &HttpRequest<'_>) -> Result<HttpResponse, OutsideError> {
        self.remote()?.http(request)
    }

    fn debug_print(&self, message: &str) {
        debug_print(message);
    }

    fn latest_commit(&self, path: &Utf8Path) -> Result<Option<String>, OutsideError> {
        latest_commit(path)
    }

    fn latest_commit_in(
        &self,
        url: &str,
        commit: &str,
        path: &Utf8Path,
    ) -> Result<Option<String>, OutsideError> {
        self.remote()?.latest_commit_in(url, commit, path)
    }
}

/// Prints for a template, where a person sees it and no output is disturbed.
pub(crate) fn debug_print(message: &str) {
    drop(writeln!(std::io::stderr(), "debug_print: {message}"));
}

/// The commit that last changed a file on disk.
pub(crate) fn latest_commit(path: &Utf8Path) -> Result<Option<String>, OutsideError> {
    kluctl_source::latest_commit(path).map_err(|error| OutsideError::new(error.to_string()))
}

/// Where things are kept between runs: `KLUCTL_CACHE_DIR`, else the system's cache folder.
pub(crate) fn cache_dir() -> Utf8PathBuf {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let variable = |name: &str| {
        environment
            .get(name)
            .filter(|value| !value.is_empty())
            .map(Utf8PathBuf::from)
    };
    let home = || {
        variable("HOME")
            .or_else(|| variable("USERPROFILE"))
            .unwrap_or_default()
    };
    if let Some(folder) = variable("KLUCTL_CACHE_DIR") {
        folder
    } else if let Some(folder) = variable("XDG_CACHE_HOME") {
        folder.join("kluctl")
    } else if cfg!(target_os = "macos") {
        home().join("Library/Caches/kluctl")
    } else {
        home().join(".cache/kluctl")
    }
}
