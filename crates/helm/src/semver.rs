//! Versions and constraints as Masterminds' semver reads them.

use kluctl_gotemplate::semver::{Constraints, Version};

/// Whether a text is a version; parts may be missing, a `v` may come first.
pub(crate) fn is_version(version: &str) -> bool {
    Version::parse(version).is_ok()
}

/// The highest of several versions that meets a constraint, by its index; an exact match counts before all others.
///
/// Source: helm `pkg/repo/v1/index.go`, `IndexFile.Get`.
pub fn pick_version(versions: &[&str], constraint: &str) -> Option<usize> {
    let wanted = if constraint.is_empty() { "*" } else { constraint };
    if let Some(exact) = versions.iter().position(|version| *version == wanted) {
        return Some(exact);
    }
    let constraints = Constraints::parse(wanted).ok()?;
    let mut best: Option<(usize, Version)> = None;
    for (i, version) in versions.iter().enumerate() {
        let Ok(version) = Version::parse(version) else {
            continue;
        };
        let higher = best.as_ref().is_none_or(|(_, known)| version > *known);
        if higher && constraints.check(&version) {
            best = Some((i, version));
        }
    }
    best.map(|(i, _)| i)
}

/// Whether a version meets a constraint; if either cannot be read, it does not.
pub(crate) fn is_compatible(constraint: &str, version: &str) -> bool {
    match (Constraints::parse(constraint), Version::parse(version)) {
        (Ok(constraints), Ok(version)) => constraints.check(&version),
        _ => false,
    }
}
