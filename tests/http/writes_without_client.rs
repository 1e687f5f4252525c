//! Writes whose client leaves before they are answered.

use std::time::Duration;

use futures_util::FutureExt;
use http::Method;
use larder::{CacheBuilder, InvalidateLayer};
use larder_tests::{Client, Counts, Gate, Slow, poll_once, request, response, settle};
use tower::{Layer, ServiceExt};

use crate::shop::Shop;

/// Through which layer a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    Cache,
    Invalidate,
}

const BOTH: [Through; 2] = [Through::Cache, Through::Invalidate];

/// Reads are answered at once, and writes when the gate lets them: as their query says.
fn slow_writes() -> (Slow, Gate) {
    let gate = Gate::default();
    let passed = gate.clone();
    let inner = Slow::new(move |seen, _| {
        let gate = passed.clone();
        async move {
            if seen.method == Method::GET {
                let fields = [("cache-control", "max-age=60, stale-while-revalidate=60")];
                return Ok(response(200, &fields, ""));
            }
            gate.pass().await;
            let status = seen.uri.query().map_or(204, |code| code.parse().unwrap());
            Ok(response(status, &[], ""))
        }
    });
    (inner, gate)
}

struct Writes {
    shop: Shop<Slow>,
    gate: Gate,
}

impl Writes {
    fn new() -> Self {
        Self::with(|cache| cache, true)
    }

    fn with(cache: impl FnOnce(CacheBuilder) -> CacheBuilder, finish: bool) -> Self {
        let (inner, gate) = slow_writes();
        let shop = Shop::with(
            inner,
            cache,
            |layer| layer.with_finish_on_disconnect(finish),
            |cache| {
                let layer = InvalidateLayer::new(cache, |_, _| ["tag:/b"]);
                layer.with_finish_on_disconnect(finish)
            },
        );
        Self { shop, gate }
    }

    /// A client sends a write, and hangs up while the handler works on it.
    async fn abandon(&self, through: Through, method: &str, path: &str) {
        let request = request(method, path, &[]);
        let client = match through {
            Through::Cache => Client::of(self.shop.reads.clone().oneshot(request)),
            Through::Invalidate => Client::of(self.shop.writes.clone().oneshot(request)),
        };
        settle().await;
        client.leave();
        settle().await;
    }

    /// What a read is told of the cache.
    async fn told(&self, path: &str) -> String {
        self.shop.get(path).await.field("cache-status").to_owned()
    }

    fn counts(&self) -> Counts {
        self.shop.inner.counts()
    }
}

const FRESH: &str = "larder; hit; ttl=60";
const STALE: &str = "larder; hit; ttl=0; detail=soft-purged";
const MISS: &str = "larder; fwd=uri-miss; stored";

#[tokio::test(start_paused = true)]
async fn write_is_finished_without_its_client_and_purges() {
    for through in BOTH {
        let writes = Writes::new();
        writes.shop.fill(&["/a", "/b", "/c"]).await;
        writes.abandon(through, "PUT", "/a").await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (1, 0));
        assert_eq!(writes.told("/a").await, FRESH);
        writes.gate.open(1);
        settle().await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (0, 0));
        assert_eq!(writes.told("/a").await, MISS, "{through:?}");
        let named = through == Through::Invalidate;
        let told = writes.told("/b").await;
        assert_eq!(told, if named { MISS } else { FRESH });
        assert_eq!(writes.told("/c").await, FRESH);
        assert_eq!(writes.shop.cache.stats().invalidations(), 1);
    }
}

/// Whoever may not write does not empty the cache by hanging up.
#[tokio::test(start_paused = true)]
async fn write_that_is_refused_after_its_client_left_purges_nothing() {
    for through in BOTH {
        let writes = Writes::new();
        writes.shop.fill(&["/a?403", "/b"]).await;
        writes.abandon(through, "DELETE", "/a?403").await;
        writes.gate.open(1);
        settle().await;
        assert_eq!(writes.counts().inside, 0);
        assert_eq!(writes.told("/a?403").await, FRESH, "{through:?}");
        assert_eq!(writes.told("/b").await, FRESH);
        assert_eq!(writes.shop.cache.stats().invalidations(), 0);
    }
}

/// That makes its URL stale, for nobody knows what came of it.
async fn assert_given_up(writes: &Writes, through: Through) {
    assert_eq!((writes.counts().inside, writes.counts().dropped), (0, 1));
    assert_eq!(writes.told("/a").await, STALE, "{through:?}");
    assert_eq!(writes.told("/b").await, FRESH, "{through:?}");
    assert_eq!(writes.shop.cache.stats().invalidations(), 1);
}

