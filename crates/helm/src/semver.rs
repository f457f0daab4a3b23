//! Versions and constraints as Masterminds' semver reads them.

use kluctl_gotemplate::semver::{Constraints, Version};

/// Whether a text is a version; parts may be missing, a `v` may come first.
pub(crate) fn is_version(version: &str) -> bool {
    Version::parse(version).is_ok()
}

/// Whether a version meets a constraint; if either cannot be read, it does not.
pub(crate) fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Constraints::parse(constraint), Version::parse(version)) {
        (Ok(constraints), Ok(version)) => constraints.check(&version),
        _ => false,
    }
}
