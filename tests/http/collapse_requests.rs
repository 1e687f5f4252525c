//! Requests of other kinds for what is being fetched.

use larder::Policy;
use larder_tests::{
    Client, Crowd, Feed, Gate, Slow, fed_first, get, replies, request, response, settle,
};

use crate::collapse::{FOLLOWER, FRESH, LEADER, told};

const TAG: (&str, &str) = ("etag", "\"a\"");

/// What waits at the gate is answered according to its method and fields.
fn gated() -> (Crowd, Gate) {
    let (origin, gate) = Slow::gated(|seen, _| {
        let has = |name| seen.headers.contains_key(name);
        if has("if-none-match") {
            return response(304, &[FRESH, TAG], "");
        }
        if has("range") {
            let range = ("content-range", "bytes 0-3/10");
            return response(206, &[FRESH, TAG, range], "0123");
        }
        let body = if seen.method == "HEAD" {
            ""
        } else {
            "0123456789"
        };
        response(200, &[FRESH, TAG, ("content-length", "10")], body)
    });
    (Crowd::new(origin), gate)
}

/// A leader at the gate, and so many followers.
async fn led(crowd: &Crowd, followers: usize) -> Vec<Client> {
    let clients = crowd.send_all(1 + followers, |_| get("/a"));
    settle().await;
    assert_eq!(crowd.origin.calls(), 1);
    clients
}

async fn assert_whole(clients: Vec<Client>) {
    let replies = replies(clients).await;
    assert!(replies.iter().all(|reply| reply.text() == "0123456789"));
    assert_eq!(
        (told(&replies, LEADER), told(&replies, FOLLOWER)),
        (1, replies.len() - 1)
    );
}

#[tokio::test(start_paused = true)]
async fn range_and_conditional_requests_go_forward_at_once_and_disturb_nobody() {
    for (field, status) in [
        (("range", "bytes=0-3"), 206),
        (("if-none-match", "\"a\""), 304),
    ] {
        let (crowd, gate) = gated();
        let clients = led(&crowd, 10).await;
        let other = crowd.send(request("GET", "/a", &[field]));
        settle().await;
        assert_eq!(crowd.origin.calls(), 2);
        gate.open(2);
        let other = other.reply().await;
        assert_eq!(other.status, status);
        assert!(!other.field("cache-status").contains("collapsed"));
        assert_whole(clients).await;
        // What is stored is the whole.
        let again = crowd.send(request("GET", "/a", &[field])).reply().await;
        assert!(again.is_hit());
        assert_eq!((again.status.as_u16(), crowd.origin.calls()), (status, 2));
    }
}

/// `/a` is stored and has expired.
async fn expired() -> (Crowd, Feed, Gate) {
    let (answer, feeder) = fed_first(&[FRESH, TAG]);
    let (origin, gate) = Slow::gated(move |seen, before| match before {
        0 => response(200, &[FRESH, TAG], "0123456789"),
        _ if seen.uri.query().is_none() => response(304, &[FRESH, TAG], ""),
        _ => answer(seen, before),
    });
    let crowd = Crowd::new(origin);
    (crowd, feeder, gate)
}

