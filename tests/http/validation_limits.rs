//! A 304 that may not be kept, and requests that may not keep it.

use larder_tests::{Origin, Setup, response};

use crate::validation::{FRESH, TAG};

#[tokio::test]
async fn not_modified_that_forbids_storing_is_served_once_and_deletes() {
    for forbidding in [
        ("cache-control", "no-store"),
        ("cache-control", "private"),
        ("vary", "*"),
        ("connection", "cache-control"),
    ] {
        let setup = Setup::expired(&[
            (200, &[FRESH, TAG], "old"),
            (304, &[TAG, forbidding], ""),
            (200, &[], "later"),
        ])
        .await;
        let reply = setup.get("/a").await;
        assert_eq!(
            (reply.status.as_u16(), reply.text()),
            (200, "old"),
            "{forbidding:?}"
        );
        assert_eq!(setup.cache.stats().responses(), 0, "{forbidding:?}");
        assert_eq!(setup.get("/a").await.text(), "later");
        assert!(
            !setup
                .origin
                .last_seen()
                .headers
                .contains_key("if-none-match")
        );
    }
}

#[tokio::test]
async fn request_that_may_not_store_leaves_what_is_stored() {
    for credentials in [
        ("cache-control", "no-store"),
        ("authorization", "Basic x"),
        ("cookie", "a=1"),
    ] {
        let fields = [FRESH, TAG];
        let script = [
            (200, &fields[..], "body"),
            (304, &fields, ""),
            (304, &fields, ""),
        ];
        let setup = Setup::expired(&script).await;
        let reply = setup.get_with("/a", &[credentials]).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "body"));
        assert_eq!(setup.cache.stats().responses(), 1, "{credentials:?}");
        // Still stale: nothing of that exchange was kept.
        let validated = setup.get("/a").await;
        assert_eq!(validated.text(), "body");
        assert_eq!(setup.origin.calls(), 3);
        assert!(setup.get("/a").await.is_hit());
    }
}

#[tokio::test]
async fn range_in_a_validating_request_does_not_delete_a_stored_redirection() {
    let fields = [FRESH, TAG, ("location", "/b")];
    let setup = Setup::expired(&[(301, &fields, "moved"), (304, &fields, "")]).await;
    let reply = setup.get_with("/a", &[("range", "bytes=0-1")]).await;
    assert_eq!((reply.status.as_u16(), reply.text()), (301, "moved"));
    assert!(setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn not_modified_with_a_head_over_the_limit_is_not_kept() {
    let large = "x".repeat(40 << 10);
    let fields = [FRESH, TAG, ("x-1", &*large)];
    let more = [FRESH, TAG, ("x-2", &*large)];
    let script = [
        (200, &fields[..], "body"),
        (304, &more, ""),
        (304, &more, ""),
    ];
    let setup = Setup::expired(&script).await;
    assert_eq!(setup.get("/a").await.text(), "body");
    assert!(setup.cache.stats().bytes() < 64 << 10);
}

#[tokio::test]
async fn not_modified_with_more_fields_than_a_map_holds_is_survived() {
    let setup = Setup::shared(Origin::new(|seen, _| {
        let validates = seen.headers.contains_key("if-none-match");
        let status = if validates { 304 } else { 200 };
        let mut reply = response(status, &[FRESH, TAG, ("x-own", "1")], "body");
        if validates {
            for n in 0..24_000 {
                let name = http::HeaderName::try_from(format!("y-{n}")).unwrap();
                reply
                    .headers_mut()
                    .append(name, http::HeaderValue::from_static("1"));
            }
        }
        reply
    }));
    setup.get("/a").await;
    setup.clock.advance(61);
    assert_eq!(setup.get("/a").await.text(), "body");
    assert!(setup.cache.stats().bytes() < 64 << 10);
    assert!(setup.get("/a").await.is_hit());
}
