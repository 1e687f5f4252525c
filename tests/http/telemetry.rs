//! Every decision can be read: as an event, in the counters, and through the metrics facade.

mod fills;
mod purges;
mod puts;
mod watch;
mod writes;

use axum::body::Body;
use http::{Request, Response};
use larder::{Cache, CacheLayer, ForcedRefresh, Policy, Stats};
use larder_tests::{Origin, Reply, Scripted, Setup, request, stack};
use tower::{ServiceExt, service_fn};
use watch::{Seen, watch};

/// Requests one after the other: seconds since the one before, method, field.
async fn play(
    policy: Policy,
    script: &[Scripted<'_>],
    requests: &[(u64, &str, (&str, &str))],
) -> Cache {
    let setup = Setup::with_policy(Origin::script(script), policy);
    for (later, method, field) in requests {
        setup.clock.advance(*later);
        setup.send(request(method, "/a", &[*field])).await;
    }
    setup.cache
}

const NONE: (&str, &str) = ("accept", "*/*");
const FRESH: [(&str, &str); 2] = [
    ("cache-control", "max-age=60, stale-if-error=30"),
    ("etag", "\"a\""),
];

#[test]
fn every_outcome_is_an_event_and_a_number() {
    let other = [("etag", "\"b\"")];
    let script = [
        (200, &FRESH[..], "body"),
        (304, &FRESH, ""),
        (503, &[], "down"),
        (200, &FRESH, "larger body"),
        (201, &[], ""),
        (200, &[], ""),
        (200, &FRESH, ""),
        (304, &other, ""),
        (304, &other, ""),
    ];
    let requests = [
        (0, "GET", NONE),
        (10, "GET", NONE),
        (51, "GET", NONE),
        (70, "GET", NONE),
        (0, "GET", NONE),
        (1, "GET", NONE),
        (0, "POST", NONE),
        (0, "GET", ("if-match", "*")),
        (0, "GET", ("cache-control", "only-if-cached")),
        (0, "GET", NONE),
        (100, "GET", NONE),
    ];
    let seen = watch(play(Policy::shared(), &script, &requests));
    let expected = [
        "forwarded reason=uri-miss status=200",
        "stored body_bytes=4",
        "hit ttl=50",
        "forwarded reason=stale status=304",
        "stale-hit ttl=-10 detail=stale-if-error",
        // The service failed just now and was not asked.
        "stale-hit ttl=-10 detail=stale-if-error",
        "forwarded reason=stale status=200",
        "stored body_bytes=11",
        "invalidated urls=1",
        "forwarded reason=method status=201",
        "bypass reason=conditional",
        "only-if-cached",
        "forwarded reason=uri-miss status=200",
        "stored body_bytes=0",
        "failed reason=stale",
    ];
    assert_eq!(seen.events, expected);
    let stats = seen.stats;
    assert_eq!(
        (stats.hits(), stats.stale_hits(), stats.misses()),
        (1, 2, 2)
    );
    assert_eq!((stats.validations(), stats.validations_replaced()), (1, 1));
    assert_eq!((stats.forwarded_methods(), stats.invalidations()), (1, 1));
    assert_eq!(
        (stats.bypasses(), stats.refusals(), stats.errors()),
        (1, 1, 1)
    );
    assert_eq!((stats.stored(), stats.not_stored()), (3, 0));
    assert_eq!((stats.keys(), stats.responses(), stats.bytes()), (0, 0, 0));
    agrees(&seen);
    assert_eq!(seen.histograms["larder_hit_ttl_seconds"], [50.0]);
    assert_eq!(
        seen.histograms["larder_stored_body_bytes"],
        [4.0, 11.0, 0.0]
    );
}

#[test]
fn refused_refresh_is_an_event_and_a_number() {
    let seen = watch(async {
        let setup = Setup::with_layer(Origin::ok(&FRESH), |cache| {
            CacheLayer::new(cache).with_forced_refresh(|_| ForcedRefresh::Refuse)
        });
        let fields = [("cache-control", "no-cache")];
        setup.send(request("GET", "/a", &fields)).await;
        setup.cache
    });
    assert_eq!(seen.events, ["refresh-refused"]);
    assert_eq!(seen.stats.refresh_refusals(), 1);
    agrees(&seen);
}

/// The facade and the counters tell the same, and every request has one outcome.
fn agrees(seen: &Seen) {
    let of = |name: &str| seen.counters.get(name).copied().unwrap_or(0);
    let all = |start: &str| -> u64 {
        let series = seen
            .counters
            .iter()
            .filter(|(name, _)| name.starts_with(start));
        series.map(|(_, count)| count).sum()
    };
    let stats = &seen.stats;
    assert_eq!(of("larder_requests_total hit"), stats.hits());
    assert_eq!(all("larder_requests_total collapsed"), stats.collapsed());
    let refreshed = of("larder_background_validations_total");
    assert_eq!(refreshed, stats.background_validations());
    assert_eq!(all("larder_requests_total stale-hit"), stats.stale_hits());
    let misses = of("larder_requests_total forwarded uri-miss")
        + of("larder_requests_total forwarded vary-miss");
    assert_eq!(misses, stats.misses());
    let validations =
        of("larder_requests_total forwarded stale") + of("larder_requests_total forwarded request");
    assert_eq!(
        validations,
        stats.validations() + stats.validations_replaced()
    );
    assert_eq!(
        of("larder_requests_total forwarded method"),
        stats.forwarded_methods()
    );
    assert_eq!(all("larder_requests_total failed"), stats.errors());
    assert_eq!(all("larder_requests_total bypass"), stats.bypasses());
    assert_eq!(of("larder_requests_total only-if-cached"), stats.refusals());
    let refused = of("larder_requests_total refresh-refused");
    assert_eq!(refused, stats.refresh_refusals());
    assert_eq!(of("larder_responses_total stored"), stats.stored());
    assert_eq!(all("larder_responses_total not-stored"), stats.not_stored());
    assert_eq!(of("larder_invalidations_total"), stats.invalidations());
    assert_eq!(all("larder_purges_total"), stats.purges());
    assert_eq!(of("larder_sweeps_total"), stats.sweeps());
    let events = seen.events.iter();
    let answers = events.filter(|event| {
        let (outcome, _) = event.split_once(' ').unwrap_or((event, ""));
        !matches!(
            outcome,
            "stored" | "not-stored" | "discarded" | "invalidated" | "purged" | "refresh" | "swept"
        )
    });
    assert_eq!(answers.count() as u64, all("larder_requests_total"));
}

#[test]
fn responses_that_are_not_stored_say_why() {
    for (fields, asked, reason) in [
        (&[("cache-control", "no-store")][..], NONE, "no-store"),
        (&[("cache-control", "private")], NONE, "private"),
        (&[FRESH[0], ("set-cookie", "a=1")], NONE, "set-cookie"),
        (&[FRESH[0], ("vary", "*")], NONE, "vary"),
        (&[], NONE, "useless"),
        (&FRESH, ("cache-control", "no-store"), "request-no-store"),
        (&FRESH, ("authorization", "x"), "authorization"),
        (&FRESH, ("cookie", "a=1"), "cookie"),
        (
            &[FRESH[0], ("content-length", "9999999")],
            NONE,
            "body-too-large",
        ),
    ] {
        let script = [(200, fields, "body")];
        let seen = watch(play(Policy::shared(), &script, &[(0, "GET", asked)]));
        let not_stored = format!("not-stored reason={reason}");
        assert_eq!(
            seen.events,
            ["forwarded reason=uri-miss status=200", &not_stored]
        );
        assert_eq!(
            seen.counters[&format!("larder_responses_total not-stored {reason}")],
            1
        );
        agrees(&seen);
    }
}

#[test]
fn errors_of_the_inner_service_are_counted_once() {
    for (method, reason) in [("GET", "uri-miss"), ("POST", "method")] {
        let seen = watch(async {
            let inner = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("down") });
            let (cache, _, service) = stack(inner, Policy::shared());
            let failed = service.oneshot(request(method, "/a", &[])).await;
            assert_eq!(failed.unwrap_err(), "down");
            cache
        });
        assert_eq!(seen.events, [format!("failed reason={reason}")]);
        assert_eq!(seen.stats.errors(), 1);
        agrees(&seen);
    }
}

