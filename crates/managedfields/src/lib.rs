//! Field ownership: field sets, schema-typed compare, merge and conflicts.
//!
//! Starts with two objects, who owns which of their fields, and a type, and ends with the merged object, new ownership
//! and conflicts; all as Kubernetes' server-side apply keeps them. Strategic merge patches live here too.
//!
//! Invariants:
//! - Knows neither HTTP nor storage, and takes the time from the caller.
//! - Objects of built-in kinds are expected as an API server writes them: with defaults and without `null`s.
//! - Every list of managers or conflicts has an order of its own, never that of a hash map.

mod apply;
mod compare;
mod item;
mod managers;
mod merge;
mod ownership;
mod path;
mod reconcile;
mod remove;
mod set;
mod strategic;
mod typed;
mod update;
mod value;

pub use apply::{Applied, ApplyError, Cause, Request, Versions, apply, ignore_timestamps, update};
pub use compare::{Comparison, compare};
pub use item::item_element;
pub use managers::{DecodeError, Entry, Managers, Operation, decode, encode};
pub use merge::merge;
pub use ownership::field_set;
pub use path::{PathElement, PathError, path_text};
pub use remove::{extract_items, remove_items};
pub use set::FieldSet;
pub use strategic::{StrategicError, strategic_merge};
pub use typed::{TypedError, TypedErrors, validate};
pub use value::{compare_values, equal_values, value_text};
