//! Work in the background can be told from what a client waits for: by its span, its events, and the
//! counters.

mod spans;

use larder::{Cache, CacheLayer, EarlyRefresh, Verify};
use larder_tests::{get, request, response};
use spans::{Told, watch};
use tokio::time::sleep;
use tracing::Instrument;

use crate::refresh::{ETAG, WINDOW};
use crate::scene::{Scene, millis, secs, settle};
use crate::stale::Down;

const BOTH: &str = "max-age=60, stale-while-revalidate=30, stale-if-error=30";

/// A fresh response, and then what the status says, or an error. The handler tells of its work.
fn scene(
    says: &'static str,
    then: Option<u16>,
    layer: impl FnOnce(CacheLayer) -> CacheLayer,
) -> Scene {
    let handler = move |call| async move {
        tracing::debug!(target: "larder", outcome = "works");
        sleep(millis(1)).await;
        let status = if call == 0 { Some(200) } else { then };
        let fields = [("cache-control", says), ETAG];
        status.map_or(Err(Down), |status| Ok(response(status, &fields, "body")))
    };
    Scene::with_layer(handler, layer)
}

/// A client's request, in a span of its own.
async fn client(scene: &Scene) {
    let span = tracing::debug_span!(target: "larder", "client");
    scene.get().instrument(span).await;
}

async fn refreshed(scene: Scene) -> Cache {
    client(&scene).await;
    sleep(secs(65)).await;
    client(&scene).await;
    sleep(millis(5)).await;
    assert_eq!(scene.calls(), 2);
    scene.cache
}

#[test]
fn background_work_has_a_span_of_its_own_that_is_nobodys_child() {
    let told = watch(async { refreshed(scene(WINDOW, Some(304), |layer| layer)).await });
    assert_eq!(
        told.spans,
        [
            "client",
            "client fill reason=uri-miss background=false",
            "client",
            "fill reason=stale background=true",
        ]
    );
    assert_eq!(
        told.events,
        [
            "client fill: works",
            "client fill: forwarded reason=uri-miss status=200",
            "client fill: stored body_bytes=4",
            "client: stale-hit ttl=-5 detail=stale-while-revalidate",
            "client: refresh",
            "fill: works",
            "fill: forwarded reason=stale status=304",
        ]
    );
    let stats = told.stats;
    assert_eq!(
        (stats.background_validations(), stats.validations()),
        (1, 1)
    );
    assert_eq!((stats.stale_hits(), stats.misses()), (1, 1));
    assert_eq!(told.counters["larder_background_validations_total"], 1);
}

/// What is told after the response was stored.
fn of_refresh(says: &'static str, then: Option<u16>) -> Told {
    let mut told = watch(async move { refreshed(scene(says, then, |layer| layer)).await });
    told.events.drain(..3);
    told
}

#[test]
fn response_that_takes_the_stored_ones_place_is_told_in_the_background() {
    let told = of_refresh(BOTH, Some(200));
    let events = [
        "client: stale-hit ttl=-5 detail=stale-while-revalidate",
        "client: refresh",
        "fill: works",
        "fill: forwarded reason=stale status=200",
        "fill: stored body_bytes=4",
    ];
    assert_eq!(told.events, events);
    assert_eq!(
        (told.stats.validations_replaced(), told.stats.stored()),
        (1, 2)
    );
}

#[test]
fn failed_validation_in_the_background_is_not_told_as_an_answer_to_anybody() {
    for (then, outcome) in [
        (Some(503), "fill: forwarded reason=stale status=503"),
        (Some(401), "fill: forwarded reason=stale status=401"),
        (None, "fill: failed reason=stale"),
    ] {
        for says in [WINDOW, BOTH] {
            let told = of_refresh(says, then);
            let events = [
                "client: stale-hit ttl=-5 detail=stale-while-revalidate",
                "client: refresh",
                "fill: works",
                outcome,
            ];
            assert_eq!(told.events, events, "{says}");
            assert_eq!(told.stats.stale_hits(), 1);
            assert_eq!(told.stats.errors(), u64::from(then.is_none()));
        }
    }
}

#[test]
fn early_refresh_is_told_beside_its_hit() {
    let told = watch(async {
        let early = EarlyRefresh::after_percent(80);
        let scene = scene(WINDOW, Some(304), |layer| layer.with_early_refresh(early));
        client(&scene).await;
        sleep(secs(50)).await;
        client(&scene).await;
        settle().await;
        sleep(millis(5)).await;
        scene.cache
    });
    assert_eq!(told.events[3..5], ["client: hit ttl=10", "client: refresh"]);
    assert_eq!(
        told.spans.last().unwrap(),
        "fill reason=stale background=true"
    );
    let stats = told.stats;
    assert_eq!(
        (
            stats.hits(),
            stats.stale_hits(),
            stats.background_validations()
        ),
        (1, 0, 1)
    );
}

