//! Plans and carries out changes to the objects in a cluster: plan, execute, wait, prune, diff, validate.
//!
//! Starts with [`Item`]s (objects already rendered) and [`LiveObjects`], and ends with an [`Outcome`] and [`Change`]s.
//!
//! Invariants:
//! - Knows no project files: no path, chart, template or target ever enters.
//! - [`plan`] is pure. Only [`execute`], [`delete_all`], [`poke_images`] and [`LiveObjects::fetch`] talk to the cluster.
//! - Nothing here prints or reads the environment; progress leaves as [`Event`]s.
//! - The order of everything that leaves is that of the items, then that of their objects.

mod annotations;
mod conflicts;
mod delete;
mod diff;
mod event;
mod execute;
mod hook;
mod item;
mod kinds;
mod live;
mod obfuscate;
mod orphans;
mod ownership;
mod plan;
mod poke;
mod prepare;
mod problem;
mod readiness;
mod validate;

pub use annotations::parse_duration;
pub use conflicts::is_known_editor;
pub use delete::delete_all;
pub use diff::{
    Change, ChangeKind, ChangedObject, DiffOptions, changes, compare, diff_items, diff_reference, normalize,
    plain_text, unified_diff,
};
pub use event::{Counts, Event, Events, ItemEvent, Nth, Step, StepEnd};
pub use execute::{Applied, ExecuteOptions, ItemOutcome, MANAGER, Outcome, execute};
pub use item::{Barrier, ConflictAction, ConflictRule, IgnoreRule, Item, Match, Selector};
pub use kinds::defined_kinds;
pub use live::{DISCRIMINATOR, Fetch, LiveObjects};
pub use obfuscate::{
    SecretTexts, adopt_masks, is_secret, obfuscate_changes, obfuscate_object, stands_for, unmasked,
};
pub use orphans::{Everything, Inclusion, belongs, deletable, is_managed, is_protected};
pub use ownership::{Owner, Ownership};
pub use plan::{Plan, plan};
pub use poke::{ImageOverride, poke_images};
pub use problem::{Problem, Problems};
pub use readiness::{Readiness, readiness};
pub use validate::{Verdict, validate};
