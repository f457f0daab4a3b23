//! Trees of other people's repositories, each fetched once per run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{GitRef, OciRef};
use crate::outside::{OutsideError, Sources};
use crate::tree::SourceTree;

/// Remembers trees by where they come from.
#[derive(Debug, Default)]
pub(crate) struct Trees(Mutex<HashMap<String, Known>>);

/// Files, and the repository and commit that they are of.
type Fetched = (Arc<crate::outside::Files>, Option<(String, String)>);

/// A tree, and the repository and commit that it is of.
#[derive(Clone, Debug)]
struct Known {
    tree: Arc<SourceTree>,
    commit: Option<(String, String)>,
}

impl Trees {
    /// A git repository at a ref.
    pub(crate) fn git(
        &self,
        sources: &dyn Sources,
        url: &str,
        reference: Option<&GitRef>,
    ) -> Result<Arc<SourceTree>, OutsideError> {
        let name = match reference {
            Some(reference) => format!("{}@{reference}", short(url)),
            None => short(url),
        };
        self.remembered(format!("/git/{name}"), || {
            let tree = sources.git(url, reference)?;
            Ok((tree.files, Some((url.to_owned(), tree.commit))))
        })
    }

    /// An OCI artifact.
    pub(crate) fn oci(
        &self,
        sources: &dyn Sources,
        url: &str,
        reference: Option<&OciRef>,
    ) -> Result<Arc<SourceTree>, OutsideError> {
        let name = match reference {
            Some(reference) => format!("{}:{reference}", short(url)),
            None => short(url),
        };
        self.remembered(format!("/oci/{name}"), || {
            Ok((sources.oci(url, reference)?, None))
        })
    }

    /// The repository and commit that an absolute path is of, and the path in it; `None` for files on disk.
    pub(crate) fn commit_of(&self, path: &Utf8Path) -> Option<(String, String, Utf8PathBuf)> {
        let trees = self.0.lock().ok()?;
        path.ancestors().find_map(|root| {
            let (url, commit) = trees.get(root.as_str())?.commit.clone()?;
            Some((url, commit, path.strip_prefix(root).ok()?.to_owned()))
        })
    }

    fn remembered(
        &self,
        root: String,
        fetch: impl FnOnce() -> Result<Fetched, OutsideError>,
    ) -> Result<Arc<SourceTree>, OutsideError> {
        let known = self.0.lock().ok().and_then(|trees| trees.get(&root).cloned());
        if let Some(known) = known {
            return Ok(known.tree);
        }
        let (files, commit) = fetch()?;
        let tree = Arc::new(SourceTree::in_memory(Utf8PathBuf::from(&root), files));
        match self.0.lock() {
            // Two threads may have fetched at once; all go on with the first one's.
            Ok(mut trees) => Ok(trees.entry(root).or_insert(Known { tree, commit }).tree.clone()),
            Err(_) => Ok(tree),
        }
    }
}

/// A URL without its scheme and credentials, as a path.
fn short(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.trim_matches('/').replace(':', "/")
}
