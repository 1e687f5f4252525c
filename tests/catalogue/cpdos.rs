//! Cache-poisoned denial of service: errors that one request provokes, served to all.

use http::StatusCode;
use larder::{Key, RoutePolicy};
use larder_tests::{Origin, Seen};

use crate::setting::{MINUTE, annotated, cacheable, keyed, outcome, plain, routed};

const STATUSES: [u16; 9] = [400, 403, 408, 413, 414, 431, 500, 502, 503];

/// Fails for oversized fields, for those with odd characters, and for another method, and says that
/// the error may be kept.
fn fragile(status: u16) -> Origin {
    Origin::new(move |seen: &Seen, _| {
        let odd = |value: &http::HeaderValue| value.len() > 4096 || value.to_str().is_err();
        let provoked =
            seen.headers.values().any(odd) || seen.headers.contains_key("x-http-method-override");
        let mut response = cacheable("");
        *response.status_mut() = if provoked { status } else { 200 }.try_into().unwrap();
        response
    })
}

#[tokio::test]
async fn error_that_one_request_provokes_is_not_served_to_the_next() {
    let large = "x".repeat(5000);
    for status in STATUSES.into_iter().filter(|status| *status != 414) {
        let declared = || keyed(fragile(status), Key::new().neutral("x"));
        for setup in [plain(fragile(status)), declared()] {
            for attack in [
                ("x", large.as_str()),
                ("x", "caf\u{e9}"),
                ("x-http-method-override", "POST"),
            ] {
                let provoked = setup.get_with("/a", &[attack]).await;
                assert_eq!(provoked.status, status);
                assert!(!provoked.is_stored(), "{status}");
                assert_eq!(setup.get("/a").await.status, 200, "{status}");
                setup.cache.clear();
            }
        }
    }
}

#[tokio::test]
async fn narrowing_withholds_what_provokes() {
    let setup = annotated(fragile(400));
    let large = "x".repeat(5000);
    let attack = [("x", large.as_str()), ("cookie", "caf\u{e9}")];
    let reply = setup.get_with("/a", &attack).await;
    assert_eq!((reply.status.as_u16(), reply.is_stored()), (200, true));
}

#[tokio::test]
async fn operator_who_keeps_errors_keeps_them_for_a_moment() {
    let short = std::time::Duration::from_secs(5);
    let route = RoutePolicy::shared(MINUTE)
        .key(Key::new().neutral("x"))
        .cache_errors([StatusCode::BAD_REQUEST], short);
    let setup = routed(fragile(400), route);
    let large = "x".repeat(5000);
    assert!(setup.get_with("/a", &[("x", &large)]).await.is_stored());
    setup.clock.advance(5);
    let reply = setup.get("/a").await;
    let expected = "larder; fwd=stale; fwd-status=200; stored";
    assert_eq!((reply.status.as_u16(), outcome(&reply)), (200, expected));
}
