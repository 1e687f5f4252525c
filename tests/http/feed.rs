//! Changes that a cache follows, in the order in which they come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use larder::{
    CacheLayer, Change, FeedCounts, Purge, Put, RoutePolicy, Source, source_fn, source_poll_fn,
};
use larder_tests::{Setup, get};
use tokio::time::Instant;

use crate::put::{route, value};
use crate::scene::secs;

pub(crate) fn tagged() -> RoutePolicy {
    RoutePolicy::shared(secs(60)).tag("a")
}

pub(crate) fn put(path: &str, body: &str) -> Change {
    Put::new(&get(path), value(&[], body), tagged()).into()
}

pub(crate) fn purge(tag: &str) -> Change {
    Purge::tag(tag).into()
}

pub(crate) type Step = Option<Result<Change, &'static str>>;

/// A source that gives these, and then what `then` says.
pub(crate) struct Script {
    pub(crate) steps: VecDeque<Step>,
    pub(crate) asked: Arc<Mutex<Vec<Instant>>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
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

pub(crate) async fn stands(setup: &Setup) -> String {
    match setup.stored("/a").await {
        Some(reply) => reply.text().to_owned(),
        None => String::new(),
    }
}

pub(crate) fn applied(counts: FeedCounts) -> [u64; 5] {
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
