//! What purges are remembered of is bounded: sweeps drop what they made dead, and forget them.

use std::sync::Mutex;

use larder::{CacheLayer, Purge, RoutePolicy};
use larder_tests::{Origin, Reply, Setup, feed, get, response};
use tower::ServiceExt;

use crate::scene::secs;

/// Every response has its path for a tag, and all are `even` or `odd`.
fn remembering(records: u64) -> Setup {
    let route = RoutePolicy::shared(secs(3600)).tag_with(|request| {
        let path = request.uri().path().to_owned();
        let odd = path.ends_with(['1', '3', '5', '7', '9']);
        [path, if odd { "odd" } else { "even" }.to_owned()]
    });
    Setup::with(
        Origin::ok(&[]),
        |cache| cache.max_purge_records(records),
        |cache| CacheLayer::new(cache).with_route_policy(route),
    )
}

fn path(number: usize) -> String {
    format!("/{number}")
}

#[tokio::test]
async fn few_records_are_enough_for_thousands_of_purges() {
    for records in [0, 1, 10, 1000] {
        let setup = remembering(records);
        for number in 0..20 {
            setup.get(&path(number)).await;
        }
        for round in 0..1000 {
            // Of what nothing is stored for, and of one that is.
            setup.cache.purge(Purge::tag(format!("none:{round}")));
            let (hit, other) = (path(round % 20), path((round + 7) % 20));
            assert!(setup.get(&hit).await.is_hit(), "{records}: {round}");
            setup.cache.purge(Purge::tag(hit.clone()));
            assert!(!setup.get(&hit).await.is_hit(), "{records}: {round}");
            assert!(setup.get(&other).await.is_hit(), "{records}: {round}");
        }
        let stats = setup.cache.stats();
        assert!(stats.purge_records() <= 2 * records, "{stats:?}");
        assert_eq!((stats.purges(), stats.responses()), (2000, 20));
        assert!(records > 100 || stats.sweeps() > 0);
    }
}

#[tokio::test]
async fn pairs_of_tags_are_forgotten_too() {
    let setup = remembering(10);
    for number in 0..20 {
        setup.get(&path(number)).await;
    }
    for round in 0..1000 {
        let number = round % 20;
        let wrong = ["odd", "even"][number % 2].to_owned();
        let right = ["even", "odd"][number % 2].to_owned();
        setup.cache.purge(Purge::all_tags([wrong, path(number)]));
        setup
            .cache
            .purge(Purge::all_tags([path(number), format!("none:{round}")]));
        assert!(setup.get(&path(number)).await.is_hit(), "{round}");
        setup.cache.purge(Purge::all_tags([right, path(number)]));
        assert!(!setup.get(&path(number)).await.is_hit(), "{round}");
    }
    let stats = setup.cache.stats();
    assert!(stats.purge_records() <= 20, "{stats:?}");
}

#[tokio::test]
async fn what_is_dead_leaves_the_memory_and_what_is_live_stays() {
    let setup = remembering(0);
    for number in 0..200 {
        setup.get(&path(number)).await;
    }
    let before = setup.cache.stats();
    let odd = setup.cache.estimate(&Purge::tag("odd"));
    assert_eq!((before.responses(), odd.responses()), (200, 100));
    setup.cache.purge(Purge::tag("odd"));
    let after = setup.cache.stats();
    assert_eq!((after.responses(), after.purge_records()), (100, 0));
    assert!(after.bytes() <= before.bytes() - odd.bytes());
    for number in 0..200 {
        let reply = setup.get(&path(number)).await;
        assert_eq!(reply.is_hit(), number % 2 == 0, "{number}");
    }
}

#[tokio::test]
async fn soft_purge_that_was_forgotten_still_counts() {
    let setup = remembering(0);
    for number in 0..20 {
        setup.get(&path(number)).await;
    }
    setup.cache.purge(Purge::tag("odd").soft());
    setup.clock.advance(5);
    setup.cache.purge(Purge::tag("/0").soft());
    let stats = setup.cache.stats();
    // Nothing is dead.
    assert_eq!((stats.responses(), stats.purge_records()), (20, 0));
    for number in 0..20 {
        let reply = setup.get(&path(number)).await;
        assert_eq!(reply.is_hit(), number % 2 == 0 && number > 0, "{number}");
    }
}

/// A fill under way has its purges remembered until it ends.
#[tokio::test]
async fn purge_during_a_fill_outlives_sweeps() {
    let (feeder, body) = feed();
    let slow = Mutex::new(Some(body));
    let origin = Origin::new(move |_, _| match slow.lock().unwrap().take() {
        Some(body) => response(200, &[], body),
        None => response(200, &[], "new"),
    });
    let route = RoutePolicy::shared(secs(60)).tag("a");
    let setup = Setup::with(
        origin,
        |cache| cache.max_purge_records(10),
        |cache| CacheLayer::new(cache).with_route_policy(route),
    );
    let client = setup.service.clone().oneshot(get("/a"));
    let first = client.await.unwrap();
    feeder.data("old");
    setup.cache.purge(Purge::tag("a"));
    for round in 0..1000 {
        setup.cache.purge(Purge::tag(format!("none:{round}")));
    }
    feeder.end();
    assert_eq!(Reply::read(first).await.text(), "old");
    assert_eq!(setup.get("/a").await.text(), "new");
    assert!(setup.cache.stats().purge_records() <= 20);
}
