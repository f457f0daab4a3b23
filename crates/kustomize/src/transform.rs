//! The small transformers: namespace, names, labels, annotations, images, replicas, order.
//!
//! Source: kustomize `api/internal/builtins/`, `api/filters/`.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;

use crate::config::{ORDER_FIRST, ORDER_LAST};
use crate::error::{Kind, Result, fail};
use crate::fieldspec::{Create, FieldSpec, visit};
use crate::generators::hash;
use crate::kustomization::{Image, LegacyOrder, Replica, SortOptions};
use crate::links::{new_link, spread};
use crate::node::Node;
use crate::resid::{Gvk, IdKey, ResId};
use crate::resmap::{ResMap, describe};
use crate::resource::HELM_GENERATED;
use crate::scalar::{Scalar, Tag};
use crate::schema::Schema;

/// Which subjects of role bindings get the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    #[default]
    NamedDefault,
    ServiceAccounts,
    None,
}

/// Settings of the namespace transformer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) specs: Vec<FieldSpec>,
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

/// Puts all objects into a namespace.
pub(crate) fn namespace(map: &mut ResMap, settings: &Namespace, schema: &Schema) -> Result<()> {
    if settings.name.is_empty() {
        return Ok(());
    }
    let mut counts: HashMap<IdKey, usize> = HashMap::new();
    for resource in map.resources() {
        *counts.entry(resource.id(schema).key()).or_default() += 1;
    }
    for position in 0..map.resources().len() {
        let resource = &mut map.resources_mut()[position];
        if resource.is_empty() || resource.annotation(HELM_GENERATED) == Some("true") {
            continue;
        }
        let before = resource.id(schema).key();
        resource.store_previous_id(schema)?;
        set_namespace(resource.node_mut(), settings, schema)?;
        let id = resource.id(schema).clone();
        if let Some(count) = counts.get_mut(&before) {
            *count -= 1;
        }
        let count = counts.entry(id.key()).or_default();
        *count += 1;
        if *count != 1 {
            let objects: Vec<_> = map
                .resources()
                .iter()
                .filter(|other| other.id(schema).same_object(&id))
                .map(describe)
                .collect();
            return Err(fail!(
                "namespace transformation produces ID conflict: [{}]",
                objects.join(" ")
            ));
        }
    }
    Ok(())
}

