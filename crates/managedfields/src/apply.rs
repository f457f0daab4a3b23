//! Server-side apply and the tracking of every other change.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kluctl_object::{Gvk, Object};
use kluctl_schema::{TypeRef, zero};
use serde_json::{Map, Value};

use crate::compare::compare;
use crate::managers::{Entry, ManagerId, Managers, Operation, compare_times, decode, encode};
use crate::ownership::field_set;
use crate::path::{go_json, path_text};
use crate::set::FieldSet;
use crate::typed::{TypedErrors, validate};
use crate::update::{Conflict, UpdateError, Updater};

/// The versions of a kind, for managers who own fields as named in another version.
pub trait Versions {
    /// The type of a version; `None` when it is not served (what is owned in it is forgotten then).
    fn type_of(&self, api_version: &str) -> Option<TypeRef>;

    /// The object in another version; by default the same with another `apiVersion`.
    fn convert(&self, object: &Value, api_version: &str) -> Option<Value> {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.insert("apiVersion".to_owned(), Value::from(api_version));
        }
        Some(object)
    }

    /// Fields that requests in a version cannot set, so that nobody comes to own them through such a request.
    fn ignored(&self, _api_version: &str) -> Option<&FieldSet> {
        None
    }
}

/// What is known of a request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Version and kind the request is made in.
    pub gvk: &'a Gvk,
    /// Its type.
    pub ty: &'a TypeRef,
    /// Other versions.
    pub versions: &'a dyn Versions,
    /// Who makes it.
    pub manager: &'a str,
    /// Subresource it is made through; empty for the object itself.
    pub subresource: &'a str,
    /// The time in RFC 3339, UTC, to the second.
    pub now: &'a str,
}

/// An object after an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The object with its managed fields.
    pub object: Object,
    /// Whether anything but ownership has changed.
    pub changed: bool,
}

/// A field someone else owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field, e.g. `.spec.replicas`.
    pub field: String,
    /// Who owns it, e.g. `conflict with "kubectl" using apps/v1`.
    pub message: String,
}

/// Why an apply is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields it would change (HTTP 409, reason `Conflict`).
    #[error("{message}")]
    Conflicts {
        /// The whole text.
        message: String,
        /// One per field (reason `FieldManagerConflict`).
        causes: Vec<Cause>,
    },
    /// The request is malformed (HTTP 400, reason `BadRequest`).
    #[error("{0}")]
    BadRequest(String),
    /// The object does not have the shape of its type (HTTP 500, as the API server answers).
    #[error("{0}")]
    Internal(String),
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
const ANCIENT_CHANGES: &str = "ancient-changes";
const MAX_UPDATE_MANAGERS: usize = 10;
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Fields nobody owns.
static STRIPPED: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
});

fn strip(managers: &mut Managers, who: &ManagerId) {
    if let Some(entry) = managers.get_mut(who) {
        entry.set = entry.set.difference(&STRIPPED);
        if entry.set.is_empty() {
            managers.remove(who);
        }
    }
}

fn managed_fields(object: &Object) -> Option<&Value> {
    object.at(&["metadata", "managedFields"])
}

/// The object as a value, without its managed fields.
fn without_managers(object: &Object) -> Value {
    let mut map = Map::new();
    for (key, value) in object.as_map() {
        let value = match value {
            Value::Object(metadata) if key == "metadata" && metadata.contains_key("managedFields") => {
                let entries = metadata.iter().filter(|(key, _)| *key != "managedFields");
                Value::Object(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            value => value.clone(),
        };
        map.insert(key.clone(), value);
    }
    Value::Object(map)
}

/// What stands where there is no object yet.
fn empty_object(request: &Request<'_>) -> Value {
    let mut object = zero(request.ty);
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), Value::from(request.gvk.api_version()));
        map.insert("kind".to_owned(), Value::from(request.gvk.kind.as_str()));
    }
    object
}

fn with_managers(value: Value, managers: &Managers) -> Object {
    let mut object = Object::try_from(value).unwrap_or_default();
    match encode(managers) {
        Some(list) => object.set(&["metadata", "managedFields"], list),
        None => drop(object.remove(&["metadata", "managedFields"])),
    }
    object
}

fn shown(value: &Value, gvk: &Gvk) -> String {
    let text = |key: &str| value["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}; {gvk}", text("namespace"), text("name"))
}

