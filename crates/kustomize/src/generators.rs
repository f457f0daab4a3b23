//! Makes ConfigMaps and Secrets from literals and files, and the hash of their content.
//!
//! Source: kustomize `api/internal/generators/`, `api/kv/kv.go`, `api/hasher/hasher.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::base64::encode_in_lines;
use crate::error::{Result, fail};
use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::loader::Loader;
use crate::node::{Map, Node};
use crate::resource::{Resource, text_node};
use crate::scalar::{Scalar, Style, Tag};

/// Makes a ConfigMap.
pub(crate) fn config_map(args: &GeneratorArgs, loader: &Loader<'_>) -> Result<Resource> {
    let mut map = base("ConfigMap", args)?;
    for (key, value) in data(args, loader)? {
        let (field, value) = match String::from_utf8(value) {
            Ok(text) => ("data", text),
            Err(error) => ("binaryData", encode_in_lines(error.as_bytes())),
        };
        map.map_or_create(field)?.set(&key, text_node(value));
    }
    finish(map, args)
}

/// Makes a Secret.
pub(crate) fn secret(args: &GeneratorArgs, loader: &Loader<'_>) -> Result<Resource> {
    let mut map = base("Secret", args)?;
    let secret_type = if args.secret_type.is_empty() {
        "Opaque"
    } else {
        &args.secret_type
    };
    map.set("type", Node::string(secret_type));
    let entries = map.map_or_create("data")?;
    for (key, value) in data(args, loader)? {
        entries.set(&key, text_node(encode_in_lines(&value)));
    }
    finish(map, args)
}

fn base(kind: &str, args: &GeneratorArgs) -> Result<Map> {
    if args.name.is_empty() {
        return Err(fail!("a configmap must have a name"));
    }
    let mut map = Map::default();
    map.set("apiVersion", Node::Scalar(Scalar::plain("v1")));
    map.set("kind", Node::Scalar(Scalar::plain(kind)));
    let metadata = map.map_or_create("metadata")?;
    metadata.set("name", Node::string(args.name.clone()));
    if !args.namespace.is_empty() {
        metadata.set("namespace", Node::string(args.namespace.clone()));
    }
    Ok(map)
}

fn finish(mut map: Map, args: &GeneratorArgs) -> Result<Resource> {
    if let Some(GeneratorOptions {
        labels,
        annotations,
        immutable,
        ..
    }) = &args.options
    {
        for (field, values) in [("labels", labels), ("annotations", annotations)] {
            for (key, value) in values {
                let value = Scalar {
                    style: Style::Single,
                    ..Scalar::string(value.clone())
                };
                map.map_or_create("metadata")?
                    .map_or_create(field)?
                    .set(key, Node::Scalar(value));
            }
        }
        if *immutable {
            map.set("immutable", Node::Scalar(Scalar::with_tag("true", Tag::Bool)));
        }
    }
    let mut resource = Resource::new(Node::Map(map));
    if args.options.as_ref().is_none_or(|options| !options.disable_hash) {
        resource.enable_hash()?;
    }
    resource.set_behavior(args.behavior())?;
    Ok(resource)
}

/// All keys and values, each key once.
fn data(args: &GeneratorArgs, loader: &Loader<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
    let pairs = pairs(args, loader).map_err(|error| error.within("loading KV pairs"))?;
    let mut data = BTreeMap::new();
    for (key, value) in pairs {
        if data.contains_key(&key) {
            return Err(fail!("configmap {} illegally repeats the key `{key}`", args.name));
        }
        data.insert(key, value);
    }
    Ok(data)
}

