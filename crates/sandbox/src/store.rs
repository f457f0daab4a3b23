//! Objects by resource, namespace and name, with the log of their changes.
//!
//! Objects are kept as JSON text without `apiVersion` and `kind`: these belong to the version in which an object is
//! read. A write names the version it started from, so that what is slow happens outside the lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use kluctl_object::Object;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::disk::Disk;

/// Names a stored object: its resource (`deployments.apps`), namespace (empty when it has none) and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) resource: Arc<str>,
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

/// One version of an object.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) version: u64,
    pub(crate) json: Bytes,
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
}

/// What is looked at of an object without reading all of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    metadata: HeadMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeadMetadata {
    resource_version: String,
    labels: BTreeMap<Box<str>, Box<str>>,
}

impl Stored {
    /// Serializes an object that carries its version already.
    pub(crate) fn of(object: &Object, version: u64) -> Self {
        let json = serde_json::to_vec(object.as_map()).unwrap_or_default();
        Self {
            version,
            json: json.into(),
            labels: object
                .labels()
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        }
    }

    /// Takes an object as it was serialized; `version` is that of one which carries none.
    pub(crate) fn of_json(json: Vec<u8>, version: u64) -> Self {
        let head: Head = serde_json::from_slice(&json).unwrap_or_default();
        let metadata = head.metadata;
        Self {
            version: metadata.resource_version.parse().unwrap_or(version),
            labels: metadata.labels.into_iter().collect(),
            json: json.into(),
        }
    }

    /// The object without `apiVersion` and `kind`.
    pub(crate) fn parse(&self) -> Object {
        serde_json::from_slice::<serde_json::Map<String, Value>>(&self.json)
            .unwrap_or_default()
            .into()
    }
}

/// A change of one object.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// What it was before; nothing when it was created.
    pub(crate) before: Option<Arc<Stored>>,
    /// What it became; nothing when it was deleted.
    pub(crate) after: Option<Arc<Stored>>,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    Absent,
    Version(u64),
}

/// Somebody else was faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outdated;

/// The log does not reach back to what was asked for; it starts after this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compacted(pub(crate) u64);

type Names = BTreeMap<Box<str>, Arc<Stored>>;
type Namespaces = BTreeMap<Box<str>, Names>;

#[derive(Default)]
struct Inner {
    version: u64,
    resources: BTreeMap<Arc<str>, Namespaces>,
    log: VecDeque<Arc<Event>>,
    log_bytes: usize,
    compacted: u64,
}

/// How many changes are remembered for watches and consistent lists.
const LOG_EVENTS: usize = 10_000;
/// How many bytes of former versions are remembered.
const LOG_BYTES: usize = 4 << 20;

/// The store of one sandbox.
pub(crate) struct Store {
    inner: RwLock<Inner>,
    disk: Option<Disk>,
    latest: watch::Sender<u64>,
}

/// Objects of one resource at one version, in order of namespace and name.
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) items: Vec<(Key, Arc<Stored>)>,
}

