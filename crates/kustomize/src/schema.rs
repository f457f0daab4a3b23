//! What merging needs to know of kinds: which lists have merge keys, and which kinds have no namespace.
//!
//! The built-in table (Kubernetes 1.21.2, as in kustomize 5.8.1) is read once, when the first patch needs it. A kustomization
//! may replace it by its own document (`openapi:`).
//!
//! Source: kustomize `kyaml/openapi/openapi.go`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::error::{Result, fail};

const BUILTIN: &str = include_str!("merge_keys.txt");

/// The only built-in version.
const BUILTIN_VERSION: &str = "v1.21.2";

/// What is known of a field or of a whole kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Type {
    fields: HashMap<String, Type>,
    items: Option<Box<Type>>,
    values: Option<Box<Type>>,
    reference: Option<String>,
    /// `x-kubernetes-patch-strategy` of a list.
    strategy: Option<String>,
    keys: Vec<String>,
}

/// The types of one document.
#[derive(Debug, Default)]
struct Document {
    types: HashMap<String, Type>,
    kinds: HashMap<(String, String), String>,
    scopes: HashMap<(String, String), bool>,
}

/// A place in the types: a type, and the document its references point into.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    documents: Arc<Vec<Arc<Document>>>,
    place: Type,
}

impl Cursor {
    /// Whether a list is merged element by element, and by which keys.
    pub(crate) fn merge_keys(&self) -> Option<&[String]> {
        let strategy = self.place.strategy.as_deref()?;
        strategy
            .split(',')
            .any(|part| part == "merge")
            .then_some(&self.place.keys)
    }

    pub(crate) fn field(&self, name: &str) -> Option<Self> {
        let next = self.place.fields.get(name).or(self.place.values.as_deref())?;
        self.follow(next)
    }

    pub(crate) fn items(&self) -> Option<Self> {
        self.follow(self.place.items.as_deref()?)
    }

    fn follow(&self, next: &Type) -> Option<Self> {
        let mut next = next;
        // References to references are legal; a ring of them is not a type.
        for _ in 0..64 {
            let Some(reference) = &next.reference else {
                return Some(Self {
                    documents: self.documents.clone(),
                    place: next.clone(),
                });
            };
            next = self
                .documents
                .iter()
                .rev()
                .find_map(|document| document.types.get(reference))?;
        }
        None
    }
}

/// The types in use during one build.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    custom: Option<Arc<Document>>,
    chosen: bool,
    /// The built-in table was asked for a scope before another document took its place: both count then.
    builtin_wanted: bool,
    documents: OnceLock<Arc<Vec<Arc<Document>>>>,
}

impl Schema {
    /// Takes over the `openapi` field of a kustomization. Only the first one of a build counts.
    pub(crate) fn choose(&mut self, version: Option<&str>, document: Option<&[u8]>) -> Result<()> {
        if self.chosen {
            return Ok(());
        }
        if let Some(document) = document {
            if version.is_some() {
                return Err(fail!(
                    "builtin version and custom schema provided, cannot use both"
                ));
            }
            self.custom = Some(Arc::new(read_openapi(document)?));
            self.chosen = true;
            self.documents = OnceLock::new();
            return Ok(());
        }
        match version {
            None | Some("") => Ok(()),
            Some(BUILTIN_VERSION) => {
                self.chosen = true;
                Ok(())
            }
            Some(_) => Err(fail!("the specified OpenAPI version is not built in")),
        }
    }

    fn documents(&self) -> &Arc<Vec<Arc<Document>>> {
        self.documents.get_or_init(|| {
            let mut documents = Vec::new();
            if let Some(custom) = &self.custom {
                documents.push(custom.clone());
            }
            if self.custom.is_none() || self.builtin_wanted {
                documents.push(builtin().clone());
            }
            Arc::new(documents)
        })
    }

    /// The type of a kind, if it is known.
    pub(crate) fn of_kind(&self, api_version: &str, kind: &str) -> Option<Cursor> {
        let documents = self.documents();
        let key = (api_version.to_owned(), kind.to_owned());
        let place = documents.iter().rev().find_map(|document| {
            let name = document.kinds.get(&key)?;
            document.types.get(name).cloned()
        })?;
        Some(Cursor {
            documents: documents.clone(),
            place,
        })
    }

    /// Whether a kind is known to have no namespace.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        if kind.is_empty() {
            return false;
        }
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(namespaced) = builtin_scope(&key) {
            return !namespaced;
        }
        match &self.custom {
            Some(custom) => custom.scopes.get(&key).is_some_and(|namespaced| !namespaced),
            None => false,
        }
    }
}

