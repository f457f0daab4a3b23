//! Creating and updating objects: decoding, admission, validation, ownership, storage.

use std::sync::Arc;

use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::allocate;
use crate::body;
use crate::custom;
use crate::decode;
use crate::fields;
use crate::request::{Validation, WriteOptions};
use crate::resources::Resource;
use crate::status::{ApiError, Cause};
use crate::store::{Expect, Key, Outdated};
use crate::strategy;
use crate::validation;

/// What a path names.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

impl Target {
    pub(crate) fn key(&self) -> Key {
        Key {
            resource: self.resource.storage.clone(),
            namespace: self.namespace.as_str().into(),
            name: self.name.as_str().into(),
        }
    }

    pub(crate) fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.resource.group, &self.resource.plural, &self.name)
    }
}

/// A written object, and whether it is new.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) object: Object,
    pub(crate) created: bool,
}

/// Makes a new object, with its managed fields, of the live one.
type Change<'a> = dyn Fn(&Object, &mut Vec<String>) -> Result<Object, ApiError> + 'a;

const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Five random characters, as `generateName` adds.
pub(crate) fn random_suffix() -> String {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    bytes[..5]
        .iter()
        .map(|byte| char::from(SUFFIX_ALPHABET[usize::from(*byte) % SUFFIX_ALPHABET.len()]))
        .collect()
}

/// The object a body holds, checked for its kind.
pub(crate) fn read_object(
    resource: &Resource,
    bytes: &[u8],
    yaml: bool,
) -> Result<(Object, Vec<String>), ApiError> {
    let unrecognized = |why: String| {
        ApiError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {why} ({})",
            resource.kind,
            excerpt(bytes)
        ))
    };
    let body = body::read(bytes, yaml)
        .map_err(|error| unrecognized(format!("couldn't get version/kind; json parse error: {error}")))?;
    let mut object = body::object(body.value).map_err(unrecognized)?;
    let (api_version, kind) = (object.api_version().to_owned(), object.kind().to_owned());
    if resource.custom.is_some() {
        let shown = || String::from_utf8_lossy(bytes).into_owned();
        if kind.is_empty() {
            return Err(unrecognized(format!("Object 'Kind' is missing in '{}'", shown())));
        }
        if api_version != resource.api_version() {
            return Err(ApiError::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({})",
                resource.api_version()
            )));
        }
        if kind != resource.kind {
            let cause = Cause::invalid("kind", kind.as_str(), format!("must be {}", resource.kind));
            return Err(ApiError::invalid(&resource.group, &kind, object.name(), &[cause]));
        }
    } else {
        let wanted = resource.api_version();
        let other = |why: String| {
            ApiError::bad_request(format!(
                "{} in version {:?} cannot be handled as a {}: {why}",
                if kind.is_empty() { &resource.kind } else { &kind },
                api_version.rsplit('/').next().unwrap_or_default(),
                resource.kind
            ))
        };
        if !api_version.is_empty() && api_version != wanted || !kind.is_empty() && kind != resource.kind {
            let gvk = object.gvk();
            let is_known = kluctl_schema::kubernetes().type_of(&gvk).is_some();
            let scheme = "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\"";
            if !is_known {
                return Err(other(
                    scheme.replace("{kind}", &kind).replace("{version}", &api_version),
                ));
            }
            if kind == resource.kind && gvk.group == resource.group {
                return Err(ApiError::bad_request(format!(
                    "the API version in the data ({api_version}) does not match the expected API version ({wanted})"
                )));
            }
            let package = |group: &str| match group {
                "" | "events.k8s.io" => "core".to_owned(),
                group => group.split('.').next().unwrap_or_default().to_owned(),
            };
            return Err(other(format!(
                "converting ({}.{kind}) to ({}.{}): unknown conversion",
                gvk.version,
                package(&resource.group),
                resource.kind
            )));
        }
        object.set(&["apiVersion"], Value::from(wanted));
        object.set(&["kind"], Value::from(resource.kind.as_str()));
    }
    Ok((object, body.duplicates))
}

