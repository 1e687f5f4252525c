//! Tags of what is being fetched, and of answers that name what is stored already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::Response;
use larder::{Cache, CacheLayer, Purge, RoutePolicy};
use larder_tests::{
    Crowd, Gate, Origin, Reply, Setup, Slow, feed, get, replies, request, response, settle,
};

use crate::collapse::{FRESH, told};
use crate::tags::{Purged, hinted};

/// A resource whose head tells its tag at once, and whose body ends when the gate lets it.
fn streaming() -> (Crowd, Gate, Arc<AtomicUsize>) {
    let (gate, version) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let (passed, current) = (gate.clone(), Arc::clone(&version));
    let origin = Slow::new(move |_, _| {
        let (gate, version) = (passed.clone(), current.load(Ordering::SeqCst));
        let (feeder, body) = feed();
        feeder.data(format!("version {version}"));
        tokio::spawn(async move {
            gate.pass().await;
            feeder.end();
        });
        let answer = hinted(response(200, &[FRESH], body), &["brand:7"]);
        std::future::ready(Ok(answer))
    });
    (Crowd::new(origin), gate, version)
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_a_purge_gets_nothing_of_a_stream_that_was_named_by_its_head() {
    let (crowd, gate, version) = streaming();
    let before = crowd.send_all(5, |_| get("/a"));
    settle().await;
    assert_eq!(crowd.origin.calls(), 1);
    version.store(1, Ordering::SeqCst);
    crowd.purge("brand:7");
    let after = crowd.send_all(50, |_| get("/a"));
    settle().await;
    gate.open(100);
    assert!(
        replies(before)
            .await
            .iter()
            .all(|r| r.text() == "version 0")
    );
    let after = replies(after).await;
    assert!(after.iter().all(|reply| reply.text() == "version 1"));
    // They share a call of their own.
    assert_eq!(crowd.origin.calls(), 2);
    assert_eq!(told(&after, "larder; fwd=uri-miss; collapsed"), 49);
    let hit = crowd.get("/a").reply().await;
    assert_eq!((hit.is_hit(), hit.text()), (true, "version 1"));
}

/// The purge falls between the call and its response: nobody knows of the tag yet.
#[tokio::test(start_paused = true)]
async fn who_follows_after_a_purge_gets_nothing_that_was_asked_for_before_it() {
    let version = Arc::new(AtomicUsize::new(0));
    let (gate, current) = (Gate::default(), Arc::clone(&version));
    let passed = gate.clone();
    let crowd = Crowd::new(Slow::new(move |_, _| {
        let (gate, version) = (passed.clone(), current.load(Ordering::SeqCst));
        async move {
            gate.pass().await;
            let answer = response(200, &[FRESH], format!("version {version}"));
            Ok(hinted(answer, &["brand:7"]))
        }
    }));
    let before = crowd.get("/a");
    settle().await;
    version.store(1, Ordering::SeqCst);
    crowd.purge("brand:7");
    let after = crowd.send_all(10, |_| get("/a"));
    settle().await;
    gate.open(100);
    assert_eq!(before.reply().await.text(), "version 0");
    assert!(replies(after).await.iter().all(|r| r.text() == "version 1"));
    assert!(crowd.get("/a").reply().await.is_hit());
}

/// Stores a response whose head names it, and lets it expire; it is validated when the gate lets it.
async fn validating(answer: fn(bool) -> Response<Body>) -> (Crowd, Gate) {
    let (origin, gate) =
        Slow::gated(move |seen, _| answer(seen.headers.contains_key("if-none-match")));
    let crowd = Crowd::new(origin);
    gate.open(1);
    crowd.get("/a").reply().await;
    crowd.clock.advance(61);
    (crowd, gate)
}

const TAGGED: [(&str, &str); 2] = [FRESH, ("etag", "\"v\"")];

#[tokio::test(start_paused = true)]
async fn validation_under_way_does_not_bring_back_what_was_purged_by_a_tag_of_its_head() {
    let answer = |conditional| {
        let status = if conditional { 304 } else { 200 };
        let answer = response(status, &TAGGED, "");
        // The 304 does not repeat it.
        if conditional {
            answer
        } else {
            hinted(answer, &["brand:7"])
        }
    };
    let (crowd, gate) = validating(answer).await;
    let validating = crowd.get("/a");
    settle().await;
    crowd.purge("brand:7");
    // Whoever comes now does not wait for that.
    let after = crowd.send_all(3, |_| get("/a"));
    settle().await;
    assert_eq!(crowd.origin.calls(), 3);
    gate.open(1);
    validating.reply().await;
    assert_eq!(crowd.have("brand:7"), 0);
    gate.open(9);
    let after = replies(after).await;
    assert_eq!(told(&after, "larder; fwd=uri-miss; stored"), 1);
    assert_eq!((crowd.have("brand:7"), crowd.origin.calls()), (1, 3));
}

#[tokio::test]
async fn background_validation_names_what_it_stores() {
    let fresh = ("cache-control", "max-age=60, stale-while-revalidate=60");
    for status in [304, 200] {
        let origin = Origin::new(move |seen, calls| {
            let conditional = seen.headers.contains_key("if-none-match");
            let status = if conditional { status } else { 200 };
            let tag = format!("t{calls}");
            let fields = [fresh, ("etag", "\"v\""), ("cache-tag", &*tag)];
            hinted(response(status, &fields, ""), &[&format!("h{calls}")])
        });
        let setup = Setup::with_layer(origin, |cache| {
            CacheLayer::new(cache).with_route_policy(RoutePolicy::obey().tag("route"))
        });
        setup.get("/a").await;
        setup.clock.advance(61);
        assert!(setup.get("/a").await.is_hit());
        settle().await;
        assert_eq!(setup.origin.calls(), 2, "{status}");
        for (tag, has) in [("t0", 0), ("h0", 0), ("t1", 1), ("h1", 1), ("route", 1)] {
            assert_eq!(setup.have(tag), has, "{status} {tag}");
        }
    }
}

#[tokio::test]
async fn answers_to_head_have_names_and_those_that_freshen_a_get_give_theirs() {
    let fields = |tag| [FRESH, ("content-length", "4"), ("cache-tag", tag)];
    let origin = Origin::new(move |seen, calls| {
        let body = if seen.method == "HEAD" { "" } else { "body" };
        let answer = response(200, &fields(["t0", "t1", "t2"][calls]), body);
        if calls == 1 {
            hinted(answer, &["hint"])
        } else {
            answer
        }
    });
    let setup = Setup::shared(origin);
    let head = || request("HEAD", "/a", &[]);
    // Of its own.
    assert!(setup.send(head()).await.is_stored());
    assert_eq!(setup.have("t0"), 1);
    setup.purge("t0");
    assert!(setup.send(head()).await.is_stored());
    assert_eq!((setup.have("t1"), setup.have("hint")), (1, 1));
    setup.cache.clear();

    let origin = Origin::new(move |seen, _| match seen.method.as_str() {
        "HEAD" => response(200, &fields("new"), ""),
        _ => hinted(response(200, &fields("old"), "body"), &["hint"]),
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    setup.send(head()).await;
    assert_eq!(setup.have("old"), 0);
    // Said nothing of by the answer to HEAD.
    assert_eq!(
        setup.stored("/a").await.map(|hit| hit.body),
        Some(b"body".to_vec())
    );
    setup.purge("hint");
    assert!(setup.stored("/a").await.is_none());
}

#[tokio::test]
async fn what_a_head_marked_as_invalid_is_purged_by_its_tags() {
    let origin = Origin::new(|seen, calls| match seen.method.as_str() {
        "HEAD" => response(200, &[FRESH, ("etag", "\"w\"")], ""),
        _ => hinted(
            response(200, &TAGGED, format!("call {calls}")),
            &["brand:7"],
        ),
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    setup.send(request("HEAD", "/a", &[])).await;
    assert_eq!(setup.have("brand:7"), 1);
    setup.purge("brand:7");
    setup.get("/a").await;
    assert!(
        !setup
            .origin
            .last_seen()
            .headers
            .contains_key("if-none-match")
    );
}

#[tokio::test]
async fn answers_to_query_are_purged_by_their_tags() {
    use larder::{Policy, QueryContentLayer};
    use tower::{ServiceBuilder, ServiceExt};

    let origin = Origin::new(|_, calls| {
        let fields = [FRESH, ("xkey", "search")];
        hinted(
            response(200, &fields, format!("call {calls}")),
            &["brand:7"],
        )
    });
    let cache = Cache::builder().build();
    let policy = Policy::shared().with_query_method(true);
    let service = ServiceBuilder::new()
        .layer(QueryContentLayer::new(64, Body::new))
        .layer(CacheLayer::new(cache.clone()).with_policy(policy))
        .service(origin);
    let query = async || {
        let mut request = request("QUERY", "/search", &[("content-type", "text/plain")]);
        *request.body_mut() = Body::from("shoes");
        Reply::read(service.clone().oneshot(request).await.unwrap()).await
    };
    for tag in ["search", "brand:7"] {
        assert!(query().await.is_stored());
        assert!(query().await.is_hit());
        cache.purge(Purge::tag(tag));
    }
    assert!(query().await.is_stored());
}
