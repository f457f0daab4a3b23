//! Charts and artifacts in OCI registries (distribution spec 1.1; media types of Helm and Flux).

mod client;
mod manifest;
mod push;

use bytes::Bytes;

use self::client::{Client, Failure, Login};
use crate::{BlobCache, Credential, Credentials, Mirrors, SourceError, http};

pub use push::{Artifact, Pushed};

/// Media type of the layer that holds a chart archive.
///
/// Source: Helm `pkg/registry/constants.go`.
pub const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The same as early Helm versions wrote it.
const CHART_LAYER_OLD: &str = "application/tar+gzip";

/// Largest chart layer that is fetched (bytes).
const CHART_LIMIT: u64 = 100 << 20;

/// Largest artifact layer that is fetched (bytes).
const ARTIFACT_LIMIT: u64 = 256 << 20;

/// Talks to OCI registries.
#[derive(Debug, Clone)]
pub struct Registry {
    mirrors: Mirrors,
    credentials: Credentials,
}

impl Registry {
    /// Sets up access. Credentials given here go before those of Docker's configuration.
    pub fn new(mirrors: Mirrors, credentials: Credentials) -> Self {
        Self { mirrors, credentials }
    }

    /// The tags of a repository (`oci://host/path`), as chart versions: `_` stands for the `+` that tags cannot hold.
    pub async fn versions(&self, address: &str) -> Result<Vec<String>, SourceError> {
        let asked = self.repository(address, "latest")?;
        let tags = asked
            .client
            .tags()
            .await
            .map_err(|failure| asked.error(address, failure))?;
        Ok(tags.into_iter().map(|tag| tag.replace('_', "+")).collect())
    }

    /// The archive (`.tgz`) of a chart, by its version or by the digest (`sha256:…`) of its manifest.
    pub async fn chart(&self, address: &str, version: &str) -> Result<Bytes, SourceError> {
        let asked = self.repository(address, &version.replace('+', "_"))?;
        let manifest = asked.manifest(address).await?;
        let layer = manifest
            .layers
            .iter()
            .find(|layer| layer.media_type == CHART_LAYER || layer.media_type == CHART_LAYER_OLD)
            .ok_or_else(|| SourceError::Content {
                what: format!("{address}:{version}"),
                reason: format!("the manifest has no layer of type {CHART_LAYER}, so this is no Helm chart"),
            })?;
        asked.layer(address, layer, CHART_LIMIT).await
    }

    /// The first layer of an artifact as Flux and Kluctl push them: a gzipped tar archive. It is kept in the cache by its digest.
    ///
    /// A digest wins over a tag; without both it is the tag `latest`.
    pub async fn artifact(
        &self,
        blobs: &BlobCache,
        address: &str,
        tag: Option<&str>,
        digest: Option<&str>,
    ) -> Result<Bytes, SourceError> {
        let asked = self.repository(address, digest.or(tag).unwrap_or("latest"))?;
        let manifest = asked.manifest(address).await?;
        let layer = manifest.layers.first().ok_or_else(|| SourceError::Content {
            what: asked.shown.clone(),
            reason: "the manifest has no layer".to_owned(),
        })?;
        if let Some(archive) = blobs.get(&layer.digest) {
            return Ok(archive);
        }
        let archive = asked.layer(address, layer, ARTIFACT_LIMIT).await?;
        blobs.put(&layer.digest, &archive)?;
        Ok(archive)
    }

    /// A repository, and the tag or digest that is wanted of it.
    fn repository(&self, address: &str, reference: &str) -> Result<Asked, SourceError> {
        let invalid = |reason: &str| SourceError::Address {
            address: address.to_owned(),
            reason: reason.to_owned(),
        };
        let mirrored = self.mirrors.apply(address);
        let (registry, path) = split(&mirrored).ok_or_else(|| invalid("expected oci://HOST/REPOSITORY"))?;
        let original = split(address).ok_or_else(|| invalid("expected oci://HOST/REPOSITORY"))?;
        let credential = self
            .credentials
            .find(original.0, original.1)
            .or_else(|| self.credentials.find(registry, path))
            .or_else(|| {
                let is_hub = matches!(registry, "docker.io" | "registry-1.docker.io");
                is_hub.then(|| self.credentials.find("index.docker.io", path))?
            });
        let tls = credential
            .is_some_and(|c| c.ca.is_some() || c.certificate.is_some() || c.insecure_skip_tls_verify);
        // Registries on this machine speak plain HTTP unless TLS settings are given (as Docker and containerd treat them).
        let plain = credential.is_some_and(|c| c.plain_http) || (http::is_loopback(registry) && !tls);
        let login = credential
            .and_then(Login::of)
            .unwrap_or_else(|| stored_login(registry));
        Ok(Asked {
            client: Client::new(http::client(credential, registry)?, registry, path, plain, login)?,
            shown: format!("oci://{registry}/{path}:{reference}"),
            reference: reference.to_owned(),
        })
    }
}

/// A repository with all that is needed to ask for it.
struct Asked {
    client: Client,
    /// The tag or the digest.
    reference: String,
    /// After mirrors.
    shown: String,
}

impl Asked {
    fn for_push(self) -> Self {
        Self {
            client: self.client.for_push(),
            ..self
        }
    }

    async fn manifest(&self, address: &str) -> Result<manifest::Manifest, SourceError> {
        let manifest = self.client.manifest(&self.reference).await;
        manifest.map_err(|failure| self.error(address, failure))
    }

    async fn layer(
        &self,
        address: &str,
        layer: &manifest::Descriptor,
        limit: u64,
    ) -> Result<Bytes, SourceError> {
        let blob = self.client.blob(layer, limit).await;
        blob.map_err(|failure| self.error(address, failure))
    }

    fn error(&self, address: &str, failure: Failure) -> SourceError {
        match failure {
            Failure::Missing => SourceError::NotFound(format!("{address}:{}: not found", self.reference)),
            Failure::Other(error) => error,
        }
    }
}

/// Host and repository path of an `oci://` address.
pub(crate) fn split(address: &str) -> Option<(&str, &str)> {
    let (registry, path) = address
        .strip_prefix("oci://")?
        .trim_end_matches('/')
        .split_once('/')?;
    (!registry.is_empty() && !path.is_empty()).then_some((registry, path))
}

/// What Docker's own configuration and its credential helpers know, or else Podman's.
fn stored_login(registry: &str) -> Login {
    let known = docker_credential::get_credential(registry)
        .or_else(|_| docker_credential::get_podman_credential(registry));
    match known {
        Ok(docker_credential::DockerCredential::UsernamePassword(username, password)) => {
            Login::Password(username, password)
        }
        Ok(docker_credential::DockerCredential::IdentityToken(token)) => Login::Identity(token),
        Err(_) => Login::Anonymous,
    }
}

/// What a configuration file in Docker's format (such as Helm's `registry/config.json`) holds for a registry.
///
/// Credential helpers that it names are asked.
pub fn stored_credential(config: &camino::Utf8Path, registry: &str) -> Option<Credential> {
    let file = std::fs::File::open(config).ok()?;
    let mut credential = Credential {
        host: registry.to_owned(),
        ..Credential::default()
    };
    match docker_credential::get_credential_from_reader(file, registry).ok()? {
        docker_credential::DockerCredential::UsernamePassword(username, password) => {
            credential.username = Some(username);
            credential.password = Some(password);
        }
        docker_credential::DockerCredential::IdentityToken(token) => credential.identity_token = Some(token),
    }
    Some(credential)
}
