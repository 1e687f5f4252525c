//! What one writes instead of taking a crate: moka, and in it the status, the fields and the bytes of
//! responses to GET with 200. Both know nothing of what the fields say.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use http::{HeaderMap, Method, StatusCode, Uri};
use tower::{Layer, Service, ServiceExt};

use crate::contender::LIFETIME;

struct Stored {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
}

impl Stored {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            fields: head.headers,
            body: to_bytes(body, usize::MAX).await.expect("a body"),
        }
    }

    fn to_response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields.clone();
        response
    }
}

fn key(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// For `axum::middleware::from_fn_with_state`: as short as it gets, and requests for what is being
/// fetched wait for it.
#[derive(Clone)]
pub(crate) struct Responses(moka::future::Cache<String, Arc<Stored>>);

impl Responses {
    pub(crate) fn new() -> Self {
        let responses = moka::future::Cache::builder().max_capacity(10_000);
        Self(responses.time_to_live(LIFETIME).build())
    }
}

pub(crate) async fn remember(
    State(Responses(responses)): State<Responses>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    if let Some(stored) = responses.get(key(request.uri())).await {
        return stored.to_response();
    }
    let key = key(request.uri()).to_owned();
    let fetched = responses.try_get_with(key, async {
        let stored = Arc::new(Stored::of(next.run(request).await).await);
        // The error is not kept, but those who wait get it too.
        let keep = stored.status == StatusCode::OK;
        if keep { Ok(stored) } else { Err(stored) }
    });
    match fetched.await {
        Ok(stored) => stored.to_response(),
        Err(stored) => stored.to_response(),
    }
}

/// A tower layer, for speed: a hit is answered without a boxed future and without a key of its own.
/// Requests for what is being fetched are forwarded too.
#[derive(Clone)]
pub(crate) struct RememberLayer(moka::sync::Cache<String, Arc<Stored>>);

impl RememberLayer {
    pub(crate) fn new() -> Self {
        let responses = moka::sync::Cache::builder().max_capacity(10_000);
        Self(responses.time_to_live(LIFETIME).build())
    }
}

impl<S> Layer<S> for RememberLayer {
    type Service = Remember<S>;

    fn layer(&self, inner: S) -> Remember<S> {
        Remember {
            inner,
            responses: self.0.clone(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Remember<S> {
    inner: S,
    responses: moka::sync::Cache<String, Arc<Stored>>,
}

impl<S> Service<Request> for Remember<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        BoxFuture<'static, Result<Response, Infallible>>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let get = request.method() == Method::GET;
        if get && let Some(stored) = self.responses.get(key(request.uri())) {
            return Either::Left(ready(Ok(stored.to_response())));
        }
        let (inner, responses) = (self.inner.clone(), self.responses.clone());
        Either::Right(Box::pin(async move {
            let key = get.then(|| key(request.uri()).to_owned());
            let response = inner.oneshot(request).await?;
            let Some(key) = key.filter(|_| response.status() == StatusCode::OK) else {
                return Ok(response);
            };
            let stored = Arc::new(Stored::of(response).await);
            responses.insert(key, Arc::clone(&stored));
            Ok(stored.to_response())
        }))
    }
}
