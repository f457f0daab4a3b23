//! What a client is told of the API: versions, groups, resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, Response, header};
use kluctl_schema::kubernetes;
use serde_json::{Value, json};

use crate::Sandbox;
use crate::answer::{self, SandboxBody};
use crate::request::Request;
use crate::resources::Resource;
use crate::status::ApiError;

/// `/version`
///
/// In the order and with the indentation of a real server's, since people read it.
pub(crate) fn version(sandbox: &Sandbox) -> String {
    let mut parts = sandbox.version.split('.');
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    let before: u32 = minor.parse::<u32>().unwrap_or(1).saturating_sub(1);
    let git = format!("v{}", sandbox.version);
    let before = before.to_string();
    let fields = [
        ("major", major),
        ("minor", minor),
        ("emulationMajor", major),
        ("emulationMinor", minor),
        ("minCompatibilityMajor", major),
        ("minCompatibilityMinor", &before),
        ("gitVersion", &git),
        ("gitCommit", ""),
        ("gitTreeState", "clean"),
        ("buildDate", "1970-01-01T00:00:00Z"),
        ("goVersion", ""),
        ("compiler", ""),
        ("platform", "linux/amd64"),
    ];
    let lines: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("  \"{key}\": {}", json!(value)))
        .collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// Compares versions as Kubernetes does: `v2` before `v1` before `v1beta2`.
fn priority(version: &str) -> (u8, u32, u32) {
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let rest = version.strip_prefix('v').unwrap_or(version);
    for (word, rank) in [("beta", 1), ("alpha", 0)] {
        if let Some((major, minor)) = rest.split_once(word) {
            return (rank, number(major), number(minor));
        }
    }
    (2, number(rest), 0)
}

/// Groups but the core one, with their versions, the preferred one first.
fn groups(sandbox: &Sandbox) -> Vec<(String, Vec<String>)> {
    let mut list: Vec<(String, Vec<String>)> = Vec::new();
    for group in kubernetes().groups() {
        let versions: Vec<String> = group
            .versions
            .iter()
            .filter(|version| sandbox.resources.serves(&group.name, &version.version))
            .map(|version| version.version.clone())
            .collect();
        if !group.name.is_empty() && !versions.is_empty() {
            list.push((group.name.clone(), versions));
        }
    }
    let mut custom: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in sandbox.resources.custom() {
        let versions = custom.entry(resource.group.clone()).or_default();
        if !versions.contains(&resource.version) {
            versions.push(resource.version.clone());
        }
    }
    for (group, mut versions) in custom {
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        list.push((group, versions));
    }
    list
}

fn group_value(name: &str, versions: &[String]) -> Value {
    let entry = |version: &String| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({
        "name": name,
        "versions": versions.iter().map(entry).collect::<Vec<_>>(),
        "preferredVersion": versions.first().map(entry),
    })
}

/// `/api` and `/apis`, aggregated when the client knows that.
pub(crate) fn roots(
    sandbox: &Sandbox,
    request: &Request,
    named: bool,
) -> Result<Response<SandboxBody>, ApiError> {
    let accept = request.header(header::ACCEPT.as_str());
    let aggregated = accept.split(',').any(|part| {
        part.contains("as=APIGroupDiscoveryList") && part.contains("v=v2") && !part.contains("v=v2beta1")
    });
    if aggregated {
        let body = aggregate(sandbox, named);
        let mut response = answer::value(200, &body, &[]);
        let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        return Ok(response);
    }
    let body = if named {
        let list: Vec<Value> = groups(sandbox)
            .iter()
            .map(|(name, versions)| group_value(name, versions))
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
    } else {
        json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
        })
    };
    Ok(answer::value(200, &body, &[]))
}

