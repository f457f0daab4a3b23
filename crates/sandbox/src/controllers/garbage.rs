//! Objects whose owners are gone go too.

use kluctl_object::Object;
use serde_json::Value;

use crate::Sandbox;
use crate::delete::DeleteOptions;
use crate::store::{Event, Key};

use super::mentions;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

fn has_finalizer(object: &Object, name: &str) -> bool {
    let list = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
    list.into_iter().flatten().any(|known| known == name)
}

/// Takes one of an object's finalizers away.
pub(super) fn drop_finalizer(object: &mut Object, name: &str) {
    let list = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
    let kept: Vec<Value> = list
        .into_iter()
        .flatten()
        .filter(|known| *known != name)
        .cloned()
        .collect();
    if kept.is_empty() {
        object.remove(&["metadata", "finalizers"]);
    } else {
        object.set(&["metadata", "finalizers"], Value::Array(kept));
    }
}

fn drop_owner(object: &mut Object, uid: &str) {
    let list = object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_array);
    let kept: Vec<Value> = list
        .into_iter()
        .flatten()
        .filter(|owner| owner["uid"] != uid)
        .cloned()
        .collect();
    if kept.is_empty() {
        object.remove(&["metadata", "ownerReferences"]);
    } else {
        object.set(&["metadata", "ownerReferences"], Value::Array(kept));
    }
}

const MANAGER: &str = "kube-controller-manager";

impl Sandbox {
    pub(super) fn reconcile_garbage(&self, key: &Key, event: Option<&Event>) {
        if let Some(event) = event
            && event.after.is_none()
            && let Some(before) = &event.before
        {
            let gone = before.parse();
            let uid = gone.str_at(&["metadata", "uid"]).unwrap_or_default().to_owned();
            for dependent in self.dependents(&uid) {
                self.owner_gone(&dependent, &uid);
            }
            self.owners_may_finish(&gone, &key.namespace);
            return;
        }
        let Some(stored) = self.store.get(key) else { return };
        if !mentions(&stored, b"\"deletionTimestamp\"") {
            self.check_owners(key);
            return;
        }
        let object = stored.parse();
        if object.at(&["metadata", "deletionTimestamp"]).is_none() {
            return;
        }
        let uid = object.str_at(&["metadata", "uid"]).unwrap_or_default().to_owned();
        if has_finalizer(&object, ORPHAN) {
            for dependent in self.dependents(&uid) {
                self.change(&dependent, "", MANAGER, &|object| drop_owner(object, &uid));
            }
            self.change(key, "", MANAGER, &|object| drop_finalizer(object, ORPHAN));
        } else if has_finalizer(&object, FOREGROUND) {
            self.delete_foreground(key, &uid);
        }
    }

    fn delete_foreground(&self, key: &Key, uid: &str) {
        let foreground = DeleteOptions {
            propagation: Some("Foreground".to_owned()),
            ..DeleteOptions::default()
        };
        let mut blocked = false;
        for dependent in self.dependents(uid) {
            let Some(target) = self.target_of(&dependent, "") else {
                continue;
            };
            drop(self.delete(&target, &foreground));
            if let Some(live) = self.live(&dependent) {
                let owners = live
                    .object
                    .at(&["metadata", "ownerReferences"])
                    .and_then(Value::as_array);
                let blocks = |owner: &Value| owner["uid"] == uid && owner["blockOwnerDeletion"] == true;
                blocked |= owners.into_iter().flatten().any(blocks);
            }
        }
        if !blocked {
            self.change(key, "", MANAGER, &|object| drop_finalizer(object, FOREGROUND));
        }
    }

    /// Owners that wait for what they own may have waited for this.
    fn owners_may_finish(&self, gone: &Object, namespace: &str) {
        let owners = gone
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_array);
        for owner in owners.into_iter().flatten() {
            let text = |key: &str| owner[key].as_str().unwrap_or_default();
            let Ok(gvk) = kluctl_object::Gvk::from_api_version(text("apiVersion"), text("kind")) else {
                continue;
            };
            let Some(resource) = self.resources.of_kind(&gvk) else {
                continue;
            };
            let key = Key {
                resource: resource.storage.clone(),
                namespace: if resource.namespaced {
                    namespace.into()
                } else {
                    "".into()
                },
                name: text("name").into(),
            };
            let Some(live) = self.live(&key) else { continue };
            if live.is_deleted() && has_finalizer(&live.object, FOREGROUND) && live.uid() == text("uid") {
                let uid = live.uid().to_owned();
                self.delete_foreground(&key, &uid);
            }
        }
    }

    /// Deletes a dependent when none of its owners is left, else only takes the owner out.
    fn owner_gone(&self, dependent: &Key, uid: &str) {
        let Some(live) = self.live(dependent) else { return };
        let owners = live
            .object
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_array);
        let others = owners.into_iter().flatten().any(|owner| owner["uid"] != uid);
        if others {
            self.change(dependent, "", MANAGER, &|object| drop_owner(object, uid));
        } else {
            self.discard(dependent);
        }
    }

    /// An object that names an owner that does not exist goes at once.
    fn check_owners(&self, key: &Key) {
        let Some(stored) = self.store.get(key) else { return };
        if !mentions(&stored, b"\"ownerReferences\"") {
            return;
        }
        let object = stored.parse();
        let owners = object
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_array);
        let mut any = false;
        for owner in owners.into_iter().flatten() {
            let text = |key: &str| owner[key].as_str().unwrap_or_default();
            let gvk = kluctl_object::Gvk::from_api_version(text("apiVersion"), text("kind"));
            let Some(resource) = gvk.ok().and_then(|gvk| self.resources.of_kind(&gvk)) else {
                return;
            };
            let owner_key = Key {
                resource: resource.storage.clone(),
                namespace: if resource.namespaced {
                    key.namespace.clone()
                } else {
                    "".into()
                },
                name: text("name").into(),
            };
            let found = self
                .live(&owner_key)
                .is_some_and(|live| live.uid() == text("uid"));
            if found {
                return;
            }
            any = true;
        }
        if any {
            self.discard(key);
        }
    }
}
