//! The compressed table of a Kubernetes version, read piece by piece.

use std::collections::HashMap;
use std::fmt;
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

use flate2::read::ZlibDecoder;
use kluctl_object::Gvk;
use serde::Deserialize;
use serde_json::Value;

use crate::discovery::{Group, GroupVersion, Resource};
use crate::types::{GO_MARK, Type, TypeRef};

/// Written by `cargo xtask schema`.
static BYTES: &[u8] = include_bytes!("../table/kubernetes-1.37.bin");
static TABLE: LazyLock<Kubernetes> = LazyLock::new(|| Kubernetes::read(BYTES));

/// The built-in kinds of the Kubernetes version this program knows.
pub fn kubernetes() -> &'static Kubernetes {
    &TABLE
}

/// The built-in kinds of one Kubernetes version.
pub struct Kubernetes {
    version: String,
    groups: Vec<Group>,
    kinds: HashMap<Gvk, usize>,
    definitions: Vec<Definition>,
    names: HashMap<String, usize>,
    segments: Vec<Segment>,
}

/// One named type of the OpenAPI documents, parsed when first used.
pub struct Definition {
    name: String,
    segment: usize,
    line: usize,
    parsed: OnceLock<Type>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(&self.name).finish()
    }
}

struct Segment {
    entry: SegmentEntry,
    text: OnceLock<Vec<String>>,
}

