//! How much is kept fresh at once, and whose.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::Request;
use larder::{Cache, CacheLayer, RoutePolicy};
use larder_tests::{Reply, Slow, get, request, response};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::keep_fresh::{FRESH, counts, every_30, second};
use crate::scene::{Scene, clock, secs, settle};
use crate::users::UserId;

#[tokio::test(start_paused = true)]
async fn users_follow_the_first_fetch() {
    let scene = Scene::new(second);
    let _scheduled = every_30(&scene);
    settle().await;
    let reply = scene.get().await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=uri-miss; collapsed"
    );
    assert_eq!(scene.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn so_many_are_under_way_and_not_all_at_the_same_time() {
    let begun = Instant::now();
    let times = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&times);
    let slow = Slow::second(move |_, _| {
        log.lock().unwrap().push(begun.elapsed());
        response(200, &[FRESH], "")
    });
    let cache = Cache::builder().clock(clock()).build();
    let service = CacheLayer::new(cache.clone()).layer(slow.clone());
    let paths = (0..30).map(|at| get(&format!("/{at}")));
    let scheduled = cache
        .keep_fresh(service, paths)
        .concurrency(30)
        .every(secs(50))
        .spawn();
    sleep(secs(52)).await;
    assert_eq!(scheduled.refreshed(), 60);
    let (first, second) = {
        let times = times.lock().unwrap();
        let (first, second) = times.split_at(30);
        (first.to_vec(), second.to_vec())
    };
    assert!(first.iter().all(|at| *at == secs(1)));
    assert!(second.iter().all(|at| (secs(46)..=secs(51)).contains(at)));
    let mut apart = second.clone();
    apart.dedup();
    assert!(apart.len() > 5, "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_was_said() {
    let slow = Slow::second(|_, _| response(200, &[FRESH], ""));
    let cache = Cache::builder().clock(clock()).build();
    let service = CacheLayer::new(cache.clone()).layer(slow.clone());
    let paths = (0..10).map(|at| get(&format!("/{at}")));
    let keep = cache.keep_fresh(service, paths).concurrency(2);
    let scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
    sleep(secs(40)).await;
    assert_eq!((slow.counts().overlap, scheduled.refreshed()), (2, 20));
}

#[tokio::test(start_paused = true)]
async fn handler_sees_what_its_route_declares_and_nothing_of_ours() {
    let scene = Scene::with_layer(second, |layer| {
        layer.with_route_policy(RoutePolicy::shared(secs(60)))
    });
    let fields = [
        ("authorization", "Basic a"),
        ("cookie", "b=c"),
        ("x-d", "e"),
    ];
    let named = [request("GET", "/a", &fields)];
    let keep = scene.cache.keep_fresh(scene.service.clone(), named);
    let scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
    sleep(secs(65)).await;
    assert_eq!(counts(&scheduled), [3, 0, 0, 0]);
    for call in 0..3 {
        let seen = scene.asked(call);
        for (name, _) in fields {
            assert!(!seen.headers.contains_key(name), "{name} in call {call}");
        }
    }
    assert!(scene.get().await.is_hit());
}

fn by(user: &'static str) -> Request<Body> {
    let mut request = get("/me");
    request.extensions_mut().insert(UserId(user));
    request
}

#[tokio::test(start_paused = true)]
async fn copy_of_the_user_who_is_named_is_kept_fresh_and_no_other() {
    let scene = Scene::with_layer(second, |layer| {
        layer.with_route_policy(RoutePolicy::per_user::<UserId>(secs(60)))
    });
    let keep = scene.cache.keep_fresh(scene.service.clone(), [by("a")]);
    let _scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
    sleep(secs(100)).await;
    let reply = scene.send(by("a")).await.unwrap();
    assert!(reply.is_hit());
    assert_eq!(
        (reply.text(), reply.field("cache-control")),
        ("call 4", "private, max-age=60")
    );
    assert!(!scene.send(by("b")).await.unwrap().is_hit());
    let nobody = scene.send(get("/me")).await.unwrap();
    assert!(nobody.field("cache-status").contains("no-identity"));
}

#[tokio::test(start_paused = true)]
async fn stored_get_is_refreshed_for_a_named_head() {
    let scene = Scene::new(second);
    scene.get().await;
    let named = [request("HEAD", "/a", &[])];
    let keep = scene.cache.keep_fresh(scene.service.clone(), named);
    let scheduled = keep.every(secs(30)).jitter_percent(0).spawn();
    sleep(secs(32)).await;
    assert_eq!(scene.asked(1).method, "GET");
    assert_eq!(
        (scene.get().await.text(), scheduled.refreshed()),
        ("call 2", 1)
    );
}

#[tokio::test(start_paused = true)]
async fn cache_behind_the_cache_refreshes_too() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let slow = Slow::second(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        response(200, &[FRESH], "")
    });
    let behind = Cache::builder().clock(clock()).build();
    let behind = CacheLayer::new(behind).layer(slow);
    let cache = Cache::builder().clock(clock()).build();
    let service = CacheLayer::new(cache.clone()).layer(behind);
    let keep = cache.keep_fresh(service.clone(), [get("/a")]);
    let scheduled = keep.ahead(secs(10)).jitter_percent(0).spawn();
    sleep(secs(400)).await;
    let answer = service.oneshot(get("/a")).await.unwrap();
    let reply = Reply::read(answer).await;
    assert!(reply.is_hit() && scheduled.failed() == 0);
    assert_eq!(calls.load(Ordering::SeqCst), 8);
}

#[test]
fn without_a_runtime_nothing_is_done() {
    let cache = Cache::builder().build();
    let service = CacheLayer::new(cache.clone()).layer(Slow::second(|_, _| response(200, &[], "")));
    assert!(!cache.keep_fresh(service, [get("/a")]).spawn().is_running());
}

#[tokio::test(start_paused = true)]
async fn without_requests_there_is_nothing_to_do() {
    let scene = Scene::new(second);
    let keep = scene.cache.keep_fresh(scene.service.clone(), []);
    let scheduled = keep.every(secs(1)).spawn();
    sleep(secs(5)).await;
    assert!(!scheduled.is_running());
    assert_eq!(scene.calls(), 0);
}
