//! Variants without end.

use larder::{CacheLayer, Key, Policy, RoutePolicy};
use larder_tests::{Origin, Setup};

use crate::setting::{FRESH, MINUTE, annotated, outcome, plain};

fn varying() -> Origin {
    Origin::ok(&[FRESH, ("vary", "user-agent")])
}

async fn ask(setup: &Setup, agents: usize) {
    setup.get("/other").await;
    for agent in 0..agents {
        let agent = format!("agent/{agent}");
        setup.get_with("/a", &[("user-agent", &agent)]).await;
    }
}

#[tokio::test]
async fn thousands_of_agents_take_bounded_memory_and_other_keys_survive() {
    let setup = plain(varying());
    ask(&setup, 3_000).await;
    let stats = setup.cache.stats();
    assert_eq!((stats.keys(), stats.responses()), (2, 64 + 1));
    assert!(setup.get("/other").await.is_hit());
}

#[tokio::test]
async fn names_and_values_of_selecting_fields_are_bounded() {
    let names = (0..100)
        .map(|n| format!("x-{n}"))
        .collect::<Vec<_>>()
        .join(", ");
    let reply = plain(Origin::ok(&[FRESH, ("vary", &names)]))
        .get("/a")
        .await;
    assert_eq!(outcome(&reply), "larder; fwd=uri-miss; detail=vary");
    let limited = Setup::with_layer(varying(), |cache| {
        CacheLayer::new(cache).with_policy(Policy::shared().with_max_vary_bytes(100))
    });
    let long = "x".repeat(200);
    let reply = limited.get_with("/a", &[("user-agent", &long)]).await;
    assert_eq!(outcome(&reply), "larder; fwd=uri-miss; detail=vary");
}

#[tokio::test]
async fn narrowing_withholds_the_agent_and_there_is_one_copy() {
    let setup = annotated(varying());
    ask(&setup, 1_000).await;
    assert_eq!(setup.origin.calls(), 2);
    assert!(setup.cache.stats().findings() > 0);
}

/// Declared, each is a key of its own, and the store's bound is what bounds them.
#[tokio::test]
async fn agents_that_are_declared_take_no_more_than_the_store_has() {
    let limit = 64 << 10;
    let key = Key::new().header("user-agent");
    let setup = Setup::with(
        varying(),
        |cache| cache.max_bytes(limit),
        |cache| {
            let route = RoutePolicy::shared(MINUTE).key(key);
            CacheLayer::new(cache).with_route_policy(route)
        },
    );
    ask(&setup, 2_000).await;
    assert!(setup.cache.stats().bytes() <= limit);
}
