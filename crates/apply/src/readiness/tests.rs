use super::*;
use kluctl_cluster::{ApiResource, Scope};
use serde_json::{Value, json};

fn discovery() -> Discovery {
    let resource = |group: &str, kind: &str, subresources: &[&str]| ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: kind.to_lowercase(),
        scope: Scope::Namespaced,
        verbs: Vec::new(),
        subresources: subresources.iter().map(|&s| s.to_owned()).collect(),
    };
    Discovery::from_resources(vec![
        resource("apps", "Deployment", &["status"]),
        resource("", "ConfigMap", &[]),
    ])
}

/// Judges an object given as `apiVersion`, kind and the rest, and prints the verdict.
#[track_caller]
fn check(api_version: &str, kind: &str, rest: Value, expected: &str) {
    let mut value = json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z", "generation": 1}});
    for (key, part) in rest.as_object().unwrap() {
        if let (Some(known), Some(more)) = (value[key].as_object_mut(), part.as_object()) {
            known.extend(more.clone());
        } else {
            value[key] = part.clone();
        }
    }
    let object = Object::try_from(value).unwrap();
    let found = readiness(&object, &discovery(), "2026-01-01T00:00:10Z".parse().unwrap());
    let mut verdict = vec![if found.ready { "ready" } else { "not ready" }.to_owned()];
    verdict.extend(found.errors.iter().map(|text| format!("error: {text}")));
    verdict.extend(found.pending.iter().map(|text| format!("pending: {text}")));
    assert_eq!(verdict.join("; "), expected);
}

#[test]
fn annotations_decide_before_anything_else() {
    let annotated = |key: &str, value: &str| json!({"metadata": {"annotations": {key: value}}, "status": {}});
    check(
        "batch/v1",
        "Job",
        annotated("kluctl.io/validate-ignore", "true"),
        "ready",
    );
    check(
        "batch/v1",
        "Job",
        annotated("kluctl.io/is-ready", "true"),
        "ready",
    );
    check(
        "v1",
        "ConfigMap",
        annotated("kluctl.io/is-ready", "false"),
        "not ready; pending: kluctl.io/is-ready annotation is set to false",
    );
}

#[test]
fn a_missing_status_is_waited_for_only_where_there_will_be_one() {
    check("v1", "ConfigMap", json!({}), "ready");
    check(
        "apps/v1",
        "Deployment",
        json!({}),
        "not ready; pending: no status available yet",
    );
    let old = json!({"metadata": {"creationTimestamp": "2025-12-31T00:00:00Z"}});
    check("apps/v1", "Deployment", old, "ready");
    let unobserved = json!({"status": {"observedGeneration": 0}});
    check(
        "apps/v1",
        "Deployment",
        unobserved,
        "not ready; pending: Waiting for reconciliation",
    );
}

#[test]
fn pods() {
    let ready = |status: &str, reason: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status, "reason": reason}]}});
    check("v1", "Pod", ready("True", ""), "ready");
    check("v1", "Pod", ready("False", "PodCompleted"), "ready");
    check(
        "v1",
        "Pod",
        ready("False", "ContainersNotReady"),
        "not ready; pending: Not ready",
    );
    check("v1", "Pod", json!({"status": {"phase": "Succeeded"}}), "ready");
    let broken = json!({"status": {"phase": "Failed", "containerStatuses": [
        {"name": "c", "state": {"terminated": {"reason": "Error"}}}]}});
    check(
        "v1",
        "Pod",
        broken,
        "not ready; error: container c exited with error",
    );
}

#[test]
fn jobs() {
    let condition =
        |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True", "message": "m"}]}});
    check("batch/v1", "Job", condition("Complete"), "ready");
    check("batch/v1", "Job", condition("Failed"), "not ready; error: m");
    check(
        "batch/v1",
        "Job",
        json!({"status": {}}),
        "not ready; pending: Not completed",
    );
}

