//! One module per command.

pub(crate) mod cache;
pub(crate) mod completion;
pub(crate) mod delete;
pub(crate) mod deploy;
pub(crate) mod diff;
pub(crate) mod drift;
pub(crate) mod helm;
pub(crate) mod helm_charts;
pub(crate) mod helm_pull;
pub(crate) mod helm_update;
pub(crate) mod kustomize;
mod kustomize_charts;
pub(crate) mod list_images;
pub(crate) mod list_targets;
pub(crate) mod man;
pub(crate) mod oci;
pub(crate) mod poke_images;
pub(crate) mod prune;
pub(crate) mod render;
mod rendering;
pub(crate) mod results;
pub(crate) mod rollback;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod template;
pub(crate) mod validate;
pub(crate) mod version;
