//! What is compared when a hit is checked, and with what.

use axum::body::Body;
use http::header::{HeaderName, SET_COOKIE};
use http::request::Parts;
use larder::{CacheBuilder, CacheLayer, Verify};
use larder_tests::{Origin, Setup, get, request, response, settle};

use crate::verify::scene::{Checked, every};
use crate::verify_calls::{SHARED, same};

#[tokio::test(start_paused = true)]
async fn head_is_checked_by_its_head() {
    let origin = Origin::new(|seen, calls| {
        let kind = if calls < 2 { "text/plain" } else { "text/html" };
        let body = if seen.method == "HEAD" { "" } else { "body" };
        response(200, &[SHARED[0], ("content-type", kind)], body)
    });
    let setup = Setup::with_layer(origin, |cache| CacheLayer::new(cache).with_verify(every()));
    setup.get("/a").await;
    for stats in [(1, 0), (1, 1)] {
        assert!(setup.send(request("HEAD", "/a", &[])).await.is_hit());
        settle().await;
        assert_eq!(setup.origin.last_seen().method, "HEAD");
        let told = setup.cache.stats();
        assert_eq!((told.verified(), told.verified_stale()), stats);
    }
}

#[tokio::test(start_paused = true)]
async fn body_over_the_limit_is_not_compared() {
    let says = |_: &Parts, calls: usize| "x".repeat(if calls == 0 { 10 } else { 11 });
    let set = |verify: Verify| move |layer: CacheLayer| layer.with_verify(verify);
    let large = |cache: CacheBuilder| cache.max_body_bytes(10);
    for (app, calls, verdicts) in [
        (
            Checked::with(says, |cache| cache, set(every().max_body_bytes(9))),
            1,
            [0; 4],
        ),
        (
            Checked::with(says, |cache| cache, set(every().max_body_bytes(10))),
            2,
            [0, 0, 0, 1],
        ),
        (
            Checked::with(says, |cache| cache, set(every().max_body_bytes(11))),
            2,
            [0, 1, 0, 0],
        ),
        (Checked::with(says, large, set(every())), 2, [0, 0, 0, 1]),
    ] {
        app.get("/a", &[]).await;
        assert_eq!(app.get("/a", &[]).await.text(), "xxxxxxxxxx");
        assert_eq!((app.calls(), app.verdicts()), (calls, verdicts));
    }
}

#[tokio::test(start_paused = true)]
async fn only_chosen_fields_are_compared() {
    let origin = || {
        Origin::new(|_, calls| {
            let cookie = format!("n={calls}");
            response(200, &[SHARED[0], ("x-call", &*cookie)], "body")
        })
    };
    let with_names = |names: &[&'static str]| {
        let names: Vec<_> = names
            .iter()
            .map(|name| HeaderName::from_static(name))
            .collect();
        every().compare_headers(names.into_iter().chain([SET_COOKIE]))
    };
    for (verify, stats) in [
        (every(), (1, 0)),
        (with_names(&["x-call"]), (0, 1)),
        (with_names(&[]), (1, 0)),
    ] {
        let setup = Setup::with_layer(origin(), |cache| CacheLayer::new(cache).with_verify(verify));
        setup.get("/a").await;
        setup.get("/a").await;
        settle().await;
        let told = setup.cache.stats();
        assert_eq!((told.verified(), told.verified_stale()), stats);
    }
}

#[tokio::test(start_paused = true)]
async fn response_stored_before_checks_were_on_is_not_checked() {
    let app = Checked::with(same, |cache| cache, |layer| layer);
    app.get("/a", &[]).await;
    let origin = Origin::ok(&SHARED);
    let layer = CacheLayer::new(app.cache.clone()).with_verify(every());
    let service = tower::Layer::layer(&layer, origin.clone());
    let asked: http::Request<Body> = get("/a");
    tower::ServiceExt::oneshot(service, asked).await.unwrap();
    settle().await;
    assert_eq!((origin.calls(), app.cache.stats().hits()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn freshened_response_is_checked_by_what_filled_it() {
    let origin = Origin::new(|seen, calls| {
        if seen.headers.contains_key("if-none-match") {
            return response(304, &[SHARED[0], ("etag", "\"a\"")], "");
        }
        let language = seen.headers.get("accept-language");
        let body = language
            .map_or("none", |value| value.to_str().unwrap())
            .to_owned();
        assert!(calls < 10);
        response(200, &[SHARED[0], ("etag", "\"a\"")], body)
    });
    let setup = Setup::with_layer(origin, |cache| CacheLayer::new(cache).with_verify(every()));
    setup.get_with("/a", &[("accept-language", "de")]).await;
    setup.clock.advance(61);
    setup.get_with("/a", &[("accept-language", "fr")]).await;
    settle().await;
    assert_eq!(setup.origin.calls(), 2);
    let reply = setup.get_with("/a", &[("accept-language", "fr")]).await;
    settle().await;
    assert_eq!((reply.text(), setup.cache.stats().wrong_keys()), ("de", 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_to_check_by_is_weighed_and_bounded() {
    let names: Vec<String> = (0..300).map(|at| format!("x-{at}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (&**name, "1")).collect();
    let mut bytes = Vec::new();
    // The first of its kind has a head of its own, the others share one.
    for (sent, verify) in [(0, false), (300, false), (0, true), (64, true), (300, true)] {
        let layer = |layer: CacheLayer| {
            if verify {
                layer.with_verify(every())
            } else {
                layer
            }
        };
        let app = Checked::with(same, |cache| cache, layer);
        assert!(app.get("/a", &fields[..sent]).await.is_stored());
        bytes.push(app.cache.stats().bytes());
    }
    let [_, off, none, some, many] = bytes[..] else {
        unreachable!()
    };
    assert!(off < none && none + 64 * 40 < some, "{bytes:?}");
    assert_eq!(some, many);
}
