//! Brings files here: Git, Helm repositories, OCI registries, and the rules that point a public address at a mirror.
//!
//! Starts with an address, credentials and a cache folder and ends with bytes or a map of files.
//!
//! Invariants:
//! - Nothing here interprets the files it brings (a chart archive is bytes; its unpacking is bounded).
//! - Every address passes through [`Mirrors`] before anything is contacted.
//! - A password never appears in an error: addresses are shown without their user part.

pub mod archive;
mod cache;
mod credentials;
mod error;
pub mod git;
pub mod helm_repository;
mod history;
mod http;
mod mirror;
mod ntlm;
pub mod oci;
mod person;
mod prune;
mod same_connection;
mod ssh;
pub mod work_folder;

pub use cache::{BlobCache, Cache, ChartCache};
pub use credentials::{Credential, CredentialParseError, Credentials};
pub use error::SourceError;
pub use history::latest_commit;
pub use http::{Http, Login};
pub use mirror::{MirrorParseError, Mirrors};
pub use person::{Nobody, Person, ask_openly, ask_secretly};
pub use prune::{PrunedCache, prune_cache};
pub use ssh::SshSettings;
