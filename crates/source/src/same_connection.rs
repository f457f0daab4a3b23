//! Keeps the requests of one client on one connection, for logins that belong to a connection.
//!
//! A client takes the connection that has just answered for the next request only if it is back in time: it opens another one
//! meanwhile, and goes on with whichever is ready first. So any further connection is held back for a while.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

/// For how long a connection that has answered may be on its way back.
const HELD_BACK: Duration = Duration::from_secs(1);

/// Lets one connection be opened at once, and any further one only after a while.
#[derive(Clone, Default)]
pub(crate) struct SameConnection {
    is_open: Arc<AtomicBool>,
}

impl<S> Layer<S> for SameConnection {
    type Service = Connecting<S>;

    fn layer(&self, inner: S) -> Connecting<S> {
        Connecting {
            inner,
            is_open: Arc::clone(&self.is_open),
        }
    }
}

/// What opens connections, with the layer's patience.
#[derive(Clone)]
pub(crate) struct Connecting<S> {
    inner: S,
    is_open: Arc<AtomicBool>,
}

impl<S, R> Service<R> for Connecting<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let is_further = self.is_open.swap(true, Ordering::SeqCst);
        let connection = self.inner.call(request);
        Box::pin(async move {
            if is_further {
                tokio::time::sleep(HELD_BACK).await;
            }
            connection.await
        })
    }
}
