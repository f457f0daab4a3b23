//! The sandbox as a service of HTTP requests, in the process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request as HttpRequest, Response};
use http_body::Body;
use http_body_util::BodyExt as _;

use crate::Sandbox;
use crate::answer::{self, SandboxBody};
use crate::request::{Query, Request};
use crate::server;
use crate::status::ApiError;

/// Answers API requests in the process.
///
/// Errors of a request's body are answered, never returned, so the service itself cannot fail. It needs a tokio
/// runtime around it for the timers of watches.
#[derive(Clone)]
pub struct SandboxService(Arc<Sandbox>);

impl SandboxService {
    pub(crate) fn new(sandbox: Arc<Sandbox>) -> Self {
        Self(sandbox)
    }
}

impl<B> tower::Service<HttpRequest<B>> for SandboxService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::fmt::Display,
{
    type Response = Response<SandboxBody>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        let sandbox = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => {
                    let error = ApiError::bad_request(error.to_string());
                    return Ok(answer::error(&error, &[]));
                }
            };
            let request = Request {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                query: Query::parse(parts.uri.query().unwrap_or_default()),
                headers: parts.headers,
                body,
            };
            Ok(server::answer(&sandbox, &request))
        })
    }
}
