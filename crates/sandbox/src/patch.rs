//! PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

use kluctl_object::Object;
use serde_json::{Map, Value};

use crate::Sandbox;
use crate::body;
use crate::convert;
use crate::fields;
use crate::request::{Request, WriteOptions};
use crate::resources::Resource;
use crate::status::{ApiError, Cause};
use crate::write::{Target, Written, admit, place};

/// The kinds of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl PatchKind {
    /// Reads the content type of a request.
    pub(crate) fn of(resource: &Resource, content_type: &str) -> Result<Self, ApiError> {
        match content_type {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" if resource.custom.is_none() => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            "application/strategic-merge-patch+json" => Err(ApiError::unsupported_body(
                "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            )),
            _ => Err(ApiError::unsupported_media_type()),
        }
    }
}

/// Applies a merge patch.
///
/// Source: RFC 7396. As the server's library has it (evanphx/json-patch, `pruneNils`), nulls go from the objects of a list,
/// too, unless it takes the place of an object.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        let was_object = value.is_object();
        *value = patch.clone();
        if !was_object {
            prune_nulls(value);
        }
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else { return };
    for (key, change) in changes {
        if change.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

fn prune_nulls(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(prune_nulls);
        }
        _ => {}
    }
}

impl Sandbox {
    /// Answers a patch.
    pub(crate) fn patch(
        &self,
        target: &Target,
        request: &Request,
        kind: PatchKind,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        if kind == PatchKind::Apply {
            return self.apply(target, request, options, warnings);
        }
        let text = String::from_utf8_lossy(&request.body);
        let body = body::read(&request.body, false)
            .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
        if kind == PatchKind::Json && !body.value.is_array() {
            let what = if body.value.is_object() {
                "object"
            } else {
                "string"
            };
            return Err(ApiError::bad_request(format!(
                "error decoding patch: json: cannot unmarshal {what} into Go value of type []handlers.jsonPatchOp"
            )));
        }
        if kind != PatchKind::Json && !body.value.is_object() {
            return Err(ApiError::bad_request(format!(
                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {{}}: {text}"
            )));
        }
        let resource = &*target.resource;
        self.update_with(target, options, warnings, &|live, told| {
            let mut value = if convert::differs_from_storage(resource) {
                convert::to_version(live.clone(), resource).to_value()
            } else {
                live.to_value()
            };
            match kind {
                PatchKind::Json => json_patch(&mut value, &body.value)?,
                PatchKind::Merge => merge(&mut value, &body.value),
                PatchKind::Strategic => {
                    value = fields::strategic_merge(&value, &body.value, &resource.ty)?;
                }
                PatchKind::Apply => {}
            }
            let mut object = body::object(value).map_err(ApiError::bad_request)?;
            check_identity(target, live, &object)?;
            let patched = object.clone();
            admit(
                resource,
                &mut object,
                body.duplicates.clone(),
                options.validation,
                told,
            )
            .map_err(|error| {
                undecodable(
                    error,
                    &patched,
                    (kind == PatchKind::Strategic).then_some(&body.value),
                )
            })?;
            convert::to_storage(resource, &mut object);
            place(target, &mut object)?;
            if object.name() != target.name {
                return Err(renamed(target, &object));
            }
            Ok(fields::track(
                self,
                resource,
                &target.subresource,
                Some(live),
                object,
                options,
            ))
        })
    }

