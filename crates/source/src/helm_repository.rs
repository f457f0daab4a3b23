//! Classic Helm chart repositories: `index.yaml` and archives over HTTP.

use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;

use crate::{Http, SourceError};

/// Largest `index.yaml` that is read (bytes); the biggest public ones have about 40 MB.
const INDEX_LIMIT: u64 = 256 << 20;
/// Largest chart archive that is fetched (bytes).
const CHART_LIMIT: u64 = 100 << 20;

/// What a repository offers.
#[derive(Debug, Clone)]
pub struct Index {
    address: String,
    entries: BTreeMap<String, Vec<Entry>>,
}

/// One version of one chart.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// Version as the chart writes it.
    #[serde(default)]
    pub version: String,
    /// Where the archive lies, absolute or relative to the repository.
    #[serde(default)]
    pub urls: Vec<String>,
    /// SHA-256 of the archive, hexadecimal, where the index has it.
    #[serde(default)]
    pub digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexFile {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    entries: BTreeMap<String, Option<Vec<Option<Entry>>>>,
}

impl Index {
    /// Fetches and reads the `index.yaml` of a repository.
    pub async fn fetch(http: &Http, repository: &str) -> Result<Self, SourceError> {
        let address = index_address(repository)?;
        let body = http.get(&address, INDEX_LIMIT).await?;
        Self::parse(repository, &body)
    }

    /// Reads an index. Entries without a version or address are left out, as Helm does.
    pub fn parse(repository: &str, body: &[u8]) -> Result<Self, SourceError> {
        let content = |reason: String| SourceError::Content {
            what: format!("the index of {repository}"),
            reason,
        };
        let text = std::str::from_utf8(body).map_err(|error| content(error.to_string()))?;
        // Indexes that tools write as JSON are read as such: it is far cheaper.
        let file: IndexFile = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| content(error.to_string()))?
        } else {
            let value = kluctl_yaml::from_str(text).map_err(|error| content(error.to_string()))?;
            serde_json::from_value(value).map_err(|error| content(error.to_string()))?
        };
        if file.api_version.is_empty() {
            return Err(content("no API version specified".to_owned()));
        }
        let entries = file.entries.into_iter().map(|(name, versions)| {
            let usable = versions
                .into_iter()
                .flatten()
                .flatten()
                .filter(|entry| !entry.version.is_empty());
            (name, usable.collect())
        });
        Ok(Self {
            address: repository.to_owned(),
            entries: entries.collect(),
        })
    }

    /// All versions of a chart, in the index's order.
    pub fn versions(&self, chart: &str) -> Result<&[Entry], SourceError> {
        self.entries.get(chart).map(Vec::as_slice).ok_or_else(|| {
            SourceError::NotFound(format!(
                "chart `{chart}` is not in the repository {}",
                self.address
            ))
        })
    }

    /// The entry of one version; a leading `v` may be missing on either side.
    pub fn version(&self, chart: &str, version: &str) -> Result<&Entry, SourceError> {
        let entries = self.versions(chart)?;
        let plain = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
        let exact = entries.iter().find(|entry| entry.version == version);
        exact
            .or_else(|| {
                entries
                    .iter()
                    .find(|entry| plain(&entry.version) == plain(version))
            })
            .ok_or_else(|| {
                let known: Vec<_> = entries
                    .iter()
                    .take(5)
                    .map(|entry| entry.version.as_str())
                    .collect();
                SourceError::NotFound(format!(
                    "chart `{chart}` has no version `{version}` in {} (newest there: {})",
                    self.address,
                    known.join(", ")
                ))
            })
    }

    /// Fetches the archive of one version and checks its digest where the index gives one.
    pub async fn chart(&self, http: &Http, chart: &str, version: &str) -> Result<Bytes, SourceError> {
        let entry = self.version(chart, version)?;
        let name = format!("chart `{chart}` {version}");
        let url = entry.urls.first().ok_or_else(|| SourceError::Content {
            what: name.clone(),
            reason: "the index has no address for it".into(),
        })?;
        let url = resolve(&self.address, url)?;
        let archive = http.get_as(&url, &self.address, CHART_LIMIT).await?;
        if let Some(digest) = entry.digest.as_deref().filter(|digest| !digest.is_empty()) {
            use sha2::Digest;
            let found = hex::encode(sha2::Sha256::digest(&archive));
            if !digest.trim_start_matches("sha256:").eq_ignore_ascii_case(&found) {
                let reason = format!(
                    "its digest is {found}, but the index of {} says {digest}",
                    self.address
                );
                return Err(SourceError::Content { what: name, reason });
            }
        }
        Ok(archive)
    }
}

fn parse_url(address: &str) -> Result<Url, SourceError> {
    Url::parse(address).map_err(|error| SourceError::Address {
        address: address.to_owned(),
        reason: error.to_string(),
    })
}

/// `index.yaml` below the repository's address; a query of the address is kept.
fn index_address(repository: &str) -> Result<String, SourceError> {
    let mut url = parse_url(repository)?;
    url.set_path(&format!("{}/index.yaml", url.path().trim_end_matches('/')));
    Ok(url.to_string())
}

/// An archive's address as the index means it: absolute, or relative to the repository.
///
/// Source: Helm `pkg/repo`, `ResolveReferenceURL` (the base gets a trailing slash, its query is kept).
fn resolve(repository: &str, reference: &str) -> Result<String, SourceError> {
    if let Ok(absolute) = Url::parse(reference) {
        return Ok(absolute.to_string());
    }
    let mut base = parse_url(repository)?;
    base.set_path(&format!("{}/", base.path().trim_end_matches('/')));
    let mut url = base.join(reference).map_err(|error| SourceError::Address {
        address: reference.to_owned(),
        reason: error.to_string(),
    })?;
    url.set_query(base.query());
    Ok(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_addresses_as_helm_does() {
        for (base, reference, want) in [
            ("https://a.io/charts", "x-1.tgz", "https://a.io/charts/x-1.tgz"),
            (
                "https://a.io/charts/?k=v",
                "sub/x-1.tgz",
                "https://a.io/charts/sub/x-1.tgz?k=v",
            ),
            ("https://a.io/charts/", "/x-1.tgz", "https://a.io/x-1.tgz"),
            ("https://a.io", "https://b.io/x-1.tgz", "https://b.io/x-1.tgz"),
        ] {
            assert_eq!(resolve(base, reference).unwrap(), want);
        }
        assert_eq!(
            index_address("https://a.io/x/?k=v").unwrap(),
            "https://a.io/x/index.yaml?k=v"
        );
    }

    #[test]
    fn finds_versions_with_and_without_v() {
        let json = br#"{"apiVersion":"v1","entries":{"cm":[{"version":"v1.2.0","urls":["a"]},{"version":"1.1.0","urls":["b"]},null,{"urls":["c"]}]}}"#;
        let index = Index::parse("https://a.io", json).unwrap();
        assert_eq!(index.versions("cm").unwrap().len(), 2);
        assert_eq!(index.version("cm", "1.2.0").unwrap().urls, ["a"]);
        assert_eq!(index.version("cm", "v1.1.0").unwrap().urls, ["b"]);
        assert!(
            index
                .version("cm", "9")
                .unwrap_err()
                .to_string()
                .contains("newest there: v1.2.0, 1.1.0")
        );
        assert!(index.versions("other").is_err());
    }
}
