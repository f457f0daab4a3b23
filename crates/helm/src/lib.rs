//! Loads charts, merges values, renders releases and hooks.
//!
//! Starts with a [`Chart`] made from a map of files or a packed one, values and [`Capabilities`], and ends with a
//! [`Release`]: manifests in the order of installation, hooks, CRDs and notes.
//!
//! Invariants:
//! - What Helm 4.2 prints is printed, to the byte; errors have its words, and excerpts beside them.
//! - Fetches nothing and reads no disk: files are handed in, or ways to read them ([`Content`]); `lookup` is a [`Lookup`] handed in,
//!   and so is what brings the documents that schemas refer to, a [`SchemaSource`].
//! - A loaded chart is not changed by rendering it.
//! - Bad charts give errors in bounded time and memory: Helm's limits on sizes and recursion hold.

mod archive;
mod base64;
mod capabilities;
mod chart;
mod coalesce;
mod content;
mod convert;
mod engine;
mod error;
mod files;
mod functions;
mod glob;
mod go_json;
mod head;
mod ignore;
mod load;
mod manifests;
mod metadata;
mod output;
mod path_match;
mod release;
mod schema;
mod semver;
pub mod strvals;
mod toml;
mod tree;
pub mod values;

pub use capabilities::{Capabilities, KubeVersion};
pub use chart::{Chart, File};
pub use content::Content;
pub use error::{Error, Excerpt, log_line};
pub use ignore::IgnoreRules;
pub use load::check_size;
pub use manifests::{Hook, Manifest, split};
pub use metadata::{Dependency, Maintainer, Metadata};
pub use output::{PrintOptions, Printed, chosen, print};
pub use release::{Crd, Lookup, Release, RenderOptions, name_from_template, render_chart};
pub use schema::SchemaSource;
pub use semver::pick_version;
