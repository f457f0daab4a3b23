//! Plain HTTP downloads with mirrors, credentials and a size limit.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Certificate, Client, Identity, StatusCode, Url};

use crate::error::shown;
use crate::{Credential, Credentials, Mirrors, SourceError};

/// Downloads files over HTTP.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    /// For this machine's own servers.
    direct: Client,
    mirrors: Mirrors,
    credentials: Credentials,
}

/// How long a server may take to accept a connection, and to send the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Largest answer that a variable is made of (bytes).
const TEXT_LIMIT: u64 = 64 << 20;

impl Http {
    /// Sets up downloads. Proxies come from the environment (`HTTPS_PROXY`, `NO_PROXY` ...).
    pub fn new(mirrors: Mirrors, credentials: Credentials) -> Result<Self, SourceError> {
        Ok(Self {
            client: client(None, "")?,
            direct: client(None, "localhost")?,
            mirrors,
            credentials,
        })
    }

    /// The mirror rules in force.
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// Fetches an address, at most `limit` bytes, with the credentials of its host.
    ///
    /// Credentials are looked up for the address as the project names it first, then for the mirror's.
    pub async fn get(&self, address: &str, limit: u64) -> Result<Bytes, SourceError> {
        let original = parse(address)?;
        let url = parse(&self.mirrors.apply(address))?;
        let credential = self.credential(&original).or_else(|| self.credential(&url));
        self.fetch(&url, credential, limit).await
    }

    /// Fetches an address with the credentials of another one, where host and path ask for none of their own.
    pub async fn get_as(&self, address: &str, owner: &str, limit: u64) -> Result<Bytes, SourceError> {
        let original = parse(address)?;
        let url = parse(&self.mirrors.apply(address))?;
        let owner = parse(owner)?;
        let inherited = self.credential(&owner).filter(|credential| {
            credential.pass_credentials_all
                || (owner.host_str() == original.host_str()
                    && owner.port_or_known_default() == original.port_or_known_default()
                    && owner.scheme() == original.scheme())
        });
        self.fetch(&url, self.credential(&original).or(inherited), limit)
            .await
    }

    /// Sends any request and gives the answer's text, and whether credentials were sent with it.
    ///
    /// Used by variables that come from a web server; their credentials come with the headers, the address, or a person's
    /// answer to [`SourceError::Unauthorized`].
    pub async fn request(
        &self,
        address: &str,
        method: &str,
        headers: &BTreeMap<String, String>,
        body: &str,
        login: Option<&Login>,
    ) -> Result<(String, bool), SourceError> {
        let url = parse(&self.mirrors.apply(address))?;
        let transport = |error: reqwest::Error| SourceError::Transport {
            url: shown(&url),
            reason: reason(&error),
        };
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|_| SourceError::Address {
            address: shown(&url),
            reason: format!("`{method}` is not an HTTP method"),
        })?;
        let mut request = self.plain(&url).request(method, url.clone());
        let own = |name: &String| name.eq_ignore_ascii_case("authorization");
        let authenticated = !url.username().is_empty() || login.is_some() || headers.keys().any(own);
        // Headers of the project win over what a person answered.
        if let Some(login) = login.filter(|_| !headers.keys().any(own)) {
            request = request.basic_auth(&login.username, Some(&login.password));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let mut response = request.send().await.map_err(transport)?;
        if response.status() == StatusCode::UNAUTHORIZED && login.is_none() {
            let challenges = response.headers().get_all("www-authenticate").iter();
            let realms: Vec<&str> = challenges
                .filter_map(|value| realm(value.to_str().ok()?))
                .collect();
            if response.headers().contains_key("www-authenticate") {
                return Err(SourceError::Unauthorized {
                    url: shown(&url),
                    host: host(&url),
                    realm: realms.join("+"),
                });
            }
        }
        if !response.status().is_success() {
            return Err(SourceError::Status {
                url: shown(&url),
                status: response.status().to_string(),
            });
        }
        let bytes = read(&mut response, &url, TEXT_LIMIT).await?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| SourceError::Content {
            what: shown(&url),
            reason: error.to_string(),
        })?;
        Ok((text, authenticated))
    }

    /// The client for addresses whose TLS is nothing special.
    fn plain(&self, url: &Url) -> &Client {
        if is_loopback(&host(url)) {
            &self.direct
        } else {
            &self.client
        }
    }

    fn credential(&self, url: &Url) -> Option<&Credential> {
        url.host_str()?;
        self.credentials.find(&host(url), url.path())
    }

    async fn fetch(
        &self,
        url: &Url,
        credential: Option<&Credential>,
        limit: u64,
    ) -> Result<Bytes, SourceError> {
        let transport = |error: reqwest::Error| SourceError::Transport {
            url: shown(url),
            reason: reason(&error),
        };
        let special =
            credential.filter(|c| c.insecure_skip_tls_verify || c.ca.is_some() || c.certificate.is_some());
        let client = match special {
            Some(credential) => client(Some(credential), &host(url))?,
            None => self.plain(url).clone(),
        };
        let mut request = client.get(url.clone());
        if let Some(credential) = credential {
            if let Some(token) = &credential.token {
                request = request.bearer_auth(token);
            } else if let Some(username) = &credential.username {
                request = request.basic_auth(username, credential.password.as_ref());
            }
        }
        let mut response = request.send().await.map_err(transport)?;
        if response.status() != StatusCode::OK {
            return Err(SourceError::Status {
                url: shown(url),
                status: response.status().to_string(),
            });
        }
        read(&mut response, url, limit).await
    }
}

