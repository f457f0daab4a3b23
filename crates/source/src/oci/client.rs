//! The requests of the OCI distribution specification that pulling and pushing artifacts takes, over the HTTP client that
//! everything else here uses: with its proxies, authorities and client certificates.
//!
//! Source: OCI distribution specification 1.1; Docker's "Token Authentication Specification" for who may do what.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION, WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha512};

use super::manifest::{self, Descriptor, Manifest};
use crate::http::{self, basic, read};
use crate::{Credential, SourceError};

/// Largest manifest, list of tags or token that is read (bytes), as ORAS has it.
const TEXT_LIMIT: u64 = 4 << 20;

/// How often a request is sent that finds the registry busy or broken for a moment.
const TRIES: u32 = 4;

/// The longest pause that a registry can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a person is known to a registry.
#[derive(Clone)]
pub(super) enum Login {
    /// Not at all.
    Anonymous,
    /// By name and password.
    Password(String, String),
    /// By a token that its token service takes in exchange for one that the registry takes ("identity token").
    Identity(String),
    /// By a token that the registry takes ("registry token").
    Token(String),
}

impl Login {
    /// What a credential says of it.
    pub(super) fn of(credential: &Credential) -> Option<Self> {
        if let Some(token) = &credential.token {
            return Some(Self::Token(token.clone()));
        }
        if let Some(token) = &credential.identity_token {
            return Some(Self::Identity(token.clone()));
        }
        match (&credential.username, &credential.password) {
            (Some(username), Some(password)) => Some(Self::Password(username.clone(), password.clone())),
            _ => None,
        }
    }
}

/// Why a request had no success.
pub(super) enum Failure {
    /// What was asked for is not there.
    Missing,
    /// Anything else.
    Other(SourceError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Other(error)
    }
}

/// One repository of a registry.
pub(super) struct Client {
    http: reqwest::Client,
    /// `https://HOST/v2/REPOSITORY/`.
    base: Url,
    repository: String,
    login: Login,
    /// Ask for the right to push, too.
    push: bool,
    /// The `Authorization` that the registry took last.
    authorization: Mutex<Option<String>>,
}

/// What is sent.
struct Ask {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Client {
    /// Sets up requests for `repository` of the registry at `host[:port]`.
    pub(super) fn new(
        http: reqwest::Client,
        registry: &str,
        repository: &str,
        plain: bool,
        login: Login,
    ) -> Result<Self, SourceError> {
        let scheme = if plain { "http" } else { "https" };
        // Docker Hub answers under another name than its images bear, and its own images' path is left out.
        let (host, repository) = match registry {
            "docker.io" | "index.docker.io" => {
                let official = !repository.contains('/');
                let path = if official { "library/" } else { "" };
                ("registry-1.docker.io", format!("{path}{repository}"))
            }
            _ => (registry, repository.to_owned()),
        };
        let base = Url::parse(&format!("{scheme}://{host}/v2/{repository}/")).map_err(|error| {
            SourceError::Address {
                address: format!("oci://{registry}/{repository}"),
                reason: error.to_string(),
            }
        })?;
        let authorization = match &login {
            Login::Token(token) => Some(format!("Bearer {token}")),
            _ => None,
        };
        Ok(Self {
            http,
            base,
            repository,
            login,
            push: false,
            authorization: Mutex::new(authorization),
        })
    }

    /// Asks for the right to push, too.
    pub(super) fn for_push(mut self) -> Self {
        self.push = true;
        self
    }

    /// All tags, in the registry's order.
    pub(super) async fn tags(&self) -> Result<Vec<String>, Failure> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        let mut next = Some(self.url("tags/list?n=1000")?);
        while let Some(url) = next {
            let mut response = self.succeed(Ask::get(url.clone())).await?;
            next = following(&response, &url)?;
            let page: Page = json(&url, &read(&mut response, &url, TEXT_LIMIT).await?)?;
            let page = page.tags.unwrap_or_default();
            if page.is_empty() {
                break;
            }
            tags.extend(page);
        }
        Ok(tags)
    }

