//! Writes the table of protobuf messages that `crates/schema` carries.
//!
//! Field numbers and types come from the `generated.proto` files of the published Go modules, the names that fields have
//! in JSON from the tags of the Go structs beside them, matched by number.
//!
//! The file is deflated text. A line `@io.k8s.api.core.v1` opens a package; every other line is a message, its name and
//! its fields apart by tabs. A field is `number name type`; before the type, `*` says repeated, `%` a map from text, and
//! `<` that its fields stand in JSON beside those of the message.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::go_tags::sources;
use crate::schema::deflate;

/// Modules that hold the messages.
const MODULES: [&str; 4] = [
    "api",
    "apimachinery",
    "apiextensions-apiserver",
    "kube-aggregator",
];
/// Groups no API server serves any more, or whose objects never leave one.
const LEFT_OUT: [&str; 4] = ["extensions", "imagepolicy", "testapigroup", "apiserverinternal"];

/// JSON names by field number, of the structs of one package.
type Tags = BTreeMap<(String, u32), String>;

/// Reads the modules (`api@v0.37.2` and others) in a folder and writes the table to `output`.
pub(crate) fn generate(modules: &Path, version: &str, output: &Path) -> Result<()> {
    let release = version.replacen("1.", "v0.", 1);
    let mut files = Vec::new();
    for module in MODULES {
        find(&modules.join(format!("{module}@{release}")), &mut files)?;
    }
    files.sort();
    let mut text = String::new();
    for file in files {
        let proto = fs::read_to_string(&file)?;
        let tags = tags(file.parent().context("a file in a folder")?)?;
        package(&proto, &tags, &mut text).with_context(|| file.display().to_string())?;
    }
    let bytes = deflate(text.as_bytes())?;
    println!("{} bytes of text, {} deflated", text.len(), bytes.len());
    fs::write(output, bytes).with_context(|| format!("failed to write {}", output.display()))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() && !LEFT_OUT.contains(&name) {
            find(&path, files)?;
        } else if name == "generated.proto" {
            files.push(path);
        }
    }
    Ok(())
}

/// The tags of the Go structs in a folder.
fn tags(folder: &Path) -> Result<Tags> {
    let mut tags = Tags::new();
    for path in sources(folder)? {
        let mut current = String::new();
        for line in fs::read_to_string(&path)?.lines() {
            if let Some(rest) = line.strip_prefix("type ") {
                current = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            let tag = |key: &str| {
                let (_, rest) = line.split_once(&format!("{key}:\""))?;
                rest.split_once('"').map(|(value, _)| value)
            };
            if line.trim_start().starts_with("//") {
                continue;
            }
            let (Some(json), Some(protobuf)) = (tag("json"), tag("protobuf")) else {
                continue;
            };
            let number = protobuf.split(',').nth(1).context("a tag without a number")?;
            let json = json.split(',').next().unwrap_or_default().to_owned();
            tags.insert((current.clone(), number.parse()?), json);
        }
    }
    Ok(tags)
}

/// A package or message name as the OpenAPI documents write it.
fn open_api(name: &str) -> String {
    name.trim_start_matches('.')
        .replacen("k8s.io.", "io.k8s.", 1)
        .replace("apiextensions_apiserver", "apiextensions-apiserver")
        .replace("kube_aggregator", "kube-aggregator")
}

fn package(proto: &str, tags: &Tags, text: &mut String) -> Result<()> {
    let mut message = String::new();
    let mut is_comment = false;
    for line in proto.lines() {
        let line = line.trim();
        is_comment |= line.starts_with("/*");
        if is_comment || line.starts_with("//") {
            is_comment &= !line.ends_with("*/");
            continue;
        }
        if let Some(name) = line.strip_prefix("package ") {
            writeln!(text, "@{}", open_api(name.trim_end_matches(';')))?;
        } else if let Some(name) = line.strip_prefix("message ") {
            message = name.trim_end_matches(" {").to_owned();
            text.push_str(&message);
        } else if line == "}" {
            text.push('\n');
            message.clear();
        } else if !message.is_empty() && !line.is_empty() {
            field(line, &message, tags, text).with_context(|| line.to_owned())?;
        }
    }
    Ok(())
}

/// Reads `optional .k8s.io.api.core.v1.PodSpec spec = 2;`.
fn field(line: &str, message: &str, tags: &Tags, text: &mut String) -> Result<()> {
    let (declaration, number) = line
        .trim_end_matches(';')
        .split_once(" = ")
        .context("a field without a number")?;
    let number: u32 = number.parse()?;
    let (kind, name) = declaration.rsplit_once(' ').context("a field without a name")?;
    let (mark, kind) = match kind.split_once(' ') {
        Some(("optional", kind)) => ("", kind),
        Some(("repeated", kind)) => ("*", kind),
        Some((map, value)) if map.starts_with("map<string,") => ("%", value.trim_end_matches('>')),
        _ => bail!("an unknown sort of field"),
    };
    let json = tags.get(&(message.to_owned(), number)).map(String::as_str);
    let (mark, json) = match json {
        Some("") => ("<", name),
        Some("-") => (mark, name),
        Some(json) => (mark, json),
        None => (mark, name),
    };
    write!(text, "\t{number} {json} {mark}{}", open_api(kind))?;
    Ok(())
}