fn builtin_scope(key: &(String, String)) -> Option<bool> {
    static SCOPES: OnceLock<HashMap<(String, String), bool>> = OnceLock::new();
    SCOPES
        .get_or_init(|| {
            kinds_of_table()
                .filter_map(|(api_version, kind, scope, _)| {
                    let namespaced = match scope {
                        "namespaced" => true,
                        "cluster" => false,
                        _ => return None,
                    };
                    Some(((api_version.to_owned(), kind.to_owned()), namespaced))
                })
                .collect()
        })
        .get(key)
        .copied()
}

fn kinds_of_table() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    BUILTIN.lines().filter_map(|line| {
        let mut words = line.strip_prefix('@')?.split(' ');
        Some((words.next()?, words.next()?, words.next()?, words.next()?))
    })
}

fn builtin() -> &'static Arc<Document> {
    static TABLE: OnceLock<Arc<Document>> = OnceLock::new();
    TABLE.get_or_init(|| Arc::new(read_table()))
}

/// Reads the committed table; its form is described in its first line.
fn read_table() -> Document {
    let mut document = Document::default();
    let mut current = String::new();
    for line in BUILTIN.lines() {
        if line.starts_with(['#', '@']) {
            continue;
        }
        let Some(field) = line.strip_prefix(' ') else {
            line.clone_into(&mut current);
            continue;
        };
        let mut words = field.split(' ');
        let (Some(name), Some(target)) = (words.next(), words.next()) else {
            continue;
        };
        let (shape, type_name) = target.split_once(':').unwrap_or(("=", target));
        let reference = (type_name != "-").then(|| Type {
            reference: Some(type_name.to_owned()),
            ..Type::default()
        });
        let mut field = Type::default();
        match shape {
            "[]" => field.items = reference.map(Box::new),
            "{}" => field.values = reference.map(Box::new),
            _ => field = reference.unwrap_or_default(),
        }
        field.strategy = words.next().map(str::to_owned);
        field.keys = words
            .next()
            .unwrap_or_default()
            .split(',')
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect();
        document
            .types
            .entry(current.clone())
            .or_default()
            .fields
            .insert(name.to_owned(), field);
    }
    for (api_version, kind, _, type_name) in kinds_of_table() {
        if type_name != "-" {
            document
                .kinds
                .insert((api_version.to_owned(), kind.to_owned()), type_name.to_owned());
        }
    }
    document
}

/// Reads an OpenAPI document, JSON or YAML.
fn read_openapi(bytes: &[u8]) -> Result<Document> {
    let text = std::str::from_utf8(bytes).map_err(|_| fail!("invalid schema file: not UTF-8"))?;
    let value = kluctl_yaml::from_str_lenient(text)
        .map_err(|error| fail!("invalid schema file: {}", crate::document::yaml_message(&error)))?;
    let mut document = Document::default();
    for (name, definition) in value["definitions"].as_object().into_iter().flatten() {
        document.types.insert(name.clone(), read_type(definition, 0)?);
        for gvk in definition["x-kubernetes-group-version-kind"]
            .as_array()
            .into_iter()
            .flatten()
        {
            if let Some(key) = type_meta(gvk) {
                document.kinds.insert(key, name.clone());
            }
        }
    }
    for (path, info) in value["paths"].as_object().into_iter().flatten() {
        let Some(key) = type_meta(&info["get"]["x-kubernetes-group-version-kind"]) else {
            continue;
        };
        let namespaced = document.scopes.entry(key).or_insert(false);
        *namespaced |= path.contains("namespaces/{namespace}");
    }
    Ok(document)
}

fn type_meta(gvk: &Value) -> Option<(String, String)> {
    let version = gvk["version"].as_str()?;
    let api_version = match gvk["group"].as_str().unwrap_or_default() {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    Some((api_version, gvk["kind"].as_str()?.to_owned()))
}

fn read_type(value: &Value, depth: usize) -> Result<Type> {
    if depth > 200 {
        return Err(fail!("invalid schema file: types are nested too deep"));
    }
    let mut out = Type {
        reference: value["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix("#/definitions/"))
            .map(str::to_owned),
        strategy: value["x-kubernetes-patch-strategy"].as_str().map(str::to_owned),
        ..Type::default()
    };
    out.keys = match value["x-kubernetes-list-map-keys"].as_array() {
        Some(keys) => keys.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => value["x-kubernetes-patch-merge-key"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
    };
    for (name, field) in value["properties"].as_object().into_iter().flatten() {
        out.fields.insert(name.clone(), read_type(field, depth + 1)?);
    }
    if value["items"].is_object() {
        out.items = Some(Box::new(read_type(&value["items"], depth + 1)?));
    }
    if value["additionalProperties"].is_object() {
        out.values = Some(Box::new(read_type(&value["additionalProperties"], depth + 1)?));
    }
    Ok(out)
}