    /// The manifest behind a tag or digest. Of an index it is that of its only entry, or of the one for `linux/amd64`, as
    /// upstream's library chooses.
    pub(super) async fn manifest(&self, reference: &str) -> Result<Manifest, Failure> {
        let mut reference = reference.to_owned();
        for _ in 0..2 {
            let url = self.url(&format!("manifests/{reference}"))?;
            let mut ask = Ask::get(url.clone());
            for kind in manifest::KINDS {
                ask.headers.append(ACCEPT, HeaderValue::from_static(kind));
            }
            let mut response = self.succeed(ask).await?;
            let body = read(&mut response, &url, TEXT_LIMIT).await?;
            if reference.contains(':') {
                check(&url, &reference, &body)?;
            }
            match json::<manifest::Document>(&url, &body)?.choose() {
                manifest::Chosen::Manifest(manifest) => return Ok(manifest),
                manifest::Chosen::Behind(digest) => reference = digest,
                manifest::Chosen::Nothing => break,
            }
        }
        Err(Failure::Other(SourceError::Content {
            what: self.shown(&reference),
            reason: "it is an index of several manifests, none of them for linux/amd64".to_owned(),
        }))
    }

    /// A blob of at most `limit` bytes, checked against its digest.
    pub(super) async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Bytes, Failure> {
        if u64::try_from(descriptor.size).unwrap_or(u64::MAX) > limit {
            return Err(Failure::Other(SourceError::TooLarge {
                what: self.shown(&descriptor.digest),
                limit: format!("{limit} bytes"),
            }));
        }
        let url = self.url(&format!("blobs/{}", descriptor.digest))?;
        let mut response = self.succeed(Ask::get(url.clone())).await?;
        let body = read(&mut response, &url, limit).await?;
        check(&url, &descriptor.digest, &body)?;
        Ok(body)
    }

