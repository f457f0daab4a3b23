//! Lets an item wait for a Namespace or a kind that another item of the same wave brings along.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kluctl_object::{GroupKind, Gvk, ObjectRef};
use tokio::sync::watch;

/// Something that other items may need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Landmark {
    /// A Namespace by name.
    Namespace(String),
    /// A kind, by its definition.
    Kind(GroupKind),
}

impl Landmark {
    /// As what a person knows it.
    pub(crate) fn object(&self) -> ObjectRef {
        match self {
            Self::Namespace(name) => ObjectRef::new(&Gvk::new("", "v1", "Namespace"), None, name),
            Self::Kind(kind) => ObjectRef::new(&Gvk::new(&kind.group, "", &kind.kind), None, ""),
        }
    }
}

/// What has arrived, and whether it is usable.
#[derive(Debug, Default)]
pub(crate) struct Landmarks(Mutex<BTreeMap<Landmark, watch::Sender<bool>>>);

impl Landmarks {
    /// Tells that a landmark has been tried, successfully or not.
    pub(crate) fn arrive(&self, landmark: Landmark) {
        self.channel(landmark).send_replace(true);
    }

    /// Waits until a landmark has been tried.
    pub(crate) async fn arrived(&self, landmark: Landmark) {
        let mut receiver = self.channel(landmark).subscribe();
        // the sender lives as long as `self`, so this ends with an arrival
        let _ = receiver.wait_for(|arrived| *arrived).await;
    }

    fn channel(&self, landmark: Landmark) -> watch::Sender<bool> {
        let mut map = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.entry(landmark)
            .or_insert_with(|| watch::Sender::new(false))
            .clone()
    }
}
