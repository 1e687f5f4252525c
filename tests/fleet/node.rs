//! Nodes of a fleet: each with a cache of its own, in front of one and the same application.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use http::{Request, Response};
use larder::shared::{EntryStore, InvalidationLog};
use larder::{
    Cache, CacheBuilder, CacheLayer, CacheService, Clock, Policy, Purge, SharedSettings, TagFields,
};
use larder_tests::{Reply, START, get};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, std::convert::Infallible>;

/// What all nodes answer with: the version that each path has at the moment it is asked for.
#[derive(Clone, Default)]
pub(crate) struct App {
    versions: Arc<Mutex<HashMap<String, u64>>>,
    calls: Arc<AtomicUsize>,
    takes_millis: Arc<AtomicU64>,
    fields: Arc<Mutex<Vec<(String, String)>>>,
}

impl App {
    /// Fresh for an hour, and tagged with its path.
    pub(crate) fn new() -> Self {
        let app = Self::default();
        app.set_fields(&[("cache-control", "max-age=3600")]);
        app
    }

    pub(crate) fn set_fields(&self, fields: &[(&str, &str)]) {
        let fields = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        *self.fields.lock().unwrap() = fields.collect();
    }

    pub(crate) fn takes(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.takes_millis.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn version(&self, path: &str) -> u64 {
        *self
            .versions
            .lock()
            .unwrap()
            .entry(path.to_owned())
            .or_insert(1)
    }

    /// Changes what stands at a path.
    pub(crate) fn change(&self, path: &str) {
        *self
            .versions
            .lock()
            .unwrap()
            .entry(path.to_owned())
            .or_insert(1) += 1;
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        let version = self.version(&path);
        sleep(Duration::from_millis(
            self.takes_millis.load(Ordering::SeqCst),
        ))
        .await;
        let language = request.headers().get("accept-language");
        let language = language.map_or("", |value| value.to_str().unwrap());
        let mut response = Response::builder().header("cache-tag", &path[1..]);
        for (name, value) in self.fields.lock().unwrap().iter() {
            response = response.header(name, value);
        }
        response
            .body(Body::from(format!("{path} {version} {language}")))
            .unwrap()
    }
}

/// One process, as it were.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) cache: Cache,
    pub(crate) service: CacheService<Inner>,
}

impl Node {
    pub(crate) fn new<S: EntryStore + InvalidationLog>(app: &App, store: S) -> Self {
        Self::with(app, store, SharedSettings::new(), |cache| cache)
    }

    pub(crate) fn with<S: EntryStore + InvalidationLog>(
        app: &App,
        store: S,
        settings: SharedSettings,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
    ) -> Self {
        let builder = Cache::builder().clock(clock()).shared_with(store, settings);
        let cache = cache(builder).build();
        let app = app.clone();
        let inner = service_fn(move |request: Request<Body>| {
            let app = app.clone();
            async move { Ok(app.answer(request).await) }
        });
        let tags = TagFields::default();
        let layer =
            CacheLayer::new(cache.clone()).with_policy(Policy::shared().with_tag_fields(tags));
        let service = layer.layer(Inner::new(inner));
        Self { cache, service }
    }

    /// Until the node has read the log to its end.
    pub(crate) async fn ready(self) -> Self {
        let until = Instant::now() + Duration::from_secs(10);
        while !self.cache.is_joined() {
            assert!(Instant::now() < until, "the node cannot read the log");
            sleep(Duration::from_millis(1)).await;
        }
        self
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.service.clone().oneshot(request).await.unwrap();
        Reply::read(response).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(get(path)).await
    }

    /// What it answers, and how.
    pub(crate) async fn told(&self, path: &str) -> (String, String) {
        let reply = self.get(path).await;
        (
            reply.text().to_owned(),
            reply.field("cache-status").to_owned(),
        )
    }

    /// Changes a path, and purges its tag.
    pub(crate) fn change(&self, app: &App, path: &str) -> larder::Receipt {
        app.change(path);
        self.cache.purge(Purge::tag(&path[1..]))
    }
}

/// A clock that starts at [`START`] and goes by tokio's time.
pub(crate) fn clock() -> Clock {
    let begun = Instant::now();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(START);
    Clock::from_fn(move || start + begun.elapsed())
}

/// Lets what goes on in the background come to an end.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(20)).await;
}
