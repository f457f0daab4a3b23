//! Addresses of Git repositories, in all the forms that Git takes.

use std::fmt;

use url::Url;

use crate::SourceError;

/// An address of a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    /// `https`, `http`, `ssh`, `git` or `file`.
    pub scheme: GitScheme,
    /// Who to log in as.
    pub user: Option<String>,
    /// A password that stands in the address.
    pub password: Option<String>,
    /// Host, lower-case; empty for `file://`.
    pub host: String,
    /// Port, where it is not the scheme's own.
    pub port: Option<u16>,
    /// Path; absolute unless it was written as `host:path`.
    pub path: String,
}

/// How to reach a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitScheme {
    /// HTTP over TLS.
    Https,
    /// HTTP.
    Http,
    /// SSH.
    Ssh,
    /// Git's own protocol (`git daemon`).
    Git,
    /// A folder of this machine.
    File,
}

impl GitScheme {
    fn text(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
            Self::File => "file",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Https => Some(443),
            Self::Http => Some(80),
            Self::Ssh => Some(22),
            Self::Git => Some(9418),
            Self::File => None,
        }
    }
}

impl GitUrl {
    /// Reads `scheme://[user[:password]@]host[:port]/path` or `[user@]host:path`.
    ///
    /// Source: gitprotocol-transport, "GIT URLS" of git-fetch(1); a path of this machine needs `file://`.
    pub fn parse(address: &str) -> Result<Self, SourceError> {
        let invalid = |reason: &str| SourceError::Address {
            address: without_password(address),
            reason: reason.to_owned(),
        };
        if !address.contains("://") {
            return short(address).ok_or_else(|| {
                invalid("expected https://, http://, ssh://, git:// or file://, or user@host:path")
            });
        }
        let url = Url::parse(address).map_err(|error| invalid(&error.to_string()))?;
        let scheme = match url.scheme() {
            "https" => GitScheme::Https,
            "http" => GitScheme::Http,
            "ssh" | "git+ssh" | "ssh+git" => GitScheme::Ssh,
            "git" => GitScheme::Git,
            "file" => GitScheme::File,
            _ => return Err(invalid("expected https://, http://, ssh://, git:// or file://")),
        };
        let host = url.host_str().unwrap_or_default().to_lowercase();
        if host.is_empty() && scheme != GitScheme::File {
            return Err(invalid("there is no host"));
        }
        // It ends up in a command line of the other side's shell, or in our own file names.
        if host.starts_with('-') || address.chars().any(char::is_control) {
            return Err(invalid("the host or a character is not allowed"));
        }
        let path = decoded(url.path()).ok_or_else(|| invalid("the path is not UTF-8"))?;
        let user = decoded(url.username()).filter(|user| !user.is_empty());
        Ok(Self {
            scheme,
            user,
            password: url.password().and_then(decoded),
            host,
            port: url.port().filter(|port| Some(*port) != scheme.default_port()),
            path,
        })
    }

    /// Host with its port, where that is not the scheme's own.
    pub fn host_and_port(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The path as credentials and repositories' names know it: without slashes around it and without `.git`.
    pub fn plain_path(&self) -> &str {
        let path = self.path.trim_matches('/');
        path.strip_suffix(".git").unwrap_or(path)
    }

    /// `git://host[:port]/path`, the same for all addresses of a repository.
    ///
    /// Source: kluctl `lib/git/types/git_url.go`, `RepoKey`.
    pub fn repo_key(&self) -> String {
        format!(
            "git://{}/{}",
            self.host_and_port(),
            self.plain_path().to_lowercase()
        )
    }

    /// The address with user but without password.
    pub fn shown(&self) -> String {
        self.text(None)
    }

    /// The address as Git's transports take it, without user and password.
    pub(crate) fn bare(&self) -> String {
        Self {
            user: None,
            ..self.clone()
        }
        .text(None)
    }

    fn text(&self, password: Option<&str>) -> String {
        let user = self.user.as_ref().map(|user| match password {
            Some(password) => format!("{user}:{password}@"),
            None => format!("{user}@"),
        });
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        format!(
            "{}://{}{}{slash}{}",
            self.scheme.text(),
            user.unwrap_or_default(),
            self.host_and_port(),
            self.path
        )
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// `[user@]host:path`, where no slash stands before the colon.
fn short(address: &str) -> Option<GitUrl> {
    let (before, path) = address.split_once(':')?;
    if before.contains(['/', '\\']) || path.is_empty() || path.starts_with('\\') {
        return None;
    }
    let (user, host) = match before.rsplit_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, before),
    };
    // one letter is a drive of Windows
    let fits = host.len() > 1
        && !host.starts_with('-')
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_[]".contains(c))
        && !path.chars().any(char::is_control);
    fits.then(|| GitUrl {
        scheme: GitScheme::Ssh,
        user: user.filter(|user| !user.is_empty()),
        password: None,
        host: host.to_lowercase(),
        port: None,
        path: path.to_owned(),
    })
}

/// Takes `%41` back to `A`; `None` where the result is no text.
fn decoded(text: &str) -> Option<String> {
    String::from_utf8(percent_decoded(text)).ok()
}

/// Takes `%41` back to `A`; what is no escape stays. The bytes need not be text.
///
/// Source: RFC 3986, section 2.1.
pub fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

/// What may be shown of an address that cannot be read.
fn without_password(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}{}", &address[..scheme + 3], &address[at + 1..])
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes() {
        assert_eq!(percent_decoded("a%40b%zz%4"), b"a@b%zz%4");
    }

    #[track_caller]
    fn check(address: &str, key: &str, shown: &str) {
        let url = GitUrl::parse(address).unwrap();
        assert_eq!((url.repo_key().as_str(), url.shown().as_str()), (key, shown));
    }

    #[test]
    fn reads_every_form() {
        check(
            "https://GitHub.com:443/Org/Repo.git",
            "git://github.com/org/repo",
            "https://github.com/Org/Repo.git",
        );
        check(
            "https://bob:pa%40ss@git.example:8443/a/b/",
            "git://git.example:8443/a/b",
            "https://bob@git.example:8443/a/b/",
        );
        check(
            "git@github.com:org/repo.git",
            "git://github.com/org/repo",
            "ssh://git@github.com/org/repo.git",
        );
        check(
            "ssh://git@github.com:22/org/repo",
            "git://github.com/org/repo",
            "ssh://git@github.com/org/repo",
        );
        check(
            "git+ssh://git@h.example:2222/x",
            "git://h.example:2222/x",
            "ssh://git@h.example:2222/x",
        );
        let url = GitUrl::parse("https://bob:pa%40ss@git.example/a").unwrap();
        assert_eq!(url.password.as_deref(), Some("pa@ss"));
        assert_eq!(GitUrl::parse("host:rel/x").unwrap().path, "rel/x");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for address in [
            "",
            "/a/b",
            "./a",
            "c:\\x",
            "ftp://a/b",
            "ssh:///x",
            "ssh://-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "https://bob:secret@ho st/x",
        ] {
            let error = GitUrl::parse(address).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
