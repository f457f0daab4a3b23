//! From a folder and a target to rendered items: config, args, vars, includes, images, render.
//!
//! Starts with a folder, a target's name, arguments, and somebody to ask about the world outside ([`outside`]); ends with
//! [`Rendered`]: items with their objects in order, and everything that is wrong.
//!
//! Invariants:
//! - Synchronous, and talks to nothing itself: clusters, git, registries and web servers are behind the traits of
//!   [`outside`], so nobody who renders needs their clients, and a test needs no server.
//! - Changes no cluster, prints nothing, writes nothing to disk.
//! - Reads no file outside the root of its repository.
//! - What comes out does not depend on timing: items are rendered in parallel and stay in order.

mod args;
mod assumed;
pub mod config;
pub mod inclusion;
mod load;
mod merge;
pub mod outside;
pub mod problem;
mod project;
pub mod render;
pub mod rendered;
mod secrets;
mod target;
mod templates;
pub mod trace;
mod tree;
mod trees;
mod vars;
pub mod view;
mod watch;

pub use args::external_args;
pub use assumed::{Assumed, AssumedFile, AssumedVars};
pub use inclusion::{Inclusion, InclusionOptions};
pub use problem::{Gathered, Place, Problem, Problems};
pub use project::{OpenOptions, OpenProject, TargetSelection, repository_root};
pub use render::{RenderOptions, Stage, World, render};
pub use rendered::{Rendered, RenderedItem, Rules, Sensitive};
pub use trace::{FieldPlace, FieldRequest, FieldTrace, Trace, TraceRequest, TraceStep};
pub use tree::{EntryKind, SourceTree};
