//! Soft purges beside everything else that a stored response may be used for.

use std::sync::Mutex;

use axum::body::Body;
use http::Request;
use larder::{CacheLayer, EarlyRefresh, Policy, Purge, RoutePolicy, Verify};
use larder_tests::{Feed, Origin, Reply, Setup, feed, get, request, response};
use tokio::time::sleep;
use tower::ServiceExt;

use crate::purge_soft::{MINUTE, STALE, of_url};
use crate::refresh::{ETAG, WINDOW, stored, stored_with};
use crate::scene::{Scene, millis, secs, settle};

fn ask(method: &str, fields: &[(&str, &str)]) -> Request<Body> {
    request(method, "/a", fields)
}

#[tokio::test(start_paused = true)]
async fn parts_heads_and_conditions_are_answered_while_it_is_stale() {
    let scene = stored(WINDOW, 304, 10).await;
    scene.cache.purge(of_url());
    for (request, status, body) in [
        (ask("GET", &[("range", "bytes=0-3")]), 206, "call"),
        (ask("GET", &[("if-none-match", "\"a\"")]), 304, ""),
        (ask("GET", &[("range", "bytes=90-")]), 416, ""),
        (ask("HEAD", &[]), 200, ""),
        (ask("GET", &[]), 200, "call 1"),
    ] {
        let reply = scene.send(request).await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.text()), (status, body));
        assert_eq!(reply.field("cache-status"), STALE);
    }
    settle().await;
    assert_eq!(scene.calls(), 2);
    // The one who asked first asked for a part.
    assert!(!scene.asked(1).headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn without_a_window_a_part_is_answered_once_the_whole_is_validated() {
    let scene = stored(MINUTE, 304, 10).await;
    scene.cache.purge(of_url());
    let part = ask("GET", &[("range", "bytes=0-3")]);
    let reply = scene.send(part).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.text()), (206, "call"));
    let told = "larder; fwd=stale; fwd-status=304; ttl=59";
    assert_eq!(reply.field("cache-status"), told);
    assert!(!scene.asked(1).headers.contains_key("range"));
    scene.many_at_once(2, "larder; hit; ttl=59").await;
}

/// RFC 9111 section 4.3.5: an agreeing HEAD freshens.
#[tokio::test]
async fn head_validates_what_is_stored_for_get() {
    let fields = [("cache-control", MINUTE), ETAG];
    let script = [(200, &fields[..], "body"), (304, &fields, "")];
    let setup = Setup::shared(Origin::script(&script));
    setup.get("/a").await;
    setup.cache.purge(of_url());
    let head = setup.send(ask("HEAD", &[])).await;
    assert_eq!(
        (head.status.as_u16(), head.field("content-length")),
        (200, "4")
    );
    let hit = setup.get("/a").await;
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=60");
    assert_eq!((hit.text(), setup.origin.calls()), ("body", 2));
}

#[tokio::test]
async fn clients_staleness_counts_from_the_purge() {
    for (asked, later, served) in [
        ("max-stale", 5, true),
        ("max-stale=5", 5, true),
        ("max-stale=4", 5, false),
        ("max-stale=5, max-age=14", 5, false),
        ("max-stale=5, max-age=15", 5, true),
        ("min-fresh=0, max-stale", 5, false),
        ("max-age=15", 5, false),
        ("max-stale=0", 0, true),
    ] {
        let policy = Policy::conformance().with_stale_on_failure(None);
        let fields = [("cache-control", MINUTE)];
        let setup = Setup::with_policy(Origin::ok(&fields), policy);
        setup.get("/a").await;
        setup.clock.advance(10);
        setup.cache.purge(of_url());
        setup.clock.advance(later);
        let reply = setup.get_with("/a", &[("cache-control", asked)]).await;
        assert_eq!(reply.is_hit(), served, "{asked}");
        if served {
            let ttl = -i64::try_from(later).unwrap();
            let told = format!("larder; hit; ttl={ttl}; detail=soft-purged");
            assert_eq!(reply.field("cache-status"), told);
            assert_eq!(reply.field("age"), (10 + later).to_string());
        }
    }
}

