//! Who waits for a response that is searched, and what is validated behind the clients' backs.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body_util::BodyExt;
use larder::RoutePolicy;
use larder_tests::{
    Client, Crowd, Feed, Reply, Seen, Slow, fed_first, get, replies, request, response, settle,
    settled,
};
use tokio::task::yield_now;

use crate::collapse::{FOLLOWER, FRESH, LEADER, told};
use crate::tripwire::{ANN, BOB, TRIPPED, assert_told, by, email, route, user, with_user};

fn searched(origin: Slow) -> Crowd {
    Crowd::with_layer(origin, |layer| layer.with_route_policy(route()))
}

/// A route whose first body is fed by hand, to whoever asks.
fn fed() -> (Crowd, Feed) {
    fed_with(&[FRESH])
}

fn fed_with(fields: &[(&'static str, &'static str)]) -> (Crowd, Feed) {
    let (answer, feeder) = fed_first(fields);
    let origin = Slow::new(move |seen, before| std::future::ready(Ok(answer(&seen, before))));
    (searched(origin), feeder)
}

#[tokio::test(start_paused = true)]
async fn followers_wait_until_all_of_a_clean_body_was_searched() {
    let (crowd, feeder) = fed();
    let mut leader = crowd.open(by(ANN)).await.unwrap().unwrap().into_body();
    let followers = crowd.send_all(10, |_| by(BOB));
    for piece in ["one ", "two"] {
        feeder.data(piece);
        let frame = settled(leader.frame()).await.expect("at once");
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), piece);
        settle().await;
        assert!(!followers.iter().any(Client::is_done));
    }
    feeder.end();
    let followers = replies(followers).await;
    assert!(followers.iter().all(|reply| reply.text() == "one two"));
    assert_eq!(told(&followers, FOLLOWER), 10);
    assert_eq!(crowd.origin.calls(), 1);
    assert!(crowd.get("/a").reply().await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_body_that_trips_go_forward_and_see_nothing_of_it() {
    for named in ["at ann+1@", "at ann%2B1%40"] {
        let (crowd, feeder) = fed();
        let leader = crowd.send(by(ANN));
        let followers = crowd.send_all(10, |_| by(BOB));
        settle().await;
        feeder.data("secrets ");
        feeder.data(named);
        settle().await;
        assert_eq!(crowd.origin.calls(), 1);
        feeder.data("example.com!");
        settle().await;
        // They do not wait for the rest.
        assert_eq!(crowd.origin.calls(), 11);
        feeder.end();
        let named = format!("secrets {named}example.com!");
        assert_eq!(leader.reply().await.text(), named);
        for reply in replies(followers).await {
            assert!(reply.text().starts_with("call "), "{}", reply.text());
            assert!(reply.field("cache-status").contains("collapsed=?0"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_body_that_trips_with_its_last_byte_go_forward() {
    for length in [None, Some(("content-length", "25"))] {
        let fields: Vec<_> = [FRESH].into_iter().chain(length).collect();
        let (crowd, feeder) = fed_with(&fields);
        let leader = crowd.send(by(ANN));
        let followers = crowd.send_all(10, |_| by(BOB));
        settle().await;
        feeder.data("secrets ann+1@");
        settle().await;
        feeder.data("example.com");
        settle().await;
        assert_eq!(crowd.origin.calls(), 1);
        feeder.end();
        assert_eq!(leader.reply().await.text(), "secrets ann+1@example.com");
        let followers = replies(followers).await;
        assert!(
            followers
                .iter()
                .all(|reply| reply.text().starts_with("call "))
        );
        assert_eq!(crowd.origin.calls(), 11);
    }
}

/// Names the user after a second.
fn greeting() -> Slow {
    Slow::second(|seen: &Seen, _| -> Response<Body> {
        response(200, &[FRESH], format!("Hello {}", user(seen)))
    })
}

#[tokio::test(start_paused = true)]
async fn users_get_their_own_page_and_do_not_queue_for_one_another() {
    let crowd = searched(greeting());
    let users = |client: usize| by([ANN, BOB][client % 2]);
    for (round, waited) in [(0, 99), (1, 0)] {
        let replies = replies(crowd.send_all(100, users)).await;
        for (client, reply) in replies.iter().enumerate() {
            assert_eq!(reply.text(), format!("Hello {}", [ANN, BOB][client % 2]));
        }
        let straight = told(&replies, TRIPPED);
        assert_eq!(straight, 100 - waited, "{round}");
    }
    let counts = crowd.origin.counts();
    assert_eq!((counts.calls, counts.overlap), (200, 100));
    assert_eq!(crowd.cache.stats().stored(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_known_is_followed_while_the_body_arrives() {
    let (crowd, feeder) = fed();
    let leader = crowd.open(get("/a")).await.unwrap().unwrap();
    let follower = crowd.open(by(ANN)).await.unwrap().unwrap();
    feeder.data("one");
    for response in [leader, follower] {
        let frame = response.into_body().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "one");
    }
}

#[tokio::test(start_paused = true)]
async fn followers_do_not_wait_for_a_leader_that_does_not_read() {
    let (crowd, feeder) = fed();
    let idle = crowd.open(by(ANN)).await.unwrap().unwrap();
    let follower = crowd.send(by(BOB));
    settle().await;
    feeder.data("clean");
    feeder.end();
    let reply = follower.reply().await;
    assert_told(&reply, FOLLOWER);
    assert_eq!(reply.text(), "clean");
    assert_told(&Reply::read(idle).await, LEADER);
}

#[tokio::test(start_paused = true)]
async fn followers_get_what_was_searched_though_the_leader_left() {
    for (rest, calls) in [("clean", 1), ("ann+1@example.com", 3)] {
        let (crowd, feeder) = fed();
        let gone = crowd.open(by(ANN)).await.unwrap().unwrap();
        let followers = crowd.send_all(2, |_| by(BOB));
        settle().await;
        feeder.data("all ");
        drop(gone);
        settle().await;
        feeder.data(rest);
        feeder.end();
        for reply in replies(followers).await {
            assert!(!reply.text().contains("ann"), "{}", reply.text());
        }
        assert_eq!(crowd.origin.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn followers_of_what_is_not_stored_for_other_reasons_are_not_left_waiting() {
    type Ending = fn(&Crowd, Feed);
    let too_large: Ending = |_, feeder| feeder.data(vec![b'x'; 2 << 20]);
    let broken: Ending = |_, feeder| feeder.fail();
    let purged: Ending = |crowd, feeder| {
        crowd.cache.clear();
        feeder.end();
    };
    let more: Ending = |_, feeder| feeder.data("more than was announced");
    for (ending, calls) in [(too_large, 4), (broken, 2), (purged, 2), (more, 4)] {
        let (crowd, feeder) = if calls == 4 && ending as usize == more as usize {
            fed_with(&[FRESH, ("content-length", "9")])
        } else {
            fed()
        };
        let leader = crowd.open(by(ANN)).await.unwrap().unwrap();
        let followers = crowd.send_all(3, |_| by(BOB));
        settle().await;
        feeder.data("part");
        settle().await;
        ending(&crowd, feeder);
        let followers = replies(followers).await;
        assert!(
            followers
                .iter()
                .all(|reply| reply.text().starts_with("call "))
        );
        assert_eq!(crowd.origin.calls(), calls);
        drop(leader);
    }
}

#[tokio::test(start_paused = true)]
async fn what_trips_for_credentials_does_not_keep_others_from_following() {
    for streamed in [false, true] {
        let origin = Slow::second(move |seen: &Seen, _| {
            let (user, rest) = user(seen).split_at(4);
            let pieces = [user, rest].map(|piece| Ok::<_, Infallible>(piece.to_owned()));
            let body = if streamed {
                Body::from_stream(stream::iter(pieces).then(|piece| async {
                    yield_now().await;
                    piece
                }))
            } else {
                Body::from([user, rest].concat())
            };
            response(200, &[("cache-control", "public, max-age=60")], body)
        });
        let obeying = RoutePolicy::obey().tripwire(email);
        let crowd = Crowd::with_layer(origin, |layer| layer.with_route_policy(obeying));
        let with_cookie = || with_user(request("GET", "/a", &[("cookie", "id=1")]), ANN);
        let leader = crowd.send(with_cookie());
        assert_eq!(leader.reply().await.text(), ANN);
        assert_eq!(crowd.cache.stats().uncacheable(), 1);
        let anonymous = replies(crowd.send_all(50, |_| get("/a"))).await;
        assert!(anonymous.iter().all(|reply| reply.text() == "nobody"));
        assert_eq!(told(&anonymous, FOLLOWER), 49);
        assert_eq!(crowd.origin.calls(), 2);
    }
}
