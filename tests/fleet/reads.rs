//! Reads of the log that bring less than there is, as when a record is lost, or is still being written.

use std::time::Duration;

use larder::SharedSettings;
use larder_testing::{FakeLink, FakeStore, Side};
use tokio::time::{Instant, sleep};

use crate::node::{App, Node, settle};
use crate::site::millis;

const BOUND: Duration = Duration::from_secs(2);

/// What it got before the log fell silent again was taken for all that there was, and made it trust what it
/// had.
#[tokio::test(start_paused = true)]
async fn who_gets_a_part_of_what_was_purged_misses_the_rest_for_no_longer_than_the_bound() {
    for store in [FakeStore::new(), FakeStore::polled(millis(200))] {
        let (app, link) = (App::new(), store.link());
        let make = |link: FakeLink| {
            let settings = SharedSettings::new().fail_closed().bound(BOUND);
            Node::with(&app, link, settings, |cache| cache).ready()
        };
        let (one, late) = (make(store.link()).await, make(link.clone()).await);
        assert_eq!(late.told("/a").await.0, "/a 1 ");
        sleep(BOUND).await;

        let log = link.side(Side::Log);
        log.cut();
        one.change(&app, "/b").await.unwrap();
        sleep(millis(2)).await;
        one.change(&app, "/a").await.unwrap();
        let acknowledged = Instant::now();
        sleep(BOUND * 3 / 4).await;
        store.read_at_most(Some(1));
        log.heal();
        log.delay_replies(millis(20));
        let applied = || late.cache.shared_stats().unwrap().applied();
        while applied() == 0 {
            sleep(millis(1)).await;
        }
        log.cut();
        assert_eq!(applied(), 1);
        assert!(acknowledged.elapsed() < BOUND, "it is back in time");

        while late.told("/a").await.0 == "/a 1 " {
            let late = acknowledged.elapsed();
            assert!(late <= BOUND, "as fresh, {late:?} after the purge");
            sleep(millis(10)).await;
        }
    }
}

/// One record after the other, without a pause in which nobody asks.
#[tokio::test(start_paused = true)]
async fn who_gets_a_part_asks_for_the_rest_at_once() {
    let store = FakeStore::polled(millis(400));
    let app = App::new();
    let one = Node::new(&app, store.link()).ready().await;
    let other = Node::new(&app, store.link()).ready().await;
    store.read_at_most(Some(1));
    for path in ["/a", "/b", "/c", "/d"] {
        assert_eq!(other.told(path).await.0, format!("{path} 1 "));
        one.change(&app, path).await.unwrap();
        sleep(millis(2)).await;
    }
    sleep(millis(400)).await;
    for path in ["/a", "/b", "/c", "/d"] {
        assert_eq!(other.told(path).await.0, format!("{path} 2 "));
    }
    settle().await;
}

/// It is not joined by what it was given first.
#[tokio::test(start_paused = true)]
async fn a_new_node_reads_all_that_there_is_before_it_takes_part() {
    let store = FakeStore::new();
    let app = App::new();
    let one = Node::new(&app, store.link()).ready().await;
    for path in ["/a", "/b", "/c", "/d"] {
        one.change(&app, path).await.unwrap();
        sleep(millis(2)).await;
    }
    store.read_at_most(Some(1));
    let link = store.link();
    link.delay_replies(millis(20));
    let new = Node::new(&app, link).ready().await;
    let stats = new.cache.shared_stats().unwrap();
    // The first is where the log begins, and was made by nobody.
    assert_eq!(stats.applied(), 4);
}
