//! Groups, versions and resources, as an API server's discovery tells them.

use serde::{Deserialize, Serialize};

/// An API group with its versions, the preferred one first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Name; empty for the core group.
    pub name: String,
    /// Versions, the preferred one first.
    pub versions: Vec<GroupVersion>,
}

/// One version of an API group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupVersion {
    /// Version, e.g. `v1beta1`.
    pub version: String,
    /// What the version serves, sorted by plural name.
    pub resources: Vec<Resource>,
}

impl GroupVersion {
    /// Tells whether an API server serves this version without being told to.
    ///
    /// Since Kubernetes 1.24 new alpha and beta versions are off unless switched on.
    pub fn is_served_by_default(&self) -> bool {
        !self.version.contains("alpha") && !self.version.contains("beta")
    }
}

/// A resource: the name under which objects of a kind are read and written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Plural name, as in paths.
    pub plural: String,
    /// Singular name.
    pub singular: String,
    /// Kind.
    pub kind: String,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Short names, e.g. `deploy`.
    pub short_names: Vec<String>,
    /// Categories, e.g. `all`.
    pub categories: Vec<String>,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
    /// The hash an API server shows so that clients notice a change of the stored version.
    pub storage_version_hash: String,
    /// Subresources, sorted by name.
    pub subresources: Vec<Subresource>,
}

impl Resource {
    /// Finds a subresource by its name, e.g. `status`.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| subresource.name == name)
    }

    /// Tells whether the resource answers a verb.
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

/// A part of a resource with a path of its own, e.g. `status` or `scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subresource {
    /// Name, as in paths.
    pub name: String,
    /// Group of the kind it answers with; empty means that of the resource.
    pub group: String,
    /// Version of the kind it answers with; empty means that of the resource.
    pub version: String,
    /// Kind it answers with.
    pub kind: String,
    /// Verbs, sorted.
    pub verbs: Vec<String>,
}
