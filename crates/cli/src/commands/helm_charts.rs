//! Brings charts and values for `kluctl helm` from repositories, registries and web servers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use camino::Utf8PathBuf;
use kluctl_helm::{SchemaSource, pick_version};
use kluctl_source::helm_repository::Index;
use kluctl_source::oci::{Registry, stored_credential};
use kluctl_source::{Credential, Credentials, Http, Mirrors, SourceError};
use serde::Deserialize;

use super::helm::{AccessArgs, ChartRequest, Fetch};
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::sources::{MirrorFlags, resolve};

/// The largest file of values that is fetched (bytes).
const VALUES_LIMIT: u64 = 100 << 20;
/// The largest packed chart that is fetched (bytes).
const CHART_LIMIT: u64 = 100 << 20;

/// The largest document that a schema refers to (bytes).
const SCHEMA_LIMIT: u64 = 16 << 20;

/// The network.
pub(crate) struct Network;

impl Fetch for Network {
    fn chart(&self, request: &ChartRequest<'_>) -> Result<Bytes, String> {
        block_on(fetch_chart(request))
    }

    fn file(&self, url: &str, request: &ChartRequest<'_>) -> Result<Bytes, String> {
        block_on(async {
            let http = http(url, request)?;
            http.get(url, VALUES_LIMIT)
                .await
                .map_err(|error| error.to_string())
        })
    }

    fn schemas(&self) -> Arc<dyn SchemaSource> {
        Arc::new(Self)
    }
}

impl SchemaSource for Network {
    /// Source: helm `pkg/chart/common/util/jsonschema.go`, `HTTPURLLoader`.
    fn load(&self, url: &str) -> Result<Vec<u8>, String> {
        block_on(async {
            let fetched = match Http::new(Mirrors::default(), Credentials::default()) {
                Ok(http) => http.get(url, SCHEMA_LIMIT).await,
                Err(error) => Err(error),
            };
            fetched
                .map(Vec::from)
                .map_err(|error| schema_problem(url, &error))
        })
    }
}

/// Why a schema cannot be had, in Helm's words.
fn schema_problem(url: &str, error: &SourceError) -> String {
    match error {
        SourceError::Status { status, .. } => {
            let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
            format!("HTTP request to {url} returned status {code} ({reason})")
        }
        SourceError::Transport { reason, .. } => {
            format!("HTTP request failed for {url}: Get {url:?}: {reason}")
        }
        other => format!("HTTP request failed for {url}: {other}"),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(work)
}

async fn fetch_chart(request: &ChartRequest<'_>) -> Result<Bytes, String> {
    let name = request.name;
    if !request.repo.is_empty() {
        return fetch_from_repository(request.repo, name, request, None).await;
    }
    if name.starts_with("oci://") {
        return fetch_oci(request).await;
    }
    if let Some((scheme, _)) = name.split_once("://") {
        if !matches!(scheme, "http" | "https") {
            return Err(format!("scheme \"{scheme}\" not supported"));
        }
        let http = http(name, request)?;
        return http
            .get(name, CHART_LIMIT)
            .await
            .map_err(|error| error.to_string());
    }
    let Some((repository, chart)) = name.split_once('/') else {
        return Err(format!(
            "non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"
        ));
    };
    let url = named_repository(repository, request)?;
    fetch_from_repository(&url, chart, request, Some(repository)).await
}

/// `name` is what the person calls the repository, where it has a name.
async fn fetch_from_repository(
    url: &str,
    chart: &str,
    request: &ChartRequest<'_>,
    name: Option<&str>,
) -> Result<Bytes, String> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if !matches!(scheme, "http" | "https") {
        return Err(format!("could not find protocol handler for: {scheme}"));
    }
    let http = http(url, request)?;
    let index = Index::fetch(&http, url).await.map_err(|error| {
        let reason = match error {
            SourceError::Content { reason, .. } if reason.starts_with("yaml: ") => {
                format!("error converting YAML to JSON: {reason}")
            }
            SourceError::Content { reason, .. } => reason,
            other => other.to_string(),
        };
        format!("looks like \"{url}\" is not a valid chart repository or cannot be reached: {reason}")
    })?;
    let version = request.version;
    let shown = if version.is_empty() {
        format!("chart \"{chart}\"")
    } else {
        format!("chart \"{chart}\" version \"{version}\"")
    };
    let missing = |reason: String| match name {
        None => format!("{shown} not found in {url} repository"),
        Some(name) => format!(
            "chart \"{chart}\" matching {version} not found in {name} index. (try 'helm repo update'): {reason}"
        ),
    };
    let entries = index
        .versions(chart)
        .map_err(|_| missing("no chart name found".to_owned()))?;
    let known: Vec<&str> = entries.iter().map(|entry| entry.version.as_str()).collect();
    let picked = pick_version(&known, version)
        .ok_or_else(|| missing(format!("no chart version found for {chart}-{version}")))?;
    if entries[picked].urls.is_empty() {
        return Err(match name {
            None => format!("{shown} has no downloadable URLs"),
            Some(name) => format!("chart \"{name}/{chart}\" has no downloadable URLs"),
        });
    }
    let archive = index.chart(&http, chart, known[picked]).await;
    archive.map_err(|error| error.to_string())
}

