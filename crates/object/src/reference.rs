//! Names of single objects.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupKind, Gvk};

/// Names one object in a cluster, together with the version it was read or written in.
///
/// Two references mean the same object when [`ObjectRef::identity`] is equal: the version is a way to
/// read an object, not a part of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// API version; may be empty where only the kind is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; `None` for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl ObjectRef {
    /// Names an object of a kind.
    pub fn new(gvk: &Gvk, namespace: Option<&str>, name: &str) -> Self {
        Self {
            group: gvk.group.clone(),
            version: gvk.version.clone(),
            kind: gvk.kind.clone(),
            name: name.to_owned(),
            namespace: namespace.filter(|n| !n.is_empty()).map(str::to_owned),
        }
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }

    /// Group and kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }

    /// The reference without its version, for comparing.
    pub fn identity(&self) -> Self {
        Self {
            version: String::new(),
            ..self.clone()
        }
    }
}

impl fmt::Display for ObjectRef {
    /// `ns/Kind/name`, or `Kind/name` without a namespace: Kluctl's way to print references.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        if self.name.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.kind, self.name)
        }
    }
}
