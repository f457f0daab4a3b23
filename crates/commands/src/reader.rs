//! Lets the synchronous project read the cluster.

use std::collections::BTreeMap;

use kluctl_cluster::{ApiError, ApiResource, Cluster, Scope};
use kluctl_object::{GroupKind, Object, ObjectRef};
use kluctl_project::outside::{ClusterReader, KindQuery, OutsideError};
use tokio::runtime::Handle;

/// Reads a cluster by blocking on a runtime. Must not be called from that runtime's own threads.
#[derive(Clone, Debug)]
pub struct Reader {
    cluster: Cluster,
    runtime: Handle,
}

impl Reader {
    /// Reads this cluster on that runtime.
    pub fn new(cluster: &Cluster, runtime: &Handle) -> Self {
        Self {
            cluster: cluster.clone(),
            runtime: runtime.clone(),
        }
    }

    fn resource(&self, query: &KindQuery) -> Result<ApiResource, OutsideError> {
        let discovery = self
            .runtime
            .block_on(self.cluster.discovery())
            .map_err(|error| outside(&error))?;
        let matches = |resource: &&ApiResource| {
            resource.kind == query.kind
                && query.group.as_deref().is_none_or(|group| group == resource.group)
                && query
                    .version
                    .as_deref()
                    .is_none_or(|version| version == resource.version)
        };
        let found: Vec<&ApiResource> = discovery.all().iter().filter(matches).collect();
        let Some(first) = found.first() else {
            return Err(OutsideError::new(format!("no matches for kind \"{query}\"")));
        };
        if found.iter().any(|other| other.group != first.group) {
            return Err(OutsideError {
                hint: Some("specify `apiVersion`, too".to_owned()),
                ..OutsideError::new(format!(
                    "more than one matching resource found for kind {query}: it is in several API groups"
                ))
            });
        }
        Ok((*first).clone())
    }
}

fn outside(error: &ApiError) -> OutsideError {
    OutsideError {
        missing: error.is_not_found(),
        ..OutsideError::new(error.to_string())
    }
}

impl ClusterReader for Reader {
    fn get(
        &self,
        kind: &KindQuery,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, OutsideError> {
        let resource = self.resource(kind)?;
        let namespace = match resource.scope {
            Scope::Namespaced => Some(namespace.unwrap_or("default")),
            Scope::Cluster => None,
        };
        let reference = ObjectRef::new(&resource.gvk(), namespace, name);
        let answer = self.runtime.block_on(self.cluster.get(&reference));
        answer.map(|answer| answer.value).map_err(|error| outside(&error))
    }

    fn list(
        &self,
        kind: &KindQuery,
        namespace: Option<&str>,
        labels: &BTreeMap<String, String>,
    ) -> Result<Vec<Object>, OutsideError> {
        let resource = self.resource(kind)?;
        let selector: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let answer = self
            .runtime
            .block_on(self.cluster.list(&resource, namespace, &selector.join(",")));
        answer.map(|answer| answer.value).map_err(|error| outside(&error))
    }

    fn kube_version(&self) -> Result<String, OutsideError> {
        let version = self
            .runtime
            .block_on(self.cluster.version())
            .map_err(|error| outside(&error))?;
        let text = version["gitVersion"].as_str();
        text.map(str::to_owned)
            .ok_or_else(|| OutsideError::new("the server tells no version"))
    }

    fn api_versions(&self) -> Result<Vec<String>, OutsideError> {
        let discovery = self
            .runtime
            .block_on(self.cluster.discovery())
            .map_err(|error| outside(&error))?;
        let mut versions = std::collections::BTreeSet::new();
        for resource in discovery.all() {
            let version = resource.gvk().api_version();
            versions.insert(format!("{version}/{}", resource.kind));
            versions.insert(version);
        }
        Ok(versions.into_iter().collect())
    }

    fn namespaced(&self, kind: &GroupKind) -> Option<bool> {
        let discovery = self.runtime.block_on(self.cluster.discovery()).ok()?;
        discovery
            .scope(&kind.group, &kind.kind)
            .map(|scope| scope == Scope::Namespaced)
    }
}
