//! The verbs: get, list, apply, create, replace, delete, raw.

use bytes::Bytes;
use http::Method;
use kluctl_object::{Object, ObjectRef};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::discovery::ApiResource;
use crate::error::{ApiError, Reason};
use crate::send::{Call, Cluster};

/// How to apply.
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a> {
    /// Field manager.
    pub manager: &'a str,
    /// Whether to take over fields that others own.
    pub force: bool,
    /// Whether the server should only say what would happen.
    pub dry_run: bool,
}

/// What happens to objects that the deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// What happens to owned objects.
    pub propagation: Propagation,
    /// Delete only the object with this uid.
    pub uid: Option<String>,
    /// Whether the server should only say what would happen.
    pub dry_run: bool,
}

/// What a delete request led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// There was nothing to delete.
    #[default]
    Missing,
    /// The object is gone.
    Gone,
    /// The object goes once its finalizers are done or its grace period is over; its uid tells it from a successor.
    Pending {
        /// The uid of the object that was deleted.
        uid: String,
    },
}

/// Objects per page of a list: few round trips, and no answer so large that it holds up others.
const PAGE: &str = "500";

/// How often an apply is repeated when another writer was faster.
const RACES: u32 = 5;

impl Cluster {
    pub(crate) async fn call_json(&self, call: &Call) -> Result<Answer<Value>, ApiError> {
        let answer = self.call(call).await?;
        let value = parse(&answer.value)?;
        Ok(answer.map(|_| value))
    }

    async fn call_object(&self, call: &Call) -> Result<Answer<Object>, ApiError> {
        let answer = self.call(call).await?;
        let value: Value = parse(&answer.value)?;
        let object =
            Object::try_from(value).map_err(|error| ApiError::new(Reason::Malformed, error.to_string()))?;
        Ok(answer.map(|_| object))
    }

    /// Reads one object; `None` when it does not exist.
    pub async fn get(&self, reference: &ObjectRef) -> Result<Answer<Option<Object>>, ApiError> {
        let resource = self.resource(reference).await?;
        let path = resource.object_path(reference.namespace.as_deref(), &reference.name);
        match self.call_object(&Call::get(path)).await {
            Ok(answer) => Ok(answer.map(Some)),
            Err(error) if error.is_not_found() => Ok(Answer::default()),
            Err(error) => Err(error),
        }
    }

