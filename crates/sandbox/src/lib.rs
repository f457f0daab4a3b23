//! An API server in the process: storage, schemas, server-side apply, watch, admission, HTTP, small controllers.
//!
//! Starts with an HTTP request, from the process ([`Sandbox::service`]) or a socket, and ends with an answer or the events
//! of a watch.
//!
//! Invariants:
//! - Behaves as kube-apiserver does for everything a deployment tool asks; where it does not, the differential test says so.
//! - Everything but the edge is synchronous; what waits is a watch, and only in its stream.
//! - A write names the version it started from, so no lock is held while an object is decoded, merged or validated.
//! - Contains no deploy logic and contacts nothing.

mod allocate;
mod answer;
mod body;
mod columns;
mod controllers;
mod convert;
mod custom;
mod decode;
mod delete;
mod discovery;
mod disk;
mod fields;
mod import;
mod media;
mod names;
mod openapi;
mod patch;
mod read;
mod request;
mod resources;
mod review;
mod sandbox;
mod selector;
mod serve;
mod server;
mod service;
mod status;
mod store;
mod strategy;
mod subresource;
mod table;
mod time;
mod validation;
mod watch;
mod write;

pub use answer::SandboxBody;
pub use disk::DiskError;
pub use import::{ImportError, Imported, store_folder};
pub use sandbox::{OpenError, Options, Sandbox};
pub use serve::{ServeError, Server};
pub use service::SandboxService;
