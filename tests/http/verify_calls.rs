//! Shadow calls stay out of everybody's way: how many are made, of which requests, what goes with
//! them, and what becomes of them.

use std::time::Duration;

use allocation_counter::measure;
use http::header::HeaderName;
use http::request::Parts;
use larder::{CacheLayer, Key, Policy, RoutePolicy, Verify};
use larder_tests::{Crowd, Down, Origin, Setup, Slow, get, request, response, settle};
use tokio::time::sleep;

use crate::verify::scene::{Checked, MINUTE, every, field};

pub const SHARED: [(&str, &str); 1] = [("cache-control", "public, max-age=60")];

pub fn same(_: &Parts, _: usize) -> String {
    "same".into()
}

fn checking(verify: Verify) -> Checked {
    Checked::with(same, |cache| cache, |layer| layer.with_verify(verify))
}

#[tokio::test(start_paused = true)]
async fn nothing_is_checked_unless_that_is_wanted() {
    let app = Checked::with(same, |cache| cache, |layer| layer);
    for _ in 0..100 {
        app.get("/a", &[]).await;
    }
    assert_eq!((app.calls(), app.verdicts()), (1, [0; 4]));
}

#[tokio::test(start_paused = true)]
async fn share_of_the_hits_is_checked() {
    for (share, hits, least, most) in [
        (0.1, 10_000, 800, 1200),
        (0.0, 1000, 0, 0),
        (1.0, 1000, 1000, 1000),
        (-1.0, 1000, 0, 0),
        (7.0, 1000, 1000, 1000),
        (f64::NAN, 1000, 0, 0),
    ] {
        let app = checking(Verify::sample(share).max_per_second(u32::MAX));
        app.get("/a", &[]).await;
        for _ in 0..hits / 100 {
            for _ in 0..100 {
                app.ask(get("/a")).await;
            }
            settle().await;
        }
        let checked = app.calls() - 1;
        assert!((least..=most).contains(&checked), "{share}: {checked}");
        assert_eq!(app.verdicts(), [checked as u64, 0, 0, 0]);
        assert_eq!(app.cache.stats().hits(), hits);
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limit_holds_by_the_clock_of_the_cache() {
    for (limit, calls) in [(None, 10), (Some(3), 30), (Some(0), 0)] {
        let verify = Verify::sample(1.0);
        let app = checking(match limit {
            None => verify,
            Some(limit) => verify.max_per_second(limit),
        });
        app.get("/a", &[]).await;
        for _ in 0..10 {
            for _ in 0..100 {
                assert!(app.get("/a", &[]).await.is_hit());
            }
            app.clock.advance(1);
        }
        assert_eq!(app.calls() - 1, calls, "{limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_tell_why_are_made_up_for() {
    let layer = |layer: CacheLayer| layer.with_verify(Verify::sample(1.0));
    let app = Checked::with(|parts, _| field(parts, "x-a"), |cache| cache, layer);
    app.get("/a", &[("x-a", "1")]).await;
    let mut checks = Vec::new();
    for second in 0..50 {
        app.get("/a", &[("x-a", "2")]).await;
        if app.calls() > 1 + 4 * checks.len() {
            checks.push(second);
        }
        app.clock.advance(1);
    }
    assert_eq!(app.calls(), 1 + 4 * checks.len());
    assert_eq!(checks, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]);
    assert_eq!(app.cache.stats().findings(), 13);
    assert_eq!(app.found().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn client_is_answered_from_the_store_while_a_shadow_call_never_ends() {
    let (origin, gate) = Slow::gated(|_, calls| response(200, &SHARED, format!("call {calls}")));
    let layer = |layer: CacheLayer| layer.with_verify(every());
    let crowd = Crowd::with(origin, |cache| cache.max_background(3), layer);
    gate.open(1);
    assert_eq!(crowd.get("/a").reply().await.text(), "call 0");
    for _ in 0..10 {
        let client = crowd.get("/a");
        settle().await;
        assert!(client.is_done());
        let reply = client.reply().await;
        assert_eq!((reply.text(), reply.is_hit()), ("call 0", true));
    }
    assert_eq!((crowd.origin.calls(), crowd.origin.counts().inside), (4, 3));
    sleep(Duration::from_secs(61)).await;
    assert_eq!(crowd.origin.counts().inside, 0);
    let stats = crowd.cache.stats();
    assert_eq!((stats.verify_failures(), stats.hits()), (3, 10));
    assert_eq!((stats.errors(), stats.misses()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn shadow_call_stores_nothing_and_is_no_forward() {
    let app = Checked::obeying(|_, calls| if calls == 0 { "old" } else { "new" }.to_owned());
    app.get("/a", &[]).await;
    let before = app.cache.stats();
    for hit in 1..=3 {
        assert_eq!(app.get("/a", &[]).await.text(), "old");
        assert_eq!(app.calls(), 1 + hit);
    }
    let after = app.cache.stats();
    assert_eq!((after.hits(), after.verified_stale()), (3, 3));
    assert_eq!(after.stored(), before.stored());
    assert_eq!(after.not_stored(), before.not_stored());
    assert_eq!((after.misses(), after.bytes()), (1, before.bytes()));
    assert_eq!((after.fills(), after.background_validations()), (0, 0));
    assert_eq!((after.validations(), after.validations_replaced()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn only_safe_requests_that_want_more_than_the_store_are_checked_on_fresh_hits() {
    let stale = [(
        "cache-control",
        "public, max-age=60, stale-while-revalidate=60",
    )];
    let setup = Setup::with_layer(Origin::ok(&stale), |cache| {
        let layer = CacheLayer::new(cache).with_policy(Policy::conformance());
        layer.with_verify(every())
    });
    setup.get("/a").await;
    let only = [("cache-control", "only-if-cached")];
    assert!(setup.get_with("/a", &only).await.is_hit());
    setup.send(request("POST", "/b", &[])).await;
    setup.send(request("OPTIONS", "/a", &[])).await;
    settle().await;
    assert_eq!(setup.origin.calls(), 3);
    setup.clock.advance(70);
    let stale = [("cache-control", "max-stale=60")];
    assert!(setup.get_with("/a", &stale).await.is_hit());
    settle().await;
    assert_eq!(setup.origin.calls(), 3);
    assert!(setup.get("/a").await.is_hit());
    settle().await;
    // That was the validation.
    assert_eq!(setup.origin.calls(), 4);
    assert_eq!(setup.cache.stats().verified_stale(), 0);
}

#[tokio::test(start_paused = true)]
async fn shadow_has_what_the_client_sent_but_conditions_ranges_and_directives() {
    let key = Key::new()
        .query_except(["utm_*"])
        .header_lowercase("x-region");
    let app = Checked::on(RoutePolicy::shared(MINUTE).key(key), same);
    app.get("/a?b=1", &[("x-region", "eu")]).await;
    let sent = [
        ("x-region", "EU"),
        ("cookie", "s=1; t=2"),
        ("authorization", "Bearer secret"),
        ("accept-language", "de"),
        ("if-none-match", "\"x\""),
        ("range", "bytes=0-1"),
        ("cache-control", "max-age=5"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    assert_eq!(app.get("/a?utm_x=1&b=1", &sent).await.body, b"sa");
    assert_eq!(app.verdicts(), [1, 0, 0, 0]);
    let asked = app.asked(1);
    assert_eq!(asked.uri, "/a?b=1&utm_x=1");
    let mut fields: Vec<_> = asked.headers.keys().map(HeaderName::as_str).collect();
    fields.sort_unstable();
    let expected = ["accept-language", "authorization", "cookie", "x-region"];
    assert_eq!(
        (fields, field(&asked, "x-region")),
        (expected.to_vec(), "eu".into())
    );
}

#[tokio::test(start_paused = true)]
async fn failure_of_a_shadow_call_is_counted_and_forgotten() {
    let origin = Slow::new(|_, calls| async move {
        match calls {
            1 => Err(Down),
            2 => panic!("as planned"),
            3 => Ok(response(503, &[], "")),
            4 => Ok(response(500, &[], "")),
            5 => Ok(response(429, &[], "")),
            6 => Ok(response(304, &[], "")),
            7 => Ok(response(404, &[], "")),
            _ => Ok(response(200, &SHARED, "body")),
        }
    });
    let layer = |layer: CacheLayer| layer.with_verify(every());
    let crowd = Crowd::with(origin, |cache| cache.max_background(1), layer);
    for call in 1..10 {
        let reply = crowd.get("/a").reply().await;
        settle().await;
        assert_eq!((reply.text(), crowd.origin.calls()), ("body", call));
    }
    let stats = crowd.cache.stats();
    assert_eq!((stats.verify_failures(), stats.errors()), (6, 0));
    assert_eq!((stats.verified_stale(), stats.verified()), (1, 1));
    assert_eq!((stats.hits(), stats.findings()), (8, 0));
}

#[test]
fn without_a_runtime_nothing_is_checked() {
    let setup = Setup::with_layer(Origin::ok(&SHARED), |cache| {
        CacheLayer::new(cache).with_verify(every())
    });
    for hits in 0..3 {
        let reply = futures_util::FutureExt::now_or_never(setup.get("/a")).unwrap();
        assert_eq!(reply.text(), "call 1");
        assert_eq!(setup.cache.stats().hits(), hits);
    }
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn hit_that_is_not_checked_allocates_no_more_than_without_checks() {
    let allocations = async |set: fn(CacheLayer) -> CacheLayer| {
        let setup = Setup::with_layer(Origin::ok(&SHARED), |cache| set(CacheLayer::new(cache)));
        for _ in 0..3 {
            setup.get("/a").await;
        }
        let mut service = setup.service.clone();
        let asked = get("/a");
        let counted = measure(|| drop(tower::Service::call(&mut service, asked)));
        assert_eq!(setup.origin.calls(), 1);
        counted.count_total
    };
    let off = allocations(|layer| layer).await;
    let on = allocations(|layer| layer.with_verify(Verify::sample(0.0))).await;
    assert!(off > 0);
    assert_eq!(on, off);
}
