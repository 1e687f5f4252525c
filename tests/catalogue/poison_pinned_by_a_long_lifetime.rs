//! What was poisoned once and says that it may be kept for ever.

use std::time::Duration;

use larder::{Policy, Purge, RoutePolicy};
use larder_tests::{Origin, Setup, request};

use crate::setting::{MINUTE, UserId, annotated, by, plain, routed};

const YEAR: u64 = 365 * 24 * 3600;

fn pinned() -> Origin {
    let forever = "public, max-age=99999999999, immutable";
    Origin::ok(&[("cache-control", forever)])
}

#[tokio::test]
async fn every_purge_wins() {
    for clears in [0, 1, 2] {
        let setup = plain(pinned());
        setup.get("/a").await;
        setup.clock.advance(YEAR);
        assert!(setup.get("/a").await.is_hit());
        match clears {
            0 => setup.cache.clear(),
            1 => drop(setup.cache.purge(Purge::everything())),
            _ => drop(setup.send(request("POST", "/a", &[])).await),
        }
        assert!(!setup.get("/a").await.is_hit());
    }
}

#[tokio::test]
async fn purge_of_a_partition_wins() {
    let setup = routed(pinned(), RoutePolicy::per_user::<UserId>(MINUTE));
    setup.send(by("a")).await;
    setup.cache.purge(Purge::identity(&UserId("a")));
    assert!(!setup.send(by("a")).await.is_hit());
}

#[tokio::test]
async fn lifetime_cap_bounds_what_a_response_says() {
    let capped = Policy::shared().with_lifetime_cap(Duration::from_secs(10));
    let setup = Setup::with_policy(pinned(), capped);
    setup.get("/a").await;
    setup.clock.advance(9);
    assert!(setup.get("/a").await.is_hit());
    setup.clock.advance(1);
    assert!(!setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn annotation_is_a_cap_too() {
    let setup = annotated(pinned());
    setup.get("/a").await;
    setup.clock.advance(60);
    assert!(!setup.get("/a").await.is_hit());
}
