//! Why something could not be brought here.

use std::io;

/// Why an address could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address is not one this tool can read.
    #[error("invalid address `{address}`: {reason}")]
    Address {
        /// The address as given, without its user part.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server answered with something else than success.
    #[error("failed to fetch {url} : {status}")]
    Status {
        /// The address that was asked, after mirrors.
        url: String,
        /// Status code and reason.
        status: String,
    },
    /// The server wants to know who asks.
    #[error("failed to fetch {url} : 401 Unauthorized")]
    Unauthorized {
        /// The address that was asked, after mirrors.
        url: String,
        /// Host and port.
        host: String,
        /// What the server calls itself.
        realm: String,
    },
    /// The server could not be reached, or the transfer broke.
    #[error("failed to reach {url}: {reason}")]
    Transport {
        /// The address that was asked, after mirrors.
        url: String,
        /// What went wrong on the way.
        reason: String,
    },
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// What arrived could not be understood.
    #[error("{what} is not valid: {reason}")]
    Content {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More bytes or files than the limit allows.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What was read.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl SourceError {
    pub(crate) fn file(path: &camino::Utf8Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_string(),
            source,
        }
    }
}

/// The address without user and password.
pub(crate) fn shown(url: &url::Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.to_string()
}
