//! One object on its way through the build, with the notes that are kept about it.
//!
//! The notes (earlier names, prefixes, how it was generated) stand in annotations of the object, as in kustomize: a patch
//! that removes the annotations makes the build forget them, and users' output depends on that.
//!
//! Source: kustomize `api/resource/resource.go`, `api/internal/utils/makeResIds.go`.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::Result;
use crate::node::{Map, Node};
use crate::resid::{Gvk, ResId, split_api_version};
use crate::scalar::{Scalar, Style};
use crate::schema::Schema;

const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";
const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const ALLOW_NAME_CHANGE: &str = "internal.config.kubernetes.io/allowNameChange";
const ALLOW_KIND_CHANGE: &str = "internal.config.kubernetes.io/allowKindChange";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";
pub(crate) const HELM_GENERATED: &str = "internal.config.kubernetes.io/helm-generated";
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// What is removed at the end.
const BUILD_ANNOTATIONS: [&str; 19] = [
    PREVIOUS_KINDS,
    PREVIOUS_NAMES,
    PREFIXES,
    SUFFIXES,
    PREVIOUS_NAMESPACES,
    ALLOW_NAME_CHANGE,
    ALLOW_KIND_CHANGE,
    "internal.config.kubernetes.io/refBy",
    BEHAVIOR,
    NEEDS_HASH,
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    HELM_GENERATED,
];

/// The names an object has and had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) current: ResId,
    /// The oldest first.
    pub(crate) previous: Vec<ResId>,
}

impl Ids {
    pub(crate) fn original(&self) -> &ResId {
        self.previous.first().unwrap_or(&self.current)
    }
}

/// How a generated object meets one that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            "create" => Self::Create,
            _ => Self::Unspecified,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// An object and what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    node: Node,
    ids: OnceCell<Rc<Ids>>,
    /// The variables that take their value from it.
    pub(crate) variables: Vec<String>,
    /// The file it was read from, for messages.
    file: Option<Rc<str>>,
}

