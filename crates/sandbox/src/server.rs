//! Requests to answers: which path is what, and which verb does what.

use std::sync::Arc;

use http::{Method, Response};
use kluctl_object::Object;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::answer::{self, Form, SandboxBody, negotiate};
use crate::convert;
use crate::delete::DeleteOptions;
use crate::discovery;
use crate::media;
use crate::openapi;
use crate::patch::PatchKind;
use crate::read::{self, ListOptions, Page};
use crate::request::{Request, WriteOptions, percent_decode};
use crate::resources::Resource;
use crate::status::ApiError;
use crate::strategy;
use crate::table;
use crate::watch::{self, WatchOptions};
use crate::write::{self, Target, Written};

type Answer = Result<Response<SandboxBody>, ApiError>;

/// What an object path names.
struct Route {
    resource: Arc<Resource>,
    namespace: Option<String>,
    name: Option<String>,
    subresource: String,
    watch: bool,
}

impl Route {
    fn target(&self) -> Target {
        Target {
            resource: self.resource.clone(),
            namespace: self.namespace.clone().unwrap_or_default(),
            name: self.name.clone().unwrap_or_default(),
            subresource: self.subresource.clone(),
        }
    }
}

/// Answers one request.
pub(crate) fn answer(sandbox: &Arc<Sandbox>, request: &Request) -> Response<SandboxBody> {
    let mut warnings = Vec::new();
    let done = match media::read(request) {
        Ok(Some(plain)) => dispatch(sandbox, &plain, &mut warnings),
        Ok(None) => dispatch(sandbox, request, &mut warnings),
        Err(error) => Err(error),
    };
    let response = done.unwrap_or_else(|error| answer::error(&error, &warnings));
    media::write(request.header(http::header::ACCEPT.as_str()), response)
}

fn dispatch(sandbox: &Arc<Sandbox>, request: &Request, warnings: &mut Vec<String>) -> Answer {
    let path = request.path.trim_end_matches('/');
    let parts: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|part| percent_decode(part, false))
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [] | [""] => Ok(answer::value(200, &discovery::paths(sandbox), &[])),
        ["healthz" | "readyz" | "livez", ..] => Ok(answer::text(200, "ok")),
        ["version"] => Ok(answer::json(200, discovery::version(sandbox), &[])),
        ["openapi", ..] => openapi::answer(sandbox, request, &parts[1..]),
        ["api" | "apis"] => discovery::roots(sandbox, request, parts[0] == "apis"),
        ["api", "v1"] => Ok(discovery::resources(sandbox, "", "v1")),
        ["apis", group] => discovery::group(sandbox, group),
        ["apis", group, version] => {
            if sandbox.resources.serves(group, version) {
                Ok(discovery::resources(sandbox, group, version))
            } else {
                Err(ApiError::unknown_path())
            }
        }
        ["api", "v1", rest @ ..] => objects(sandbox, request, "", "v1", rest, warnings),
        ["apis", group, version, rest @ ..] => {
            if sandbox.resources.serves(group, version) {
                objects(sandbox, request, group, version, rest, warnings)
            } else {
                Ok(answer::text(404, "404 page not found\n"))
            }
        }
        _ => Ok(answer::text(404, "404 page not found\n")),
    }
}

fn route(sandbox: &Sandbox, group: &str, version: &str, parts: &[&str]) -> Result<Route, ApiError> {
    let (watch, parts) = match parts {
        ["watch", rest @ ..] => (true, rest),
        parts => (false, parts),
    };
    let is_namespaces = group.is_empty();
    let (namespace, plural, rest) = match parts {
        ["namespaces"] if is_namespaces => (None, "namespaces", &parts[1..]),
        ["namespaces", _] if is_namespaces => (None, "namespaces", &parts[1..]),
        ["namespaces", _, "status" | "finalize"] if is_namespaces => (None, "namespaces", &parts[1..]),
        ["namespaces", namespace, plural, rest @ ..] => (Some((*namespace).to_owned()), *plural, rest),
        [plural, rest @ ..] => (None, *plural, rest),
        [] => return Err(ApiError::unknown_path()),
    };
    let resource = sandbox
        .resources
        .find(group, version, plural)
        .ok_or_else(ApiError::unknown_path)?;
    let (name, subresource) = match rest {
        [] => (None, String::new()),
        [name] => (Some((*name).to_owned()), String::new()),
        [name, subresource @ ..] => (Some((*name).to_owned()), subresource.join("/")),
    };
    let wrong_scope = namespace.is_some() && !resource.namespaced
        || namespace.is_none() && resource.namespaced && name.is_some();
    if wrong_scope {
        return Err(ApiError::unknown_path());
    }
    Ok(Route {
        resource,
        namespace,
        name,
        subresource,
        watch,
    })
}

