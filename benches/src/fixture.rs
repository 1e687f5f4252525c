use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};
use http::{Method, Request};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt, service_fn};

/// What the handlers here answer with.
pub type Response = http::Response<Body>;

/// A request as an API client sends it: five fields, no body.
pub fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "shop.example")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("accept-language", "de,en-US;q=0.7,en;q=0.3")
        .body(Body::empty())
        .expect("a request of constant parts")
}

/// GET of one path, again and again.
pub fn requests(path: &str) -> impl FnMut() -> Request<Body> + use<> {
    let path = path.to_owned();
    move || request(Method::GET, &path)
}

/// So many constant bytes, which no handler has to copy.
pub fn bytes_of(length: usize) -> Bytes {
    static SOURCE: [u8; 1 << 20] = [b'x'; 1 << 20];
    Bytes::from_static(SOURCE.get(..length).expect("at most 1 MiB"))
}

/// Four fields and a body, none of them allocated: the cheapest answer a handler can give.
pub fn handler_response(body: Bytes) -> Response {
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("max-age=600")),
        (ETAG, HeaderValue::from_static("\"33a64df551425fcc\"")),
        (
            LAST_MODIFIED,
            HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"),
        ),
    ];
    (fields, body).into_response()
}

/// An axum handler that answers with [`handler_response`].
pub fn handler(body: Bytes) -> MethodRouter {
    get(move || {
        let response = handler_response(body.clone());
        async move { response }
    })
}

/// An application with one route, as `axum::serve` runs it.
pub fn routed(route: MethodRouter) -> Router {
    Router::new().route("/products/{id}", route).with_state(())
}

/// [`handler_response`] as a bare service.
pub fn direct(
    body: Bytes,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(move |_| std::future::ready(Ok(handler_response(body.clone()))))
}

/// A response of [`STREAMED`] bytes that comes in pieces, with the handler waiting between them.
pub fn streamed(cache_control: &'static str) -> Response {
    let chunks = stream::unfold(0, |sent| async move {
        if sent == STREAMED {
            return None;
        }
        tokio::task::yield_now().await;
        let length = CHUNK.min(STREAMED - sent);
        // Content that is made, or read from somewhere, is written once.
        let chunk = Bytes::copy_from_slice(&bytes_of(length));
        Some((Ok::<_, Infallible>(chunk), sent + length))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static(cache_control)),
    ];
    response.headers_mut().extend(fields);
    response
}

/// Calls a clone of a service as servers do and reads the response to its end, in one poll without
/// a runtime: for services that never wait. Gives the length of the body.
#[inline(never)]
pub fn poll_once<S, C>(service: &S, request: Request<Body>) -> usize
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    match pin!(read(service, request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(length) => length,
        Poll::Pending => panic!("the service waits"),
    }
}

/// Calls a clone of a service and reads the response to its end. Gives the length of the body.
pub async fn read<S, C>(service: &S, request: Request<Body>) -> usize
where
    S: Service<Request<Body>, Response = http::Response<C>> + Clone,
    S::Error: std::fmt::Debug,
    C: http_body::Body<Data = Bytes>,
    C::Error: std::fmt::Debug,
{
    let response = service.clone().oneshot(request).await.expect("an answer");
    let mut body = pin!(response.into_body());
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("a complete body");
        length += frame.data_ref().map_or(0, Bytes::len);
    }
    length
}

/// The length of [`streamed`] bodies.
pub const STREAMED: usize = 50 << 10;
const CHUNK: usize = 4 << 10;
