//! Bringing ownership up to date with a type that has changed since it was written.

use kluctl_schema::{Type, TypeRef};

use crate::path::PathElement;
use crate::set::FieldSet;
use crate::typed::{Shape, shape_of};

/// Where a list or map has become atomic, who owned parts of it owns all of it. `None` when nothing changes.
///
/// Source: structured-merge-diff `typed/reconcile_schema.go`.
pub(crate) fn reconcile(set: &FieldSet, ty: &TypeRef) -> Option<FieldSet> {
    let mut atomic = FieldSet::default();
    walk(ty, Some(set), false, &mut Vec::new(), &mut atomic);
    (!atomic.is_empty()).then(|| set.recursive_difference(&atomic).union(&atomic))
}

fn walk(
    ty: &Type,
    set: Option<&FieldSet>,
    is_whole: bool,
    path: &mut Vec<PathElement>,
    atomic: &mut FieldSet,
) {
    match shape_of(ty, None) {
        Shape::None | Shape::Scalar(_) => {}
        Shape::List(list) => {
            if !is_whole && !list.associative {
                atomic.insert(path);
            } else {
                below(set, path, atomic, |_| Some(&list.items));
            }
        }
        Shape::Map(map) => {
            if map.fields.is_empty() && matches!(map.element, Some(TypeRef::Unknown(_))) {
                return;
            }
            if !is_whole && map.atomic {
                if set.is_some_and(|set| !set.is_empty()) {
                    atomic.insert(path);
                }
            } else {
                below(set, path, atomic, |element| match element {
                    PathElement::Field(name) => map.entry(name),
                    _ => map.element.as_ref(),
                });
            }
        }
    }
}

fn below<'a>(
    set: Option<&FieldSet>,
    path: &mut Vec<PathElement>,
    atomic: &mut FieldSet,
    type_of: impl Fn(&PathElement) -> Option<&'a TypeRef>,
) {
    for (element, member, children) in set.into_iter().flat_map(FieldSet::elements) {
        let Some(ty) = type_of(element) else { continue };
        let children = (!children.is_empty()).then_some(children);
        path.push(element.clone());
        walk(ty, children, member && children.is_none(), path, atomic);
        path.pop();
    }
}
