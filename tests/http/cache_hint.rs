//! What a handler says of one response: tags, how long it is fresh, and that it is not to be stored.

use std::time::Duration;

use axum::body::Body;
use http::Response;
use larder::{CacheHint, CacheLayer, DoNotStore, RoutePolicy};
use larder_tests::{Origin, Seen, Setup, response};
use tower::{Layer, ServiceExt};

use crate::tags::{MINUTE, Purged};

const ETAG: (&str, &str) = ("etag", "\"v\"");

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn saying(hint: CacheHint, mut response: Response<Body>) -> Response<Body> {
    hint.add_to(response.extensions_mut());
    response
}

/// A handler with these fields that says this each time.
fn handler(hint: CacheHint, fields: &'static [(&str, &str)]) -> Origin {
    Origin::new(move |_, calls| {
        let answer = response(200, fields, format!("call {}", calls + 1));
        saying(hint.clone(), answer)
    })
}

fn on(route: RoutePolicy, origin: Origin) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

/// What `Cache-Status` says of the second request.
async fn second(setup: &Setup) -> String {
    setup.get("/a").await;
    setup.get("/a").await.field("cache-status").to_owned()
}

#[tokio::test]
async fn shortest_lifetime_counts_and_clients_are_told_nothing_of_it() {
    let ten = || CacheHint::new().max_age(secs(10));
    let hour: &[_] = &[("cache-control", "max-age=3600")];
    for (route, fields, ttl) in [
        (RoutePolicy::obey(), &[][..], 10),
        (RoutePolicy::obey(), hour, 10),
        (RoutePolicy::obey(), &[("cache-control", "max-age=5")], 5),
        (RoutePolicy::shared(MINUTE), &[], 10),
        (RoutePolicy::shared(secs(5)), &[], 5),
        (RoutePolicy::shared(MINUTE), hour, 10),
        (RoutePolicy::shared(MINUTE).override_origin(), hour, 10),
    ] {
        let setup = on(route, handler(ten(), fields));
        let reply = setup.get("/a").await;
        assert_eq!(reply.has("cache-control"), !fields.is_empty());
        assert_eq!(second(&setup).await, format!("larder; hit; ttl={ttl}"));
        let hit = setup.get("/a").await;
        assert_eq!(
            hit.headers.get("cache-control"),
            reply.headers.get("cache-control")
        );
        setup.clock.advance(11);
        assert_eq!(setup.get("/a").await.text(), "call 2");
    }
}

#[tokio::test]
async fn lifetime_lets_nothing_be_stored_that_the_fields_forbid() {
    let ten = || CacheHint::new().max_age(secs(10));
    for (says, reason) in [("no-store", "no-store"), ("private", "private")] {
        let fields: &'static [_] = match says {
            "private" => &[("cache-control", "private")],
            _ => &[("cache-control", "no-store")],
        };
        for route in [RoutePolicy::obey(), RoutePolicy::obey().override_origin()] {
            let setup = on(route, handler(ten(), fields));
            let told = format!("larder; fwd=uri-miss; detail={reason}");
            assert_eq!(setup.get("/a").await.field("cache-status"), told);
        }
    }
}

#[tokio::test]
async fn windows_take_the_place_of_those_of_the_route() {
    let route = || {
        RoutePolicy::shared(MINUTE)
            .stale_while_revalidate(secs(30))
            .stale_if_error(secs(30))
    };
    let longer = CacheHint::new().stale_while_revalidate(secs(90));
    let setup = on(route(), handler(longer, &[]));
    setup.get("/a").await;
    setup.clock.advance(60 + 80);
    assert_eq!(
        setup.get("/a").await.field("cache-status"),
        "larder; hit; ttl=-80"
    );

    let none = CacheHint::new().stale_while_revalidate(Duration::ZERO);
    let setup = on(route(), handler(none, &[]));
    setup.get("/a").await;
    setup.clock.advance(61);
    assert_eq!(setup.get("/a").await.text(), "call 2");

    for (hint, served) in [
        (CacheHint::new().stale_if_error(secs(90)), true),
        (CacheHint::new().stale_if_error(secs(70)), false),
        (CacheHint::new(), false),
    ] {
        let origin = Origin::new(move |_, calls| match calls {
            0 => saying(hint.clone(), response(200, &[], "body")),
            _ => response(503, &[], "down"),
        });
        let setup = on(route(), origin);
        setup.get("/a").await;
        setup.clock.advance(60 + 80);
        let body = if served { "body" } else { "down" };
        assert_eq!(setup.get("/a").await.text(), body);
    }
}

