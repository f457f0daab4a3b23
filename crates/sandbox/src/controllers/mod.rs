//! The controllers that give a sandbox life: they run after every write, until nothing changes any more.
//!
//! Nothing waits: what takes time elsewhere is done at once, or when the virtual clock gets there. Annotations below `sandbox.kluctl.io/` make things fail or hang.

mod autoscaling;
mod clock;
mod endpoints;
mod garbage;
mod jobs;
mod namespaces;
mod networking;
mod pods;
mod volumes;
mod workloads;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::fields;
use crate::resources::Resource;
use crate::status::ApiError;
use crate::store::{Event, Key, Stored};
use crate::write::{Target, typed};

/// What controllers remember.
#[derive(Default)]
pub(crate) struct Controllers {
    running: AtomicBool,
    seen: AtomicU64,
    owned: Mutex<HashMap<Box<str>, BTreeSet<Key>>>,
    selectors: endpoints::Selectors,
    clock: clock::Clock,
}

/// The node everything runs on.
pub(crate) const NODE: &str = "sandbox";

/// What becomes of a workload, as its annotation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Complete,
    Hang,
    Fail,
}

impl Fate {
    /// Reads an annotation of an object or of its Pod template.
    fn of(object: &Object, annotation: &str) -> Self {
        let template = ["spec", "template", "metadata", "annotations", annotation];
        let text = object.annotation(annotation).or_else(|| object.str_at(&template));
        match text {
            Some("hang") => Self::Hang,
            Some("fail") => Self::Fail,
            _ => Self::Complete,
        }
    }

    /// What becomes of Pods and what makes them.
    pub(crate) fn of_rollout(object: &Object) -> Self {
        Self::of(object, "sandbox.kluctl.io/rollout")
    }

    /// What becomes of Jobs.
    pub(crate) fn of_job(object: &Object) -> Self {
        Self::of(object, "sandbox.kluctl.io/job")
    }
}

/// An object controllers work on.
pub(crate) struct Live {
    pub(crate) key: Key,
    pub(crate) object: Object,
}

impl Live {
    pub(crate) fn uid(&self) -> &str {
        self.object.str_at(&["metadata", "uid"]).unwrap_or_default()
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.object.at(&["metadata", "deletionTimestamp"]).is_some()
    }

