//! The objects of a target against each other.

use std::collections::{BTreeMap, BTreeSet};

use kluctl_api::LintLevel;
use kluctl_object::{Gvk, KeyPath, Object, ObjectRef};

use super::kinds::Kinds;
use super::{Flaw, Rule, Subject};

/// Kinds of which nothing is known, each once.
pub(super) fn without_schema(subjects: &[Subject<'_>], kinds: &Kinds) -> Vec<Flaw> {
    let mut by_kind: BTreeMap<Gvk, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in subjects {
        let gvk = subject.object.gvk();
        if matches!(kinds.find(&gvk).problem, Some((Rule::NoSchema, _))) {
            by_kind.entry(gvk).or_default().push(subject);
        }
    }
    let flaw = |(gvk, subjects): (Gvk, Vec<&Subject<'_>>)| {
        let message = format!(
            "no definition of {} {} is among the objects, so {} checked (give it with --assume)",
            gvk.api_version(),
            gvk.kind,
            match subjects.len() {
                1 => "its fields were not".to_owned(),
                count => format!("the fields of {count} objects were not"),
            }
        );
        let path = KeyPath::default().child("apiVersion");
        Flaw::new(Rule::NoSchema, subjects[0], path, message)
    };
    by_kind.into_iter().map(flaw).collect()
}

/// Objects that another one replaces, since both have the same name.
pub(super) fn duplicates(subjects: &[Subject<'_>]) -> Vec<Flaw> {
    let mut first: BTreeMap<ObjectRef, &Subject<'_>> = BTreeMap::new();
    let mut flaws = Vec::new();
    let path = || KeyPath::default().child("metadata").child("name");
    for subject in subjects
        .iter()
        .filter(|subject| !subject.object.name().is_empty())
    {
        match first.get(&subject.object.reference().identity()) {
            Some(other) => {
                let same = content(&subject.object) == content(&other.object);
                let message = if same {
                    "the same object is there twice, with the same content"
                } else {
                    "the same object is there twice"
                };
                let mut flaw = Flaw::new(Rule::DuplicateObject, subject, path(), message);
                if same {
                    flaw.level = LintLevel::Warning;
                }
                flaw.other = Some(("first in", other.at(path())));
                flaws.push(flaw);
            }
            None => drop(first.insert(subject.object.reference().identity(), subject)),
        }
    }
    flaws
}

/// An object without what tells which item it is of.
fn content(object: &Object) -> Object {
    let mut object = object.clone();
    object.remove(&["metadata", "annotations", "kluctl.io/deployment-item-dir"]);
    let tags: Vec<String> = object
        .labels()
        .into_iter()
        .filter(|(key, _)| key.starts_with("kluctl.io/tag-"))
        .map(|(key, _)| key.to_owned())
        .collect();
    for tag in tags {
        object.remove(&["metadata", "labels", &tag]);
    }
    object
}

/// Namespaces that every cluster has.
const ALWAYS: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Namespaces that objects are in and that nobody makes, each once.
pub(super) fn namespaces(subjects: &[Subject<'_>], kinds: &Kinds, known: &[Object]) -> Vec<Flaw> {
    let is_namespace = |object: &&Object| object.kind() == "Namespace" && object.api_version() == "v1";
    let made: BTreeSet<&str> = subjects
        .iter()
        .map(|subject| &subject.object)
        .chain(known)
        .filter(is_namespace)
        .map(Object::name)
        .chain(ALWAYS)
        .collect();
    let mut missing: BTreeMap<&str, Vec<&Subject<'_>>> = BTreeMap::new();
    for subject in subjects {
        let namespaced = kinds.namespaced(&subject.object.gvk()) == Some(true);
        if let Some(namespace) = subject.object.namespace()
            && namespaced
            && !made.contains(namespace)
        {
            missing.entry(namespace).or_default().push(subject);
        }
    }
    let names: Vec<&str> = made
        .iter()
        .copied()
        .filter(|name| !ALWAYS.contains(name))
        .collect();
    let flaw = |(namespace, subjects): (&str, Vec<&Subject<'_>>)| {
        let objects = match subjects.len() {
            1 => "1 object is".to_owned(),
            count => format!("{count} objects are"),
        };
        let mut message = format!("{objects} in the namespace {namespace:?}, which is not among the objects");
        if let Some(similar) = kluctl_yaml::closest(namespace, &names) {
            message.push_str(&format!(", did you mean {similar:?}?"));
        }
        let path = KeyPath::default().child("metadata").child("namespace");
        Flaw::new(Rule::MissingNamespace, subjects[0], path, message)
    };
    missing.into_iter().map(flaw).collect()
}
