use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kluctl_managedfields::{
    ApplyError, FieldSet, Request, Versions, apply, ignore_timestamps, strategic_merge, update,
};
use kluctl_object::{Gvk, Object};
use kluctl_schema::{TypeRef, default_object, drop_nulls, from_schema, kubernetes, prune, zero};
use serde_json::{Value, json};

/// What an API server decides by itself when it stores an object.
const ASSIGNED: [&str; 10] = [
    "/spec/externalTrafficPolicy",
    "/metadata/namespace",
    "/metadata/generation",
    "/metadata/annotations/deployment.kubernetes.io~1revision",
    "/spec/clusterIP",
    "/spec/clusterIPs",
    "/spec/ipFamilies",
    "/spec/ipFamilyPolicy",
    "/spec/ports/0/nodePort",
    "/spec/ports/1/nodePort",
];

struct Kinds {
    kind: String,
    custom: BTreeMap<String, TypeRef>,
    ignored: FieldSet,
}

impl Kinds {
    fn ty(&self, api_version: &str) -> Option<TypeRef> {
        self.custom.get(api_version).cloned().or_else(|| {
            let gvk = Gvk::from_api_version(api_version, &self.kind).unwrap();
            kubernetes().type_of(&gvk)
        })
    }
}

impl Versions for Kinds {
    fn type_of(&self, api_version: &str) -> Option<TypeRef> {
        self.ty(api_version)
    }

    fn ignored(&self, _api_version: &str) -> Option<&FieldSet> {
        Some(&self.ignored)
    }
}

fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn finish(object: &mut Value, ty: &TypeRef, is_custom: bool) {
    if is_custom {
        prune(object, ty);
        drop_nulls(object, ty);
    }
    default_object(object, ty);
}

fn copy_assigned(object: &mut Value, response: &Value) {
    for path in ASSIGNED {
        let (parent, key) = path.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/");
        let Some(map) = object.pointer_mut(parent).and_then(Value::as_object_mut) else {
            continue;
        };
        match response.pointer(path) {
            Some(value) => drop(map.insert(key, value.clone())),
            None => drop(map.remove(&key)),
        }
    }
}

/// Keeps what a request through a path cannot change.
fn keep_rest(object: &mut Value, live: Option<&Value>, subresource: &str, has_status: bool, ty: &TypeRef) {
    let map = object.as_object_mut().unwrap();
    if subresource == "status" {
        let live = live.unwrap();
        for (key, value) in live.as_object().unwrap() {
            if key != "status" && key != "metadata" {
                map.insert(key.clone(), value.clone());
            }
        }
    } else if has_status {
        let empty = zero(ty);
        match live.map_or(empty.get("status"), |live| live.get("status")) {
            Some(status) => drop(map.insert("status".to_owned(), status.clone())),
            None => drop(map.remove("status")),
        }
    }
}

struct Case {
    name: String,
    golden: Value,
}

impl Case {
    fn kinds(&self, group: &str, kind: &str, subresource: &str) -> Kinds {
        let versions = self
            .golden
            .pointer("/definition/spec/versions")
            .and_then(Value::as_array);
        let custom = versions
            .into_iter()
            .flatten()
            .map(|version| {
                let name = format!("{group}/{}", version["name"].as_str().unwrap());
                (name, from_schema(&version["schema"]["openAPIV3Schema"], false))
            })
            .collect::<BTreeMap<_, _>>();
        let is_custom = !custom.is_empty();
        let ignored: &[&[&str]] = match (subresource, is_custom) {
            ("status", true) => &[&["spec"]],
            ("status", false) => &[&["spec"], &["metadata", "labels"]],
            _ => &[&["status"]],
        };
        Kinds {
            kind: kind.to_owned(),
            custom,
            ignored: FieldSet::of_fields(ignored),
        }
    }

