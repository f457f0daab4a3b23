//! Tells whether an object has reached its desired state. One file per group of kinds.
//!
//! Source: kluctl `pkg/validation/validation.go`, `ValidateObject`; where it is wrong (Pods, `OnDelete` StatefulSets,
//! `maxUnavailable` of DaemonSets, conditions of custom resources) we follow kstatus.

mod core_kinds;
mod custom;
mod status;
mod workloads;

use jiff::Timestamp;
use kluctl_cluster::Discovery;
use kluctl_object::Object;

use crate::annotations::{flag, is_set};
use status::Status;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the object is ready.
    pub ready: bool,
    /// What failed for good.
    pub errors: Vec<String>,
    /// What deserves attention.
    pub warnings: Vec<String>,
    /// Why it is not ready yet.
    pub pending: Vec<String>,
    /// Texts of `validate-result.kluctl.io/*` annotations with their keys.
    pub results: Vec<(String, String)>,
}

impl Readiness {
    fn fail(&mut self, message: impl Into<String>) {
        self.ready = false;
        self.errors.push(message.into());
    }

    fn wait(&mut self, message: impl Into<String>) {
        self.ready = false;
        self.pending.push(message.into());
    }
}

/// For how long a missing status counts as "not yet": some controllers never write one.
const STATUS_PATIENCE_SECONDS: i64 = 15;

/// Judges an object as it is in the cluster, at a time.
pub fn readiness(object: &Object, discovery: &Discovery, now: Timestamp) -> Readiness {
    let mut found = Readiness {
        ready: true,
        ..Readiness::default()
    };
    if is_set(object, "kluctl.io/validate-ignore") {
        return found;
    }
    let annotations = object.annotations().into_iter();
    found.results = annotations
        .filter(|(key, _)| key.starts_with("validate-result.kluctl.io/"))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    match flag(object, "kluctl.io/is-ready") {
        Some(true) => return found,
        Some(false) => {
            found.wait("kluctl.io/is-ready annotation is set to false");
            return found;
        }
        None => {}
    }
    let Some(status) = Status::of(object) else {
        if expects_status(object, discovery) && !is_older_than_patience(object, now) {
            found.wait("no status available yet");
        }
        return found;
    };
    let observed = status.integer("observedGeneration");
    if observed.is_some()
        && observed
            != object
                .at(&["metadata", "generation"])
                .and_then(serde_json::Value::as_i64)
    {
        found.wait("Waiting for reconciliation");
        return found;
    }
    let gvk = object.gvk();
    match (&*gvk.group, &*gvk.kind) {
        ("", "Pod") => workloads::pod(&status, &mut found),
        ("batch", "Job") => workloads::job(&status, &mut found),
        ("apps", "Deployment") => workloads::deployment(object, &status, &mut found),
        ("apps", "StatefulSet") => workloads::stateful_set(object, &status, &mut found),
        ("apps", "DaemonSet") => workloads::daemon_set(object, &status, &mut found),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => {
            workloads::replica_set(object, &status, &mut found);
        }
        ("", "PersistentVolumeClaim") => core_kinds::volume_claim(&status, &mut found),
        ("", "Service") => core_kinds::service(object, &status, &mut found),
        ("", "Namespace") => core_kinds::namespace(&status, &mut found),
        ("apiregistration.k8s.io", "APIService") => core_kinds::api_service(&status, &mut found),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => core_kinds::definition(&status, &mut found),
        ("cluster.x-k8s.io", "MachineDeployment") => custom::machine_deployment(&status, &mut found),
        (group, _) if !is_built_in(group) => custom::conditions(&status, &mut found),
        _ => {}
    }
    found
}

/// Groups that come with Kubernetes; everything else is a custom resource.
fn is_built_in(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io")
}

/// Whether the kind has a status of its own to wait for.
fn expects_status(object: &Object, discovery: &Discovery) -> bool {
    let resource = discovery.find_ref(&object.reference());
    resource.is_some_and(|resource| resource.subresources.iter().any(|name| name == "status"))
}

fn is_older_than_patience(object: &Object, now: Timestamp) -> bool {
    let created = object
        .str_at(&["metadata", "creationTimestamp"])
        .unwrap_or_default();
    let created: Option<Timestamp> = created.parse().ok();
    created.is_some_and(|created| now.duration_since(created).as_secs() > STATUS_PATIENCE_SECONDS)
}

#[cfg(test)]
mod tests;
