//! Deleting objects: preconditions, finalizers, propagation.
//!
//! Source: apiserver `pkg/registry/generic/registry/store.go`, `pkg/registry/rest/delete.go`.

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::body;
use crate::request::{Query, Request, read_dry_run};
use crate::status::{ApiError, Cause, go_quote};
use crate::store::Expect;
use crate::strategy;
use crate::write::{Target, is_finished, typed};

/// What a deletion asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
}

impl DeleteOptions {
    /// Reads the body, or the parameters where there is none.
    ///
    /// Source: kubernetes `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/delete.go`.
    pub(crate) fn read(request: &Request) -> Result<Self, ApiError> {
        let nothing = Query::parse("");
        let query = if request.body.is_empty() {
            &request.query
        } else {
            &nothing
        };
        let mut causes = Vec::new();
        let mut options = Self {
            dry_run: read_dry_run(query, &mut causes),
            grace: read_grace(query.get("gracePeriodSeconds"))?,
            propagation: Some(query.get("propagationPolicy").to_owned()).filter(|policy| !policy.is_empty()),
            ..Self::default()
        };
        let mut orphan = match query.get("orphanDependents") {
            "" => None,
            text => Some(text == "true"),
        };
        if !request.body.is_empty() {
            let body = body::read(&request.body, true)
                .map_err(ApiError::bad_request)?
                .value;
            let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            options.grace = body["gracePeriodSeconds"].as_i64().or(options.grace);
            options.propagation = text("/propagationPolicy").or(options.propagation);
            options.uid = text("/preconditions/uid");
            options.version = text("/preconditions/resourceVersion");
            orphan = body["orphanDependents"].as_bool().or(orphan);
            for value in body["dryRun"].as_array().into_iter().flatten() {
                match value.as_str() {
                    Some("All") => options.dry_run = true,
                    other => causes.push(Cause::not_supported(
                        "dryRun",
                        other.unwrap_or_default(),
                        &["All"],
                    )),
                }
            }
        }
        match options.propagation.as_deref() {
            None | Some("Foreground" | "Background" | "Orphan") => {}
            Some(other) => causes.push(Cause::not_supported(
                "propagationPolicy",
                other,
                &["Foreground", "Background", "Orphan", "nil"],
            )),
        }
        if orphan.is_some() && options.propagation.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid(
                "propagationPolicy",
                options.propagation.clone().unwrap_or_default(),
                detail,
            ));
        }
        if orphan == Some(true) {
            options.propagation = Some("Orphan".to_owned());
        }
        if causes.is_empty() {
            Ok(options)
        } else {
            Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &causes))
        }
    }
}

fn read_grace(text: &str) -> Result<Option<i64>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(format!(
            "strconv.ParseInt: parsing {}: invalid syntax",
            go_quote(text)
        ))
    })
}