/// The start of a body, as errors quote it: what looks like no JSON object in hexadecimal.
fn excerpt(bytes: &[u8]) -> String {
    const MOST: usize = 1024;
    let shown = &bytes[..bytes.len().min(MOST)];
    let mut text = match shown {
        [] => return "<empty>".to_owned(),
        [b'{', ..] => String::from_utf8_lossy(shown).into_owned(),
        other => other.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if bytes.len() > MOST {
        text.push_str(" ...");
    }
    text
}

/// Brings an object into the form its kind has in the server: known fields, canonical values, defaults.
///
/// Unknown fields become warnings or an error, as the request wants it.
pub(crate) fn admit(
    resource: &Resource,
    object: &mut Object,
    duplicates: Vec<String>,
    validation: Validation,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let handled = |why: &str| {
        ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            resource.kind, resource.version, resource.kind
        ))
    };
    let mut value = Value::Object(std::mem::take(object.as_map_mut()));
    let mut strict = duplicates;
    if resource.custom.is_some() {
        let unknown = kluctl_schema::prune(&mut value, &resource.ty);
        strict.extend(admit_metadata(&mut value).map_err(|error| handled(&error))?);
        strict.extend(
            unknown
                .into_iter()
                .map(|path| format!("unknown field \"{path}\"")),
        );
        kluctl_schema::drop_nulls(&mut value, &resource.ty);
        kluctl_schema::default_fields(&mut value, &resource.ty);
    } else {
        let findings = decode::decode(&mut value, &resource.ty);
        if let Some(error) = findings.error {
            return Err(handled(&error));
        }
        strict.extend(findings.unknown);
    }
    match validation {
        Validation::Strict if !strict.is_empty() => {
            return Err(handled(&format!("strict decoding error: {}", strict.join(", "))));
        }
        Validation::Warn => warnings.extend(strict),
        _ => {}
    }
    *object = Object::try_from(value).unwrap_or_default();
    strategy::convert(resource, object);
    Ok(())
}

/// Metadata of custom objects is that of every object, decoded by Go.
fn admit_metadata(value: &mut Value) -> Result<Vec<String>, String> {
    const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let (Some(metadata), Some(ty)) = (
        value.get_mut("metadata"),
        kluctl_schema::kubernetes().definition(OBJECT_META),
    ) else {
        return Ok(Vec::new());
    };
    let findings = decode::decode(metadata, &ty);
    match findings.error {
        Some(error) => Err(error),
        None => Ok(findings
            .unknown
            .into_iter()
            .map(|text| text.replacen("unknown field \"", "unknown field \"metadata.", 1))
            .collect()),
    }
}