    /// Answers a server-side apply.
    fn apply(
        &self,
        target: &Target,
        request: &Request,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Written, ApiError> {
        let resource = &*target.resource;
        let body = body::read(&request.body, true)
            .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))?;
        let applied = body::object(body.value)
            .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))?;
        if !body.duplicates.is_empty() && options.validation == crate::request::Validation::Strict {
            return Err(ApiError::bad_request(format!(
                "error strict decoding YAML: {}",
                body.duplicates.join(", ")
            )));
        }
        let make = |live: Option<&Object>, told: &mut Vec<String>| {
            let mut object = fields::apply(self, resource, &target.subresource, live, &applied, options)?;
            let managers = object.remove(&["metadata", "managedFields"]);
            admit(resource, &mut object, Vec::new(), options.validation, told)
                .map_err(|error| unconvertible(error, target, &applied))?;
            convert::to_storage(resource, &mut object);
            if let Some(managers) = managers {
                object.set(&["metadata", "managedFields"], managers);
            }
            place(target, &mut object)?;
            let is_generated = object.str_at(&["metadata", "generateName"]).is_some();
            if object.name().is_empty() && is_generated {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({} based on URL) was undeterminable: name must be provided",
                    target.name
                )));
            }
            if object.name().is_empty() {
                object.set(&["metadata", "name"], Value::from(target.name.as_str()));
            }
            if object.name() != target.name {
                return Err(renamed(target, &object));
            }
            Ok(object)
        };
        loop {
            if self.store.get(&target.key()).is_some() {
                let done = self.update_with(target, options, warnings, &|live, told| make(Some(live), told));
                match done {
                    Err(error) if error.code() == 404 && self.store.get(&target.key()).is_none() => {}
                    done => return done,
                }
            }
            if !target.subresource.is_empty() && !crate::strategy::creates_on_update(resource) {
                return Err(target.not_found());
            }
            if applied
                .str_at(&["metadata", "uid"])
                .is_some_and(|uid| !uid.is_empty())
            {
                let why = "uid mismatch: the provided object specified uid ".to_owned()
                    + applied.str_at(&["metadata", "uid"]).unwrap_or_default()
                    + ", and no existing object was found";
                return Err(ApiError::conflict(
                    &resource.group,
                    &resource.plural,
                    &target.name,
                    &why,
                ));
            }
            let mut told = Vec::new();
            let mut object = make(None, &mut told)?;
            for key in [
                "creationTimestamp",
                "deletionTimestamp",
                "resourceVersion",
                "selfLink",
            ] {
                object.remove(&["metadata", key]);
            }
            match self.create_tracked(target, object, options, &mut told) {
                Err(error) if error.reason() == "AlreadyExists" => {}
                done => {
                    warnings.extend(told);
                    return done;
                }
            }
        }
    }
}

/// A patched object that does not fit its kind: the patch is told to be wrong.
///
/// A strategic patch is shown itself, others as what they have made of the object.
fn undecodable(error: ApiError, patched: &Object, strategic: Option<&Value>) -> ApiError {
    let what = error.message().split_once(" cannot be handled as a ");
    let Some((_, why)) = what.and_then(|(_, rest)| rest.split_once(": ")) else {
        return error;
    };
    let mut why = why.to_owned();
    let shown = match strategic {
        Some(patch) => {
            let why = &mut why;
            decoded(why);
            if why.starts_with("json: cannot unmarshal") && why.ends_with(" of type string") {
                "unrecognized type: string".clone_into(why);
            }
            Value::from(go_map(patch))
        }
        None => Value::from(patched.to_value().to_string()),
    };
    ApiError::invalid("", "", "", &[Cause::invalid("patch", shown, why)])
}

/// A value as Go's `%v` prints it.
fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(go_map).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", go_map(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

/// Bytes are told of in other words where an object was made of a map.
fn decoded(why: &mut String) {
    if why.starts_with("illegal base64 data") {
        why.insert_str(0, "error decoding from json: ");
    }
}

/// An applied object that does not fit its kind, though it fits the kind's schema.
fn unconvertible(error: ApiError, target: &Target, applied: &Object) -> ApiError {
    let what = error.message().split_once(" cannot be handled as a ");
    let Some((_, why)) = what.and_then(|(_, rest)| rest.split_once(": ")) else {
        return error;
    };
    if why.starts_with("strict decoding error") {
        return error;
    }
    let mut why = why.to_owned();
    decoded(&mut why);
    let resource = &target.resource;
    let namespace = applied.namespace().unwrap_or_default();
    let kind = format!("{}, Kind={}", go_version(resource), resource.kind);
    ApiError::plain_internal(format!(
        "failed to convert new object ({namespace}/{}; {kind}) to proper version: unable to convert unstructured object to {kind}: {why}",
        applied.name()
    ))
}

/// A group and version as Go prints them: the core group has a slash, too.
fn go_version(resource: &Resource) -> String {
    format!("{}/{}", resource.group, resource.version)
}

fn renamed(target: &Target, object: &Object) -> ApiError {
    ApiError::bad_request(format!(
        "the name of the object ({}) does not match the name on the URL ({})",
        object.name(),
        target.name
    ))
}

fn check_identity(target: &Target, live: &Object, new: &Object) -> Result<(), ApiError> {
    let resource = &*target.resource;
    let mut causes = Vec::new();
    if resource.custom.is_some() {
        if new.api_version() != live.api_version() {
            causes.push(Cause::invalid(
                "apiVersion",
                new.api_version(),
                format!("must be {}", live.api_version()),
            ));
        }
        if new.kind() != live.kind() {
            causes.push(Cause::invalid(
                "kind",
                new.kind(),
                format!("must be {}", live.kind()),
            ));
        }
    } else if new.api_version() != live.api_version() || new.kind() != live.kind() {
        if kluctl_schema::kubernetes().type_of(&new.gvk()).is_some() {
            let package = |group: &str| match group {
                "" => "core".to_owned(),
                group => group.split('.').next().unwrap_or_default().to_owned(),
            };
            let why = format!(
                "converting ({}.{}) to ({}.{}): unknown conversion",
                new.gvk().version,
                new.kind(),
                package(&resource.group),
                resource.kind
            );
            let shown = Value::from(new.to_value().to_string());
            return Err(ApiError::invalid(
                "",
                "",
                "",
                &[Cause::invalid("patch", shown, why)],
            ));
        }
        return Err(ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: no kind {:?} is registered for version {:?} in scheme \"pkg/runtime/scheme.go:111\"",
            new.kind(),
            new.api_version().rsplit('/').next().unwrap_or_default(),
            resource.kind,
            new.kind(),
            new.api_version()
        )));
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(
            &resource.group,
            &resource.kind,
            &target.name,
            &causes,
        ))
    }
}

