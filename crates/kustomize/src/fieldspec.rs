//! Paths to the fields that a transformer changes, by kind.
//!
//! Source: kustomize `api/types/fieldspec.go`, `api/filters/fieldspec/fieldspec.go`.

use crate::error::{Result, fail};
use crate::node::{Map, Node};
use crate::resid::Gvk;
use crate::scalar::{Scalar, Tag};

/// A field, and the kinds that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) gvk: Gvk,
    pub(crate) path: String,
    pub(crate) create: bool,
}

impl FieldSpec {
    pub(crate) fn new(path: &str, create: bool) -> Self {
        Self {
            gvk: Gvk::default(),
            path: path.to_owned(),
            create,
        }
    }
}

/// Adds field paths; one that is there already must agree on whether it is created.
pub(crate) fn merge_specs(specs: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<()> {
    for spec in more {
        let known = specs
            .iter()
            .find(|known| known.path == spec.path && known.gvk.is_selected_by(&spec.gvk));
        match known {
            None => specs.push(spec.clone()),
            Some(known) if known.create == spec.create => {}
            Some(_) => return Err(fail!("conflicting fieldspecs")),
        }
    }
    Ok(())
}

/// What is made where a field is missing and may be created.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Create {
    Never,
    Map,
    Scalar(Tag),
}

/// Calls a function on each node that a path leads to; lists on the way are entered by themselves.
pub(crate) fn visit(
    node: &mut Node,
    spec: &FieldSpec,
    create: &Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    let text = |field| node.field(field).map_or("", Node::text);
    let gvk = &spec.gvk;
    let for_all = gvk.kind.is_empty() && gvk.group.is_empty() && gvk.version.is_empty();
    if !for_all && !Gvk::new(text("apiVersion"), text("kind")).is_selected_by(gvk) {
        return Ok(());
    }
    let parts = split_path(&spec.path, '/');
    let visitor = Visitor { spec, create };
    visitor.node(node, &parts, set).map_err(|error| {
        let kind = error.kind;
        error
            .within(format!(
                "considering field '{}' of object {}",
                spec.path,
                describe_id(node)
            ))
            .of_kind(kind)
    })
}

pub(crate) fn describe_id(node: &Node) -> String {
    let text = |field| node.field(field).map_or("", Node::text);
    let metadata = |field| {
        node.field("metadata")
            .and_then(|metadata| metadata.field(field))
            .map_or("", Node::value_text)
            .to_owned()
    };
    crate::resid::ResId {
        gvk: Gvk::new(text("apiVersion"), text("kind")),
        name: metadata("name"),
        namespace: metadata("namespace"),
        cluster_scoped: false,
    }
    .to_string()
}

struct Visitor<'a> {
    spec: &'a FieldSpec,
    create: &'a Create,
}

impl Visitor<'_> {
    fn node(
        &self,
        node: &mut Node,
        path: &[String],
        set: &mut dyn FnMut(&mut Node) -> Result<()>,
    ) -> Result<()> {
        let Some((part, rest)) = path.split_first() else {
            return set(node);
        };
        match node {
            Node::Scalar(scalar) if scalar.tag == Tag::Null => Ok(()),
            Node::Scalar(_) => Err(fail!("expected sequence or mapping node")),
            Node::Seq(items) => items.iter_mut().try_for_each(|item| self.node(item, path, set)),
            Node::Map(map) => match self.field(map, part, rest)? {
                Some(field) => self.node(field, rest, set),
                None => Ok(()),
            },
        }
    }

    fn field<'m>(&self, map: &'m mut Map, part: &str, rest: &[String]) -> Result<Option<&'m mut Node>> {
        let name = part.strip_suffix("[]").unwrap_or(part);
        let is_list = name.len() != part.len();
        if name.is_empty() {
            return Err(fail!("cannot set or create an empty field name"));
        }
        let creates = self.spec.create && *self.create != Create::Never && !is_list;
        let made = || {
            if !rest.is_empty() || *self.create == Create::Map {
                Node::Map(Map::default())
            } else {
                Node::Scalar(Scalar::untyped(""))
            }
        };
        let position = lookup(map, name)?;
        let index = match position {
            Some(index) => index,
            None if creates => {
                map.push(name, made());
                map.entries.len() - 1
            }
            None => return Ok(None),
        };
        let field = &mut map.entries[index].1;
        if field.is_null() {
            if is_list {
                *field = Node::Seq(Vec::new());
            } else if creates {
                *field = match (made(), self.create) {
                    (Node::Scalar(_), Create::Scalar(tag)) => {
                        Node::Scalar(Scalar::with_tag(field.text(), tag.clone()))
                    }
                    (made, _) => made,
                };
            }
        }
        Ok(Some(field))
    }
}

/// A field by its name; names that look like places in a list are refused, since this is a map.
fn lookup(map: &Map, name: &str) -> Result<Option<usize>> {
    let name = name.trim();
    if name == "*" {
        return Err(fail!("wildcard is not supported in PathGetter"));
    }
    if name == "-" || name.parse::<i64>().is_ok() || (name.starts_with('[') && name.ends_with(']')) {
        return Err(Node::Map(map.clone()).wrong_kind("SequenceNode"));
    }
    Ok(map.position(name))
}

/// Splits a path at a delimiter that no backslash precedes. A first, empty part is left out.
///
/// Source: kustomize `kyaml/utils/pathsplitter.go`, `PathSplitter`.
pub(crate) fn split_path(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = match path.strip_prefix(delimiter) {
        Some(rest) => rest,
        None => path,
    };
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Splits a path at dots, but not inside brackets: `[name=a.b]` stays, `[a.b]` is the field `a.b`.
///
/// Source: kustomize `kyaml/utils/pathsplitter.go`, `SmarterPathSplitter`.
pub(crate) fn split_field_path(path: &str) -> Vec<String> {
    let mut parts = split_path(path, '.').into_iter();
    let mut result = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut bracketed = part;
        for next in parts.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            result.push(bracketed);
        } else {
            result.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_paths() {
        assert_eq!(split_path("/a/b\\/c/d", '/'), ["a", "b/c", "d"]);
        assert_eq!(
            split_field_path("a.[name=x.y].b.[k8s.io/z].c"),
            ["a", "[name=x.y]", "b", "k8s.io/z", "c"]
        );
    }
}
