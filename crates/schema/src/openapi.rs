//! OpenAPI documents, as clients ask an API server for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::discovery::{GroupVersion, Resource};
use crate::table::kubernetes;

const COMPONENTS: &str = "#/components/schemas/";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// What is served besides the built-in kinds.
#[derive(Clone, Debug, Default)]
pub struct CustomKind {
    /// Kind.
    pub kind: String,
    /// Kind of its lists.
    pub list_kind: String,
    /// The version's `openAPIV3Schema`.
    pub schema: Value,
}

/// The path of a group version as the index of OpenAPI v3 documents names it: `api/v1`, `apis/apps/v1`.
pub fn openapi_v3_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The name of a definition of a custom kind: the group's parts turned round.
///
/// Source: kube-openapi `pkg/util/util.go`, `ToRESTFriendlyName`.
pub fn custom_definition_name(group: &str, version: &str, kind: &str) -> String {
    let parts: Vec<_> = group.split('.').rev().collect();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// The OpenAPI v3 document of a group version: its paths and the types they lead to.
///
/// Kinds that are not built in are given with their schemas.
pub fn openapi_v3(group: &str, served: &GroupVersion, custom: &[CustomKind]) -> Value {
    let version = &served.version;
    let mut schemas = Map::new();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for kind in custom {
        let name = custom_definition_name(group, version, &kind.kind);
        for (name, schema) in custom_definitions(group, version, kind) {
            references(&schema, &mut wanted);
            schemas.insert(name, schema);
        }
        names.insert(&kind.kind, name);
    }
    let name_of = |group: &str, version: &str, kind: &str| {
        names.get(kind).cloned().or_else(|| {
            let gvk = kluctl_object::Gvk::new(group, version, kind);
            kubernetes().definition_name(&gvk).map(str::to_owned)
        })
    };
    let mut paths = Map::new();
    for resource in &served.resources {
        add_paths(&mut paths, group, version, resource, &name_of);
    }
    references(&Value::Object(paths.clone()), &mut wanted);
    for name in [
        "APIResourceList",
        "APIResource",
        "DeleteOptions",
        "Patch",
        "Status",
        "WatchEvent",
    ] {
        wanted.insert(format!("{META}.{name}"));
    }
    for resource in &served.resources {
        wanted.extend(name_of(group, version, &format!("{}List", resource.kind)));
    }
    while let Some(name) = wanted.pop_first() {
        if schemas.contains_key(&name) {
            continue;
        }
        let Some(mut schema) = kubernetes().definition_schema(&name, true) else {
            continue;
        };
        only_own_group(&mut schema, group, version);
        let mut more = BTreeSet::new();
        references(&schema, &mut more);
        wanted.extend(more.into_iter().filter(|name| !schemas.contains_key(name)));
        schemas.insert(name, schema);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": format!("v{}", kubernetes().version())},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerToken": {
                "type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"}},
        },
    })
}

/// Shared types are registered in every group; a document names its own only.
fn only_own_group(schema: &mut Value, group: &str, version: &str) {
    let key = "x-kubernetes-group-version-kind";
    if let Some(list) = schema.get_mut(key).and_then(Value::as_array_mut)
        && list.len() > 1
    {
        let all = std::mem::take(list);
        *list = all
            .into_iter()
            .filter(|entry| entry["group"] == group && entry["version"] == version)
            .collect();
    }
}

/// Collects the names a schema refers to.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match (key.as_str(), inner.as_str()) {
                    ("$ref", Some(target)) => {
                        names.extend(target.strip_prefix(COMPONENTS).map(str::to_owned));
                    }
                    _ => references(inner, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("{COMPONENTS}{name}")})
}