impl Resource {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            ids: OnceCell::new(),
            variables: Vec::new(),
            file: None,
        }
    }

    /// An object that was read from a file.
    pub(crate) fn from_file(node: Node, file: &Rc<str>) -> Self {
        Self {
            file: Some(file.clone()),
            ..Self::new(node)
        }
    }

    /// Which object it is and where it comes from, for messages.
    pub(crate) fn describe(&self) -> String {
        let id = crate::fieldspec::describe_id(&self.node);
        match &self.file {
            Some(file) => format!("object {id} of '{file}'"),
            None => format!("object {id}"),
        }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The object, to be changed: what was known of its names is read again afterwards.
    pub(crate) fn node_mut(&mut self) -> &mut Node {
        self.ids.take();
        &mut self.node
    }

    /// The object, to be changed in places that have no part in its names.
    pub(crate) fn content_mut(&mut self) -> &mut Node {
        &mut self.node
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.node.is_empty()
    }

    pub(crate) fn kind(&self) -> &str {
        self.node.field("kind").map_or("", Node::text)
    }

    pub(crate) fn api_version(&self) -> &str {
        self.node.field("apiVersion").map_or("", Node::text)
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata_text("name")
    }

    pub(crate) fn namespace(&self) -> &str {
        self.metadata_text("namespace")
    }

    fn metadata_text(&self, field: &str) -> &str {
        metadata_text(&self.node, field)
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    pub(crate) fn ids(&self, schema: &Schema) -> &Ids {
        self.ids.get_or_init(|| Rc::new(ids_of(&self.node, schema)))
    }

    /// As [`Self::ids`], to be kept beside the object.
    pub(crate) fn shared_ids(&self, schema: &Schema) -> Rc<Ids> {
        self.ids(schema);
        self.ids.get().cloned().unwrap_or_default()
    }

    pub(crate) fn id(&self, schema: &Schema) -> &ResId {
        &self.ids(schema).current
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        if let Some(map) = self.node_mut().as_map_mut() {
            map.set("kind", Node::untyped(kind));
        }
    }

    pub(crate) fn set_api_version(&mut self, api_version: &str) {
        if let Some(map) = self.node_mut().as_map_mut() {
            map.set("apiVersion", Node::untyped(api_version));
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) -> Result<()> {
        set_metadata_text(self.node_mut(), "name", name)
    }

    /// Sets the namespace; an empty one removes the field.
    pub(crate) fn set_namespace(&mut self, namespace: &str) -> Result<()> {
        if namespace.is_empty() {
            if let Some(metadata) = self
                .node_mut()
                .as_map_mut()
                .and_then(|map| map.get_mut("metadata"))
                && let Some(metadata) = metadata.as_map_mut()
            {
                metadata.remove("namespace");
            }
            return Ok(());
        }
        set_metadata_text(self.node_mut(), "namespace", namespace)
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        metadata(&self.node)?
            .get("annotations")?
            .field(key)
            .map(Node::text)
    }

    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        string_map(metadata(&self.node).and_then(|metadata| metadata.get("annotations")))
    }

    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        string_map(metadata(&self.node).and_then(|metadata| metadata.get("labels")))
    }

    /// Sets all annotations; afterwards each of them is a string.
    pub(crate) fn set_annotations(&mut self, annotations: BTreeMap<String, String>) -> Result<()> {
        set_metadata_map(self.node_mut(), "annotations", annotations)
    }

    pub(crate) fn set_labels(&mut self, labels: BTreeMap<String, String>) -> Result<()> {
        set_metadata_map(self.node_mut(), "labels", labels)
    }

    /// Sets one annotation and leaves the others as they are written.
    pub(crate) fn set_annotation(&mut self, key: &str, value: &str) -> Result<()> {
        let map = self.node_mut().expect_map_mut()?;
        if let Some(metadata) = map.get_mut("metadata").and_then(Node::as_map_mut) {
            let empty = metadata
                .get("annotations")
                .is_some_and(|annotations| match annotations {
                    Node::Scalar(_) => true,
                    other => other.is_empty(),
                });
            if empty {
                metadata.remove("annotations");
            }
        }
        let annotations = map.map_or_create("metadata")?.map_or_create("annotations")?;
        annotations.set(
            key,
            Node::Scalar(Scalar {
                style: Style::Single,
                ..Scalar::string(value)
            }),
        );
        Ok(())
    }

    fn list(&self, key: &str) -> Vec<&str> {
        self.annotation(key)
            .map_or(Vec::new(), |list| list.split(',').collect())
    }

    fn append(&mut self, key: &str, value: &str) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        let list = match self.annotation(key) {
            Some(list) => format!("{list},{value}"),
            None => value.to_owned(),
        };
        self.set_annotation(key, &list)
    }

    pub(crate) fn add_prefix(&mut self, prefix: &str) -> Result<()> {
        self.append(PREFIXES, prefix)
    }

    pub(crate) fn add_suffix(&mut self, suffix: &str) -> Result<()> {
        self.append(SUFFIXES, suffix)
    }

    pub(crate) fn prefixes(&self) -> Vec<&str> {
        self.list(PREFIXES)
    }

    pub(crate) fn suffixes(&self) -> Vec<&str> {
        self.list(SUFFIXES)
    }

    /// Notes the present name as an earlier one.
    pub(crate) fn store_previous_id(&mut self, schema: &Schema) -> Result<()> {
        let id = self.id(schema).clone();
        self.append(PREVIOUS_NAMES, &id.name)?;
        self.append(PREVIOUS_NAMESPACES, id.effective_namespace())?;
        self.append(PREVIOUS_KINDS, &id.gvk.kind)
    }

    fn enable(&mut self, key: &str) -> Result<()> {
        let mut annotations = self.annotations();
        annotations.insert(key.to_owned(), "enabled".to_owned());
        self.set_annotations(annotations)
    }

    fn is_enabled(&self, key: &str) -> bool {
        self.annotation(key) == Some("enabled")
    }

    pub(crate) fn allow_name_change(&mut self) -> Result<()> {
        self.enable(ALLOW_NAME_CHANGE)
    }

    pub(crate) fn allow_kind_change(&mut self) -> Result<()> {
        self.enable(ALLOW_KIND_CHANGE)
    }

    pub(crate) fn needs_hash(&self) -> bool {
        self.is_enabled(NEEDS_HASH)
    }

    pub(crate) fn enable_hash(&mut self) -> Result<()> {
        self.enable(NEEDS_HASH)
    }

    pub(crate) fn behavior(&self) -> Behavior {
        Behavior::from_name(self.annotation(BEHAVIOR).unwrap_or_default())
    }

    pub(crate) fn set_behavior(&mut self, behavior: Behavior) -> Result<()> {
        let mut annotations = self.annotations();
        annotations.insert(BEHAVIOR.to_owned(), behavior.name().to_owned());
        self.set_annotations(annotations)
    }

    /// The notes and internal annotations, to be put back after an edit that may lose them.
    pub(crate) fn internal_annotations(&self) -> BTreeMap<String, String> {
        self.annotations()
            .into_iter()
            .filter(|(key, _)| key.starts_with("internal.config.kubernetes.io"))
            .collect()
    }

    /// Removes the notes. Users' annotations are strings afterwards.
    pub(crate) fn remove_build_annotations(&mut self) -> Result<()> {
        let mut annotations = self.annotations();
        if annotations.is_empty() {
            return Ok(());
        }
        annotations.retain(|key, _| !BUILD_ANNOTATIONS.contains(&key.as_str()));
        self.set_annotations(annotations)
    }

    /// Removes one annotation; all others are strings afterwards.
    pub(crate) fn remove_annotation(&mut self, key: &str) -> Result<()> {
        let mut annotations = self.annotations();
        annotations.remove(key);
        self.set_annotations(annotations)
    }

    /// Takes over name, labels, annotations and notes of another object, but keeps its own where both have some.
    pub(crate) fn merge_metadata_from(&mut self, other: &Resource) -> Result<()> {
        let mut labels = other.labels();
        labels.extend(self.labels());
        self.set_labels(labels)?;

        let own = self.annotations();
        let theirs = other.annotations();
        let hashed = own.contains_key(NEEDS_HASH);
        let mut merged = theirs.clone();
        merged.extend(own);
        for key in BUILD_ANNOTATIONS {
            match theirs.get(key) {
                Some(value) => merged.insert(key.to_owned(), value.clone()),
                None => merged.remove(key),
            };
        }
        if !hashed {
            merged.remove(NEEDS_HASH);
        }
        self.set_annotations(merged)?;
        self.set_name(other.name())?;
        self.set_namespace(other.namespace())?;
        self.variables.clone_from(&other.variables);
        Ok(())
    }

    /// Merges the data of another ConfigMap or Secret under its own.
    pub(crate) fn merge_data_from(&mut self, other: &Resource) -> Result<()> {
        for field in ["data", "binaryData"] {
            let mut data = string_map(other.node.field(field));
            data.extend(string_map(self.node.field(field)));
            let map = self.node_mut().expect_map_mut()?;
            map.remove(field);
            for (key, value) in data {
                map.map_or_create(field)?.set(&key, text_node(value));
            }
        }
        Ok(())
    }

    /// Merges a patch into the object, which keeps name, kind and namespace unless the patch may change them.
    pub(crate) fn apply_patch(&mut self, patch: &Resource, schema: &Schema) -> Result<()> {
        let (name, namespace, kind) = (
            self.name().to_owned(),
            self.namespace().to_owned(),
            self.kind().to_owned(),
        );
        let rename = patch.is_enabled(ALLOW_NAME_CHANGE);
        let rekind = patch.is_enabled(ALLOW_KIND_CHANGE);
        if rename || rekind {
            self.store_previous_id(schema)?;
        }
        let node = std::mem::replace(self.node_mut(), Node::null());
        let Some(merged) = crate::merge::merge(node, &patch.node, schema)? else {
            return Ok(());
        };
        *self.node_mut() = merged;
        if self.is_empty() {
            return Ok(());
        }
        if !rekind {
            self.set_kind(&kind);
        }
        if !rename {
            self.set_name(&name)?;
        }
        self.set_namespace(&namespace)
    }
}

