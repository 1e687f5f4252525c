//! Responses that are not for others: everybody goes forward, and nobody queues for nothing.

use std::collections::HashSet;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::Policy;
use larder::policy::key::Partition;
use larder_tests::{Crowd, Reply, Seen, Slow, get, replies, request, response, settle};
use tokio::time::sleep;

use crate::collapse::{FOLLOWER, FRESH, LEADER, streamed, told};

/// The user whose request it is, by either kind of credentials.
fn user(seen: &Seen) -> String {
    let of = |name| seen.headers.get(name).map(|value| value.to_str().unwrap());
    let user = of("cookie").or_else(|| of("authorization"));
    user.unwrap_or("anonymous").to_owned()
}

/// Answers with the user's name after a second.
fn naming_users(cache_control: &'static str) -> Slow {
    Slow::second(move |seen, _| response(200, &[("cache-control", cache_control)], user(seen)))
}

fn as_user(field: &'static str) -> impl Fn(usize) -> Request<Body> {
    move |client| request("GET", "/a", &[(field, &format!("user={client}"))])
}

fn assert_own(replies: &[Reply]) {
    for (client, reply) in replies.iter().enumerate() {
        assert_eq!(reply.text(), format!("user={client}"));
    }
}

#[tokio::test(start_paused = true)]
async fn thousand_users_get_their_own_private_response_side_by_side() {
    for field in ["cookie", "authorization"] {
        let crowd = Crowd::new(naming_users("private, max-age=60"));
        let first = replies(crowd.send_all(1_000, as_user(field))).await;
        assert_own(&first);
        let waited = "larder; fwd=uri-miss; collapsed=?0; detail=private";
        let straight = "larder; fwd=uri-miss; detail=private";
        assert_eq!((told(&first, straight), told(&first, waited)), (1, 999));
        let counts = crowd.origin.counts();
        assert_eq!((counts.calls, counts.overlap), (1_000, 999));

        let second = crowd.send_all(1_000, as_user(field));
        settle().await;
        assert_eq!(crowd.origin.counts().inside, 1_000);
        let second = replies(second).await;
        assert_own(&second);
        assert_eq!(told(&second, straight), 1_000);
        let stats = crowd.cache.stats();
        assert_eq!((stats.collapsed(), stats.stored()), (0, 0));
        assert_eq!((stats.misses(), stats.uncacheable()), (2_000, 1));
    }
}

#[derive(Clone)]
struct UserId(usize);

fn in_partition(client: usize) -> Request<Body> {
    let mut request = as_user("cookie")(client);
    request.extensions_mut().insert(UserId(client));
    request
}

fn partitioned() -> Crowd {
    Crowd::with_layer(naming_users("private, max-age=60"), |layer| {
        let layer = layer.with_policy(Policy::private());
        layer.with_partition(|extensions| {
            let UserId(id) = extensions.get()?;
            Partition::of("user", &id.to_be_bytes()).ok()
        })
    })
}

