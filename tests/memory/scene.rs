//! A cache with some hundred live responses, to which much is done, one scene after the other.

use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use larder::{Cache, CacheLayer, CacheService, KeyPart, PartWriter, RoutePolicy};
use larder_tests::{Reply, get, response};
use tower::{Layer, Service, ServiceExt};

use crate::in_use;

/// So many purges are remembered.
pub(crate) const RECORDS: u64 = 10_000;
const LIVE: u64 = 300;

pub(crate) struct Scene {
    pub(crate) cache: Cache,
    service: CacheService<Inner>,
    before: i64,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    /// With three hundred responses that have the tag `all` and ten of their own.
    pub(crate) fn new(max_bytes: u64) -> Self {
        let alone = alone();
        let cache = Cache::builder()
            .max_bytes(max_bytes)
            .max_purge_records(RECORDS)
            .build();
        let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
        let policy = RoutePolicy::shared(std::time::Duration::from_secs(86_400));
        let policy = policy.tag("all").tag_with(|request| {
            let path = request.uri().path().to_owned();
            (0..10).map(move |tag| format!("{path}:{tag}"))
        });
        let service = layer.with_route_policy(policy).layer(Inner);
        let mut scene = Self {
            cache,
            service,
            before: 0,
            _alone: alone,
        };
        for path in live() {
            scene.ask(&path);
        }
        assert_eq!(scene.hits(), LIVE);
        scene.before = in_use();
        scene
    }

    pub(crate) fn ask(&self, path: &str) -> Reply {
        let answer = async {
            let response = self.service.clone().oneshot(get(path)).await.unwrap();
            Reply::read(response).await
        };
        answer.now_or_never().expect("nothing waits")
    }

    /// How many of the live responses are hits.
    pub(crate) fn hits(&self) -> u64 {
        live().map(|path| u64::from(self.ask(&path).is_hit())).sum()
    }

    /// How many bytes more there are in use than at the beginning.
    pub(crate) fn more(&self) -> i64 {
        in_use() - self.before
    }
}

/// The allocator counts for the whole process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live() -> impl Iterator<Item = String> {
    (0..LIVE).map(|number| format!("/live/{number}"))
}

#[derive(Clone)]
pub(crate) struct Inner;

impl Service<Request<Body>> for Inner {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Ok(response(200, &[], "content")))
    }
}

pub(crate) struct UserId(pub(crate) u64);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}
