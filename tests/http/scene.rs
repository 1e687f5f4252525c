//! A cache that goes by tokio's time, in front of a handler that takes its time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use futures_util::future::join_all;
use http::request::Parts;
use http::{Request, Response};
use larder::{Cache, CacheBuilder, CacheLayer, CacheService, Clock};
use larder_tests::{Reply, START, get, request};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::stale::Down;

pub(crate) type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, Down>;
pub(crate) type Outcome = Result<Response<Body>, Down>;

/// Needs a runtime whose time stands still: then what happens at once takes no time at all.
pub(crate) struct Scene {
    pub(crate) cache: Cache,
    pub(crate) service: CacheService<Inner>,
    asked: Arc<Mutex<Vec<Parts>>>,
}

impl Scene {
    /// The handler is told how often it was called before.
    pub(crate) fn new<F>(handler: impl Handler<F>) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self::with_layer(handler, |layer| layer)
    }

    pub(crate) fn with_layer<F>(
        handler: impl Handler<F>,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self::with(handler, |cache| cache, layer)
    }

    pub(crate) fn with<F>(
        handler: impl Handler<F>,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let asked = Arc::<Mutex<Vec<Parts>>>::default();
        let log = Arc::clone(&asked);
        let inner = service_fn(move |request: Request<Body>| {
            let mut log = log.lock().unwrap();
            log.push(request.into_parts().0);
            handler(log.len() - 1)
        });
        let cache = cache(Cache::builder().clock(clock())).build();
        let service = layer(CacheLayer::new(cache.clone())).layer(Inner::new(inner));
        Self {
            cache,
            service,
            asked,
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The request of one call, counted from 0.
    pub(crate) fn asked(&self, call: usize) -> Parts {
        self.asked.lock().unwrap()[call].clone()
    }

    /// Sends a request and reads the whole response.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Reply, Down> {
        let response = self.service.clone().oneshot(request).await?;
        Ok(Reply::read(response).await)
    }

    pub(crate) async fn get(&self) -> Reply {
        self.send(get("/a")).await.unwrap()
    }

    pub(crate) async fn get_with(&self, fields: &[(&str, &str)]) -> Reply {
        self.send(request("GET", "/a", fields)).await.unwrap()
    }

    /// A GET, and how long it took.
    pub(crate) async fn timed(&self) -> (Reply, Duration) {
        let begun = Instant::now();
        (self.get().await, begun.elapsed())
    }

    /// So many GETs at once, and how long each took.
    pub(crate) async fn many(&self, count: usize) -> Vec<(Reply, Duration)> {
        join_all((0..count).map(|_| self.timed())).await
    }

    /// So many GETs at once, none of which has to wait, all told the same.
    pub(crate) async fn many_at_once(&self, count: usize, told: &str) -> Reply {
        let mut answers = self.many(count).await;
        for (reply, took) in &answers {
            assert_eq!(reply.field("cache-status"), told);
            assert_eq!(*took, Duration::ZERO);
        }
        answers.pop().unwrap().0
    }
}

pub(crate) trait Handler<F>: Fn(usize) -> F + Clone + Send + Sync + 'static {}

impl<F, T: Fn(usize) -> F + Clone + Send + Sync + 'static> Handler<F> for T {}

/// A clock that starts at [`START`] and goes by tokio's time.
pub(crate) fn clock() -> Clock {
    let begun = Instant::now();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
    Clock::from_fn(move || start + begun.elapsed())
}

pub(crate) const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Lets whatever runs in the background come to where it has to wait. Takes a millisecond.
pub(crate) async fn settle() {
    sleep(millis(1)).await;
}
