//! The kinds of files.

mod dotenv;
mod ini;
mod json;
mod yaml;
mod yaml_comments;

use crate::error::Error;
use crate::flatten::unflatten;
use crate::format::Format;
use crate::metadata::{KEY, Metadata};
use crate::tree::{Branch, Entry, Value, take};

/// What an encrypted file holds: its documents without the metadata, and the metadata.
pub(crate) type Stored = (Vec<Branch>, Branch);

/// Reads a file; `None` when it is no such file or has no metadata.
pub(crate) fn read(content: &[u8], format: Format) -> Result<Option<Stored>, Error> {
    let branches = match format {
        Format::Yaml => yaml::read(content),
        Format::Json | Format::Binary => json::read(content).map(|branch| vec![branch]),
        Format::Dotenv => dotenv::read(content).map(|branch| vec![branch]),
        Format::Ini => ini::read(content).map(|branch| vec![branch]),
    };
    let Some(mut branches) = branches else {
        return Ok(None);
    };
    let mut metadata = None;
    for branch in &mut branches {
        let found = match format {
            Format::Dotenv => take(branch, |key| key.strip_prefix("sops_").map(str::to_owned)),
            _ => own_entry(branch)?,
        };
        metadata.get_or_insert(found);
    }
    let mut metadata = metadata.unwrap_or_default();
    if matches!(format, Format::Ini | Format::Dotenv) {
        if format == Format::Ini {
            metadata.iter_mut().for_each(unescape);
        }
        metadata = unflatten(&metadata)?;
    }
    Ok(Metadata::fits(&metadata).then_some((branches, metadata)))
}

/// What stands under `sops`, taken out.
fn own_entry(branch: &mut Branch) -> Result<Branch, Error> {
    let mut taken = take(branch, |key| (key == KEY).then(|| key.to_owned()));
    if taken.len() > 1 {
        return Err(Error::new("the file has several entries `sops`"));
    }
    Ok(match taken.pop() {
        Some(Entry::Item(_, Value::Map(metadata))) => metadata,
        _ => Branch::new(),
    })
}

/// INI files keep line breaks of the metadata as `\n`.
fn unescape(entry: &mut Entry) {
    if let Entry::Item(_, Value::Text(text)) = entry {
        *text = text.replace("\\n", "\n");
    }
}

/// Writes documents in the clear.
pub(crate) fn write(branches: &[Branch], format: Format) -> Result<Vec<u8>, Error> {
    let first = || branches.first().map(Vec::as_slice).unwrap_or_default();
    match format {
        Format::Yaml => yaml::write(branches).map(String::into_bytes),
        Format::Json => json::write(first()).map(String::into_bytes),
        Format::Dotenv => dotenv::write(first()).map(String::into_bytes),
        Format::Ini => ini::write(first()).map(String::into_bytes),
        Format::Binary => binary(first()),
    }
}

/// The one text of a binary file.
fn binary(branch: &[Entry]) -> Result<Vec<u8>, Error> {
    let data = branch.iter().find_map(|entry| match entry {
        Entry::Item(key, value) if key == "data" => Some(value),
        _ => None,
    });
    match data {
        Some(Value::Text(text)) => Ok(text.clone().into_bytes()),
        Some(Value::Bytes(bytes)) => Ok(bytes.clone()),
        _ => Err(Error::new("a binary file of SOPS must have a text `data`")),
    }
}

/// A scalar as text, in formats that know nothing but texts.
///
/// Source: sops `stores/stores.go`, `ValToString`.
fn as_text(value: &Value) -> Result<String, Error> {
    Ok(match value {
        Value::Text(text) | Value::Time(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "<nil>".to_owned(),
        Value::Float(number) => {
            let text = kluctl_yaml::format_float_g(*number).to_uppercase();
            if text.contains(['.', 'E']) {
                text
            } else {
                format!("{number:.1}")
            }
        }
        Value::Bytes(_) => return Err(not_text()),
        Value::Comment(_) | Value::List(_) | Value::Map(_) => {
            return Err(Error::new(
                "a file of this kind cannot hold lists or maps as values",
            ));
        }
    })
}

fn not_text() -> Error {
    Error::new("a decrypted value is not UTF-8")
}
