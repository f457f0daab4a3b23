//! The sandbox itself: what it holds and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::allocate::Allocations;
use crate::controllers::Controllers;
use crate::custom;
use crate::disk::{Disk, DiskError};
use crate::request::{Validation, WriteOptions};
use crate::resources::Resources;
use crate::service::SandboxService;
use crate::status::ApiError;
use crate::store::{Key, Store};

/// How a sandbox is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where its objects are kept; in memory only when there is none.
    pub directory: Option<PathBuf>,
    /// The version it says it has, e.g. `1.33.0`; that of its schemas when there is none.
    pub kubernetes_version: Option<String>,
    /// Whether its controllers run, so that workloads become ready and deletions cascade.
    pub controllers: bool,
}

/// An API server in the process.
pub struct Sandbox {
    pub(crate) store: Store,
    pub(crate) resources: Resources,
    pub(crate) allocations: Allocations,
    pub(crate) version: String,
    pub(crate) controllers: bool,
    pub(crate) life: Controllers,
}

/// Why a sandbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The version is none.
    #[error("`{0}` is not a Kubernetes version; expected one like `1.37.2`")]
    Version(String),
    /// What every sandbox starts with cannot be made.
    #[error("failed to prepare the sandbox: {0}")]
    Prepare(String),
}

/// Namespaces that are there from the start.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

impl Sandbox {
    /// Opens a sandbox, with what its folder holds.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let Options {
            directory,
            kubernetes_version,
            controllers,
        } = options;
        let version = match kubernetes_version {
            Some(version) => normal_version(&version).ok_or(OpenError::Version(version))?,
            None => kluctl_schema::kubernetes().version().to_owned(),
        };
        let disk = directory.as_deref().map(Disk::open).transpose()?;
        let store = Store::open(disk).map_err(DiskError::from)?;
        let sandbox = Arc::new(Self {
            store,
            resources: Resources::of_minor(minor(&version)),
            allocations: Allocations::default(),
            version,
            controllers,
            life: Controllers::default(),
        });
        sandbox.load_definitions();
        sandbox.load_allocations();
        sandbox
            .prepare()
            .map_err(|error| OpenError::Prepare(error.message().to_owned()))?;
        Ok(sandbox)
    }

    /// A service that answers API requests in the process; clones share the sandbox.
    pub fn service(self: &Arc<Self>) -> SandboxService {
        SandboxService::new(self.clone())
    }

    /// Forces everything written so far to disk, where the sandbox has a folder.
    pub fn flush(&self) -> Result<(), DiskError> {
        Ok(self.store.flush()?)
    }

    /// Empties a sandbox's folder, unless it is in use.
    pub fn erase(folder: &std::path::Path) -> Result<(), DiskError> {
        Disk::erase(folder)
    }

    /// The Kubernetes version it says it has, e.g. `1.37.2`.
    pub fn kubernetes_version(&self) -> &str {
        &self.version
    }

    fn load_definitions(&self) {
        let definitions = self
            .store
            .list("customresourcedefinitions.apiextensions.k8s.io", None);
        for (key, stored) in definitions.items {
            let definition = stored.parse();
            if custom::is_established(&definition) {
                self.resources
                    .set_custom(&key.name, custom::versions(&definition));
            }
        }
    }

    /// Options of writes that the sandbox makes itself.
    pub(crate) fn own_options(manager: &str) -> WriteOptions {
        WriteOptions {
            dry_run: false,
            manager: manager.to_owned(),
            validation: Validation::Ignore,
            force: false,
        }
    }

    /// Makes what every API server has from the start.
    fn prepare(&self) -> Result<(), ApiError> {
        for name in NAMESPACES {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            self.ensure("", "v1", "namespaces", "", name, namespace)?;
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        });
        self.ensure("", "v1", "services", "default", "kubernetes", service)?;
        for (name, value) in [
            ("system-cluster-critical", 2_000_000_000),
            ("system-node-critical", 2_000_001_000),
        ] {
            let class = json!({
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
                "value": value,
                "description": if value == 2_000_001_000 {
                    "Used for system critical pods that must not be moved from their current node."
                } else {
                    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
                },
            });
            self.ensure("scheduling.k8s.io", "v1", "priorityclasses", "", name, class)?;
        }
        self.start_controllers()
    }

    /// Creates an object unless it is there.
    pub(crate) fn ensure(
        &self,
        group: &str,
        version: &str,
        plural: &str,
        namespace: &str,
        name: &str,
        object: Value,
    ) -> Result<(), ApiError> {
        let resource = self
            .resources
            .find(group, version, plural)
            .ok_or_else(ApiError::unknown_path)?;
        let key = Key {
            resource: resource.storage.clone(),
            namespace: namespace.into(),
            name: name.into(),
        };
        if self.store.get(&key).is_some() {
            return Ok(());
        }
        match self.create_own(&resource, namespace, object, "kube-apiserver") {
            Err(error) if error.reason() == "AlreadyExists" => Ok(()),
            done => done.map(drop),
        }
    }
}

/// The second number of a version.
fn minor(version: &str) -> u32 {
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    minor.unwrap_or(u32::MAX)
}

/// `v1.33` and `1.33.0` as `1.33.0`.
fn normal_version(text: &str) -> Option<String> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let mut parts = plain.splitn(3, '.');
    let major: u32 = parts.next()?.parse().ok()?;
    let minor: u32 = parts.next()?.parse().ok()?;
    let patch = parts.next().unwrap_or("0");
    patch
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| format!("{major}.{minor}.{patch}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_completed() {
        assert_eq!(normal_version("v1.33").as_deref(), Some("1.33.0"));
        assert_eq!(normal_version("1.33.4-eks-1").as_deref(), Some("1.33.4-eks-1"));
        assert_eq!(normal_version("new"), None);
    }

    #[test]
    fn a_new_sandbox_has_namespaces() {
        let start = std::time::Instant::now();
        let sandbox = Sandbox::open(Options::default()).unwrap();
        assert_eq!(sandbox.store.list("namespaces", None).items.len(), 4);
        println!("opened in {:?}", start.elapsed());
    }

    #[test]
    fn a_folder_keeps_objects_and_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let options = || Options {
            directory: Some(folder.path().to_owned()),
            ..Options::default()
        };
        let sandbox = Sandbox::open(options()).unwrap();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "labels": {"a": "b"}}});
        sandbox
            .ensure("", "v1", "configmaps", "default", "kept", map)
            .unwrap();
        let version = sandbox.store.version();
        assert!(matches!(
            Sandbox::open(options()),
            Err(OpenError::Disk(DiskError::InUse(_)))
        ));
        drop(sandbox);
        let again = Sandbox::open(options()).unwrap();
        assert_eq!(again.store.version(), version);
        let items = again.store.list("configmaps", Some("default")).items;
        let kept = items.iter().find(|(key, _)| &*key.name == "kept").unwrap();
        assert_eq!(&*kept.1.labels[0].1, "b");
    }
}
