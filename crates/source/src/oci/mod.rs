//! Charts and artifacts in OCI registries (distribution spec 1.1; media types of Helm and Flux).

mod push;

use bytes::Bytes;
use oci_client::client::{Certificate, CertificateEncoding, Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};

use crate::{BlobCache, Credential, Credentials, Mirrors, SourceError};

pub use push::{Artifact, Pushed};

/// Media type of the layer that holds a chart archive.
///
/// Source: Helm `pkg/registry/constants.go`.
pub const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// The same as early Helm versions wrote it.
const CHART_LAYER_OLD: &str = "application/tar+gzip";

/// Largest chart layer that is fetched (bytes).
const CHART_LIMIT: i64 = 100 << 20;

/// Largest artifact layer that is fetched (bytes).
const ARTIFACT_LIMIT: i64 = 256 << 20;

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
        let mut tags: Vec<String> = Vec::new();
        loop {
            let page = asked
                .client
                .list_tags(
                    &asked.reference,
                    &asked.auth,
                    Some(1000),
                    tags.last().map(String::as_str),
                )
                .await
                .map_err(|error| asked.error(address, &error))?;
            let before = tags.len();
            tags.extend(page.tags);
            if tags.len() - before < 1000 {
                break;
            }
        }
        Ok(tags.into_iter().map(|tag| tag.replace('_', "+")).collect())
    }

    /// The archive (`.tgz`) of a chart, by its version or by the digest (`sha256:…`) of its manifest.
    pub async fn chart(&self, address: &str, version: &str) -> Result<Bytes, SourceError> {
        let asked = if version.starts_with("sha256:") {
            let mut asked = self.repository(address, "latest")?;
            asked.reference = asked.reference.clone_with_digest(version.to_owned());
            asked
        } else {
            self.repository(address, &version.replace('+', "_"))?
        };
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
        let mut asked = self.repository(address, tag.unwrap_or("latest"))?;
        if let Some(digest) = digest {
            asked.reference = asked.reference.clone_with_digest(digest.to_owned());
        }
        let manifest = asked.manifest(address).await?;
        let layer = manifest.layers.first().ok_or_else(|| SourceError::Content {
            what: asked.reference.whole(),
            reason: "the manifest has no layer".to_owned(),
        })?;
        if let Some(archive) = blobs.get(&layer.digest) {
            return Ok(archive);
        }
        let archive = asked.layer(address, layer, ARTIFACT_LIMIT).await?;
        blobs.put(&layer.digest, &archive)?;
        Ok(archive)
    }

    fn repository(&self, address: &str, tag: &str) -> Result<Asked, SourceError> {
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
            .or_else(|| self.credentials.find(registry, path));
        let tls = credential.is_some_and(|c| c.ca.is_some() || c.insecure_skip_tls_verify);
        let plain = credential.is_some_and(|c| c.plain_http) || (is_loopback(registry) && !tls);
        Ok(Asked {
            client: client(plain, credential)?,
            auth: auth(credential, registry),
            reference: Reference::with_tag(registry.to_owned(), path.to_owned(), tag.to_owned()),
        })
    }
}

/// A repository with all that is needed to ask for it.
struct Asked {
    client: Client,
    auth: RegistryAuth,
    reference: Reference,
}

impl Asked {
    async fn manifest(&self, address: &str) -> Result<OciImageManifest, SourceError> {
        let failed = |error: OciDistributionError| self.error(address, &error);
        self.client
            .auth(&self.reference, &self.auth, RegistryOperation::Pull)
            .await
            .map_err(failed)?;
        let pulled = self.client.pull_image_manifest(&self.reference, &self.auth).await;
        Ok(pulled.map_err(failed)?.0)
    }

    /// Fetches a layer; the client checks its digest.
    async fn layer(&self, address: &str, layer: &OciDescriptor, limit: i64) -> Result<Bytes, SourceError> {
        if layer.size > limit {
            return Err(SourceError::TooLarge {
                what: self.reference.whole(),
                limit: format!("{limit} bytes"),
            });
        }
        let mut archive = Vec::new();
        let pulled = self.client.pull_blob(&self.reference, layer, &mut archive).await;
        pulled.map_err(|error| self.error(address, &error))?;
        Ok(Bytes::from(archive))
    }

    fn error(&self, address: &str, error: &OciDistributionError) -> SourceError {
        let missing = match error {
            OciDistributionError::ImageManifestNotFoundError(_) => true,
            OciDistributionError::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| {
                matches!(
                    error.code,
                    OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound
                )
            }),
            _ => false,
        };
        if missing {
            return SourceError::NotFound(format!(
                "{address}:{}: not found",
                self.reference.tag().unwrap_or_default()
            ));
        }
        SourceError::Transport {
            url: format!("oci://{}", self.reference.whole()),
            reason: error.to_string(),
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

/// Registries on this machine speak plain HTTP unless TLS settings are given (as Docker and containerd treat them).
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}

fn client(plain: bool, credential: Option<&Credential>) -> Result<Client, SourceError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ClientConfig {
        protocol: if plain {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        },
        user_agent: concat!("kluctl/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    if let Some(credential) = credential {
        config.accept_invalid_certificates = credential.insecure_skip_tls_verify;
        if let Some(ca) = &credential.ca {
            config.extra_root_certificates = vec![Certificate {
                encoding: CertificateEncoding::Pem,
                data: ca.clone(),
            }];
        }
    }
    Client::try_from(config).map_err(|error| SourceError::Address {
        address: credential.map(|c| c.host.clone()).unwrap_or_default(),
        reason: error.to_string(),
    })
}

fn auth(credential: Option<&Credential>, registry: &str) -> RegistryAuth {
    if let Some(credential) = credential {
        if let Some(token) = &credential.token {
            return RegistryAuth::Bearer(token.clone());
        }
        if let (Some(username), Some(password)) = (&credential.username, &credential.password) {
            return RegistryAuth::Basic(username.clone(), password.clone());
        }
    }
    match docker_credential::get_credential(registry) {
        Ok(docker_credential::DockerCredential::UsernamePassword(username, password)) => {
            RegistryAuth::Basic(username, password)
        }
        Ok(docker_credential::DockerCredential::IdentityToken(token)) => RegistryAuth::Bearer(token),
        Err(_) => RegistryAuth::Anonymous,
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
        docker_credential::DockerCredential::IdentityToken(token) => credential.token = Some(token),
    }
    Some(credential)
}
