//! What becomes of a route whose keys have no end: what is stored all the same, and for how long it is
//! limited.

use larder::{CacheLayer, RoutePolicy};
use larder_tests::{Crowd, Origin, Reply, Setup, Slow, get, replies, request, response};
use tower::{Layer, ServiceExt};

use crate::cardinality::{FRESH, LIMITED, SURELY_OVER, flood, of_hundred, stored};

#[tokio::test]
async fn random_paths_and_variants_are_limited_too() {
    // Many pages are nothing unusual: a hundred times as many as of anything else.
    let setup = Setup::with_layer(Origin::ok(&[FRESH]), |cache| {
        CacheLayer::new(cache).with_cardinality_budget(10)
    });
    let replies = flood(&setup, "/", 1_500).await;
    assert!(replies[..900].iter().all(Reply::is_stored));
    assert_eq!(stored(&replies[1_200..]), 0);

    let setup = of_hundred(Origin::ok(&[FRESH, ("vary", "user-agent")]));
    let mut replies = Vec::new();
    for number in 0..200 {
        let agent = format!("bot/{number}");
        replies.push(setup.get_with("/a", &[("user-agent", &agent)]).await);
    }
    assert!(replies[..100].iter().all(Reply::is_stored));
    assert_eq!(stored(&replies[SURELY_OVER..]), 0);
}

#[tokio::test]
async fn hot_responses_keep_their_hits_during_a_flood() {
    let page = Origin::new(|_, _| response(200, &[FRESH], vec![b'x'; 1_000]));
    let setup = Setup::shared(page.clone());
    let other = CacheLayer::new(setup.cache.clone()).layer(page);
    setup.get("/hot").await;
    other.clone().oneshot(get("/other")).await.unwrap();
    for number in 0..50_000 {
        setup.get(&format!("/a?{number}")).await;
        if number % 500 == 0 {
            assert!(setup.get("/hot").await.is_hit(), "after {number}");
            let reply = other.clone().oneshot(get("/other")).await.unwrap();
            assert!(Reply::read(reply).await.is_hit(), "after {number}");
        }
    }
    let stats = setup.cache.stats();
    assert!(
        (9_000..11_000).contains(&stats.stored()),
        "{}",
        stats.stored()
    );
    assert_eq!(stats.misses(), 50_002);
}

#[tokio::test]
async fn limited_route_stores_what_is_asked_for_again() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    flood(&setup, "/a?", 1_000).await;
    assert_eq!(setup.get("/a?new").await.field("cache-status"), LIMITED);
    assert!(setup.get("/a?new").await.is_stored());
    assert!(setup.get("/a?new").await.is_hit());
}

#[tokio::test]
async fn variants_are_asked_for_again_each_by_itself() {
    let setup = of_hundred(Origin::ok(&[FRESH, ("vary", "user-agent")]));
    flood(&setup, "/a?", SURELY_OVER).await;
    let as_bot = |bot| setup.send(request("GET", "/new", &[("user-agent", bot)]));
    for (bot, stores) in [("a", false), ("b", false), ("b", true), ("c", false)] {
        assert_eq!(as_bot(bot).await.is_stored(), stores, "{bot}");
    }
}

#[tokio::test]
async fn stored_response_of_a_limited_route_is_validated_and_replaced() {
    let origin = Origin::new(|seen, calls| match seen.headers.get("if-none-match") {
        Some(tag) if tag == "\"1\"" && calls < 200 => response(304, &[FRESH], ""),
        _ => response(200, &[FRESH, ("etag", "\"1\"")], "body"),
    });
    let setup = of_hundred(origin);
    assert!(setup.get("/hot").await.is_stored());
    flood(&setup, "/a?", SURELY_OVER).await;
    setup.clock.advance(61);
    let reply = setup.get("/hot").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=stale; fwd-status=304; ttl=60"
    );
    flood(&setup, "/b?", 200).await;
    setup.clock.advance(61);
    let reply = setup.get("/hot").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=stale; fwd-status=200; stored"
    );
    assert!(setup.get("/hot").await.is_hit());
}