/// A person's answer to a server that wants to know who asks.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The realm of a challenge (`Basic realm="…"`).
fn realm(challenge: &str) -> Option<&str> {
    let (_, rest) = challenge.split_once("realm=")?;
    let rest = rest
        .strip_prefix('"')
        .map_or(rest, |rest| rest.split('"').next().unwrap_or_default());
    Some(rest).filter(|realm| !realm.is_empty())
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Reads a body to its end, unless it is too large.
async fn read(response: &mut reqwest::Response, url: &Url, limit: u64) -> Result<Bytes, SourceError> {
    let transport = |error: reqwest::Error| SourceError::Transport {
        url: shown(url),
        reason: reason(&error),
    };
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(SourceError::TooLarge {
                what: shown(url),
                limit: format!("{limit} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn parse(address: &str) -> Result<Url, SourceError> {
    let url = Url::parse(address).map_err(|error| SourceError::Address {
        address: address.to_owned(),
        reason: error.to_string(),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SourceError::Address {
            address: shown(&url),
            reason: "expected http:// or https://".to_owned(),
        });
    }
    Ok(url)
}

/// An HTTP client for a host, with the authority and the client certificate of a credential.
///
/// Proxies come from the environment, but for servers on this machine, as Go's `ProxyFromEnvironment` has it.
pub(crate) fn client(credential: Option<&Credential>, host: &str) -> Result<Client, SourceError> {
    // The first caller in the process decides; all of ours decide the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("kluctl/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE);
    if is_loopback(host) {
        builder = builder.no_proxy();
    }
    let bad = |reason: String| SourceError::Address {
        address: host.to_owned(),
        reason,
    };
    if let Some(credential) = credential {
        builder = builder.danger_accept_invalid_certs(credential.insecure_skip_tls_verify);
        if let Some(ca) = &credential.ca {
            let bundle = Certificate::from_pem_bundle(ca).map_err(|error| bad(reason(&error)))?;
            builder = builder.tls_certs_merge(bundle);
        }
        match (&credential.certificate, &credential.key) {
            (Some(certificate), Some(key)) => {
                let identity = Identity::from_pem(&[key.as_slice(), b"\n", certificate].concat())
                    .map_err(|error| bad(reason(&error)))?;
                builder = builder.identity(identity);
            }
            (None, None) => {}
            (Some(_), None) => return Err(bad("a client certificate needs its key".to_owned())),
            (None, Some(_)) => return Err(bad("a client key needs its certificate".to_owned())),
        }
    }
    builder.build().map_err(|error| bad(reason(&error)))
}

/// Whether `host[:port]` is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name == "localhost"
        || name == "[::1]"
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// The innermost causes of an error, which name what is wrong; the outer one repeats the address.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
        cause = inner.source();
    }
    if texts.is_empty() {
        error.to_string()
    } else {
        texts.join(": ")
    }
}
