//! Purges while something older is being fetched, read or written.

use larder::SharedSettings;
use larder_testing::Side;
use tokio::time::sleep;

use crate::node::{App, Node, settle};
use crate::pair::{Pair, pair, pair_with};
use crate::site::{millis, secs};

#[tokio::test(start_paused = true)]
async fn fill_under_way_on_another_node_is_not_stored_and_nobody_who_comes_then_gets_it() {
    let app = App::new();
    let Pair {
        one, other, store, ..
    } = pair(&app).await;
    app.takes(millis(300));
    let purge = async {
        sleep(millis(100)).await;
        app.takes(millis(10));
        let receipt = one.change(&app, "/a").await.unwrap();
        receipt.everywhere(secs(1)).await.unwrap();
        // The old fill is still under way.
        (other.told("/a").await.0, one.told("/a").await.0)
    };
    let ((old, _), (there, here)) = tokio::join!(other.told("/a"), purge);
    assert_eq!(old, "/a 1 ");
    assert_eq!((&*there, &*here), ("/a 2 ", "/a 2 "));
    settle().await;
    let new = Node::new(&app, store.link()).ready().await;
    for node in [&one, &other, &new] {
        assert_eq!(node.told("/a").await.0, "/a 2 ");
    }
}

#[tokio::test(start_paused = true)]
async fn look_into_the_store_that_was_under_way_brings_nothing_back() {
    let app = App::new();
    let pair = pair(&app).await;
    let (body, ()) = pair.change_while_looking(&app, 20, async || {}).await;
    // It came before the purge, but what it found was purged when it found it.
    assert_eq!(body, "/a 2 ");
    assert_eq!(pair.other.told("/a").await.0, "/a 2 ");
}

#[tokio::test(start_paused = true)]
async fn old_response_that_is_written_late_is_used_by_nobody() {
    let app = App::new();
    let settings = SharedSettings::new().write_within(secs(10));
    let Pair {
        one,
        other,
        links,
        store,
    } = pair_with(&app, settings).await;
    links[0].side(Side::Entries).delay(millis(90));
    one.get("/a").await;
    // Its write arrives 90 milliseconds later.
    let receipt = other.change(&app, "/a").await.unwrap();
    receipt.everywhere(millis(80)).await.unwrap();
    assert_eq!(store.counts().puts, 0);
    sleep(millis(100)).await;
    assert_eq!(store.counts().puts, 1);
    assert_eq!(other.told("/a").await.0, "/a 2 ");
    settle().await;
    // And it does not take the place of what is new.
    let (value, key) = (store.keys(), store.keys()[0]);
    let new = store.value(&key).unwrap();
    assert_eq!((value.len(), store.counts().puts), (1, 2));
    links[0].side(Side::Entries).delay(millis(0));
    assert_eq!(one.told("/a").await.0, "/a 2 ");
    assert_eq!(store.value(&key).unwrap(), new);
}
