//! What the controllers do: workloads become ready, deletions cascade, namespaces end.

use serde_json::{Value, json};

use crate::client::Client;

fn workload(kind: &str, name: &str, extra: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        object["spec"][key] = value.clone();
    }
    object
}

const APPS: &str = "/apis/apps/v1/namespaces/default";

async fn names(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await;
    let items = list.body["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn deployments_roll_out_and_go_with_their_pods() {
    let client = Client::new(true);
    let path = format!("{APPS}/deployments/web");
    let made = client
        .apply(&path, workload("Deployment", "web", &json!({"replicas": 3})))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let live = client.get(&path).await.body;
    assert_eq!(live["status"]["readyReplicas"], 3, "{live:#}");
    assert_eq!(
        live["status"]["observedGeneration"],
        live["metadata"]["generation"]
    );
    assert_eq!(
        live["status"]["conditions"][1]["reason"],
        "NewReplicaSetAvailable"
    );
    let mut changed = workload("Deployment", "web", &json!({"replicas": 2}));
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = json!("j");
    client.apply(&path, changed).await;
    let live = client.get(&path).await.body;
    assert_eq!(live["status"]["updatedReplicas"], 2, "{live:#}");
    assert_eq!(
        live["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "2"
    );
    assert_eq!(names(&client, &format!("{APPS}/replicasets")).await.len(), 2);
    assert_eq!(names(&client, "/api/v1/pods").await.len(), 2);
    client.send("DELETE", &path, "", &Value::Null).await;
    assert!(names(&client, "/api/v1/pods").await.is_empty());
    assert!(names(&client, &format!("{APPS}/replicasets")).await.is_empty());
}

#[tokio::test]
async fn stateful_sets_have_claims_and_daemons_a_node() {
    let client = Client::new(true);
    let claims = json!({"replicas": 2, "serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]});
    let made = client
        .apply(
            &format!("{APPS}/statefulsets/db"),
            workload("StatefulSet", "db", &claims),
        )
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(names(&client, "/api/v1/pods").await, ["db-0", "db-1"]);
    let claim = client
        .get("/api/v1/namespaces/default/persistentvolumeclaims/data-db-0")
        .await;
    assert_eq!(claim.body["status"]["phase"], "Bound", "{claim:?}");
    let live = client.get(&format!("{APPS}/statefulsets/db")).await.body;
    assert_eq!(live["status"]["readyReplicas"], 2);
    client
        .apply(
            &format!("{APPS}/daemonsets/agent"),
            workload("DaemonSet", "agent", &json!({})),
        )
        .await;
    let live = client.get(&format!("{APPS}/daemonsets/agent")).await.body;
    assert_eq!(live["status"]["numberReady"], 1, "{live:#}");
}

#[tokio::test]
async fn jobs_do_what_their_annotation_says() {
    let client = Client::new(true);
    for (name, fate, condition) in [
        ("a", "complete", "Complete"),
        ("b", "fail", "Failed"),
        ("c", "hang", ""),
    ] {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": name, "annotations": {"sandbox.kluctl.io/job": fate}},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
        let path = format!("/apis/batch/v1/namespaces/default/jobs/{name}");
        let made = client.apply(&path, job).await;
        assert_eq!(made.code, 201, "{made:?}");
        let live = client.get(&path).await.body;
        let last = live["status"]["conditions"]
            .as_array()
            .and_then(|list| list.last())
            .cloned();
        assert_eq!(
            last.unwrap_or_default()["type"].as_str().unwrap_or_default(),
            condition,
            "{live:#}"
        );
    }
}

/// Seconds between two times of an object.
fn between(object: &Value, first: &str, second: &str) -> i64 {
    let time = |pointer: &str| -> jiff::Timestamp {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.expect("a time").parse().expect("a time")
    };
    time(second).as_second() - time(first).as_second()
}

#[tokio::test]
async fn what_takes_time_takes_none_and_is_over_in_its_turn() {
    let client = Client::new(true);
    let mut web = workload("Deployment", "web", &json!({"replicas": 2}));
    web["metadata"]["annotations"] = json!({"sandbox.kluctl.io/takes": "2h"});
    let web_path = format!("{APPS}/deployments/web");
    client.apply(&web_path, web).await;
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "job", "annotations": {"sandbox.kluctl.io/takes": "1h", "sandbox.kluctl.io/job": "fail"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
    let job_path = "/apis/batch/v1/namespaces/default/jobs/job";
    client.apply(job_path, job).await;
    let live = client.get(job_path).await.body;
    assert_eq!(live["status"]["active"], 1, "{live:#}");
    // The hour is over, the two are not.
    let live = client.get(&web_path).await.body;
    assert_eq!(live["status"]["readyReplicas"], Value::Null, "{live:#}");
    let live = client.get(job_path).await.body;
    assert_eq!(live["status"]["conditions"][1]["type"], "Failed", "{live:#}");
    let took = between(
        &live,
        "/metadata/creationTimestamp",
        "/status/conditions/1/lastTransitionTime",
    );
    assert!((3600..7200).contains(&took), "{took}");
    let live = client.get(&web_path).await.body;
    assert_eq!(live["status"]["readyReplicas"], 2, "{live:#}");
}

#[tokio::test]
async fn a_watch_lets_time_pass() {
    let client = Client::new(true);
    let mut web = workload("StatefulSet", "db", &json!({"replicas": 1}));
    web["spec"]["template"]["metadata"]["annotations"] = json!({"sandbox.kluctl.io/takes": "30s"});
    client.apply(&format!("{APPS}/statefulsets/db"), web).await;
    let path = "/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=1";
    let events = client.get(path).await.body;
    let text = events.as_str().expect("lines").to_owned();
    let ready: Vec<bool> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("an event"))
        .map(|event| {
            let conditions = event["object"]["status"]["conditions"].as_array().cloned();
            let mut conditions = conditions.unwrap_or_default().into_iter();
            conditions.any(|known| known["type"] == "Ready" && known["status"] == "True")
        })
        .collect();
    assert_eq!(ready.first(), Some(&false), "{text}");
    assert_eq!(ready.last(), Some(&true), "{text}");
}

#[tokio::test]
async fn namespaces_end_with_what_is_in_them() {
    let client = Client::new(true);
    client
        .post("/api/v1/namespaces", json!({"metadata": {"name": "gone"}}))
        .await;
    assert_eq!(
        names(&client, "/api/v1/namespaces/gone/serviceaccounts").await,
        ["default"]
    );
    client
        .post(
            "/api/v1/namespaces/gone/configmaps",
            json!({"metadata": {"name": "a"}}),
        )
        .await;
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/wait"]}});
    client.post("/api/v1/namespaces/gone/configmaps", held).await;
    client
        .send("DELETE", "/api/v1/namespaces/gone", "", &Value::Null)
        .await;
    let live = client.get("/api/v1/namespaces/gone").await;
    assert_eq!(live.body["status"]["phase"], "Terminating");
    let path = "/api/v1/namespaces/gone/configmaps/held";
    let free = client
        .send(
            "PATCH",
            path,
            "application/merge-patch+json",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    assert_eq!(free.code, 200, "{free:?}");
    assert_eq!(client.get("/api/v1/namespaces/gone").await.code, 404);
}

#[tokio::test]
async fn services_and_ingresses_get_addresses() {
    let client = Client::new(true);
    let service =
        json!({"metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    let made = client.post("/api/v1/namespaces/default/services", service).await;
    assert_eq!(made.code, 201, "{made:?}");
    let live = client.get("/api/v1/namespaces/default/services/lb").await.body;
    assert!(
        live["status"]["loadBalancer"]["ingress"][0]["ip"].is_string(),
        "{live:#}"
    );
    assert!(live["spec"]["ports"][0]["nodePort"].as_i64().unwrap() >= 30000);
}

#[tokio::test]
async fn services_lead_to_the_pods_they_select() {
    let client = Client::new(true);
    let service = json!({"metadata": {"name": "web", "labels": {"x": "y"}}, "spec": {"selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}});
    client.post("/api/v1/namespaces/default/services", service).await;
    let endpoints = "/api/v1/namespaces/default/endpoints/web";
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    assert!(client.get(endpoints).await.body.get("subsets").is_none());
    let path = format!("{APPS}/deployments/web");
    let mut web = workload("Deployment", "web", &json!({"replicas": 2}));
    web["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"name": "web", "containerPort": 8080}]);
    client.apply(&path, web.clone()).await;
    let live = client.get(endpoints).await.body;
    let subset = &live["subsets"][0];
    assert_eq!(subset["addresses"].as_array().map(Vec::len), Some(2), "{live:#}");
    assert_eq!(
        subset["ports"],
        json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
    );
    assert_eq!(subset["addresses"][0]["targetRef"]["kind"], "Pod");
    assert_eq!(live["metadata"]["labels"]["x"], "y");
    let live = client.get(slices).await.body;
    let slice = &live["items"][0];
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "web");
    assert_eq!(slice["metadata"]["ownerReferences"][0]["kind"], "Service");
    assert_eq!(slice["endpoints"].as_array().map(Vec::len), Some(2), "{live:#}");
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    web["spec"]["replicas"] = json!(0);
    client.apply(&path, web).await;
    assert!(client.get(endpoints).await.body.get("subsets").is_none());
    assert_eq!(
        client.get(slices).await.body["items"][0]["endpoints"],
        json!(null)
    );
    client
        .send(
            "DELETE",
            "/api/v1/namespaces/default/services/web",
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(client.get(endpoints).await.code, 404);
    assert!(names(&client, slices).await.is_empty());
}
