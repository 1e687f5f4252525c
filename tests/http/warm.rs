//! Warming: requests that fill the cache before its users come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use larder::{Cache, CacheLayer, Policy, Progress};
use larder_tests::{Crowd, Down, Origin, Setup, Slow, get, request, response, settle};
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, service_fn};

use crate::scene::secs;

pub(crate) const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=60")];

pub(crate) fn paths(count: usize) -> impl ExactSizeIterator<Item = Request<Body>> + Clone {
    (0..count).map(|at| format!("/{at}")).map(|path| get(&path))
}

/// What is told of the progress.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Progress>>>);

impl Told {
    fn listener(&self) -> impl FnMut(&Progress) + Send + use<> {
        let told = Arc::clone(&self.0);
        move |progress| told.lock().unwrap().push(progress.clone())
    }

    fn all(&self) -> Vec<Progress> {
        self.0.lock().unwrap().clone()
    }
}

/// Stored, hits, not stored, untold, failed.
pub(crate) fn outcomes(progress: &Progress) -> [u64; 5] {
    [
        progress.stored(),
        progress.hits(),
        progress.not_stored(),
        progress.untold(),
        progress.failed(),
    ]
}

#[tokio::test]
async fn what_was_warmed_is_a_hit_for_users() {
    let setup = Setup::shared(Origin::ok(&FRESH));
    let warmed = setup
        .cache
        .warm(setup.service.clone(), paths(20))
        .run()
        .await;
    assert!(warmed.is_complete());
    assert_eq!(outcomes(warmed.progress()), [20, 0, 0, 0, 0]);
    for at in 0..20 {
        assert!(setup.get(&format!("/{at}")).await.is_hit());
    }
    assert_eq!(setup.origin.calls(), 20);
    let again = setup
        .cache
        .warm(setup.service.clone(), paths(25))
        .run()
        .await;
    assert_eq!(outcomes(again.progress()), [5, 20, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_was_said_and_none_is_made_before_its_turn() {
    for (said, most, seconds) in [(3, 3, 4), (1, 1, 10), (0, 1, 10), (100, 10, 1)] {
        let crowd = Crowd::new(Slow::second(|_, _| response(200, &FRESH, "")));
        let taken = Arc::new(AtomicUsize::new(0));
        let (count, told) = (Arc::clone(&taken), Arc::clone(&taken));
        let requests = paths(10).inspect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let begun = Instant::now();
        let warm = crowd.cache.warm(crowd.service.clone(), requests);
        let warm = warm.concurrency(said).on_progress(move |progress| {
            let taken = told.load(Ordering::SeqCst) as u64;
            assert!(taken < progress.done() + most as u64, "{said}: {taken}");
        });
        let warmed = warm.run().await;
        assert_eq!(warmed.progress().stored(), 10, "{said}");
        assert_eq!(crowd.origin.counts().overlap, most, "{said}");
        assert_eq!(begun.elapsed(), secs(seconds), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_word_eight_requests_are_under_way() {
    let crowd = Crowd::new(Slow::second(|_, _| response(200, &FRESH, "")));
    crowd
        .cache
        .warm(crowd.service.clone(), paths(20))
        .run()
        .await;
    assert_eq!(crowd.origin.counts().overlap, 8);
}

#[tokio::test]
async fn progress_is_told_of_each_request_and_ends_with_all_of_them() {
    let setup = Setup::shared(Origin::ok(&FRESH));
    let told = Told::default();
    let warm = setup.cache.warm(setup.service.clone(), paths(20));
    let warmed = warm.on_progress(told.listener()).run().await;
    let told = told.all();
    for (at, progress) in told.iter().enumerate() {
        assert_eq!(progress.done(), at as u64 + 1);
        assert_eq!(outcomes(progress).iter().sum::<u64>(), progress.done());
        assert_eq!(progress.total(), Some(20));
    }
    assert_eq!(told.last(), Some(warmed.progress()));
    // "call 1" to "call 20".
    assert_eq!(warmed.progress().bytes(), 9 * 6 + 11 * 7);
    let some = paths(20).filter(|request| request.uri() != "/7");
    let warmed = setup.cache.warm(setup.service.clone(), some).run().await;
    assert_eq!(
        (warmed.progress().total(), warmed.progress().done()),
        (None, 19)
    );
}

#[tokio::test]
async fn one_that_fails_or_panics_ends_no_other() {
    let crowd = Crowd::new(Slow::new(|seen, _| async move {
        let broken = stream::iter([Ok(Bytes::from("half")), Err(Down)]);
        match seen.uri.path() {
            "/1" => Err(Down),
            "/2" => panic!("a handler may panic"),
            "/3" => Ok(response(503, &[], "down")),
            "/4" => Ok(response(200, &FRESH, Body::from_stream(broken))),
            _ => Ok(response(200, &FRESH, "whole")),
        }
    }));
    for concurrency in [1, 8] {
        crowd.cache.clear();
        let warm = crowd.cache.warm(crowd.service.clone(), paths(10));
        let warmed = warm.concurrency(concurrency).run().await;
        assert_eq!(outcomes(warmed.progress()), [6, 0, 0, 0, 4]);
        assert!(!warmed.is_complete());
    }
}

#[tokio::test]
async fn what_is_not_stored_is_told_by_the_reason() {
    let service = service_fn(|request: Request<Body>| async move {
        let chunk = || Ok::<_, Down>(Bytes::from(vec![0; 600]));
        Ok::<_, Down>(match request.uri().path() {
            "/1" => response(200, &[("cache-control", "no-store")], ""),
            "/2" => response(200, &[FRESH[0], ("set-cookie", "a=b")], ""),
            "/3" | "/4" => response(200, &FRESH, vec![0; 1200]),
            // How long it is shows when it has come.
            "/5" => response(
                200,
                &FRESH,
                Body::from_stream(stream::iter([chunk(), chunk()])),
            ),
            "/6" => {
                let slow = stream::iter([(), ()]).then(move |()| async move {
                    tokio::task::yield_now().await;
                    chunk()
                });
                response(200, &FRESH, Body::from_stream(slow))
            }
            "/7" => response(404, &[("cache-control", "max-age=60, private")], ""),
            _ => response(200, &FRESH, ""),
        })
    });
    let cache = Cache::builder().max_body_bytes(1000).build();
    let service = CacheLayer::new(cache.clone()).layer(service);
    let bypassed = [request("GET", "/9", &[("if-match", "*")])];
    let warmed = cache.warm(service, paths(9).chain(bypassed)).run().await;
    let progress = warmed.progress();
    assert_eq!(outcomes(progress), [2, 0, 8, 0, 0]);
    let reasons: Vec<_> = progress.not_stored_by_reason().collect();
    let expected = [
        ("body-too-large", 4),
        ("conditional", 1),
        ("no-store", 1),
        ("private", 1),
        ("set-cookie", 1),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(cache.stats().responses(), 2);
    assert_eq!(progress.bytes(), 4 * 1200);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_twice_is_made_once_and_counts_as_a_hit() {
    let crowd = Crowd::new(Slow::second(|_, _| response(200, &FRESH, "")));
    let warmed = crowd
        .cache
        .warm(crowd.service.clone(), (0..5).map(|_| get("/a")));
    let warmed = warmed.run().await;
    assert_eq!(outcomes(warmed.progress()), [1, 4, 0, 0, 0]);
    assert_eq!(crowd.origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_has_failed_when_its_time_is_over() {
    let crowd = Crowd::with_cache(
        Slow::new(|seen, _| async move {
            if seen.uri.path() == "/0" {
                sleep(Duration::MAX).await;
            }
            Ok(response(200, &FRESH, ""))
        }),
        |cache| cache.finish_within(secs(5)),
    );
    let begun = Instant::now();
    let warm = crowd
        .cache
        .warm(crowd.service.clone(), paths(3))
        .concurrency(1);
    let warmed = warm.run().await;
    assert_eq!(outcomes(warmed.progress()), [2, 0, 0, 0, 1]);
    assert_eq!(begun.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn dropped_it_sends_no_more() {
    let crowd = Crowd::new(Slow::second(|_, _| response(200, &FRESH, "")));
    let warm = crowd.cache.warm(crowd.service.clone(), paths(100));
    let running = tokio::spawn(warm.concurrency(2).run());
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
    running.abort();
    advance(secs(100)).await;
    settle().await;
    assert_eq!(crowd.origin.calls(), 2);
}

#[tokio::test]
async fn what_is_stored_is_known_without_cache_status_and_what_is_hit_is_not() {
    let policy = Policy::shared().with_cache_status(false);
    let setup = Setup::with_policy(Origin::ok(&FRESH), policy);
    let warm = || setup.cache.warm(setup.service.clone(), paths(3)).run();
    assert_eq!(outcomes(warm().await.progress()), [3, 0, 0, 0, 0]);
    assert_eq!(outcomes(warm().await.progress()), [0, 0, 0, 3, 0]);
    let fields = [("cache-control", "no-store")];
    let policy = Policy::shared().with_cache_status(false);
    let setup = Setup::with_policy(Origin::ok(&fields), policy);
    let warmed = setup
        .cache
        .warm(setup.service.clone(), paths(3))
        .run()
        .await;
    let reasons: Vec<_> = warmed.progress().not_stored_by_reason().collect();
    assert_eq!(reasons, [("no-store", 3)]);
}
