//! Whose `no-cache` makes the cache validate what it has (RFC 9111 sections 5.2.1.4 and 5.4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{HeaderMap, Request};
use larder::{CacheLayer, ForcedRefresh, Policy, RequestView, RoutePolicy};
use larder_tests::{Crowd, Origin, Reply, Setup, Slow, get, request, response, settle};

use crate::scene::secs;
use crate::users::UserId;

#[derive(Clone)]
struct Editor;

const NO_CACHE: (&str, &str) = ("cache-control", "no-cache");

/// An editor's request is honoured, and anybody else's is what the test says.
fn editors(others: ForcedRefresh) -> impl Fn(&RequestView<'_>) -> ForcedRefresh + Send + Sync {
    move |request| match request.extensions().get() {
        Some(Editor) => ForcedRefresh::Honour,
        None => others,
    }
}

fn by_editor(fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = request("GET", "/a", fields);
    request.extensions_mut().insert(Editor);
    request
}

fn on(origin: Origin, others: ForcedRefresh) -> Setup {
    let route = RoutePolicy::shared(secs(60)).forced_refresh(editors(others));
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

async fn hit(setup: &Setup) -> Reply {
    let reply = setup.get("/a").await;
    assert!(reply.is_hit());
    reply
}

#[tokio::test]
async fn what_a_permitted_caller_has_refreshed_is_stored_for_all() {
    for field in [NO_CACHE, ("pragma", "no-cache")] {
        let setup = on(Origin::ok(&[]), ForcedRefresh::Ignore);
        setup.get("/a").await;
        setup.clock.advance(30);
        assert_eq!(
            hit(&setup).await.field("cache-status"),
            "larder; hit; ttl=30"
        );
        let refreshed = setup.send(by_editor(&[field])).await;
        let told = "larder; fwd=request; fwd-status=200; stored";
        assert_eq!(refreshed.field("cache-status"), told);
        assert_eq!(refreshed.text(), "call 2");
        let for_all = hit(&setup).await;
        assert_eq!(for_all.field("cache-status"), "larder; hit; ttl=60");
        assert_eq!(for_all.text(), "call 2");
    }
}

#[tokio::test]
async fn what_is_honoured_is_validated_and_a_304_freshens_what_is_stored() {
    let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
    let origin = Origin::script(&[(200, &fields, "old"), (304, &fields, "")]);
    let setup = on(origin, ForcedRefresh::Ignore);
    setup.get("/a").await;
    setup.clock.advance(30);
    let refreshed = setup.send(by_editor(&[NO_CACHE])).await;
    assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"a\"");
    assert_eq!(refreshed.text(), "old");
    assert_eq!(
        hit(&setup).await.field("cache-status"),
        "larder; hit; ttl=60"
    );
}

