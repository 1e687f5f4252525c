//! Tags from every source: by each of them a response can be purged, whatever became of it since.

use std::time::Duration;

use axum::body::Body;
use http::Response;
use larder::{Cache, CacheHint, CacheLayer, Key, Purge, RoutePolicy};
use larder_tests::{Crowd, Origin, Setup, Slow, get, replies, response, settle};

use crate::collapse::FRESH;

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