    /// Uploads a blob, unless it is there.
    pub(super) async fn push_blob(&self, body: &Bytes, digest: &str) -> Result<(), Failure> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let there = self.send(Ask::new(Method::HEAD, url)).await?;
        if there.status().is_success() {
            return Ok(());
        }
        let url = self.url("blobs/uploads/")?;
        let started = self.succeed(Ask::new(Method::POST, url.clone())).await?;
        let location = header(&started, LOCATION.as_str()).and_then(|text| url.join(text).ok());
        let Some(mut location) = location else {
            return Err(Failure::Other(SourceError::Content {
                what: url.to_string(),
                reason: "the registry did not say where to upload (no `Location`)".to_owned(),
            }));
        };
        location.query_pairs_mut().append_pair("digest", digest);
        let mut ask = Ask::new(Method::PUT, location);
        ask.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.body = Some(body.clone());
        self.succeed(ask).await.map(drop)
    }

    /// Uploads a manifest under a tag.
    pub(super) async fn push_manifest(
        &self,
        tag: &str,
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        let mut ask = Ask::new(Method::PUT, self.url(&format!("manifests/{tag}"))?);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        ask.body = Some(body.into());
        self.succeed(ask).await.map(drop)
    }

    fn url(&self, path: &str) -> Result<Url, SourceError> {
        self.base.join(path).map_err(|error| SourceError::Address {
            address: self.shown(path),
            reason: error.to_string(),
        })
    }

    fn shown(&self, reference: &str) -> String {
        let host = self.base.host_str().unwrap_or_default();
        format!("oci://{host}/{}: {reference}", self.repository)
    }

    /// Sends a request that has to succeed.
    async fn succeed(&self, ask: Ask) -> Result<Response, Failure> {
        let url = ask.url.clone();
        let response = self.send(ask).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::NOT_FOUND {
            return Err(Failure::Missing);
        }
        Err(Failure::Other(refused(response, &url).await))
    }

    /// Sends a request, and again with what the registry asks for where it wants to know who asks.
    async fn send(&self, ask: Ask) -> Result<Response, SourceError> {
        let response = self.send_as(&ask, self.current()).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_ours(&ask.url) {
            return Ok(response);
        }
        let Some(authorization) = self.answer(&response).await? else {
            return Ok(response);
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization);
        self.send_as(&ask, self.current()).await
    }

    fn current(&self) -> Option<String> {
        self.authorization
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether what the registry takes may be sent there: an upload may go to another host.
    fn is_ours(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
    }

    async fn send_as(&self, ask: &Ask, authorization: Option<String>) -> Result<Response, SourceError> {
        let authorization = authorization.filter(|_| self.is_ours(&ask.url));
        patiently(|| {
            let mut request = self.http.request(ask.method.clone(), ask.url.clone());
            request = request.headers(ask.headers.clone());
            if let Some(authorization) = &authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            match &ask.body {
                Some(body) => request.body(body.clone()),
                // Some registries want to be told that there is nothing.
                None if ask.method == Method::POST => request.header("Content-Length", "0"),
                None => request,
            }
        })
        .await
        .map_err(|error| transport(&ask.url, &error))
    }

    /// The `Authorization` that a refused request needs; `None` where we know of none.
    async fn answer(&self, response: &Response) -> Result<Option<String>, SourceError> {
        for value in response.headers().get_all(WWW_AUTHENTICATE) {
            let Some(challenges) = value
                .to_str()
                .ok()
                .and_then(|text| http_auth::parse_challenges(text).ok())
            else {
                continue;
            };
            for challenge in challenges {
                let parameter = |name: &str| {
                    let (_, value) = challenge
                        .params
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                    Some(value.to_unescaped())
                };
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    if let Login::Password(username, password) = &self.login {
                        return Ok(Some(basic(username, password)));
                    }
                } else if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    if matches!(self.login, Login::Token(_)) {
                        continue;
                    }
                    let Some(realm) = parameter("realm") else { continue };
                    let token = self.token(&realm, parameter("service"), parameter("scope"));
                    return token.await.map(|token| Some(format!("Bearer {token}")));
                }
            }
        }
        Ok(None)
    }

    /// Fetches a token from the registry's token service.
    ///
    /// Source: Docker "Token Authentication Specification" (name and password, or nobody), "OAuth2 Token Authentication"
    /// (identity tokens).
    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
    ) -> Result<String, SourceError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let bad = |reason: String| SourceError::Address {
            address: realm.to_owned(),
            reason,
        };
        let mut url = self.base.join(realm).map_err(|error| bad(error.to_string()))?;
        if self.base.scheme() == "https" && url.scheme() != "https" {
            return Err(bad(
                "the registry's token service is not reached over https".to_owned()
            ));
        }
        let scope = match scope {
            Some(scope) if !self.push => scope,
            _ if self.push => format!("repository:{}:pull,push", self.repository),
            _ => format!("repository:{}:pull", self.repository),
        };
        let mut parameters = vec![("scope", scope)];
        if let Some(service) = service {
            parameters.insert(0, ("service", service));
        }
        let asked = if let Login::Identity(token) = &self.login {
            parameters.push(("grant_type", "refresh_token".to_owned()));
            parameters.push(("client_id", "kluctl".to_owned()));
            parameters.push(("refresh_token", token.clone()));
            patiently(|| self.http.post(url.clone()).form(&parameters)).await
        } else {
            url.query_pairs_mut().extend_pairs(&parameters);
            patiently(|| {
                let request = self.http.get(url.clone());
                match &self.login {
                    Login::Password(username, password) => {
                        request.header(AUTHORIZATION, basic(username, password))
                    }
                    _ => request,
                }
            })
            .await
        };
        let mut response = asked.map_err(|error| transport(&url, &error))?;
        if !response.status().is_success() {
            return Err(refused(response, &url).await);
        }
        url.set_query(None);
        let answer: Answer = json(&url, &read(&mut response, &url, TEXT_LIMIT).await?)?;
        let token = answer
            .token
            .filter(|token| !token.is_empty())
            .or(answer.access_token);
        token.ok_or_else(|| SourceError::Content {
            what: format!("the answer of {url}"),
            reason: "there is no token in it".to_owned(),
        })
    }
}

