//! [`InvalidateService`]: passes requests on, and purges what writes change.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tower_service::Service;
use tracing::Instrument;

use super::future::InvalidateFuture;
use super::pending::PendingWrite;
use super::rules::Rules;
use crate::berth::Berth;
use crate::view::ResponseView;

/// The service that [`InvalidateLayer`](crate::InvalidateLayer) makes.
#[derive(Clone)]
pub struct InvalidateService<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> InvalidateService<S> {
    pub(super) fn new(inner: S, rules: Rules) -> Self {
        let rules = Arc::new(rules);
        Self { inner, rules }
    }
}

impl<S: fmt::Debug> fmt::Debug for InvalidateService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidateService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, C> Service<Request<B>> for InvalidateService<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    C: Send + 'static,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = InvalidateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(write) = self.rules.pending(&request) else {
            return InvalidateFuture::pass(self.inner.call(request));
        };
        let rules = Arc::clone(&self.rules);
        let berth = Berth::new(rules.cache.clone(), rules.finish_on_disconnect);
        berth.set_writing();
        let extensions = request.extensions().clone();
        let called = self.inner.call(request);
        let driven = drive(rules, write, extensions, called).in_current_span();
        InvalidateFuture::drive(driven, Arc::new(berth))
    }
}

async fn drive<C, E>(
    rules: Arc<Rules>,
    mut write: PendingWrite,
    extensions: Extensions,
    called: impl Future<Output = Result<Response<C>, E>>,
) -> Result<Response<C>, E> {
    let response = called.await.inspect_err(|_| write.failed())?;
    let (status, headers) = (response.status(), response.headers());
    write.answered(status, headers);
    if status.is_success() || status.is_redirection() {
        let view = ResponseView {
            status,
            headers,
            extensions: response.extensions(),
        };
        let purge = (rules.changed)(&write.view(&extensions), &view);
        if !purge.is_empty() {
            write.purged(rules.cache.purge(purge));
        }
    }
    write.recorded().await;
    Ok(response)
}
