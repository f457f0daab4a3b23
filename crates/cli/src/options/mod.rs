//! Flag groups that several commands share, one file per group, and what stands behind every flag:
//! `KLUCTL_*` variables and the configuration file.
//!
//! A command flattens the groups it takes into its own `clap::Args`. A `bool` field becomes a flag that also takes
//! `=true` and `=false`; a `Vec<String>` field becomes a list. Both, and the variables and the configuration file, are the
//! work of [`preset`], so a command says nothing about them.

#![allow(dead_code, reason = "the commands that take these groups arrive one by one")]
#![allow(clippy::struct_field_names, reason = "fields are named as their flags")]

pub(crate) mod args;
pub(crate) mod cluster;
pub(crate) mod credentials;
pub(crate) mod global;
pub(crate) mod images;
pub(crate) mod inclusion;
pub(crate) mod output;
pub(crate) mod preset;
pub(crate) mod project;
pub(crate) mod reach;
pub(crate) mod run;
pub(crate) mod sources;
pub(crate) mod target;
#[cfg(test)]
mod upstream;
pub(crate) mod usage;
pub(crate) mod values;