/// The definitions of a custom kind and of its list.
///
/// Source: apiextensions-apiserver `pkg/controller/openapi/builder/builder.go`.
fn custom_definitions(group: &str, version: &str, kind: &CustomKind) -> [(String, Value); 2] {
    let name = custom_definition_name(group, version, &kind.kind);
    let list_name = custom_definition_name(group, version, &kind.list_kind);
    let registration = |kind: &str| json!([{"group": group, "version": version, "kind": kind}]);
    let mut schema = kind.schema.clone();
    if !schema.is_object() {
        schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    if let Some(map) = schema.as_object_mut() {
        map.insert(
            "x-kubernetes-group-version-kind".to_owned(),
            registration(&kind.kind),
        );
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
            properties.insert("kind".to_owned(), json!({"type": "string"}));
            let metadata = json!({"allOf": [refer(&format!("{META}.ObjectMeta"))]});
            properties.insert("metadata".to_owned(), metadata);
        }
    }
    let list = json!({
        "type": "object", "required": ["items"],
        "description": format!("{} is a list of {}", kind.list_kind, kind.kind),
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"allOf": [refer(&format!("{META}.ListMeta"))]},
            "items": {"type": "array", "items": refer(&name)},
        },
        "x-kubernetes-group-version-kind": registration(&kind.list_kind),
    });
    [(name, schema), (list_name, list)]
}

fn parameter(name: &str, place: &str, json_type: &str) -> Value {
    let mut parameter =
        json!({"name": name, "in": place, "schema": {"type": json_type, "uniqueItems": true}});
    if place == "path" {
        parameter["required"] = Value::Bool(true);
    }
    parameter
}

/// The query parameters of a verb.
fn parameters(verb: &str) -> Vec<Value> {
    let names: &[(&str, &str)] = match verb {
        "list" | "watch" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        "create" | "update" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
        ],
        "patch" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
            ("force", "boolean"),
        ],
        "delete" | "deletecollection" => &[
            ("dryRun", "string"),
            ("gracePeriodSeconds", "integer"),
            ("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
            ("orphanDependents", "boolean"),
            ("propagationPolicy", "string"),
        ],
        _ => &[],
    };
    names
        .iter()
        .map(|(name, json_type)| parameter(name, "query", json_type))
        .collect()
}

/// The HTTP method of a verb and what the document calls the action.
fn method(verb: &str) -> Option<(&'static str, &'static str)> {
    Some(match verb {
        "get" => ("get", "get"),
        "list" => ("get", "list"),
        "create" => ("post", "post"),
        "update" => ("put", "put"),
        "patch" => ("patch", "patch"),
        "delete" => ("delete", "delete"),
        "deletecollection" => ("delete", "deletecollection"),
        _ => return None,
    })
}

type NameOf<'a> = dyn Fn(&str, &str, &str) -> Option<String> + 'a;

fn add_paths(
    paths: &mut Map<String, Value>,
    group: &str,
    version: &str,
    resource: &Resource,
    name_of: &NameOf<'_>,
) {
    let base = format!("/{}", openapi_v3_path(group, version));
    let plural = &resource.plural;
    let collection = if resource.namespaced {
        format!("{base}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{base}/{plural}")
    };
    let item = format!("{collection}/{{name}}");
    let target = Target {
        group,
        version,
        kind: &resource.kind,
        name_of,
    };
    for verb in &resource.verbs {
        let path = match verb.as_str() {
            "list" | "create" | "deletecollection" => &collection,
            _ => &item,
        };
        target.add(paths, path, verb);
    }
    if resource.namespaced && resource.allows("list") {
        target.add(paths, &format!("{base}/{plural}"), "list");
    }
    for subresource in &resource.subresources {
        let or = |own: &'_ str, other: &str| {
            if own.is_empty() {
                other.to_owned()
            } else {
                own.to_owned()
            }
        };
        let (group, version) = (or(&subresource.group, group), or(&subresource.version, version));
        let target = Target {
            group: &group,
            version: &version,
            kind: &subresource.kind,
            name_of,
        };
        let path = format!("{item}/{}", subresource.name);
        for verb in &subresource.verbs {
            target.add(paths, &path, verb);
        }
    }
}

/// The kind a path answers with.
struct Target<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    name_of: &'a NameOf<'a>,
}