fn objects(
    sandbox: &Arc<Sandbox>,
    request: &Request,
    group: &str,
    version: &str,
    parts: &[&str],
    warnings: &mut Vec<String>,
) -> Answer {
    let route = route(sandbox, group, version, parts)?;
    if let Some(text) = deprecation(&route.resource) {
        warnings.push(text);
    }
    if !route.subresource.is_empty() {
        return crate::subresource::answer(sandbox, request, &route.target(), warnings);
    }
    let resource = &route.resource;
    let not_allowed = ApiError::method_not_allowed;
    let method = &request.method;
    let is_watch = route.watch || (request.query.flag("watch") && *method == Method::GET);
    match (method, &route.name) {
        (&Method::GET | &Method::HEAD, name) if is_watch => {
            if !resource.allows("watch") {
                return Err(not_allowed());
            }
            start_watch(sandbox, request, &route, name.as_deref(), warnings)
        }
        (&Method::GET | &Method::HEAD, name) => {
            let seen = match name {
                Some(_) => get(sandbox, request, &route.target(), warnings),
                None => list(sandbox, request, &route, warnings),
            };
            // Who looks again sees what has become of it.
            sandbox.pass_time();
            seen
        }
        (&Method::POST, None) if resource.allows("create") => {
            if resource.namespaced && route.namespace.is_none() {
                return Err(not_allowed());
            }
            create(sandbox, request, &route.target(), warnings)
        }
        (&Method::PUT, Some(_)) if resource.allows("update") => {
            update(sandbox, request, &route.target(), warnings)
        }
        (&Method::PATCH, Some(_)) if resource.allows("patch") => {
            patch(sandbox, request, &route.target(), warnings)
        }
        (&Method::DELETE, Some(_)) if resource.allows("delete") => {
            delete(sandbox, request, &route.target(), warnings)
        }
        (&Method::DELETE, None) if resource.allows("deletecollection") => {
            if resource.namespaced && route.namespace.is_none() {
                return Err(not_allowed());
            }
            delete_collection(sandbox, request, &route, warnings)
        }
        _ => Err(not_allowed()),
    }
}

/// What is said of versions and kinds that will go.
fn deprecation(resource: &Resource) -> Option<String> {
    if let Some(custom) = &resource.custom {
        return custom.warning.clone();
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "endpoints") => {
            Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned())
        }
        ("", "componentstatuses") => Some("v1 ComponentStatus is deprecated in v1.19+".to_owned()),
        _ => None,
    }
}

/// One object in the form that is asked for.
pub(crate) fn shaped(
    request: &Request,
    code: u16,
    resource: &Resource,
    object: Object,
    warnings: &[String],
) -> Answer {
    let form = negotiate(request)?;
    if matches!(form, Form::Metadata { list: true, .. }) {
        return Err(ApiError::other_form(format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
            go_name(resource, &resource.kind)
        )));
    }
    let mut object = if convert::differs_from_storage(resource) {
        convert::to_version(object, resource)
    } else {
        object
    };
    if form == Form::Object {
        let bytes = serde_json::to_vec(object.as_map()).unwrap_or_default();
        return Ok(answer::json(code, bytes, warnings));
    }
    let value = table::shape(resource, &mut object, &form, true);
    Ok(answer::value(code, &value, warnings))
}

fn get(sandbox: &Sandbox, request: &Request, target: &Target, warnings: &[String]) -> Answer {
    if !target.resource.allows("get") {
        return Err(ApiError::method_not_allowed());
    }
    let form = negotiate(request)?;
    let current = sandbox.store.version();
    if let Some(asked) =
        read::parse_version(request.query.get("resourceVersion"))?.filter(|asked| *asked > current)
    {
        return Err(ApiError::too_large_version(asked, current));
    }
    let stored = sandbox
        .store
        .get(&target.key())
        .ok_or_else(|| target.not_found())?;
    if form == Form::Object {
        return Ok(answer::json(
            200,
            read::render(&target.resource, &stored, true),
            warnings,
        ));
    }
    let object = convert::to_version(stored.parse(), &target.resource);
    shaped(request, 200, &target.resource, object, warnings)
}

fn list(sandbox: &Sandbox, request: &Request, route: &Route, warnings: &[String]) -> Answer {
    if !route.resource.allows("list") {
        return Err(ApiError::method_not_allowed());
    }
    let form = negotiate(request)?;
    let options = ListOptions::read(&request.query, &route.resource)?;
    let page = sandbox.page(&route.resource, route.namespace.as_deref(), &options)?;
    if matches!(form, Form::Metadata { list: false, .. }) {
        return Err(ApiError::other_form(format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({})",
            go_name(&route.resource, &route.resource.list_kind)
        )));
    }
    Ok(list_answer(&route.resource, &page, &form, warnings))
}

/// A kind as a pointer to its Go type.
fn go_name(resource: &Resource, kind: &str) -> String {
    let package = match resource.group.split('.').next().unwrap_or_default() {
        _ if resource.custom.is_some() && kind == resource.kind => {
            return "*unstructured.Unstructured".to_owned();
        }
        _ if resource.custom.is_some() => return "*unstructured.UnstructuredList".to_owned(),
        "" | "events" => "core",
        group => group,
    };
    format!("*{package}.{kind}")
}

