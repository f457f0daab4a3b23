//! Pushes folders as Flux does, so that Flux and Kluctl can pull them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::client::Failure;
use super::manifest::{Descriptor, MANIFEST, Manifest};
use super::{Registry, split};
use crate::SourceError;

/// Media types of an artifact's configuration and layer.
///
/// Source: flux `pkg/oci/constants.go`.
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
const CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

/// What is pushed.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// A gzipped tar archive, as [`crate::work_folder::pack`] makes it.
    pub archive: Bytes,
    /// Digest of the tar archive inside, `sha256:…`.
    pub content_digest: String,
    /// Time of the push, RFC 3339.
    pub created: String,
    /// Annotations of the manifest; the creation time is added.
    pub annotations: BTreeMap<String, String>,
}

/// What was pushed, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// `host/path`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The manifest's digest, `sha256:…`.
    pub digest: String,
}

impl Registry {
    /// Pushes an artifact to `oci://host/path[:tag]`; the tag is `latest` where none is given.
    ///
    /// Source: flux `pkg/oci/push.go`, `Push`.
    pub async fn push(&self, address: &str, artifact: &Artifact) -> Result<Pushed, SourceError> {
        let (bare, tag) = without_tag(address);
        let asked = self.repository(bare, tag)?.for_push();
        let failed = |failure: Failure| asked.error(bare, failure);
        let client = &asked.client;
        let config = json!({
            "architecture": "",
            "created": artifact.created,
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [artifact.content_digest]},
            "config": {},
        });
        let config = Bytes::from(config.to_string());
        let mut annotations = artifact.annotations.clone();
        annotations
            .entry("org.opencontainers.image.created".to_owned())
            .or_insert_with(|| artifact.created.clone());
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: descriptor(CONFIG, &config),
            layers: vec![descriptor(CONTENT, &artifact.archive)],
            annotations,
        };
        for (blob, at) in [
            (&artifact.archive, &manifest.layers[0]),
            (&config, &manifest.config),
        ] {
            client.push_blob(blob, &at.digest).await.map_err(failed)?;
        }
        let body = serde_json::to_vec(&manifest).map_err(|error| SourceError::Content {
            what: format!("the manifest of {address}"),
            reason: error.to_string(),
        })?;
        let digest = digest(&body);
        let pushed = client.push_manifest(tag, MANIFEST, body).await;
        pushed.map_err(failed)?;
        Ok(Pushed {
            repository: bare.trim_start_matches("oci://").trim_end_matches('/').to_owned(),
            tag: tag.to_owned(),
            digest,
        })
    }
}

fn digest(data: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(data)))
}

fn descriptor(kind: &str, data: &[u8]) -> Descriptor {
    Descriptor::new(kind, digest(data), data.len())
}

/// The address without its tag, and the tag.
fn without_tag(address: &str) -> (&str, &str) {
    let tag = split(address).and_then(|(_, path)| path.rsplit_once(':'));
    match tag {
        Some((_, tag)) if !tag.contains('/') => (&address[..address.len() - tag.len() - 1], tag),
        _ => (address, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_tag_off() {
        for (address, want) in [
            ("oci://a.io/b", ("oci://a.io/b", "latest")),
            ("oci://a.io/b:v1", ("oci://a.io/b", "v1")),
            ("oci://a.io:5000/b", ("oci://a.io:5000/b", "latest")),
            ("oci://a.io:5000/b/c:v1", ("oci://a.io:5000/b/c", "v1")),
        ] {
            assert_eq!(without_tag(address), want);
        }
    }
}