    /// Replays all steps; gives what differs.
    fn replay(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let mut live: Option<Value> = None;
        for (index, step) in self.golden["steps"].as_array().unwrap().iter().enumerate() {
            let response = &step["response"];
            let outcome = self.step(index, step, live.as_ref());
            let at = format!("{} step {index} ({})", self.name, step["do"].as_str().unwrap());
            let code = step["code"].as_u64().unwrap();
            match outcome {
                Err(error) if code < 300 => differences.push(format!("{at}: refused: {error}")),
                Err(error) => {
                    let message = response["message"].as_str().unwrap();
                    let mut same = error.to_string() == message || same_errors(&error.to_string(), message);
                    if let ApplyError::Conflicts { causes, .. } = &error {
                        let mut causes: Vec<_> = causes
                            .iter()
                            .map(|cause| json!({"reason": "FieldManagerConflict", "message": cause.message, "field": cause.field}))
                            .collect();
                        let key = |cause: &Value| (cause["message"].to_string(), cause["field"].to_string());
                        causes.sort_by_key(key);
                        let mut expected = response["details"]["causes"]
                            .as_array()
                            .cloned()
                            .unwrap_or_default();
                        expected.sort_by_key(key);
                        same &= causes == expected;
                    }
                    if !same {
                        differences.push(format!("{at}: error {error}\n   expected {message}"));
                    }
                }
                // Validation is not this crate's.
                Ok(_) if code == 422 => {}
                Ok(_) if code >= 300 => {
                    differences.push(format!("{at}: accepted, expected {}", response["message"]));
                }
                Ok(mut object) => {
                    copy_assigned(&mut object, response);
                    let mut shown = object.clone();
                    shown["metadata"].as_object_mut().unwrap().remove("uid");
                    compare(&at, "", &shown, response, &mut differences);
                    let mut next = response.clone();
                    next["metadata"]["uid"] = json!("u");
                    live = Some(next);
                }
            }
        }
        differences
    }

    fn step(&self, index: usize, step: &Value, live: Option<&Value>) -> Result<Value, ApplyError> {
        let body = &step["body"];
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        let subresource = text("subresource");
        let source = if body.get("kind").is_some() {
            body
        } else {
            live.unwrap()
        };
        let api_version = match self.golden.get("definition") {
            Some(definition) => format!(
                "{}/{}",
                definition["spec"]["group"].as_str().unwrap(),
                text("version")
            ),
            None => source["apiVersion"].as_str().unwrap().to_owned(),
        };
        let gvk = Gvk::from_api_version(&api_version, source["kind"].as_str().unwrap()).unwrap();
        let kinds = self.kinds(&gvk.group, &gvk.kind, subresource);
        let is_custom = !kinds.custom.is_empty();
        let ty = kinds.ty(&api_version).unwrap();
        let live = live.map(|live| {
            let mut live = live.clone();
            live["apiVersion"] = json!(api_version);
            live
        });
        let has_status = ty.map.as_ref().unwrap().field("status").is_some();
        let now = format!("2026-01-01T00:{:02}:{:02}Z", index / 60, index % 60);
        let request = Request {
            gvk: &gvk,
            ty: &ty,
            versions: &kinds,
            manager: text("manager"),
            subresource,
            now: &now,
        };
        let live_object = live.clone().map(|live| Object::try_from(live).unwrap());
        let mut new = match text("do") {
            "apply" => {
                let applied = Object::try_from(body.clone()).unwrap();
                let force = step["force"].as_bool().unwrap_or(false);
                Value::from(apply(live_object.as_ref(), &applied, force, &request)?.object)
            }
            "merge" => {
                let mut new = live.clone().unwrap();
                merge_patch(&mut new, body);
                new
            }
            "strategic" => strategic_merge(live.clone().unwrap(), body.clone(), &ty).unwrap(),
            _ => body.clone(),
        };
        if live.is_some() {
            new["metadata"]["uid"] = json!("u");
        }
        finish(&mut new, &ty, is_custom);
        keep_rest(&mut new, live.as_ref(), subresource, has_status, &ty);
        if text("do") != "apply" {
            let object = Object::try_from(new).unwrap();
            new = Value::from(update(live_object.as_ref(), object, &request));
        }
        let mut new = Object::try_from(new).unwrap();
        if let Some(live) = &live_object {
            ignore_timestamps(&mut new, live);
        }
        Ok(Value::from(new))
    }
}

/// Lists of errors come in no order upstream and end at the first unknown field of a level.
fn same_errors(ours: &str, theirs: &str) -> bool {
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort();
        lines
    };
    lines(ours) == lines(theirs)
}

fn compare(at: &str, path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left
                .keys()
                .chain(right.keys().filter(|key| !left.contains_key(*key)))
            {
                let path = format!("{path}/{key}");
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

#[test]
fn recorded_sequences() {
    // `FIRST=1000 COUNT=5 record.py …` records more than is kept here.
    let folder = std::env::var_os("KLUCTL_REPLAY").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/cases"),
        Into::into,
    );
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut steps = 0;
    let mut differences = Vec::new();
    for file in &files {
        let case = Case {
            name: file.file_stem().unwrap().to_str().unwrap().to_owned(),
            golden: serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap(),
        };
        steps += case.golden["steps"].as_array().unwrap().len();
        differences.extend(case.replay());
    }
    println!(
        "{} cases, {steps} steps, {} differences",
        files.len(),
        differences.len()
    );
    assert!(steps > 500, "only {steps} steps");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