#[tokio::test(start_paused = true)]
async fn thousand_users_in_partitions_do_not_wait_for_one_another() {
    let crowd = partitioned();
    let clients = crowd.send_all(1_000, in_partition);
    settle().await;
    assert_eq!(crowd.origin.counts().inside, 1_000);
    let first = replies(clients).await;
    assert_own(&first);
    assert_eq!(told(&first, LEADER), 1_000);
    let second = replies(crowd.send_all(1_000, in_partition)).await;
    assert_own(&second);
    assert!(second.iter().all(Reply::is_hit));
    assert_eq!(crowd.origin.calls(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_user_collapse_and_those_of_nobody_do_not() {
    let crowd = partitioned();
    let mine = replies(crowd.send_all(10, |_| in_partition(7))).await;
    assert!(mine.iter().all(|reply| reply.text() == "user=7"));
    assert_eq!((told(&mine, LEADER), told(&mine, FOLLOWER)), (1, 9));
    assert_eq!(crowd.origin.calls(), 1);
    let nobody = replies(crowd.send_all(10, |_| get("/a"))).await;
    assert!(nobody.iter().all(|reply| reply.text() == "anonymous"));
    assert_eq!(crowd.origin.counts().overlap, 10);
}

#[tokio::test(start_paused = true)]
async fn after_a_while_requests_wait_for_one_another_again() {
    let crowd = Crowd::with_cache(naming_users("private"), |cache| {
        cache.uncacheable_for(Duration::from_secs(20))
    });
    replies(crowd.send_all(10, as_user("cookie"))).await;
    // Each response marks the key anew.
    for (later, inside) in [(19, 10), (20, 1)] {
        crowd.clock.advance(later);
        let clients = crowd.send_all(10, as_user("cookie"));
        settle().await;
        assert_eq!(crowd.origin.counts().inside, inside, "{later}");
        assert_own(&replies(clients).await);
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_is_stored_ends_the_time_apart() {
    let streaming: fn() -> Body = || streamed(2).0;
    for public in [streaming, || Body::from(streamed(2).1)] {
        let origin = Slow::second(move |_, before| match before {
            0 => response(200, &[("cache-control", "private")], "private"),
            _ => response(200, &[FRESH], public()),
        });
        let hour = Duration::from_secs(3600);
        let crowd = Crowd::with_cache(origin, |cache| cache.uncacheable_for(hour));
        assert_eq!(crowd.get("/a").reply().await.text(), "private");
        assert_eq!(crowd.cache.stats().uncacheable(), 1);
        assert!(crowd.get("/a").reply().await.is_stored());
        assert_eq!(crowd.cache.stats().uncacheable(), 0);
        crowd.clock.advance(61);
        let again = replies(crowd.send_all(100, |_| get("/a"))).await;
        assert!(again.iter().all(|reply| reply.body == streamed(2).1));
        assert_eq!(crowd.origin.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_remembered_up_to_a_number() {
    let crowd = Crowd::with_cache(naming_users("private"), |cache| cache.max_uncacheable(10));
    replies(crowd.send_all(200, |client| get(&format!("/{client}")))).await;
    let uncacheable = crowd.cache.stats().uncacheable();
    assert!((1..=10).contains(&uncacheable), "{uncacheable}");
    crowd.cache.clear();
    assert_eq!(crowd.cache.stats().uncacheable(), 0);
}

/// An origin whose every response is another, also in what it sets.
fn numbering(status: u16, field: (&'static str, &'static str)) -> Slow {
    Slow::second(move |_, before| -> Response<Body> {
        let value = field.1.replace('N', &before.to_string());
        let fields = [FRESH, (field.0, value.as_str())];
        response(status, &fields, before.to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn responses_that_are_not_stored_are_everybodys_own() {
    for (status, field, is_marked) in [
        (200, ("cache-control", "no-store"), true),
        (200, ("cache-control", "private"), true),
        (200, ("set-cookie", "session=N"), true),
        (200, ("vary", "*"), true),
        (200, ("content-length", "99999999"), true),
        (404, ("cache-control", "no-store"), true),
        (500, ("x", ""), false),
        (503, ("retry-after", "1"), false),
    ] {
        let crowd = Crowd::new(numbering(status, field));
        let first = replies(crowd.send_all(100, |_| get("/a"))).await;
        let own: HashSet<_> = first.iter().map(|reply| reply.body.clone()).collect();
        assert_eq!(own.len(), 100, "{field:?}");
        if field.0 == "set-cookie" {
            let own: HashSet<_> = first
                .iter()
                .map(|reply| reply.field("set-cookie"))
                .collect();
            assert_eq!(own.len(), 100);
        }
        let counts = crowd.origin.counts();
        assert_eq!((counts.calls, counts.overlap), (100, 99), "{field:?}");
        crowd.send_all(100, |_| get("/a"));
        settle().await;
        let at_once = if is_marked { 100 } else { 1 };
        assert_eq!(crowd.origin.counts().inside, at_once, "{field:?}");
    }
}

/// Answers users with what is theirs, and everybody else with what all may have.
fn greeting(private: &'static str) -> Slow {
    Slow::second(move |seen, _| {
        let user = user(seen);
        let for_all = user == "anonymous";
        let control = if for_all { "max-age=60" } else { private };
        response(200, &[("cache-control", control)], user)
    })
}

#[tokio::test(start_paused = true)]
async fn leader_with_credentials_does_not_keep_the_others_from_collapsing() {
    for private in ["max-age=60", "private, max-age=60", "no-store"] {
        for field in ["cookie", "authorization"] {
            let crowd = Crowd::new(greeting(private));
            let users = crowd.send_all(50, as_user(field));
            let anonymous = crowd.send_all(100, |_| get("/a"));
            sleep(Duration::from_millis(1_500)).await;
            // The leader was answered; its like go side by side, and one leads the anonymous.
            assert_eq!(crowd.origin.counts().inside, 50);
            assert_own(&replies(users).await);
            let anonymous = replies(anonymous).await;
            assert!(anonymous.iter().all(|reply| reply.text() == "anonymous"));
            assert_eq!(told(&anonymous, FOLLOWER), 99);
            assert_eq!(crowd.origin.calls(), 51);
        }
    }
}