#[test]
fn refresh_that_was_not_begun_is_not_told() {
    let told = watch(async {
        let scene = scene(WINDOW, Some(304), |layer| layer);
        client(&scene).await;
        sleep(secs(65)).await;
        let asked = [("cache-control", "only-if-cached")];
        let _served = scene.get_with(&asked).await;
        scene.cache
    });
    assert_eq!(
        told.events[3..],
        [": stale-hit ttl=-5 detail=stale-while-revalidate"]
    );
    assert_eq!(told.stats.background_validations(), 0);
}

#[test]
fn throttled_requests_say_what_lets_them_be_served() {
    let told = watch(async {
        let scene = scene("max-age=60, stale-if-error=30", Some(503), |layer| layer);
        client(&scene).await;
        sleep(secs(65)).await;
        client(&scene).await;
        client(&scene).await;
        scene.cache
    });
    assert_eq!(
        told.events[3..],
        [
            "client fill: works",
            "client fill: stale-hit ttl=-5 detail=stale-if-error",
            "client: stale-hit ttl=-5 detail=stale-if-error",
        ]
    );
    assert_eq!((told.stats.stale_hits(), told.stats.errors()), (2, 0));
}

#[test]
fn timeouts_are_told_by_name() {
    for (soft, span, detail) in [(true, "", "soft-timeout"), (false, "fill", "timeout")] {
        let told = watch(async {
            let limit = |layer: CacheLayer| {
                if soft {
                    layer.with_soft_timeout(millis(0))
                } else {
                    layer.with_hard_timeout(millis(0))
                }
            };
            let scene = scene("max-age=60, stale-if-error=30", Some(200), |layer| layer);
            client(&scene).await;
            let limited = limit(CacheLayer::new(scene.cache.clone()));
            sleep(secs(65)).await;
            let inner = tower::service_fn(|_| std::future::pending::<Result<_, Down>>());
            let service = tower::Layer::layer(&limited, inner);
            let stale = tower::ServiceExt::oneshot(service, get("/a"))
                .await
                .unwrap();
            let _: http::Response<larder::ResponseBody<axum::body::Body>> = stale;
            scene.cache
        });
        let expected = format!("{span}: stale-hit ttl=-5 detail={detail}");
        assert_eq!(told.events[3..], [expected]);
    }
}

#[test]
fn fill_that_outlives_its_client_stays_in_the_clients_span() {
    let told = watch(async {
        let scene = scene(WINDOW, Some(200), |layer| layer);
        let span = tracing::debug_span!(target: "larder", "client");
        let left = tokio::time::timeout(millis(0), scene.send(request("GET", "/a", &[])));
        assert!(left.instrument(span).await.is_err());
        sleep(millis(5)).await;
        assert_eq!(scene.cache.stats().stored(), 1);
        scene.cache
    });
    assert_eq!(
        told.spans[1],
        "client fill reason=uri-miss background=false"
    );
    assert_eq!(told.stats.background_validations(), 0);
}

#[test]
fn one_stale_response_served_is_one_stale_hit_although_the_fill_fails_later() {
    for (then, last) in [
        (Some(503), "client fill: forwarded reason=stale status=503"),
        (None, "client fill: failed reason=stale"),
    ] {
        let told = watch(async move {
            let soft = |layer: CacheLayer| layer.with_soft_timeout(millis(0));
            let scene = scene("max-age=60, stale-if-error=30", then, soft);
            refreshed(scene).await
        });
        assert_eq!(
            told.events[4..],
            ["client: stale-hit ttl=-5 detail=soft-timeout", last]
        );
        assert_eq!(told.stats.stale_hits(), 1);
    }
}

#[test]
fn check_of_a_hit_has_a_span_of_its_own_and_says_what_came_of_it() {
    let told = watch(async {
        let handler = |call| async move {
            let body = if call < 2 { "old" } else { "new" };
            Ok(response(200, &[("cache-control", "max-age=60")], body))
        };
        let scene = Scene::with_layer(handler, |layer| {
            layer.with_verify(Verify::sample(1.0).max_per_second(u32::MAX))
        });
        for _ in 0..3 {
            client(&scene).await;
            settle().await;
        }
        scene.cache
    });
    assert_eq!(
        told.spans[2..],
        ["client", "verify route=/a", "client", "verify route=/a"]
    );
    let stale = "verify: message=stored response is stale within its lifetime route=/a";
    assert_eq!(
        told.events[2..],
        [
            "client: hit ttl=60",
            "verify: verify verdict=same",
            "client: hit ttl=60",
            stale,
            "verify: verify verdict=stale",
        ]
    );
    assert_eq!(told.counters["larder_verifications_total"], 2);
}