impl Target<'_> {
    fn add(&self, paths: &mut Map<String, Value>, path: &str, verb: &str) {
        let Some((method, action)) = method(verb) else {
            return;
        };
        let entry = paths.entry(path.to_owned()).or_insert_with(|| {
            let shared: Vec<_> = ["name", "namespace"]
                .into_iter()
                .filter(|name| path.contains(&format!("{{{name}}}")))
                .map(|name| parameter(name, "path", "string"))
                .chain([parameter("pretty", "query", "string")])
                .collect();
            json!({ "parameters": shared })
        });
        let Some(entry) = entry.as_object_mut() else {
            return;
        };
        let kind = if verb == "list" {
            format!("{}List", self.kind)
        } else {
            self.kind.to_owned()
        };
        let answer = match verb {
            "delete" | "deletecollection" => Some(format!("{META}.Status")),
            _ => (self.name_of)(self.group, self.version, &kind),
        };
        let content = |name: &str| json!({"application/json": {"schema": refer(name)}, "application/yaml": {"schema": refer(name)}});
        let mut operation = json!({
            "parameters": parameters(verb),
            "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": {"group": self.group, "version": self.version, "kind": self.kind},
        });
        if let Some(answer) = answer {
            operation["responses"]["200"]["content"] = content(&answer);
        }
        let body = (self.name_of)(self.group, self.version, self.kind);
        match (verb, body) {
            ("create" | "update", Some(body)) => {
                operation["requestBody"] =
                    json!({"content": {"*/*": {"schema": refer(&body)}}, "required": true});
            }
            ("patch", _) => {
                let patch = json!({"schema": refer(&format!("{META}.Patch"))});
                operation["requestBody"] = json!({"required": true, "content": {
                    "application/apply-patch+yaml": patch, "application/json-patch+json": patch,
                    "application/merge-patch+json": patch, "application/strategic-merge-patch+json": patch}});
            }
            ("delete" | "deletecollection", _) => {
                let options = refer(&format!("{META}.DeleteOptions"));
                operation["requestBody"] = json!({"content": {"*/*": {"schema": options}}});
            }
            _ => {}
        }
        entry.insert(method.to_owned(), operation);
    }
}

/// The OpenAPI v2 document made from v3 documents of group versions.
pub fn openapi_v2(documents: &[Value]) -> Value {
    let mut definitions = Map::new();
    let mut paths = Map::new();
    for document in documents {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, schema) in schemas.into_iter().flatten() {
            let schema = to_v2(schema);
            match definitions.get_mut(name) {
                None => drop(definitions.insert(name.clone(), schema)),
                Some(known) => join_registrations(known, &schema),
            }
        }
        for (path, operations) in document["paths"].as_object().into_iter().flatten() {
            paths.insert(path.clone(), path_to_v2(operations));
        }
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": format!("v{}", kubernetes().version())},
        "paths": paths,
        "definitions": definitions,
        "security": [{"BearerToken": []}],
        "securityDefinitions": {"BearerToken": {
            "type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"}},
    })
}

fn join_registrations(known: &mut Value, other: &Value) {
    let key = "x-kubernetes-group-version-kind";
    let more = other
        .get(key)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let Some(list) = known.get_mut(key).and_then(Value::as_array_mut) {
        for entry in more {
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
    }
}

/// A schema without what v2 does not have.
fn to_v2(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                match key.as_str() {
                    "default" | "oneOf" | "anyOf" | "nullable" => {}
                    "allOf" => {
                        if let Some(target) = value.get(0).and_then(|first| first.get("$ref")) {
                            out.insert("$ref".to_owned(), to_v2_reference(target));
                        }
                    }
                    "$ref" => drop(out.insert(key.clone(), to_v2_reference(value))),
                    "properties" => {
                        let members = value.as_object().into_iter().flatten();
                        let members: Map<_, _> = members
                            .map(|(name, member)| (name.clone(), to_v2(member)))
                            .collect();
                        out.insert(key.clone(), Value::Object(members));
                    }
                    _ => drop(out.insert(key.clone(), to_v2(value))),
                }
            }
            let has_type = ["type", "$ref", "properties"]
                .iter()
                .any(|key| out.contains_key(*key));
            if map.contains_key("oneOf") && !has_type {
                out.insert("type".to_owned(), Value::from("string"));
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(to_v2).collect()),
        other => other.clone(),
    }
}

