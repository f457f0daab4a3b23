//! The corpus of real inputs beside the checkout.

use std::path::{Path, PathBuf};

/// A file or folder of the shared corpus, e.g. `corpus/charts`; `None`, said on standard error, where it is missing.
///
/// `KLUCTL_SHARED` names its folder; otherwise it is `shared` beside the checkout.
pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("KLUCTL_SHARED").map_or_else(beside, PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!(
        "NOT RUN: {path} of the shared corpus is not beside this checkout (KLUCTL_SHARED names another place)"
    );
    None
}
