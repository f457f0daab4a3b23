//! What is to be deployed: items of rendered objects with their rules.

use kluctl_object::{Object, ObjectRef};

/// One deployment item: objects that are applied in order, and what happens around them.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// What progress lines are prefixed with; `None` for items that show nothing.
    pub name: Option<String>,
    /// The rendered objects in build order.
    pub objects: Vec<Object>,
    /// Objects to delete before anything else of the item.
    pub delete: Vec<Selector>,
    /// Objects to wait for that need not belong to the item.
    pub wait: Vec<Selector>,
    /// Whether to wait for every object of the item.
    pub wait_readiness: bool,
    /// Whether everything started so far, the item itself included, must end before the next one starts.
    pub barrier: Option<Barrier>,
    /// What the diff leaves out.
    pub ignore_for_diff: Vec<IgnoreRule>,
    /// What happens to fields that others own, later entries before earlier ones.
    pub conflicts: Vec<ConflictRule>,
}

/// A stop until all items before it have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barrier {
    /// What is shown while waiting.
    pub message: Option<String>,
}

/// Names objects by parts of their reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// API group; `None` matches any.
    pub group: Option<String>,
    /// Kind; `None` matches any.
    pub kind: Option<String>,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: Option<String>,
}

/// Which objects a rule is for; `None` matches any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// API group.
    pub group: Option<String>,
    /// Kind.
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
}

impl Match {
    /// Tells whether an object is meant. An empty filter matches any object, as upstream's does.
    pub fn matches(&self, object: &ObjectRef) -> bool {
        let same = |filter: &Option<String>, value: &str| {
            filter.as_deref().is_none_or(|f| f.is_empty() || f == value)
        };
        same(&self.group, &object.group)
            && same(&self.kind, &object.kind)
            && same(&self.name, &object.name)
            && same(&self.namespace, object.namespace.as_deref().unwrap_or_default())
    }
}

/// Fields that the diff leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreRule {
    /// Which objects.
    pub object: Match,
    /// Fields by JSON path.
    pub field_paths: Vec<String>,
    /// Fields by a regular expression over their JSON path.
    pub field_path_regexes: Vec<String>,
}

/// What happens to fields that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRule {
    /// Which objects.
    pub object: Match,
    /// Fields by JSON path.
    pub field_paths: Vec<String>,
    /// Fields by a regular expression over their JSON path.
    pub field_path_regexes: Vec<String>,
    /// Fields by a regular expression over their manager's name.
    pub managers: Vec<String>,
    /// What to do.
    pub action: ConflictAction,
}

/// What to do with a field that another manager owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictAction {
    /// Leave it to the other manager without a word.
    Ignore,
    /// Take it over.
    ForceApply,
}

#[cfg(test)]
mod tests {
    use super::*;
    use kluctl_object::Gvk;

    #[test]
    fn empty_filters_match_any_object_and_set_ones_only_theirs() {
        let service = ObjectRef::new(&Gvk::new("", "v1", "Service"), Some("a"), "x");
        let role = ObjectRef::new(
            &Gvk::new("rbac.authorization.k8s.io", "v1", "ClusterRole"),
            None,
            "x",
        );
        let group = |group: &str| Match {
            group: Some(group.to_owned()),
            ..Match::default()
        };
        let namespace = Match {
            namespace: Some("a".to_owned()),
            ..Match::default()
        };
        assert!(group("").matches(&service) && group("").matches(&role));
        assert!(!group("apps").matches(&service));
        assert!(namespace.matches(&service) && !namespace.matches(&role));
    }
}
