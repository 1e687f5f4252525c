//! Several stored responses under one key: which of them wins, and how many there may be.

use std::sync::Mutex;

use axum::body::Body;
use http::Response;
use http_body_util::BodyExt;
use larder::CacheLayer;
use larder_tests::{Origin, Setup, feed, get, request, response};
use tower::ServiceExt;

fn varying(vary: &str) -> Setup {
    Setup::shared(varying_origin(vary))
}

fn varying_origin(vary: &str) -> Origin {
    Origin::ok(&[("cache-control", "public, max-age=60"), ("vary", vary)])
}

/// An origin whose `n`th response has the `n`th `Vary` (none where it is empty) and is made so many
/// seconds after eight.
fn changing(responses: &'static [(&'static str, u32)]) -> Origin {
    Origin::new(move |_, calls| {
        let (vary, seconds) = responses[calls];
        let mut response = Response::builder()
            .header("cache-control", "max-age=600")
            .header("date", format!("Fri, 15 Jan 2027 08:00:{seconds:02} GMT"));
        if !vary.is_empty() {
            response = response.header("vary", vary);
        }
        response
            .body(Body::from(format!("call {}", calls + 1)))
            .unwrap()
    })
}

type Fields<'a> = &'a [(&'a str, &'a str)];

async fn assert_miss(setup: &Setup, fields: Fields<'_>) {
    let reply = setup.get_with("/a", fields).await;
    let outcome = reply.field("cache-status");
    assert_eq!(outcome, "larder; fwd=vary-miss; stored", "{fields:?}");
}

async fn assert_hit(setup: &Setup, fields: Fields<'_>, body: &str) {
    let reply = setup.get_with("/a", fields).await;
    assert!(reply.is_hit(), "{fields:?}");
    assert_eq!(reply.text(), body, "{fields:?}");
}

#[tokio::test]
async fn response_that_changes_its_vary_keeps_the_others_usable() {
    let setup = Setup::shared(changing(&[("a", 1), ("b", 2), ("a, b", 3)]));
    assert!(
        setup
            .get_with("/a", &[("a", "1"), ("b", "1")])
            .await
            .is_stored()
    );
    assert_miss(&setup, &[("a", "2"), ("b", "2")]).await;
    assert_hit(&setup, &[("a", "1"), ("b", "3")], "call 1").await;
    assert_hit(&setup, &[("a", "3"), ("b", "2")], "call 2").await;
    assert_miss(&setup, &[("a", "3"), ("b", "3")]).await;
    assert_hit(&setup, &[("a", "3"), ("b", "3")], "call 3").await;
    assert_eq!(setup.cache.stats().responses(), 3);
}

#[tokio::test]
async fn most_recent_by_date_wins_among_several_matches() {
    for (responses, expected) in [
        (&[("a", 10), ("b", 20)], "call 2"),
        (&[("a", 20), ("b", 10)], "call 1"),
        (&[("a", 10), ("b", 10)], "call 2"),
        // One that leaves Vary out would otherwise hide all before it.
        (&[("a", 10), ("", 20)], "call 1"),
    ] {
        let setup = Setup::shared(changing(responses));
        setup.get_with("/a", &[("a", "1"), ("b", "1")]).await;
        assert_miss(&setup, &[("a", "2"), ("b", "2")]).await;
        assert_hit(&setup, &[("a", "1"), ("b", "2")], expected).await;
    }
}

#[tokio::test]
async fn late_response_with_an_older_date_does_not_replace_a_newer_one() {
    for (dates, expected) in [
        ([20, 10], "call 1"),
        ([10, 20], "call 2"),
        ([10, 10], "call 2"),
    ] {
        let (feeders, bodies): (Vec<_>, Vec<_>) = dates.iter().map(|_| feed()).unzip();
        let bodies = Mutex::new(bodies.into_iter());
        let origin = Origin::new(move |_, calls| {
            let date = format!("Fri, 15 Jan 2027 08:00:{} GMT", dates[calls]);
            let fields = [("cache-control", "max-age=600"), ("date", date.as_str())];
            response(200, &fields, bodies.lock().unwrap().next().unwrap())
        });
        // Both are fetched at once.
        let layer = |cache| CacheLayer::new(cache).with_collapsing(false);
        let setup = Setup::with_layer(origin, layer);
        let first = setup.service.clone().oneshot(get("/a")).await.unwrap();
        let second = setup.service.clone().oneshot(get("/a")).await.unwrap();
        for (feeder, body) in feeders.iter().zip(["call 1", "call 2"]) {
            feeder.data(body);
        }
        drop(feeders);
        for response in [first, second] {
            response.into_body().collect().await.unwrap();
        }
        assert_hit(&setup, &[], expected).await;
        assert_eq!(setup.cache.stats().responses(), 1, "{dates:?}");
    }
}

#[tokio::test]
async fn variants_of_a_key_are_bounded_and_the_oldest_goes_first() {
    let setup = Setup::with_cache(varying_origin("x"), |cache| cache.max_variants(3));
    for value in ["1", "2", "3", "4"] {
        setup.get_with("/a", &[("x", value)]).await;
    }
    assert_eq!(setup.cache.stats().responses(), 3);
    for (value, body) in [("2", "call 2"), ("3", "call 3"), ("4", "call 4")] {
        assert_hit(&setup, &[("x", value)], body).await;
    }
    assert_miss(&setup, &[("x", "1")]).await;
}

#[tokio::test]
async fn ten_thousand_user_agents_leave_other_keys_alone() {
    // Even where the number of distinct keys is not limited.
    let setup = Setup::with_layer(varying_origin("user-agent"), |cache| {
        CacheLayer::new(cache).with_cardinality_budget(u64::MAX)
    });
    setup.get("/other").await;
    for agent in 0..10_000 {
        let agent = format!("agent/{agent}");
        setup.get_with("/a", &[("user-agent", &agent)]).await;
    }
    let stats = setup.cache.stats();
    assert_eq!(stats.keys(), 2);
    assert_eq!(stats.responses(), 64 + 1);
    assert!(stats.bytes() < 256 << 10, "{} bytes", stats.bytes());
    assert!(setup.get("/other").await.is_hit());
    assert_hit(&setup, &[("user-agent", "agent/9999")], "call 10001").await;
}

#[tokio::test]
async fn unsafe_request_invalidates_every_variant() {
    let setup = varying("x");
    for value in ["1", "2"] {
        setup.get_with("/a", &[("x", value)]).await;
    }
    setup.send(request("POST", "/a", &[("x", "1")])).await;
    for value in ["1", "2"] {
        assert!(
            !setup.get_with("/a", &[("x", value)]).await.is_hit(),
            "{value}"
        );
    }
}
