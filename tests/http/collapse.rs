//! Requests for what is being fetched follow the one that fetches it (RFC 9111 section 4).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use larder::CacheLayer;
use larder_tests::{Crowd, Reply, Slow, fed_first, get, replies, response, settle};
use tokio::task::yield_now;
use tokio::time::sleep;
use tower::{Layer, ServiceExt};

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// What the leader of a flight is told, and what its followers are.
pub(crate) const LEADER: &str = "larder; fwd=uri-miss; stored";
pub(crate) const FOLLOWER: &str = "larder; fwd=uri-miss; collapsed";

/// How many of them are told this.
pub(crate) fn told(replies: &[Reply], status: &str) -> usize {
    let told = |reply: &&Reply| reply.field("cache-status") == status;
    replies.iter().filter(told).count()
}

/// A body of pieces with a wait before each, and its bytes.
pub(crate) fn streamed(pieces: u32) -> (Body, Vec<u8>) {
    let piece = |number: u32| Bytes::from(format!("{number:08} ").repeat(100));
    let body = Body::from_stream(stream::unfold(0, move |number| async move {
        yield_now().await;
        (number < pieces).then(|| (Ok::<_, Infallible>(piece(number)), number + 1))
    }));
    (body, (0..pieces).flat_map(piece).collect())
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_requests_on_a_cold_key_are_one_call() {
    let origin = Slow::second(|_, calls| response(200, &[FRESH], format!("call {}", calls + 1)));
    let crowd = Crowd::new(origin);
    let replies = replies(crowd.send_all(10_000, |_| get("/a"))).await;
    assert_eq!(crowd.origin.calls(), 1);
    assert!(replies.iter().all(|reply| reply.text() == "call 1"));
    assert_eq!(
        (told(&replies, LEADER), told(&replies, FOLLOWER)),
        (1, 9_999)
    );
    let stats = crowd.cache.stats();
    assert_eq!(
        (stats.misses(), stats.collapsed(), stats.hits()),
        (1, 9_999, 0)
    );
    assert_eq!(
        (stats.stored(), stats.fills(), stats.fill_bytes()),
        (1, 0, 0)
    );
    let hit = crowd.get("/a").reply().await;
    assert_eq!((hit.is_hit(), hit.text()), (true, "call 1"));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_followers_read_the_body_while_it_arrives() {
    let (answer, feeder) = fed_first(&[FRESH]);
    let crowd = Crowd::new(Slow::second(answer));
    let waiting: Vec<_> = (0..10_000).map(|_| crowd.open(get("/a"))).collect();
    let mut bodies = Vec::new();
    for client in waiting {
        bodies.push(client.await.unwrap().unwrap().into_body());
    }
    for piece in ["first ", "second ", "third"] {
        feeder.data(piece);
        for body in &mut bodies {
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), piece);
        }
    }
    assert_eq!(crowd.cache.stats().stored(), 0);
    feeder.end();
    for body in &mut bodies {
        assert!(body.frame().await.is_none());
    }
    assert_eq!(crowd.origin.calls(), 1);
    let hit = crowd.get("/a").reply().await;
    assert_eq!((hit.is_hit(), hit.text()), (true, "first second third"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_on_many_threads_share_one_call() {
    for round in 0..2 {
        let origin = Slow::new(|_, _| async {
            yield_now().await;
            Ok(response(200, &[FRESH], streamed(5).0))
        });
        let crowd = Crowd::new(origin);
        let replies = replies(crowd.send_all(10_000, |_| get("/a"))).await;
        let (_, whole) = streamed(5);
        assert!(replies.iter().all(|reply| reply.body == whole), "{round}");
        assert_eq!(crowd.origin.calls(), 1, "{round}");
        let stats = crowd.cache.stats();
        assert_eq!(stats.hits() + stats.collapsed(), 9_999, "{round}");
    }
}

#[tokio::test(start_paused = true)]
async fn followers_join_at_any_moment_of_a_fill() {
    let (answer, feeder) = fed_first(&[FRESH]);
    let (origin, gate) = Slow::gated(answer);
    let crowd = Crowd::new(origin);
    let mut clients = vec![crowd.get("/a"), crowd.get("/a")];
    settle().await;
    clients.push(crowd.get("/a"));
    gate.open(1);
    settle().await;
    clients.push(crowd.get("/a"));
    feeder.data("one ");
    settle().await;
    clients.push(crowd.get("/a"));
    feeder.data("two");
    settle().await;
    clients.push(crowd.get("/a"));
    settle().await;
    feeder.end();
    let replies = replies(clients).await;
    assert!(replies.iter().all(|reply| reply.text() == "one two"));
    assert_eq!((told(&replies, LEADER), told(&replies, FOLLOWER)), (1, 5));
    assert_eq!(crowd.origin.calls(), 1);
    assert!(crowd.get("/a").reply().await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn whoever_read_to_the_end_and_asks_again_gets_a_hit() {
    for fields in [&[FRESH][..], &[FRESH, ("content-length", "7")]] {
        let (answer, feeder) = fed_first(fields);
        let crowd = Crowd::new(Slow::second(answer));
        let announced = fields.len() > 1;
        let twice = || {
            let service = crowd.service.clone();
            tokio::spawn(async move {
                let first = service.clone().oneshot(get("/a")).await.unwrap();
                let mut body = first.into_body();
                let mut bytes = 0;
                // A server does not ask for more than was announced.
                while !(announced && bytes == 7) {
                    let Some(frame) = body.frame().await else {
                        break;
                    };
                    bytes += frame.unwrap().into_data().unwrap().len();
                }
                Reply::read(service.oneshot(get("/a")).await.unwrap()).await
            })
        };
        let clients: Vec<_> = (0..100).map(|_| twice()).collect();
        sleep(Duration::from_secs(2)).await;
        feeder.data("one ");
        settle().await;
        feeder.data("two");
        feeder.end();
        for client in clients {
            let again = client.await.unwrap();
            assert_eq!((again.text(), again.is_hit()), ("one two", true));
        }
        assert_eq!(crowd.origin.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn different_keys_do_not_wait_for_one_another() {
    let crowd = Crowd::new(Slow::second(|seen, _| {
        response(200, &[FRESH], seen.uri.path().to_owned())
    }));
    let clients = crowd.send_all(1_000, |client| get(&format!("/{}", client % 100)));
    settle().await;
    assert_eq!(crowd.origin.counts().overlap, 100);
    for (client, reply) in replies(clients).await.iter().enumerate() {
        assert_eq!(reply.text(), format!("/{}", client % 100));
    }
    assert_eq!(crowd.origin.calls(), 100);
}

#[tokio::test(start_paused = true)]
async fn layers_of_one_cache_share_a_call() {
    let crowd = Crowd::new(Slow::second(|_, _| response(200, &[FRESH], "shared")));
    let other = CacheLayer::new(crowd.cache.clone()).layer(crowd.origin.clone());
    let first = crowd.get("/a");
    let second = tokio::spawn(other.oneshot(get("/a")));
    assert_eq!(first.reply().await.text(), "shared");
    let second = Reply::read(second.await.unwrap().unwrap()).await;
    assert_eq!(second.field("cache-status"), FOLLOWER);
    assert_eq!((second.text(), crowd.origin.calls()), ("shared", 1));
}

#[tokio::test(start_paused = true)]
async fn without_collapsing_every_request_is_a_call() {
    let origin = Slow::second(|_, _| response(200, &[FRESH], "body"));
    let crowd = Crowd::with_layer(origin, |layer| layer.with_collapsing(false));
    let replies = replies(crowd.send_all(50, |_| get("/a"))).await;
    let counts = crowd.origin.counts();
    assert_eq!((counts.calls, counts.overlap), (50, 50));
    assert_eq!(told(&replies, LEADER), 50);
    assert_eq!(crowd.cache.stats().collapsed(), 0);
    assert!(crowd.get("/a").reply().await.is_hit());
}