impl Sandbox {
    /// Creates an object from a body that was read and admitted.
    pub(crate) fn create(
        &self,
        target: &Target,
        mut object: Object,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let resource = &*target.resource;
        place(target, &mut object)?;
        for key in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
        ] {
            object.remove(&["metadata", key]);
        }
        if object
            .str_at(&["metadata", "resourceVersion"])
            .is_some_and(|version| !version.is_empty())
        {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::bad_request(message));
        }
        let object = fields::track(self, resource, &target.subresource, None, object, options);
        self.create_tracked(target, object, options, warnings)
    }

    /// Creates an object whose managed fields are right already.
    pub(crate) fn create_tracked(
        &self,
        target: &Target,
        mut object: Object,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let resource = &*target.resource;
        let generates = object.name().is_empty()
            && object
                .str_at(&["metadata", "generateName"])
                .is_some_and(|n| !n.is_empty());
        if generates {
            let prefix = object.str_at(&["metadata", "generateName"]).unwrap_or_default();
            let prefix: String = prefix.chars().take(63 - 5).collect();
            let name = format!("{prefix}{}", random_suffix());
            object.set(&["metadata", "name"], Value::from(name));
        }
        self.check_namespace(target, object.name())?;
        object.set(
            &["metadata", "uid"],
            Value::from(uuid::Uuid::new_v4().to_string()),
        );
        object.set(
            &["metadata", "creationTimestamp"],
            Value::from(crate::time::now()),
        );
        strategy::prepare_create(resource, &mut object);
        self.admit_create(resource, &mut object)?;
        if resource.is("", "services") {
            allocate::check_families(None, &object)?;
        }
        let mut causes = validation::create(resource, &object);
        let key = Key {
            resource: resource.storage.clone(),
            namespace: target.namespace.as_str().into(),
            name: object.name().into(),
        };
        if causes.is_empty() && resource.is("", "services") {
            causes.extend(self.allocate_service(None, &mut object));
        }
        if !causes.is_empty() {
            return Err(invalid(resource, object.name(), &causes));
        }
        validation::warnings(resource, None, &object, warnings);
        let exists = || {
            let error = ApiError::already_exists(&resource.group, &resource.plural, &key.name);
            let ends = self
                .store
                .get(&key)
                .is_some_and(|stored| stored.parse().at(&["metadata", "deletionTimestamp"]).is_some());
            if ends {
                error.prefixed("object is being deleted: ")
            } else {
                error
            }
        };
        strategy::settle(resource, &mut object);
        if options.dry_run {
            if self.store.get(&key).is_some() {
                return Err(exists());
            }
            typed(resource, &mut object);
            return Ok(Written {
                object,
                created: true,
            });
        }
        self.store
            .put(&key, Expect::Absent, &mut object)
            .map_err(|Outdated| exists())?;
        typed(resource, &mut object);
        self.after_write(resource, None, Some(&object));
        Ok(Written {
            object,
            created: true,
        })
    }

    /// Creates an object for the sandbox's own needs.
    pub(crate) fn create_own(
        &self,
        resource: &Arc<Resource>,
        namespace: &str,
        object: Value,
        manager: &str,
    ) -> Result<Object, ApiError> {
        let mut object = Object::try_from(object).unwrap_or_default();
        let mut warnings = Vec::new();
        admit(
            resource,
            &mut object,
            Vec::new(),
            Validation::Ignore,
            &mut warnings,
        )?;
        let target = Target {
            resource: resource.clone(),
            namespace: namespace.to_owned(),
            name: String::new(),
            subresource: String::new(),
        };
        let written = self.create(&target, object, &Self::own_options(manager), &mut warnings)?;
        Ok(written.object)
    }

    /// Namespaces must be there and not be ending.
    fn check_namespace(&self, target: &Target, name: &str) -> Result<(), ApiError> {
        if !target.resource.namespaced {
            return Ok(());
        }
        let namespace = target.namespace.as_str();
        let key = Key {
            resource: "namespaces".into(),
            namespace: "".into(),
            name: namespace.into(),
        };
        let stored = self
            .store
            .get(&key)
            .ok_or_else(|| ApiError::not_found("", "namespaces", namespace))?;
        if !stored
            .json
            .windows(19)
            .any(|window| window == b"\"deletionTimestamp\"")
        {
            return Ok(());
        }
        if stored.parse().at(&["metadata", "deletionTimestamp"]).is_none() {
            return Ok(());
        }
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        });
        let resource = &target.resource;
        Err(ApiError::forbidden(&resource.group, &resource.plural, name, &why).with_cause(cause))
    }

    /// What admission plugins add to new objects.
    fn admit_create(&self, resource: &Resource, object: &mut Object) -> Result<(), ApiError> {
        if resource.is("", "pods") {
            self.admit_pod(object)?;
        }
        if resource.is("networking.k8s.io", "ingresses") {
            self.admit_ingress(object);
        }
        if resource.is("", "persistentvolumeclaims") {
            self.admit_claim(object);
        }
        if resource.is("", "nodes") && !self.controllers {
            untried(object);
        }
        if resource.is("", "persistentvolumes") {
            protect(object, "kubernetes.io/pv-protection");
        }
        if resource.is("storage.k8s.io", "volumeattributesclasses") {
            protect(object, "kubernetes.io/vac-protection");
        }
        Ok(())
    }

    /// Priority and default tolerations.
    fn admit_pod(&self, pod: &mut Object) -> Result<(), ApiError> {
        let class = pod
            .str_at(&["spec", "priorityClassName"])
            .filter(|name| !name.is_empty())
            .map(str::to_owned);
        let found = match &class {
            Some(name) => {
                let key = Key {
                    resource: "priorityclasses.scheduling.k8s.io".into(),
                    namespace: "".into(),
                    name: name.as_str().into(),
                };
                let stored = self.store.get(&key).ok_or_else(|| {
                    let why = format!("no PriorityClass with name {name} was found");
                    ApiError::forbidden("", "pods", pod.name(), &why)
                })?;
                Some(stored.parse())
            }
            None => None,
        };
        let value = found.as_ref().and_then(|class| class.at(&["value"]).cloned());
        let policy = found
            .as_ref()
            .and_then(|class| class.at(&["preemptionPolicy"]).cloned());
        let value = value.unwrap_or_else(|| json!(0));
        let policy = policy.unwrap_or_else(|| json!("PreemptLowerPriority"));
        let refused = |why: String| ApiError::forbidden("", "pods", pod.name(), &why);
        if let Some(given) = pod
            .at(&["spec", "preemptionPolicy"])
            .filter(|given| **given != policy)
        {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            return Err(refused(format!(
                "the string value of PreemptionPolicy ({}) must not be provided in pod spec; priority admission controller computed {} from the given PriorityClass name",
                text(given),
                text(&policy)
            )));
        }
        if let Some(given) = pod.at(&["spec", "priority"]).filter(|given| **given != value) {
            return Err(refused(format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
            )));
        }
        let has = |key: &str| pod.at(&["spec", key]).is_some_and(|value| !value.is_null());
        if has("overhead") && !has("runtimeClassName") {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
            return Err(refused(why.to_owned()));
        }
        pod.set(&["spec", "priority"], value);
        pod.set(&["spec", "preemptionPolicy"], policy);
        strategy::default_tolerations(pod);
        Ok(())
    }

    fn default_of(&self, storage: &str, annotation: &str) -> Option<String> {
        let marked = |object: &Object| object.annotation(annotation) == Some("true");
        let items = self.store.list(storage, None).items;
        let found = items.into_iter().find(|(_, stored)| marked(&stored.parse()));
        found.map(|(key, _)| key.name.to_string())
    }

    fn admit_ingress(&self, ingress: &mut Object) {
        let has_class = ingress.at(&["spec", "ingressClassName"]).is_some()
            || ingress.annotation("kubernetes.io/ingress.class").is_some();
        if has_class {
            return;
        }
        let annotation = "ingressclass.kubernetes.io/is-default-class";
        if let Some(name) = self.default_of("ingressclasses.networking.k8s.io", annotation) {
            ingress.set(&["spec", "ingressClassName"], Value::from(name));
        }
    }

    fn admit_claim(&self, claim: &mut Object) {
        protect(claim, "kubernetes.io/pvc-protection");
        if claim.at(&["spec", "storageClassName"]).is_none() {
            let annotation = "storageclass.kubernetes.io/is-default-class";
            if let Some(name) = self.default_of("storageclasses.storage.k8s.io", annotation) {
                claim.set(&["spec", "storageClassName"], Value::from(name));
            }
        }
    }

    /// Replaces an object by what `change` makes of it; repeats when someone else is faster.
    ///
    /// `change` gets the live object and returns the new one with its managed fields.
    pub(crate) fn update_with(
        &self,
        target: &Target,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
        change: &Change<'_>,
    ) -> Result<Written, ApiError> {
        const ATTEMPTS: usize = 1000;
        let key = target.key();
        let resource = &*target.resource;
        for _ in 0..ATTEMPTS {
            let stored = self.store.get(&key).ok_or_else(|| target.not_found())?;
            let mut live = stored.parse();
            typed(resource, &mut live);
            let mut told = Vec::new();
            let new = match change(&live, &mut told) {
                Ok(new) => new,
                Err(error) => {
                    warnings.extend(told);
                    return Err(error);
                }
            };
            match self.replace(target, &live, stored.version, new, options, &mut told) {
                Ok(Some(written)) => {
                    warnings.extend(told);
                    return Ok(written);
                }
                Ok(None) => {}
                Err(error) => {
                    warnings.extend(told);
                    return Err(error);
                }
            }
        }
        Err(ApiError::modified(
            &resource.group,
            &resource.plural,
            &target.name,
        ))
    }

    /// One attempt; `None` when the object has changed meanwhile.
    fn replace(
        &self,
        target: &Target,
        live: &Object,
        version: u64,
        mut new: Object,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Written>, ApiError> {
        let resource = &*target.resource;
        check_preconditions(target, live, &new)?;
        for key in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "namespace",
            "name",
        ] {
            match live.at(&["metadata", key]) {
                Some(value) => new.set(&["metadata", key], value.clone()),
                None => drop(new.remove(&["metadata", key])),
            }
        }
        new.set(&["metadata", "resourceVersion"], Value::from(version.to_string()));
        strategy::prepare_update(resource, &target.subresource, live, &mut new);
        if matches!(target.subresource.as_str(), "" | "scale")
            && strategy::counts_change(resource, live, &new)
        {
            let generation = live
                .at(&["metadata", "generation"])
                .and_then(Value::as_i64)
                .unwrap_or(0);
            new.set(&["metadata", "generation"], Value::from(generation + 1));
        }
        if resource.is("", "services") && target.subresource.is_empty() {
            allocate::check_families(Some(live), &new)?;
        }
        let mut causes = validation::update(resource, &target.subresource, live, &new);
        if causes.is_empty() && resource.is("", "services") && target.subresource.is_empty() {
            causes.extend(self.allocate_service(Some(live), &mut new));
        }
        if !causes.is_empty() {
            return Err(invalid(resource, new.name(), &causes));
        }
        let generation = ["metadata", "generation"];
        let is_workload =
            matches!(resource.group.as_str(), "apps" | "batch") || resource.is("", "replicationcontrollers");
        let is_counted = if resource.is("apps", "daemonsets") {
            new.at(&["spec", "template"]) != live.at(&["spec", "template"])
        } else {
            new.at(&generation) != live.at(&generation)
        };
        if !is_workload || is_counted {
            validation::warnings(resource, Some(live), &new, warnings);
        }
        strategy::settle(resource, &mut new);
        fields::ignore_timestamps(&mut new, live);
        let written = |object| {
            Some(Written {
                object,
                created: false,
            })
        };
        let ends = live.at(&["metadata", "deletionTimestamp"]).is_some() && is_finished(resource, &new);
        if new == *live && !ends {
            return Ok(written(new));
        }
        if options.dry_run {
            return Ok(written(new));
        }
        let key = target.key();
        if ends {
            if self.store.remove(&key, version).is_err() {
                return Ok(None);
            }
            self.after_write(resource, Some(live), None);
            return Ok(written(new));
        }
        if self.store.put(&key, Expect::Version(version), &mut new).is_err() {
            return Ok(None);
        }
        typed(resource, &mut new);
        self.after_write(resource, Some(live), Some(&new));
        Ok(written(new))
    }

    /// Replaces an object by a body that was read and admitted.
    pub(crate) fn update(
        &self,
        target: &Target,
        object: &Object,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let resource = &*target.resource;
        let mut object = object.clone();
        if object.name() != target.name {
            if object.name().is_empty() {
                let cause = Cause::required("metadata.name", "name is required");
                let bare = strategy::creates_on_update(resource);
                if bare || resource.custom.is_some() {
                    return Err(ApiError::invalid(&resource.group, &resource.kind, "", &[cause]));
                }
            }
            return Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                object.name(),
                target.name
            )));
        }
        place(target, &mut object)?;
        if self.store.get(&target.key()).is_none() {
            let free = object
                .str_at(&["metadata", "resourceVersion"])
                .is_none_or(str::is_empty);
            if strategy::creates_on_update(resource) && target.subresource.is_empty() && free {
                return self.create(target, object, options, warnings);
            }
            return Err(target.not_found());
        }
        self.update_with(target, options, warnings, &|live, _| {
            let tracked = fields::track(
                self,
                resource,
                &target.subresource,
                Some(live),
                object.clone(),
                options,
            );
            Ok(tracked)
        })
    }

    /// Keeps up with what was written: definitions, addresses, owners, controllers.
    pub(crate) fn after_write(&self, resource: &Resource, before: Option<&Object>, after: Option<&Object>) {
        if let Some(object) = after.or(before).filter(|_| self.controllers) {
            let key = Key {
                resource: resource.storage.clone(),
                namespace: object.namespace().unwrap_or_default().into(),
                name: object.name().into(),
            };
            self.note_owners(&key, before, after);
        }
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            self.definition_changed(before, after);
        }
        if resource.is("", "services") {
            match (before, after) {
                (Some(before), after) => self.release_service(before, after),
                (None, Some(after)) => self.take_service(after),
                (None, None) => {}
            }
        }
        self.settle();
    }

    fn definition_changed(&self, before: Option<&Object>, after: Option<&Object>) {
        let Some(definition) = after else {
            if let Some(before) = before {
                self.resources.set_custom(before.name(), Vec::new());
            }
            return;
        };
        if definition.at(&["metadata", "deletionTimestamp"]).is_some() {
            self.finish_definition(definition);
            return;
        }
        let name = definition.name().to_owned();
        let taken = |wanted: &str| {
            let other = self.resources.custom().into_iter().find(|resource| {
                let group = definition.str_at(&["spec", "group"]).unwrap_or_default();
                resource.group == group
                    && *resource.storage != *name
                    && [
                        &resource.plural,
                        &resource.singular,
                        &resource.kind,
                        &resource.list_kind,
                    ]
                    .contains(&&wanted.to_owned())
            });
            other.map(|_| format!("{wanted:?} is already in use"))
        };
        let now = crate::time::now();
        let mut changed = definition.clone();
        if custom::establish(&mut changed, taken, &now) {
            self.write_own_status(
                "apiextensions.k8s.io",
                "customresourcedefinitions",
                "kube-apiserver",
                &changed,
            );
        } else if custom::is_established(definition) {
            self.resources.set_custom(&name, custom::versions(definition));
        }
    }

    /// Writes the status of an object for the sandbox's own needs; a failure means that it is gone.
    pub(crate) fn write_own_status(&self, group: &str, plural: &str, manager: &str, object: &Object) {
        let version = if group == "autoscaling" { "v2" } else { "v1" };
        let Some(resource) = self.resources.find(group, version, plural) else {
            return;
        };
        let target = Target {
            resource,
            namespace: object.namespace().unwrap_or_default().to_owned(),
            name: object.name().to_owned(),
            subresource: "status".to_owned(),
        };
        let status = object.at(&["status"]).cloned().unwrap_or_default();
        let options = Self::own_options(manager);
        let done = self.update_with(&target, &options, &mut Vec::new(), &|live, _| {
            let mut new = live.clone();
            new.set(&["status"], status.clone());
            Ok(fields::track(
                self,
                &target.resource,
                "status",
                Some(live),
                new,
                &options,
            ))
        });
        // It can only fail when the object is gone meanwhile.
        drop(done);
    }
}

