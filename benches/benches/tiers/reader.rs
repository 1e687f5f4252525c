//! [`Reader`]: a node that answers from the store, and from nothing else.

use axum::body::Body;
use http::Request;
use larder::Cache;
use larder::shared::{EntryStore, InvalidationLog};
use tokio::runtime::Runtime;

use crate::stand::{App, Service, cache, get, tagged};

/// What responses without tags stand under, and those with ten.
pub const PLAIN: &str = "plain";
pub const TAGGED: &str = "tagged";

/// A node whose memory keeps nothing, so that it finds all that it answers with in the store. Sees in
/// the end that it did.
pub struct Reader {
    app: App,
    cache: Cache,
    service: Service,
    under: &'static str,
    asked: u64,
}

impl Reader {
    pub fn new<S>(
        runtime: &Runtime,
        store: S,
        under: &'static str,
        length: usize,
        tags: usize,
    ) -> Self
    where
        S: EntryStore + InvalidationLog,
    {
        // What is heavier than all that may be kept is dropped as soon as the books are settled.
        let cache = runtime.block_on(cache(store, length as u64));
        let app = App::of(length);
        let service = app.behind(&cache, tagged(tags));
        Self {
            app,
            cache,
            service,
            under,
            asked: 0,
        }
    }

    /// A request, and who is to answer it.
    pub fn ask(&mut self, number: usize) -> (Service, Request<Body>) {
        self.asked += 1;
        (self.service.clone(), get(self.under, number))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let stats = self.cache.shared_stats().expect("a store");
        if !std::thread::panicking() {
            assert_eq!(self.app.calls(), 0, "not all from the store: {stats:?}");
            assert_eq!(stats.hits(), self.asked, "some from memory");
        }
    }
}
