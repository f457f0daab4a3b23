//! Texts of scenes without what differs from run to run: ids, times, folders.

use std::io::Read;

use kluctl_testkit::Environment;
use regex::Regex;
use serde_json::{Value, json};

/// What is replaced in every text.
pub(crate) struct Masks {
    folders: Vec<(String, &'static str)>,
    patterns: Vec<(Regex, &'static str)>,
}

impl Masks {
    pub(crate) fn new(environment: &Environment) -> Self {
        let folder = |path: std::path::PathBuf| path.display().to_string();
        let pattern = |text: &str| Regex::new(text).expect("a pattern");
        Self {
            folders: vec![
                (folder(environment.work()), "<work>"),
                (folder(environment.home()), "<home>"),
            ],
            patterns: vec![
                (
                    pattern("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
                    "<uuid>",
                ),
                (pattern(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
                (pattern(r"\(\d+s elapsed\)"), "(<n>s elapsed)"),
                (pattern("-[bcdfghjklmnpqrstvwxz2456789]{8}(:|;)"), "-<random>$1"),
                (pattern(r"127\.0\.0\.1:\d+"), "<server>"),
                (pattern(r"\b10\.\d+\.\d+\.\d+\b"), "<service ip>"),
            ],
        }
    }

    pub(crate) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (folder, name) in &self.folders {
            text = text.replace(folder, name);
        }
        for (pattern, name) in &self.patterns {
            text = pattern.replace_all(&text, *name).into_owned();
        }
        text
    }
}

/// An object without what a server makes up.
pub(crate) fn object_text(mut object: Value) -> String {
    clean(&mut object);
    kluctl_yaml::to_string(&object)
}

fn clean(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    for key in ["uid", "resourceVersion", "creationTimestamp", "selfLink"] {
        metadata.remove(key);
    }
    let managers = metadata.get_mut("managedFields").and_then(Value::as_array_mut);
    for entry in managers.into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("time");
        }
    }
    sort(metadata.get_mut("managedFields"));
}

/// Values of Secrets stand in upstream's results, but not in ours.
fn mask_secret(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    for field in ["data", "stringData"] {
        let values = object.get_mut(field).and_then(Value::as_object_mut);
        for value in values.into_iter().flat_map(serde_json::Map::values_mut) {
            *value = Value::from("<masked>");
        }
    }
}

/// A list in an order of its own.
fn sort(list: Option<&mut Value>) {
    if let Some(list) = list.and_then(Value::as_array_mut) {
        list.sort_by_cached_key(|item| format!("{}{item}", item["ref"]));
    }
}

/// Whether a line shows where a mistake is, or how to mend it: upstream has none of them.
fn is_place(line: &str) -> bool {
    let text = line.trim_start();
    let numbered = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let framed = text.starts_with("--> ") || text.starts_with("= help: ") || text.starts_with('|');
    line.starts_with(' ') && (framed || numbered.len() < text.len() && numbered.starts_with(" | "))
}

/// Texts of a result and of progress whose order or place is chance with upstream.
pub(crate) fn plain_text(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !is_place(line)) {
        // an empty line more or less in front of a diff depends on the random order of objects
        if line == "<a diff>" {
            while out.last() == Some(&"") {
                out.pop();
            }
        }
        // questions do not end their line
        match line.split_once("(y/N) ") {
            Some((question, rest)) => out.extend([question, rest]),
            None => out.push(line),
        }
    }
    out.join("\n")
}

/// A command's result in YAML, with objects whole and lists in one order.
pub(crate) fn result_text(yaml: &str) -> String {
    let mut result = match kluctl_yaml::from_str(yaml) {
        Ok(result) => result,
        Err(error) => return format!("no YAML ({error}):\n{yaml}"),
    };
    result_value(&mut result);
    kluctl_yaml::to_string(&result)
}

fn result_value(result: &mut Value) {
    // we store a hash, upstream's command line does not
    if let Some(map) = result.as_object_mut() {
        map.remove("renderedObjectsHash");
    }
    if let Some(compacted) = result.get_mut("compactedObjects") {
        let objects = kluctl_api::expand(compacted).expect("compacted objects");
        *compacted = serde_json::to_value(objects).expect("JSON");
    }
    for list in ["compactedObjects", "objects"] {
        for object in result
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if object["ref"]["kind"] == "Secret" {
                let changes = object.get_mut("changes").and_then(Value::as_array_mut);
                for change in changes.into_iter().flatten() {
                    let texts = change.as_object_mut().into_iter().flatten();
                    for (_, text) in texts.filter(|(key, _)| key.ends_with("Value") || *key == "unifiedDiff")
                    {
                        *text = Value::from("<masked>");
                    }
                }
            }
            for stage in ["rendered", "remote", "applied"] {
                if let Some(stage) = object.get_mut(stage) {
                    clean(stage);
                    mask_secret(stage);
                    // what is written there is compared as objects on the server
                    if let Some(metadata) = stage.get_mut("metadata").and_then(Value::as_object_mut) {
                        metadata.remove("managedFields");
                    }
                }
            }
        }
        sort(result.get_mut(list));
    }
    for list in ["errors", "warnings", "results", "seenImages"] {
        sort(result.get_mut(list));
    }
}

/// The stored results that belong to a discriminator, or to one that begins with it, without their ids.
pub(crate) fn stored_text(list: &Value, discriminator: &str) -> String {
    let mut texts = Vec::new();
    for secret in list["items"].as_array().into_iter().flatten() {
        let mut secret = secret.clone();
        clean(&mut secret);
        let annotations = secret["metadata"]["annotations"].as_object_mut();
        for value in annotations.into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(parsed) = value
                .as_str()
                .and_then(|text| serde_json::from_str::<Value>(text).ok())
            {
                *value = parsed;
                result_value(value);
            }
        }
        let mine = |annotation: &str| {
            let key = &secret["metadata"]["annotations"][annotation]["targetKey"];
            let rest = key["discriminator"]
                .as_str()
                .and_then(|found| found.strip_prefix(discriminator));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        if !mine("kluctl.io/command-result-summary") && !mine("kluctl.io/validate-result-summary") {
            continue;
        }
        for (_, value) in secret["data"].as_object_mut().into_iter().flatten() {
            *value = unpacked(value.as_str().unwrap_or_default());
        }
        texts.push(kluctl_yaml::to_string(&secret));
    }
    texts.sort();
    texts.join("---\n")
}

/// Gzipped JSON in base64.
fn unpacked(data: &str) -> Value {
    use base64::Engine as _;
    let packed = base64::engine::general_purpose::STANDARD
        .decode(data)
        .expect("base64");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed)
        .read_to_string(&mut text)
        .expect("gzip");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    if value.is_array() {
        let mut whole = json!({"compactedObjects": value});
        result_value(&mut whole);
        return whole;
    }
    result_value(&mut value);
    value
}
