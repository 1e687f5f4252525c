//! What is warmed: caches of other names, without a runtime, whole routers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Path;
use axum::routing::get as route;
use axum::{Router, middleware};
use futures_util::FutureExt;
use http::Response;
use larder::policy::fields::CacheName;
use larder::{Cache, CacheLayer, Policy, RoutePolicy, Verify};
use larder_axum::Cached;
use larder_tests::{Origin, Reply, Setup, get, request, response};
use tokio::time::sleep;
use tower::ServiceExt;

use crate::scene::{Scene, secs};
use crate::warm::{FRESH, outcomes, paths};

#[tokio::test]
async fn hits_of_a_cache_of_another_name_are_read_under_it() {
    let name = CacheName::new("edge").unwrap();
    let policy = Policy::shared().with_name(name.clone());
    // Another cache behind it says something too.
    let fields = [FRESH[0], ("cache-status", "larder; fwd=miss")];
    let setup = Setup::with_policy(Origin::ok(&fields), policy);
    let warm = || setup.cache.warm(setup.service.clone(), paths(3));
    warm().run().await;
    let warmed = warm().cache_name(name).run().await;
    assert_eq!(outcomes(warmed.progress()), [0, 3, 0, 0, 0]);
}

#[tokio::test]
async fn nothing_of_ours_reaches_the_handler_or_keeps_a_response_from_being_stored() {
    let setup = Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(RoutePolicy::shared(secs(60)))
    });
    let user = || {
        [request(
            "GET",
            "/a",
            &[("authorization", "Basic a"), ("cookie", "b=c")],
        )]
    };
    let warmed = setup.cache.warm(setup.service.clone(), user()).run().await;
    assert_eq!(outcomes(warmed.progress()), [1, 0, 0, 0, 0]);
    let seen = setup.origin.last_seen();
    assert!(seen.extensions.is_empty());
    assert!(!seen.headers.contains_key("authorization"));
    assert!(setup.get("/a").await.is_hit());
}

#[test]
fn without_a_runtime_requests_are_made_one_after_the_other() {
    let setup = Setup::shared(Origin::ok(&FRESH));
    let warm = setup.cache.warm(setup.service.clone(), paths(5));
    let warmed = warm.run().now_or_never().expect("nothing to wait for");
    assert_eq!(outcomes(warmed.progress()), [5, 0, 0, 0, 0]);
}

#[tokio::test]
async fn whole_router_is_warmed_through_its_layers() {
    let cache = Cache::builder().build();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let product = move |Path(id): Path<u64>| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { format!("product {id}") }
    };
    let app = Router::new()
        .route(
            "/products/{id}",
            route(product).cached(&cache, RoutePolicy::shared(secs(60))),
        )
        .route("/plain", route(async || "never stored"))
        .layer(middleware::map_response(
            async |response: Response<Body>| response,
        ));
    let requests = (0..10).map(|id| get(&format!("/products/{id}")));
    let requests = requests.chain([get("/plain"), get("/nowhere")]);
    let warmed = cache.warm(app.clone(), requests).run().await;
    assert_eq!(outcomes(warmed.progress()), [10, 0, 0, 2, 0]);
    for id in 0..10 {
        let answer = app.clone().oneshot(get(&format!("/products/{id}"))).await;
        let reply = Reply::read(answer.unwrap()).await;
        assert!(reply.is_hit());
        assert_eq!(reply.text(), format!("product {id}"));
    }
    assert_eq!(handled.load(Ordering::SeqCst), 10);
}

/// A cache further in would answer it in the place of the one that was asked.
#[tokio::test(start_paused = true)]
async fn checks_of_hits_take_nothing_of_ours_to_the_handler() {
    let fresh = async |_| Ok(response(200, &FRESH, "bread"));
    let scene = Scene::with_layer(fresh, |layer| {
        layer.with_verify(Verify::sample(1.0).max_per_second(u32::MAX))
    });
    scene.get().await;
    let warm = scene.cache.warm(scene.service.clone(), [get("/a")]);
    let warmed = warm.run().await;
    assert_eq!(outcomes(warmed.progress()), [0, 1, 0, 0, 0]);
    let keep = scene.cache.keep_fresh(scene.service.clone(), [get("/a")]);
    let scheduled = keep.spawn();
    sleep(secs(1)).await;
    assert_eq!(scheduled.found_fresh(), 1);
    assert_eq!((scene.calls(), scene.cache.stats().verified()), (3, 2));
    for call in 0..3 {
        assert!(scene.asked(call).extensions.is_empty(), "in call {call}");
    }
}
