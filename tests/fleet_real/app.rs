//! [`App`]: what all nodes stand in front of.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheLayer, CacheService, Policy, TagFields};
use tokio::time::sleep;
use tower::util::BoxCloneSyncService;
use tower::{Layer, service_fn};

pub(crate) type Service =
    CacheService<BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>>;

/// Answers with the version that a path has at the moment it is asked for: fresh for an hour, and tagged
/// with the path.
#[derive(Clone)]
pub(crate) struct App {
    versions: Arc<Mutex<HashMap<String, u64>>>,
    calls: Arc<AtomicUsize>,
    takes: Duration,
}

impl App {
    pub(crate) fn new(takes: Duration) -> Self {
        Self {
            versions: Arc::default(),
            calls: Arc::default(),
            takes,
        }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Changes what stands at a path; which version it has then.
    pub(crate) fn change(&self, path: &str) -> u64 {
        let mut versions = self.versions.lock().unwrap();
        let version = versions.entry(path.to_owned()).or_insert(1);
        *version += 1;
        *version
    }

    /// Behind a cache.
    pub(crate) fn behind(&self, cache: &Cache) -> Service {
        let app = self.clone();
        let inner = service_fn(move |request: Request<Body>| {
            let app = app.clone();
            async move { Ok(app.answer(request.uri().path().to_owned()).await) }
        });
        let policy = Policy::shared().with_tag_fields(TagFields::default());
        let layer = CacheLayer::new(cache.clone()).with_policy(policy);
        layer.layer(BoxCloneSyncService::new(inner))
    }

    async fn answer(&self, path: String) -> Response<Body> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let version = *self
            .versions
            .lock()
            .unwrap()
            .entry(path.clone())
            .or_insert(1);
        sleep(self.takes).await;
        Response::builder()
            .header("cache-control", "max-age=3600")
            .header("cache-tag", &path[1..])
            .body(Body::from(format!("{path} {version}")))
            .unwrap()
    }
}
