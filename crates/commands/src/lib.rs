//! One module per command: wires project, apply and result, for every front end.
//!
//! Starts with a [`Session`] (a cluster, somebody who listens, a way to stop) and a [`Target`] (rendered items and what a
//! result says about them), and ends with a [`Finished`] result.
//!
//! Invariants:
//! - Parses no flags, prints nothing, reads no environment.
//! - What leaves in a result has lost its secret values, unless the caller asks for the clear one beside it.
//! - A failed command is a result with errors, not an `Err`.

mod approved;
mod collect;
mod delete;
mod deploy;
mod diff;
mod drift;
mod finish;
mod hash;
pub mod helm_charts;
mod items;
pub mod lint;
pub mod oci;
mod overrides;
mod poke_images;
mod preview;
mod prune;
mod reader;
mod rollback;
pub mod secrets;
mod session;
pub mod sources;
mod stored;
mod target;
mod validate;

pub use delete::{DeleteOptions, delete};
pub use deploy::{DeployOptions, Preview, deploy};
pub use diff::{DiffCommandOptions, diff};
pub use drift::{Baseline, drift};
pub use finish::{Finished, Versions};
pub use hash::objects_hash;
pub use items::items;
pub use kluctl_apply::{Counts, DiffOptions, Event, Events, ExecuteOptions, ItemEvent, Nth, Step, StepEnd};
pub use poke_images::poke_images;
pub use preview::{States, preview};
pub use prune::prune;
pub use reader::Reader;
pub use rollback::{RollbackOptions, previous, rollback};
pub use session::Session;
pub use stored::{changed_the_cluster, same_target, versions};
pub use target::{Head, Limits, Target};
pub use validate::{Validation, ValidationRound};
