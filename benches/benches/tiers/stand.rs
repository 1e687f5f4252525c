//! A server, and caches that share it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request};
use larder::shared::{EntryStore, InvalidationLog};
use larder::{Cache, CacheLayer, CacheService, RoutePolicy, SharedSettings};
use larder_benches::{Response, bytes_of, handler_response, read, request};
use larder_redis::RedisTier;
use larder_servers::{Redis, until};
use larder_testing::FakeStore;
use tokio::runtime::Runtime;
use tower::util::BoxCloneSyncService;
use tower::{Layer, service_fn};

pub type Service = CacheService<BoxCloneSyncService<Request<Body>, Response, Infallible>>;

/// A server, unless there is none and that may be.
pub fn redis(runtime: &Runtime) -> Option<Redis> {
    runtime.block_on(Redis::start_or_skip())
}

pub async fn tier(redis: &Redis) -> RedisTier {
    let tier = RedisTier::connect(redis.url()).await;
    tier.expect("a server that answers")
}

/// A cache that has heard of the log. With room for so many bytes.
pub async fn cache<S: EntryStore + InvalidationLog>(store: S, max_bytes: u64) -> Cache {
    // The machine may be busy, and nothing is to be given up.
    let settings = SharedSettings::new()
        .read_within(LIMIT)
        .lease_within(LIMIT)
        .write_within(LIMIT);
    let builder = Cache::builder().max_bytes(max_bytes);
    let cache = builder.shared_with(store, settings).build();
    joined(&cache).await;
    cache
}

pub async fn joined(cache: &Cache) {
    until("the log is read", LIMIT, || async {
        cache.is_joined().then_some(())
    })
    .await;
}

/// Fresh for an hour, with so many tags that no other response has.
pub fn tagged(tags: usize) -> RoutePolicy {
    let policy = RoutePolicy::shared(Duration::from_secs(3600));
    if tags == 0 {
        return policy;
    }
    policy.tag_with(move |request| {
        let path = request.uri().path().to_owned();
        (0..tags).map(move |tag| format!("{tag}:{path}"))
    })
}

/// An application that counts its calls, each of which takes some time.
#[derive(Clone, Default)]
pub struct App {
    pub calls: Arc<AtomicU64>,
    pub takes: Duration,
    pub length: usize,
}

impl App {
    pub fn of(length: usize) -> Self {
        Self {
            length,
            ..Self::default()
        }
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The application behind a cache.
    pub fn behind(&self, cache: &Cache, policy: RoutePolicy) -> Service {
        let app = self.clone();
        let inner = service_fn(move |_: Request<Body>| {
            let app = app.clone();
            async move {
                app.calls.fetch_add(1, Ordering::Relaxed);
                if !app.takes.is_zero() {
                    tokio::time::sleep(app.takes).await;
                }
                Ok(handler_response(bytes_of(app.length)))
            }
        });
        let layer = CacheLayer::new(cache.clone()).with_cardinality_budget(u64::MAX);
        let layer = layer.with_route_policy(policy);
        layer.layer(BoxCloneSyncService::new(inner))
    }
}

/// Another node has stored so many responses of a length, all under a path.
pub async fn fill<S>(store: S, under: &str, keys: usize, length: usize, tags: usize)
where
    S: EntryStore + InvalidationLog,
{
    let writer = cache(store, 1 << 30).await;
    let service = App::of(length).behind(&writer, tagged(tags));
    for number in 0..keys {
        let asked = get(under, number);
        assert_eq!(read(&service, asked).await, length);
        // Never more than may wait.
        let written = || writer.shared_stats().map_or(0, |stats| stats.written());
        if number % 64 == 63 || number + 1 == keys {
            until("all is written", LIMIT, || async {
                (written() == number as u64 + 1).then_some(())
            })
            .await;
        }
    }
}

/// What stands in a store for a response of a length.
pub async fn frame(length: usize) -> Bytes {
    let store = FakeStore::new();
    fill(store.clone(), "any", 1, length, 0).await;
    let key = store.keys().pop().expect("a key");
    store.value(&key).expect("a value")
}

pub fn get(under: &str, number: usize) -> Request<Body> {
    request(Method::GET, &format!("/{under}/{number:08}"))
}

pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = values.len().saturating_sub(1) as f64 * part;
    values.get(at.round() as usize).copied().unwrap_or_default()
}

const LIMIT: Duration = Duration::from_secs(30);
