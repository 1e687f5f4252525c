//! Routes to attack: with nothing but the defaults, and annotated.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::{CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_tests::{Origin, Reply, Seen, Setup, get};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const FRESH: (&str, &str) = ("cache-control", "public, max-age=60");

/// The handler is behind the defaults.
pub(crate) fn plain(origin: Origin) -> Setup {
    Setup::shared(origin)
}

/// One copy for all, and nothing declared: the handler sees path and query.
pub(crate) fn annotated(origin: Origin) -> Setup {
    routed(origin, RoutePolicy::shared(MINUTE))
}

/// One copy for all who send the same declared inputs.
pub(crate) fn keyed(origin: Origin, key: Key) -> Setup {
    routed(origin, RoutePolicy::shared(MINUTE).key(key))
}

pub(crate) fn routed(origin: Origin, route: RoutePolicy) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

/// A response that any cache may store, made of the request.
pub(crate) fn telling(tell: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Origin {
    Origin::new(move |seen, _| cacheable(tell(seen)))
}

pub(crate) fn cacheable(body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().header(FRESH.0, FRESH.1);
    response.body(body.into()).unwrap()
}

/// The value of a request field, or `none`.
pub(crate) fn value<'a>(seen: &'a Seen, name: &str) -> &'a str {
    let value = seen.headers.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or("none")
}

pub(crate) fn outcome(reply: &Reply) -> &str {
    reply.field("cache-status")
}

/// Who asks, as the application's own authentication has it.
#[derive(Clone)]
pub(crate) struct UserId(pub(crate) &'static str);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

pub(crate) fn by(user: &'static str) -> Request<Body> {
    let mut request = get("/a");
    request.extensions_mut().insert(UserId(user));
    request
}
