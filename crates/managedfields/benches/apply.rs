//! Time of one server-side apply, and of reading the table of kinds.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::hint::black_box;
use std::time::Instant;

use kluctl_managedfields::{Request, Versions, apply};
use kluctl_object::{Gvk, Object};
use kluctl_schema::{TypeRef, default_object, kubernetes};
use serde_json::{Value, json};

struct OneVersion(TypeRef);

impl Versions for OneVersion {
    fn type_of(&self, _api_version: &str) -> Option<TypeRef> {
        Some(self.0.clone())
    }
}

fn main() {
    let started = Instant::now();
    kubernetes();
    println!("table of kinds: {:?}", started.elapsed());
    for (gvk, object) in [
        (Gvk::new("", "v1", "ConfigMap"), config_map()),
        (Gvk::new("apps", "v1", "Deployment"), deployment()),
    ] {
        let started = Instant::now();
        let ty = kubernetes().type_of(&gvk).expect("a built-in kind");
        let versions = OneVersion(ty.clone());
        let applied = Object::try_from(object).expect("an object");
        let request = |manager| Request {
            gvk: &gvk,
            ty: &ty,
            versions: &versions,
            manager,
            subresource: "",
            now: "2026-01-01T00:00:00Z",
        };
        let run = |live: Option<&Object>, applied: &Object, manager| {
            let mut object = Value::from(
                apply(live, applied, true, &request(manager))
                    .expect("no conflict")
                    .object,
            );
            default_object(&mut object, &ty);
            Object::try_from(object).expect("an object")
        };
        let live = run(None, &applied, "one");
        println!("{}: first {:?}", gvk.kind, started.elapsed());
        let mut changed = applied.clone();
        changed.set(&["metadata", "labels", "changed"], json!("yes"));
        for (name, live, applied, manager) in [
            ("create", None, &applied, "one"),
            ("same again", Some(&live), &applied, "one"),
            ("one change", Some(&live), &changed, "one"),
            ("another manager", Some(&live), &changed, "two"),
        ] {
            let rounds = 2000;
            let started = Instant::now();
            for _ in 0..rounds {
                black_box(run(live, applied, manager));
            }
            println!("{}: {name} {:?}", gvk.kind, started.elapsed() / rounds);
        }
    }
}

fn config_map() -> Value {
    let data: serde_json::Map<_, _> = (0..10)
        .map(|i| (format!("key-{i}"), json!("some value of a usual length")))
        .collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "default",
        "labels": {"app.kubernetes.io/name": "x", "app.kubernetes.io/part-of": "y"}}, "data": data})
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "default"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}, "spec": {
        "containers": [{"name": "a", "image": "nginx:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "readinessProbe": {"httpGet": {"port": 80, "path": "/"}}}]}}}})
}