#[derive(Deserialize)]
struct Header {
    version: String,
    groups: Vec<Group>,
    kinds: Vec<(String, String, String, String)>,
    segments: Vec<SegmentEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SegmentEntry {
    package: String,
    names: Vec<String>,
    offset: usize,
    size: usize,
    raw: usize,
    docs_offset: usize,
    docs_size: usize,
    docs_raw: usize,
}

const MAGIC: &[u8] = b"KLSCHEM1";

/// The table is part of the program and a test reads all of it, so damage gives an empty table and no error.
fn inflate(bytes: &[u8], size: usize) -> String {
    let mut text = String::with_capacity(size);
    match ZlibDecoder::new(bytes).read_to_string(&mut text) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

/// Splits the file into header and body.
fn parts(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = file.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl Kubernetes {
    fn read(file: &[u8]) -> Self {
        let header = parts(file)
            .map(|(header, _)| inflate(header, 1 << 17))
            .unwrap_or_default();
        let header: Header = serde_json::from_str(&header).unwrap_or_else(|_| Header {
            version: String::new(),
            groups: Vec::new(),
            kinds: Vec::new(),
            segments: Vec::new(),
        });
        let mut definitions = Vec::new();
        let mut names = HashMap::new();
        for (segment, entry) in header.segments.iter().enumerate() {
            for (line, short) in entry.names.iter().enumerate() {
                let name = format!("{}.{short}", entry.package);
                names.insert(name.clone(), definitions.len());
                definitions.push(Definition {
                    name,
                    segment,
                    line,
                    parsed: OnceLock::new(),
                });
            }
        }
        let kinds = header
            .kinds
            .into_iter()
            .filter_map(|(group, version, kind, name)| {
                Some((Gvk::new(group, version, kind), *names.get(&name)?))
            })
            .collect();
        Self {
            version: header.version,
            groups: header.groups,
            kinds,
            definitions,
            names,
            segments: header
                .segments
                .into_iter()
                .map(|entry| Segment {
                    entry,
                    text: OnceLock::new(),
                })
                .collect(),
        }
    }

    /// The version, e.g. `1.37.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All groups, the core group first.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Finds a group by its name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Finds a version of a group.
    pub fn group_version(&self, group: &str, version: &str) -> Option<&GroupVersion> {
        self.group(group)?
            .versions
            .iter()
            .find(|known| known.version == version)
    }

    /// Finds a resource by its plural name.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.group_version(group, version)?
            .resources
            .iter()
            .find(|resource| resource.plural == plural)
    }

    /// Finds the resource that serves a kind.
    pub fn resource_of(&self, gvk: &Gvk) -> Option<&Resource> {
        self.group_version(&gvk.group, &gvk.version)?
            .resources
            .iter()
            .find(|resource| resource.kind == gvk.kind)
    }

    /// The type of a kind.
    pub fn type_of(&'static self, gvk: &Gvk) -> Option<TypeRef> {
        self.kinds
            .get(gvk)
            .map(|index| TypeRef::Named(&self.definitions[*index]))
    }

    /// A type by the name of its definition, e.g. `io.k8s.api.core.v1.PodSpec`.
    pub fn definition(&'static self, name: &str) -> Option<TypeRef> {
        self.names
            .get(name)
            .map(|index| TypeRef::Named(&self.definitions[*index]))
    }

    /// The name of a kind's definition.
    pub fn definition_name(&self, gvk: &Gvk) -> Option<&str> {
        self.kinds
            .get(gvk)
            .map(|index| self.definitions[*index].name.as_str())
    }

    /// The names of all definitions.
    pub fn definition_names(&self) -> impl Iterator<Item = &str> {
        self.definitions.iter().map(|definition| definition.name.as_str())
    }

    /// All kinds that have a type, in no order.
    pub fn kinds(&self) -> impl Iterator<Item = &Gvk> {
        self.kinds.keys()
    }

    /// The OpenAPI v3 schema of a definition as published, with or without descriptions.
    pub fn definition_schema(&self, name: &str, descriptions: bool) -> Option<Value> {
        let definition = &self.definitions[*self.names.get(name)?];
        let mut schema = self.source(definition)?;
        for property in schema
            .get_mut("properties")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            if let Some(property) = property.1.as_object_mut() {
                property.remove(GO_MARK);
            }
        }
        if descriptions {
            for (path, text) in self.descriptions(definition)? {
                if let Some(part) = schema.pointer_mut(&path).and_then(Value::as_object_mut) {
                    part.insert("description".to_owned(), text);
                }
            }
        }
        Some(schema)
    }

    fn source(&self, definition: &Definition) -> Option<Value> {
        let segment = &self.segments[definition.segment];
        let lines = segment.text.get_or_init(|| {
            let entry = &segment.entry;
            let body = parts(BYTES).map(|(_, body)| body).unwrap_or_default();
            let bytes = body
                .get(entry.offset..entry.offset + entry.size)
                .unwrap_or_default();
            inflate(bytes, entry.raw).lines().map(str::to_owned).collect()
        });
        serde_json::from_str(lines.get(definition.line)?).ok()
    }

    fn descriptions(&self, definition: &Definition) -> Option<Vec<(String, Value)>> {
        let entry = &self.segments[definition.segment].entry;
        let (_, body) = parts(BYTES)?;
        let text = inflate(
            body.get(entry.docs_offset..entry.docs_offset + entry.docs_size)?,
            entry.docs_raw,
        );
        let texts: serde_json::Map<String, Value> =
            serde_json::from_str(text.lines().nth(definition.line)?).ok()?;
        Some(texts.into_iter().collect())
    }
}

impl Definition {
    /// The name, e.g. `io.k8s.api.core.v1.PodSpec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn get(&self) -> &Type {
        self.parsed.get_or_init(|| {
            let schema = kubernetes().source(self).unwrap_or(Value::Null);
            Type::of_definition(&self.name, &schema)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_is_readable() {
        let table = kubernetes();
        assert_eq!(table.version(), "1.37.2");
        assert!(table.definitions.len() > 800, "{}", table.definitions.len());
        for definition in &table.definitions {
            assert!(
                table.source(definition).is_some_and(|schema| schema.is_object()),
                "{definition:?}"
            );
            assert!(table.descriptions(definition).is_some(), "{definition:?}");
            definition.get();
        }
    }

    #[test]
    fn every_resource_has_a_type() {
        let table = kubernetes();
        for group in table.groups() {
            for version in &group.versions {
                for resource in &version.resources {
                    let gvk = Gvk::new(&group.name, &version.version, &resource.kind);
                    assert!(table.type_of(&gvk).is_some(), "{gvk}");
                    assert_eq!(
                        table.resource(&group.name, &version.version, &resource.plural),
                        Some(resource)
                    );
                }
            }
        }
    }
}