#[tokio::test]
async fn limit_ends_two_windows_after_the_flood() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    flood(&setup, "/a?", 200).await;
    let steps = [(599, false), (1, false), (599, false), (1, true)];
    for (number, (seconds, stores)) in steps.into_iter().enumerate() {
        setup.clock.advance(seconds);
        let reply = setup.get(&format!("/b?{number}")).await;
        assert_eq!(reply.is_stored(), stores, "step {number}");
    }
    assert_eq!(stored(&flood(&setup, "/c?", 99).await), 99);
}

#[tokio::test]
async fn other_routes_are_not_limited() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    let other = CacheLayer::new(setup.cache.clone()).layer(setup.origin.clone());
    flood(&setup, "/a?", 200).await;
    for number in 0..200 {
        let reply = other
            .clone()
            .oneshot(get(&format!("/other?{number}")))
            .await
            .unwrap();
        assert!(Reply::read(reply).await.is_stored());
    }
    assert!(!setup.get("/a?new").await.is_stored());
}

#[tokio::test]
async fn route_with_as_many_keys_as_its_budget_is_not_limited() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    assert_eq!(stored(&flood(&setup, "/a?", 100).await), 100);
    setup.clock.advance(600);
    assert_eq!(stored(&flood(&setup, "/b?", 100).await), 100);
}

#[tokio::test]
async fn only_what_would_be_stored_anew_is_counted() {
    let origin = Origin::new(|seen, _| match seen.uri.path() {
        "/never" => response(200, &[("cache-control", "no-store")], ""),
        _ => response(200, &[("cache-control", "max-age=3600")], ""),
    });
    let setup = of_hundred(origin);
    flood(&setup, "/never?", 1_000).await;
    assert_eq!(stored(&flood(&setup, "/a?", 99).await), 99);
    for _ in 0..10 {
        assert!(flood(&setup, "/a?", 99).await.iter().all(Reply::is_hit));
    }
    setup.clock.advance(600);
    flood(&setup, "/a?", 99).await;
    assert_eq!(stored(&flood(&setup, "/b?", 99).await), 99);
}

#[tokio::test]
async fn budget_of_a_route_policy_replaces_the_layers_and_can_be_turned_off() {
    for (budget, stores) in [
        (None, 100..110),
        (Some(10), 10..12),
        (Some(u64::MAX), 200..201),
    ] {
        let setup = Setup::with_layer(Origin::ok(&[FRESH]), |cache| {
            let route = RoutePolicy::obey();
            let route = match budget {
                Some(budget) => route.cardinality_budget(budget),
                None => route,
            };
            let layer = CacheLayer::new(cache).with_cardinality_budget(100);
            layer.with_route_policy(route)
        });
        let stored = stored(&flood(&setup, "/a?", 200).await);
        assert!(stores.contains(&stored), "{stored} of {budget:?}");
    }
}

#[tokio::test]
async fn routes_made_from_one_layer_count_by_themselves() {
    let setup = of_hundred(Origin::ok(&[FRESH]));
    let base = CacheLayer::new(setup.cache.clone()).with_cardinality_budget(100);
    let routes = ["/a", "/b"].map(|path| {
        let route = base.clone().with_route_policy(RoutePolicy::obey());
        (path, route.layer(setup.origin.clone()))
    });
    for (path, route) in routes {
        for number in 0..99 {
            let request = request("HEAD", &format!("{path}?{path}{number}"), &[]);
            let reply = route.clone().oneshot(request).await.unwrap();
            assert!(Reply::read(reply).await.is_stored());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn followers_on_a_limited_route_wait_for_the_second_call() {
    let slow = Slow::second(|_, _| response(200, &[FRESH], "body"));
    let crowd = Crowd::with_layer(slow, |layer| layer.with_cardinality_budget(0));
    let replies = replies(crowd.send_all(100, |_| get("/a"))).await;
    assert_eq!(crowd.origin.calls(), 2);
    let told = |text| {
        replies
            .iter()
            .filter(|reply| reply.field("cache-status") == text)
            .count()
    };
    assert_eq!(told(LIMITED), 1);
    assert_eq!(told("larder; fwd=uri-miss; stored; collapsed=?0"), 1);
    assert_eq!(told("larder; fwd=uri-miss; collapsed"), 98);
}
