//! Values that stand in several places at once.
//!
//! When kustomize adds a label to several maps of an object, it puts one and the same node into all of them, so that a
//! later patch or replacement of one place changes the others too. Users' output shows it, so it is kept here: such scalars
//! carry the number of their link, a change is noted, and carried over to the other places when the step is done.
//!
//! Source: kustomize `api/filters/filtersutil/setters.go`, `SetEntry`.

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;

use crate::node::Node;
use crate::scalar::Scalar;

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(1) };
    static CHANGED: RefCell<Vec<Scalar>> = const { RefCell::new(Vec::new()) };
}

/// A number that no other link of this thread has.
pub(crate) fn new_link() -> Option<NonZeroU32> {
    NEXT.with(|next| {
        let link = next.get();
        next.set(link.wrapping_add(1).max(1));
        NonZeroU32::new(link)
    })
}

/// Notes that a scalar which may be linked has got a new value.
pub(crate) fn note(scalar: &Scalar) {
    if scalar.link.is_some() {
        CHANGED.with(|changed| changed.borrow_mut().push(scalar.clone()));
    }
}

/// Carries noted changes over to all places of an object.
pub(crate) fn spread(node: &mut Node) {
    for scalar in CHANGED.with(RefCell::take) {
        spread_one(node, &scalar);
    }
}

fn spread_one(node: &mut Node, value: &Scalar) {
    match node {
        Node::Scalar(scalar) if scalar.link == value.link => scalar.clone_from(value),
        Node::Scalar(_) => {}
        Node::Seq(items) => items.iter_mut().for_each(|item| spread_one(item, value)),
        Node::Map(map) => map
            .entries
            .iter_mut()
            .for_each(|(_, item)| spread_one(item, value)),
    }
}
