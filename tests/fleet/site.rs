//! What nodes stand in front of, where it takes more than [`App`](crate::node::App): any answers, any
//! settings of the layer, clocks of their own.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, Uri};
use larder::shared::{EntryStore, InvalidationLog};
use larder::{Cache, CacheBuilder, CacheLayer, Clock, Policy, SharedSettings, TagFields};
use larder_tests::{Reply, START, request};
use tokio::time::{Instant, sleep};
use tower::util::BoxCloneSyncService;
use tower::{Layer, service_fn};

use crate::node::{Node, clock};

/// A request as it came to the site.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// How many came before.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

type Answer = dyn Fn(&Asked) -> Response<Body> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Site {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<Asked>>>,
    takes_millis: Arc<AtomicU64>,
}

impl Site {
    pub(crate) fn new(answer: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            asked: Arc::default(),
            takes_millis: Arc::default(),
        }
    }

    /// Answers everything with these fields, and a body that counts the calls.
    pub(crate) fn with(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        let fields = fields.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let fields: Vec<_> = fields.collect();
        Self::new(move |asked| {
            let mut response = Response::builder();
            for (name, value) in &fields {
                response = response.header(name, value);
            }
            let body = format!("{} {}", asked.uri.path(), asked.before + 1);
            response.body(Body::from(body)).unwrap()
        })
    }

    pub(crate) fn takes(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.takes_millis.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    async fn call(self, request: Request<Body>) -> Response<Body> {
        let (parts, _) = request.into_parts();
        let asked = {
            let mut all = self.asked.lock().unwrap();
            let asked = Asked {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                before: all.len(),
            };
            all.push(asked.clone());
            asked
        };
        let response = (self.answer)(&asked);
        let millis = self.takes_millis.load(Ordering::SeqCst);
        sleep(Duration::from_millis(millis)).await;
        response
    }

    /// A node with the defaults, and tags from `Cache-Tag`.
    pub(crate) fn node<S: EntryStore + InvalidationLog>(&self, store: S) -> Node {
        self.node_with(store, SharedSettings::new(), |layer| layer)
    }

    pub(crate) fn node_with<S: EntryStore + InvalidationLog>(
        &self,
        store: S,
        settings: SharedSettings,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Node {
        self.node_by(clock(), store, settings, |cache| cache, layer)
    }

    /// With a clock of its own.
    pub(crate) fn node_by<S: EntryStore + InvalidationLog>(
        &self,
        clock: Clock,
        store: S,
        settings: SharedSettings,
        cache: impl FnOnce(CacheBuilder) -> CacheBuilder,
        layer: impl FnOnce(CacheLayer) -> CacheLayer,
    ) -> Node {
        let builder = Cache::builder().clock(clock).shared_with(store, settings);
        let cache = cache(builder).build();
        let policy = Policy::shared().with_tag_fields(TagFields::default());
        let of_cache = CacheLayer::new(cache.clone()).with_policy(policy);
        let site = self.clone();
        let inner = service_fn(move |request: Request<Body>| {
            let site = site.clone();
            async move { Ok(site.call(request).await) }
        });
        let service = layer(of_cache).layer(BoxCloneSyncService::new(inner));
        Node { cache, service }
    }
}

impl Node {
    pub(crate) async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(request("GET", path, fields)).await
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A clock that goes by tokio's time, and that can be set.
#[derive(Clone)]
pub(crate) struct Watch {
    begun: Instant,
    ahead: Arc<AtomicI64>,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            ahead: Arc::default(),
        }
    }

    /// So many seconds ahead of what it would be, or behind.
    pub(crate) fn set(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::from_fn(move || {
            let ahead = this.ahead.load(Ordering::SeqCst);
            let start = Duration::from_secs(START.checked_add_signed(ahead).unwrap());
            SystemTime::UNIX_EPOCH + start + this.begun.elapsed()
        })
    }
}
