//! Decrypts SOPS files.
//!
//! Starts with the bytes of a file and its [`Format`]; ends with the plain bytes as `sops decrypt` prints them, the texts that
//! were secret, and whether the file is what its writer left ([`Integrity`]). The key of a file is unwrapped by a
//! [`KeyService`]; [`LocalKeys`] does so with age and PGP keys of this machine.
//!
//! Invariants:
//! - Plain text lives in memory only and is never part of an error.
//! - Reads follow <https://github.com/getsops/sops>, version 3: every store, rule and type of value.
//! - Key files and programs are touched by [`LocalKeys`] only; all else is pure.

mod cipher;
mod decrypt;
mod error;
mod flatten;
mod format;
mod local;
mod metadata;
mod rules;
mod shamir;
mod stand_in;
mod store;
mod tree;

pub use decrypt::{Decrypted, Encrypted, Integrity, KeyService};
pub use error::Error;
pub use format::Format;
pub use local::{Ask, LocalKeys};
pub use metadata::{MasterKey, Wrapped};
