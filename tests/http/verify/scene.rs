//! A cache that checks its hits, and the handler behind it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, request};
use larder::policy::key::Input;
use larder::{
    Cache, CacheBuilder, CacheLayer, Finding, FindingKind, ResponseBody, RoutePolicy, Verify,
};
use larder_tests::{Reply, TestClock, request, response, settle};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

pub const MINUTE: Duration = Duration::from_secs(60);

/// What the handler makes of a request and of the number of calls before it.
type Says = dyn Fn(&request::Parts, usize) -> String + Send + Sync;

type App = BoxCloneSyncService<Request<Body>, Response<ResponseBody<Body>>, Infallible>;

pub struct Checked {
    app: App,
    pub cache: Cache,
    pub clock: TestClock,
    found: Arc<Mutex<Vec<Finding>>>,
    asked: Arc<Mutex<Vec<request::Parts>>>,
}

/// Every hit, as often as need be.
pub fn every() -> Verify {
    Verify::sample(1.0).max_per_second(u32::MAX)
}

impl Checked {
    /// Behind a layer that obeys the handler, which lets everybody's response be shared for a minute.
    pub fn obeying(
        says: impl Fn(&request::Parts, usize) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::with(says, |cache| cache, |layer| layer.with_verify(every()))
    }

    /// On a route with this annotation.
    pub fn on(
        route: RoutePolicy,
        says: impl Fn(&request::Parts, usize) -> String + Send + Sync + 'static,
    ) -> Self {
        let route = route.name("page").verify(every());
        Self::with(says, |cache| cache, |layer| layer.with_route_policy(route))
    }

    pub fn with(
        says: impl Fn(&request::Parts, usize) -> String + Send + Sync + 'static,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Self {
        let (clock, found, asked) = (TestClock::default(), Arc::default(), Arc::default());
        let tell: Arc<Mutex<Vec<Finding>>> = Arc::clone(&found);
        let cache = cache(Cache::builder())
            .clock(clock.clock())
            .on_finding(move |finding| tell.lock().unwrap().push(finding.clone()))
            .build();
        let handler = handler(Arc::new(says), Arc::clone(&asked));
        let app = layer(CacheLayer::new(cache.clone())).layer(handler);
        Self {
            app: BoxCloneSyncService::new(app),
            cache,
            clock,
            found,
            asked,
        }
    }

    /// Sends a request, and lets what it starts come to its end.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let reply = self.ask(request).await;
        settle().await;
        reply
    }

    /// Sends a request.
    pub async fn ask(&self, request: Request<Body>) -> Reply {
        Reply::read(self.app.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn get(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(request("GET", path, fields)).await
    }

    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// A request as the handler saw it.
    pub fn asked(&self, call: usize) -> request::Parts {
        self.asked.lock().unwrap()[call].clone()
    }

    /// The wrong keys that were told: route, inputs, and whether they were withheld.
    pub fn found(&self) -> Vec<String> {
        let found = self.found.lock().unwrap();
        let told = found.iter().map(|finding| match finding.kind() {
            FindingKind::WrongKey { inputs, withheld } => {
                let inputs: Vec<_> = inputs.iter().map(Input::to_string).collect();
                let seen = if *withheld { "withheld" } else { "seen" };
                format!("{}: {} {seen}", finding.route(), inputs.join(", "))
            }
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    /// Checks that found the same, what was stale, a wrong key, nothing.
    pub fn verdicts(&self) -> [u64; 4] {
        let stats = self.cache.stats();
        [
            stats.verified(),
            stats.verified_stale(),
            stats.wrong_keys(),
            stats.verify_failures(),
        ]
    }
}

fn handler(
    says: Arc<Says>,
    asked: Arc<Mutex<Vec<request::Parts>>>,
) -> impl tower::Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |request: Request<Body>| {
        let (parts, _) = request.into_parts();
        let before = asked.lock().unwrap().len();
        asked.lock().unwrap().push(parts.clone());
        let said = says(&parts, before);
        async move {
            let fields = [("cache-control", "public, max-age=60")];
            Ok::<_, Infallible>(response(200, &fields, said))
        }
    })
}

/// The value of a field, if it is there.
pub fn field(parts: &request::Parts, name: &str) -> String {
    let value = parts.headers.get(name);
    value.map_or_else(|| "none".into(), |value| value.to_str().unwrap().to_owned())
}

/// Whether a cookie line has this pair.
pub fn has_cookie(parts: &request::Parts, pair: &str) -> bool {
    field(parts, "cookie").split("; ").any(|sent| sent == pair)
}