#[tokio::test]
async fn what_is_ignored_is_answered_from_the_store() {
    let setup = on(Origin::ok(&[]), ForcedRefresh::Ignore);
    setup.get("/a").await;
    assert!(setup.get_with("/a", &[NO_CACHE]).await.is_hit());
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn what_is_refused_is_answered_403_and_the_handler_is_not_asked() {
    let setup = on(Origin::ok(&[]), ForcedRefresh::Refuse);
    for (refused, method) in [(1, "GET"), (2, "GET"), (3, "HEAD")] {
        let reply = setup.send(request(method, "/a", &[NO_CACHE])).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (403, ""));
        // RFC 9211 section 2: a response that the cache made itself says nothing.
        assert_eq!(reply.headers, HeaderMap::new());
        assert_eq!(setup.cache.stats().refresh_refusals(), refused);
        setup.get("/a").await;
    }
    assert_eq!((setup.origin.calls(), setup.cache.stats().hits()), (1, 2));
    let reply = setup.get_with("/a", &[("pragma", "no-cache")]).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn only_requests_that_ask_for_it_and_are_looked_up_are_decided() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let setup = Setup::with_layer(Origin::ok(&[("cache-control", "max-age=60")]), |cache| {
        CacheLayer::new(cache).with_forced_refresh(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            ForcedRefresh::Refuse
        })
    });
    for (method, fields) in [
        ("GET", &[][..]),
        ("GET", &[]),
        ("GET", &[("cache-control", "max-age=0")]),
        (
            "GET",
            &[("cache-control", "max-age=0"), ("pragma", "no-cache")],
        ),
        ("GET", &[("cache-control", "no-store")]),
        ("GET", &[NO_CACHE, ("if-match", "*")]),
        ("OPTIONS", &[NO_CACHE]),
        ("POST", &[NO_CACHE]),
    ] {
        let reply = setup.send(request(method, "/a", fields)).await;
        assert_eq!(reply.status, 200, "{method} {fields:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(setup.get_with("/a", &[NO_CACHE]).await.status, 403);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn client_s_request_is_seen_with_what_the_handler_does_not_see() {
    let route = RoutePolicy::shared(secs(60)).forced_refresh(|request| {
        let key = request.headers().get("x-api-key");
        let query = request.uri().query();
        if key.is_some_and(|key| key == "k") && query == Some("q=1&utm_source=m") {
            ForcedRefresh::Honour
        } else {
            ForcedRefresh::Refuse
        }
    });
    let route = route.key(larder::Key::new().query(["q"]));
    let setup = Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    let path = "/a?q=1&utm_source=m";
    setup.get(path).await;
    let refreshed = setup.get_with(path, &[NO_CACHE, ("x-api-key", "k")]).await;
    assert_eq!(refreshed.text(), "call 2");
    let seen = setup.origin.last_seen();
    assert!(!seen.headers.contains_key("x-api-key"));
    assert_eq!(seen.uri, "/a?q=1");
    assert_eq!(setup.get_with(path, &[NO_CACHE]).await.status, 403);
}

#[tokio::test]
async fn without_a_decision_the_policy_says_whether_no_cache_is_honoured() {
    let fresh = [("cache-control", "max-age=60")];
    for (policy, calls) in [(Policy::shared(), 1), (Policy::conformance(), 2)] {
        let setup = Setup::with_policy(Origin::ok(&fresh), policy);
        setup.get("/a").await;
        setup.get_with("/a", &[NO_CACHE]).await;
        assert_eq!(setup.origin.calls(), calls);
    }
    let setup = Setup::with_layer(Origin::ok(&fresh), |cache| {
        CacheLayer::new(cache)
            .with_policy(Policy::conformance())
            .with_forced_refresh(editors(ForcedRefresh::Ignore))
    });
    setup.get("/a").await;
    assert!(setup.get_with("/a", &[NO_CACHE]).await.is_hit());
    setup.send(by_editor(&[NO_CACHE])).await;
    assert_eq!(setup.origin.calls(), 2);
}

#[tokio::test]
async fn only_if_cached_with_no_cache_is_what_was_decided() {
    let both = [("cache-control", "no-cache, only-if-cached")];
    let setup = on(Origin::ok(&[]), ForcedRefresh::Ignore);
    setup.get("/a").await;
    assert!(setup.get_with("/a", &both).await.is_hit());
    assert_eq!(setup.send(by_editor(&both)).await.status, 504);
    let setup = on(Origin::ok(&[]), ForcedRefresh::Refuse);
    assert_eq!(setup.get_with("/a", &both).await.status, 403);
    assert_eq!(setup.origin.calls(), 0);
}

#[tokio::test]
async fn user_refreshes_their_own_copy_and_no_other() {
    let route = RoutePolicy::per_user::<UserId>(secs(60)).forced_refresh(|request| {
        match request.extensions().get() {
            Some(UserId("a" | "b")) => ForcedRefresh::Honour,
            _ => ForcedRefresh::Refuse,
        }
    });
    let setup = Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    let send = async |user: Option<&'static str>, fields: &[_]| {
        let mut request = request("GET", "/me", fields);
        if let Some(user) = user {
            request.extensions_mut().insert(UserId(user));
        }
        setup.send(request).await
    };
    for (user, call) in [("a", "call 1"), ("b", "call 2")] {
        assert_eq!(send(Some(user), &[]).await.text(), call);
    }
    assert_eq!(send(Some("a"), &[NO_CACHE]).await.text(), "call 3");
    assert_eq!(send(Some("a"), &[]).await.text(), "call 3");
    assert_eq!(send(Some("b"), &[]).await.text(), "call 2");
    assert_eq!(send(Some("c"), &[NO_CACHE]).await.status, 403);
    // Nobody's is not looked up, so there is nothing to refuse.
    assert_eq!(send(None, &[NO_CACHE]).await.text(), "call 4");
}