/// Tracks a change made by a request that is not an apply, and returns the new object with its managed fields.
///
/// The new object is expected as it is to be stored: with defaults, and with the managed fields the client sent, if any.
/// What cannot be worked out leaves ownership as it was, as the API server does.
///
/// Source: apimachinery `pkg/util/managedfields/internal/fieldmanager.go`, `FieldManager.Update`.
pub fn update(live: Option<&Object>, new: Object, request: &Request<'_>) -> Object {
    let mut managers = managers_for_update(live, &new, request);
    let new_value = without_managers(&new);
    // An object that was stored before anyone tracked its managers is not tracked until it is applied.
    let is_stored = live
        .and_then(|live| live.str_at(&["metadata", "uid"]))
        .is_some_and(|uid| !uid.is_empty());
    if managers.is_empty() && is_stored {
        return with_managers(new_value, &managers);
    }
    let live_value = live.map_or_else(|| empty_object(request), without_managers);
    if track(&live_value, &new_value, &mut managers, request, request.manager).is_ok() {
        cap(&mut managers);
        return with_managers(new_value, &managers);
    }
    let mut object = Object::try_from(new_value).unwrap_or_default();
    if let Some(before) = live.and_then(managed_fields).cloned() {
        object.set(&["metadata", "managedFields"], before);
    }
    object
}

/// The managers a client sent, or those there are.
fn managers_for_update(live: Option<&Object>, new: &Object, request: &Request<'_>) -> Managers {
    let stored = || decode(live.and_then(managed_fields)).unwrap_or_default();
    if !request.subresource.is_empty() {
        return stored();
    }
    let sent = managed_fields(new);
    let is_reset = match sent {
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => true,
            [Value::Object(entry)] => entry.is_empty(),
            _ => false,
        },
        _ => false,
    };
    if is_reset {
        return Managers::new();
    }
    match decode(sent) {
        Ok(managers) if !managers.is_empty() => managers,
        _ => stored(),
    }
}

/// Gives what changes between two objects to a manager.
///
/// Source: apimachinery `pkg/util/managedfields/internal/managedfieldsupdater.go`, `Update`.
fn track(
    live: &Value,
    new: &Value,
    managers: &mut Managers,
    request: &Request<'_>,
    manager: &str,
) -> Result<(), UpdateError> {
    let typed = |what| move |errors| UpdateError::Typed(what, errors);
    validate(new, request.ty, true).map_err(typed("failed to convert new object"))?;
    let api_version = request.gvk.api_version();
    let updater = Updater {
        api_version: &api_version,
        ty: request.ty,
        versions: request.versions,
    };
    // Not a name any client can have, so that what the manager owned before counts as another's.
    let current = ManagerId {
        manager: String::new(),
        operation: Operation::Update,
        api_version: String::new(),
        subresource: String::new(),
    };
    updater.update(live, new, managers, &current)?;
    strip(managers, &current);
    if let Some(mut entry) = managers.remove(&current) {
        let who = ManagerId::new(manager, Operation::Update, &api_version, request.subresource);
        if let Some(before) = managers.get(&who) {
            entry.set = entry.set.union(&before.set);
        }
        entry.time = Some(request.now.to_owned());
        managers.insert(who, entry);
    }
    Ok(())
}

/// Joins the oldest of those who update, when there are too many.
///
/// Source: apimachinery `pkg/util/managedfields/internal/capmanagers.go`.
fn cap(managers: &mut Managers) {
    let mut updaters: Vec<(ManagerId, Option<String>, String)> = managers
        .iter()
        .filter(|(id, _)| id.operation == Operation::Update)
        .map(|(id, entry)| (id.clone(), entry.time.clone(), id.sort_key()))
        .collect();
    let mut count = updaters.len();
    if count <= MAX_UPDATE_MANAGERS {
        return;
    }
    updaters.sort_by(|left, right| {
        compare_times(left.1.as_deref(), right.1.as_deref()).then_with(|| left.2.cmp(&right.2))
    });
    let mut first_of: BTreeMap<String, ManagerId> = BTreeMap::new();
    for (id, time, _) in updaters {
        if count <= MAX_UPDATE_MANAGERS {
            return;
        }
        let Some(entry) = managers.get(&id).cloned() else {
            continue;
        };
        let bucket = ManagerId::new(ANCIENT_CHANGES, Operation::Update, &entry.api_version, "");
        let Some(first) = first_of.get(&entry.api_version) else {
            first_of.insert(entry.api_version.clone(), id);
            continue;
        };
        if !managers.contains_key(&bucket)
            && let Some(first) = managers.remove(first)
        {
            managers.insert(bucket.clone(), first);
        }
        managers.remove(&id);
        let before = managers
            .get(&bucket)
            .map(|entry| entry.set.clone())
            .unwrap_or_default();
        managers.insert(
            bucket,
            Entry {
                set: entry.set.union(&before),
                api_version: entry.api_version,
                time,
            },
        );
        count -= 1;
    }
}

