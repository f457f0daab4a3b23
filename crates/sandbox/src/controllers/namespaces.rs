//! Namespaces: what they start with, and how they end.

use serde_json::{Value, json};

use crate::Sandbox;
use crate::store::Key;

use super::Live;

impl Sandbox {
    pub(super) fn reconcile_namespace(&self, live: &Live) {
        let name = live.object.name();
        if live.is_deleted() {
            self.end_namespace(name);
            return;
        }
        let account = json!({"metadata": {"name": "default"}});
        self.make_once("serviceaccounts", name, "default", account);
        let text = "-----BEGIN CERTIFICATE-----\nThe sandbox has no certificates in the process.\n-----END CERTIFICATE-----\n";
        let authority = json!({"metadata": {"name": "kube-root-ca.crt",
            "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
            "data": {"ca.crt": text}});
        self.make_once("configmaps", name, "kube-root-ca.crt", authority);
    }

    fn make_once(&self, plural: &str, namespace: &str, name: &str, object: Value) {
        let key = Key {
            resource: plural.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        if self.store.get(&key).is_none() {
            self.make("", plural, namespace, object, "kube-controller-manager");
        }
    }

    /// Deletes what is in a namespace, and when nothing is left, the namespace.
    fn end_namespace(&self, name: &str) {
        for key in self.store.names_in(name) {
            self.discard(&key);
        }
        if self.store.names_in(name).is_empty() {
            let key = Key {
                resource: "namespaces".into(),
                namespace: "".into(),
                name: name.into(),
            };
            self.change(&key, "finalize", "kube-controller-manager", &|object| {
                object.remove(&["spec", "finalizers"]);
            });
        }
    }

    /// Something in a namespace is gone; what it was made of at the start comes back, and its end may go on.
    pub(super) fn content_gone(&self, key: &Key) {
        if key.namespace.is_empty() {
            return;
        }
        let namespace = Key {
            resource: "namespaces".into(),
            namespace: "".into(),
            name: key.namespace.clone(),
        };
        let starts = matches!(
            (&*key.resource, &*key.name),
            ("serviceaccounts", "default") | ("configmaps", "kube-root-ca.crt")
        );
        if let Some(live) = self.live(&namespace)
            && (live.is_deleted() || starts)
        {
            self.reconcile_namespace(&live);
        }
    }
}