/// An object that is not valid; events of both groups are one kind.
fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> ApiError {
    let group = match resource.group.as_str() {
        "events.k8s.io" => "",
        group => group,
    };
    ApiError::invalid(group, &resource.kind, name, causes)
}

/// New nodes take no Pods until something has said that they are ready.
fn untried(node: &mut Object) {
    const KEY: &str = "node.kubernetes.io/not-ready";
    let taints = node.at(&["spec", "taints"]).and_then(Value::as_array);
    let mut list = taints.cloned().unwrap_or_default();
    if !list
        .iter()
        .any(|taint| taint["key"] == KEY && taint["effect"] == "NoSchedule")
    {
        list.push(json!({"key": KEY, "effect": "NoSchedule"}));
        node.set(&["spec", "taints"], Value::Array(list));
    }
}

/// Adds a finalizer unless it is there.
fn protect(object: &mut Object, finalizer: &str) {
    let finalizers = object.at(&["metadata", "finalizers"]).and_then(Value::as_array);
    let mut list = finalizers.cloned().unwrap_or_default();
    if !list.iter().any(|name| name == finalizer) {
        list.push(Value::from(finalizer));
        object.set(&["metadata", "finalizers"], Value::Array(list));
    }
}

/// Puts the path's namespace into an object, or refuses it when it has another.
pub(crate) fn place(target: &Target, object: &mut Object) -> Result<(), ApiError> {
    if !target.resource.namespaced {
        object.set_namespace(None);
        return Ok(());
    }
    match object.namespace() {
        Some(namespace) if namespace != target.namespace => {
            let message =
                "the namespace of the provided object does not match the namespace sent on the request";
            Err(ApiError::bad_request(message))
        }
        Some(_) => Ok(()),
        None => {
            object.set_namespace(Some(&target.namespace));
            Ok(())
        }
    }
}

