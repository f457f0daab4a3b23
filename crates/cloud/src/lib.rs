//! The vendors' clients behind two small traits, [`SecretStore`] and [`KeyService`]: AWS, GCP, Azure, Vault.
//!
//! Starts with a name or a wrapped key, and credentials; ends with [`Secret`] bytes that print as `*****`.
//!
//! Invariants:
//! - Knows nothing of what a secret is for.
//! - No vendor's library: credentials as their command lines find them, and one signed request per answer.
//! - The environment is handed in, so that tests and several users in one process do not meet. Proxies come from the
//!   environment of the process, but never for the metadata servers of machines.
//! - A server that is busy is asked again, a few times and as it says.

mod aws;
mod azure;
mod environment;
mod error;
mod gcp;
mod http;
mod secret;
mod vault;

use std::future::Future;

pub use aws::{Aws, AwsCredentials, AwsProfile, Irsa};
pub use azure::Azure;
pub use environment::Environment;
pub use error::CloudError;
pub use gcp::Gcp;
pub use http::{Patience, Web};
pub use secret::Secret;
pub use vault::Vault;

/// Gives secrets by their name.
pub trait SecretStore {
    /// The content of a secret.
    fn secret(&self, name: &str) -> impl Future<Output = Result<Secret, CloudError>> + Send;
}

/// Unwraps keys.
pub trait KeyService {
    /// What is inside a wrapped key.
    fn unwrap(&self, wrapped: &[u8]) -> impl Future<Output = Result<Secret, CloudError>> + Send;
}