fn pairs(args: &GeneratorArgs, loader: &Loader<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut pairs = Vec::new();
    let go_list = |items: &[String]| format!("[{}]", items.join(" "));
    for path in &args.envs {
        from_env_file(path, loader, &mut pairs)
            .map_err(|error| error.within(format!("env source files: {}", go_list(&args.envs))))?;
    }
    for literal in &args.literals {
        let (key, value) = from_literal(literal)
            .map_err(|error| error.within(format!("literal sources {}", go_list(&args.literals))))?;
        pairs.push((key.to_owned(), value.as_bytes().to_vec()));
    }
    for source in &args.files {
        let read = || -> Result<_> {
            let (key, path) = split_file_source(source)?;
            Ok((key.to_owned(), loader.load(path)?.to_vec()))
        };
        pairs.push(read().map_err(|error| error.within(format!("file sources: {}", go_list(&args.files))))?);
    }
    Ok(pairs)
}

fn from_literal(literal: &str) -> Result<(&str, &str)> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, without_quotes(value))),
        _ => Err(fail!("invalid literal source {literal}, expected key=value")),
    }
}

fn without_quotes(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

fn split_file_source(source: &str) -> Result<(&str, &str)> {
    let mut parts = source.split('=');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(path), None, _) => Ok((base_name(path), path)),
        (Some(""), Some(path), None) => Err(fail!(
            "missing key name for file path {path:?} in source {source:?}"
        )),
        (Some(key), Some(""), None) => Err(fail!(
            "missing file path for key name {key:?} in source {source:?}"
        )),
        (Some(key), Some(path), None) => Ok((key, path)),
        _ => Err(fail!("source {source:?} key name or file path contains '='")),
    }
}

fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((_, name)) => name,
        None if trimmed.is_empty() => {
            if path.is_empty() {
                "."
            } else {
                "/"
            }
        }
        None => trimmed,
    }
}

/// The longest line of an env file; what follows a longer one is not read.
const MAX_ENV_LINE: usize = 64 * 1024;

fn from_env_file(path: &str, loader: &Loader<'_>, pairs: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let content = loader.load(path)?;
    let mut lines = content.split(|&byte| byte == b'\n').peekable();
    let mut number = 0;
    while let Some(line) = lines.next() {
        if lines.peek().is_none() && line.is_empty() {
            break;
        }
        if line.len() >= MAX_ENV_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            return Err(fail!("line {} of '{path}' has invalid utf8 bytes", number + 1));
        };
        let text = if number == 0 {
            text.strip_prefix('\u{feff}').unwrap_or(text)
        } else {
            text
        };
        number += 1;
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(())
}

/// The hash that is appended to the name of generated objects.
pub(crate) fn hash(node: &Node) -> Result<String> {
    let encoded = match node.field("kind").map_or("", Node::text) {
        "ConfigMap" => {
            let mut content = json!({
                "kind": "ConfigMap",
                "name": content_of(node, "metadata/name")?,
                "data": content_of(node, "data")?,
            });
            add_map(&mut content, node, "binaryData")?;
            content
        }
        "Secret" => {
            let mut content = json!({
                "kind": "Secret",
                "type": content_of(node, "type")?,
                "name": content_of(node, "metadata/name")?,
                "data": content_of(node, "data")?,
            });
            add_map(&mut content, node, "stringData")?;
            content
        }
        kind => {
            return Err(fail!(
                "the name of a generated {kind} cannot get a hash: only ConfigMaps and Secrets have one"
            ));
        }
    };
    let digest = Sha256::digest(kluctl_yaml::go_json::to_string(&encoded).as_bytes());
    Ok(hex::encode(digest)
        .chars()
        .take(10)
        .map(|digit| match digit {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect())
}

fn content_of(node: &Node, field: &str) -> Result<Value> {
    match node.field(field) {
        None => Ok(Value::String(String::new())),
        Some(Node::Scalar(scalar)) => Ok(Value::String(scalar.text.clone())),
        Some(other) => other.to_value(),
    }
}

fn add_map(content: &mut Value, node: &Node, field: &str) -> Result<()> {
    if let Some(map @ Node::Map(_)) = node.field(field) {
        content[field] = map.to_value()?;
    }
    Ok(())
}
