//! Support for the tests: an origin that counts its calls, a clock that is moved by hand, and short
//! ways to make requests and read responses.

mod clock;
mod feed;
mod frame;
mod settle;
mod slow;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
pub use clock::{START, TestClock};
pub use feed::{Broken, FedBody, Feed, feed, is_broken};
pub use frame::reborn;
use http::{Extensions, HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use larder::{Cache, CacheBuilder, CacheLayer, CacheService, Policy};
pub use settle::{settle, settled};
pub use slow::{
    Answered, Call, Client, Counts, Crowd, Down, Gate, Slow, fed_first, poll_once, replies,
};
use tower::{Layer, Service, ServiceExt};

/// A request as the inner service saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: http::Method,
    pub uri: http::Uri,
    pub headers: HeaderMap,
    pub extensions: Extensions,
}

type Answer = dyn Fn(&Seen, usize) -> Response<Body> + Send + Sync;

/// Status, fields and body of a response.
pub type Scripted<'a> = (u16, &'a [(&'a str, &'a str)], &'a str);

/// An inner service made of a function, which remembers what it was asked.
#[derive(Clone)]
pub struct Origin {
    answer: Arc<Answer>,
    calls: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Origin {
    /// An origin that answers with what the function makes of a request and of the number of calls
    /// before it.
    pub fn new(answer: impl Fn(&Seen, usize) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            calls: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// An origin that always gives this status, these fields, and a body that names the call:
    /// `call 1`, `call 2`, …
    pub fn with(status: u16, fields: &[(&str, &str)]) -> Self {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        Self::new(move |_, calls| {
            let mut builder = Response::builder().status(status);
            for (name, value) in &fields {
                builder = builder.header(name, value);
            }
            builder
                .body(Body::from(format!("call {}", calls + 1)))
                .unwrap()
        })
    }

    /// A 200 with these fields.
    pub fn ok(fields: &[(&str, &str)]) -> Self {
        Self::with(200, fields)
    }

    /// An origin that gives these responses, one after the other, and then no more.
    pub fn script(replies: &[Scripted<'_>]) -> Self {
        let replies: Vec<_> = replies
            .iter()
            .map(|(status, fields, body)| {
                let (parts, ()) = response(*status, fields, Body::empty())
                    .map(|_| ())
                    .into_parts();
                (parts, (*body).to_owned())
            })
            .collect();
        Self::new(move |_, calls| {
            let (parts, body) = replies
                .get(calls)
                .unwrap_or_else(|| panic!("call {} is not in the script", calls + 1))
                .clone();
            Response::from_parts(parts, Body::from(body))
        })
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The requests seen so far, first to last.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn last_seen(&self) -> Seen {
        self.seen().pop().expect("the origin was called")
    }
}

impl Service<Request<Body>> for Origin {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, _) = request.into_parts();
        let seen = Seen {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            extensions: parts.extensions,
        };
        let before = self.calls.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().push(seen.clone());
        std::future::ready(Ok((self.answer)(&seen, before)))
    }
}

/// A cache in front of an origin, and the clock both go by.
pub struct Setup {
    pub cache: Cache,
    pub clock: TestClock,
    pub origin: Origin,
    pub service: CacheService<Origin>,
}

impl Setup {
    /// With the defaults of [`Policy::shared`].
    pub fn shared(origin: Origin) -> Self {
        Self::with_policy(origin, Policy::shared())
    }

    pub fn conformance(origin: Origin) -> Self {
        Self::with_policy(origin, Policy::conformance())
    }

    pub fn with_policy(origin: Origin, policy: Policy) -> Self {
        Self::with_layer(origin, |cache| CacheLayer::new(cache).with_policy(policy))
    }

    pub fn with_layer(origin: Origin, layer: impl FnOnce(Cache) -> CacheLayer) -> Self {
        Self::new(TestClock::default(), origin, |builder| builder, layer)
    }

    /// With these settings of the cache and the defaults of [`Policy::shared`].
    pub fn with_cache(origin: Origin, set: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Self {
        Self::new(TestClock::default(), origin, set, CacheLayer::new)
    }

    /// With these settings of the cache and of the layer.
    pub fn with(
        origin: Origin,
        set: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(Cache) -> CacheLayer,
    ) -> Self {
        Self::new(TestClock::default(), origin, set, layer)
    }

    /// With a clock that the origin has too.
    pub fn with_clock(clock: &TestClock, origin: Origin, policy: Policy) -> Self {
        Self::new(
            clock.clone(),
            origin,
            |builder| builder,
            |cache| CacheLayer::new(cache).with_policy(policy),
        )
    }

    fn new(
        clock: TestClock,
        origin: Origin,
        set: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(Cache) -> CacheLayer,
    ) -> Self {
        let cache = set(Cache::builder()).clock(clock.clock()).build();
        let service = layer(cache.clone()).layer(origin.clone());
        Self {
            cache,
            clock,
            origin,
            service,
        }
    }

    /// With the first of these responses stored for `/a`, and expired.
    pub async fn expired(script: &[Scripted<'_>]) -> Self {
        let setup = Self::shared(Origin::script(script));
        assert!(setup.get("/a").await.is_stored());
        setup.clock.advance(61);
        setup
    }

    /// With one response of these fields stored for `/a`, fresh for a minute.
    pub async fn holding(status: u16, fields: &[(&str, &str)], body: &'static str) -> Self {
        let owned: Vec<(String, String)> = fields
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        let setup = Self::shared(Origin::new(move |_, _| {
            let fields: Vec<_> = owned.iter().map(|(n, v)| (&**n, &**v)).collect();
            let mut stored = response(status, &fields, body);
            let minute = "max-age=60".parse().unwrap();
            stored.headers_mut().insert("cache-control", minute);
            stored
        }));
        assert!(setup.get("/a").await.is_stored());
        setup
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.service.clone().oneshot(request).await.unwrap();
        Reply::read(response).await
    }

    /// What is stored for GET of a path, if it may be used as it is. The origin is not asked.
    pub async fn stored(&self, path: &str) -> Option<Reply> {
        let reply = self
            .get_with(path, &[("cache-control", "only-if-cached")])
            .await;
        reply.has("cache-status").then_some(reply)
    }

    /// GET of a path, without further fields.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(get(path)).await
    }

    /// GET of a path with these fields.
    pub async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(request("GET", path, fields)).await
    }
}

/// A cache in front of any service, and the clock it goes by.
pub fn stack<S>(inner: S, policy: Policy) -> (Cache, TestClock, CacheService<S>) {
    let clock = TestClock::default();
    let cache = Cache::builder().clock(clock.clock()).build();
    let service = CacheLayer::new(cache.clone())
        .with_policy(policy)
        .layer(inner);
    (cache, clock, service)
}

/// A response of the inner service.
pub fn response(status: u16, fields: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut builder = Response::builder().status(status);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// A response read to its end.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl Reply {
    pub async fn read<C>(response: Response<C>) -> Self
    where
        C: http_body::Body,
        C::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let collected = body.collect().await.expect("a complete body");
        let trailers = collected.trailers().cloned();
        let body = collected.to_bytes().to_vec();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
            trailers,
        }
    }

    /// The value of a field; panics when it is absent, repeated or not text.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        let mut lines = self.headers.get_all(name).iter();
        let first = lines
            .next()
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(
            lines.next().is_none(),
            "{name} is repeated in {:?}",
            self.headers
        );
        first.to_str().unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Answered from the store without a forward.
    pub fn is_hit(&self) -> bool {
        self.outcome().starts_with("larder; hit")
    }

    /// Said to be stored.
    pub fn is_stored(&self) -> bool {
        self.outcome().contains("; stored")
    }

    /// What this cache says it did: the last line of `Cache-Status`.
    #[track_caller]
    fn outcome(&self) -> &str {
        let last = self.headers.get_all("cache-status").iter().next_back();
        last.expect("a Cache-Status field").to_str().unwrap()
    }
}

pub fn get(path: &str) -> Request<Body> {
    request("GET", path, &[])
}

/// A request without a body.
pub fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::empty()).unwrap()
}
