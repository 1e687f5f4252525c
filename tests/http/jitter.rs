//! Lifetimes are shortened at random, so that what was stored together does not expire together.

use larder::{CacheLayer, RoutePolicy};
use larder_tests::{Origin, Reply, Setup, response};

const HUNDRED: &str = "max-age=100";
const KEYS: usize = 200;

/// Every other call is answered with 304.
fn origin() -> Origin {
    Origin::new(|seen, _| {
        let fields = [("cache-control", HUNDRED), ("etag", "\"a\"")];
        let known = seen.headers.contains_key("if-none-match");
        response(if known { 304 } else { 200 }, &fields, "body")
    })
}

async fn all(setup: &Setup) -> Vec<Reply> {
    let mut replies = Vec::new();
    for key in 0..KEYS {
        replies.push(setup.get(&format!("/{key}")).await);
    }
    replies
}

/// Seconds of freshness left, by what each hit is told.
fn ttl(hit: &Reply) -> i64 {
    let told = hit.field("cache-status");
    let seconds = told.strip_prefix("larder; hit; ttl=");
    seconds.expect(told).parse().unwrap()
}

fn are_spread(lifetimes: &[i64], least: i64) {
    let among = |low: i64, high: i64| {
        let among = lifetimes.iter().filter(|at| (low..high).contains(at));
        among.count()
    };
    assert_eq!(among(least, 101), KEYS, "{lifetimes:?}");
    // A quarter of the range has a quarter of them, give or take.
    let quarter = (100 - least) / 4;
    for part in 0..4 {
        let low = least + part * quarter;
        assert!(
            (25..=75).contains(&among(low, low + quarter)),
            "{lifetimes:?}"
        );
    }
}

#[tokio::test]
async fn lifetimes_are_spread_over_the_last_part_and_drawn_anew_by_a_304() {
    fastrand::seed(7);
    let annotation = RoutePolicy::obey().jitter_percent(20);
    let layers: [fn(CacheLayer, RoutePolicy) -> CacheLayer; 2] = [
        |layer, _| layer.with_jitter_percent(20),
        |layer, annotation| layer.with_route_policy(annotation),
    ];
    for layer in layers {
        let annotation = annotation.clone();
        let setup = Setup::with_layer(origin(), |cache| layer(CacheLayer::new(cache), annotation));
        for reply in all(&setup).await {
            assert_eq!(reply.field("cache-control"), HUNDRED);
        }
        let first: Vec<i64> = all(&setup).await.iter().map(ttl).collect();
        are_spread(&first, 80);
        setup.clock.advance(100);
        for reply in all(&setup).await {
            assert_eq!(reply.field("cache-control"), HUNDRED);
            assert!(
                reply
                    .field("cache-status")
                    .starts_with("larder; fwd=stale; fwd-status=304")
            );
        }
        let hits = all(&setup).await;
        let second: Vec<i64> = hits.iter().map(ttl).collect();
        are_spread(&second, 80);
        assert_ne!(first, second);
        for reply in hits {
            assert_eq!(
                (reply.field("cache-control"), reply.field("age")),
                (HUNDRED, "0")
            );
        }
    }
}

#[tokio::test]
async fn without_jitter_all_have_the_whole_lifetime() {
    let setup = Setup::shared(origin());
    all(&setup).await;
    assert!(all(&setup).await.iter().all(|hit| ttl(hit) == 100));
}

#[tokio::test]
async fn more_than_all_is_all() {
    fastrand::seed(7);
    let setup = Setup::with_layer(origin(), |cache| {
        CacheLayer::new(cache).with_jitter_percent(255)
    });
    all(&setup).await;
    let hits: Vec<i64> = all(&setup).await.iter().map(ttl).collect();
    are_spread(&hits, 0);
}

#[tokio::test]
async fn shortened_lifetime_is_kept_to() {
    fastrand::seed(7);
    let setup = Setup::with_layer(origin(), |cache| {
        CacheLayer::new(cache).with_jitter_percent(20)
    });
    all(&setup).await;
    setup.clock.advance(90);
    let hits = all(&setup)
        .await
        .iter()
        .filter(|reply| reply.is_hit())
        .count();
    assert!((60..=140).contains(&hits), "{hits}");
    assert_eq!(setup.origin.calls(), KEYS + KEYS - hits);
}