/// A text as a string in a block or in one line.
pub(crate) fn text_node(text: String) -> Node {
    let style = if text.contains('\n') {
        Style::Literal
    } else {
        Style::Plain
    };
    Node::Scalar(Scalar {
        style,
        ..Scalar::string(text)
    })
}

fn ids_of(node: &Node, schema: &Schema) -> Ids {
    let text = |field| node.field(field).map_or("", Node::text);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let current = ResId {
        gvk: Gvk::new(api_version, kind),
        name: metadata_text(node, "name").to_owned(),
        namespace: metadata_text(node, "namespace").to_owned(),
        cluster_scoped: schema.is_cluster_scoped(api_version, kind),
    };
    Ids {
        current,
        previous: previous_ids(node, api_version),
    }
}

fn previous_ids(node: &Node, api_version: &str) -> Vec<ResId> {
    let Some(annotations) = metadata(node).and_then(|metadata| metadata.get("annotations")) else {
        return Vec::new();
    };
    let Some(names) = annotations.field(PREVIOUS_NAMES) else {
        return Vec::new();
    };
    let names = names.text().split(',');
    let text = |key| annotations.field(key).map_or("", Node::text);
    let (group, version) = split_api_version(api_version);
    let mut ids: Vec<ResId> = names
        .zip(text(PREVIOUS_NAMESPACES).split(','))
        .zip(text(PREVIOUS_KINDS).split(','))
        .map(|((name, namespace), kind)| ResId {
            gvk: Gvk {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: kind.to_owned(),
            },
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            cluster_scoped: false,
        })
        .collect();
    ids.shrink_to_fit();
    ids
}

pub(crate) fn metadata(node: &Node) -> Option<&Map> {
    node.field("metadata")
        .and_then(Node::as_map)
        .filter(|map| !map.is_empty())
}

fn metadata_text<'n>(node: &'n Node, field: &str) -> &'n str {
    metadata(node)
        .and_then(|metadata| metadata.get(field))
        .map_or("", Node::value_text)
}

fn set_metadata_text(node: &mut Node, field: &str, text: &str) -> Result<()> {
    let map = node.expect_map_mut()?;
    map.map_or_create("metadata")?.set(field, Node::untyped(text));
    Ok(())
}

/// A map of scalars as texts.
pub(crate) fn string_map(node: Option<&Node>) -> BTreeMap<String, String> {
    node.and_then(Node::as_map)
        .map(|map| {
            map.entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.text().to_owned()))
                .collect()
        })
        .unwrap_or_default()
}

fn set_metadata_map(node: &mut Node, field: &str, values: BTreeMap<String, String>) -> Result<()> {
    let metadata = node.expect_map_mut()?.map_or_create("metadata")?;
    metadata.remove(field);
    if values.is_empty() {
        return Ok(());
    }
    let entries = values
        .into_iter()
        .map(|(key, value)| (Scalar::untyped(key), text_node(value)))
        .collect();
    metadata.push(field, Node::Map(Map { entries }));
    Ok(())
}
