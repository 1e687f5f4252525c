//! Changes that a cache follows, in the order in which they come.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use larder::{
    Cache, CacheLayer, Change, FeedCounts, Purge, Put, RoutePolicy, Source, source_fn,
    source_poll_fn,
};
use larder_tests::{Setup, get};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::put::{route, value};
use crate::scene::{clock, millis, secs, settle};

fn tagged() -> RoutePolicy {
    RoutePolicy::shared(secs(60)).tag("a")
}

fn put(path: &str, body: &str) -> Change {
    Put::new(&get(path), value(&[], body), tagged()).into()
}

fn purge(tag: &str) -> Change {
    Purge::tag(tag).into()
}

type Step = Option<Result<Change, &'static str>>;

/// A source that gives these, and then what `then` says.
struct Script {
    steps: VecDeque<Step>,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            asked: Arc::default(),
        }
    }

    fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self::new(changes.into_iter().map(|change| Some(Ok(change))))
    }
}

impl Source for Script {
    type Error = &'static str;

    async fn next(&mut self) -> Step {
        self.asked.lock().unwrap().push(Instant::now());
        self.steps.pop_front().flatten()
    }
}

async fn stands(setup: &Setup) -> String {
    match setup.stored("/a").await {
        Some(reply) => reply.text().to_owned(),
        None => String::new(),
    }
}

fn applied(counts: FeedCounts) -> [u64; 5] {
    [
        counts.applied(),
        counts.puts(),
        counts.purges(),
        counts.refused(),
        counts.lost(),
    ]
}

#[tokio::test(start_paused = true)]
async fn changes_are_carried_out_in_their_order() {
    let one = || put("/a", "one");
    let two = || put("/a", "two");
    let gone = || purge("a");
    for (changes, expected) in [
        (vec![one(), two()], "two"),
        (vec![two(), one()], "one"),
        (vec![one(), gone()], ""),
        (vec![one(), gone(), two()], "two"),
        (vec![gone(), one(), two(), gone(), gone(), one()], "one"),
        (vec![one(), Change::Lost], ""),
        (vec![one(), Change::Lost, two()], "two"),
    ] {
        for queue in [1, 2, 1024] {
            let setup = route(&tagged());
            let count = changes.len() as u64;
            let source = Script::of(changes.clone());
            let counts = setup.cache.follow(source).queue(queue).run().await;
            assert_eq!(stands(&setup).await, expected, "{changes:?}");
            assert_eq!(
                (counts.applied(), counts.refused()),
                (count, 0),
                "{changes:?}"
            );
            assert_eq!((counts.queued(), counts.broke()), (0, false));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_stored_is_counted_and_left_out() {
    let setup = route(&tagged());
    let no_store = value(&[("cache-control", "no-store")], "secret");
    let refused = Put::new(&get("/b"), no_store, tagged());
    let changes = [
        put("/a", "one"),
        refused.into(),
        purge("c"),
        put("/a", "two"),
        Change::Lost,
    ];
    let source = Script::of(changes);
    let counts = setup.cache.follow(source).run().await;
    assert_eq!(applied(counts), [5, 2, 1, 1, 1]);
    assert_eq!(setup.cache.stats().puts_refused(), 1);
    assert_eq!(setup.cache.stats().puts(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_is_not_served_any_more() {
    let setup = route(&tagged());
    let untagged = RoutePolicy::shared(secs(60));
    let _ = setup
        .cache
        .put(&get("/a"), value(&[], "put"), &untagged)
        .unwrap();
    assert_eq!(stands(&setup).await, "put");
    setup.cache.follow(Script::of([Change::Lost])).run().await;
    assert_eq!(setup.cache.stats().responses(), 0);
    assert_eq!(setup.get("/a").await.text(), "call 1");
}

#[tokio::test(start_paused = true)]
async fn purge_by_somebody_else_keeps_out_what_waits_in_the_queue() {
    for (by_others, expected) in [("a", ""), ("b", "put")] {
        let setup = route(&tagged());
        let (cache, mut calls) = (setup.cache.clone(), 0);
        // While it is asked for the second change, the first waits.
        let source = source_poll_fn(move |_| {
            calls += 1;
            if calls == 1 {
                return Poll::Ready(Some(Ok::<_, String>(put("/a", "put"))));
            }
            cache.purge(Purge::tag(by_others));
            Poll::Ready(None)
        });
        let counts = setup.cache.follow(source).run().await;
        assert_eq!(stands(&setup).await, expected);
        assert_eq!(counts.refused(), u64::from(expected.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn value_that_the_source_reads_has_the_fence_of_its_source() {
    let setup = route(&tagged());
    let cache = setup.cache.clone();
    let mut left = 1;
    let source = source_fn(move || {
        let (cache, is_left) = (cache.clone(), left > 0);
        left -= i32::from(is_left);
        async move {
            let fence = is_left.then(|| cache.fence())?;
            // It is purged while it is read.
            cache.purge(Purge::tag("a"));
            let put = Put::new(&get("/a"), value(&[], "old"), tagged()).since(fence);
            Some(Ok::<_, String>(Change::from(put)))
        }
    });
    let counts = setup.cache.follow(source).run().await;
    assert_eq!(applied(counts), [1, 0, 0, 1, 0]);
    assert_eq!(stands(&setup).await, "");
}

#[tokio::test(start_paused = true)]
async fn put_through_a_layer_goes_by_its_settings() {
    let setup = route(&tagged());
    let layer = CacheLayer::new(setup.cache.clone()).with_route_policy(tagged().lifetime(secs(5)));
    let through = Put::through(layer, &get("/a"), value(&[], "put"));
    setup.cache.follow(Script::of([through.into()])).run().await;
    let hit = setup.get("/a").await;
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=5");
}

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