#[test]
fn stale_hits_on_request_say_so() {
    let requests = [
        (0, "GET", NONE),
        (65, "GET", ("cache-control", "max-stale")),
    ];
    let script = [(200, &FRESH[..], "body")];
    let seen = watch(play(Policy::conformance(), &script, &requests));
    assert_eq!(seen.events[2], "stale-hit ttl=-5 detail=max-stale");
    assert_eq!(seen.stats.stale_hits(), 1);
    agrees(&seen);
}

#[test]
fn freshening_that_may_not_be_kept_says_why() {
    let forbids = [("cache-control", "no-store"), FRESH[1]];
    let script = [(200, &FRESH[..], "body"), (304, &forbids, "")];
    let requests = [(0, "GET", NONE), (61, "GET", NONE)];
    let seen = watch(play(Policy::shared(), &script, &requests));
    assert!(
        seen.events
            .contains(&"not-stored reason=no-store".to_owned())
    );
    assert!(
        seen.events
            .contains(&"forwarded reason=stale status=304".to_owned())
    );
    agrees(&seen);
}

#[tokio::test]
async fn stats_count_what_is_held() {
    let setup = Setup::shared(Origin::ok(&[FRESH[0], ("vary", "accept")]));
    let empty = setup.cache.stats();
    assert_eq!(empty, Stats::default());
    for (path, accept, held) in [
        ("/a", "1", (1, 1)),
        ("/a", "2", (1, 2)),
        ("/b", "1", (2, 3)),
        ("/b", "1", (2, 3)),
    ] {
        let reply: Reply = setup.get_with(path, &[("accept", accept)]).await;
        assert_eq!(reply.status, 200);
        let stats = setup.cache.stats();
        assert_eq!((stats.keys(), stats.responses()), held);
        assert!(stats.bytes() > 400 * held.1);
    }
    setup.cache.clear();
    let stats = setup.cache.stats();
    assert_eq!((stats.keys(), stats.responses(), stats.bytes()), (0, 0, 0));
    assert_eq!((stats.misses(), stats.hits()), (3, 1));
}
