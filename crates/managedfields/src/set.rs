//! Sets of fields.

use std::cmp::Ordering;

use kluctl_schema::Type;
use serde_json::{Map, Value};

use crate::path::{PathElement, PathError, go_json};

/// A set of fields, as a tree: a node is a member, or has members below it, or both.
///
/// Source: structured-merge-diff `fieldpath/set.go`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    element: PathElement,
    member: bool,
    children: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

/// What a walk over two sorted lists of nodes finds.
enum Pair<'a> {
    Left(&'a Node),
    Right(&'a Node),
    Both(&'a Node, &'a Node),
}

fn zip<'a>(left: &'a FieldSet, right: &'a FieldSet, mut visit: impl FnMut(Pair<'a>)) {
    let (mut i, mut j) = (0, 0);
    loop {
        match (left.nodes.get(i), right.nodes.get(j)) {
            (None, None) => return,
            (Some(left), None) => {
                visit(Pair::Left(left));
                i += 1;
            }
            (None, Some(right)) => {
                visit(Pair::Right(right));
                j += 1;
            }
            (Some(a), Some(b)) => match a.element.cmp(&b.element) {
                Ordering::Less => {
                    visit(Pair::Left(a));
                    i += 1;
                }
                Ordering::Greater => {
                    visit(Pair::Right(b));
                    j += 1;
                }
                Ordering::Equal => {
                    visit(Pair::Both(a, b));
                    i += 1;
                    j += 1;
                }
            },
        }
    }
}

