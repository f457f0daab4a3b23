//! Writes the table of a Kubernetes version that `crates/schema` carries.
//!
//! Layout of the file: `KLSCHEM1`, the length of the compressed header as a little-endian `u32`, the header
//! (deflated JSON), then the segments the header points to (deflated; one definition as JSON per line).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Map, Value, json};

use crate::go_tags::Packages;

/// Reads `api/` of the Kubernetes source at `kubernetes` and writes the table to `output`.
pub(crate) fn generate(kubernetes: &Path, version: &str, output: &Path) -> Result<()> {
    let api = kubernetes.join("api");
    let definitions = definitions(&api.join("openapi-spec/v3"))?;
    let mut packages: BTreeMap<&str, Vec<(&str, &Value)>> = BTreeMap::new();
    for (name, definition) in &definitions {
        let (package, short) = name.rsplit_once('.').context("a definition without a package")?;
        packages.entry(package).or_default().push((short, definition));
    }
    let mut go = Packages::new(kubernetes.parent().context("no folder of modules")?, version);
    let mut body = Vec::new();
    let mut segments = Vec::new();
    for (package, members) in &packages {
        let mut lines = Vec::new();
        let mut docs = Vec::new();
        for (name, definition) in members {
            let mut texts = Map::new();
            let mut plain = (*definition).clone();
            take_descriptions(&mut plain, "", &mut texts);
            go.mark(package, name, &mut plain)?;
            writeln!(lines, "{plain}")?;
            writeln!(docs, "{}", Value::Object(texts))?;
        }
        let (offset, size) = append(&mut body, &lines)?;
        let (docs_offset, docs_size) = append(&mut body, &docs)?;
        let names: Vec<_> = members.iter().map(|(short, _)| *short).collect();
        segments.push(json!({
            "package": package, "names": names,
            "offset": offset, "size": size, "raw": lines.len(),
            "docsOffset": docs_offset, "docsSize": docs_size, "docsRaw": docs.len(),
        }));
    }
    let header = json!({
        "version": version,
        "groups": groups(&api.join("discovery"))?,
        "kinds": kinds(&definitions),
        "segments": segments,
    });
    let mut file = b"KLSCHEM1".to_vec();
    let header = deflate(header.to_string().as_bytes())?;
    file.extend(u32::try_from(header.len())?.to_le_bytes());
    file.extend(header);
    file.extend(body);
    fs::write(output, &file).with_context(|| format!("failed to write {}", output.display()))
}

pub(crate) fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn append(body: &mut Vec<u8>, bytes: &[u8]) -> Result<(usize, usize)> {
    let compressed = deflate(bytes)?;
    let offset = body.len();
    body.extend(&compressed);
    Ok((offset, compressed.len()))
}

/// All component schemas of all documents. Where documents disagree it is only about which groups a shared
/// type (`DeleteOptions`, `WatchEvent`) is registered in; those lists are joined.
fn definitions(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("failed to read {}", folder.display()))?
        .collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let document: Value = serde_json::from_slice(&fs::read(file.path())?)?;
        let Some(schemas) = document.pointer("/components/schemas").and_then(Value::as_object) else {
            continue;
        };
        for (name, schema) in schemas {
            match all.get_mut(name) {
                None => drop(all.insert(name.clone(), sorted(schema))),
                Some(known) => {
                    let mut schema = sorted(schema);
                    let more = registrations(&mut schema);
                    let mut list = registrations(known);
                    if *known != schema {
                        bail!("two documents disagree about {name}");
                    }
                    list.extend(
                        more.into_iter()
                            .filter(|entry| !list.contains(entry))
                            .collect::<Vec<_>>(),
                    );
                    if !list.is_empty() {
                        list.sort_by_key(ToString::to_string);
                        known["x-kubernetes-group-version-kind"] = Value::Array(list);
                    }
                }
            }
        }
    }
    Ok(all)
}

fn registrations(schema: &mut Value) -> Vec<Value> {
    match schema
        .as_object_mut()
        .and_then(|map| map.remove("x-kubernetes-group-version-kind"))
    {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
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
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Moves the descriptions of a schema and of those inside it to `texts`, by their path.
fn take_descriptions(schema: &mut Value, path: &str, texts: &mut Map<String, Value>) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(text) = map.remove("description") {
        texts.insert(path.to_owned(), text);
    }
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties.iter_mut() {
            take_descriptions(property, &format!("{path}/properties/{name}"), texts);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            take_descriptions(inner, &format!("{path}/{key}"), texts);
        }
    }
}

