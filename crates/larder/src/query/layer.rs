//! [`QueryContentLayer`]: reads the content of QUERY requests before the cache looks at them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Method, Request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::content::{self, Rebuild};
use super::replayed::{ReplayedBody, Then};

/// Reads the content of QUERY requests (RFC 10008) into memory, so that the
/// [`CacheLayer`](crate::CacheLayer) inside can make it part of the key: its length, its SHA-256 and
/// the fields that describe it. Goes around the cache, whose policy has to
/// [allow QUERY](crate::Policy::with_query_method).
///
/// Content that is longer than the limit, that breaks off or that has no single `Content-Type`
/// passes on as it comes, and its request bypasses the cache. Other methods pass untouched.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::combinators::UnsyncBoxBody;
/// use http_body_util::{BodyExt, Full};
/// use larder::{Cache, CacheLayer, Policy, QueryContentLayer};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// type Content = UnsyncBoxBody<Bytes, std::convert::Infallible>;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let search = service_fn(|request: Request<Content>| async {
///     let asked = request.into_body().collect().await?.to_bytes();
///     let response = Response::builder().header("cache-control", "max-age=60");
///     Ok::<_, std::convert::Infallible>(response.body(Full::new(asked)).unwrap())
/// });
/// let cache = Cache::builder().build();
/// let policy = Policy::shared().with_query_method(true);
/// let service = ServiceBuilder::new()
///     .layer(QueryContentLayer::new(64 << 10, |content| Content::new(content)))
///     .layer(CacheLayer::new(cache).with_policy(policy))
///     .service(search);
///
/// let ask = |text: &'static str| {
///     let request = Request::builder().method("QUERY").uri("/search").header("content-type", "text/plain");
///     service.clone().oneshot(request.body(Content::new(Full::from(text))).unwrap())
/// };
/// assert_eq!(ask("bread").await.unwrap().headers()["cache-status"], "larder; fwd=uri-miss; stored");
/// assert_eq!(ask("cheese").await.unwrap().headers()["cache-status"], "larder; fwd=uri-miss; stored");
/// assert_eq!(ask("bread").await.unwrap().headers()["cache-status"], "larder; hit; ttl=60");
/// # }
/// ```
pub struct QueryContentLayer<B: Body> {
    max_bytes: usize,
    rebuild: Rebuild<B>,
}

impl<B: Body> QueryContentLayer<B> {
    /// Reads up to `max_bytes` of content. `rebuild` makes the application's kind of body from what
    /// was read, for axum `Body::new`.
    pub fn new(max_bytes: usize, rebuild: fn(ReplayedBody<B>) -> B) -> Self {
        Self { max_bytes, rebuild }
    }
}

impl<B: Body> Clone for QueryContentLayer<B> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<B: Body> fmt::Debug for QueryContentLayer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryContentLayer")
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl<S, B: Body> Layer<S> for QueryContentLayer<B> {
    type Service = QueryContentService<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        QueryContentService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`QueryContentLayer`] makes.
pub struct QueryContentService<S, B: Body> {
    inner: S,
    layer: QueryContentLayer<B>,
}

impl<S: Clone, B: Body> Clone for QueryContentService<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S, B: Body> fmt::Debug for QueryContentService<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryContentService")
            .finish_non_exhaustive()
    }
}

impl<S, B> Service<Request<B>> for QueryContentService<S, B>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = QueryFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if *request.method() != Method::QUERY {
            let state = State::Pass {
                called: self.inner.call(request),
            };
            return QueryFuture { state };
        }
        // The one that is ready is the one to call.
        let next = self.inner.clone();
        let mut inner = replace(&mut self.inner, next);
        let layer = self.layer.clone();
        let read = Box::pin(async move { inner.call(layer.read(request).await).await });
        QueryFuture {
            state: State::Read { read },
        }
    }
}

impl<B: Body<Data = Bytes> + 'static> QueryContentLayer<B> {
    async fn read(&self, request: Request<B>) -> Request<B> {
        let (mut parts, body) = request.into_parts();
        let (content, then) = self.content(body).await;
        if matches!(then, Then::End) {
            let (headers, extensions) = (&parts.headers, &mut parts.extensions);
            content::note(headers, extensions, &content, self.rebuild);
        }
        let body = (self.rebuild)(ReplayedBody::new(content, then));
        Request::from_parts(parts, body)
    }

    /// Content up to the limit, and what is left of it.
    async fn content(&self, body: B) -> (Bytes, Then<B>) {
        let mut body = Box::pin(body);
        let mut content = BytesMut::new();
        let then = loop {
            match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                None => break Then::End,
                Some(Err(error)) => break Then::Failure(error),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => content.extend_from_slice(&data),
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            break Then::Trailers(trailers);
                        }
                    }
                },
            }
            if content.len() > self.max_bytes {
                break Then::Rest(body);
            }
        };
        (content.freeze(), then)
    }
}

pin_project! {
    /// Response future of [`QueryContentService`].
    pub struct QueryFuture<F: Future> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F: Future> {
        Pass { #[pin] called: F },
        Read { read: Pin<Box<dyn Future<Output = F::Output> + Send>> },
    }
}

impl<F: Future> Future for QueryFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().state.project() {
            StateProj::Pass { called } => called.poll(cx),
            StateProj::Read { read } => read.as_mut().poll(cx),
        }
    }
}

impl<F: Future> fmt::Debug for QueryFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryFuture").finish_non_exhaustive()
    }
}
