//! Rewrites references when the object they name has got another name.
//!
//! Source: kustomize `api/internal/accumulator/namereferencetransformer.go`, `api/filters/nameref/nameref.go`. Candidates
//! are looked up by the name a reference holds, so that the work grows with the number of references and not with its
//! square.

use std::collections::HashMap;
use std::rc::Rc;

use crate::config::{Config, NameReference};
use crate::error::{Result, fail};
use crate::fieldspec::{Create, FieldSpec, visit};
use crate::links;
use crate::node::Node;
use crate::resid::{Gvk, NOT_A_NAMESPACE, ResId};
use crate::resmap::ResMap;
use crate::resource::{Ids, Resource};
use crate::schema::Schema;

/// What is known of an object that may be referred to.
struct Candidate {
    ids: Rc<Ids>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

impl Candidate {
    fn of(resource: &Resource, schema: &Schema) -> Self {
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        Self {
            ids: resource.shared_ids(schema),
            prefixes: owned(resource.prefixes()),
            suffixes: owned(resource.suffixes()),
        }
    }

    fn name(&self) -> &str {
        &self.ids.current.name
    }

    fn namespace(&self) -> &str {
        &self.ids.current.namespace
    }

    fn same_context(&self, other: &Self, allow_empty: bool) -> bool {
        let same =
            |a: &[String], b: &[String]| (allow_empty && (a.is_empty() || b.is_empty())) || same_ending(a, b);
        same(&self.prefixes, &other.prefixes) && same(&self.suffixes, &other.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty one is the end of an empty one only.
fn same_ending(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() > b.len() { (b, a) } else { (a, b) };
    if short.is_empty() {
        long.is_empty()
    } else {
        long.ends_with(short)
    }
}

/// Rewrites all references.
pub(crate) fn fix(map: &mut ResMap, config: &Config, schema: &Schema) -> Result<()> {
    map.forget_names();
    let candidates: Vec<_> = map
        .resources()
        .iter()
        .map(|resource| Candidate::of(resource, schema))
        .collect();
    let mut by_old_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, candidate) in candidates.iter().enumerate() {
        for id in &candidate.ids.previous {
            let positions = by_old_name.entry(id.name.clone()).or_default();
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
    }
    let mut by_kind: HashMap<&str, Vec<(&NameReference, &FieldSpec)>> = HashMap::new();
    for reference in &config.name_reference {
        for spec in &reference.referrers {
            by_kind.entry(&spec.gvk.kind).or_default().push((reference, spec));
        }
    }
    let mut by_old_namespace: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, candidate) in candidates.iter().enumerate() {
        if let Some(namespace) = effective(candidate.ids.original()) {
            by_old_namespace.entry(namespace).or_default().push(position);
        }
    }
    for position in 0..candidates.len() {
        let original = candidates[position].ids.original();
        let specs: Vec<_> = ["", original.gvk.kind.as_str()]
            .iter()
            .filter_map(|kind| by_kind.get(kind))
            .flatten()
            .filter(|(_, spec)| original.gvk.is_selected_by(&spec.gvk))
            .collect();
        if specs.is_empty() {
            continue;
        }
        let resource = &map.resources()[position];
        let fixer = Fixer {
            all: &candidates,
            by_old_name: &by_old_name,
            by_old_namespace: &by_old_namespace,
            position,
            account_namespaces: account_namespaces(resource)?,
            role: role_of(resource),
        };
        let resource = &mut map.contents_mut()[position];
        for (reference, spec) in specs {
            fixer.fix(resource.content_mut(), &reference.target, spec)?;
        }
        links::spread(resource.node_mut());
    }
    Ok(())
}

/// The namespaces of the service accounts that a role binding names.
fn account_namespaces(resource: &Resource) -> Result<Vec<String>> {
    if resource.kind() != "RoleBinding" {
        return Ok(Vec::new());
    }
    let mut namespaces = Vec::new();
    for subject in resource
        .node()
        .field("subjects")
        .and_then(Node::as_seq)
        .unwrap_or_default()
    {
        let (Some(namespace), Some(kind)) = (subject.field("namespace"), subject.field("kind")) else {
            continue;
        };
        if kind.text() != "ServiceAccount" {
            continue;
        }
        match namespace.to_value() {
            Ok(serde_json::Value::String(namespace)) => namespaces.push(namespace),
            _ => {
                return Err(fail!(
                    "Invalid Input: namespace is blank for resource \"{}\"\n",
                    crate::fieldspec::describe_id(resource.node())
                ));
            }
        }
    }
    Ok(namespaces)
}

/// Group and kind of the role that a binding names.
fn role_of(resource: &Resource) -> Option<Gvk> {
    let role = resource.node().field("roleRef")?;
    Some(Gvk {
        group: role.field("apiGroup")?.text().to_owned(),
        version: String::new(),
        kind: role.field("kind")?.text().to_owned(),
    })
}

/// Rewrites the references that one object holds.
struct Fixer<'a> {
    all: &'a [Candidate],
    by_old_name: &'a HashMap<String, Vec<usize>>,
    by_old_namespace: &'a HashMap<&'a str, Vec<usize>>,
    position: usize,
    account_namespaces: Vec<String>,
    role: Option<Gvk>,
}

impl Fixer<'_> {
    fn fix(&self, node: &mut Node, target: &Gvk, spec: &FieldSpec) -> Result<()> {
        // The kind was compared with the original one; what it is now does not matter.
        let anywhere = FieldSpec {
            gvk: Gvk::default(),
            path: spec.path.clone(),
            create: false,
        };
        let role = self.role.as_ref().filter(|_| spec.path.ends_with("roleRef/name"));
        let mut set = |node: &mut Node| self.set(node, target, role);
        visit(node, &anywhere, &Create::Never, &mut set).map_err(|error| {
            error.within(format!(
                "updating name reference in '{}' field of '{}'",
                spec.path,
                self.referrer().ids.current
            ))
        })
    }

