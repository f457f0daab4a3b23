//! How Go writes the fields of API types: what is left out when empty, and what is a pointer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A field of a struct, or a struct whose fields are taken over.
struct Member {
    json: String,
    go_type: String,
    omit_empty: bool,
    omit_zero: bool,
    inline: bool,
}

type Structs = BTreeMap<String, Vec<Member>>;

/// The structs of Go packages, read as they are needed.
pub(crate) struct Packages {
    modules: PathBuf,
    release: String,
    read: BTreeMap<String, Structs>,
}

impl Packages {
    /// `modules` holds `api@v0.37.2` and the other staging modules, `version` is that of Kubernetes.
    pub(crate) fn new(modules: &Path, version: &str) -> Self {
        let release = version.replacen("1.", "v0.", 1);
        Self {
            modules: modules.to_owned(),
            release,
            read: BTreeMap::new(),
        }
    }

    fn folder(&self, package: &str) -> PathBuf {
        let path = package
            .strip_prefix("io.k8s.")
            .unwrap_or(package)
            .replace('.', "/");
        let (module, rest) = path.split_once('/').unwrap_or((&path, ""));
        self.modules.join(format!("{module}@{}", self.release)).join(rest)
    }

    fn package(&mut self, package: &str) -> Result<&Structs> {
        if !self.read.contains_key(package) {
            let structs = read_package(&self.folder(package))?;
            self.read.insert(package.to_owned(), structs);
        }
        self.read.get(package).context("a package that was read")
    }

    /// Marks every property of a definition with how Go writes it:
    /// `p`ointer, `c`ollection, `v`alue, all left out when empty, or in upper case never; `s`truct, always there, or
    /// in upper case left out when zero.
    pub(crate) fn mark(&mut self, package: &str, name: &str, definition: &mut Value) -> Result<()> {
        let members = self.members(package, name)?;
        let Some(properties) = definition.get_mut("properties").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        for (property, schema) in properties.iter_mut() {
            let Some((pointer, omit_empty, omit_zero)) = members.get(property) else {
                continue;
            };
            let kind = match schema.get("type").and_then(Value::as_str) {
                _ if *pointer => 'p',
                Some("array" | "object") => 'c',
                Some("string") if schema.get("format").and_then(Value::as_str) == Some("byte") => 'c',
                Some(_) => 'v',
                None => 's',
            };
            let left_out = if kind == 's' {
                !*omit_zero
            } else {
                *omit_empty || *omit_zero
            };
            let mark = if left_out { kind } else { kind.to_ascii_uppercase() };
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("x-go".to_owned(), Value::from(mark.to_string()));
            }
        }
        Ok(())
    }

    fn members(&mut self, package: &str, name: &str) -> Result<BTreeMap<String, (bool, bool, bool)>> {
        let mut members = BTreeMap::new();
        let mut inline = Vec::new();
        for member in self.package(package)?.get(name).into_iter().flatten() {
            if member.inline {
                inline.push(member.go_type.clone());
            } else {
                let pointer = member.go_type.starts_with('*');
                members.insert(
                    member.json.clone(),
                    (pointer, member.omit_empty, member.omit_zero),
                );
            }
        }
        for go_type in inline {
            let (alias, name) = go_type.rsplit_once('.').unwrap_or(("", &go_type));
            let package = match alias {
                "" => package.to_owned(),
                "metav1" => "io.k8s.apimachinery.pkg.apis.meta.v1".to_owned(),
                _ => "io.k8s.api.core.v1".to_owned(),
            };
            for (json, flags) in self.members(&package, name)? {
                members.entry(json).or_insert(flags);
            }
        }
        Ok(members)
    }
}

/// The files of a Go package that people wrote, without its tests.
pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.ends_with(".go") && !name.ends_with("_test.go") && !name.contains("generated") {
            sources.push(path);
        }
    }
    Ok(sources)
}

fn read_package(folder: &Path) -> Result<Structs> {
    let mut structs = Structs::new();
    for path in sources(folder)? {
        let text = fs::read_to_string(&path)?;
        let mut current: Option<String> = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("type ") {
                current = rest.strip_suffix(" struct {").map(|name| name.trim().to_owned());
                if let Some(name) = &current {
                    structs.entry(name.clone()).or_default();
                }
            } else if line.starts_with('}') {
                current = None;
            } else if let (Some(name), Some(member)) = (&current, member(line)) {
                structs.entry(name.clone()).or_default().push(member);
            }
        }
    }
    Ok(structs)
}

/// Reads ``Name Type `json:"name,omitempty"` ``.
fn member(line: &str) -> Option<Member> {
    let (declaration, tags) = line.split_once('`')?;
    if declaration.trim_start().starts_with("//") {
        return None;
    }
    let tag = tags.split_once("json:\"")?.1.split_once('"')?.0;
    let mut parts = tag.split(',');
    let json = parts.next()?.to_owned();
    let options: Vec<_> = parts.collect();
    let words: Vec<_> = declaration.split_whitespace().collect();
    let go_type = (*words.get(1).or(words.first())?).to_owned();
    Some(Member {
        inline: options.contains(&"inline") || (words.len() == 1 && json.is_empty()),
        omit_empty: options.contains(&"omitempty"),
        omit_zero: options.contains(&"omitzero"),
        json,
        go_type,
    })
}
