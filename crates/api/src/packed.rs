//! The texts that a stored result consists of: JSON as Go writes it, gzipped, in base64, and no longer than a Secret takes.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use kluctl_object::{Object, to_go_json};
use serde::Serialize;
use serde_json::{Value, json};

use crate::compact::compact_object;
use crate::result::{CommandResult, ResultObject};

/// Bytes that fit into one Secret: the server takes 1 MiB of data, and annotations count into its own limit.
const DATA_LIMIT: usize = 1_000_000;

/// The data of a command result, with as much of it as fits.
pub(crate) fn command_data(result: &CommandResult) -> (Value, Option<&'static str>) {
    let mut reduced = result.clone();
    let mut objects = result.objects.clone();
    let unchanged = |object: &ResultObject| !object.new && object.changes.is_empty();
    type Trim = (&'static str, fn(&mut ResultObject, bool));
    let trims: [Trim; 3] = [
        ("live versions of unchanged objects", |object, unchanged| {
            if unchanged {
                object.remote = None;
                object.applied = None;
            }
        }),
        ("live versions of objects", |object, _| {
            object.remote = None;
            object.applied = None;
        }),
        ("bodies of objects", |object, _| {
            object.rendered = object.rendered.as_ref().map(reduced_object);
        }),
    ];
    let mut trimmed = None;
    let mut trims = trims.into_iter();
    loop {
        let data = json!({"reducedResult": packed_reduced(&mut reduced), "compactedObjects": packed_objects(&objects)});
        let size: usize = data
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, v)| v.as_str())
            .map(str::len)
            .sum();
        // the limit counts bytes, and base64 has four characters for three
        if size / 4 * 3 <= DATA_LIMIT {
            return (data, trimmed);
        }
        if let Some((what, trim)) = trims.next() {
            trimmed = Some(what);
            for object in &mut objects {
                let unchanged = unchanged(object);
                trim(object, unchanged);
            }
        } else if reduced.deployment.is_some() {
            trimmed = Some("bodies of objects and the deployment project");
            reduced.deployment = None;
        } else if reduced.objects.iter().any(|object| !object.changes.is_empty()) {
            trimmed = Some("bodies of objects, the deployment project and changes");
            for object in reduced.objects.iter_mut().chain(&mut objects) {
                object.changes.clear();
            }
        } else {
            trimmed = Some("everything but the numbers");
            reduced.objects.clear();
            objects.clear();
            if reduced.errors.is_empty() && reduced.warnings.is_empty() {
                return (
                    json!({"reducedResult": packed_reduced(&mut reduced), "compactedObjects": packed_objects(&[])}),
                    trimmed,
                );
            }
            reduced.errors.truncate(100);
            reduced.warnings.truncate(100);
            return (
                json!({"reducedResult": packed_reduced(&mut reduced), "compactedObjects": packed_objects(&[])}),
                trimmed,
            );
        }
    }
}

/// Identity, labels and annotations of an object.
///
/// Source: kluctl `pkg/types/result/compact.go`, `BuildReducedObject`.
fn reduced_object(full: &Object) -> Object {
    let mut metadata = serde_json::Map::new();
    for key in ["name", "namespace", "labels", "annotations"] {
        if let Some(value) = full.at(&["metadata", key]) {
            let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
            if !is_empty {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
    }
    let reduced = json!({"apiVersion": full.api_version(), "kind": full.kind(), "metadata": metadata});
    Object::try_from(reduced).unwrap_or_default()
}

/// JSON as Go writes it, gzipped, in base64.
pub(crate) fn packed(value: &impl Serialize) -> String {
    let json = to_go_json(&serde_json::to_value(value).unwrap_or_default());
    packed_texts(std::iter::once(json))
}

/// All objects, compacted one after the other, so that no more than one of them is held as text.
fn packed_objects(objects: &[ResultObject]) -> String {
    packed_texts(list_texts(objects.iter().map(compact_object)))
}

/// A result whose objects are reduced one after the other.
fn packed_reduced(result: &mut CommandResult) -> String {
    let objects = std::mem::take(&mut result.objects);
    let rest = serde_json::to_value(&*result).unwrap_or_default();
    let (mut before, mut after) = (String::from("{"), String::new());
    for (key, value) in rest.as_object().into_iter().flatten() {
        let entry = format!("{}:{}", to_go_json(&json!(key)), to_go_json(value));
        // keys are sorted, the objects' among them
        if &**key < OBJECTS {
            before.push_str(&entry);
            before.push(',');
        } else {
            after.push(',');
            after.push_str(&entry);
        }
    }
    let reduced = objects.iter().map(|object| {
        let mut object = object.clone();
        for stage in [&mut object.rendered, &mut object.remote, &mut object.applied] {
            *stage = stage.as_ref().map(reduced_object);
        }
        serde_json::to_value(object).unwrap_or_default()
    });
    let packed = if objects.is_empty() {
        packed(&rest)
    } else {
        let start = [before, format!("\"{OBJECTS}\":")];
        let end = [after, "}".to_owned()];
        packed_texts(start.into_iter().chain(list_texts(reduced)).chain(end))
    };
    result.objects = objects;
    packed
}

const OBJECTS: &str = "objects";

/// A list in JSON, one text for each of its values.
fn list_texts(values: impl Iterator<Item = Value>) -> impl Iterator<Item = String> {
    let mut empty = true;
    let texts = values.map(move |value| {
        let separator = if std::mem::take(&mut empty) { "[" } else { "," };
        format!("{separator}{}", to_go_json(&value))
    });
    let mut texts = texts.peekable();
    let end = if texts.peek().is_none() { "[]" } else { "]" };
    texts.chain(std::iter::once(end.to_owned()))
}

fn packed_texts(texts: impl Iterator<Item = String>) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for text in texts {
        // writing to memory cannot fail
        let _ = encoder.write_all(text.as_bytes());
    }
    STANDARD.encode(encoder.finish().unwrap_or_default())
}
