//! OpenAPI documents of what the sandbox serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::Response;
use kluctl_schema::kubernetes;
use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::answer::{self, SandboxBody};
use crate::request::Request;
use crate::resources::Resource;
use crate::status::ApiError;

const REFERENCE: &str = "#/components/schemas/";

/// Answers requests below `/openapi`.
pub(crate) fn answer(
    sandbox: &Sandbox,
    request: &Request,
    parts: &[&str],
) -> Result<Response<SandboxBody>, ApiError> {
    match parts {
        ["v2"] if wants_message(request) => Ok(message()),
        ["v2"] => Ok(answer::value(200, &version_2(sandbox), &[])),
        ["v3"] => Ok(answer::value(200, &index(sandbox), &[])),
        ["v3", "api", "v1"] => Ok(answer::value(200, &version_3(sandbox, "", "v1"), &[])),
        ["v3", "apis", group, version] if sandbox.resources.serves(group, version) => {
            Ok(answer::value(200, &version_3(sandbox, group, version), &[]))
        }
        _ => Ok(answer::text(404, "404 page not found\n")),
    }
}

/// The media type in which kubectl asks for the older document when the newer one does not know a kind.
const MESSAGE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

fn wants_message(request: &Request) -> bool {
    let wanted = request.header("accept");
    wanted
        .split(',')
        .next()
        .is_some_and(|first| first.contains("proto-openapi.spec.v2"))
}

/// A document of version 2.0 without any definition: kubectl finds no kind in it and goes on to say so.
fn message() -> Response<SandboxBody> {
    const VERSION: &[u8] = b"\x0a\x032.0";
    let mut response = answer::json(200, VERSION, &[]);
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(MESSAGE),
    );
    response
}

fn all(sandbox: &Sandbox) -> Vec<Arc<Resource>> {
    let mut list = sandbox.resources.built_in();
    list.extend(sandbox.resources.custom());
    list
}

fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// `/openapi/v3`
fn index(sandbox: &Sandbox) -> Value {
    let mut paths = BTreeMap::new();
    for resource in all(sandbox) {
        let path = path_of(&resource.group, &resource.version);
        // Clients keep documents by this address, so it changes with the definitions.
        let hash = if resource.custom.is_some() {
            sandbox.store.version()
        } else {
            1
        };
        let url = format!("/openapi/v3/{path}?hash={hash:016X}");
        paths.insert(path, json!({ "serverRelativeURL": url }));
    }
    json!({ "paths": paths })
}

/// The name of a kind's definition.
fn definition_name(resource: &Resource) -> String {
    if resource.custom.is_none()
        && let Some(name) = kubernetes().definition_name(&resource.gvk())
    {
        return name.to_owned();
    }
    let reversed: Vec<&str> = resource.group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind)
}

fn gvk_of(resource: &Resource) -> Value {
    json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}])
}

/// A custom kind's schema with what every object has.
fn custom_definition(resource: &Resource) -> Value {
    let mut schema = resource
        .custom
        .as_ref()
        .map(|custom| custom.schema.clone())
        .unwrap_or_default();
    if !schema.is_object() {
        schema = json!({"type": "object"});
    }
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let reference = json!({"allOf": [{"$ref": format!("{REFERENCE}{meta}")}]});
    schema["properties"]["metadata"] = reference;
    for key in ["apiVersion", "kind"] {
        if schema["properties"][key].is_null() {
            schema["properties"][key] = json!({"type": "string"});
        }
    }
    schema["x-kubernetes-group-version-kind"] = gvk_of(resource);
    schema
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                found.insert(name.strip_prefix(REFERENCE).unwrap_or(name).to_owned());
            }
            for inner in map.values() {
                references(inner, found);
            }
        }
        Value::Array(items) => {
            for inner in items {
                references(inner, found);
            }
        }
        _ => {}
    }
}

