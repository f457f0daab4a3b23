//! The cluster handle and the one way a request goes out.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use kube::client::Body;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service};

use crate::answer::{Answer, warnings};
use crate::discovery::{DiskCache, Known};
use crate::error::{ApiError, Reason};
use crate::gate::{Gate, Limits, backoff};

/// A cluster to deploy to: a real one over HTTPS, or any service that answers API requests.
///
/// Clones share connections, limits and what discovery has learnt.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
    /// Whether every changing request is sent as a dry run.
    pub(crate) dry_run: bool,
    /// Once cancelled, nothing is repeated any more and every request has only [`GRACE`] left.
    stop: CancellationToken,
}

/// How long a request may still take when its command has been stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Tries of a request that got no answer in time: a server that hangs is not helped by more.
const UNANSWERED: u32 = 2;

pub(crate) struct Shared {
    client: kube::Client,
    gate: Gate,
    pub(crate) cache: Option<DiskCache>,
    pub(crate) discovery: RwLock<Known>,
    /// Whether this process has changed definitions of kinds.
    pub(crate) kinds_changed: AtomicBool,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("dry_run", &self.dry_run)
            .field("limits", self.shared.gate.limits())
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Talks through any service that answers API requests, e.g. the sandbox. Needs a tokio runtime around it.
    pub fn new<S, B>(service: S, limits: Limits) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::from_client(kube::Client::new(service, "default"), limits, None)
    }

    pub(crate) fn from_client(client: kube::Client, limits: Limits, cache: Option<DiskCache>) -> Self {
        Self {
            shared: Arc::new(Shared {
                client,
                gate: Gate::new(limits),
                cache,
                discovery: RwLock::new(Known::default()),
                kinds_changed: AtomicBool::new(false),
            }),
            dry_run: false,
            stop: CancellationToken::new(),
        }
    }

    /// The same cluster, with every changing request turned into a dry run.
    pub fn with_dry_run(&self, dry_run: bool) -> Self {
        Self {
            dry_run,
            ..self.clone()
        }
    }

    /// The same cluster for a command that may be stopped.
    ///
    /// Once `stop` is cancelled, requests that wait for their turn or their next try end with an error, those under way get
    /// a few seconds, and later ones (such as those that store what has been done) get as long and only one try.
    pub fn with_stop(&self, stop: &CancellationToken) -> Self {
        Self {
            stop: stop.clone(),
            ..self.clone()
        }
    }

    /// Whether every changing request is sent as a dry run.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// kube's client, for what this crate has no verb for (watches, port-forwards).
    pub fn client(&self) -> &kube::Client {
        &self.shared.client
    }

    /// Sends a request and reads its JSON answer, retrying while the failure is transient.
    pub(crate) async fn call(&self, call: &Call) -> Result<Answer<Bytes>, ApiError> {
        let limits = *self.shared.gate.limits();
        let late = self.stop.is_cancelled();
        let mut attempt = 0;
        loop {
            let error = match self.try_once(call, limits.timeout, late).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempt += 1;
            if attempt >= limits.attempts || self.stop.is_cancelled() || !call.may_repeat(&error, attempt) {
                return Err(error);
            }
            tracing::debug!(method = %call.method, path = call.path, attempt, %error, "retrying request");
            tokio::select! {
                () = tokio::time::sleep(backoff(attempt, error.retry_after)) => {}
                () = self.stop.cancelled() => return Err(error),
            }
        }
    }

    async fn try_once(&self, call: &Call, timeout: Duration, late: bool) -> Result<Answer<Bytes>, ApiError> {
        let _permit = tokio::select! {
            permit = self.shared.gate.pass() => permit,
            () = self.stop.cancelled(), if !late => {
                let text = format!("{} {} was not sent, since the command was stopped", call.method, call.path);
                return Err(ApiError::new(Reason::Stopped, text));
            }
        };
        let started = std::time::Instant::now();
        let given_up = async {
            if !late {
                self.stop.cancelled().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let unanswered = |reason: Reason, text: &str| {
            let text = format!("{} {} got no answer {text}", call.method, call.path);
            Err(ApiError::new(reason, text))
        };
        let result = tokio::select! {
            biased;
            result = self.exchange(call) => result,
            () = tokio::time::sleep(timeout) => unanswered(Reason::Unanswered, &format!("within {}s", timeout.as_secs())),
            () = given_up => unanswered(Reason::Stopped, "before the command was stopped; it may have had its effect"),
        };
        tracing::debug!(
            method = %call.method,
            path = call.path,
            millis = started.elapsed().as_millis() as u64,
            failed = result.is_err(),
            "request"
        );
        result
    }

    async fn exchange(&self, call: &Call) -> Result<Answer<Bytes>, ApiError> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path)
            .header(http::header::ACCEPT, call.accept);
        if let Some(content_type) = call.content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let request = request
            .body(Body::from(call.body.clone()))
            .map_err(|error| ApiError::new(Reason::Other, format!("failed to build request: {error}")))?;
        let response = self
            .shared
            .client
            .send(request)
            .await
            .map_err(|error| connection_error(&error))?;
        let (head, body) = response.into_parts();
        let body = body
            .collect_bytes()
            .await
            .map_err(|error| connection_error(&error))?;
        if head.status.is_success() {
            Ok(Answer {
                value: body,
                warnings: warnings(&head.headers),
                created: head.status == http::StatusCode::CREATED,
            })
        } else {
            Err(ApiError::from_response(
                head.status.as_u16(),
                &head.headers,
                &body,
            ))
        }
    }
}

/// Joins an error with its causes, since kube's own texts hide what the system said.
fn connection_error(error: &(dyn std::error::Error + 'static)) -> ApiError {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    let message = message
        .trim_start_matches("ServiceError: ")
        .trim_start_matches("HyperError: ");
    ApiError::new(Reason::Connection, message)
}

/// One request, kept so that it can be sent again.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            accept: "application/json",
            content_type: None,
            body: Bytes::new(),
        }
    }

    pub(crate) fn send(method: Method, path: String, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            method,
            path,
            accept: "application/json",
            content_type: Some(content_type),
            body: body.into(),
        }
    }

    /// Whether another try may help and cannot do harm.
    ///
    /// Every verb we send gives the same state when it is sent twice, except a `POST`: that one is repeated only
    /// where the server refused it before looking at it.
    fn may_repeat(&self, error: &ApiError, attempt: u32) -> bool {
        match (error.reason, error.code) {
            (_, 429 | 503) => true,
            // reading conflicts with nothing: whoever answers so is a proxy that is not well
            (_, 409) => self.method == Method::GET,
            (Reason::Unanswered, _) => self.method != Method::POST && attempt < UNANSWERED,
            (Reason::Connection, _) | (_, 502 | 504) => self.method != Method::POST,
            // internal errors are often a webhook that is not up yet, but may also be lasting
            (_, 500) => self.method != Method::POST && attempt <= 2,
            _ => false,
        }
    }
}