impl FieldSet {
    /// Makes a set of paths of field names.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Vec<_> = path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&path);
        }
        set
    }

    /// Tells whether the set has no member.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| usize::from(node.member) + node.children.len())
            .sum()
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        self.nodes.binary_search_by(|node| node.element.cmp(element))
    }

    fn node(&self, element: &PathElement) -> Option<&Node> {
        self.find(element).ok().map(|index| &self.nodes[index])
    }

    fn node_mut(&mut self, element: &PathElement) -> &mut Node {
        // Walks mostly go in order, so the last node is the likely one.
        let index = match self.nodes.last().map(|node| node.element.cmp(element)) {
            None | Some(Ordering::Less) => Err(self.nodes.len()),
            Some(Ordering::Equal) => Ok(self.nodes.len() - 1),
            Some(Ordering::Greater) => self.find(element),
        };
        let index = index.unwrap_or_else(|index| {
            let node = Node {
                element: element.clone(),
                member: false,
                children: Self::default(),
            };
            self.nodes.insert(index, node);
            index
        });
        &mut self.nodes[index]
    }

    /// Adds a field. Its parents are not added; the empty path (the whole object) is never a member.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => self.node_mut(last).member = true,
            [first, rest @ ..] => self.node_mut(first).children.insert(rest),
        }
    }

    /// Tells whether a field is a member itself.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.node(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.node(first).is_some_and(|node| node.children.has(rest)),
        }
    }

    /// Tells whether an element of this level is a member.
    pub fn has_element(&self, element: &PathElement) -> bool {
        self.node(element).is_some_and(|node| node.member)
    }

    /// The members below an element, without the element.
    pub fn below(&self, element: &PathElement) -> Option<&Self> {
        self.node(element)
            .map(|node| &node.children)
            .filter(|set| !set.is_empty())
    }

    /// Members of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        zip(self, other, |pair| {
            nodes.push(match pair {
                Pair::Left(node) | Pair::Right(node) => node.clone(),
                Pair::Both(left, right) => Node {
                    element: left.element.clone(),
                    member: left.member || right.member,
                    children: left.children.union(&right.children),
                },
            });
        });
        Self { nodes }
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut nodes = Vec::new();
        zip(self, other, |pair| {
            if let Pair::Both(left, right) = pair {
                nodes.push(Node {
                    element: left.element.clone(),
                    member: left.member && right.member,
                    children: left.children.intersection(&right.children),
                });
            }
        });
        nodes.retain(|node| !node.is_empty());
        Self { nodes }
    }

    /// Members of this one only.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut nodes = Vec::with_capacity(self.nodes.len());
        zip(self, other, |pair| match pair {
            Pair::Left(node) => nodes.push(node.clone()),
            Pair::Right(_) => {}
            Pair::Both(left, right) => {
                let node = Node {
                    element: left.element.clone(),
                    member: left.member && !right.member,
                    children: left.children.difference(&right.children),
                };
                if !node.is_empty() {
                    nodes.push(node);
                }
            }
        });
        Self { nodes }
    }

    /// Members of this one that are neither members of the other nor below one.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        let mut nodes = Vec::with_capacity(self.nodes.len());
        zip(self, other, |pair| match pair {
            Pair::Left(node) => nodes.push(node.clone()),
            Pair::Right(_) => {}
            Pair::Both(_, right) if right.member => {}
            Pair::Both(left, right) => {
                let node = Node {
                    element: left.element.clone(),
                    member: left.member,
                    children: left.children.recursive_difference(&right.children),
                };
                if !node.is_empty() {
                    nodes.push(node);
                }
            }
        });
        Self { nodes }
    }

    /// The set with the fields of structs added that have members below them.
    ///
    /// Source: structured-merge-diff `fieldpath/set.go`, `EnsureNamedFieldsAreMembers`.
    #[must_use]
    pub fn with_named_fields(&self, ty: Option<&Type>) -> Self {
        let map = ty.and_then(|ty| ty.map.as_ref());
        let list = ty.and_then(|ty| ty.list.as_ref());
        let nodes = self
            .nodes
            .iter()
            .map(|node| {
                let (named, inner) = match &node.element {
                    PathElement::Field(name) => (
                        map.is_some_and(|map| map.field(name).is_some()),
                        map.and_then(|map| map.entry(name)),
                    ),
                    PathElement::Key(_) => (false, list.map(|list| &list.items)),
                    PathElement::Value(_) | PathElement::Index(_) => (false, None),
                };
                Node {
                    element: node.element.clone(),
                    member: node.member || (named && !node.children.is_empty()),
                    children: node.children.with_named_fields(inner.map(|ty| &**ty)),
                }
            })
            .collect();
        Self { nodes }
    }

    /// Calls a function with every member's path: those of a level first, then those below.
    pub fn for_each(&self, visit: &mut impl FnMut(&[PathElement])) {
        fn walk(set: &FieldSet, path: &mut Vec<PathElement>, visit: &mut impl FnMut(&[PathElement])) {
            for node in set.nodes.iter().filter(|node| node.member) {
                path.push(node.element.clone());
                visit(path);
                path.pop();
            }
            for node in set.nodes.iter().filter(|node| !node.children.is_empty()) {
                path.push(node.element.clone());
                walk(&node.children, path, visit);
                path.pop();
            }
        }
        walk(self, &mut Vec::new(), visit);
    }

    /// All members' paths, those of a level first, then those below.
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut paths = Vec::new();
        self.for_each(&mut |path: &[PathElement]| paths.push(path.to_vec()));
        paths
    }

    /// The elements of this level: each with whether it is a member, and what is below it.
    pub(crate) fn elements(&self) -> impl Iterator<Item = (&PathElement, bool, &Self)> {
        self.nodes
            .iter()
            .map(|node| (&node.element, node.member, &node.children))
    }

    /// As `fieldsV1` has it.
    pub fn to_fields(&self) -> Value {
        let mut map = Map::new();
        for node in &self.nodes {
            let mut inner = match node.children.to_fields() {
                Value::Object(inner) => inner,
                _ => Map::new(),
            };
            if node.member && !node.children.is_empty() {
                inner.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(node.element.written(), Value::Object(inner));
        }
        Value::Object(map)
    }

    /// As `fieldsV1` has it, byte for byte.
    ///
    /// Source: structured-merge-diff `fieldpath/serialize.go`, `emitContentsV1`.
    pub fn to_json(&self) -> String {
        fn write(set: &FieldSet, this: bool, out: &mut String) {
            out.push('{');
            if this {
                out.push_str("\".\":{}");
            }
            for (index, node) in set.nodes.iter().enumerate() {
                if this || index > 0 {
                    out.push(',');
                }
                out.push_str(&go_json(&Value::String(node.element.written())));
                out.push(':');
                write(&node.children, node.member && !node.children.is_empty(), out);
            }
            out.push('}');
        }
        let mut out = String::new();
        write(self, false, &mut out);
        out
    }

    /// Reads `fieldsV1`.
    ///
    /// Source: structured-merge-diff `fieldpath/serialize.go`, `readIterV1`.
    pub fn from_fields(fields: &Value) -> Result<Self, PathError> {
        Ok(Self::read(fields)?.0)
    }

    /// The set below a node, and whether the node itself is a member.
    fn read(fields: &Value) -> Result<(Self, bool), PathError> {
        let mut set = Self::default();
        let mut member = false;
        for (key, inner) in fields.as_object().into_iter().flatten() {
            if key == "." {
                member = true;
                continue;
            }
            let Some(element) = PathElement::read(key)? else {
                continue;
            };
            let (children, is_member) = Self::read(inner)?;
            let node = set.node_mut(&element);
            node.member |= is_member;
            node.children = children;
        }
        if set.is_empty() {
            member = true;
        }
        Ok((set, member))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::from_fields(fields).unwrap()
    }

    #[test]
    fn written_as_read() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:ports": {
            "k:{\"port\":443,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}},
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {}}, "f:set": {"v:\"a\"": {}, "v:1": {}}}});
        let set = set(&fields);
        assert_eq!(set.to_fields(), fields);
        assert_eq!(
            set.to_json(),
            r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{},"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}},"f:set":{"v:1":{},"v:\"a\"":{}}}}"#
        );
    }

    #[test]
    fn algebra() {
        let left = set(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let right = set(&json!({"f:a": {}, "f:d": {}}));
        assert_eq!(
            left.union(&right).to_fields(),
            json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}, "f:d": {}})
        );
        assert_eq!(left.intersection(&right).to_fields(), json!({"f:a": {}}));
        assert_eq!(
            left.difference(&right).to_fields(),
            json!({"f:a": {"f:b": {}}, "f:c": {}})
        );
        assert_eq!(left.recursive_difference(&right).to_fields(), json!({"f:c": {}}));
        assert_eq!(left.len(), 3);
    }
}
