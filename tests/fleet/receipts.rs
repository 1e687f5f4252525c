//! Purges that do not reach all nodes at once, and what their receipts say.

use larder::Purge;
use tokio::time::{Instant, sleep};

use crate::node::App;
use crate::pair::{Pair, pair};
use crate::site::{millis, secs};

#[tokio::test(start_paused = true)]
async fn own_purges_while_cut_off_are_told_later_and_the_receipts_say_so() {
    let app = App::new();
    let pair = pair(&app).await;
    pair.get("/a").await;
    pair.get("/b").await;
    let Pair {
        one, other, links, ..
    } = pair;
    links[0].cut();
    let begun = Instant::now();
    let receipt = one.change(&app, "/a");
    let error = receipt.clone().await.unwrap_err();
    assert!(error.is_local_only() && error.behind().is_empty());
    assert_eq!(begun.elapsed(), millis(250));
    let error = receipt.everywhere(secs(1)).await.unwrap_err();
    assert!(error.is_local_only());
    assert_eq!(one.told("/a").await.0, "/a 2 ");
    assert_eq!(one.cache.shared_stats().unwrap().queued_purges(), 1);
    assert_eq!(other.told("/a").await.0, "/a 1 ");
    links[0].heal();
    sleep(secs(1)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
    assert_eq!(other.told("/a").await.0, "/a 2 ");
    assert!(other.get("/b").await.is_hit());
    assert_eq!(one.cache.shared_stats().unwrap().queued_purges(), 0);
}

#[tokio::test(start_paused = true)]
async fn storm_of_purges_while_cut_off_becomes_one_of_everything() {
    let app = App::new();
    let pair = pair(&app).await;
    pair.get("/1").await;
    pair.get("/other").await;
    let Pair {
        one,
        other,
        links,
        store,
    } = pair;
    let records = store.records().len();
    links[0].cut();
    let mut receipts = (0..20_000).map(|at| one.cache.purge(Purge::tag(at.to_string())));
    let last = receipts.by_ref().last().unwrap();
    let stats = one.cache.shared_stats().unwrap();
    assert!(stats.queued_purges() <= 10_000, "{stats:?}");
    app.change("/1");
    assert_eq!(one.told("/1").await.0, "/1 2 ");
    links[0].heal();
    sleep(secs(2)).await;
    assert_eq!(last.everywhere(secs(1)).await, Ok(2));
    assert_eq!(other.told("/1").await.0, "/1 2 ");
    // One of everything, and the rest in a few records.
    let appended = store.records().len() - records;
    assert!((2..=41).contains(&appended), "{appended}");
    // Here it was known what was meant.
    assert!(one.get("/other").await.is_hit());
    assert!(!other.get("/other").await.is_hit());
}

#[tokio::test(start_paused = true)]
async fn receipts_name_who_is_behind_until_he_is_gone() {
    let app = App::new();
    let pair = pair(&app).await;
    let (one, links) = (&pair.one, &pair.links);
    sleep(secs(2)).await;
    assert_eq!(
        one.change(&app, "/a")
            .await
            .unwrap()
            .everywhere(secs(1))
            .await,
        Ok(2)
    );
    links[1].freeze();
    let receipt = one.change(&app, "/a").await.unwrap();
    let begun = Instant::now();
    let error = receipt.everywhere(secs(1)).await.unwrap_err();
    assert!(!error.is_local_only());
    assert_eq!(error.behind().len(), 1);
    assert!(begun.elapsed() <= millis(1001), "{:?}", begun.elapsed());
    // It has not told for twice the bound: it is not there any more.
    sleep(secs(3)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(1));
    links[1].thaw();
    sleep(secs(2)).await;
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn receipts_count_no_node_that_is_gone_for_good() {
    let app = App::new();
    let Pair { one, other, .. } = pair(&app).await;
    sleep(secs(1)).await;
    drop(other);
    sleep(secs(6)).await;
    let receipt = one.change(&app, "/a").await.unwrap();
    assert_eq!(receipt.everywhere(secs(1)).await, Ok(1));
}
