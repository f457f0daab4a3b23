//! Makes `src/merge_keys.txt` from the OpenAPI document that Kubernetes publishes for a version.
//!
//! ```sh
//! cargo run -p kluctl-kustomize --example merge_keys -- swagger.json > crates/kustomize/src/merge_keys.txt
//! ```
//!
//! The committed table comes from `api/openapi-spec/swagger.json` of Kubernetes 1.21.2, the version kustomize 5.8.1 has
//! built in. It keeps only what merging needs: the types through which a list with merge keys can be reached, and the scope
//! of each kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

fn main() {
    let path = std::env::args().nth(1).expect("usage: merge_keys swagger.json");
    let text = std::fs::read_to_string(path).expect("the file is readable");
    let document: Value = serde_json::from_str(&text).expect("the file is JSON");
    let table = table(&document);
    std::io::stdout()
        .write_all(table.as_bytes())
        .expect("standard output is open");
}

fn table(document: &Value) -> String {
    let definitions = document["definitions"]
        .as_object()
        .expect("there are definitions");
    let mut useful: BTreeSet<&str> = BTreeSet::new();
    loop {
        let before = useful.len();
        for (name, definition) in definitions {
            let fields = definition["properties"].as_object();
            let leads_on = fields.is_some_and(|fields| {
                fields.values().any(|field| {
                    keys(field).is_some() || target(field).is_some_and(|(_, name)| useful.contains(name))
                })
            });
            if leads_on {
                useful.insert(name);
            }
        }
        if useful.len() == before {
            break;
        }
    }

    let mut out = String::from(
        "# Made by examples/merge_keys.rs. `type`, then its fields: `field shape:type strategy keys`; then `@apiVersion kind scope type`.\n",
    );
    for name in &useful {
        out.push_str(short(name));
        out.push('\n');
        let fields: BTreeMap<_, _> = definitions[*name]["properties"]
            .as_object()
            .expect("useful")
            .iter()
            .collect();
        for (field_name, field) in fields {
            let keys = keys(field);
            let target = target(field).filter(|(_, name)| useful.contains(name));
            if keys.is_none() && target.is_none() {
                continue;
            }
            let (shape, type_name) = target.map_or(("[]", "-"), |(shape, name)| (shape, short(name)));
            write!(out, " {field_name} {shape}:{type_name}").expect("memory holds it");
            if let Some((strategy, keys)) = keys {
                write!(out, " {strategy} {}", keys.join(",")).expect("memory holds it");
            }
            out.push('\n');
        }
    }
    for ((api_version, kind), (scope, name)) in kinds(document) {
        let name = name.filter(|name| useful.contains(name.as_str()));
        if scope.is_none() && name.is_none() {
            continue;
        }
        let scope = match scope {
            Some(true) => "namespaced",
            Some(false) => "cluster",
            None => "-",
        };
        let name = name.as_deref().map_or("-", short);
        writeln!(out, "@{api_version} {kind} {scope} {name}").expect("memory holds it");
    }
    out
}

fn short(name: &str) -> &str {
    name.strip_prefix("io.k8s.").unwrap_or(name)
}

fn keys(field: &Value) -> Option<(&str, Vec<&str>)> {
    let strategy = field["x-kubernetes-patch-strategy"].as_str()?;
    if field["type"] != "array" || !strategy.split(',').any(|part| part == "merge") {
        return None;
    }
    let keys = match field["x-kubernetes-list-map-keys"].as_array() {
        Some(keys) => keys.iter().filter_map(Value::as_str).collect(),
        None => field["x-kubernetes-patch-merge-key"]
            .as_str()
            .into_iter()
            .collect(),
    };
    Some((strategy, keys))
}

fn target(field: &Value) -> Option<(&'static str, &str)> {
    for (shape, value) in [
        ("=", field),
        ("[]", &field["items"]),
        ("{}", &field["additionalProperties"]),
    ] {
        if let Some(name) = value["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/definitions/"))
        {
            return Some((shape, name));
        }
    }
    None
}

type Kinds = BTreeMap<(String, String), (Option<bool>, Option<String>)>;

fn kinds(document: &Value) -> Kinds {
    let mut kinds = Kinds::new();
    for (path, info) in document["paths"].as_object().expect("there are paths") {
        let Some(key) = type_meta(&info["get"]["x-kubernetes-group-version-kind"]) else {
            continue;
        };
        let scope = &mut kinds.entry(key).or_default().0;
        *scope = Some(scope.unwrap_or(false) || path.contains("namespaces/{namespace}"));
    }
    for (name, definition) in document["definitions"]
        .as_object()
        .expect("there are definitions")
    {
        for gvk in definition["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if let Some(key) = type_meta(gvk) {
                kinds.entry(key).or_default().1 = Some(name.clone());
            }
        }
    }
    kinds
}

fn type_meta(gvk: &Value) -> Option<(String, String)> {
    let version = gvk["version"].as_str()?;
    let api_version = match gvk["group"].as_str().unwrap_or_default() {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    Some((api_version, gvk["kind"].as_str()?.to_owned()))
}