/// Applies an object: merges it into what is there, takes or refuses fields others own, and removes what the same
/// manager applied before and does not now.
///
/// The result has no defaults for what is new in it; those are the caller's to add.
///
/// Source: apimachinery `pkg/util/managedfields/internal/fieldmanager.go`, `FieldManager.Apply`, and what it wraps.
pub fn apply(
    live: Option<&Object>,
    applied: &Object,
    force: bool,
    request: &Request<'_>,
) -> Result<Applied, ApplyError> {
    let gvk = applied.gvk();
    if gvk != *request.gvk {
        return Err(ApplyError::BadRequest(format!("invalid object type: {gvk}")));
    }
    let managers = decode(live.and_then(managed_fields))
        .map_err(|error| ApplyError::Internal(format!("failed to decode managed fields: {error}")))?;
    let live_value = live.map_or_else(|| empty_object(request), without_managers);
    let result = match apply_once(&live_value, applied, managers.clone(), force, request) {
        Err(Refused::Conflicts(conflicts)) if request.manager == "kubectl" => {
            let allowed = owned_by_client_side_apply(&live_value, request);
            let left: Vec<_> = match &allowed {
                Some(allowed) => conflicts
                    .iter()
                    .filter(|conflict| !allowed.has(&conflict.path))
                    .cloned()
                    .collect(),
                None => conflicts,
            };
            if left.is_empty() {
                apply_once(&live_value, applied, managers, true, request)
            } else {
                Err(Refused::Conflicts(left))
            }
        }
        other => other,
    };
    let (object, managers) = result.map_err(Refused::into_error)?;
    let changed = object.is_some();
    let mut object = object.unwrap_or(live_value);
    if request.manager == "kubectl" {
        refresh_last_applied(&mut object, applied);
    }
    Ok(Applied {
        object: with_managers(object, &managers),
        changed,
    })
}

enum Refused {
    Conflicts(Vec<Conflict>),
    Error(ApplyError),
}

impl Refused {
    fn into_error(self) -> ApplyError {
        match self {
            Self::Conflicts(conflicts) => conflict_error(conflicts),
            Self::Error(error) => error,
        }
    }
}

fn apply_once(
    live: &Value,
    applied: &Object,
    mut managers: Managers,
    force: bool,
    request: &Request<'_>,
) -> Result<(Option<Value>, Managers), Refused> {
    let internal = |text: String| Refused::Error(ApplyError::Internal(text));
    let refused = |error| match error {
        UpdateError::Conflicts(conflicts) => Refused::Conflicts(conflicts),
        UpdateError::Typed(what, errors) => internal(format!("{what}: {errors}")),
    };
    if managers.is_empty() {
        let empty = empty_object(request);
        track(&empty, live, &mut managers, request, BEFORE_FIRST_APPLY).map_err(|error| match error {
            UpdateError::Typed(what, errors) => internal(format!(
                "failed to create manager for existing fields: {what}: {errors}"
            )),
            conflicts @ UpdateError::Conflicts(_) => refused(conflicts),
        })?;
        cap(&mut managers);
    }
    let patch = applied.to_value();
    if managed_fields(applied).is_some_and(|fields| !fields.is_null()) {
        let text = "metadata.managedFields must be nil".to_owned();
        return Err(Refused::Error(ApplyError::BadRequest(text)));
    }
    validate(&patch, request.ty, false).map_err(|errors: TypedErrors| {
        let object = shown(&patch, request.gvk);
        internal(format!(
            "failed to create typed patch object ({object}): {errors}"
        ))
    })?;
    let api_version = request.gvk.api_version();
    let updater = Updater {
        api_version: &api_version,
        ty: request.ty,
        versions: request.versions,
    };
    let who = ManagerId::new(
        request.manager,
        Operation::Apply,
        &api_version,
        request.subresource,
    );
    let object = updater
        .apply(live, &patch, &mut managers, &who, force)
        .map_err(refused)?;
    strip(&mut managers, &who);
    if object.is_some()
        && let Some(entry) = managers.get_mut(&who)
    {
        entry.time = Some(request.now.to_owned());
    }
    Ok((object, managers))
}

