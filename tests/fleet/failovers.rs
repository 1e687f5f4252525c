//! A server takes over that has not got all of the log, and nothing in the log shows it.

use larder::Purge;
use larder_testing::{FakeStore, Side};
use tokio::time::{Instant, sleep};

use crate::node::{App, Node, settle};
use crate::site::{millis, secs};

/// Its clock is behind, so that another record gets the place of the one that was lost: who had read that
/// finds everything as it was. He knows only that the connection broke.
#[tokio::test(start_paused = true)]
async fn purge_that_was_lost_and_in_whose_place_another_stands_is_appended_again() {
    let (app, store) = (App::new(), FakeStore::new());
    let (link, late_link) = (store.link(), store.link());
    let one = Node::new(&app, link.clone()).ready().await;
    let late = Node::new(&app, late_link.clone()).ready().await;
    let third = Node::new(&app, store.link()).ready().await;
    assert_eq!(late.told("/a").await.0, "/a 1 ");
    sleep(secs(1)).await;
    let before = store.records().last().unwrap().0;

    let late_log = late_link.side(Side::Log);
    late_log.cut();
    let made = Instant::now();
    one.change(&app, "/a").await.unwrap();
    let (lost, record) = store.records().last().unwrap().clone();
    settle().await;

    link.side(Side::Log).cut();
    store.rewind_log(before);
    store.set_clock_back(made.elapsed());
    third.cache.purge(Purge::tag("other"));
    sleep(millis(1)).await;
    let (place, other) = store.records().last().unwrap().clone();
    assert_eq!(place, lost);
    assert_ne!(other, record);
    sleep(secs(1)).await;
    link.side(Side::Log).heal();
    sleep(secs(2)).await;
    assert!(store.records().iter().any(|(_, again)| *again == record));
    late_log.heal();
    sleep(secs(3)).await;
    assert_eq!(late.told("/a").await.0, "/a 2 ");
    let stats = one.cache.shared_stats().unwrap();
    // It is what this is about: nothing was missing, as far as it could see.
    assert_eq!((stats.log_restarts(), stats.log_skips()), (1, 0));
}