fn list_answer(resource: &Resource, page: &Page, form: &Form, warnings: &[String]) -> Response<SandboxBody> {
    match form {
        Form::Object => answer::json(200, read::render_list(resource, page), warnings),
        form => answer::value(200, &table::shape_list(resource, page, form), warnings),
    }
}

fn start_watch(
    sandbox: &Arc<Sandbox>,
    request: &Request,
    route: &Route,
    name: Option<&str>,
    warnings: &[String],
) -> Answer {
    let form = negotiate(request)?;
    let options = WatchOptions::read(&request.query, &route.resource, name)?;
    let stream = watch::start(
        sandbox,
        &route.resource,
        route.namespace.as_deref(),
        options,
        form,
    )?;
    let mut response = answer::json(200, "", warnings);
    *response.body_mut() = SandboxBody::events(stream);
    Ok(response)
}

/// Reads the body of a create or update.
pub(crate) fn body_object(
    request: &Request,
    resource: &Resource,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Object, ApiError> {
    let yaml = match request.content_type().as_str() {
        "" | "application/json" => false,
        "application/yaml" => true,
        _ => {
            return Err(ApiError::unsupported_body(
                "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            ));
        }
    };
    let (mut object, duplicates) = write::read_object(resource, &request.body, yaml)?;
    write::admit(resource, &mut object, duplicates, options.validation, warnings)?;
    convert::to_storage(resource, &mut object);
    Ok(object)
}

fn written(request: &Request, target: &Target, written: Written, warnings: &[String]) -> Answer {
    let code = if written.created { 201 } else { 200 };
    shaped(request, code, &target.resource, written.object, warnings)
}

fn create(sandbox: &Sandbox, request: &Request, target: &Target, warnings: &mut Vec<String>) -> Answer {
    let resource = &target.resource;
    let options = WriteOptions::read(request, "CreateOptions", false)?;
    if let Some(done) = crate::review::answer(sandbox, request, resource, target) {
        return done;
    }
    let object = body_object(request, resource, &options, warnings)?;
    let done = sandbox.create(target, object, &options, warnings)?;
    written(request, target, done, warnings)
}

pub(crate) fn update(
    sandbox: &Sandbox,
    request: &Request,
    target: &Target,
    warnings: &mut Vec<String>,
) -> Answer {
    let options = WriteOptions::read(request, "UpdateOptions", false)?;
    let object = body_object(request, &target.resource, &options, warnings)?;
    let done = sandbox.update(target, &object, &options, warnings)?;
    written(request, target, done, warnings)
}

pub(crate) fn patch(
    sandbox: &Sandbox,
    request: &Request,
    target: &Target,
    warnings: &mut Vec<String>,
) -> Answer {
    let kind = PatchKind::of(&target.resource, &request.content_type())?;
    let options = WriteOptions::read(request, "PatchOptions", kind == PatchKind::Apply)?;
    let done = sandbox.patch(target, request, kind, &options, warnings)?;
    written(request, target, done, warnings)
}

fn delete(sandbox: &Sandbox, request: &Request, target: &Target, warnings: &mut Vec<String>) -> Answer {
    let mut options = DeleteOptions::read(request)?;
    default_propagation(&target.resource, &mut options, warnings);
    let deleted = sandbox.delete(target, &options)?;
    let resource = &target.resource;
    if !deleted.gone || strategy::answers_with_deleted(resource) {
        return shaped(request, 200, resource, deleted.object, warnings);
    }
    let mut details = json!({"name": target.name, "kind": resource.plural});
    if !resource.group.is_empty() {
        details["group"] = Value::from(resource.group.as_str());
    }
    if let Some(uid) = deleted.object.at(&["metadata", "uid"]) {
        details["uid"] = uid.clone();
    }
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    });
    Ok(answer::value(200, &status, warnings))
}

/// Jobs and ReplicationControllers leave their Pods behind unless they are told otherwise.
fn default_propagation(resource: &Resource, options: &mut DeleteOptions, warnings: &mut Vec<String>) {
    let is_job = resource.is("batch", "jobs");
    if options.propagation.is_some() || !(is_job || resource.is("", "replicationcontrollers")) {
        return;
    }
    if is_job {
        warnings.push("child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning".to_owned());
    }
    options.propagation = Some("Orphan".to_owned());
}

fn delete_collection(
    sandbox: &Sandbox,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Answer {
    let form = negotiate(request)?;
    let mut options = DeleteOptions::read(request)?;
    default_propagation(&route.resource, &mut options, warnings);
    let selection = ListOptions::read(&request.query, &route.resource)?;
    let page = sandbox.page(&route.resource, route.namespace.as_deref(), &selection)?;
    for (key, _) in &page.items {
        let target = Target {
            resource: route.resource.clone(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            subresource: String::new(),
        };
        match sandbox.delete(&target, &options) {
            Err(error) if error.code() != 404 => return Err(error),
            _ => {}
        }
    }
    Ok(list_answer(&route.resource, &page, &form, warnings))
}