impl Store {
    /// Opens a store, with what its disk holds.
    pub(crate) fn open(disk: Option<Disk>) -> Result<Self, redb::Error> {
        let mut inner = Inner::default();
        if let Some(disk) = &disk {
            let (version, objects) = disk.load()?;
            inner.version = version;
            for (key, stored) in objects {
                inner
                    .resources
                    .entry(key.resource)
                    .or_default()
                    .entry(key.namespace)
                    .or_default()
                    .insert(key.name, Arc::new(stored));
            }
        }
        inner.version = inner.version.max(1);
        inner.compacted = inner.version;
        Ok(Self {
            latest: watch::Sender::new(inner.version),
            inner: RwLock::new(inner),
            disk,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        self.read().version
    }

    /// Tells when the version grows.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.read()
            .resources
            .get(&key.resource)?
            .get(&key.namespace)?
            .get(&key.name)
            .cloned()
    }

    /// Writes an object and gives it the next version. The object's `apiVersion` and `kind` are not stored.
    pub(crate) fn put(
        &self,
        key: &Key,
        expect: Expect,
        object: &mut Object,
    ) -> Result<Arc<Stored>, Outdated> {
        object.as_map_mut().remove("apiVersion");
        object.as_map_mut().remove("kind");
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let before = inner
            .resources
            .get(&key.resource)
            .and_then(|namespaces| namespaces.get(&key.namespace)?.get(&key.name))
            .cloned();
        match (&before, expect) {
            (None, Expect::Absent) => {}
            (Some(stored), Expect::Version(version)) if stored.version == version => {}
            _ => return Err(Outdated),
        }
        let version = inner.version + 1;
        object.set(&["metadata", "resourceVersion"], Value::from(version.to_string()));
        let stored = Arc::new(Stored::of(object, version));
        inner.version = version;
        inner
            .resources
            .entry(key.resource.clone())
            .or_default()
            .entry(key.namespace.clone())
            .or_default()
            .insert(key.name.clone(), stored.clone());
        self.record(&mut inner, key, before, Some(stored.clone()));
        Ok(stored)
    }

    /// Removes an object.
    pub(crate) fn remove(&self, key: &Key, expected: u64) -> Result<u64, Outdated> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let names = inner
            .resources
            .get_mut(&key.resource)
            .and_then(|namespaces| namespaces.get_mut(&key.namespace))
            .ok_or(Outdated)?;
        match names.get(&key.name) {
            Some(stored) if stored.version == expected => {}
            _ => return Err(Outdated),
        }
        let before = names.remove(&key.name);
        inner.version += 1;
        self.record(&mut inner, key, before, None);
        Ok(inner.version)
    }

    fn record(&self, inner: &mut Inner, key: &Key, before: Option<Arc<Stored>>, after: Option<Arc<Stored>>) {
        if let Some(disk) = &self.disk {
            disk.write(inner.version, key, after.as_deref());
        }
        inner.log_bytes += before.as_ref().map_or(0, |stored| stored.json.len());
        inner.log.push_back(Arc::new(Event {
            version: inner.version,
            key: key.clone(),
            before,
            after,
        }));
        while inner.log.len() > LOG_EVENTS || inner.log_bytes > LOG_BYTES {
            let Some(event) = inner.log.pop_front() else { break };
            inner.log_bytes -= event.before.as_ref().map_or(0, |stored| stored.json.len());
            inner.compacted = event.version;
        }
        self.latest.send_replace(inner.version);
    }

    /// The objects of a resource now.
    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> Snapshot {
        let inner = self.read();
        Snapshot {
            version: inner.version,
            items: inner.items(resource, namespace),
        }
    }

    /// The objects of a resource as they were at a version, as far as the log reaches.
    pub(crate) fn list_at(
        &self,
        resource: &str,
        namespace: Option<&str>,
        version: u64,
    ) -> Result<Snapshot, Compacted> {
        let inner = self.read();
        if version < inner.compacted {
            return Err(Compacted(inner.compacted));
        }
        let mut items: BTreeMap<_, _> = inner.items(resource, namespace).into_iter().collect();
        let later = inner.log.iter().rev().take_while(|event| event.version > version);
        for event in later.filter(|event| event.concerns(resource, namespace)) {
            match &event.before {
                Some(before) => drop(items.insert(event.key.clone(), before.clone())),
                None => drop(items.remove(&event.key)),
            }
        }
        Ok(Snapshot {
            version,
            items: items.into_iter().collect(),
        })
    }

    /// The changes of a resource after a version, and the version up to which they reach.
    pub(crate) fn events(
        &self,
        resource: &str,
        namespace: Option<&str>,
        after: u64,
    ) -> Result<(Vec<Arc<Event>>, u64), Compacted> {
        let inner = self.read();
        if after < inner.compacted {
            return Err(Compacted(inner.compacted));
        }
        let start = inner.log.partition_point(|event| event.version <= after);
        let events = inner
            .log
            .range(start..)
            .filter(|event| event.concerns(resource, namespace))
            .cloned()
            .collect();
        Ok((events, inner.version))
    }