/// What came of a deletion.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) object: Object,
    /// Whether it is gone at once.
    pub(crate) gone: bool,
}

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Sandbox {
    /// Deletes an object, or marks it when something holds it back.
    pub(crate) fn delete(&self, target: &Target, options: &DeleteOptions) -> Result<Deleted, ApiError> {
        const ATTEMPTS: usize = 1000;
        for _ in 0..ATTEMPTS {
            if let Some(deleted) = self.try_delete(target, options)? {
                return Ok(deleted);
            }
        }
        let resource = &target.resource;
        Err(ApiError::modified(
            &resource.group,
            &resource.plural,
            &target.name,
        ))
    }

    fn try_delete(&self, target: &Target, options: &DeleteOptions) -> Result<Option<Deleted>, ApiError> {
        let resource = &*target.resource;
        let key = target.key();
        let stored = self.store.get(&key).ok_or_else(|| target.not_found())?;
        let mut live = stored.parse();
        typed(resource, &mut live);
        check(target, &live, options)?;
        let mut marked = live.clone();
        self.mark(target, &mut marked, options);
        let already = live.at(&["metadata", "deletionTimestamp"]).is_some();
        let holds = !is_finished(resource, &marked);
        if !holds {
            let is_pod = resource.is("", "pods");
            if options.dry_run {
                return Ok(Some(Deleted {
                    object: if is_pod { marked } else { live },
                    gone: true,
                }));
            }
            let mut version = stored.version;
            let object = if is_pod && !already {
                // Pods are marked first, which those who watch them see.
                match self.store.put(&key, Expect::Version(version), &mut marked) {
                    Ok(next) => version = next.version,
                    Err(_) => return Ok(None),
                }
                typed(resource, &mut marked);
                marked
            } else if resource.is("", "namespaces") || is_pod {
                marked
            } else {
                live.clone()
            };
            if self.store.remove(&key, version).is_err() {
                return Ok(None);
            }
            self.after_write(resource, Some(&live), None);
            return Ok(Some(Deleted { object, gone: true }));
        }
        if already && marked == live {
            return Ok(Some(Deleted {
                object: live,
                gone: false,
            }));
        }
        if options.dry_run {
            return Ok(Some(Deleted {
                object: marked,
                gone: false,
            }));
        }
        if self
            .store
            .put(&key, Expect::Version(stored.version), &mut marked)
            .is_err()
        {
            return Ok(None);
        }
        typed(resource, &mut marked);
        self.after_write(resource, Some(&live), Some(&marked));
        Ok(Some(Deleted {
            object: marked,
            gone: false,
        }))
    }

    /// Sets what a deletion sets on an object that stays for a while.
    fn mark(&self, target: &Target, object: &mut Object, options: &DeleteOptions) {
        let resource = &*target.resource;
        let list = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
        let mut finalizers = list.cloned().unwrap_or_default();
        // Nothing depends on events.
        let is_event = &*resource.storage == "events";
        if let Some(policy) = options.propagation.as_deref().filter(|_| !is_event) {
            finalizers.retain(|name| name != FOREGROUND && name != ORPHAN);
            match policy {
                "Foreground" => finalizers.push(Value::from(FOREGROUND)),
                "Orphan" => finalizers.push(Value::from(ORPHAN)),
                _ => {}
            }
        }
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            let cleanup = "customresourcecleanup.apiextensions.k8s.io";
            let already = object.at(&["metadata", "deletionTimestamp"]).is_some();
            if !already && !finalizers.iter().any(|name| name == cleanup) {
                finalizers.push(Value::from(cleanup));
            }
        }
        if finalizers.is_empty() {
            object.remove(&["metadata", "finalizers"]);
        } else {
            object.set(&["metadata", "finalizers"], Value::Array(finalizers));
        }
        let first = object.at(&["metadata", "deletionTimestamp"]).is_none();
        let mut grace = 0;
        if resource.is("", "pods") {
            let scheduled = object
                .str_at(&["spec", "nodeName"])
                .is_some_and(|node| !node.is_empty());
            let ended = matches!(object.str_at(&["status", "phase"]), Some("Succeeded" | "Failed"));
            if scheduled && !ended && !self.controllers {
                let own = object
                    .at(&["spec", "terminationGracePeriodSeconds"])
                    .and_then(Value::as_i64);
                grace = options.grace.or(own).unwrap_or(30);
            }
        }
        if first {
            object.set(
                &["metadata", "deletionTimestamp"],
                Value::from(crate::time::now()),
            );
        }
        let known = object
            .at(&["metadata", "deletionGracePeriodSeconds"])
            .and_then(Value::as_i64);
        if known.is_none_or(|known| grace < known) {
            let needed = !resource.is("", "namespaces") || known.is_some();
            if needed {
                object.set(&["metadata", "deletionGracePeriodSeconds"], Value::from(grace));
            }
        }
        if first && strategy::is_counted(resource) {
            let generation = object
                .at(&["metadata", "generation"])
                .and_then(Value::as_i64)
                .unwrap_or(0);
            if generation > 0 && !resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
                object.set(&["metadata", "generation"], Value::from(generation + 1));
            }
        }
        if resource.is("", "namespaces") {
            object.set(&["status", "phase"], Value::from("Terminating"));
        }
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            object.remove(&["metadata", "deletionGracePeriodSeconds"]);
            let condition = json!({
                "type": "Terminating", "status": "True", "lastTransitionTime": crate::time::now(),
                "reason": "InstanceDeletionPending",
                "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            });
            let mut conditions = object
                .at(&["status", "conditions"])
                .cloned()
                .unwrap_or_else(|| json!([]));
            if let Some(list) = conditions.as_array_mut()
                && !list.iter().any(|known| known["type"] == "Terminating")
            {
                list.push(condition);
            }
            object.set(&["status", "conditions"], conditions);
        }
    }

    /// Deletes everything a definition has defined, and then the definition.
    pub(crate) fn finish_definition(&self, definition: &Object) {
        let name = definition.name();
        let cleanup = "customresourcecleanup.apiextensions.k8s.io";
        let finalizers = definition
            .at(&["metadata", "finalizers"])
            .and_then(Value::as_array);
        if !finalizers.is_some_and(|list| list.iter().any(|known| known == cleanup)) {
            return;
        }
        if let Some(resource) = self.resources.of_storage(name) {
            let mut left = false;
            for (key, _) in self.store.list(name, None).items {
                let target = Target {
                    resource: resource.clone(),
                    namespace: key.namespace.to_string(),
                    name: key.name.to_string(),
                    subresource: String::new(),
                };
                let done = self.delete(&target, &DeleteOptions::default());
                left |= done.is_ok_and(|deleted| !deleted.gone);
            }
            if left {
                return;
            }
        }
        let Some(resource) = self
            .resources
            .find("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        else {
            return;
        };
        let target = Target {
            resource,
            namespace: String::new(),
            name: name.to_owned(),
            subresource: String::new(),
        };
        let options = Self::own_options("kube-apiserver");
        // It can only fail when somebody else has finished it.
        drop(self.update_with(&target, &options, &mut Vec::new(), &|live, _| {
            let mut new = live.clone();
            let list = live.at(&["metadata", "finalizers"]).and_then(Value::as_array);
            let kept: Vec<Value> = list
                .into_iter()
                .flatten()
                .filter(|known| *known != cleanup)
                .cloned()
                .collect();
            if kept.is_empty() {
                new.remove(&["metadata", "finalizers"]);
            } else {
                new.set(&["metadata", "finalizers"], Value::Array(kept));
            }
            Ok(new)
        }));
    }
}

