//! Random queries that push out what others ask for.

use larder::Key;
use larder_tests::{Origin, Setup};

use crate::setting::{FRESH, cacheable, keyed};

#[tokio::test]
async fn hot_response_survives_a_flood_in_bounded_memory() {
    let limit = 256 << 10;
    let origin = Origin::new(|_, _| cacheable(vec![b'x'; 1000]));
    let setup = Setup::with_cache(origin, |cache| cache.max_bytes(limit));
    setup.get("/hot").await;
    for number in 0..5_000 {
        setup.get(&format!("/hot?{number}")).await;
        if number % 10 == 0 {
            assert!(setup.get("/hot").await.is_hit(), "gone after {number}");
        }
    }
    assert!(setup.cache.stats().bytes() <= limit);
}

#[tokio::test]
async fn keys_that_are_remembered_without_a_response_are_bounded() {
    let setup = Setup::with_cache(Origin::ok(&[("cache-control", "no-store")]), |cache| {
        cache.max_uncacheable(100)
    });
    for number in 0..1_000 {
        setup.get(&format!("/a?{number}")).await;
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.bytes(), stats.keys()), (0, 0));
    assert!(stats.uncacheable() <= 100, "{}", stats.uncacheable());
}

#[tokio::test]
async fn narrowing_makes_one_key_of_the_flood() {
    for key in [Key::new().query(["page"]), Key::new().no_query()] {
        let setup = keyed(Origin::ok(&[FRESH]), key);
        for number in 0..1_000 {
            setup.get(&format!("/hot?bust={number}")).await;
        }
        assert_eq!((setup.origin.calls(), setup.cache.stats().keys()), (1, 1));
    }
}
