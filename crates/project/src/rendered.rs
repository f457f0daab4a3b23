//! What comes out: items with their objects, in order.

use std::sync::Arc;

use camino::Utf8PathBuf;
use kluctl_object::{MaskKey, Masks, Object};
use serde_json::Value;

use crate::config::{ConflictResolution, FixedImage, IgnoreForDiff, ObjectSelector};
use crate::inclusion::Inclusion;
use crate::problem::Problem;
use crate::render::RenderedFiles;

/// Everything that a target's deployment comes to.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The items that are in, in the order in which they are deployed.
    pub items: Vec<RenderedItem>,
    /// What went wrong, in the order of the items; a command that has any fails.
    pub errors: Vec<Problem>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The discriminator, empty when there is none.
    pub discriminator: String,
    /// Which items are in; the same test is made on objects in the cluster.
    pub inclusion: Inclusion,
    /// Images that templates asked for and what they got, sorted by image.
    pub seen_images: Vec<FixedImage>,
    /// Values that must not be shown.
    pub sensitive: Sensitive,
    /// Sources of variables that could not be asked and stand as placeholders, sorted.
    pub assumed: Vec<String>,
    /// The target as templates see it.
    pub target: Value,
    /// The tree of deployment projects as a command result stores it: each item with its `renderedObjects`,
    /// `renderedInclude` and `renderedHelmChartConfig`, each source of variables with its `renderedVars`.
    pub deployment: Value,
    /// Where the fields of an object come from, where that is asked for.
    pub trace: Option<crate::trace::Trace>,
    /// The places of the fields that were asked for, in their order; `None` where the object is not there.
    pub places: Vec<Option<crate::trace::FieldPlace>>,
    /// The rendered files, where they are asked for.
    pub files: RenderedFiles,
}

/// One item of a deployment with its objects.
#[derive(Clone, Debug, Default)]
pub struct RenderedItem {
    /// Folder relative to the root of its source; `None` for an item that only waits, deletes or is a barrier.
    pub dir: Option<Utf8PathBuf>,
    /// The same relative to its own project, which is how progress names it.
    pub dir_in_project: Option<Utf8PathBuf>,
    /// Tags in order, each once.
    pub tags: Vec<String>,
    /// Waits until this item and all before it are done.
    pub barrier: bool,
    /// What is shown while the barrier waits.
    pub message: Option<String>,
    /// Waits until every object of the item is ready.
    pub wait_readiness: bool,
    /// Waits until these are ready.
    pub wait_readiness_objects: Vec<ObjectSelector>,
    /// Deletes these before anything is applied.
    pub delete_objects: Vec<ObjectSelector>,
    /// Was rendered for others to use; has no objects.
    pub only_render: bool,
    /// Is in whatever tags are asked for.
    pub always_deploy: bool,
    /// Keeps its objects when a run that has tags deletes.
    pub skip_delete_if_tags: bool,
    /// The objects in the order in which they are applied.
    pub objects: Vec<Object>,
    /// Rules of the item's project and of all above it.
    pub rules: Arc<Rules>,
}

/// Rules for the objects of a project: its own first, then those of each project above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Every one that fits applies.
    pub ignore_for_diff: Vec<IgnoreForDiff>,
    /// A later one overrides an earlier one.
    pub conflict_resolution: Vec<ConflictResolution>,
}

/// Values that came from sensitive sources and must not be shown wherever else they turn up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sensitive {
    /// Texts of [`Sensitive::SHORTEST`] characters and more, sorted, each once.
    pub texts: Vec<String>,
    /// What their fingerprints are made with.
    pub key: MaskKey,
}

impl Sensitive {
    /// Shorter texts turn up by chance and are masked only where they came from.
    pub const SHORTEST: usize = 8;

    /// Finds them in other texts.
    pub fn masks(&self) -> Masks {
        Masks::new(self.texts.iter().map(String::as_str), &self.key)
    }

    /// Takes in all texts of a tree.
    pub fn add(&mut self, value: &Value) {
        self.collect(value);
        self.texts.sort_unstable();
        self.texts.dedup();
    }

    /// Takes in texts.
    pub fn add_texts(&mut self, texts: &[String]) {
        let long = texts.iter().filter(|text| text.chars().count() >= Self::SHORTEST);
        self.texts.extend(long.cloned());
        self.texts.sort_unstable();
        self.texts.dedup();
    }

    fn collect(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.chars().count() >= Self::SHORTEST => self.texts.push(text.clone()),
            Value::Array(list) => list.iter().for_each(|value| self.collect(value)),
            Value::Object(map) => map.values().for_each(|value| self.collect(value)),
            _ => {}
        }
    }
}