/// With a handler that answers each call when it is let.
fn crowd() -> (Crowd, larder_tests::Gate) {
    let answer = |_: &larder_tests::Seen, calls| response(200, &[], format!("call {}", calls + 1));
    let (slow, gate) = Slow::gated(answer);
    let route = RoutePolicy::shared(secs(60)).forced_refresh(editors(ForcedRefresh::Ignore));
    (
        Crowd::with_layer(slow, |layer| layer.with_route_policy(route)),
        gate,
    )
}

#[tokio::test(start_paused = true)]
async fn honoured_request_follows_nobody_and_an_ignored_one_does() {
    let (crowd, gate) = crowd();
    let first = crowd.get("/a");
    settle().await;
    let ignored = crowd.send(request("GET", "/a", &[NO_CACHE]));
    let editor = crowd.send(by_editor(&[NO_CACHE]));
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    gate.open(9);
    assert_eq!(first.reply().await.text(), "call 1");
    let ignored = ignored.reply().await;
    assert_eq!(
        ignored.field("cache-status"),
        "larder; fwd=uri-miss; collapsed"
    );
    assert_eq!(editor.reply().await.text(), "call 2");
    assert_eq!(crowd.get("/a").reply().await.text(), "call 2");
}

#[tokio::test(start_paused = true)]
async fn others_may_follow_an_honoured_request_that_leads() {
    let (crowd, gate) = crowd();
    let editor = crowd.send(by_editor(&[NO_CACHE]));
    settle().await;
    let other = crowd.get("/a");
    settle().await;
    assert_eq!(crowd.origin.calls(), 1);
    gate.open(9);
    assert_eq!(editor.reply().await.text(), "call 1");
    let other = other.reply().await;
    assert_eq!(
        other.field("cache-status"),
        "larder; fwd=uri-miss; collapsed"
    );
}

#[tokio::test(start_paused = true)]
async fn others_are_answered_from_the_store_while_a_refresh_is_forced() {
    let (crowd, gate) = crowd();
    gate.open(1);
    crowd.get("/a").reply().await;
    let editor = crowd.send(by_editor(&[NO_CACHE]));
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    let other = crowd.send(get("/a")).reply().await;
    assert!(other.is_hit());
    assert_eq!(other.text(), "call 1");
    gate.open(1);
    assert_eq!(editor.reply().await.text(), "call 2");
    assert_eq!(crowd.get("/a").reply().await.text(), "call 2");
}

#[tokio::test(start_paused = true)]
async fn forced_refresh_that_began_before_a_purge_does_not_bring_the_old_state_back() {
    let (crowd, gate) = crowd();
    gate.open(1);
    crowd.get("/a").reply().await;
    let editor = crowd.send(by_editor(&[NO_CACHE]));
    settle().await;
    crowd.cache.purge(larder::Purge::everything());
    gate.open(2);
    assert_eq!(editor.reply().await.text(), "call 2");
    assert_eq!(crowd.get("/a").reply().await.text(), "call 3");
}
