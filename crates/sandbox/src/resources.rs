//! What can be addressed: built-in resources from the schema table and custom ones from their definitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use kluctl_object::Gvk;
use kluctl_schema::{Subresource, TypeRef, introduced, kubernetes};

use crate::custom::Custom;
use crate::status::qualified;

/// A resource in one of its versions.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) subresources: Vec<Subresource>,
    pub(crate) storage_version_hash: String,
    /// Under which its objects are stored, whatever the version: `deployments.apps`.
    pub(crate) storage: Arc<str>,
    pub(crate) ty: TypeRef,
    /// What only custom resources have.
    pub(crate) custom: Option<Arc<Custom>>,
}

impl Resource {
    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(&self.group, &self.version, &self.kind)
    }

    pub(crate) fn api_version(&self) -> String {
        self.gvk().api_version()
    }

    pub(crate) fn has_subresource(&self, name: &str) -> bool {
        self.subresources
            .iter()
            .any(|subresource| subresource.name == name)
    }

    pub(crate) fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// Is it this built-in resource?
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    /// Whether `spec` and `status` are written by different requests.
    pub(crate) fn has_status(&self) -> bool {
        self.has_subresource("status")
    }
}

/// The resources of one sandbox.
pub(crate) struct Resources {
    /// Of the Kubernetes version it says it has.
    minor: u32,
    custom: RwLock<BTreeMap<String, Vec<Arc<Resource>>>>,
}

type Table = HashMap<(String, String, String), Arc<Resource>>;

/// Events are one resource under two groups, as in the API server's storage.
fn storage_of(group: &str, plural: &str) -> Arc<str> {
    match (group, plural) {
        ("events.k8s.io", "events") => "events".into(),
        _ => qualified(plural, group).into(),
    }
}

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for group in kubernetes().groups() {
        for version in group
            .versions
            .iter()
            .filter(|version| version.is_served_by_default())
        {
            for resource in &version.resources {
                let gvk = Gvk::new(&group.name, &version.version, &resource.kind);
                let Some(ty) = kubernetes().type_of(&gvk) else {
                    continue;
                };
                let entry = Resource {
                    group: group.name.clone(),
                    version: version.version.clone(),
                    plural: resource.plural.clone(),
                    singular: resource.singular.clone(),
                    kind: resource.kind.clone(),
                    list_kind: format!("{}List", resource.kind),
                    namespaced: resource.namespaced,
                    short_names: resource.short_names.clone(),
                    categories: resource.categories.clone(),
                    verbs: resource.verbs.clone(),
                    subresources: resource.subresources.clone(),
                    storage_version_hash: resource.storage_version_hash.clone(),
                    storage: storage_of(&group.name, &resource.plural),
                    ty,
                    custom: None,
                };
                let path = (
                    group.name.clone(),
                    version.version.clone(),
                    resource.plural.clone(),
                );
                table.insert(path, Arc::new(entry));
            }
        }
    }
    table
});

/// Finds a built-in resource.
pub(crate) fn built_in(group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
    BUILT_IN
        .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
        .cloned()
}

/// All built-in resources, in order of group, version and name.
fn all_built_in() -> Vec<Arc<Resource>> {
    let sorted: BTreeMap<_, _> = BUILT_IN.iter().collect();
    sorted.into_values().cloned().collect()
}

impl Resources {
    /// The resources of Kubernetes 1.`minor`.
    pub(crate) fn of_minor(minor: u32) -> Self {
        Self {
            minor,
            custom: RwLock::default(),
        }
    }

    fn has(&self, resource: &Resource) -> bool {
        introduced(&resource.group, &resource.version, &resource.plural) <= self.minor
    }

    /// All built-in resources of the version, in order of group, version and name.
    pub(crate) fn built_in(&self) -> Vec<Arc<Resource>> {
        let mut list = all_built_in();
        list.retain(|resource| self.has(resource));
        list
    }

    /// Puts the served versions of one definition in place of what it had before.
    pub(crate) fn set_custom(&self, definition: &str, versions: Vec<Arc<Resource>>) {
        let mut custom = self.custom.write().unwrap_or_else(PoisonError::into_inner);
        if versions.is_empty() {
            custom.remove(definition);
        } else {
            custom.insert(definition.to_owned(), versions);
        }
    }

    /// All custom resources, sorted by definition.
    pub(crate) fn custom(&self) -> Vec<Arc<Resource>> {
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        custom.values().flatten().cloned().collect()
    }

    /// Finds a resource by what stands in a path.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        if let Some(found) = built_in(group, version, plural) {
            return self.has(&found).then_some(found);
        }
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        custom
            .get(&format!("{plural}.{group}"))?
            .iter()
            .find(|resource| resource.version == version)
            .cloned()
    }

    /// Finds the resource of a kind, in the given version.
    pub(crate) fn of_kind(&self, gvk: &Gvk) -> Option<Arc<Resource>> {
        if let Some(resource) = kubernetes().resource_of(gvk) {
            return built_in(&gvk.group, &gvk.version, &resource.plural);
        }
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        custom
            .values()
            .flatten()
            .find(|resource| resource.gvk() == *gvk)
            .cloned()
    }

    /// Finds a resource that reads what is stored under a name, in whichever version comes first.
    pub(crate) fn of_storage(&self, storage: &str) -> Option<Arc<Resource>> {
        static INDEX: LazyLock<HashMap<Arc<str>, Arc<Resource>>> = LazyLock::new(|| {
            let mut index = HashMap::new();
            for resource in all_built_in() {
                index.insert(resource.storage.clone(), resource);
            }
            for (group, version, plural) in [
                ("", "v1", "events"),
                ("autoscaling", "v2", "horizontalpodautoscalers"),
            ] {
                if let Some(resource) = built_in(group, version, plural) {
                    index.insert(resource.storage.clone(), resource);
                }
            }
            index
        });
        if let Some(found) = INDEX.get(storage) {
            return Some(found.clone());
        }
        let custom = self.custom.read().unwrap_or_else(PoisonError::into_inner);
        custom.get(storage)?.first().cloned()
    }

    /// Whether anything is served in a group version.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        let fits = |resource: &Arc<Resource>| resource.group == group && resource.version == version;
        BUILT_IN
            .values()
            .any(|resource| fits(resource) && self.has(resource))
            || self.custom().iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_resources_are_found_by_path_and_kind() {
        let resources = Resources::of_minor(37);
        let deployments = resources.find("apps", "v1", "deployments").unwrap();
        assert_eq!(deployments.kind, "Deployment");
        assert!(deployments.has_status());
        assert_eq!(
            resources.of_kind(&Gvk::new("", "v1", "Pod")).unwrap().plural,
            "pods"
        );
        assert!(resources.find("apps", "v1", "nothing").is_none());
        let older = Resources::of_minor(30);
        assert!(older.find("apps", "v1", "deployments").is_some());
        assert!(older.find("resource.k8s.io", "v1", "deviceclasses").is_none());
        assert!(resources.serves("resource.k8s.io", "v1") && !older.serves("resource.k8s.io", "v1"));
        assert!(
            resources
                .find("resource.k8s.io", "v1beta1", "deviceclasses")
                .is_none()
        );
    }
}
