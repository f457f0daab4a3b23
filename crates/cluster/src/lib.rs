//! `Cluster` and its verbs over kube's client: contexts, discovery, apply, list, limits and retries.
//!
//! Starts with an [`Object`](kluctl_object::Object) or [`ObjectRef`](kluctl_object::ObjectRef) and parameters, and
//! ends with objects, warnings of the server, or an [`ApiError`].
//!
//! Invariants:
//! - Never decides what should be applied, and never prints.
//! - Any tower service that answers API requests can be plugged in ([`Cluster::new`]); nothing above knows which one answers.
//! - Every request passes one gate ([`Limits`]) and one retry rule, so that both are bounded for the whole process.

mod answer;
mod connect;
mod discovery;
mod error;
mod gate;
mod send;
mod verbs;

pub use answer::Answer;
pub use connect::{ConnectError, ConnectOptions, Connected, connect};
pub use discovery::{ApiResource, Discovery, Scope};
pub use error::{ApiError, Cause, Reason};
pub use gate::Limits;
pub use send::Cluster;
pub use verbs::{Apply, Delete, Deletion, Propagation};
