//! A target that is ready to be worked on: its items, and what every result says about it.

use kluctl_api::{CommandInfo, GitInfo, ProjectKey};
use kluctl_apply::{Inclusion, Item};
use kluctl_object::{Object, ObjectRef};
use kluctl_project::Rendered;
use serde_json::Value;

/// What results say about a project and a target before anything happens.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Names the project.
    pub project_key: ProjectKey,
    /// Where the project comes from.
    pub git_info: GitInfo,
    /// The target's name.
    pub target_name: String,
    /// The target as results show it.
    pub target: Value,
    /// How the command was called, with the time at which the project was loaded.
    pub command: CommandInfo,
}

/// What a run is limited to.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The rules.
    pub inclusion: kluctl_project::Inclusion,
    /// Whether there are tags among them.
    pub has_tags: bool,
}

impl Inclusion for Limits {
    fn includes(&self, tags: &[&str], item_dir: Option<&str>) -> bool {
        self.inclusion.contains(tags, item_dir)
    }

    fn has_tags(&self) -> bool {
        self.has_tags
    }
}

/// A rendered target.
#[derive(Clone, Debug)]
pub struct Target {
    /// What results say.
    pub head: Head,
    /// What was rendered.
    pub rendered: Rendered,
    /// The same as what is applied.
    pub items: Vec<Item>,
    /// What the run is limited to.
    pub limits: Limits,
    /// Objects that belong to the target and are not applied this time, so they are no orphans.
    pub spared: Vec<ObjectRef>,
}

impl Target {
    /// Readies a rendered target.
    pub fn new(head: Head, rendered: Rendered) -> Self {
        let has_tags = !(head.command.include_tags.is_empty() && head.command.exclude_tags.is_empty());
        Self {
            limits: Limits {
                inclusion: rendered.inclusion.clone(),
                has_tags,
            },
            items: crate::items(&rendered),
            spared: Vec::new(),
            rendered,
            head,
        }
    }

    /// All rendered objects in order.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.items.iter().flat_map(|item| &item.objects)
    }

    /// The discriminator; empty when there is none.
    pub fn discriminator(&self) -> &str {
        &self.rendered.discriminator
    }
}
