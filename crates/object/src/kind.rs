//! Names of kinds: with and without their version.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A group and a kind, the part of a type's name that does not change with its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
}

impl fmt::Display for GroupKind {
    /// `Deployment.apps`, or `Service` in the core group (as apimachinery prints it).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.is_empty() {
            Ok(())
        } else {
            write!(f, ".{}", self.group)
        }
    }
}

/// Group, version and kind of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gvk {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, e.g. `v1`.
    pub version: String,
    /// Kind, e.g. `Deployment`.
    pub kind: String,
}

/// An `apiVersion` that has more than one slash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unexpected GroupVersion string: {0}")]
pub struct ApiVersionError(pub String);

impl Gvk {
    /// Builds a GVK from its three parts.
    pub fn new(group: impl Into<String>, version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// Splits an `apiVersion` (`v1`, `apps/v1`) and joins it with a kind.
    pub fn from_api_version(api_version: &str, kind: &str) -> Result<Self, ApiVersionError> {
        match api_version.split_once('/') {
            None => Ok(Self::new("", api_version, kind)),
            Some((group, version)) if !version.contains('/') => Ok(Self::new(group, version, kind)),
            Some(_) => Err(ApiVersionError(api_version.to_owned())),
        }
    }

    /// The `apiVersion` text: `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The same without the version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }
}

impl fmt::Display for Gvk {
    /// `apps/v1, Kind=Deployment`, `/v1, Kind=Service` for the core group (as apimachinery prints it).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}
