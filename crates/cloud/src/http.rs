//! Requests with time limits, and another try where a server is busy.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Url};
use serde_json::Value;

use crate::error::CloudError;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(15);
/// How long a metadata server may take, which is near or not there at all.
const METADATA: Duration = Duration::from_secs(2);
/// Largest answer (bytes).
const LARGEST: u64 = 16 << 20;

/// How often and how long a busy server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often a request is sent at most.
    pub tries: u32,
    /// The first pause, doubled with each further try, where the server does not say how long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            first: Duration::from_millis(250),
            longest: Duration::from_secs(10),
        }
    }
}

/// Sends requests.
#[derive(Clone, Debug)]
pub struct Web {
    client: Client,
    metadata: Client,
    patience: Patience,
}

/// A request that can be sent more than once.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(url: Url, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            headers: vec![("content-type", kind.to_owned())],
            body: body.into(),
            ..Self::get(url)
        }
    }

    pub(crate) fn json(url: Url, body: &Value) -> Self {
        Self::post(url, "application/json", body.to_string())
    }

    pub(crate) fn form(url: Url, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        Self::post(
            url,
            "application/x-www-form-urlencoded; charset=utf-8",
            form.finish(),
        )
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Response {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body; null when it is no JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status, and what the body says at the first of these places.
    pub(crate) fn failure(&self, places: &[&str]) -> String {
        let body = self.json();
        let said = places
            .iter()
            .filter_map(|place| body.pointer(place)?.as_str())
            .find(|text| !text.is_empty());
        match said {
            Some(text) => format!("the server answered {}: {text}", self.status),
            None => format!("the server answered {}", self.status),
        }
    }

    fn is_busy(&self) -> bool {
        let throttled = || {
            let text = self.text();
            let kinds = ["Throttl", "TooManyRequests", "RequestLimitExceeded"];
            kinds.iter().any(|kind| text.contains(kind))
        };
        matches!(self.status, 429 | 500 | 502 | 503 | 504) || (self.status == 400 && throttled())
    }
}

impl Web {
    /// Sets up clients; nothing is contacted.
    ///
    /// # Errors
    /// When the machine's certificates cannot be loaded.
    pub fn new(patience: Patience) -> Result<Self, CloudError> {
        Ok(Self {
            client: build(builder())?,
            metadata: build(builder().no_proxy().connect_timeout(METADATA).timeout(METADATA))?,
            patience,
        })
    }

    /// The same with other certificates.
    pub(crate) fn with(
        &self,
        change: impl FnOnce(ClientBuilder) -> Result<ClientBuilder, CloudError>,
    ) -> Result<Self, CloudError> {
        Ok(Self {
            client: build(change(builder())?)?,
            ..self.clone()
        })
    }

    /// Sends a request, again while the server is busy.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, CloudError> {
        self.send_signed(request, |_| Ok(Vec::new())).await
    }

    /// The same with headers that are made anew for each try, such as a signature over the time.
    pub(crate) async fn send_signed(
        &self,
        request: &Request,
        sign: impl Fn(&Request) -> Result<Vec<(&'static str, String)>, CloudError>,
    ) -> Result<Response, CloudError> {
        let mut pause = self.patience.first;
        let mut tries = 1;
        loop {
            let more = sign(request)?;
            let response = once(&self.client, request, &more).await;
            let busy = match &response {
                Ok(response) => response.is_busy(),
                Err(_) => false,
            };
            if !busy || tries >= self.patience.tries {
                return response;
            }
            let told = response
                .as_ref()
                .ok()
                .and_then(|response| response.header("retry-after")?.parse().ok());
            let wait = told.map_or(pause, Duration::from_secs);
            tokio::time::sleep(wait.min(self.patience.longest)).await;
            pause *= 2;
            tries += 1;
        }
    }

    /// Asks a metadata server: once, without a proxy, for a short time.
    pub(crate) async fn metadata(&self, request: &Request) -> Result<Response, CloudError> {
        once(&self.metadata, request, &[]).await
    }
}

fn builder() -> ClientBuilder {
    // The first caller in the process decides; all of ours decide the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("kluctl/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(REQUEST)
}

fn build(builder: ClientBuilder) -> Result<Client, CloudError> {
    builder
        .build()
        .map_err(|error| CloudError::new(format!("setting up a web client failed: {}", reason(&error))))
}

async fn once(
    client: &Client,
    request: &Request,
    more: &[(&'static str, String)],
) -> Result<Response, CloudError> {
    let failed = |error: reqwest::Error| {
        CloudError::new(format!(
            "failed to reach {}: {}",
            shown(&request.url),
            reason(&error)
        ))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers.iter().chain(more) {
        let value = HeaderValue::from_str(value).map_err(|_| {
            CloudError::new(format!("the header `{name}` has characters that are not allowed"))
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    let mut response = client
        .request(request.method.clone(), request.url.clone())
        .headers(headers)
        .body(request.body.clone())
        .send()
        .await
        .map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if (body.len() + chunk.len()) as u64 > LARGEST {
            return Err(CloudError::new(format!(
                "the answer of {} is larger than {LARGEST} bytes",
                shown(&request.url)
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body,
    })
}

/// An address without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// The innermost causes of an error, which name what is wrong.
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
        texts.push(error.to_string());
    }
    texts.join(": ")
}

/// Reads an address.
pub(crate) fn parse(address: &str) -> Result<Url, CloudError> {
    let url = Url::parse(address)
        .map_err(|error| CloudError::new(format!("invalid address `{address}`: {error}")))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(CloudError::new(format!(
            "invalid address `{address}`: expected http:// or https://"
        )))
    }
}

/// An address with a path below it.
pub(crate) fn below(base: &str, path: &str) -> Result<Url, CloudError> {
    parse(&format!(
        "{}/{}",
        base.trim_end_matches('/'),
        path.trim_start_matches('/')
    ))
}