/// Source: apimachinery `pkg/util/managedfields/internal/conflict.go`, `NewConflictError`.
fn conflict_error(mut conflicts: Vec<Conflict>) -> ApplyError {
    conflicts.sort_by_cached_key(|conflict| conflict.manager.sort_key());
    let causes = conflicts
        .iter()
        .map(|conflict| Cause {
            field: path_text(&conflict.path),
            message: format!("conflict with {}", conflict.manager.shown()),
        })
        .collect();
    let message = if let [single] = conflicts.as_slice() {
        format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            single.manager.shown(),
            path_text(&single.path)
        )
    } else {
        let mut lines = Vec::new();
        let mut last = None;
        for conflict in &conflicts {
            if last != Some(&conflict.manager) {
                lines.push(format!("conflicts with {}:", conflict.manager.shown()));
                last = Some(&conflict.manager);
            }
            lines.push(format!("- {}", path_text(&conflict.path)));
        }
        format!(
            "Apply failed with {} conflicts: {}",
            conflicts.len(),
            lines.join("\n")
        )
    };
    ApplyError::Conflicts { message, causes }
}

/// The fields that `kubectl apply` without `--server-side` has set and that are still as it set them; those may be
/// taken over by `kubectl apply --server-side`.
///
/// Source: apimachinery `pkg/util/managedfields/internal/lastappliedmanager.go`.
fn owned_by_client_side_apply(live: &Value, request: &Request<'_>) -> Option<FieldSet> {
    let text = live
        .get("metadata")?
        .get("annotations")?
        .get(LAST_APPLIED)?
        .as_str()?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion")?.as_str()? != request.gvk.api_version() {
        return None;
    }
    validate(live, request.ty, false).ok()?;
    validate(&last, request.ty, false).ok()?;
    let comparison = compare(&last, live, request.ty).ok()?;
    Some(
        field_set(&last, request.ty)
            .ok()?
            .difference(&comparison.modified)
            .difference(&comparison.added)
            .difference(&comparison.removed),
    )
}

/// Keeps the annotation of client-side apply up to date, where there is one.
///
/// Source: apimachinery `pkg/util/managedfields/internal/lastappliedupdater.go`.
fn refresh_last_applied(object: &mut Value, applied: &Object) {
    let annotations = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    let Some(annotations) = annotations else { return };
    let has_one = annotations
        .get(LAST_APPLIED)
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty());
    if !has_one {
        return;
    }
    let mut plain = applied.clone();
    let empty = match plain.at(&["metadata", "annotations"]) {
        Some(Value::Object(map)) => map.is_empty(),
        _ => true,
    };
    if empty {
        plain.remove(&["metadata", "annotations"]);
    } else {
        plain.remove(&["metadata", "annotations", LAST_APPLIED]);
    }
    let mut text = go_json(&sorted(&plain.to_value()));
    text.push('\n');
    annotations.insert(LAST_APPLIED.to_owned(), Value::from(text));
    let size: usize = annotations
        .iter()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size > MAX_ANNOTATIONS {
        annotations.remove(LAST_APPLIED);
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<_, _> = map
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Takes back new times in managed fields when nothing else has changed, so that nothing needs to be written.
///
/// Source: apiserver `pkg/endpoints/handlers/fieldmanager/equality.go`, `IgnoreManagedFieldsTimestampsTransformer`.
pub fn ignore_timestamps(new: &mut Object, old: &Object) {
    let entries = |object: &Object| -> Vec<Value> {
        let mut list = managed_fields(object)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for entry in list.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        list
    };
    if managed_fields(new).is_none() || managed_fields(new) == managed_fields(old) {
        return;
    }
    if entries(new) != entries(old) {
        return;
    }
    let same = |left: Value, right: Value| left == right;
    if same(without_managers(new), without_managers(old))
        && let Some(before) = managed_fields(old).cloned()
    {
        new.set(&["metadata", "managedFields"], before);
    }
}
