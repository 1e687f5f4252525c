//! A stored response that is made anew with the credentials of whoever met it stale.

use http::HeaderMap;
use larder::{Key, RoutePolicy};
use larder_tests::{Origin, Setup, request, settle};

use crate::setting::{MINUTE, UserId, plain, routed};

const TRIGGER: [(&str, &str); 4] = [
    ("authorization", "Bearer secret"),
    ("cookie", "secret=1; theme=dark"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x", "1"),
];

/// What the background request has, where `stored_for` was stored and [`TRIGGER`] meets it stale.
async fn refreshed(setup: Setup, stored_for: &[(&str, &str)]) -> HeaderMap {
    let send = |fields: &[(&str, &str)]| {
        let mut request = request("GET", "/a", fields);
        request.extensions_mut().insert(UserId("a"));
        setup.send(request)
    };
    assert!(send(stored_for).await.is_stored());
    setup.clock.advance(65);
    assert!(send(&TRIGGER).await.is_hit());
    settle().await;
    assert_eq!(setup.origin.calls(), 2);
    setup.origin.last_seen().headers
}

fn origin(vary: &str) -> Origin {
    let windows = "public, max-age=60, stale-while-revalidate=30";
    let fields = [
        ("cache-control", windows),
        ("etag", "\"v\""),
        ("vary", vary),
    ];
    Origin::ok(&fields[..if vary.is_empty() { 2 } else { 3 }])
}

#[tokio::test(start_paused = true)]
async fn credentials_stay_behind() {
    let sent = refreshed(plain(origin("")), &[]).await;
    let names: Vec<_> = sent.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["if-none-match"]);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_select_are_the_recorded_ones() {
    let stored_for = [("authorization", "Bearer secret"), ("cookie", "other=1")];
    let sent = refreshed(plain(origin("authorization")), &stored_for).await;
    assert_eq!(sent["authorization"], "Bearer secret");
    assert!(!sent.contains_key("cookie"));
}

#[tokio::test(start_paused = true)]
async fn narrowing_leaves_what_is_declared() {
    let route = RoutePolicy::shared(MINUTE).key(Key::new().cookie("theme"));
    let setup = routed(origin(""), route);
    let sent = refreshed(setup, &[("cookie", "theme=dark; secret=2")]).await;
    let mut names: Vec<_> = sent.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["cookie", "if-none-match"]);
    assert_eq!(sent["cookie"], "theme=dark");
}

#[tokio::test(start_paused = true)]
async fn credentials_pass_in_the_partition_of_their_user() {
    let setup = routed(origin(""), RoutePolicy::per_user::<UserId>(MINUTE));
    let sent = refreshed(setup, &[]).await;
    assert_eq!(sent["authorization"], "Bearer secret");
    assert!(!sent.contains_key("x"));
}
