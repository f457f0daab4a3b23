//! The binary against the sandbox and, where it is there, a real kube-apiserver.
//!
//! These tests belong to the package of the binary, so that Cargo always builds it first.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod cluster_vars;
mod completion;
mod corpus;
mod faults;
mod faults_project;
mod faults_run;
mod helm_files;
mod helm_sources;
mod helm_update;
mod history;
mod kustomize;
mod lint;
mod peers;
mod preview;
mod projects;
mod quickstart;
mod registries;
mod sandbox;
mod scenes;
mod scenes_text;
mod secrets;
mod servers;
mod sources;
mod start;
mod template;
mod templating;
mod terminal;
mod transcripts;
mod tutorial;
mod vars;
