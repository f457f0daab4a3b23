//! What outlives the process: result types and the store that keeps them in a cluster.
//!
//! Starts with plain result data and ends with JSON in a store, and back. Tools of upstream read what is written here.
//!
//! Invariants:
//! - Decides nothing: what is in a result was decided before.
//! - Whoever writes a result has taken secret values out of it.
//! - A result that is too large for the cluster is trimmed, never refused.

mod compact;
mod delta;
mod drift;
mod lint;
mod packed;
mod plan;
mod result;
mod store;
mod summary;
mod validation;

pub use compact::{CompactError, compact, expand};
pub use drift::{DriftChange, DriftObject, DriftResult};
pub use lint::{LintFinding, LintLevel, LintResult, LintTemplate};
pub use plan::{DeployPlan, PLAN_KIND, PlanError, PlannedObject};
pub use result::{
    ChangeEntry, ClusterInfo, CommandInfo, CommandResult, DeploymentError, GitInfo, Initiator,
    KluctlDeploymentInfo, ProjectKey, ResultObject, TargetKey, new_id,
};
pub use store::{Kept, ResultStore, StoreError, Stored, Written};
pub use summary::{CommandResultSummary, ValidateResultSummary};
pub use validation::{ValidateResult, ValidateResultEntry};