#[tokio::test(start_paused = true)]
async fn range_and_conditional_requests_follow_a_validation() {
    for (path, body) in [("/a", "0123456789"), ("/a?new", "abcdefghij")] {
        let (crowd, feeder, gate) = expired().await;
        gate.open(1);
        assert!(crowd.get(path).reply().await.is_stored());
        crowd.clock.advance(61);
        let leader = crowd.get(path);
        settle().await;
        let ranges = crowd.send_all(10, |_| request("GET", path, &[("range", "bytes=2-4")]));
        let known = [("if-none-match", "\"a\"")];
        let conditional = crowd.send_all(10, |_| request("GET", path, &known));
        settle().await;
        assert_eq!(crowd.origin.calls(), 2);
        gate.open(1);
        settle().await;
        let (first, second) = body.split_at(5);
        feeder.data(first);
        settle().await;
        feeder.data(second);
        feeder.end();
        assert_eq!(leader.reply().await.text(), body);
        for reply in replies(ranges).await {
            assert_eq!((reply.status.as_u16(), reply.text()), (206, &body[2..=4]));
            assert_eq!(reply.field("content-range"), "bytes 2-4/10");
            let told = reply.field("cache-status");
            assert_eq!(told, "larder; fwd=stale; collapsed");
        }
        for reply in replies(conditional).await {
            assert_eq!((reply.status.as_u16(), reply.text()), (304, ""));
        }
        assert_eq!(crowd.origin.calls(), 2, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn head_and_get_are_one_call_each() {
    let (crowd, gate) = gated();
    let gets = led(&crowd, 10).await;
    let heads = crowd.send_all(10, |_| request("HEAD", "/a", &[]));
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    gate.open(2);
    assert_whole(gets).await;
    for reply in replies(heads).await {
        assert_eq!((reply.status.as_u16(), reply.text()), (200, ""));
        assert_eq!(reply.field("content-length"), "10");
    }
    assert_eq!(crowd.origin.calls(), 2);
    assert!(crowd.get("/a").reply().await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_is_refused_at_once() {
    let (crowd, gate) = gated();
    let clients = led(&crowd, 10).await;
    let cached = [("cache-control", "only-if-cached")];
    let refused = crowd.send(request("GET", "/a", &cached));
    settle().await;
    assert!(refused.is_done());
    assert_eq!(refused.reply().await.status, 504);
    assert_eq!((crowd.origin.calls(), crowd.cache.stats().fills()), (1, 1));
    gate.open(1);
    assert_whole(clients).await;
    let hit = crowd.send(request("GET", "/a", &cached)).reply().await;
    assert!(hit.is_hit());
}

#[tokio::test(start_paused = true)]
async fn request_with_no_store_neither_follows_nor_leads() {
    let (crowd, gate) = gated();
    let clients = led(&crowd, 10).await;
    let no_store = [("cache-control", "no-store")];
    let apart = crowd.send_all(10, |_| request("GET", "/a", &no_store));
    settle().await;
    assert_eq!(crowd.origin.counts().inside, 11);
    gate.open(11);
    assert_whole(clients).await;
    let apart = replies(apart).await;
    let straight = "larder; fwd=uri-miss; detail=request-no-store";
    assert_eq!(told(&apart, straight), 10);
    let stats = crowd.cache.stats();
    assert_eq!((stats.stored(), stats.uncacheable()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn leader_that_wants_no_stored_response_is_followed_all_the_same() {
    for asked in ["no-cache", "max-age=0", "min-fresh=100"] {
        let (answer, feeder) = fed_first(&[FRESH]);
        let crowd = Crowd::with_layer(Slow::second(answer), |layer| {
            layer.with_policy(Policy::conformance())
        });
        let leader = crowd.send(request("GET", "/a", &[("cache-control", asked)]));
        settle().await;
        let followers = crowd.send_all(10, |_| get("/a"));
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        feeder.data("body");
        feeder.end();
        assert_eq!(leader.reply().await.text(), "body");
        let followers = replies(followers).await;
        assert!(followers.iter().all(|reply| reply.text() == "body"));
        assert_eq!(crowd.origin.calls(), 1, "{asked}");
        assert_eq!(crowd.cache.stats().uncacheable(), 0, "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_stored_response_does_not_wait_for_another() {
    let (origin, gate) = Slow::gated(|_, before| response(200, &[FRESH], before.to_string()));
    let crowd = Crowd::with_layer(origin, |layer| layer.with_policy(Policy::conformance()));
    let leader = crowd.get("/a");
    settle().await;
    let picky = crowd.send(request("GET", "/a", &[("cache-control", "no-cache")]));
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    gate.open(2);
    assert_eq!(leader.reply().await.text(), "0");
    assert_eq!(picky.reply().await.text(), "1");
}
