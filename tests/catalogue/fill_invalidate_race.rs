//! A read that is overtaken by a write, and stored after it.

use std::sync::Mutex;

use larder::{Key, Purge};
use larder_tests::{Origin, Reply, Setup, feed, get, request};
use tower::ServiceExt;

use crate::setting::{cacheable, keyed, plain};

async fn race(on: fn(Origin) -> Setup, change: impl AsyncFn(&Setup)) {
    let (feeder, body) = feed();
    let slow = Mutex::new(Some(body));
    let setup = on(Origin::new(move |seen, _| {
        let slow = (seen.method == "GET").then(|| slow.lock().unwrap().take());
        slow.flatten().map_or_else(|| cacheable("new"), cacheable)
    }));
    let read = setup
        .service
        .clone()
        .oneshot(get("/a?utm=1"))
        .await
        .unwrap();
    feeder.data("old ");
    change(&setup).await;
    feeder.data("state");
    feeder.end();
    assert_eq!(Reply::read(read).await.text(), "old state");
    let next = setup.get("/a?utm=1").await;
    assert_eq!((next.is_hit(), next.text()), (false, "new"));
}

#[tokio::test]
async fn overtaken_read_is_not_stored() {
    let no_query = |origin| keyed(origin, Key::new().no_query());
    let setups: [fn(Origin) -> Setup; 2] = [plain, no_query];
    for on in setups {
        race(on, async |setup| {
            setup.send(request("POST", "/a?utm=1", &[])).await;
        })
        .await;
        race(on, async |setup| setup.cache.clear()).await;
        race(on, async |setup| {
            setup.cache.purge(Purge::everything());
        })
        .await;
    }
}

/// The write names another query, which does not count.
#[tokio::test]
async fn write_to_what_is_left_of_the_target_overtakes_too() {
    race(
        |origin| keyed(origin, Key::new().no_query()),
        async |setup| {
            setup.send(request("POST", "/a?utm=2", &[])).await;
        },
    )
    .await;
}