impl Ask {
    fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }

    fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }
}

/// Sends a request, and again with a growing pause while the server says that it is too busy or broken for a moment.
async fn patiently(request: impl Fn() -> reqwest::RequestBuilder) -> Result<Response, reqwest::Error> {
    let mut pause = Duration::from_millis(250);
    for _ in 1..TRIES {
        let response = request().send().await?;
        if !matches!(response.status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504) {
            return Ok(response);
        }
        let asked = header(&response, "Retry-After").and_then(|text| text.trim().parse().ok());
        tokio::time::sleep(asked.map_or(pause, Duration::from_secs).min(LONGEST_PAUSE)).await;
        pause *= 3;
    }
    request().send().await
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// The next page that a `Link` header names (RFC 8288), on the same host.
fn following(response: &Response, url: &Url) -> Result<Option<Url>, SourceError> {
    let Some(link) = header(response, LINK.as_str()).filter(|link| link.contains("rel=\"next\"")) else {
        return Ok(None);
    };
    let bad = || SourceError::Content {
        what: url.to_string(),
        reason: format!("the link `{link}` to the next page is none to follow"),
    };
    let (target, _) = link
        .trim_start()
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .ok_or_else(bad)?;
    let next = url.join(target).map_err(|_| bad())?;
    if next.host_str() != url.host_str() || next.scheme() != url.scheme() || next == *url {
        return Err(bad());
    }
    Ok(Some(next))
}

fn json<'b, T: Deserialize<'b>>(url: &Url, body: &'b [u8]) -> Result<T, SourceError> {
    serde_json::from_slice(body).map_err(|error| SourceError::Content {
        what: format!("the answer of {url}"),
        reason: error.to_string(),
    })
}

/// Compares bytes with the digest they were asked by.
fn check(url: &Url, digest: &str, body: &[u8]) -> Result<(), SourceError> {
    let found = match digest.split_once(':') {
        Some(("sha256", _)) => format!("sha256:{}", hex::encode(Sha256::digest(body))),
        Some(("sha512", _)) => format!("sha512:{}", hex::encode(Sha512::digest(body))),
        _ => "a digest of a kind that is not known (expected sha256 or sha512)".to_owned(),
    };
    if found == digest {
        return Ok(());
    }
    Err(SourceError::Content {
        what: url.to_string(),
        reason: format!("expected {digest}, found {found}"),
    })
}

/// The query is left out: that of an upload is the registry's own.
fn transport(url: &Url, error: &reqwest::Error) -> SourceError {
    let mut url = url.clone();
    url.set_query(None);
    http::transport(&url, error)
}

/// What a registry answered instead of success, in its own words where it has some.
async fn refused(mut response: Response, url: &Url) -> SourceError {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        errors: Vec<Item>,
        #[serde(default)]
        details: String,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let mut url = url.clone();
    url.set_query(None);
    let mut status = response.status().to_string();
    let body = read(&mut response, &url, TEXT_LIMIT).await.unwrap_or_default();
    if let Ok(answer) = serde_json::from_slice::<Answer>(&body) {
        let said = answer.errors.iter().map(|item| {
            let text = format!("{}: {}", item.code.to_lowercase(), item.message);
            text.trim_matches([':', ' ']).to_owned()
        });
        let said: Vec<String> = said
            .chain([answer.details])
            .filter(|text| !text.is_empty())
            .collect();
        if !said.is_empty() {
            status = format!("{status} ({})", said.join("; "));
        }
    }
    SourceError::Status {
        url: url.to_string(),
        status,
    }
}