/// It is validated since it is stale, not since it is about to be.
#[tokio::test(start_paused = true)]
async fn early_refresh_has_nothing_to_do_with_what_is_stale_already() {
    for (says, calls) in [(WINDOW, 2), (MINUTE, 1)] {
        let early = EarlyRefresh::after_percent(0);
        let layer = |layer: CacheLayer| layer.with_early_refresh(early);
        let scene = stored_with(says, 304, 0, |cache| cache, layer).await;
        scene.cache.purge(of_url());
        let asked = [("cache-control", "only-if-cached")];
        scene.get_with(&asked).await;
        assert_eq!(scene.calls(), 1);
        let waited = calls == 1;
        assert_eq!(scene.timed().await.1 == secs(1), waited, "{says}");
        settle().await;
        assert_eq!(scene.calls(), 2);
        let validations = scene.cache.stats().background_validations();
        assert_eq!(validations, u64::from(!waited));
    }
}

/// What was purged softly may well differ from what the inner service gives.
#[tokio::test(start_paused = true)]
async fn stale_hits_are_not_checked() {
    for (soft, calls) in [(false, 4), (true, 2)] {
        let verify = Verify::sample(1.0).max_per_second(u32::MAX);
        let route = RoutePolicy::obey().verify(verify);
        let route = |layer: CacheLayer| layer.with_route_policy(route);
        let scene = stored_with(WINDOW, 200, 10, |cache| cache, route).await;
        if soft {
            scene.cache.purge(of_url());
        }
        // One of them has it validated.
        scene.many(3).await;
        sleep(secs(2)).await;
        let stats = scene.cache.stats();
        assert_eq!(stats.verified_stale(), if soft { 0 } else { 3 });
        assert_eq!(stats.background_validations(), u64::from(soft));
        assert_eq!(scene.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_after_a_soft_purge_does_not_wait_for_what_began_before_it() {
    let handler = |call| async move {
        sleep(secs(1)).await;
        let fields = [("cache-control", MINUTE)];
        Ok(response(200, &fields, format!("call {}", call + 1)))
    };
    let scene = Scene::new(handler);
    let after = async {
        sleep(millis(500)).await;
        scene.cache.purge(of_url());
        scene.many(10).await
    };
    let ((before, _), after) = tokio::join!(scene.timed(), after);
    assert_eq!(before.text(), "call 1");
    for (reply, took) in after {
        assert_eq!((reply.text(), took), ("call 2", secs(1)));
    }
    assert_eq!(scene.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn those_who_waited_for_what_a_soft_purge_overtook_share_the_next() {
    for status in [304, 200] {
        let scene = stored_with(MINUTE, status, 10, |cache| cache, |layer| layer).await;
        scene.cache.purge(of_url());
        let again = async {
            sleep(millis(500)).await;
            scene.cache.purge(of_url());
        };
        let (answers, ()) = tokio::join!(scene.many(10), again);
        let at = |seconds| {
            answers
                .iter()
                .filter(|(_, took)| *took == secs(seconds))
                .count()
        };
        assert_eq!((at(1), at(2), scene.calls()), (1, 9, 3), "{status}");
        scene.many_at_once(10, "larder; hit; ttl=59").await;
    }
}

/// A cache in front of an origin whose first body is fed by hand, and whose later ones are `new`.
fn overtaken(says: &'static str) -> (Setup, Feed) {
    let (feeder, body) = feed();
    let slow = Mutex::new(Some(body));
    let setup = Setup::shared(Origin::new(move |_, _| {
        let fields = [("cache-control", says), ETAG];
        match slow.lock().unwrap().take() {
            Some(body) => response(200, &fields, body),
            None => response(200, &fields, "new"),
        }
    }));
    (setup, feeder)
}

#[tokio::test]
async fn what_began_before_a_soft_purge_does_not_displace_what_began_after_it() {
    for says in [MINUTE, WINDOW] {
        let (setup, feeder) = overtaken(says);
        let first = setup.service.clone().oneshot(get("/a")).await.unwrap();
        feeder.data("old");
        setup.cache.purge(Purge::everything().soft());
        // Who comes after the purge does not wait for what began before it.
        assert_eq!(setup.get("/a").await.text(), "new");
        feeder.end();
        assert_eq!(Reply::read(first).await.text(), "old");
        let hit = setup.get("/a").await;
        assert_eq!(hit.field("cache-status"), "larder; hit; ttl=60");
        assert_eq!((hit.text(), setup.origin.calls()), ("new", 2));
    }
}

#[tokio::test]
async fn what_a_fill_brings_after_a_soft_purge_is_validated_before_it_is_used() {
    for (says, told) in [
        (MINUTE, "larder; fwd=stale; fwd-status=200; stored"),
        (WINDOW, STALE),
    ] {
        let (setup, feeder) = overtaken(says);
        let first = setup.service.clone().oneshot(get("/a")).await.unwrap();
        setup.cache.purge(Purge::everything().soft());
        feeder.data("old");
        feeder.end();
        assert_eq!(Reply::read(first).await.text(), "old");
        assert_eq!(setup.cache.stats().responses(), 1);
        let next = setup.get("/a").await;
        assert_eq!(next.field("cache-status"), told);
        larder_tests::settle().await;
        let last = setup.get("/a").await;
        assert_eq!((last.is_hit(), last.text()), (true, "new"), "{says}");
        assert_eq!(setup.origin.calls(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn validation_that_began_before_the_purge_does_not_make_it_fresh() {
    let scene = stored(WINDOW, 304, 65).await;
    scene.many_at_once(1, "larder; hit; ttl=-5").await;
    sleep(millis(500)).await;
    scene.cache.purge(of_url());
    sleep(millis(501)).await;
    let told = "larder; hit; ttl=-1; detail=soft-purged";
    scene.many_at_once(10, told).await;
    settle().await;
    assert_eq!(scene.calls(), 3);
    sleep(secs(1)).await;
    scene.many_at_once(10, "larder; hit; ttl=59").await;
    assert_eq!(scene.calls(), 3);
}

/// What is not kept past its windows is fetched anew, without conditions.
#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_gone_once_its_window_is_over() {
    for (later, conditional) in [(37, true), (38, false)] {
        let layer =
            |layer: CacheLayer| layer.with_policy(Policy::shared().with_keep(Some(secs(7))));
        let scene = stored_with(WINDOW, 200, 10, |cache| cache, layer).await;
        scene.cache.purge(of_url());
        sleep(secs(later)).await;
        assert_eq!(scene.timed().await.1, secs(1));
        let asked = scene.asked(1).headers;
        assert_eq!(asked.contains_key("if-none-match"), conditional);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_validator_is_fetched_anew() {
    let handler = |call| async move {
        let fields = [("cache-control", MINUTE)];
        Ok(response(200, &fields, format!("call {}", call + 1)))
    };
    let scene = Scene::new(handler);
    scene.get().await;
    scene.cache.purge(of_url());
    let reply = scene.get().await;
    let told = "larder; fwd=stale; fwd-status=200; stored";
    assert_eq!(
        (reply.text(), reply.field("cache-status")),
        ("call 2", told)
    );
    assert!(!scene.asked(1).headers.contains_key(ETAG.0));
    assert!(scene.get().await.is_hit());
}

/// Of two servers the clock of one is ahead, and it answers what was asked before the purge.
#[tokio::test(start_paused = true)]
async fn what_was_fetched_after_a_soft_purge_stays_whatever_date_the_stale_one_has() {
    let dates = [
        ("old", "Fri, 15 Jan 2027 08:00:09 GMT"),
        ("new", "Fri, 15 Jan 2027 08:00:02 GMT"),
    ];
    let scene = Scene::new(move |calls| async move {
        sleep(secs(2)).await;
        let (body, date) = dates[calls];
        Ok(response(
            200,
            &[("cache-control", WINDOW), ("date", date)],
            body,
        ))
    });
    let purged = async {
        sleep(secs(1)).await;
        scene.cache.purge(of_url());
        scene.get().await
    };
    let (before, after) = tokio::join!(scene.get(), purged);
    assert_eq!((before.text(), after.text()), ("old", "new"));
    assert_eq!(scene.get().await.text(), "new");
    assert_eq!(scene.calls(), 2);
}