fn check(target: &Target, live: &Object, options: &DeleteOptions) -> Result<(), ApiError> {
    let resource = &*target.resource;
    let text = |key: &str| live.str_at(&["metadata", key]).unwrap_or_default();
    // Events of both groups are one kind.
    let group = match resource.group.as_str() {
        "events.k8s.io" => "",
        group => group,
    };
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != text("uid")) {
        if resource.is("", "namespaces") {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                text("uid")
            );
            return Err(ApiError::conflict("", "namespaces", &target.name, &why));
        }
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            text("uid")
        );
        return Err(ApiError::conflict(group, &resource.kind, &target.name, &why));
    }
    if let Some(version) = options
        .version
        .as_deref()
        .filter(|version| *version != text("resourceVersion"))
    {
        if resource.is("", "namespaces") {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
                text("resourceVersion")
            );
            return Err(ApiError::conflict("", "namespaces", &target.name, &why));
        }
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). The object might have been modified",
            text("resourceVersion")
        );
        return Err(ApiError::conflict(group, &resource.kind, &target.name, &why));
    }
    if resource.is("", "namespaces")
        && matches!(target.name.as_str(), "default" | "kube-system" | "kube-public")
    {
        let why = "this namespace may not be deleted";
        return Err(ApiError::forbidden("", "namespaces", &target.name, why));
    }
    Ok(())
}
