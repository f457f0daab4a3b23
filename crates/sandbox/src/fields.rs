//! Who owns which field: the seam to `kluctl-managedfields`.

use kluctl_managedfields as managed;
use kluctl_managedfields::{ApplyError, FieldSet, Versions};
use kluctl_object::{Gvk, Object};
use kluctl_schema::TypeRef;
use serde_json::Value;

use crate::Sandbox;
use crate::convert;
use crate::request::WriteOptions;
use crate::resources::Resource;
use crate::status::ApiError;
use crate::strategy;

/// The versions of one resource.
struct Served<'a> {
    sandbox: &'a Sandbox,
    resource: &'a Resource,
    ignored: Option<&'static FieldSet>,
}

impl Served<'_> {
    fn find(&self, api_version: &str) -> Option<std::sync::Arc<Resource>> {
        let gvk = Gvk::from_api_version(api_version, &self.resource.kind).ok()?;
        self.sandbox.resources.of_kind(&gvk)
    }
}

impl Versions for Served<'_> {
    fn type_of(&self, api_version: &str) -> Option<TypeRef> {
        if api_version == self.resource.api_version() {
            return Some(self.resource.ty.clone());
        }
        self.find(api_version).map(|resource| resource.ty.clone())
    }

    fn convert(&self, object: &Value, api_version: &str) -> Option<Value> {
        let to = self.find(api_version)?;
        let object = Object::try_from(object.clone()).ok()?;
        Some(convert::to_version(object, &to).into())
    }

    fn ignored(&self, _api_version: &str) -> Option<&FieldSet> {
        self.ignored
    }
}

/// Notes what a request that is not an apply has changed.
pub(crate) fn track(
    sandbox: &Sandbox,
    resource: &Resource,
    subresource: &str,
    live: Option<&Object>,
    new: Object,
    options: &WriteOptions,
) -> Object {
    let versions = Served {
        sandbox,
        resource,
        ignored: strategy::ignored_fields(resource, subresource),
    };
    let now = crate::time::now();
    let request = managed::Request {
        gvk: &resource.gvk(),
        ty: &resource.ty,
        versions: &versions,
        manager: &options.manager,
        subresource,
        now: &now,
    };
    if !convert::differs_from_storage(resource) {
        return managed::update(live, new, &request);
    }
    // Fields are owned in the version of the request, whatever the version in which objects are kept.
    let live = live.map(|live| convert::to_version(live.clone(), resource));
    let mut tracked = managed::update(live.as_ref(), convert::to_version(new, resource), &request);
    convert::to_storage(resource, &mut tracked);
    tracked
}

/// Merges an applied configuration into the live object.
pub(crate) fn apply(
    sandbox: &Sandbox,
    resource: &Resource,
    subresource: &str,
    live: Option<&Object>,
    applied: &Object,
    options: &WriteOptions,
) -> Result<Object, ApiError> {
    let versions = Served {
        sandbox,
        resource,
        ignored: strategy::ignored_fields(resource, subresource),
    };
    let now = crate::time::now();
    let request = managed::Request {
        gvk: &resource.gvk(),
        ty: &resource.ty,
        versions: &versions,
        manager: &options.manager,
        subresource,
        now: &now,
    };
    let seen = live
        .filter(|_| convert::differs_from_storage(resource))
        .map(|live| convert::to_version(live.clone(), resource));
    match managed::apply(seen.as_ref().or(live), applied, options.force, &request) {
        Ok(applied) => Ok(applied.object),
        Err(ApplyError::Conflicts { message, causes }) => {
            let causes = causes
                .into_iter()
                .map(|cause| (cause.message, cause.field))
                .collect();
            Err(ApiError::apply_conflict(message, causes))
        }
        Err(ApplyError::BadRequest(message)) => Err(ApiError::bad_request(message)),
        Err(ApplyError::Internal(message)) => Err(ApiError::plain_internal(message)),
    }
}

/// A change of nothing but times in the managed fields is no change.
pub(crate) fn ignore_timestamps(new: &mut Object, live: &Object) {
    managed::ignore_timestamps(new, live);
}

/// Merges a strategic merge patch into an object.
pub(crate) fn strategic_merge(live: &Value, patch: &Value, ty: &TypeRef) -> Result<Value, ApiError> {
    managed::strategic_merge(live.clone(), patch.clone(), ty).map_err(|error| match error.status() {
        400 => ApiError::bad_request(error.to_string()),
        422 => ApiError::rejected(error.to_string()),
        _ => ApiError::plain_internal(error.to_string()),
    })
}