fn to_v2_reference(target: &Value) -> Value {
    let name = target.as_str().unwrap_or_default();
    Value::from(format!(
        "#/definitions/{}",
        name.strip_prefix(COMPONENTS).unwrap_or(name)
    ))
}

fn path_to_v2(operations: &Value) -> Value {
    let mut out = Map::new();
    for (key, value) in operations.as_object().into_iter().flatten() {
        if key == "parameters" {
            out.insert(key.clone(), parameters_to_v2(value));
            continue;
        }
        let mut operation = value.clone();
        if let Some(map) = operation.as_object_mut() {
            let mut parameters = parameters_to_v2(map.get("parameters").unwrap_or(&Value::Null));
            let body = map.remove("requestBody");
            let schema = body.as_ref().and_then(|body| {
                let content = body.get("content")?.as_object()?;
                content.values().next()?.get("schema")
            });
            if let (Some(schema), Some(list)) = (schema, parameters.as_array_mut()) {
                list.push(json!({"name": "body", "in": "body", "schema": to_v2(schema)}));
            }
            map.insert("parameters".to_owned(), parameters);
            let answer = map
                .get_mut("responses")
                .and_then(|responses| responses.get_mut("200"));
            if let Some(answer) = answer.and_then(Value::as_object_mut)
                && let Some(content) = answer.remove("content")
            {
                let schema = content
                    .as_object()
                    .and_then(|content| content.values().next()?.get("schema"));
                if let Some(schema) = schema {
                    answer.insert("schema".to_owned(), to_v2(schema));
                }
            }
        }
        out.insert(key.clone(), operation);
    }
    Value::Object(out)
}

fn parameters_to_v2(parameters: &Value) -> Value {
    let list = parameters.as_array().into_iter().flatten().map(|parameter| {
        let mut parameter = parameter.clone();
        if let Some(map) = parameter.as_object_mut()
            && let Some(Value::Object(schema)) = map.remove("schema")
        {
            map.extend(schema);
        }
        parameter
    });
    Value::Array(list.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_of_apps() {
        let apps = kubernetes().group_version("apps", "v1").unwrap();
        let document = openapi_v3("apps", apps, &[]);
        let schemas = document
            .pointer("/components/schemas")
            .unwrap()
            .as_object()
            .unwrap();
        assert!(schemas.contains_key("io.k8s.api.apps.v1.Deployment"));
        assert!(schemas.contains_key("io.k8s.api.core.v1.PodSpec"));
        let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(
            patch["x-kubernetes-group-version-kind"],
            json!({"group": "apps", "version": "v1", "kind": "Deployment"})
        );
        assert!(
            patch["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .any(|p| p["name"] == "fieldValidation")
        );
        let mut wanted = BTreeSet::new();
        references(&document, &mut wanted);
        for name in wanted {
            assert!(schemas.contains_key(&name), "{name} is referred to and missing");
        }
        assert!(!document.to_string().contains("x-go"));
    }

    #[test]
    fn document_of_a_custom_kind() {
        let served = GroupVersion {
            version: "v1".to_owned(),
            resources: Vec::new(),
        };
        let kind = CustomKind {
            kind: "Thing".to_owned(),
            list_kind: "ThingList".to_owned(),
            schema: json!({"type": "object", "properties": {"spec": {"type": "object"}}}),
        };
        let document = openapi_v3("a.example.com", &served, &[kind]);
        let schema = &document["components"]["schemas"]["com.example.a.v1.Thing"];
        assert_eq!(schema["x-kubernetes-group-version-kind"][0]["kind"], "Thing");
        assert!(schema["properties"]["metadata"]["allOf"].is_array());
    }

    #[test]
    fn version_two() {
        let core = kubernetes().group_version("", "v1").unwrap();
        let document = openapi_v2(&[openapi_v3("", core, &[])]);
        let container = &document["definitions"]["io.k8s.api.core.v1.Container"]["properties"];
        assert_eq!(
            container["lifecycle"]["$ref"],
            "#/definitions/io.k8s.api.core.v1.Lifecycle"
        );
        assert_eq!(container["env"]["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(
            document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"],
            "string"
        );
    }
}