    /// Lists the objects of a kind by label selector, in one namespace or all, page by page.
    pub async fn list(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Answer<Vec<Object>>, ApiError> {
        let mut all: Answer<Vec<Object>> = Answer::default();
        let mut next = String::new();
        let mut restarts = 0;
        loop {
            let page = match self.list_page(resource, namespace, labels, &next).await {
                // the snapshot of the pages is gone: start again
                Err(error) if error.reason == Reason::Expired && !next.is_empty() && restarts < 3 => {
                    restarts += 1;
                    all = Answer::default();
                    next.clear();
                    continue;
                }
                page => page?,
            };
            all.warnings.extend(page.warnings);
            all.value.extend(page.value.0);
            next = page.value.1;
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Lists at most one page; the text is the token of the next page, empty at the end.
    pub async fn list_page(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
        labels: &str,
        token: &str,
    ) -> Result<Answer<(Vec<Object>, String)>, ApiError> {
        let path = with_query(
            resource.collection_path(namespace),
            &[("limit", PAGE), ("labelSelector", labels), ("continue", token)],
        );
        let answer = self.call(&Call::get(path)).await?;
        let mut page: Page = parse(&answer.value)?;
        let objects = page.objects(resource);
        Ok(answer.map(|_| (objects, page.metadata.token)))
    }

    /// Lists only the metadata of a kind's objects, in one namespace or all, page by page: cheap where objects are large.
    pub async fn list_metadata(
        &self,
        resource: &ApiResource,
        namespace: Option<&str>,
    ) -> Result<Answer<Vec<Object>>, ApiError> {
        let mut all: Answer<Vec<Object>> = Answer::default();
        let mut next = String::new();
        loop {
            let parameters = [("limit", PAGE), ("continue", &*next)];
            let mut call = Call::get(with_query(resource.collection_path(namespace), &parameters));
            call.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
            let answer = self.call(&call).await?;
            let mut page: Page = parse(&answer.value)?;
            all.warnings.extend(answer.warnings);
            all.value.extend(page.objects(resource));
            next = page.metadata.token;
            if next.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Server-side apply of one object.
    pub async fn apply(&self, object: &Object, how: &Apply<'_>) -> Result<Answer<Object>, ApiError> {
        let reference = object.reference();
        let resource = self.resource(&reference).await?;
        let path = with_query(
            resource.object_path(reference.namespace.as_deref(), &reference.name),
            &[
                ("fieldManager", how.manager),
                ("force", if how.force { "true" } else { "false" }),
                ("dryRun", self.dry_run_value(how.dry_run)),
            ],
        );
        let body = to_bytes(object)?;
        let call = Call::send(Method::PATCH, path, "application/apply-patch+yaml", body);
        let mut races = 0;
        loop {
            match self.call_object(&call).await {
                // not a conflict of owners: somebody else wrote between the server's read and write
                Err(error) if error.is_field_conflict() && error.causes.is_empty() && races < RACES => {
                    races += 1;
                    tokio::time::sleep(crate::gate::backoff(races, None)).await;
                }
                answer => {
                    if !self.dry_run && !how.dry_run {
                        self.note_change(&reference);
                    }
                    return answer;
                }
            }
        }
    }

    /// Creates an object.
    pub async fn create(&self, object: &Object, manager: &str) -> Result<Answer<Object>, ApiError> {
        let reference = object.reference();
        let resource = self.resource(&reference).await?;
        let path = with_query(
            resource.collection_path(reference.namespace.as_deref()),
            &[("fieldManager", manager), ("dryRun", self.dry_run_value(false))],
        );
        let call = Call::send(Method::POST, path, "application/json", to_bytes(object)?);
        self.call_object(&call).await
    }

    /// Replaces an object whole; its resource version, if set, must still be the current one.
    pub async fn replace(
        &self,
        object: &Object,
        manager: &str,
        dry_run: bool,
    ) -> Result<Answer<Object>, ApiError> {
        let reference = object.reference();
        let resource = self.resource(&reference).await?;
        let path = with_query(
            resource.object_path(reference.namespace.as_deref(), &reference.name),
            &[("fieldManager", manager), ("dryRun", self.dry_run_value(dry_run))],
        );
        let call = Call::send(Method::PUT, path, "application/json", to_bytes(object)?);
        self.call_object(&call).await
    }

    /// Deletes an object and tells whether it is gone already.
    pub async fn delete(&self, reference: &ObjectRef, how: &Delete) -> Result<Answer<Deletion>, ApiError> {
        let resource = self.resource(reference).await?;
        let path = resource.object_path(reference.namespace.as_deref(), &reference.name);
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": format!("{:?}", how.propagation),
        });
        if self.dry_run || how.dry_run {
            // a server that gets a body does not look for options in the URL
            options["dryRun"] = json!(["All"]);
        }
        if let Some(uid) = &how.uid {
            options["preconditions"] = json!({"uid": uid});
        }
        if !self.dry_run && !how.dry_run {
            self.note_change(reference);
        }
        let body = to_bytes(&options)?;
        let call = Call::send(Method::DELETE, path, "application/json", body);
        match self.call(&call).await {
            Ok(answer) => {
                let body: Value = parse(&answer.value)?;
                let deletion = match body["metadata"]["uid"].as_str() {
                    Some(uid) if body["kind"] != "Status" => Deletion::Pending { uid: uid.to_owned() },
                    _ => Deletion::Gone,
                };
                Ok(answer.map(|_| deletion))
            }
            Err(error) if error.is_not_found() => Ok(Answer::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads any path as JSON.
    pub async fn raw(&self, path: &str) -> Result<Answer<Value>, ApiError> {
        self.call_json(&Call::get(path.to_owned())).await
    }

    /// Sends a document to a path that no other verb covers, such as the one for tokens of a service account.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer<Value>, ApiError> {
        let body = to_bytes(body)?;
        self.call_json(&Call::send(
            Method::POST,
            path.to_owned(),
            "application/json",
            body,
        ))
        .await
    }

    /// The server's version document, e.g. with `gitVersion`.
    pub async fn version(&self) -> Result<Value, ApiError> {
        self.raw("/version").await.map(|answer| answer.value)
    }

    fn dry_run_value(&self, dry_run: bool) -> &'static str {
        if self.dry_run || dry_run { "All" } else { "" }
    }
}

#[derive(serde::Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(default, deserialize_with = "null_is_empty")]
    items: Vec<Value>,
}

impl Page {
    /// Takes the objects out; items of typed lists come without their kind, and metadata with another one.
    fn objects(&mut self, resource: &ApiResource) -> Vec<Object> {
        let api_version = resource.gvk().api_version();
        std::mem::take(&mut self.items)
            .into_iter()
            .filter_map(|value| Object::try_from(value).ok())
            .map(|mut object| {
                object.set(&["apiVersion"], json!(api_version));
                object.set(&["kind"], json!(resource.kind));
                object
            })
            .collect()
    }
}

#[derive(serde::Deserialize, Default)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    token: String,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    use serde::Deserialize;
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::new(
            Reason::Malformed,
            format!("the server's answer is not valid: {error}"),
        )
    })
}

fn to_bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|error| ApiError::new(Reason::Other, error.to_string()))
}

/// Adds the parameters that have a value.
fn with_query(mut path: String, parameters: &[(&str, &str)]) -> String {
    let mut mark = '?';
    for (key, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        path.push(mark);
        path.push_str(key);
        path.push('=');
        crate::discovery::push_escaped(&mut path, value, b"");
        mark = '&';
    }
    path
}
