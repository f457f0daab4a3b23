//! Filling a sandbox from elsewhere, and where sandboxes without a folder of their own are kept.

use std::path::{Path, PathBuf};

use kluctl_object::{Object, ObjectRef};
use serde_json::Value;

use crate::Sandbox;
use crate::request::Validation;
use crate::status::ApiError;
use crate::store::Key;
use crate::write::{Target, admit};

/// Why one object was not imported.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {message}")]
pub struct ImportError {
    /// Which one.
    pub object: ObjectRef,
    /// Why.
    pub message: String,
}

/// What came of an import.
#[derive(Debug, Default)]
pub struct Imported {
    /// How many objects are there now that were not, or that have changed.
    pub count: usize,
    /// The ones that were left out.
    pub errors: Vec<ImportError>,
}

/// Where the sandbox of a project and a context is kept below the user's cache folder.
///
/// Projects are told apart by their folder; a context may contain what a file name may not.
pub fn store_folder(cache: &Path, project: &Path, context: &str) -> PathBuf {
    cache
        .join("sandbox")
        .join(hash(
            &project.components().collect::<PathBuf>().display().to_string(),
        ))
        .join(file_name(context))
}

/// Twelve characters that tell texts apart.
fn hash(text: &str) -> String {
    let mut sum: u64 = 14_695_981_039_346_656_037;
    for byte in text.bytes() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    }
    format!("{sum:016x}")
}

fn file_name(context: &str) -> String {
    let plain: String = context
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if plain == context && !plain.is_empty() && !plain.starts_with('.') {
        plain
    } else {
        format!("{plain}-{}", hash(context))
    }
}

fn rank(object: &Object) -> u8 {
    match object.kind() {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        _ => 2,
    }
}

impl Sandbox {
    /// Takes objects in as they are elsewhere: with their labels, their managed fields and their status. Lists are opened,
    /// namespaces and definitions come first, and a namespace that is missing is made.
    pub fn import(&self, objects: Vec<Value>) -> Imported {
        let mut flat = Vec::new();
        for value in objects {
            flatten(value, &mut flat);
        }
        flat.sort_by_key(rank);
        let mut done = Imported::default();
        for object in flat {
            let reference = object.reference();
            match self.import_one(object) {
                Ok(true) => done.count += 1,
                Ok(false) => {}
                Err(error) => done.errors.push(ImportError {
                    object: reference,
                    message: error.message().to_owned(),
                }),
            }
        }
        done
    }

    fn import_one(&self, mut object: Object) -> Result<bool, ApiError> {
        let gvk = object.gvk();
        let resource = self.resources.of_kind(&gvk).ok_or_else(|| {
            ApiError::bad_request(format!(
                "no matches for kind {:?} in version {:?}",
                gvk.kind,
                gvk.api_version()
            ))
        })?;
        let namespace = match (resource.namespaced, object.namespace()) {
            (true, Some(namespace)) => namespace.to_owned(),
            (true, None) => "default".to_owned(),
            (false, _) => String::new(),
        };
        if resource.namespaced {
            let missing = serde_json::json!({"metadata": {"name": namespace}});
            self.ensure("", "v1", "namespaces", "", &namespace, missing)?;
        }
        for key in [
            "uid",
            "resourceVersion",
            "selfLink",
            "ownerReferences",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            object.remove(&["metadata", key]);
        }
        if resource.is("batch", "jobs") && object.at(&["spec", "manualSelector"]) != Some(&Value::Bool(true))
        {
            forget_selector(&mut object);
        }
        let managers = object.remove(&["metadata", "managedFields"]);
        admit(
            &resource,
            &mut object,
            Vec::new(),
            Validation::Ignore,
            &mut Vec::new(),
        )?;
        if let Some(managers) = managers {
            object.set(&["metadata", "managedFields"], managers);
        }
        crate::convert::to_storage(&resource, &mut object);
        let status = object.at(&["status"]).cloned();
        let target = Target {
            resource: resource.clone(),
            namespace: namespace.clone(),
            name: object.name().to_owned(),
            subresource: String::new(),
        };
        let key = Key {
            resource: resource.storage.clone(),
            namespace: namespace.as_str().into(),
            name: object.name().into(),
        };
        let options = Self::own_options("kluctl-sandbox-import");
        let before = self.store.get(&key).map(|stored| stored.version);
        if before.is_some() {
            self.update(&target, &object, &options, &mut Vec::new())?;
        } else {
            self.create(&target, object, &options, &mut Vec::new())?;
        }
        let is_definition = resource.is("apiextensions.k8s.io", "customresourcedefinitions");
        if let Some(status) = status.filter(|_| resource.has_status() && !is_definition) {
            self.change(&key, "status", "kluctl-sandbox-import", &|object| {
                object.set(&["status"], status.clone());
            });
        }
        Ok(self.store.get(&key).map(|stored| stored.version) != before)
    }
}

/// What was generated from a Job's identity is generated again from its new one.
fn forget_selector(job: &mut Object) {
    job.remove(&["spec", "selector"]);
    for key in [
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "controller-uid",
        "job-name",
    ] {
        job.remove(&["spec", "template", "metadata", "labels", key]);
    }
}

fn flatten(value: Value, into: &mut Vec<Object>) {
    let is_list =
        value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array();
    if is_list {
        for item in value["items"].as_array().into_iter().flatten() {
            flatten(item.clone(), into);
        }
    } else if let Ok(object) = Object::try_from(value) {
        into.push(object);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Options;

    #[test]
    fn contexts_become_names_of_folders() {
        let folder = |context: &str| store_folder(Path::new("/c"), Path::new("/p"), context);
        assert!(folder("prod").ends_with("prod"));
        assert_ne!(folder("a/b"), folder("a_b"));
        assert_ne!(folder(".."), folder("."));
    }

    #[test]
    fn objects_come_in_with_their_status() {
        let sandbox = Sandbox::open(Options::default()).unwrap();
        let done = sandbox.import(vec![json!({"kind": "List", "apiVersion": "v1", "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "new", "uid": "x"}, "data": {"k": "v"}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]},
             "status": {"phase": "Running"}},
            {"apiVersion": "none/v1", "kind": "None", "metadata": {"name": "x"}},
        ]})]);
        assert_eq!(done.count, 2, "{done:?}");
        assert_eq!(done.errors.len(), 1);
        let key = Key {
            resource: "pods".into(),
            namespace: "default".into(),
            name: "p".into(),
        };
        assert_eq!(
            sandbox
                .store
                .get(&key)
                .unwrap()
                .parse()
                .str_at(&["status", "phase"]),
            Some("Running")
        );
    }
}
