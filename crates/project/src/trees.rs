//! Trees of other people's repositories, each fetched once per run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;

use crate::config::{GitRef, OciRef};
use crate::outside::{OutsideError, Sources};
use crate::tree::SourceTree;

/// Remembers trees by where they come from.
#[derive(Debug, Default)]
pub(crate) struct Trees(Mutex<HashMap<String, Arc<SourceTree>>>);

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
        self.remembered(format!("/git/{name}"), || Ok(sources.git(url, reference)?.files))
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
        self.remembered(format!("/oci/{name}"), || sources.oci(url, reference))
    }

    fn remembered(
        &self,
        root: String,
        fetch: impl FnOnce() -> Result<Arc<crate::outside::Files>, OutsideError>,
    ) -> Result<Arc<SourceTree>, OutsideError> {
        let known = self.0.lock().ok().and_then(|trees| trees.get(&root).cloned());
        if let Some(tree) = known {
            return Ok(tree);
        }
        let tree = Arc::new(SourceTree::in_memory(Utf8PathBuf::from(&root), fetch()?));
        match self.0.lock() {
            // Two threads may have fetched at once; all go on with the first one's.
            Ok(mut trees) => Ok(trees.entry(root).or_insert(tree).clone()),
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
