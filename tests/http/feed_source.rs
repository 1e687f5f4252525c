//! Sources of a feed: fast, failing, ended and panicking ones.

use std::future::pending;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use larder::{Cache, Change, Put, RoutePolicy, Source, source_fn, source_poll_fn};
use larder_tests::get;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::feed::{Script, applied, purge, put, stands, tagged};
use crate::put::{route, value};
use crate::scene::{clock, millis, secs, settle};

/// A source that always has more; a value whose storing notes how many were asked for before.
fn eager(ahead: &Arc<AtomicU64>, count: u64) -> impl Source<Error = String> + use<> {
    let asked = Arc::new(AtomicU64::new(0));
    let ahead = Arc::clone(ahead);
    source_poll_fn(move |_| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        if number == count {
            return Poll::Ready(None);
        }
        let (asked, ahead) = (Arc::clone(&asked), Arc::clone(&ahead));
        let policy = RoutePolicy::shared(secs(60)).tag_with(move |_| {
            let waiting = asked.load(Ordering::SeqCst) - number;
            ahead.fetch_max(waiting, Ordering::SeqCst);
            None::<String>
        });
        let put = Put::new(&get(&format!("/{number}")), value(&[], "put"), policy);
        Poll::Ready(Some(Ok(put.into())))
    })
}

#[tokio::test(start_paused = true)]
async fn source_is_not_asked_while_the_queue_is_full() {
    for queue in [1, 4, 20] {
        let cache = Cache::builder().clock(clock()).build();
        let ahead = Arc::new(AtomicU64::new(0));
        let counts = cache.follow(eager(&ahead, 100)).queue(queue).run().await;
        assert_eq!(counts.puts(), 100);
        // The one that is being carried out, and those that wait.
        assert_eq!(ahead.load(Ordering::SeqCst), queue as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn source_that_fails_is_asked_again_after_pauses_that_double_up_to_a_limit() {
    let fails = || Some(Err("down"));
    let mut script = Script::new([fails(), fails(), fails(), fails()]);
    script.steps.push_back(Some(Ok(put("/a", "put"))));
    script.steps.extend([fails(), Some(Ok(purge("b")))]);
    let (asked, setup) = (Arc::clone(&script.asked), route(&tagged()));
    let begun = Instant::now();
    let feed = setup
        .cache
        .follow(script)
        .retry_after(millis(100), millis(350));
    let counts = feed.run().await;
    let asked: Vec<_> = asked.lock().unwrap().iter().map(|at| *at - begun).collect();
    let expected = [0, 100, 300, 650, 1000, 1000, 1100, 1100].map(millis);
    assert_eq!(asked, expected);
    assert_eq!(counts.errors(), 5);
    assert_eq!(applied(counts), [2, 1, 1, 0, 0]);
    assert_eq!(stands(&setup).await, "put");
}

#[tokio::test(start_paused = true)]
async fn source_that_fails_for_good_is_not_asked_again() {
    let script = Script::new([
        Some(Ok(put("/a", "put"))),
        Some(Err("gone")),
        Some(Ok(purge("a"))),
    ]);
    let setup = route(&tagged());
    let told = Arc::<Mutex<Vec<String>>>::default();
    let tell = Arc::clone(&told);
    let feed = setup.cache.follow(script).on_error(move |error| {
        tell.lock().unwrap().push((*error).to_owned());
        *error != "gone"
    });
    let counts = feed.run().await;
    assert_eq!(*told.lock().unwrap(), ["gone"]);
    assert_eq!((counts.errors(), counts.broke()), (1, false));
    assert_eq!(stands(&setup).await, "put");
}

#[tokio::test(start_paused = true)]
async fn channel_is_followed_until_its_senders_are_gone() {
    let setup = route(&tagged());
    let (send, source) = mpsc::channel::<Change>(4);
    let mut feed = setup.cache.follow(source).spawn();
    for body in ["one", "two"] {
        send.send(put("/a", body)).await.unwrap();
        settle().await;
        assert_eq!(stands(&setup).await, body);
    }
    assert!(!feed.is_ended());
    drop(send);
    feed.ended().await;
    assert!(feed.is_ended());
    feed.ended().await;
    assert_eq!(feed.counts().puts(), 2);
    drop(feed);
    assert_eq!(stands(&setup).await, "two");
}

#[tokio::test(start_paused = true)]
async fn feed_that_is_dropped_stops_and_lets_go_of_its_source() {
    let setup = route(&tagged());
    let (send, source) = mpsc::channel::<Change>(4);
    let feed = setup.cache.follow(source).spawn();
    send.send(put("/a", "put")).await.unwrap();
    settle().await;
    drop(feed);
    settle().await;
    assert!(send.is_closed());
    assert_eq!(stands(&setup).await, "put");
}

#[tokio::test(start_paused = true)]
async fn feed_that_is_dropped_while_its_source_pauses_does_not_ask_again() {
    let script = Script::new([Some(Err("down")), Some(Ok(put("/a", "put")))]);
    let (asked, setup) = (Arc::clone(&script.asked), route(&tagged()));
    let feed = setup.cache.follow(script).spawn();
    settle().await;
    assert_eq!(feed.counts().errors(), 1);
    drop(feed);
    sleep(secs(3600)).await;
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn source_that_panics_ends_the_feed_and_nothing_else() {
    let setup = route(&tagged());
    let mut calls = 0;
    let source = source_poll_fn(move |_| {
        calls += 1;
        assert!(calls < 2, "the source is broken");
        Poll::Ready(Some(Ok::<_, String>(put("/a", "put"))))
    });
    let mut feed = setup.cache.follow(source).spawn();
    feed.ended().await;
    assert!(feed.counts().broke());
    assert_eq!(feed.counts().puts(), 1);
    assert_eq!(stands(&setup).await, "put");
}

#[tokio::test(start_paused = true)]
async fn function_of_a_route_that_panics_ends_the_feed_and_lets_go_of_its_source() {
    let setup = route(&tagged());
    let broken = RoutePolicy::shared(secs(60)).tag_with(|_| -> [String; 0] { panic!("broken") });
    let (send, source) = mpsc::channel::<Change>(4);
    let mut feed = setup.cache.follow(source).spawn();
    let put = Put::new(&get("/a"), value(&[], "put"), broken);
    send.send(put.into()).await.unwrap();
    feed.ended().await;
    settle().await;
    assert!(feed.counts().broke() && send.is_closed());
    assert_eq!(setup.get("/a").await.text(), "call 1");
}

#[test]
fn source_that_fails_without_timers_ends_the_feed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let cache = Cache::builder().build();
    let script = Script::new([Some(Err("down")), Some(Ok(purge("a")))]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let steps = Mutex::new(script.steps);
    let source = source_poll_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(steps.lock().unwrap().pop_front().flatten())
    });
    let counts = runtime.block_on(cache.follow(source).run());
    assert!(counts.broke());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn run_stops_with_whoever_polls_it() {
    let setup = route(&tagged());
    let (send, source) = mpsc::channel::<Change>(4);
    let run = setup.cache.follow(source).run();
    tokio::select! {
        _ = run => panic!("the source has not ended"),
        () = sleep(secs(1)) => {}
    }
    settle().await;
    assert!(send.is_closed());
    let endless = source_fn(|| async { pending::<Option<Result<Change, String>>>().await });
    drop(setup.cache.follow(endless).spawn());
}