/// The definitions of some resources with everything they refer to.
fn definitions(resources: &[Arc<Resource>], descriptions: bool) -> BTreeMap<String, Value> {
    let mut done = BTreeMap::new();
    let mut open = BTreeSet::new();
    for name in [
        "DeleteOptions",
        "Status",
        "WatchEvent",
        "APIResourceList",
        "ObjectMeta",
        "ListMeta",
    ] {
        open.insert(format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}"));
    }
    for resource in resources {
        let name = definition_name(resource);
        if resource.custom.is_some() {
            let schema = custom_definition(resource);
            references(&schema, &mut open);
            done.insert(name, schema);
        } else {
            open.insert(format!("{name}List"));
            open.insert(name);
        }
    }
    while let Some(name) = open.pop_first() {
        if done.contains_key(&name) {
            continue;
        }
        let Some(schema) = kubernetes().definition_schema(&name, descriptions) else {
            continue;
        };
        references(&schema, &mut open);
        done.insert(name, schema);
    }
    done
}

/// Parameters of a request, of which clients look for `dryRun` and `fieldValidation`.
fn parameters(version_3: bool) -> Value {
    let names = ["dryRun", "fieldManager", "fieldValidation", "force"];
    let list: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let kind = if name == "force" { "boolean" } else { "string" };
            if version_3 {
                json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
            } else {
                json!({"name": name, "in": "query", "type": kind, "uniqueItems": true})
            }
        })
        .collect();
    Value::Array(list)
}

fn operations(resource: &Resource, version_3: bool, with_name: bool) -> Value {
    let mut map = Map::new();
    let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let mut put = |method: &str, action: &str| {
        let mut operation = json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
            "parameters": parameters(version_3), "responses": {"200": {"description": "OK"}},
        });
        if !version_3 {
            operation["consumes"] = match method {
                "patch" => json!([
                    "application/json-patch+json",
                    "application/merge-patch+json",
                    "application/strategic-merge-patch+json",
                    "application/apply-patch+yaml"
                ]),
                _ => json!(["*/*"]),
            };
        }
        map.insert(method.to_owned(), operation);
    };
    if with_name {
        put("get", "get");
        put("put", "put");
        put("patch", "patch");
        put("delete", "delete");
    } else {
        put("get", "list");
        put("post", "post");
    }
    Value::Object(map)
}

fn paths(resources: &[Arc<Resource>], version_3: bool) -> Value {
    let mut map = Map::new();
    for resource in resources {
        let base = path_of(&resource.group, &resource.version);
        let place = if resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let path = format!("/{base}{place}/{}", resource.plural);
        map.insert(format!("{path}/{{name}}"), operations(resource, version_3, true));
        map.insert(path, operations(resource, version_3, false));
    }
    Value::Object(map)
}

fn version_3(sandbox: &Sandbox, group: &str, version: &str) -> Value {
    let resources: Vec<_> = all(sandbox)
        .into_iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .collect();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v{}", sandbox.version)},
        "paths": paths(&resources, true),
        "components": {"schemas": definitions(&resources, true)},
    })
}

/// References as version 2 has them, where they stand alone.
fn downgrade(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let single = map
                .get("allOf")
                .and_then(Value::as_array)
                .filter(|list| list.len() == 1)
                .and_then(|list| list[0].get("$ref"))
                .cloned();
            if let Some(reference) = single {
                map.remove("allOf");
                map.remove("default");
                map.insert("$ref".to_owned(), reference);
            }
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                *reference = reference.replace(REFERENCE, "#/definitions/");
            }
            for key in ["oneOf", "anyOf", "nullable", "not"] {
                map.remove(key);
            }
            for inner in map.values_mut() {
                downgrade(inner);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(downgrade),
        _ => {}
    }
}

fn version_2(sandbox: &Sandbox) -> Value {
    let resources = all(sandbox);
    let mut schemas = definitions(&resources, false);
    schemas.values_mut().for_each(downgrade);
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": format!("v{}", sandbox.version)},
        "paths": paths(&resources, false),
        "definitions": schemas,
    })
}
