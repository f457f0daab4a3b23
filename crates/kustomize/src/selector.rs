//! Selects objects by kind, name, namespace, labels and annotations.
//!
//! Source: kustomize `api/types/selector.go`, `api/resmap/reswrangler.go` (`Select`).

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use regex::Regex;

use crate::error::{Error, Result, fail};
use crate::labels::LabelSelector;
use crate::resid::{Gvk, ResId};
use crate::resource::Resource;
use crate::schema::Schema;

/// What a patch or replacement is meant for: each text is a regular expression for the whole value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    pub(crate) id: ResId,
    pub(crate) labels: String,
    pub(crate) annotations: String,
}

/// A selector made ready for many objects.
#[derive(Debug)]
pub(crate) struct Matcher<'s> {
    selector: &'s Selector,
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: OnceCell<Result<LabelSelector, Error>>,
    annotations: OnceCell<Result<LabelSelector, Error>>,
}

impl Selector {
    pub(crate) fn compile(&self) -> Result<Matcher<'_>> {
        Ok(Matcher {
            selector: self,
            group: whole(&self.id.gvk.group)?,
            version: whole(&self.id.gvk.version)?,
            kind: whole(&self.id.gvk.kind)?,
            name: whole(&self.id.name)?,
            namespace: whole(&self.id.namespace)?,
            labels: OnceCell::new(),
            annotations: OnceCell::new(),
        })
    }

    /// Whether it says nothing about kind, name and namespace.
    pub(crate) fn has_no_id(&self) -> bool {
        self.id == ResId::default()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:a={}:l={}", self.id, self.annotations, self.labels)
    }
}

/// A pattern for the whole text; nothing for an empty one, which matches everything.
fn whole(pattern: &str) -> Result<Option<Regex>> {
    if pattern.is_empty() {
        return Ok(None);
    }
    Regex::new(&format!("^(?:{pattern})$"))
        .map(Some)
        .map_err(|error| {
            // The commonest mistakes in Go's words, all others in those of our library.
            let text = error.to_string();
            let full = format!("^(?:{pattern})$");
            if text.contains("unclosed group") {
                fail!("error parsing regexp: missing closing ): `{full}`")
            } else if text.contains("unclosed character class") {
                let from = full.rfind('[').unwrap_or(0);
                fail!("error parsing regexp: missing closing ]: `{}`", &full[from..])
            } else if text.contains("unopened group") {
                fail!("error parsing regexp: unexpected ): `{full}`")
            } else {
                fail!("error parsing regexp: `{pattern}`: {error}")
            }
        })
}

fn fits(pattern: Option<&Regex>, text: &str) -> bool {
    pattern.is_none_or(|pattern| pattern.is_match(text))
}

impl Matcher<'_> {
    pub(crate) fn matches_gvk(&self, gvk: &Gvk) -> bool {
        fits(self.group.as_ref(), &gvk.group)
            && fits(self.version.as_ref(), &gvk.version)
            && fits(self.kind.as_ref(), &gvk.kind)
    }

    /// Whether kind, name and namespace of one id fit.
    pub(crate) fn matches_id(&self, id: &ResId) -> bool {
        self.matches_gvk(&id.gvk)
            && fits(self.name.as_ref(), &id.name)
            && fits(self.namespace.as_ref(), &id.namespace)
    }

    pub(crate) fn matches_annotations(&self, annotations: &BTreeMap<String, String>) -> Result<bool> {
        if self.selector.annotations.is_empty() {
            return Ok(true);
        }
        let parsed = self
            .annotations
            .get_or_init(|| LabelSelector::parse(&self.selector.annotations));
        parsed
            .as_ref()
            .map(|parsed| parsed.matches(annotations))
            .map_err(Clone::clone)
    }

    pub(crate) fn matches_labels(&self, labels: &BTreeMap<String, String>) -> Result<bool> {
        if self.selector.labels.is_empty() {
            return Ok(true);
        }
        let parsed = self
            .labels
            .get_or_init(|| LabelSelector::parse(&self.selector.labels));
        parsed
            .as_ref()
            .map(|parsed| parsed.matches(labels))
            .map_err(Clone::clone)
    }

    /// Whether an object is meant, by its present or original name.
    pub(crate) fn selects(&self, resource: &Resource, schema: &Schema) -> Result<bool> {
        let ids = resource.ids(schema);
        let (original, current) = (ids.original(), &ids.current);
        let named = (fits(self.namespace.as_ref(), original.effective_namespace())
            || fits(self.namespace.as_ref(), current.effective_namespace()))
            && (fits(self.name.as_ref(), &original.name) || fits(self.name.as_ref(), &current.name))
            && self.matches_gvk(&current.gvk);
        Ok(named
            && (self.selector.labels.is_empty() || self.matches_labels(&resource.labels())?)
            && (self.selector.annotations.is_empty() || self.matches_annotations(&resource.annotations())?))
    }
}
