//! Those who read a body while it arrives, each at his own pace.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use larder::ResponseBody;
use larder_tests::{
    Client, Crowd, Feed, Reply, Slow, fed_first, get, is_broken, poll_once, replies, response,
    settle,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::ServiceExt;

use crate::collapse::FRESH;

const SECOND: Duration = Duration::from_secs(1);
const PIECE: usize = 16 << 10;

/// Bytes of pieces that somebody holds.
#[derive(Clone, Default)]
struct Held(Arc<AtomicUsize>);

struct Piece {
    data: Vec<u8>,
    held: Held,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.data.len(), Ordering::SeqCst);
    }
}

impl Held {
    fn bytes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn piece(&self, number: usize) -> Bytes {
        self.0.fetch_add(PIECE, Ordering::SeqCst);
        let data = format!("{number:016}").repeat(PIECE / 16).into_bytes();
        let held = self.clone();
        Bytes::from_owner(Piece { data, held })
    }

    /// A body of so many pieces, each of which is there as soon as it is asked for, but for the
    /// first.
    fn body(&self, pieces: usize) -> Body {
        let held = self.clone();
        Body::from_stream(stream::unfold(0, move |number| {
            let held = held.clone();
            async move {
                if number == 0 {
                    sleep(SECOND).await;
                }
                let piece = || {
                    (
                        Ok::<_, std::convert::Infallible>(held.piece(number)),
                        number + 1,
                    )
                };
                (number < pieces).then(piece)
            }
        }))
    }

    fn crowd(&self, pieces: usize, max_body_bytes: usize, max_fill_bytes: usize) -> Crowd {
        let held = self.clone();
        let origin = Slow::second(move |_, _| response(200, &[FRESH], held.body(pieces)));
        Crowd::with_cache(origin, |cache| {
            cache
                .max_body_bytes(max_body_bytes as u64)
                .max_fill_bytes(max_fill_bytes as u64)
        })
    }
}

fn whole(pieces: usize) -> Vec<u8> {
    let held = Held::default();
    (0..pieces).flat_map(|number| held.piece(number)).collect()
}

fn are_whole(replies: &[Reply], pieces: usize) -> bool {
    let whole = whole(pieces);
    replies.iter().all(|reply| reply.body == whole)
}

/// Reads a piece every `pause`. The number of pieces read so far.
fn read_slowly(
    mut body: ResponseBody<Body>,
    pause: Duration,
) -> (JoinHandle<Vec<u8>>, Arc<AtomicUsize>) {
    let frames = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&frames);
    let reading = tokio::spawn(async move {
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            read.extend_from_slice(&frame.unwrap().into_data().unwrap());
            counted.fetch_add(1, Ordering::SeqCst);
            sleep(pause).await;
        }
        read
    });
    (reading, frames)
}

