use std::fs;
use std::path::Path;

use kluctl_object::Gvk;
use kluctl_schema::{check_object, default_object, kubernetes};
use serde_json::Value;

/// What an API server decides by looking at more than the object, or when it stores it.
const ASSIGNED: [&str; 21] = [
    "/metadata/managedFields",
    "/metadata/namespace",
    "/metadata/finalizers",
    "/metadata/annotations/deprecated.daemonset.template.generation",
    "/spec/clusterIP",
    "/spec/clusterIPs",
    "/spec/ipFamilies",
    "/spec/ipFamilyPolicy",
    "/spec/healthCheckNodePort",
    "/spec/finalizers",
    "/spec/tolerations",
    "/spec/priority",
    "/spec/preemptionPolicy",
    "/spec/taints",
    "/spec/ports/0/nodePort",
    "/status/lastPhaseTransitionTime",
    "/status/qosClass",
    "/status/phase",
    "/status/conditions",
    "/status/storedVersions",
    "/status/acceptedNames",
];

fn compare(at: &str, path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<String>) {
    if ASSIGNED.contains(&path) {
        return;
    }
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left
                .keys()
                .chain(right.keys().filter(|key| !left.contains_key(*key)))
            {
                let path = format!("{path}/{}", key.replace('/', "~1"));
                if ASSIGNED.contains(&path.as_str()) {
                    continue;
                }
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(at, &path, left, right, differences),
                    (Some(left), None) => differences.push(format!("{at}: {path}: only ours: {left}")),
                    (None, Some(right)) => differences.push(format!("{at}: {path}: only theirs: {right}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(at, &format!("{path}/{index}"), left, right, differences);
            }
        }
        _ if ours != theirs => differences.push(format!("{at}: {path}: {ours}\n   expected {theirs}")),
        _ => {}
    }
}

fn kind_of(case: &Value) -> &str {
    case["body"]["kind"].as_str().unwrap()
}

/// A Job is given labels and a selector with its uid when it is stored.
fn take_job_labels(object: &mut Value, response: &Value) {
    for (parent, key) in [
        ("/metadata", "labels"),
        ("/spec/template/metadata", "labels"),
        ("/spec", "selector"),
    ] {
        let value = response.pointer(&format!("{parent}/{key}")).unwrap();
        object.pointer_mut(parent).unwrap()[key] = value.clone();
    }
}

#[test]
fn created_objects_are_the_servers() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/creations.json");
    let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut differences = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let mut object = case["body"].clone();
        let kind = object["kind"].as_str().unwrap();
        let gvk = Gvk::from_api_version(object["apiVersion"].as_str().unwrap(), kind).unwrap();
        let ty = kubernetes().type_of(&gvk).unwrap();
        let at = format!("{index} {kind}");
        for finding in check_object(&object, &ty) {
            differences.push(format!("{at}: accepted by the server, but {finding}"));
        }
        default_object(&mut object, &ty);
        if kind_of(case) == "Job" {
            take_job_labels(&mut object, &case["response"]);
        }
        compare(&at, "", &object, &case["response"], &mut differences);
        let once = object.clone();
        default_object(&mut object, &ty);
        assert_eq!(object, once, "{at}: defaulting twice changes more");
    }
    println!("{} objects, {} differences", cases.len(), differences.len());
    assert!(cases.len() > 60);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
