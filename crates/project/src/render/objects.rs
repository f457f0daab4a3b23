//! Last steps: labels, annotations, images and namespaces of the objects.

use std::collections::BTreeMap;

use kluctl_object::{GroupKind, Object};
use serde_json::Value;

use super::helm::NAMESPACE_ANNOTATION;
use super::images::Images;
use crate::load::LoadedItem;
use crate::outside::ClusterReader;
use crate::problem::{Gathered, Problems};
use crate::tree::named;

/// A boolean annotation as Go parses it.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn is_ignored(object: &Object) -> bool {
    object.annotation("kluctl.io/ignore").is_some_and(is_true)
}

/// What every object of an item gets.
struct Marks {
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
}

impl Marks {
    fn of(item: &LoadedItem, discriminator: &str) -> Self {
        let mut labels: Vec<(String, String)> = item.inherited.labels.clone().into_iter().collect();
        if !discriminator.is_empty() {
            labels.push(("kluctl.io/discriminator".to_owned(), discriminator.to_owned()));
        }
        for (index, tag) in item.tags.iter().enumerate() {
            labels.push((format!("kluctl.io/tag-{index}"), tag.clone()));
        }
        let mut annotations: Vec<(String, String)> = item.inherited.annotations.clone().into_iter().collect();
        let dir = item.dir.as_deref().map(named).unwrap_or_default();
        annotations.push(("kluctl.io/deployment-item-dir".to_owned(), dir.to_owned()));
        if item.config.skip_delete_if_tags {
            annotations.push(("kluctl.io/skip-delete-if-tags".to_owned(), "true".to_owned()));
        }
        Self { labels, annotations }
    }

    fn put_on(&self, object: &mut Object) {
        for (key, value) in &self.labels {
            object.set_label(key, value);
        }
        for (key, value) in &self.annotations {
            object.set_annotation(key, value);
        }
    }
}

/// Drops ignored objects, puts the project's labels and annotations on the others and fills in images; entries of a
/// `List` are objects too.
pub(super) fn finish(
    item: &LoadedItem,
    discriminator: &str,
    images: &Images,
    cluster: Option<&dyn ClusterReader>,
    objects: &mut Vec<Object>,
) -> Result<(), Problems> {
    let marks = Marks::of(item, discriminator);
    let mut problems = Gathered::default();
    objects.retain(|object| !is_ignored(object));
    for object in objects {
        marks.put_on(object);
        problems.keep(images.fill_in(item, cluster, object));
        if object.kind() != "List" || object.api_version() != "v1" {
            continue;
        }
        let Some(Value::Array(entries)) = object.as_map_mut().get_mut("items") else {
            continue;
        };
        let mut kept = Vec::with_capacity(entries.len());
        for entry in std::mem::take(entries) {
            match Object::try_from(entry) {
                Ok(inner) if is_ignored(&inner) => {}
                Ok(mut inner) => {
                    marks.put_on(&mut inner);
                    problems.keep(images.fill_in(item, cluster, &mut inner));
                    kept.push(Value::from(inner));
                }
                Err(error) => drop(problems.keep(Err::<(), _>(crate::problem::Problem::new(format!(
                    "an entry of {}: {error}",
                    marks.annotations.iter().map(|(_, value)| value.as_str()).next_back().unwrap_or_default()
                ))))),
            }
        }
        *entries = kept;
    }
    problems.finish(())
}

/// Whether the kinds that CRDs among the objects define are namespaced.
pub(super) fn scopes_of_crds<'o>(objects: impl Iterator<Item = &'o Object>) -> BTreeMap<GroupKind, bool> {
    let crds = objects.filter(|object| {
        let kind = object.gvk().group_kind();
        kind.kind == "CustomResourceDefinition" && kind.group == "apiextensions.k8s.io"
    });
    let scopes = crds.filter_map(|crd| {
        let text = |keys: &[&str]| crd.str_at(keys).filter(|text| !text.is_empty());
        let kind = GroupKind {
            group: text(&["spec", "group"])?.to_owned(),
            kind: text(&["spec", "names", "kind"])?.to_owned(),
        };
        Some((kind, text(&["spec", "scope"])? == "Namespaced"))
    });
    scopes.collect()
}

/// Gives namespaced objects the namespace they lack and takes it from the others.
pub(super) fn fix_namespace(
    object: &mut Object,
    scopes: &BTreeMap<GroupKind, bool>,
    cluster: &dyn ClusterReader,
) {
    let helm = object.remove_annotation(NAMESPACE_ANNOTATION);
    let kind = object.gvk().group_kind();
    let namespaced = scopes.get(&kind).copied().or_else(|| cluster.namespaced(&kind));
    match (namespaced, object.namespace()) {
        (Some(true), None) => {
            let namespace = helm.as_ref().and_then(Value::as_str).unwrap_or("default");
            object.set_namespace(Some(namespace));
        }
        (Some(false), Some(_)) => object.set_namespace(None),
        _ => {}
    }
}