#[tokio::test(start_paused = true)]
async fn slow_leader_holds_up_nobody() {
    let held = Held::default();
    let crowd = held.crowd(60, 60 * PIECE, 64 * PIECE);
    let leader = crowd.open(get("/a"));
    let followers = crowd.send_all(100, |_| get("/a"));
    let leader = leader.await.unwrap().unwrap().into_body();
    let (leader, frames) = read_slowly(leader, 60 * SECOND);
    assert!(are_whole(&replies(followers).await, 60));
    assert_eq!(frames.load(Ordering::SeqCst), 1);
    settle().await;
    // Stored, the leader reads on from there.
    assert_eq!((held.bytes(), crowd.cache.stats().fill_bytes()), (0, 0));
    assert!(crowd.get("/a").reply().await.is_hit());
    assert_eq!(leader.await.unwrap(), whole(60));
    assert_eq!(crowd.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn reader_that_is_stuck_is_cut_off_from_a_body_too_large_to_keep() {
    let held = Held::default();
    let crowd = held.crowd(100, 10 * PIECE, 64 * PIECE);
    let stuck = crowd.open(get("/a"));
    let others = crowd.send_all(100, |_| get("/a"));
    let mut stuck = stuck.await.unwrap().unwrap().into_body();
    sleep(9 * SECOND).await;
    assert!(others.iter().all(|client| !client.is_done()));
    assert!(held.bytes() <= (10 + 16 + 2) * PIECE, "{}", held.bytes());
    sleep(3 * SECOND).await;
    assert!(others.iter().all(Client::is_done));
    assert!(are_whole(&replies(others).await, 100));
    let error = stuck.frame().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("too slowly"), "{error}");
    assert!(stuck.frame().await.is_none());
    assert_eq!((held.bytes(), crowd.origin.calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn reader_that_reads_on_gets_all_of_a_body_too_large_to_keep() {
    let held = Held::default();
    let crowd = held.crowd(100, 10 * PIECE, 64 * PIECE);
    let slow = crowd.open(get("/a"));
    let others = crowd.send_all(10, |_| get("/a"));
    let (slow, _) = read_slowly(slow.await.unwrap().unwrap().into_body(), 5 * SECOND);
    sleep(60 * SECOND).await;
    assert!(held.bytes() <= (10 + 16 + 2) * PIECE, "{}", held.bytes());
    assert!(are_whole(&replies(others).await, 100));
    assert_eq!(slow.await.unwrap(), whole(100));
    assert_eq!((held.bytes(), crowd.origin.calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn lone_reader_is_never_cut_off() {
    let held = Held::default();
    let crowd = held.crowd(100, 10 * PIECE, 64 * PIECE);
    let alone = crowd.open(get("/a")).await.unwrap().unwrap();
    sleep(3600 * SECOND).await;
    let body = alone.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, whole(100));
}

#[tokio::test(start_paused = true)]
async fn bodies_that_nobody_reads_keep_within_the_budget_all_together() {
    let held = Held::default();
    let crowd = held.crowd(100, 20 * PIECE, 64 * PIECE);
    let mut stuck = Vec::new();
    for number in 0..50 {
        stuck.push(crowd.open(get(&format!("/{number}"))));
    }
    sleep(60 * SECOND).await;
    let most = (64 + 50) * PIECE;
    assert!(held.bytes() <= most, "{} pieces", held.bytes() / PIECE);
    let stats = crowd.cache.stats();
    assert!(stats.fill_bytes() <= 64 * PIECE as u64);
    for client in stuck {
        let body = client.await.unwrap().unwrap().into_body();
        let read = body.collect().await.unwrap().to_bytes();
        assert_eq!(read, whole(100));
    }
    assert_eq!((held.bytes(), crowd.cache.stats().fill_bytes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn followers_that_leave_disturb_nobody() {
    let held = Held::default();
    let crowd = held.crowd(30, 30 * PIECE, 64 * PIECE);
    let clients = crowd.send_all(100, |_| get("/a"));
    settle().await;
    clients[10..40].iter().for_each(Client::leave);
    sleep(SECOND).await;
    settle().await;
    clients[40..70].iter().for_each(Client::leave);
    let stayed = clients.into_iter().enumerate();
    let stayed = stayed.filter(|(number, _)| !(10..70).contains(number));
    let stayed = replies(stayed.map(|(_, client)| client).collect()).await;
    assert!(stayed.len() == 40 && are_whole(&stayed, 30));
    assert_eq!(crowd.origin.calls(), 1);
    assert!(crowd.get("/a").reply().await.is_hit());
}

/// A leader and a follower, both polled by hand, at a body that is fed by hand. The leader has its
/// head, the follower has yet to be woken.
async fn late_follower() -> (
    Crowd,
    Feed,
    ResponseBody<Body>,
    Pin<Box<dyn Future<Output = Reply>>>,
) {
    let (answer, feeder) = fed_first(&[FRESH]);
    let (origin, gate) = Slow::gated(answer);
    let crowd = Crowd::with_cache(origin, |cache| cache.max_body_bytes(1_000));
    let mut leader = Box::pin(crowd.service.clone().oneshot(get("/a")));
    assert!(poll_once(&mut leader).is_pending());
    let follower = crowd.service.clone().oneshot(get("/a"));
    let mut follower = Box::pin(async { Reply::read(follower.await.unwrap()).await });
    assert!(poll_once(&mut follower).is_pending());
    gate.open(2);
    let leader = leader.await.unwrap().into_body();
    (crowd, feeder, leader, follower)
}

#[tokio::test(start_paused = true)]
async fn follower_that_is_too_late_for_the_first_byte_goes_forward() {
    let (crowd, feeder, mut leader, follower) = late_follower().await;
    feeder.data(vec![b'x'; 1_001]);
    let frame = leader.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap().len(), 1_001);
    assert_eq!(follower.await.text(), "call 2");
    feeder.end();
    assert!(leader.frame().await.is_none());
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn follower_that_has_not_begun_when_the_body_breaks_off_goes_forward() {
    let (crowd, feeder, mut leader, follower) = late_follower().await;
    feeder.data("half");
    feeder.fail();
    assert_eq!(
        leader.frame().await.unwrap().unwrap().into_data().unwrap(),
        "half"
    );
    assert!(is_broken(&leader.frame().await.unwrap().unwrap_err()));
    assert_eq!(follower.await.text(), "call 2");
    assert_eq!(crowd.origin.calls(), 2);
}
