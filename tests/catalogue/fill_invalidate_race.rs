//! A read that is overtaken by a write or a purge, and ends after it.

use std::sync::Mutex;

use http::Response;
use larder::{Key, Purge, RoutePolicy};
use larder_tests::{Origin, Reply, Setup, feed, get, request, response};
use tower::ServiceExt;

use crate::setting::{FRESH, MINUTE, cacheable, keyed, plain, routed};

const GROUPED: &[(&str, &str)] = &[FRESH, ("cache-groups", "\"g\"")];
const GROUP_GONE: &[(&str, &str)] = &[("cache-group-invalidation", "\"g\"")];

/// A read of `old state` that is under way while `change` happens. The next read is new.
async fn race(on: fn(Origin) -> Setup, change: impl AsyncFn(&Setup)) {
    let (feeder, body) = feed();
    let slow = Mutex::new(Some(body));
    let setup = on(Origin::new(move |seen, _| {
        if seen.method != "GET" {
            let fields = if seen.uri.path() == "/b" {
                GROUP_GONE
            } else {
                &[]
            };
            return response(200, fields, "written");
        }
        match slow.lock().unwrap().take() {
            Some(body) => response(200, GROUPED, body),
            None => response(200, GROUPED, "new"),
        }
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
    // The purge is over: what came after it stays.
    let last = setup.get("/a?utm=1").await;
    assert_eq!((last.is_hit(), last.text()), (true, "new"));
}

fn no_query(origin: Origin) -> Setup {
    keyed(origin, Key::new().no_query())
}

fn tagged(origin: Origin) -> Setup {
    routed(origin, RoutePolicy::shared(MINUTE).tag("a").tag("b"))
}

#[tokio::test]
async fn overtaken_read_is_not_stored() {
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
    race(no_query, async |setup| {
        setup.send(request("POST", "/a?utm=2", &[])).await;
    })
    .await;
}

/// The write is elsewhere, and its response says what it changed (RFC 9875).
#[tokio::test]
async fn write_that_invalidates_a_group_overtakes_what_is_in_it() {
    race(plain, async |setup| {
        setup.send(request("POST", "/b", &[])).await;
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_purge_overtakes() {
    let purges = [
        Purge::tag("a"),
        Purge::any_tag(["none", "b"]),
        Purge::all_tags(["b", "a"]),
        Purge::url("/a?utm=1").unwrap(),
        Purge::prefix("/a").unwrap(),
        Purge::prefix("/").unwrap(),
        Purge::tag("none").and(Purge::url("/a?utm=1").unwrap()),
        Purge::everything(),
    ];
    for purge in purges {
        race(tagged, async |setup| {
            setup.cache.purge(purge.clone());
        })
        .await;
        // What it brings is stored, and is validated before its first use.
        race(tagged, async |setup| {
            setup.cache.purge(purge.clone().soft());
        })
        .await;
    }
}

/// Others do not get what a purge has overtaken, however late it comes.
#[tokio::test]
async fn who_asks_after_a_purge_does_not_wait_for_what_began_before_it() {
    let (feeder, body) = feed();
    let slow = Mutex::new(Some(body));
    let setup = tagged(Origin::new(move |_, _| -> Response<_> {
        let slow = slow.lock().unwrap().take();
        slow.map_or_else(|| cacheable("new"), cacheable)
    }));
    let read = setup.service.clone().oneshot(get("/a")).await.unwrap();
    feeder.data("old ");
    setup.cache.purge(Purge::tag("a"));
    assert_eq!(setup.get("/a").await.text(), "new");
    feeder.data("state");
    feeder.end();
    assert_eq!(Reply::read(read).await.text(), "old state");
    let hit = setup.get("/a").await;
    assert_eq!((hit.is_hit(), hit.text()), (true, "new"));
}