/// `/apis/<group>`
pub(crate) fn group(sandbox: &Sandbox, name: &str) -> Result<Response<SandboxBody>, ApiError> {
    match groups(sandbox).into_iter().find(|(known, _)| known == name) {
        Some((name, versions)) => {
            let mut body = group_value(&name, &versions);
            body["kind"] = json!("APIGroup");
            body["apiVersion"] = json!("v1");
            Ok(answer::value(200, &body, &[]))
        }
        None => Ok(answer::text(404, "404 page not found\n")),
    }
}

fn resources_of(sandbox: &Sandbox, group: &str, version: &str) -> Vec<Arc<Resource>> {
    let fits = |resource: &Arc<Resource>| resource.group == group && resource.version == version;
    let mut list: Vec<_> = sandbox.resources.built_in().into_iter().filter(fits).collect();
    list.extend(sandbox.resources.custom().into_iter().filter(fits));
    list.sort_by(|a, b| a.plural.cmp(&b.plural));
    list
}

fn with_lists(mut value: Value, resource: &Resource) -> Value {
    if !resource.short_names.is_empty() {
        value["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        value["categories"] = json!(resource.categories);
    }
    value
}

/// `/apis/<group>/<version>`
pub(crate) fn resources(sandbox: &Sandbox, group: &str, version: &str) -> Response<SandboxBody> {
    let mut list = Vec::new();
    for resource in resources_of(sandbox, group, version) {
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
            "kind": resource.kind, "verbs": resource.verbs,
        });
        if !resource.storage_version_hash.is_empty() {
            entry["storageVersionHash"] = json!(resource.storage_version_hash);
        }
        list.push(with_lists(entry, &resource));
        for part in &resource.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, part.name), "singularName": "",
                "namespaced": resource.namespaced, "kind": part.kind, "verbs": part.verbs,
            });
            if !part.version.is_empty() {
                entry["group"] = json!(part.group);
                entry["version"] = json!(part.version);
            }
            list.push(entry);
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let mut body = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.is_empty() {
        body["apiVersion"] = json!("v1");
    }
    answer::value(200, &body, &[])
}

fn aggregate(sandbox: &Sandbox, named: bool) -> Value {
    let wanted = if named {
        groups(sandbox)
    } else {
        vec![(String::new(), vec!["v1".to_owned()])]
    };
    let mut items = Vec::new();
    for (group, versions) in wanted {
        let versions: Vec<Value> = versions
            .iter()
            .map(|version| {
                let list: Vec<Value> = resources_of(sandbox, &group, version)
                    .iter()
                    .map(|resource| aggregated_resource(resource))
                    .collect();
                json!({"version": version, "resources": list, "freshness": "Current"})
            })
            .collect();
        let metadata = if group.is_empty() {
            json!({})
        } else {
            json!({"name": group})
        };
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    })
}

fn aggregated_resource(resource: &Resource) -> Value {
    let parts: Vec<Value> = resource
        .subresources
        .iter()
        .map(|part| {
            let (group, version) = if part.version.is_empty() {
                (&resource.group, &resource.version)
            } else {
                (&part.group, &part.version)
            };
            json!({
                "subresource": part.name, "verbs": part.verbs,
                "responseKind": {"group": group, "version": version, "kind": part.kind},
            })
        })
        .collect();
    let mut entry = json!({
        "resource": resource.plural, "singularResource": resource.singular, "verbs": resource.verbs,
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
    });
    if !parts.is_empty() {
        entry["subresources"] = Value::Array(parts);
    }
    with_lists(entry, resource)
}

/// `/`
pub(crate) fn paths(sandbox: &Sandbox) -> Value {
    let mut list = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in groups(sandbox) {
        list.push(format!("/apis/{group}"));
        list.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    list.extend(
        [
            "/healthz",
            "/livez",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ]
        .map(str::to_owned),
    );
    json!({ "paths": list })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_stability() {
        let mut versions = vec!["v1beta1", "v1", "v2alpha1", "v2", "v1beta2"];
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
        assert_eq!(versions, ["v2", "v1", "v1beta2", "v1beta1", "v2alpha1"]);
    }
}