pub(crate) fn json_patch(value: &mut Value, patch: &Value) -> Result<(), ApiError> {
    for operation in patch.as_array().into_iter().flatten() {
        let text = |key: &str| operation.get(key).and_then(Value::as_str);
        let failed = |why: &str| ApiError::rejected(why);
        let path = text("path").unwrap_or_default();
        match text("op").unwrap_or_default() {
            "add" => add(value, path, operation.get("value").cloned().unwrap_or_default())?,
            "remove" => drop(remove(value, path).ok_or_else(|| failed(""))?),
            "replace" => {
                let new = operation.get("value").cloned().unwrap_or_default();
                match value.pointer_mut(path) {
                    Some(slot) => *slot = new,
                    // A key that is missing is added, as the API server's library does.
                    None => match split_pointer(path) {
                        Some((parent, last)) => match value.pointer_mut(parent) {
                            Some(Value::Object(map)) => drop(map.insert(last, new)),
                            _ => return Err(failed("")),
                        },
                        None => return Err(failed("")),
                    },
                }
            }
            "move" => {
                let moved = remove(value, text("from").unwrap_or_default()).ok_or_else(|| failed(""))?;
                add(value, path, moved)?;
            }
            "copy" => {
                let copied = value.pointer(text("from").unwrap_or_default()).cloned();
                add(value, path, copied.ok_or_else(|| failed(""))?)?;
            }
            "test" => {
                let expected = operation.get("value").unwrap_or(&Value::Null);
                if value.pointer(path).unwrap_or(&Value::Null) != expected {
                    return Err(failed(""));
                }
            }
            _ => return Err(failed("")),
        }
    }
    Ok(())
}

fn split_pointer(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(value: &mut Value, path: &str, new: Value) -> Result<(), ApiError> {
    if path.is_empty() {
        *value = new;
        return Ok(());
    }
    let rejected = || ApiError::rejected("");
    let (parent, last) = split_pointer(path).ok_or_else(rejected)?;
    match value.pointer_mut(parent).ok_or_else(rejected)? {
        Value::Object(map) => drop(map.insert(last, new)),
        Value::Array(items) if last == "-" => items.push(new),
        Value::Array(items) => {
            let index: usize = last.parse().map_err(|_| rejected())?;
            if index > items.len() {
                return Err(rejected());
            }
            items.insert(index, new);
        }
        _ => return Err(rejected()),
    }
    Ok(())
}

fn remove(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = split_pointer(path)?;
    match value.pointer_mut(parent)? {
        Value::Object(map) => map.remove(&last),
        Value::Array(items) => {
            let index: usize = last.parse().ok()?;
            (index < items.len()).then(|| items.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patches_remove_with_null() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        merge(
            &mut value,
            &json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "l": [2]}),
        );
        assert_eq!(value, json!({"a": {"c": 2, "d": {"f": 1}}, "l": [2]}));
    }

    #[test]
    fn merge_patches_prune_the_objects_of_lists() {
        let mut value = json!({"l": [1], "o": {}});
        let list = json!([1, null, {"x": null, "y": [{"z": null}]}]);
        merge(&mut value, &json!({"l": list, "new": list, "o": list}));
        let pruned = json!([1, null, {"y": [{}]}]);
        assert_eq!(value, json!({"l": pruned, "new": pruned, "o": list}));
    }

    #[test]
    fn json_patches_follow_pointers() {
        let mut value = json!({"a": {"x/y": 1}, "l": [1, 2]});
        let patch = json!([
            {"op": "add", "path": "/l/1", "value": 9},
            {"op": "move", "from": "/a/x~1y", "path": "/b"},
            {"op": "test", "path": "/b", "value": 1},
            {"op": "remove", "path": "/l/0"},
            {"op": "add", "path": "/l/-", "value": 7},
        ]);
        json_patch(&mut value, &patch).unwrap();
        assert_eq!(value, json!({"a": {}, "b": 1, "l": [9, 2, 7]}));
        assert!(json_patch(&mut value, &json!([{"op": "remove", "path": "/none"}])).is_err());
    }
}