/// `[group, version, kind, definition]` of every kind that can be read or written.
fn kinds(definitions: &BTreeMap<String, Value>) -> Vec<Value> {
    let mut kinds = Vec::new();
    for (name, definition) in definitions {
        let list = definition
            .get("x-kubernetes-group-version-kind")
            .and_then(Value::as_array);
        for entry in list.into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            kinds.push(json!([text("group"), text("version"), text("kind"), name]));
        }
    }
    kinds
}

/// The groups as discovery answers them, core first, without what can be derived.
fn groups(folder: &Path) -> Result<Vec<Value>> {
    let core: Value = serde_json::from_slice(&fs::read(folder.join("api__v1.json"))?)?;
    let mut groups =
        vec![json!({"name": "", "versions": [{"version": "v1", "resources": core_resources(&core)?}]})];
    let aggregated: Value = serde_json::from_slice(&fs::read(folder.join("aggregated_v2.json"))?)?;
    for group in aggregated["items"].as_array().context("no groups")? {
        let name = group["metadata"]["name"]
            .as_str()
            .context("a group without a name")?;
        let mut versions = Vec::new();
        for version in group["versions"].as_array().context("no versions")? {
            let hashes = hashes(
                folder,
                name,
                version["version"].as_str().context("a version without a name")?,
            )?;
            let resources: Vec<_> = version["resources"]
                .as_array()
                .context("no resources")?
                .iter()
                .map(|resource| {
                    let plural = resource["resource"].as_str().unwrap_or_default();
                    json!({
                        "plural": plural,
                        "singular": resource["singularResource"],
                        "kind": resource["responseKind"]["kind"],
                        "namespaced": resource["scope"] == "Namespaced",
                        "shortNames": resource.get("shortNames").cloned().unwrap_or_else(|| json!([])),
                        "categories": resource.get("categories").cloned().unwrap_or_else(|| json!([])),
                        "verbs": resource["verbs"],
                        "storageVersionHash": hashes.get(plural).cloned().unwrap_or_default(),
                        "subresources": resource.get("subresources").and_then(Value::as_array).into_iter().flatten().map(|sub| json!({
                            "name": sub["subresource"],
                            "group": sub["responseKind"]["group"],
                            "version": sub["responseKind"]["version"],
                            "kind": sub["responseKind"]["kind"],
                            "verbs": sub["verbs"],
                        })).collect::<Vec<_>>(),
                    })
                })
                .collect();
            versions.push(json!({"version": version["version"], "resources": resources}));
        }
        groups.push(json!({"name": name, "versions": versions}));
    }
    Ok(groups)
}

fn hashes(folder: &Path, group: &str, version: &str) -> Result<BTreeMap<String, String>> {
    let list: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("apis__{group}__{version}.json")))?)?;
    Ok(list["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|resource| {
            Some((
                resource["name"].as_str()?.to_owned(),
                resource["storageVersionHash"].as_str()?.to_owned(),
            ))
        })
        .collect())
}

fn core_resources(list: &Value) -> Result<Vec<Value>> {
    let entries = list["resources"].as_array().context("no resources")?;
    let mut resources: BTreeMap<String, Value> = BTreeMap::new();
    let mut plain = BTreeSet::new();
    for entry in entries {
        let name = entry["name"].as_str().context("a resource without a name")?;
        if let Some((parent, sub)) = name.split_once('/') {
            let parent = resources
                .get_mut(parent)
                .with_context(|| format!("{name} before its parent"))?;
            let subresource = json!({
                "name": sub,
                "group": entry.get("group").cloned().unwrap_or_else(|| json!("")),
                "version": entry.get("version").cloned().unwrap_or_else(|| json!("")),
                "kind": entry["kind"],
                "verbs": entry["verbs"],
            });
            parent["subresources"]
                .as_array_mut()
                .context("not a list")?
                .push(subresource);
        } else {
            plain.insert(name);
            let resource = json!({
                "plural": name,
                "singular": entry["singularName"],
                "kind": entry["kind"],
                "namespaced": entry["namespaced"],
                "shortNames": entry.get("shortNames").cloned().unwrap_or_else(|| json!([])),
                "categories": entry.get("categories").cloned().unwrap_or_else(|| json!([])),
                "verbs": entry["verbs"],
                "storageVersionHash": entry.get("storageVersionHash").cloned().unwrap_or_else(|| json!("")),
                "subresources": [],
            });
            resources.insert(name.to_owned(), resource);
        }
    }
    Ok(resources.into_values().collect())
}