    /// Every change after a version, whatever it concerns, and the version up to which they reach.
    pub(crate) fn all_events(&self, after: u64) -> Result<(Vec<Arc<Event>>, u64), Compacted> {
        let inner = self.read();
        if after < inner.compacted {
            return Err(Compacted(inner.compacted));
        }
        let start = inner.log.partition_point(|event| event.version <= after);
        Ok((inner.log.range(start..).cloned().collect(), inner.version))
    }

    /// The names of everything in a namespace.
    pub(crate) fn names_in(&self, namespace: &str) -> Vec<Key> {
        let inner = self.read();
        let mut keys = Vec::new();
        for (resource, namespaces) in &inner.resources {
            for name in namespaces.get(namespace).into_iter().flat_map(BTreeMap::keys) {
                keys.push(Key {
                    resource: resource.clone(),
                    namespace: namespace.into(),
                    name: name.clone(),
                });
            }
        }
        keys
    }

    /// All objects of all resources.
    pub(crate) fn all(&self) -> Vec<(Key, Arc<Stored>)> {
        let inner = self.read();
        let names: Vec<_> = inner.resources.keys().cloned().collect();
        names.iter().flat_map(|name| inner.items(name, None)).collect()
    }

    /// Waits until everything is in the files, where the store has a folder.
    pub(crate) fn flush(&self) -> Result<(), redb::Error> {
        self.disk.as_ref().map_or(Ok(()), Disk::flush)
    }
}

impl Inner {
    fn items(&self, resource: &str, namespace: Option<&str>) -> Vec<(Key, Arc<Stored>)> {
        let Some((resource, namespaces)) = self.resources.get_key_value(resource) else {
            return Vec::new();
        };
        let key = |namespace: &str, name: &str| Key {
            resource: resource.clone(),
            namespace: namespace.into(),
            name: name.into(),
        };
        match namespace {
            Some(wanted) => namespaces
                .get(wanted)
                .into_iter()
                .flatten()
                .map(|(name, stored)| (key(wanted, name), stored.clone()))
                .collect(),
            None => namespaces
                .iter()
                .flat_map(|(namespace, names)| {
                    names
                        .iter()
                        .map(move |(name, stored)| (key(namespace, name), stored.clone()))
                })
                .collect(),
        }
    }
}

impl Event {
    fn concerns(&self, resource: &str, namespace: Option<&str>) -> bool {
        &*self.key.resource == resource && namespace.is_none_or(|namespace| &*self.key.namespace == namespace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: &str) -> Key {
        Key {
            resource: "configmaps".into(),
            namespace: "default".into(),
            name: name.into(),
        }
    }

    fn object(name: &str, value: &str) -> Object {
        Object::try_from(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}}))
            .unwrap()
    }

    #[test]
    fn a_list_can_look_back() {
        let store = Store::open(None).unwrap();
        let first = store
            .put(&key("a"), Expect::Absent, &mut object("a", "1"))
            .unwrap();
        let version = first.version;
        let second = store
            .put(&key("a"), Expect::Version(version), &mut object("a", "2"))
            .unwrap();
        store
            .put(&key("b"), Expect::Absent, &mut object("b", "1"))
            .unwrap();
        store.remove(&key("a"), second.version).unwrap();
        let old = store.list_at("configmaps", Some("default"), version).unwrap();
        assert_eq!(old.items.len(), 1);
        assert_eq!(old.items[0].1.version, version);
        assert_eq!(store.list("configmaps", None).items.len(), 1);
        let (events, _) = store.events("configmaps", None, version).unwrap();
        assert_eq!(events.len(), 3);
        assert!(events[2].after.is_none());
    }

    #[test]
    fn a_write_from_an_old_version_is_refused() {
        let store = Store::open(None).unwrap();
        let first = store
            .put(&key("a"), Expect::Absent, &mut object("a", "1"))
            .unwrap();
        assert_eq!(
            store
                .put(&key("a"), Expect::Absent, &mut object("a", "2"))
                .unwrap_err(),
            Outdated
        );
        store
            .put(&key("a"), Expect::Version(first.version), &mut object("a", "2"))
            .unwrap();
        assert_eq!(store.remove(&key("a"), first.version).unwrap_err(), Outdated);
    }
}
