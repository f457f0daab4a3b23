//! Brings charts and values for `kluctl helm` from repositories, registries and web servers.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::Utf8PathBuf;
use kluctl_helm::pick_version;
use kluctl_source::helm_repository::Index;
use kluctl_source::oci::Registry;
use kluctl_source::{Credential, Credentials, Http, Mirrors};
use serde::Deserialize;

use super::helm::{ChartRequest, Fetch};
use crate::options::credentials::{GitCredentials, HelmCredentials, RegistryCredentials};
use crate::options::sources::{MirrorFlags, resolve};

/// The largest file of values that is fetched (bytes).
const VALUES_LIMIT: u64 = 100 << 20;
/// The largest packed chart that is fetched (bytes).
const CHART_LIMIT: u64 = 100 << 20;

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
    if name.starts_with("oci://") {
        return fetch_oci(request).await;
    }
    if !request.repo.is_empty() {
        return fetch_from_repository(request.repo, name, request).await;
    }
    if name.contains("://") {
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
    fetch_from_repository(&url, chart, request).await
}

async fn fetch_from_repository(url: &str, chart: &str, request: &ChartRequest<'_>) -> Result<Bytes, String> {
    let http = http(url, request)?;
    let index = Index::fetch(&http, url).await.map_err(|error| {
        format!("looks like \"{url}\" is not a valid chart repository or cannot be reached: {error}")
    })?;
    let known: Vec<&str> = match index.versions(chart) {
        Ok(entries) => entries.iter().map(|entry| entry.version.as_str()).collect(),
        Err(_) => return Err(format!("chart \"{chart}\" not found in {url} repository")),
    };
    let Some(picked) = pick_version(&known, request.version) else {
        let version = request.version;
        return Err(format!(
            "chart \"{chart}\" version \"{version}\" not found in {url} repository"
        ));
    };
    let archive = index.chart(&http, chart, known[picked]).await;
    archive.map_err(|error| error.to_string())
}

async fn fetch_oci(request: &ChartRequest<'_>) -> Result<Bytes, String> {
    // A tag may stand at the address, behind the last slash.
    let last = request.name.rfind('/').unwrap_or(0);
    let (address, tag) = match request.name[last..].rfind(':') {
        Some(colon) => (&request.name[..last + colon], &request.name[last + colon + 1..]),
        None => (request.name, ""),
    };
    let registry = Registry::new(Mirrors::default(), credentials(address, request, true)?);
    let mut version = if tag.is_empty() { request.version } else { tag }.to_owned();
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
    registry
        .chart(address, &version)
        .await
        .map_err(|error| error.to_string())
}

fn http(url: &str, request: &ChartRequest<'_>) -> Result<Http, String> {
    Http::new(Mirrors::default(), credentials(url, request, false)?).map_err(|error| error.to_string())
}

/// Credentials from flags for the host that is asked; without any, those of variables and other tools' files.
fn credentials(url: &str, request: &ChartRequest<'_>, registry: bool) -> Result<Credentials, String> {
    let flags = request.access;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let read = |path: &str| match given(path) {
        None => Ok(None),
        Some(path) => std::fs::read(&path)
            .map(Some)
            .map_err(|error| format!("open {path}: {error}")),
    };
    let credential = Credential {
        host: host_of(url),
        username: given(&flags.username),
        password: given(&flags.password),
        certificate: read(&flags.cert_file)?,
        key: read(&flags.key_file)?,
        ca: read(&flags.ca_file)?,
        insecure_skip_tls_verify: flags.insecure_skip_tls_verify,
        plain_http: flags.plain_http,
        pass_credentials_all: flags.pass_credentials,
        ..Credential::default()
    };
    let has_flags = credential.username.is_some()
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
        let config = variable("HELM_CONFIG_HOME")
            .or_else(|| variable("XDG_CONFIG_HOME").map(|folder| format!("{folder}/helm")))
            .or_else(|| variable("HOME").map(|folder| format!("{folder}/.config/helm")));
        variable("HELM_REPOSITORY_CONFIG")
            .or_else(|| config.map(|folder| format!("{folder}/repositories.yaml")))
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