/// Gives a stored object the version and kind it is read in.
pub(crate) fn typed(resource: &Resource, object: &mut Object) {
    object.set(&["apiVersion"], Value::from(resource.api_version()));
    object.set(&["kind"], Value::from(resource.kind.as_str()));
}

fn check_preconditions(target: &Target, live: &Object, new: &Object) -> Result<(), ApiError> {
    let resource = &*target.resource;
    let text = |object: &Object, key: &str| object.str_at(&["metadata", key]).unwrap_or_default().to_owned();
    let uid = text(new, "uid");
    if !uid.is_empty() && uid != text(live, "uid") {
        let path = if target.namespace.is_empty() {
            format!("/registry/{}/{}", resource.plural, target.name)
        } else {
            format!(
                "/registry/{}/{}/{}",
                resource.plural, target.namespace, target.name
            )
        };
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(live, "uid")
        );
        return Err(ApiError::conflict(
            &resource.group,
            &resource.plural,
            &target.name,
            &why,
        ));
    }
    let version = text(new, "resourceVersion");
    if version.is_empty() || version == "0" {
        if !strategy::allows_unconditional_update(resource) {
            let cause = Cause::invalid(
                "metadata.resourceVersion",
                json!(0),
                "must be specified for an update",
            );
            return Err(ApiError::invalid(
                &resource.group,
                &resource.plural,
                &target.name,
                &[cause],
            ));
        }
    } else if version != text(live, "resourceVersion") {
        return Err(ApiError::modified(
            &resource.group,
            &resource.plural,
            &target.name,
        ));
    }
    Ok(())
}

/// Whether nothing holds a deleted object back any more.
pub(crate) fn is_finished(resource: &Resource, object: &Object) -> bool {
    let none = |keys: &[&str]| {
        object
            .at(keys)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    };
    let graceful = object
        .at(&["metadata", "deletionGracePeriodSeconds"])
        .and_then(Value::as_i64)
        .unwrap_or(0);
    none(&["metadata", "finalizers"])
        && (!resource.is("", "namespaces") || none(&["spec", "finalizers"]))
        && (!resource.is("", "pods") || graceful == 0)
}