/// Puts one object into a namespace.
pub(crate) fn set_namespace(node: &mut Node, settings: &Namespace, schema: &Schema) -> Result<()> {
    let text = |node: &Node, field: &str| node.field(field).map_or("", Node::text).to_owned();
    let (api_version, kind) = (text(node, "apiVersion"), text(node, "kind"));
    let mut set = |node: &mut Node| {
        if settings.unset_only
            && node
                .as_scalar()
                .is_none_or(|scalar| !scalar.text.is_empty() && scalar.tag != Tag::Null)
            && !node.is_empty()
        {
            return Ok(());
        }
        node.overwrite_scalar(Scalar::string(settings.name.clone()))
    };
    if !schema.is_cluster_scoped(&api_version, &kind) {
        let spec = FieldSpec::new("metadata/namespace", true);
        visit(node, &spec, &Create::Scalar(Tag::None), &mut set)?;
    }
    let binds = kind == "RoleBinding" || kind == "ClusterRoleBinding";
    if binds && settings.subjects != Subjects::None {
        set_subjects(node, settings.subjects, &mut set)?;
    }
    for spec in &settings.specs {
        let skipped = spec.path == "metadata/namespace"
            || (spec.path == "metadata/name" && api_version != "v1")
            || (binds
                && spec.path == "subjects/namespace"
                && matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding"));
        if skipped {
            continue;
        }
        visit(node, spec, &Create::Scalar(Tag::Str), &mut set).map_err(|error| match error.kind {
            Kind::WrongNode => error.within("namespace field specs must target scalar nodes"),
            _ => error.within("namespace transformation failed"),
        })?;
    }
    Ok(())
}

fn set_subjects(
    node: &mut Node,
    subjects: Subjects,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let Some(list) = node.as_map_mut().and_then(|map| map.get_mut("subjects")) else {
        return Ok(());
    };
    if list.is_null() {
        return Ok(());
    }
    let Node::Seq(items) = list else {
        return Err(list
            .wrong_kind("SequenceNode")
            .within("setting namespace on (cluster)role binding subjects"));
    };
    let (field, wanted) = match subjects {
        Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        _ => ("name", "default"),
    };
    for item in items {
        if item
            .field(field)
            .is_none_or(|value| value.is_null() || value.text() != wanted)
        {
            continue;
        }
        let map = item.expect_map_mut()?;
        if map.get("namespace").is_none() {
            map.push("namespace", Node::untyped(""));
        }
        if let Some(namespace) = map.get_mut("namespace") {
            set(namespace)?;
        }
    }
    Ok(())
}

/// Kinds whose names stay as they are.
fn keeps_its_name(id: &ResId) -> bool {
    match id.gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => id.gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

/// Which end of names is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Prefix,
    Suffix,
}

/// Puts a text before or behind names.
pub(crate) fn affix(
    map: &mut ResMap,
    text: &str,
    end: End,
    specs: &[FieldSpec],
    schema: &Schema,
) -> Result<()> {
    for resource in map.resources_mut() {
        let original = resource.ids(schema).original().clone();
        if keeps_its_name(&original) {
            continue;
        }
        for spec in specs.iter().filter(|spec| original.gvk.is_selected_by(&spec.gvk)) {
            if spec.path == "metadata/name" {
                match end {
                    End::Prefix => resource.add_prefix(text)?,
                    End::Suffix => resource.add_suffix(text)?,
                }
                if !text.is_empty() {
                    resource.store_previous_id(schema)?;
                }
            }
            visit(
                resource.node_mut(),
                spec,
                &Create::Scalar(Tag::Str),
                &mut |node| {
                    let name = match end {
                        End::Prefix => format!("{text}{}", node.text()),
                        End::Suffix => format!("{}{text}", node.text()),
                    };
                    node.overwrite_scalar(Scalar::untyped(name))
                },
            )?;
        }
    }
    Ok(())
}

/// Sets entries of maps: labels or annotations.
pub(crate) fn set_entries(
    map: &mut ResMap,
    entries: &BTreeMap<String, String>,
    specs: &[FieldSpec],
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    for resource in map.resources_mut() {
        let node = resource.node_mut();
        for (key, value) in entries {
            let value = Scalar {
                link: new_link(),
                ..Scalar::string(value.clone())
            };
            for spec in specs {
                visit(node, spec, &Create::Map, &mut |node| {
                    if node.is_null() {
                        return Ok(());
                    }
                    if key.is_empty() {
                        return node.overwrite_scalar(value.clone());
                    }
                    node.expect_map_mut()?.set(key, Node::Scalar(value.clone()));
                    Ok(())
                })?;
            }
        }
        spread(node);
    }
    Ok(())
}

/// Changes names, tags and digests of container images.
pub(crate) fn images(map: &mut ResMap, image: &Image, specs: &[FieldSpec]) -> Result<()> {
    let pattern = Regex::new(&format!(
        "^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$",
        image.name
    ))
    .map_err(|error| fail!("image name {:?} is not a pattern: {error}", image.name))?;
    let mut set = |node: &mut Node| set_image(node, image, &pattern);
    for resource in map.contents_mut() {
        if resource.kind() != "CustomResourceDefinition" {
            visit_containers(resource.content_mut(), &mut set)?;
        }
    }
    for resource in map.resources_mut() {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        for spec in specs {
            visit(resource.node_mut(), spec, &Create::Never, &mut set)?;
        }
    }
    Ok(())
}

fn visit_containers(node: &mut Node, set: &mut dyn FnMut(&mut Node) -> Result<()>) -> Result<()> {
    match node {
        Node::Map(map) => {
            for (key, value) in &mut map.entries {
                visit_containers(value, set)?;
                if (key.text == "containers" || key.text == "initContainers")
                    && let Node::Seq(items) = value
                {
                    for item in items {
                        if item.is_null() {
                            continue;
                        }
                        if let Some(image) = item.expect_map_mut()?.get_mut("image") {
                            set(image)?;
                        }
                    }
                }
            }
            Ok(())
        }
        Node::Seq(items) => items.iter_mut().try_for_each(|item| visit_containers(item, set)),
        Node::Scalar(_) => Ok(()),
    }
}

fn set_image(node: &mut Node, image: &Image, pattern: &Regex) -> Result<()> {
    let Node::Scalar(scalar) = node else {
        return Err(node.wrong_kind("ScalarNode"));
    };
    if !pattern.is_match(&scalar.text) {
        return Ok(());
    }
    let (mut name, mut tag, mut digest) = split_image(&scalar.text);
    if !image.new_name.is_empty() {
        name = &image.new_name;
    }
    let suffixed = format!("{tag}{}", image.tag_suffix);
    match (image.new_tag.as_str(), image.digest.as_str()) {
        ("", "") if image.tag_suffix.is_empty() => {}
        ("", "") => (tag, digest) = (&suffixed, ""),
        ("", new_digest) => (tag, digest) = ("", new_digest),
        (new_tag, new_digest) => (tag, digest) = (new_tag, new_digest),
    }
    let mut full = name.to_owned();
    if !tag.is_empty() {
        full = format!("{full}:{tag}");
    }
    if !digest.is_empty() {
        full = format!("{full}@{digest}");
    }
    node.overwrite_scalar(Scalar::untyped(full))
}

/// Splits an image into name, tag and digest.
///
/// Source: kustomize `api/internal/image/image.go`, `Split`.
fn split_image(text: &str) -> (&str, &str, &str) {
    let from = text.find('/').filter(|&slash| slash > 0).unwrap_or(0);
    let at = text[from..].find('@').map(|index| index + from);
    let colon = text[from..].find(':').map(|index| index + from);
    match (colon, at) {
        (None, None) => (text, "", ""),
        (Some(colon), Some(at)) if colon < at => (&text[..colon], &text[colon + 1..at], &text[at + 1..]),
        (_, Some(at)) => (&text[..at], "", &text[at + 1..]),
        (Some(colon), None) => (&text[..colon], &text[colon + 1..], ""),
    }
}

/// Sets the number of replicas of an object.
pub(crate) fn replicas(
    map: &mut ResMap,
    replica: &Replica,
    specs: &[FieldSpec],
    schema: &Schema,
) -> Result<()> {
    let mut found = false;
    for spec in specs {
        for resource in map.resources_mut() {
            let ids = resource.ids(schema);
            let meant = ids
                .previous
                .iter()
                .chain(std::iter::once(&ids.current))
                .any(|id| id.name == replica.name && id.gvk.is_selected_by(&spec.gvk));
            if !meant || resource.is_empty() {
                continue;
            }
            found = true;
            visit(
                resource.node_mut(),
                spec,
                &Create::Scalar(Tag::Int),
                &mut |node| node.overwrite_scalar(Scalar::with_tag(replica.count.to_string(), Tag::Int)),
            )?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<_> = specs.iter().map(|spec| spec.gvk.to_string()).collect();
    Err(fail!(
        "resource with name {} does not match a config with the following GVK [{}]",
        replica.name,
        kinds.join(" ")
    ))
}

/// Appends the hash of their content to the names of generated objects.
pub(crate) fn hashes(map: &mut ResMap, schema: &Schema) -> Result<()> {
    if !map.resources().iter().any(crate::resource::Resource::needs_hash) {
        return Ok(());
    }
    for resource in map.resources_mut() {
        if resource.needs_hash() {
            let hash = hash(resource.node())?;
            resource.store_previous_id(schema)?;
            let name = format!("{}-{hash}", resource.name());
            resource.set_name(&name)?;
        }
    }
    Ok(())
}

/// Brings the objects into the order that is asked for.
pub(crate) fn sort(map: &mut ResMap, options: &SortOptions, schema: &Schema) -> Result<()> {
    match options.order.as_str() {
        "fifo" if options.legacy.is_some() => {
            return Err(fail!(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'"
            ));
        }
        "fifo" => return Ok(()),
        "legacy" => {}
        _ => {
            return Err(fail!(
                "the field 'sortOptions.order' must be one of [fifo, legacy]"
            ));
        }
    }
    let defaults = || LegacyOrder {
        first: ORDER_FIRST.map(str::to_owned).to_vec(),
        last: ORDER_LAST.map(str::to_owned).to_vec(),
    };
    let order = options.legacy.clone().unwrap_or_else(defaults);
    let mut ranks: HashMap<&str, i64> = HashMap::new();
    for (index, kind) in order.first.iter().enumerate() {
        ranks.insert(kind, index as i64 - order.first.len() as i64);
    }
    for (index, kind) in order.last.iter().enumerate() {
        ranks.insert(kind, 1 + index as i64);
    }
    let mut keyed: Vec<_> = std::mem::take(map)
        .into_resources()
        .into_iter()
        .map(|resource| {
            let id = resource.id(schema).clone();
            let rank = ranks.get(id.gvk.kind.as_str()).copied().unwrap_or(0);
            let kind_text = id.gvk.sort_text();
            let id_text = id_sort_text(&id);
            (rank, id.gvk, kind_text, id_text, resource)
        })
        .collect();
    keyed.sort_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| order_of_kinds((&a.1, &a.2), (&b.1, &b.2)))
            .then_with(|| a.3.cmp(&b.3))
    });
    let resources = keyed.into_iter().map(|(.., resource)| resource).collect();
    map.append_all(resources, schema)
        .map_err(|error| error.within("SortOrderTransformer: Failed to append to resources"))
}

fn order_of_kinds(a: (&Gvk, &str), b: (&Gvk, &str)) -> std::cmp::Ordering {
    let (kinds, texts) = ((a.0, b.0), (a.1, b.1));
    let namespaces = kinds.0.kind == "Namespace" && kinds.1.kind == "Namespace";
    if namespaces && (kinds.0.group.is_empty() || kinds.1.group.is_empty()) {
        texts.1.cmp(texts.0)
    } else {
        texts.0.cmp(texts.1)
    }
}

fn id_sort_text(id: &ResId) -> String {
    let or = |part: &str, none: &str| {
        if part.is_empty() {
            none.to_owned()
        } else {
            part.to_owned()
        }
    };
    format!("{}|{}|{}", id.gvk, or(&id.namespace, "~X"), or(&id.name, "~N"))
}