#[tokio::test]
async fn a_response_that_is_not_to_be_stored_is_not() {
    let route = || RoutePolicy::shared(MINUTE);
    let setup = on(route(), handler(CacheHint::new().do_not_store(), &[]));
    let told = "larder; fwd=uri-miss; detail=opted-out";
    assert_eq!(second(&setup).await, told);
    let one_of_two = CacheHint::new().and(CacheHint::new().do_not_store());
    let setup = on(route(), handler(one_of_two.max_age(secs(5)), &[]));
    assert_eq!(second(&setup).await, told);
}

/// Answers 304 to who has it already, with what a function does to that.
fn validated(
    hint: CacheHint,
    on_304: impl Fn(Response<Body>) -> Response<Body> + Send + Sync + 'static,
) -> Setup {
    let origin = Origin::new(move |seen: &Seen, _| {
        if seen.headers.contains_key("if-none-match") {
            on_304(response(304, &[ETAG], ""))
        } else {
            saying(hint.clone(), response(200, &[ETAG], "body"))
        }
    });
    on(RoutePolicy::shared(MINUTE).tag("route"), origin)
}

fn first() -> CacheHint {
    CacheHint::new().tag("old").max_age(secs(10))
}

async fn expire_and_validate(setup: &Setup) {
    setup.get("/a").await;
    setup.clock.advance(61);
    setup.get("/a").await;
    assert!(
        setup
            .origin
            .last_seen()
            .headers
            .contains_key("if-none-match")
    );
}

#[tokio::test]
async fn hint_of_a_304_replaces_what_the_old_one_said() {
    let setup = validated(first(), |answer| {
        let hint = CacheHint::new().tag("new").max_age(secs(20));
        saying(hint, answer)
    });
    expire_and_validate(&setup).await;
    setup.purge("old");
    assert_eq!(
        setup.get("/a").await.field("cache-status"),
        "larder; hit; ttl=20"
    );
    setup.purge("new");
    assert!(!setup.get("/a").await.is_hit());

    // It says nothing of a lifetime, so that the route's counts.
    let setup = validated(first(), |answer| {
        saying(CacheHint::new().tag("new"), answer)
    });
    expire_and_validate(&setup).await;
    assert_eq!(
        setup.get("/a").await.field("cache-status"),
        "larder; hit; ttl=60"
    );
}

#[tokio::test]
async fn a_304_without_a_hint_leaves_what_the_old_one_said() {
    let setup = validated(first(), |answer| answer);
    for _ in 0..2 {
        expire_and_validate(&setup).await;
        assert_eq!(
            setup.get("/a").await.field("cache-status"),
            "larder; hit; ttl=10"
        );
        assert_eq!((setup.have("old"), setup.have("route")), (1, 1));
    }
    setup.purge("old");
    assert!(!setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn what_is_stored_goes_when_a_304_is_not_to_be_stored() {
    for by_hint in [true, false] {
        let setup = validated(first(), move |mut answer| {
            if by_hint {
                return saying(CacheHint::new().do_not_store(), answer);
            }
            answer.extensions_mut().insert(DoNotStore);
            answer
        });
        setup.get("/a").await;
        setup.clock.advance(61);
        assert_eq!(setup.get("/a").await.text(), "body");
        assert_eq!(setup.cache.stats().responses(), 0, "{by_hint}");
    }
}

#[tokio::test]
async fn hint_with_more_tags_than_there_may_be_makes_no_entry_of_a_304() {
    let setup = validated(first(), |answer| {
        let many = (0..300).map(|n| n.to_string());
        saying(CacheHint::new().tags(many), answer)
    });
    expire_and_validate(&setup).await;
    assert_eq!(setup.cache.stats().responses(), 0);
}

#[tokio::test]
async fn a_cache_around_another_reads_the_hint_too() {
    let inner = larder::Cache::builder().build();
    let origin = handler(first().tag("brand:7"), &[]);
    let route = || RoutePolicy::shared(MINUTE);
    let within = CacheLayer::new(inner).with_route_policy(route());
    let outer = larder::Cache::builder().build();
    let around = CacheLayer::new(outer.clone()).with_route_policy(route());
    let service = around.layer(within.layer(origin));
    let answer = service.oneshot(larder_tests::get("/a")).await.unwrap();
    larder_tests::Reply::read(answer).await;
    let purge = larder::Purge::tag("brand:7");
    assert_eq!(outer.estimate(&purge).responses(), 1);
}