    fn referrer(&self) -> &Candidate {
        &self.all[self.position]
    }

    fn set(&self, node: &mut Node, target: &Gvk, role: Option<&Gvk>) -> Result<()> {
        match node {
            node if node.is_null() => Ok(()),
            Node::Scalar(_) => self.set_scalar(node, target, role),
            Node::Map(_) => self.set_map(node, target, role),
            Node::Seq(items) => {
                for item in items {
                    match item {
                        item if item.is_null() => {}
                        Node::Scalar(_) => self.set_scalar(item, target, role)?,
                        Node::Map(_) => self.set_map(item, target, role)?,
                        Node::Seq(_) => {
                            return Err(fail!(
                                "a list is expected to hold either strings or maps of strings"
                            ));
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn set_scalar(&self, node: &mut Node, target: &Gvk, role: Option<&Gvk>) -> Result<()> {
        let name = node.text().to_owned();
        let candidates = self.reachable(&name, None);
        let same = |a: &Candidate, b: &Candidate| a.name() == b.name();
        match self.select(candidates, target, role, same)? {
            Some(found) if found.name() != name => {
                node.overwrite_scalar(crate::scalar::Scalar::untyped(found.name()))
            }
            _ => Ok(()),
        }
    }

    fn set_map(&self, node: &mut Node, target: &Gvk, role: Option<&Gvk>) -> Result<()> {
        let map = node.expect_map_mut()?;
        let Some(name) = map.get("name") else {
            return Err(fail!("path config error; no 'name' field in node"));
        };
        let name = name.text().to_owned();
        let namespace = map.get("namespace").map(|namespace| namespace.text().to_owned());
        let candidates = self.reachable(&name, namespace.as_deref());
        let same = |a: &Candidate, b: &Candidate| a.name() == b.name() && a.namespace() == b.namespace();
        let Some(found) = self.select(candidates, target, role, same)? else {
            return Ok(());
        };
        if found.name() == name && found.namespace().is_empty() {
            return Ok(());
        }
        map.set("name", Node::untyped(found.name()));
        if !found.namespace().is_empty() {
            map.set("namespace", Node::untyped(found.namespace()));
        }
        Ok(())
    }

    /// The objects that had this name and that the referrer can see, in the namespace a reference asks for.
    fn reachable(&self, name: &str, namespace: Option<&str>) -> Vec<&Candidate> {
        let Some(positions) = self.by_old_name.get(name) else {
            return Vec::new();
        };
        let referrer = &self.referrer().ids.current;
        let visible = |candidate: &Candidate| {
            let id = &candidate.ids.current;
            referrer.cluster_scoped
                || id.cluster_scoped
                || id.same_namespace(referrer)
                || self
                    .account_namespaces
                    .iter()
                    .any(|namespace| namespace == candidate.namespace())
        };
        let found: Vec<_> = positions
            .iter()
            .map(|&position| &self.all[position])
            .filter(|candidate| visible(candidate))
            .collect();
        let Some(namespace) = namespace else { return found };
        // Which of the two groupings counts is decided over all that the referrer can see, whatever its name.
        let by_original = self
            .by_old_namespace
            .get(namespace)
            .is_some_and(|group| group.iter().any(|&position| visible(&self.all[position])));
        found
            .into_iter()
            .filter(|candidate| {
                let id = if by_original {
                    candidate.ids.original()
                } else {
                    &candidate.ids.current
                };
                effective(id) == Some(namespace)
            })
            .collect()
    }

    fn select<'c>(
        &self,
        candidates: Vec<&'c Candidate>,
        target: &Gvk,
        role: Option<&Gvk>,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'c Candidate>> {
        let was = |candidate: &Candidate, gvk: &Gvk| {
            candidate.ids.previous.iter().any(|id| id.gvk.is_selected_by(gvk))
        };
        let referrer = self.referrer();
        let own = &referrer.ids.current;
        let mut found: Vec<_> = candidates
            .into_iter()
            .filter(|candidate| was(candidate, target))
            .filter(|candidate| role.is_none_or(|role| was(candidate, role)))
            .filter(|candidate| {
                let id = &candidate.ids.current;
                own.cluster_scoped
                    || id.cluster_scoped
                    || id.gvk.kind == "ServiceAccount"
                    || own.same_namespace(id)
            })
            .collect();
        if let [one] = found.as_slice() {
            return Ok(Some(one));
        }
        found.retain(|candidate| candidate.same_context(referrer, true));
        if found.len() > 1 {
            found.retain(|candidate| candidate.same_context(referrer, false));
        }
        let Some((first, others)) = found.split_first() else {
            return Ok(None);
        };
        if others.iter().all(|other| same(first, other)) {
            return Ok(Some(first));
        }
        let ids: Vec<_> = found
            .iter()
            .map(|candidate| candidate.ids.current.to_string())
            .collect();
        Err(fail!("found multiple possible referrals: {}", ids.join(", ")))
    }
}

/// The namespace by which objects are grouped; kinds without one are in no group.
fn effective(id: &ResId) -> Option<&str> {
    Some(id.effective_namespace()).filter(|namespace| *namespace != NOT_A_NAMESPACE)
}
