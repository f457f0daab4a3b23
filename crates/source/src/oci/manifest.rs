//! Manifests of artifacts.
//!
//! Source: OCI image specification 1.1, `manifest.md` and `image-index.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Media types that are asked for: manifests and indexes, of OCI and of Docker.
pub(super) const KINDS: [&str; 4] = [
    MANIFEST,
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Where something is, and what.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    /// Media type.
    #[serde(default)]
    pub media_type: String,
    /// `sha256:…` or `sha512:…`.
    pub digest: String,
    /// Bytes.
    pub size: i64,
    /// For what it is meant, in an index.
    #[serde(default, skip_serializing)]
    platform: Option<Platform>,
}

impl Descriptor {
    pub(super) fn new(kind: &str, digest: String, size: usize) -> Self {
        Self {
            media_type: kind.to_owned(),
            digest,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            platform: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

/// The manifest of an artifact, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub schema_version: u8,
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    pub annotations: BTreeMap<String, String>,
}

/// What a registry may answer.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

/// What a document leads to.
pub(super) enum Chosen {
    /// It is a manifest.
    Manifest(Manifest),
    /// It is an index; the manifest has this digest.
    Behind(String),
    /// It is an index without an entry that is meant.
    Nothing,
}

impl Document {
    /// Takes it as a manifest, or the entry of the index that is meant.
    pub(super) fn choose(self) -> Chosen {
        if let Some(config) = self.config {
            return Chosen::Manifest(Manifest {
                schema_version: 2,
                media_type: MANIFEST.to_owned(),
                config,
                layers: self.layers,
                annotations: self.annotations.unwrap_or_default(),
            });
        }
        let is_default = |entry: &&Descriptor| {
            let platform = entry.platform.as_ref();
            platform.is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64")
        };
        let only = self.manifests.first().filter(|_| self.manifests.len() == 1);
        match self.manifests.iter().find(is_default).or(only) {
            Some(entry) => Chosen::Behind(entry.digest.clone()),
            None => Chosen::Nothing,
        }
    }
}
