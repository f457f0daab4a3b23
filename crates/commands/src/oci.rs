//! `oci push`: a project as an artifact that Flux and Kluctl can pull.

use std::collections::BTreeMap;

use camino::Utf8Path;
use kluctl_source::oci::{Artifact, Pushed};
use kluctl_source::{SourceError, work_folder};

use crate::sources::{RemoteSources, git_info};

/// Pushes a project's folder, which must lie in a Git repository, to `oci://host/path[:tag]`.
///
/// `created` is the time of the push, RFC 3339. Annotations say where the project comes from; those that are given win.
///
/// Source: kluctl `cmd/kluctl/commands/cmd_oci_push.go`.
pub fn push(
    sources: &RemoteSources,
    folder: &Utf8Path,
    address: &str,
    annotations: &BTreeMap<String, String>,
    created: String,
) -> Result<Pushed, SourceError> {
    let content = |what: &str, reason: String| SourceError::Content {
        what: what.to_owned(),
        reason,
    };
    let root = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .ok_or_else(|| SourceError::NotFound(format!("could not detect git repository root of {folder}")))?;
    let sub_dir = folder.strip_prefix(root).unwrap_or(folder).as_str();
    let (_, info) = git_info(root, sub_dir)?;
    let packed = work_folder::pack(folder)?;
    let mut all = BTreeMap::from([
        (
            "org.opencontainers.image.source".to_owned(),
            info.url.clone().unwrap_or_default(),
        ),
        (
            "org.opencontainers.image.revision".to_owned(),
            info.commit.clone(),
        ),
    ]);
    all.extend(annotations.clone());
    let info = serde_json::to_string(&info).map_err(|error| content("git info", error.to_string()))?;
    all.insert("io.kluctl.image.git_info".to_owned(), info);
    sources.push(
        address,
        &Artifact {
            archive: packed.archive,
            content_digest: packed.content_digest,
            created,
            annotations: all,
        },
    )
}
