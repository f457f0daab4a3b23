//! `cargo xtask tidy`: the arrows between rooms, forgotten test files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Crates that an engine must never reach, however far down.
const OUTSIDE: [&str; 6] = ["tokio", "kube", "gix", "rustls", "reqwest", "hyper"];
/// Rooms that are pure: text in, text out.
const ENGINES: [&str; 9] = [
    "yaml",
    "gotemplate",
    "jinja",
    "helm",
    "kustomize",
    "object",
    "schema",
    "managedfields",
    "sops",
];

/// Checks the house rules that no compiler knows; lists every breach.
pub(crate) fn run() -> Result<()> {
    let metadata = metadata()?;
    let mut breaches = arrows(&metadata)?;
    breaches.extend(engines(&metadata)?);
    breaches.extend(tracked_files()?);
    if breaches.is_empty() {
        return Ok(());
    }
    bail!(
        "{} breaches of the house rules:\n  {}",
        breaches.len(),
        breaches.join("\n  ")
    )
}

fn metadata() -> Result<Value> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked"])
        .output()?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn room(name: &str) -> Option<&str> {
    match name {
        "kluctl" => Some("cli"),
        name => name.strip_prefix("kluctl-"),
    }
}

fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let ids: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(move |package| package["id"].as_str().is_some_and(|id| ids.contains(id)))
}

/// Every dependency of ours must stand in `[package.metadata.room] may_use`.
fn arrows(metadata: &Value) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for package in members(metadata) {
        let name = package["name"].as_str().context("a package has a name")?;
        let Some(room_name) = room(name) else { continue };
        let may_use: BTreeSet<&str> = package["metadata"]["room"]["may_use"]
            .as_array()
            .with_context(|| format!("{name} has no [package.metadata.room] may_use"))?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(target) = dependency["name"].as_str().and_then(room) else {
                continue;
            };
            if dependency["kind"] == "dev" {
                continue;
            }
            if target == "testkit" || !may_use.contains(target) {
                breaches.push(format!("{room_name} must not use {target}"));
            }
        }
    }
    Ok(breaches)
}

/// No engine reaches an async runtime, a cluster, Git or TLS.
fn engines(metadata: &Value) -> Result<Vec<String>> {
    let mut names = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        names.insert(
            package["id"].as_str().unwrap_or_default(),
            package["name"].as_str().unwrap_or_default(),
        );
    }
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"]
        .as_array()
        .context("a resolved graph")?
    {
        let normal = node["deps"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| {
                let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
                kinds.into_iter().any(|kind| kind["kind"].is_null())
            });
        edges.insert(
            node["id"].as_str().unwrap_or_default(),
            normal
                .filter_map(|dependency| dependency["pkg"].as_str())
                .collect(),
        );
    }
    let mut breaches = Vec::new();
    for package in members(metadata) {
        let Some(engine) = package["name"]
            .as_str()
            .and_then(room)
            .filter(|name| ENGINES.contains(name))
        else {
            continue;
        };
        let mut seen = BTreeSet::new();
        let mut open = vec![package["id"].as_str().unwrap_or_default()];
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(edges.get(id).into_iter().flatten());
            }
        }
        let reached: BTreeSet<_> = seen
            .iter()
            .filter_map(|id| names.get(id))
            .filter(|name| OUTSIDE.contains(name))
            .collect();
        breaches.extend(
            reached
                .into_iter()
                .map(|name| format!("the engine {engine} reaches {name}")),
        );
    }
    Ok(breaches)
}

/// Test files that no `mod` names.
fn tracked_files() -> Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).output()?;
    let files: Vec<PathBuf> = String::from_utf8(output.stdout)?
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect();
    let mut breaches = Vec::new();
    for file in &files {
        let folder = file.parent().unwrap_or(Path::new(""));
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let is_test =
            folder.ends_with("tests/it") && file.extension().is_some_and(|extension| extension == "rs");
        if is_test && stem != "main" {
            let main = fs::read_to_string(folder.join("main.rs")).unwrap_or_default();
            if !main.contains(&format!("mod {stem};")) {
                breaches.push(format!(
                    "{} is in no test binary: add `mod {stem};` to its main.rs",
                    file.display()
                ));
            }
        }
    }
    Ok(breaches)
}