    pub(crate) fn number(&self, keys: &[&str]) -> i64 {
        self.object.at(keys).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(crate) fn generation(&self) -> i64 {
        self.number(&["metadata", "generation"])
    }

    /// A reference to it as the owner of another object.
    pub(crate) fn owner_reference(&self, api_version: &str, kind: &str) -> Value {
        json!([{
            "apiVersion": api_version, "kind": kind, "name": self.object.name(), "uid": self.uid(),
            "controller": true, "blockOwnerDeletion": true,
        }])
    }
}

/// The uids of an object's owners.
fn owner_uids(object: &Object) -> Vec<Box<str>> {
    let owners = object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .filter_map(|owner| Some(owner["uid"].as_str()?.into()))
        .collect()
}

fn mentions(stored: &Stored, word: &[u8]) -> bool {
    stored.json.windows(word.len()).any(|window| window == word)
}

impl Sandbox {
    /// Makes what controllers need from the start, and lets them look at everything.
    pub(crate) fn start_controllers(&self) -> Result<(), ApiError> {
        if !self.controllers {
            return Ok(());
        }
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": {
            "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux",
            "node-role.kubernetes.io/control-plane": ""}}});
        self.ensure("", "v1", "nodes", "", NODE, node)?;
        let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "sandbox.kluctl.io/none"});
        self.ensure("storage.k8s.io", "v1", "storageclasses", "", "standard", class)?;
        self.life.seen.store(0, Ordering::Relaxed);
        self.settle();
        Ok(())
    }

    /// Lets controllers react to what has changed, until nothing changes any more.
    pub(crate) fn settle(&self) {
        if !self.controllers {
            return;
        }
        while self.life.seen.load(Ordering::Acquire) < self.store.version() {
            if self.life.running.swap(true, Ordering::AcqRel) {
                // Whoever is at it, perhaps this very thread, will see the change.
                return;
            }
            self.react();
            self.life.running.store(false, Ordering::Release);
        }
    }

    fn react(&self) {
        // A bound, so that controllers that undo each other's work cannot keep a request for ever.
        const ROUNDS: usize = 10_000;
        for _ in 0..ROUNDS {
            let seen = self.life.seen.load(Ordering::Acquire);
            let mut work: BTreeMap<Key, Option<Arc<Event>>> = BTreeMap::new();
            match self.store.all_events(seen) {
                Ok((events, version)) => {
                    self.life.seen.store(version, Ordering::Release);
                    for event in events {
                        work.insert(event.key.clone(), Some(event));
                    }
                }
                Err(_) => {
                    self.life.seen.store(self.store.version(), Ordering::Release);
                    for (key, stored) in self.store.all() {
                        self.note_owners(&key, None, Some(&stored.parse()));
                        work.insert(key, None);
                    }
                }
            }
            if work.is_empty() {
                return;
            }
            for (key, event) in work {
                self.reconcile(&key, event.as_deref());
            }
            self.reconcile_selecting();
        }
    }

    fn owned(&self) -> MutexGuard<'_, HashMap<Box<str>, BTreeSet<Key>>> {
        self.life.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps up with who owns what.
    pub(crate) fn note_owners(&self, key: &Key, before: Option<&Object>, after: Option<&Object>) {
        let uids = |object: Option<&Object>| object.map(owner_uids).unwrap_or_default();
        let (before, after) = (uids(before), uids(after));
        if before.is_empty() && after.is_empty() {
            return;
        }
        let mut owned = self.owned();
        for uid in before {
            if let Some(keys) = owned.get_mut(&uid) {
                keys.remove(key);
                if keys.is_empty() {
                    owned.remove(&uid);
                }
            }
        }
        for uid in after {
            owned.entry(uid).or_default().insert(key.clone());
        }
    }

    /// What an object owns.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<Key> {
        self.owned()
            .get(uid)
            .map(|keys| keys.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// What an object owns of one resource.
    pub(crate) fn owned_of(&self, owner: &Live, storage: &str) -> Vec<Live> {
        self.dependents(owner.uid())
            .into_iter()
            .filter(|key| &*key.resource == storage)
            .filter_map(|key| self.live(&key))
            .collect()
    }

    /// An object as it is now.
    pub(crate) fn live(&self, key: &Key) -> Option<Live> {
        let stored = self.store.get(key)?;
        let mut object = stored.parse();
        typed(&*self.resources.of_storage(&key.resource)?, &mut object);
        Some(Live {
            key: key.clone(),
            object,
        })
    }

    fn reconcile(&self, key: &Key, event: Option<&Event>) {
        self.reconcile_garbage(key, event);
        self.reconcile_owners(event);
        if let Some(event) = event.filter(|event| event.after.is_none()) {
            self.content_gone(&event.key);
            match &*key.resource {
                "services" => self.service_gone(key),
                "pods" => self.forget_time(key),
                _ => {}
            }
        }
        if &*key.resource == "pods" {
            self.pod_changed(key, event);
        }
        let Some(live) = self.live(key) else { return };
        match &*key.resource {
            "namespaces" => self.reconcile_namespace(&live),
            "deployments.apps" => self.reconcile_deployment(&live),
            "replicasets.apps" | "replicationcontrollers" => self.reconcile_replicas(&live),
            "statefulsets.apps" => self.reconcile_stateful(&live),
            "daemonsets.apps" => self.reconcile_daemon(&live),
            "jobs.batch" => self.reconcile_job(&live),
            "pods" => {
                self.reconcile_pod(&live);
                self.reconcile_budgets(&live);
            }
            "persistentvolumeclaims" => self.reconcile_claim(&live),
            "persistentvolumes" | "volumeattributesclasses.storage.k8s.io" if live.is_deleted() => {
                self.release_volume(&live);
            }
            "services" => {
                self.reconcile_service(&live);
                self.select_again(key);
            }
            "ingresses.networking.k8s.io" => self.reconcile_ingress(&live),
            "horizontalpodautoscalers.autoscaling" => self.reconcile_autoscaler(&live),
            "poddisruptionbudgets.policy" => self.reconcile_budget(&live),
            "apiservices.apiregistration.k8s.io" => self.reconcile_api_service(&live),
            "nodes" => self.reconcile_node(&live),
            "customresourcedefinitions.apiextensions.k8s.io" if live.is_deleted() => {
                self.finish_definition(&live.object);
            }
            _ => {}
        }
    }

    /// Those who own what has changed look at it.
    fn reconcile_owners(&self, event: Option<&Event>) {
        let Some(event) = event else { return };
        let stored = event.after.as_ref().or(event.before.as_ref());
        let Some(stored) = stored.filter(|stored| mentions(stored, b"\"ownerReferences\"")) else {
            return;
        };
        let object = stored.parse();
        let owners = object
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_array);
        for owner in owners.into_iter().flatten() {
            let storage = match owner["kind"].as_str().unwrap_or_default() {
                "ReplicaSet" => "replicasets.apps",
                "ReplicationController" => "replicationcontrollers",
                "Deployment" => "deployments.apps",
                "StatefulSet" => "statefulsets.apps",
                "DaemonSet" => "daemonsets.apps",
                "Job" => "jobs.batch",
                _ => continue,
            };
            let key = Key {
                resource: storage.into(),
                namespace: event.key.namespace.clone(),
                name: owner["name"].as_str().unwrap_or_default().into(),
            };
            let Some(live) = self.live(&key).filter(|live| owner["uid"] == live.uid()) else {
                continue;
            };
            match storage {
                "deployments.apps" => self.reconcile_deployment(&live),
                "statefulsets.apps" => self.reconcile_stateful(&live),
                "daemonsets.apps" => self.reconcile_daemon(&live),
                "jobs.batch" => self.reconcile_job(&live),
                _ => self.reconcile_replicas(&live),
            }
        }
    }

    pub(crate) fn target_of(&self, key: &Key, subresource: &str) -> Option<Target> {
        Some(Target {
            resource: self.resources.of_storage(&key.resource)?,
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            subresource: subresource.to_owned(),
        })
    }

    /// Changes an object; when it is gone there is nothing to change.
    pub(crate) fn change(&self, key: &Key, subresource: &str, manager: &str, change: &dyn Fn(&mut Object)) {
        let Some(target) = self.target_of(key, subresource) else {
            return;
        };
        let options = Self::own_options(manager);
        let done = self.update_with(&target, &options, &mut Vec::new(), &|live, _| {
            let mut new = live.clone();
            change(&mut new);
            Ok(fields::track(
                self,
                &target.resource,
                subresource,
                Some(live),
                new,
                &options,
            ))
        });
        drop(done);
    }

    /// Sets an object's status where it is another.
    pub(crate) fn set_status(&self, live: &Live, status: &Value, manager: &str) {
        if live.object.at(&["status"]) == Some(status) {
            return;
        }
        self.change(&live.key, "status", manager, &|object| {
            object.set(&["status"], status.clone());
        });
    }

    /// Deletes an object; when it is gone it need not be.
    pub(crate) fn discard(&self, key: &Key) {
        if let Some(target) = self.target_of(key, "") {
            drop(self.delete(&target, &crate::delete::DeleteOptions::default()));
        }
    }

    /// Creates an object a controller needs; when that fails, e.g. because its namespace is ending, it is left out.
    pub(crate) fn make(
        &self,
        group: &str,
        plural: &str,
        namespace: &str,
        object: Value,
        manager: &str,
    ) -> Option<Object> {
        let resource: Arc<Resource> = self.resources.find(group, "v1", plural)?;
        self.create_own(&resource, namespace, object, manager).ok()
    }
}

/// A condition as of now, or as of when it last changed.
pub(crate) fn condition_of(live: &Live, kind: &str, status: bool, reason: &str, message: &str) -> Value {
    let before = live
        .object
        .at(&["status", "conditions"])
        .and_then(Value::as_array);
    let before = before.into_iter().flatten().find(|known| known["type"] == kind);
    let text = if status { "True" } else { "False" };
    let since = before
        .filter(|known| known["status"] == text)
        .and_then(|known| known["lastTransitionTime"].as_str())
        .map_or_else(crate::time::now, str::to_owned);
    json!({"type": kind, "status": text, "reason": reason, "message": message, "lastTransitionTime": since})
}
