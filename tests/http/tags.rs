//! Tags from every source: by each of them a response can be purged, whatever became of it since.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::Response;
use larder::{Cache, CacheHint, CacheLayer, Key, Purge, RoutePolicy};
use larder_tests::{
    Crowd, Gate, Origin, Reply, Setup, Slow, feed, get, replies, request, response, settle,
};

use crate::collapse::{FRESH, told};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// With a hint that gives these tags.
pub(crate) fn hinted(mut response: Response<Body>, tags: &[&str]) -> Response<Body> {
    let hint = CacheHint::new().tags(tags.iter().copied());
    hint.add_to(response.extensions_mut());
    response
}

impl Purged for Setup {
    fn cache(&self) -> &Cache {
        &self.cache
    }
}

impl Purged for Crowd {
    fn cache(&self) -> &Cache {
        &self.cache
    }
}

pub(crate) trait Purged {
    fn cache(&self) -> &Cache;

    /// How many stored responses have a tag.
    fn have(&self, tag: &str) -> u64 {
        self.cache().estimate(&Purge::tag(tag)).responses()
    }

    fn purge(&self, tag: &str) {
        self.cache().purge(Purge::tag(tag));
    }
}

#[tokio::test]
async fn a_response_is_purged_by_a_tag_of_any_source() {
    let route = || {
        RoutePolicy::shared(MINUTE)
            .tag("route")
            .tag_with(|request| [format!("path:{}", request.uri().path())])
    };
    for tag in [
        "route",
        "path:/a",
        "hint",
        "hint two",
        "Field One",
        "field-two",
        "key1",
        "key2",
        "x1",
        "x2",
    ] {
        let origin = Origin::new(|_, calls| {
            let fields = [
                ("cache-tag", "Field One, field-two"),
                ("surrogate-key", "key1 key2"),
                ("xkey", "x1"),
                ("xkey", "x2"),
            ];
            let answer = response(200, &fields, format!("call {}", calls + 1));
            hinted(answer, &["hint", "hint two"])
        });
        let layer = |cache| CacheLayer::new(cache).with_route_policy(route());
        let setup = Setup::with_layer(origin, layer);
        setup.get("/a").await;
        for other in ["Route", "field one", "KEY1", "x", "x1,", "hint  two", ""] {
            setup.purge(other);
        }
        assert!(setup.get("/a").await.is_hit(), "{tag}");
        setup.purge(tag);
        assert_eq!(setup.get("/a").await.text(), "call 2", "{tag}");
        assert!(setup.get("/a").await.is_hit());
    }
}

#[tokio::test]
async fn tags_are_made_of_declared_inputs_only() {
    let route = RoutePolicy::shared(MINUTE)
        .key(Key::new().query(["currency"]).header("x-region"))
        .tag_with(|request| {
            let value = |name| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
            let query = request.uri().query().unwrap_or_default().to_owned();
            [
                value("x-region"),
                value("x-user"),
                value("cookie"),
                Some(query),
            ]
            .into_iter()
            .flatten()
        });
    let layer = |cache| CacheLayer::new(cache).with_route_policy(route);
    let setup = Setup::with_layer(Origin::ok(&[]), layer);
    let fields = [("x-region", "eu"), ("x-user", "7"), ("cookie", "id=7")];
    assert!(
        setup
            .get_with("/a?utm=1&currency=eur", &fields)
            .await
            .is_stored()
    );
    for tag in ["eu", "currency=eur"] {
        assert_eq!(setup.have(tag), 1, "{tag}");
    }
    for tag in ["7", "id=7", "utm=1&currency=eur"] {
        assert_eq!(setup.have(tag), 0, "{tag}");
    }
}

#[tokio::test]
async fn a_full_response_replaces_all_that_the_old_one_said() {
    let origin = Origin::new(|_, calls| {
        let (field, hint) = [("f1", "h1"), ("f2", "h2")][calls];
        let fields = [FRESH, ("cache-tag", field), ("cache-groups", "\"g\"")];
        hinted(response(200, &fields, ""), &[hint])
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    setup.get("/a").await;
    for old in ["f1", "h1"] {
        setup.purge(old);
    }
    assert!(setup.get("/a").await.is_hit());
    assert_eq!((setup.have("f2"), setup.have("h2")), (1, 1));
}

/// Two requests with one key, whose tags come of what is not in it: what is stored was made for the
/// one, and is answered with to the other.
#[tokio::test]
async fn what_another_request_validated_keeps_the_tags_of_the_one_it_was_made_for() {
    let route = RoutePolicy::obey().tag_with(|request| {
        let asks = request.headers().get("x-asks")?;
        Some(asks.to_str().ok()?.to_owned())
    });
    let origin = Origin::new(|seen, _| {
        let status = if seen.headers.contains_key("if-none-match") {
            304
        } else {
            200
        };
        response(status, &[FRESH, ("etag", "\"v\"")], "")
    });
    let layer = |cache| CacheLayer::new(cache).with_route_policy(route);
    let setup = Setup::with_layer(origin, layer);
    for asks in ["one", "two"] {
        setup.get_with("/a", &[("x-asks", asks)]).await;
        setup.clock.advance(61);
    }
    assert_eq!((setup.have("one"), setup.have("two")), (1, 1));
    setup.purge("one");
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
async fn a_response_with_more_tags_than_the_limits_is_not_stored() {
    let many = |count: usize| (0..count).map(|n| format!("tag-{n}")).collect::<Vec<_>>();
    for (tags, stored) in [
        (many(256), true),
        (many(257), false),
        (vec!["t".repeat(1024)], true),
        (vec!["t".repeat(1025)], false),
        (vec![String::new(); 300], true),
        (vec!["same".to_owned(); 300], true),
        ((0..17).map(|n| format!("{n:01000}")).collect(), false),
    ] {
        for by_route in [true, false] {
            let (given, layer_tags) = (tags.clone(), tags.clone());
            let origin = Origin::new(move |_, _| {
                let tags: Vec<_> = given.iter().map(String::as_str).collect();
                hinted(
                    response(200, &[FRESH], ""),
                    if by_route { &[] } else { &tags },
                )
            });
            let route = RoutePolicy::obey().tag_with(move |_| layer_tags.clone());
            let route = if by_route { route } else { RoutePolicy::obey() };
            let layer = |cache| CacheLayer::new(cache).with_route_policy(route);
            let setup = Setup::with_layer(origin, layer);
            let told = if stored {
                "stored"
            } else {
                "detail=too-many-tags"
            };
            let expected = format!("larder; fwd=uri-miss; {told}");
            let reply = setup.get("/a").await;
            assert_eq!(
                reply.field("cache-status"),
                expected,
                "{by_route} {}",
                tags.len()
            );
            assert_eq!(setup.cache.stats().responses(), u64::from(stored));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_without_room_for_its_tags_is_nobody_elses() {
    let (origin, gate) = Slow::gated(|_, calls| {
        let tags: Vec<_> = (0..300).map(|n| n.to_string()).collect();
        let tags: Vec<_> = tags.iter().map(String::as_str).collect();
        hinted(response(200, &[FRESH], format!("call {calls}")), &tags)
    });
    let crowd = Crowd::new(origin);
    let clients = crowd.send_all(10, |_| get("/a"));
    settle().await;
    gate.open(10);
    replies(clients).await;
    assert_eq!(crowd.origin.calls(), 10);
}

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