#[test]
fn deployments() {
    let with = |status: Value| json!({"spec": {"replicas": 2}, "status": status});
    check(
        "apps/v1",
        "Deployment",
        with(json!({})),
        "not ready; pending: readyReplicas field not in status or empty",
    );
    check(
        "apps/v1",
        "Deployment",
        with(json!({"readyReplicas": 1, "replicas": 2})),
        "not ready; pending: readyReplicas (1) is less then replicas (2)",
    );
    check(
        "apps/v1",
        "Deployment",
        with(json!({"readyReplicas": 2, "replicas": 2})),
        "ready",
    );
    check(
        "apps/v1",
        "Deployment",
        with(json!({"readyReplicas": 2, "replicas": 2, "updatedReplicas": 1})),
        "not ready; pending: updatedReplicas (1) is less then replicas (2)",
    );
    check(
        "apps/v1",
        "Deployment",
        json!({"spec": {"replicas": 0}, "status": {}}),
        "ready",
    );
}

#[test]
fn stateful_sets() {
    let with = |strategy: Value, status: Value| json!({"spec": {"replicas": 3, "updateStrategy": strategy}, "status": status});
    let rolling =
        |partition: i64| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
    let done = json!({"updatedReplicas": 3, "readyReplicas": 3});
    check("apps/v1", "StatefulSet", with(rolling(0), done), "ready");
    check(
        "apps/v1",
        "StatefulSet",
        with(rolling(3), json!({"readyReplicas": 3})),
        "ready",
    );
    check(
        "apps/v1",
        "StatefulSet",
        with(rolling(1), json!({"updatedReplicas": 1})),
        "not ready; pending: StatefulSet is not ready. 1 out of 2 expected pods have been scheduled",
    );
    check(
        "apps/v1",
        "StatefulSet",
        with(json!({"type": "OnDelete"}), json!({"readyReplicas": 1})),
        "not ready; pending: StatefulSet is not ready. 1 out of 3 expected pods are ready",
    );
}

#[test]
fn daemon_sets_may_have_some_pods_unavailable() {
    let with = |unavailable: Value, ready: i64| {
        json!({"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}}},
            "status": {"updatedNumberScheduled": 10, "desiredNumberScheduled": 10, "numberReady": ready}})
    };
    check("apps/v1", "DaemonSet", with(json!("30%"), 7), "ready");
    check(
        "apps/v1",
        "DaemonSet",
        with(json!(1), 8),
        "not ready; pending: DaemonSet is not ready. 8 out of 9 expected pods are ready",
    );
    check(
        "apps/v1",
        "DaemonSet",
        json!({"spec": {}, "status": {}}),
        "not ready; pending: updatedNumberScheduled field not in status or empty",
    );
}

#[test]
fn services_claims_and_definitions() {
    check(
        "v1",
        "Service",
        json!({"spec": {"type": "ExternalName"}, "status": {}}),
        "ready",
    );
    check(
        "v1",
        "Service",
        json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, "status": {"loadBalancer": {}}}),
        "not ready; pending: Not ready",
    );
    check(
        "v1",
        "Service",
        json!({"spec": {"clusterIP": "None"}, "status": {}}),
        "ready",
    );
    check(
        "v1",
        "PersistentVolumeClaim",
        json!({"status": {"phase": "Bound"}}),
        "ready",
    );
    let established = json!({"status": {"conditions": [{"type": "Established", "status": "True"}]}});
    check(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        established,
        "ready",
    );
}

#[test]
fn custom_resources_by_their_ready_condition() {
    let with = |status: &str| json!({"status": {"conditions": [{"type": "Ready", "status": status, "message": "m"}]}});
    check("cert-manager.io/v1", "Certificate", with("True"), "ready");
    check(
        "cert-manager.io/v1",
        "Certificate",
        with("False"),
        "not ready; pending: m",
    );
    check("ex.com/v1", "Foo", json!({"status": {"phase": "any"}}), "ready");
}
