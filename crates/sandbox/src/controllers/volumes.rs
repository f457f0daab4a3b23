//! Claims get volumes at once.

use serde_json::json;

use crate::Sandbox;
use crate::store::Key;

use super::Live;
use super::garbage::drop_finalizer;

const MANAGER: &str = "kube-controller-manager";

impl Sandbox {
    /// A deleted volume has nobody to wait for.
    pub(super) fn release_volume(&self, live: &Live) {
        self.change(&live.key, "", MANAGER, &|object| {
            drop_finalizer(object, "kubernetes.io/pv-protection");
            drop_finalizer(object, "kubernetes.io/vac-protection");
        });
    }

    pub(super) fn reconcile_claim(&self, live: &Live) {
        if live.is_deleted() {
            // Nothing runs here that could still use it.
            self.change(&live.key, "", MANAGER, &|object| {
                drop_finalizer(object, "kubernetes.io/pvc-protection");
            });
            return;
        }
        if live.object.str_at(&["status", "phase"]) == Some("Bound") {
            return;
        }
        let capacity = live.object.at(&["spec", "resources", "requests"]).cloned();
        let capacity = capacity.unwrap_or_else(|| json!({"storage": "1Gi"}));
        let modes = live
            .object
            .at(&["spec", "accessModes"])
            .cloned()
            .unwrap_or_else(|| json!([]));
        let named = live
            .object
            .str_at(&["spec", "volumeName"])
            .filter(|name| !name.is_empty());
        let volume = named.map_or_else(|| format!("pvc-{}", live.uid()), str::to_owned);
        let reference = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": live.object.name(),
            "namespace": &*live.key.namespace, "uid": live.uid(),
            "resourceVersion": live.object.at(&["metadata", "resourceVersion"])});
        let key = Key {
            resource: "persistentvolumes".into(),
            namespace: "".into(),
            name: volume.as_str().into(),
        };
        if self.store.get(&key).is_none() {
            if named.is_some() {
                return;
            }
            let object = json!({"metadata": {"name": volume}, "spec": {
                "capacity": capacity, "accessModes": modes, "claimRef": reference, "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": live.object.at(&["spec", "storageClassName"]), "volumeMode": live.object.at(&["spec", "volumeMode"]),
                "hostPath": {"path": format!("/var/lib/sandbox/{volume}")}}});
            self.make("", "persistentvolumes", "", object, MANAGER);
        }
        self.change(&key, "", MANAGER, &|object| {
            object.set(&["spec", "claimRef"], reference.clone());
        });
        self.change(&key, "status", MANAGER, &|object| {
            object.set(&["status"], json!({"phase": "Bound"}));
        });
        self.change(&live.key, "", MANAGER, &|object| {
            object.set(&["spec", "volumeName"], json!(volume));
            object.set_annotation("pv.kubernetes.io/bind-completed", "yes");
            object.set_annotation("pv.kubernetes.io/bound-by-controller", "yes");
        });
        let status = json!({"phase": "Bound", "accessModes": modes, "capacity": capacity});
        self.change(&live.key, "status", MANAGER, &|object| {
            object.set(&["status"], status.clone());
        });
    }
}
