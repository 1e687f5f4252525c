//! Stored responses with tags.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request};
use larder::{Cache, CacheLayer, ResponseBody, RoutePolicy};
use larder_benches::{Response, bytes_of, poll_once, request};
use tower::{Layer, Service, service_fn};

/// As the routes here have it, with so many tags that no other response has.
pub fn tagged(tags: usize) -> RoutePolicy {
    let policy = RoutePolicy::shared(Duration::from_secs(600));
    if tags == 0 {
        return policy;
    }
    policy.tag_with(move |request| {
        let path = request.uri().path().to_owned();
        (0..tags).map(move |tag| format!("{tag}:{path}"))
    })
}

/// A service that stores responses of 200 bytes.
pub fn service(
    cache: &Cache,
    policy: RoutePolicy,
) -> impl Service<
    Request<Body>,
    Response = http::Response<ResponseBody<Body>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let handler = service_fn(|_: Request<Body>| async {
        let mut response = Response::new(Body::from(bytes_of(200)));
        let field = HeaderValue::from_static("max-age=86400");
        response.headers_mut().insert(CACHE_CONTROL, field);
        Ok::<_, Infallible>(response)
    });
    let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
    layer.with_route_policy(policy).layer(handler)
}

/// Has so many responses stored.
pub fn fill<S, C>(service: &S, stored: u64)
where
    S: Service<Request<Body>, Response = http::Response<C>, Error = Infallible> + Clone,
    C: http_body::Body<Data = bytes::Bytes>,
    C::Error: std::fmt::Debug,
{
    for number in 0..stored {
        let length = poll_once(service, request(Method::GET, &path_of(number)));
        assert_eq!(length, 200);
    }
}

pub fn path_of(number: u64) -> String {
    format!("/products/{number:08}")
}

/// Room for all of them.
pub fn large() -> Cache {
    Cache::builder().max_bytes(16 << 30).build()
}

pub fn quantile(times: &mut [u64], part: f64) -> u64 {
    times.sort_unstable();
    let at = (times.len().saturating_sub(1)) as f64 * part;
    times.get(at.round() as usize).copied().unwrap_or_default()
}
