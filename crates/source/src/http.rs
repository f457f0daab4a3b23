//! Plain HTTP downloads with mirrors, credentials and a size limit.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder, StatusCode, Url};

use crate::error::shown;
use crate::git::percent_decoded;
use crate::ntlm;
use crate::same_connection::SameConnection;
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
    /// answer to [`SourceError::Unauthorized`]. Basic authentication is tried before NTLM, as upstream's library does.
    pub async fn request(
        &self,
        address: &str,
        method: &str,
        headers: &BTreeMap<String, String>,
        body: &str,
        login: Option<&Login>,
    ) -> Result<(String, bool), SourceError> {
        let url = parse(&self.mirrors.apply(address))?;
        let failed = |error: reqwest::Error| transport(&url, &error);
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|_| SourceError::Address {
            address: shown(&url),
            reason: format!("`{method}` is not an HTTP method"),
        })?;
        let own = |name: &String| name.eq_ignore_ascii_case("authorization");
        let authenticated = !url.username().is_empty() || login.is_some() || headers.keys().any(own);
        let build = |client: &Client, authorization: Option<&str>, with_body: bool| {
            let mut url = url.clone();
            if authorization.is_some() {
                // The client makes another header of these.
                let _ = url.set_username("");
                let _ = url.set_password(None);
            }
            let mut request = client.request(method.clone(), url);
            for (name, value) in headers
                .iter()
                .filter(|(name, _)| authorization.is_none() || !own(name))
            {
                request = request.header(name, value);
            }
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            if !body.is_empty() && with_body {
                request = request.body(body.to_owned());
            }
            request
        };
        let client = self.plain(&url);
        let mut response = build(client, None, true).send().await.map_err(failed)?;
        // Headers of the project win over what a person answered.
        let mut known = login.cloned().filter(|_| !headers.keys().any(own));
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(login) = &known
            && (offers_basic(&response) || offers_ntlm(&response).is_none())
        {
            let basic = basic(&login.username, &login.password);
            response = build(client, Some(&basic), true).send().await.map_err(failed)?;
        }
        if known.is_none() {
            known = given(&url, headers);
        }
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(login) = &known
            && let Some(scheme) = offers_ntlm(&response)
        {
            let answered = log_in_by_ntlm(&build, &url, scheme, login).await?;
            response = answered.unwrap_or(response);
        }
        if response.status() == StatusCode::UNAUTHORIZED && login.is_none() {
            let realms: Vec<&str> = challenges(&response).filter_map(realm).collect();
            if response.headers().contains_key(WWW_AUTHENTICATE) {
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
        let sent = request.send().await;
        let mut response = sent.map_err(|error| transport(url, &error))?;
        if response.status() != StatusCode::OK {
            return Err(SourceError::Status {
                url: shown(url),
                status: response.status().to_string(),
            });
        }
        read(&mut response, url, limit).await
    }
}

/// Logs a connection in by NTLM and sends a request over it; `None` where the server does not go on with the talk.
///
/// `build` makes the request, with its body or without, for a client and an `Authorization`.
async fn log_in_by_ntlm(
    build: &impl Fn(&Client, Option<&str>, bool) -> RequestBuilder,
    url: &Url,
    scheme: &str,
    login: &Login,
) -> Result<Option<reqwest::Response>, SourceError> {
    let failed = |error: reqwest::Error| transport(url, &error);
    // It is the connection that is logged in, so there has to be one only.
    let client = builder(None, &host(url))?
        .http1_only()
        .pool_max_idle_per_host(1)
        .connector_layer(SameConnection::default())
        .build()
        .map_err(failed)?;
    let opening = format!("{scheme} {}", ntlm::negotiate());
    let asked = build(&client, Some(&opening), false).send().await;
    let mut asked = asked.map_err(failed)?;
    let challenge = ntlm_message(&asked, scheme);
    read(&mut asked, url, TEXT_LIMIT).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |elapsed| elapsed.as_secs());
    let answer = challenge.and_then(|challenge| {
        ntlm::authenticate(&challenge, &login.username, &login.password, rand::random(), now)
    });
    let Some(answer) = answer else { return Ok(None) };
    let authorization = format!("{scheme} {answer}");
    let sent = build(&client, Some(&authorization), true).send().await;
    sent.map(Some).map_err(failed)
}

fn challenges(response: &reqwest::Response) -> impl Iterator<Item = &str> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
    headers.filter_map(|value| value.to_str().ok())
}

fn offers_basic(response: &reqwest::Response) -> bool {
    challenges(response).any(|text| {
        let scheme = text.trim().split([' ', ',']).next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("basic")
    })
}

/// The scheme under which a server offers NTLM; its own name is preferred.
fn offers_ntlm(response: &reqwest::Response) -> Option<&'static str> {
    let mut schemes: Vec<_> = challenges(response)
        .filter_map(|text| Some(ntlm::offered(text)?.0))
        .collect();
    schemes.sort_unstable();
    schemes.first().copied()
}

/// The server's message of a scheme.
fn ntlm_message(response: &reqwest::Response, scheme: &str) -> Option<String> {
    challenges(response)
        .filter_map(ntlm::offered)
        .find(|(known, message)| *known == scheme && !message.is_empty())
        .map(|(_, message)| message.to_owned())
}

/// Name and password that the address or the project's own header holds.
fn given(url: &Url, headers: &BTreeMap<String, String>) -> Option<Login> {
    if !url.username().is_empty() {
        let decode = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        return Some(Login {
            username: decode(url.username()),
            password: decode(url.password().unwrap_or_default()),
        });
    }
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| Login {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}

/// The header of basic authentication (RFC 7617).
pub(crate) fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
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

/// A request that could not be sent, or an answer that did not arrive.
pub(crate) fn transport(url: &Url, error: &reqwest::Error) -> SourceError {
    SourceError::Transport {
        url: shown(url),
        reason: reason(error),
    }
}

/// Reads a body to its end, unless it is too large.
pub(crate) async fn read(
    response: &mut reqwest::Response,
    url: &Url,
    limit: u64,
) -> Result<Bytes, SourceError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(url, &error))? {
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
    builder(credential, host)?
        .build()
        .map_err(|error| SourceError::Address {
            address: host.to_owned(),
            reason: reason(&error),
        })
}

fn builder(credential: Option<&Credential>, host: &str) -> Result<ClientBuilder, SourceError> {
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
    Ok(builder)
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
fn reason(error: &reqwest::Error) -> String {
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