#[tokio::test(start_paused = true)]
async fn write_is_given_up_with_its_client_if_it_is_not_to_be_finished() {
    for through in BOTH {
        let writes = Writes::with(|cache| cache, false);
        writes.shop.fill(&["/a", "/b"]).await;
        writes.abandon(through, "PUT", "/a").await;
        assert_given_up(&writes, through).await;
    }
}

#[tokio::test(start_paused = true)]
async fn write_is_given_up_with_its_client_if_there_is_no_place() {
    for through in BOTH {
        let writes = Writes::with(|cache| cache.max_background(1), true);
        writes.shop.fill(&["/a", "/b"]).await;
        writes.abandon(through, "PUT", "/elsewhere").await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (1, 0));
        writes.abandon(through, "PUT", "/a").await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (1, 1));
        writes.gate.open(1);
        settle().await;
        // The place is free again: the validation in the background has it now.
        assert_eq!(writes.told("/a").await, STALE, "{through:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn write_is_given_up_when_it_takes_too_long_without_its_client() {
    for through in BOTH {
        let within = Duration::from_secs(10);
        let writes = Writes::with(|cache| cache.finish_within(within), true);
        writes.shop.fill(&["/a", "/b"]).await;
        writes.abandon(through, "PUT", "/a").await;
        tokio::time::advance(Duration::from_secs(9)).await;
        settle().await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (1, 0));
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
        assert_given_up(&writes, through).await;
    }
}

#[test]
fn write_is_given_up_with_its_client_where_there_is_no_runtime() {
    for through in BOTH {
        let writes = Writes::new();
        let paths = ["/a", "/b"];
        writes.shop.fill(&paths).now_or_never().unwrap();
        let put = request("PUT", "/a", &[]);
        match through {
            Through::Cache => {
                let mut put = Box::pin(writes.shop.reads.clone().oneshot(put));
                assert!(poll_once(&mut put).is_pending());
            }
            Through::Invalidate => {
                let mut put = Box::pin(writes.shop.writes.clone().oneshot(put));
                assert!(poll_once(&mut put).is_pending());
            }
        }
        assert_given_up(&writes, through).now_or_never().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn write_that_only_stood_in_line_for_the_handler_changes_nothing() {
    let (inner, _gate) = slow_writes();
    let shop = Shop::new(inner.ready_after(100), |cache| {
        InvalidateLayer::new(cache, |_, _| ["all"])
    });
    shop.fill(&["/a"]).await;
    let calls = shop.inner.calls();
    let mut put = Box::pin(shop.reads.clone().oneshot(request("PUT", "/a", &[])));
    assert!(poll_once(&mut put).is_pending());
    drop(put);
    let mut put = Box::pin(shop.writes.clone().oneshot(request("PUT", "/a", &[])));
    assert!(poll_once(&mut put).is_pending());
    drop(put);
    settle().await;
    assert!(shop.holds("/a").await);
    assert_eq!(shop.inner.calls(), calls);
    assert_eq!(shop.cache.stats().invalidations(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_write_ends_with_its_client() {
    for (through, method) in [
        (Through::Cache, "OPTIONS"),
        (Through::Cache, "QUERY"),
        (Through::Cache, "CONNECT"),
        (Through::Invalidate, "OPTIONS"),
        (Through::Invalidate, "HEAD"),
        (Through::Invalidate, "CONNECT"),
    ] {
        let writes = Writes::new();
        writes.shop.fill(&["/a"]).await;
        writes.abandon(through, method, "/a").await;
        assert_eq!(writes.counts().dropped, 1, "{through:?} {method}");
        assert_eq!(writes.told("/a").await, FRESH);
        assert_eq!(writes.shop.cache.stats().invalidations(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn write_through_two_layers_takes_one_place() {
    for outside in BOTH {
        let writes = Writes::with(|cache| cache.max_background(1), true);
        writes.shop.fill(&["/a", "/b"]).await;
        let layer = InvalidateLayer::new(writes.shop.cache.clone(), |_, _| ["tag:/b"]);
        let put = request("PUT", "/a", &[]);
        let client = if outside == Through::Invalidate {
            Client::of(layer.layer(writes.shop.reads.clone()).oneshot(put))
        } else {
            let caching = larder::CacheLayer::new(writes.shop.cache.clone());
            Client::of(caching.layer(writes.shop.writes.clone()).oneshot(put))
        };
        settle().await;
        client.leave();
        settle().await;
        writes.gate.open(1);
        settle().await;
        assert_eq!((writes.counts().inside, writes.counts().dropped), (0, 0));
        assert_eq!(writes.told("/a").await, MISS, "{outside:?}");
        assert_eq!(writes.told("/b").await, MISS, "{outside:?}");
    }
}
