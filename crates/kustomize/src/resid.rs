//! Names of objects as kustomize compares them: group, version, kind, name and namespace.
//!
//! Source: kustomize `kyaml/resid/gvk.go`, `kyaml/resid/resid.go`.

use std::fmt;

/// Group, version and kind. An empty part of a selector matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    pub(crate) fn is_selected_by(&self, selector: &Gvk) -> bool {
        let part = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        part(&selector.group, &self.group)
            && part(&selector.version, &self.version)
            && part(&selector.kind, &self.kind)
    }

    /// The text by which kinds that no list of kinds names are ordered.
    pub(crate) fn sort_text(&self) -> String {
        let or = |part: &str, none: &str| {
            if part.is_empty() {
                none.to_owned()
            } else {
                part.to_owned()
            }
        };
        format!(
            "{}_{}_{}",
            or(&self.group, "~G"),
            or(&self.version, "~V"),
            or(&self.kind, "~K")
        )
    }
}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &'_ str, none: &'static str| {
            if part.is_empty() {
                none.to_owned()
            } else {
                part.to_owned()
            }
        };
        write!(
            f,
            "{}.{}.{}",
            part(&self.kind, "[noKind]"),
            part(&self.version, "[noVer]"),
            part(&self.group, "[noGrp]")
        )
    }
}

/// Splits `group/version`; the core group is empty.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// The namespace of kinds that have none.
pub(crate) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";

/// What identifies an object at one point of the build.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct ResId {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Whether the kind is known to be cluster-scoped.
    pub(crate) cluster_scoped: bool,
}

impl ResId {
    /// The namespace for comparisons, never empty.
    pub(crate) fn effective_namespace(&self) -> &str {
        if self.cluster_scoped {
            NOT_A_NAMESPACE
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    pub(crate) fn same_namespace(&self, other: &ResId) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Whether both name the same object: the namespace left out is `default`.
    pub(crate) fn same_object(&self, other: &ResId) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.same_namespace(other)
    }

    /// What two ids that name the same object have in common, for hashing.
    pub(crate) fn key(&self) -> IdKey {
        let Gvk { group, version, kind } = &self.gvk;
        let parts = [group, version, kind, &self.name, self.effective_namespace()];
        IdKey(parts.join("\0").into_boxed_str())
    }

    pub(crate) fn is_selected_by(&self, selector: &ResId) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.same_namespace(self))
            && self.gvk.is_selected_by(&selector.gvk)
    }
}

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() {
            "[noName]"
        } else {
            &self.name
        };
        let namespace = if self.namespace.is_empty() {
            "[noNs]"
        } else {
            &self.namespace
        };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}

/// The hashable form of a [`ResId`], small since every object has several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IdKey(Box<str>);