async fn fetch_oci(request: &ChartRequest<'_>) -> Result<Bytes, String> {
    if let Some((address, digest)) = request.name.split_once('@') {
        let registry = Registry::new(Mirrors::default(), credentials(address, request, true)?);
        return registry
            .chart(address, digest)
            .await
            .map_err(|error| oci_error(error, request.name));
    }
    // A tag may stand at the address, behind the last slash.
    let last = request.name.rfind('/').unwrap_or(0);
    let (address, tag) = match request.name[last..].rfind(':') {
        Some(colon) => (&request.name[..last + colon], &request.name[last + colon + 1..]),
        None => (request.name, ""),
    };
    let asked = request.version;
    if !tag.is_empty() && !asked.is_empty() && tag.replace('_', "+") != asked {
        return Err(format!(
            "chart reference and version mismatch: {asked} is not {tag}"
        ));
    }
    let registry = Registry::new(Mirrors::default(), credentials(address, request, true)?);
    let mut version = if tag.is_empty() { asked } else { tag }.to_owned();
    let is_exact = version.split('.').count() >= 3
        && version
            .trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit())
        && !version.contains(['*', ' ', ',', '|']);
    if !is_exact {
        let known = registry
            .versions(address)
            .await
            .map_err(|error| error.to_string())?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        version = match pick_version(&known, &version) {
            Some(picked) => known[picked].to_owned(),
            None => {
                return Err(format!(
                    "could not locate a version matching provided version string {version}"
                ));
            }
        };
    }
    let archive = registry.chart(address, &version).await;
    archive.map_err(|error| oci_error(error, &format!("{address}:{version}")))
}

fn oci_error(error: SourceError, reference: &str) -> String {
    match error {
        SourceError::NotFound(_) => {
            let reference = reference.trim_start_matches("oci://");
            format!("failed to perform \"FetchReference\" on source: {reference}: not found")
        }
        other => other.to_string(),
    }
}

fn http(url: &str, request: &ChartRequest<'_>) -> Result<Http, String> {
    Http::new(Mirrors::default(), credentials(url, request, false)?).map_err(|error| error.to_string())
}

/// Credentials from flags for the host that is asked; without any, those of variables and other tools' files.
fn credentials(url: &str, request: &ChartRequest<'_>, registry: bool) -> Result<Credentials, String> {
    let flags = request.access;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let read = |path: &str, what: &str| match given(path) {
        None => Ok(None),
        Some(path) => std::fs::read(&path).map(Some).map_err(|error| {
            let reason = super::helm::go_error("open", path.as_ref(), &error);
            format!("missing registry client: can't create TLS config for client: can't {what}: {reason}")
        }),
    };
    let (certificate, key) = (&flags.cert_file, &flags.key_file);
    let pair = format!("load key pair from cert {certificate:?} and key {key:?}");
    let authority = format!("read CA file: {:?}", flags.ca_file);
    let mut credential = Credential {
        host: host_of(url),
        username: given(&flags.username),
        password: given(&flags.password),
        certificate: read(&flags.cert_file, &pair)?,
        key: read(&flags.key_file, &pair)?,
        ca: read(&flags.ca_file, &authority)?,
        insecure_skip_tls_verify: flags.insecure_skip_tls_verify,
        plain_http: flags.plain_http,
        pass_credentials_all: flags.pass_credentials,
        ..Credential::default()
    };
    if registry
        && credential.username.is_none()
        && let Some(stored) = stored(&credential.host, flags)
    {
        credential.username = stored.username;
        credential.password = stored.password;
        credential.identity_token = stored.identity_token;
    }
    let has_flags = credential.username.is_some()
        || credential.identity_token.is_some()
        || credential.certificate.is_some()
        || credential.ca.is_some()
        || credential.insecure_skip_tls_verify
        || credential.plain_http;
    if has_flags {
        return Credentials::new(vec![credential]).map_err(|error| error.to_string());
    }
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let home = environment.get("HOME").map(Utf8PathBuf::from);
    let sources = resolve(
        &GitCredentials::default(),
        &HelmCredentials::default(),
        &RegistryCredentials::default(),
        &MirrorFlags::default(),
        &environment,
        home.as_deref(),
    )?;
    Ok(if registry { sources.registry } else { sources.helm })
}

/// What `helm registry login` has stored for a registry.
fn stored(host: &str, flags: &AccessArgs) -> Option<Credential> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let file = if flags.registry_config.is_empty() {
        variable("HELM_REGISTRY_CONFIG")
            .or_else(|| helm_config().map(|folder| format!("{folder}/registry/config.json")))?
    } else {
        flags.registry_config.clone()
    };
    stored_credential(file.as_ref(), host)
}

/// Helm's folder of configuration files.
fn helm_config() -> Option<String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    variable("HELM_CONFIG_HOME")
        .or_else(|| variable("XDG_CONFIG_HOME").map(|folder| format!("{folder}/helm")))
        .or_else(|| variable("HOME").map(|folder| format!("{folder}/.config/helm")))
}

/// `host[:port]` of an address.
fn host_of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).to_owned()
}

#[derive(Deserialize)]
struct RepositoriesFile {
    #[serde(default)]
    repositories: Vec<NamedRepository>,
}

#[derive(Deserialize)]
struct NamedRepository {
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
}

/// The address that `helm repo add` has stored under a name.
fn named_repository(name: &str, request: &ChartRequest<'_>) -> Result<String, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let flag = &request.access.repository_config;
    let file = if flag.is_empty() {
        variable("HELM_REPOSITORY_CONFIG")
            .or_else(|| helm_config().map(|folder| format!("{folder}/repositories.yaml")))
    } else {
        Some(flag.clone())
    };
    let text = file
        .as_deref()
        .and_then(|file| std::fs::read_to_string(file).ok());
    let known: RepositoriesFile = match (&file, text) {
        (Some(file), Some(text)) => {
            let value = kluctl_yaml::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
            serde_json::from_value(value).map_err(|error| format!("{file}: {error}"))?
        }
        _ => return Err(format!("repo {name} not found")),
    };
    known
        .repositories
        .into_iter()
        .find(|repository| repository.name == name)
        .map(|repository| repository.url)
        .ok_or_else(|| format!("repo {name} not found"))
}
