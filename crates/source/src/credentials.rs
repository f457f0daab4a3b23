//! Credentials by host and path, for Git, Helm repositories and OCI registries.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::git::{GitScheme, GitUrl};

/// What to present to one host, or to paths of it that match a glob.
#[derive(Clone, Default)]
pub struct Credential {
    /// Host with optional port.
    pub host: String,
    /// Glob over the path without its leading slash (`*` one segment, `**` many); `None` for the whole host.
    pub path: Option<String>,
    /// User name for basic authentication.
    pub username: Option<String>,
    /// Password for basic authentication.
    pub password: Option<String>,
    /// Bearer token.
    pub token: Option<String>,
    /// Token that a registry's token service takes in exchange for one of its own.
    pub identity_token: Option<String>,
    /// Client certificate, PEM.
    pub certificate: Option<Vec<u8>>,
    /// Client key, PEM.
    pub key: Option<Vec<u8>>,
    /// Certificate authority to trust, PEM.
    pub ca: Option<Vec<u8>>,
    /// Private key for SSH, in OpenSSH's or a PEM format.
    pub ssh_key: Option<Vec<u8>>,
    /// Content of a `known_hosts` file, used instead of the person's own.
    pub known_hosts: Option<Vec<u8>>,
    /// Do not check the server's certificate.
    pub insecure_skip_tls_verify: bool,
    /// Speak HTTP instead of HTTPS.
    pub plain_http: bool,
    /// Send user name and password to other hosts that the index names, too.
    pub pass_credentials_all: bool,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("host", &self.host)
            .field("path", &self.path)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A credential whose path is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid path glob `{path}` of the credentials for {host}: {reason}")]
pub struct CredentialParseError {
    host: String,
    path: String,
    reason: String,
}

/// A list of credentials; the first that fits is used.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    entries: Vec<(Credential, Option<GlobMatcher>)>,
}

impl Credentials {
    /// Takes credentials in order of precedence.
    pub fn new(list: Vec<Credential>) -> Result<Self, CredentialParseError> {
        let compile = |credential: Credential| {
            let matcher = match &credential.path {
                None => None,
                Some(path) => {
                    let glob = GlobBuilder::new(path)
                        .literal_separator(true)
                        .build()
                        .map_err(|error| CredentialParseError {
                            host: credential.host.clone(),
                            path: path.clone(),
                            reason: error.to_string(),
                        })?;
                    Some(glob.compile_matcher())
                }
            };
            Ok((credential, matcher))
        };
        Ok(Self {
            entries: list.into_iter().map(compile).collect::<Result<_, _>>()?,
        })
    }

    /// The first credential for a host (with its port where it is not the scheme's own) and a path.
    pub fn find(&self, host: &str, path: &str) -> Option<&Credential> {
        let path = path.trim_matches('/');
        self.entries
            .iter()
            .find(|(credential, matcher)| {
                credential.host.eq_ignore_ascii_case(host)
                    && matcher.as_ref().is_none_or(|glob| glob.is_match(path))
            })
            .map(|(credential, _)| credential)
    }

    /// The first credential that can log in to a Git repository, or else the first that says whom to trust.
    ///
    /// A user in the address must be the credential's, unless that is `*`. A host of `*` is for SSH only, where the key
    /// does not leave this machine.
    ///
    /// Source: kluctl `lib/git/auth/list_auth_provider.go`, `BuildAuth`.
    pub fn find_git(&self, url: &GitUrl) -> Option<&Credential> {
        let ssh = url.scheme == GitScheme::Ssh;
        let host = url.host_and_port();
        // paths of repositories are compared as upstream does, which writes them small
        let lower = url.plain_path().to_lowercase();
        let fitting = || {
            self.entries.iter().filter_map(|(credential, matcher)| {
                let fits = (credential.host.eq_ignore_ascii_case(&host) || (ssh && credential.host == "*"))
                    && matcher
                        .as_ref()
                        .is_none_or(|glob| glob.is_match(url.plain_path()) || glob.is_match(&lower));
                fits.then_some(credential)
            })
        };
        let is_user = |credential: &Credential| match (&url.user, credential.username.as_deref()) {
            (_, None) => ssh,
            (None, Some("*")) => false,
            (Some(_), Some("*")) | (None, Some(_)) => true,
            (Some(user), Some(given)) => user == given,
        };
        let can_log_in = |credential: &&Credential| {
            let has_secret = if ssh {
                credential.ssh_key.is_some()
            } else {
                credential
                    .password
                    .as_ref()
                    .is_some_and(|password| !password.is_empty())
            };
            has_secret && is_user(credential)
        };
        let says_whom_to_trust = |credential: &&Credential| {
            if ssh {
                credential.known_hosts.is_some() && is_user(credential)
            } else {
                credential.ca.is_some()
            }
        };
        fitting()
            .find(can_log_in)
            .or_else(|| fitting().find(says_whom_to_trust))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_that_fits() {
        let entry = |host: &str, path: Option<&str>, user: &str| Credential {
            host: host.into(),
            path: path.map(Into::into),
            username: Some(user.into()),
            ..Credential::default()
        };
        let list = Credentials::new(vec![
            entry("a.io", Some("team/*"), "one"),
            entry("a.io", Some("deep/**"), "many"),
            entry("a.io", None, "any"),
        ])
        .unwrap();
        let user = |host, path| list.find(host, path).and_then(|c| c.username.as_deref());
        assert_eq!(user("a.io", "/team/x"), Some("one"));
        assert_eq!(user("A.io", "/team/x/y"), Some("any"));
        assert_eq!(user("a.io", "/deep/x/y"), Some("many"));
        assert_eq!(user("b.io", "/team/x"), None);
        assert!(Credentials::new(vec![entry("a.io", Some("["), "x")]).is_err());
    }
}
