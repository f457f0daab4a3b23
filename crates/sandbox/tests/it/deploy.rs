//! What a deployment does, step by step.

use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn applies_create_and_change_and_dry_runs_do_neither() {
    let client = Client::new(false);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}});
    let map = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "app"}, "data": {"k": value}});
    let path = "/api/v1/namespaces/app/configmaps/a";
    let missing = client.apply(path, map("1")).await;
    assert_eq!(missing.code, 404, "{missing:?}");
    assert_eq!(missing.body["message"], "namespaces \"app\" not found");
    assert_eq!(client.apply("/api/v1/namespaces/app", namespace).await.code, 201);
    let dry = client.apply(&format!("{path}?dryRun=All"), map("1")).await;
    assert_eq!(dry.code, 201, "{dry:?}");
    assert_eq!(client.get(path).await.code, 404);
    let created = client.apply(path, map("1")).await;
    assert_eq!(created.code, 201);
    assert_eq!(
        created.body["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:data": {"f:k": {}}})
    );
    let same = client.apply(path, map("1")).await;
    assert_eq!(same.code, 200);
    assert_eq!(same.body, created.body);
    let changed = client.apply(path, map("2")).await;
    assert_ne!(
        changed.body["metadata"]["resourceVersion"],
        created.body["metadata"]["resourceVersion"]
    );
    let conflict = client
        .send(
            "PATCH",
            &format!("{path}?fieldManager=other"),
            "application/apply-patch+yaml",
            &map("3"),
        )
        .await;
    assert_eq!(conflict.code, 409);
    assert_eq!(
        conflict.body["message"],
        "Apply failed with 1 conflict: conflict with \"kluctl\": .data.k"
    );
}

#[tokio::test]
async fn workloads_get_defaults() {
    let client = Client::new(false);
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}},
    });
    let path = "/apis/apps/v1/namespaces/default/deployments/web";
    let created = client.apply(path, deployment).await;
    assert_eq!(created.code, 201, "{created:?}");
    assert_eq!(
        created.body["spec"]["strategy"]["rollingUpdate"]["maxSurge"],
        "25%"
    );
    assert_eq!(created.body["metadata"]["generation"], 1);
    assert_eq!(created.body["status"], json!({}));
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}});
    let service = client
        .apply("/api/v1/namespaces/default/services/web", service)
        .await;
    assert_eq!(service.code, 201, "{service:?}");
    assert!(
        service.body["spec"]["clusterIP"]
            .as_str()
            .unwrap()
            .starts_with("10.0.")
    );
}

#[tokio::test]
async fn definitions_bring_resources() {
    let client = Client::new(false);
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "required": ["a"], "properties": {
                    "a": {"type": "integer", "minimum": 2}, "b": {"type": "string", "default": "x"}}}}}}}]},
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let created = client
        .apply(&format!("{definitions}/widgets.example.com"), definition)
        .await;
    assert_eq!(created.code, 201, "{created:?}");
    let live = client.get(&format!("{definitions}/widgets.example.com")).await;
    assert_eq!(live.body["status"]["conditions"][1]["type"], "Established");
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = |spec| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
    let wrong = client.post(widgets, widget(json!({"a": 1}))).await;
    assert_eq!(wrong.code, 422, "{wrong:?}");
    let made = client.post(widgets, widget(json!({"a": 3, "zz": 1}))).await;
    assert_eq!(made.code, 201);
    assert_eq!(made.body["spec"], json!({"a": 3, "b": "x"}));
    assert_eq!(made.warnings, ["299 - \"unknown field \\\"spec.zz\\\"\""]);
    let gone = client
        .send(
            "DELETE",
            &format!("{definitions}/widgets.example.com"),
            "",
            &json!(null),
        )
        .await;
    assert_eq!(gone.code, 200);
    assert_eq!(client.get(widgets).await.code, 404);
}

#[tokio::test]
async fn lists_select_by_label() {
    let client = Client::new(false);
    for (name, tag) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let map = json!({"metadata": {"name": name, "labels": {"t": tag}}});
        let made = client.post("/api/v1/namespaces/default/configmaps", map).await;
        assert_eq!(made.code, 201, "{made:?}");
    }
    let list = client.get("/api/v1/configmaps?labelSelector=t%3Dx").await;
    let names: Vec<_> = list.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["metadata"]["name"])
        .collect();
    assert_eq!(names, ["a", "c"]);
    let first = client.get("/api/v1/namespaces/default/configmaps?limit=2").await;
    let token = first.body["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = client
        .get(&format!(
            "/api/v1/namespaces/default/configmaps?limit=2&continue={token}"
        ))
        .await;
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 1);
}
