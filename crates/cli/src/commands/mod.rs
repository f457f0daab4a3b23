//! One module per command.

pub(crate) mod helm;
pub(crate) mod kustomize;
pub(crate) mod template;
pub(crate) mod version;
