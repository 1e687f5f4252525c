//! What HEAD says about stored GET responses, and the other way round (RFC 9111 section 4.3.5).

use larder_tests::{Origin, Reply, Setup, TestClock, request, response};

use crate::validation::{FRESH, TAG};

async fn head(setup: &Setup) -> Reply {
    setup.send(request("HEAD", "/a", &[])).await
}

/// A cache with a stored GET response that has just expired, before an origin that never confirms:
/// it answers HEAD with these fields.
async fn expired(stored: &[(&str, &str)], to_head: &[(&str, &str)]) -> Setup {
    let owned = |fields: &[(&str, &str)]| -> Vec<(String, String)> {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        fields.iter().map(own).collect()
    };
    let (stored, to_head) = (owned(stored), owned(to_head));
    let setup = Setup::shared(Origin::new(move |seen, _| {
        let is_head = seen.method == http::Method::HEAD;
        let fields = if is_head { &to_head } else { &stored };
        let fields: Vec<_> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        response(200, &fields, if is_head { "" } else { "body" })
    }));
    assert!(setup.get("/a").await.is_stored());
    setup.clock.advance(61);
    setup
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get() {
    let setup = Setup::shared(Origin::ok(&[FRESH, TAG]));
    setup.get("/a").await;
    setup.clock.advance(5);
    let reply = head(&setup).await;
    assert!(reply.is_hit());
    assert_eq!(reply.field("age"), "5");
    assert_eq!(reply.field("content-length"), "6");
    assert!(reply.body.is_empty());
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn stored_head_answers_only_head() {
    let setup = Setup::shared(Origin::new(|seen, _| {
        let body = if seen.method == http::Method::HEAD {
            ""
        } else {
            "body"
        };
        response(200, &[FRESH, TAG, ("content-length", "4")], body)
    }));
    assert!(head(&setup).await.is_stored());
    let hit = head(&setup).await;
    assert!(hit.is_hit());
    assert_eq!(hit.field("content-length"), "4");
    let got = setup.get("/a").await;
    assert_eq!(got.field("cache-status"), "larder; fwd=uri-miss; stored");
    assert_eq!(got.text(), "body");
    assert_eq!(setup.origin.calls(), 2);
}

#[tokio::test]
async fn stored_head_is_validated_as_head() {
    let setup = Setup::shared(Origin::script(&[
        (200, &[FRESH, TAG, ("content-length", "4")], ""),
        (304, &[FRESH, TAG], ""),
    ]));
    head(&setup).await;
    setup.clock.advance(61);
    let validated = head(&setup).await;
    assert_eq!(validated.status, 200);
    assert_eq!(validated.field("content-length"), "4");
    assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"a\"");
    assert!(head(&setup).await.is_hit());
}

#[tokio::test]
async fn agreeing_head_freshens_the_stored_get() {
    let clock = TestClock::default();
    let modified = clock.date(-3600);
    let modified = ("last-modified", &*modified);
    let length = ("content-length", "4");
    for (stored, to_head) in [
        (&[FRESH, TAG][..], &[FRESH, TAG][..]),
        (&[FRESH, TAG], &[FRESH, TAG, length]),
        (&[FRESH, TAG, modified], &[FRESH, TAG, modified, length]),
        (&[FRESH, modified], &[FRESH, modified]),
    ] {
        let new: Vec<_> = to_head.iter().copied().chain([("x-new", "1")]).collect();
        let setup = expired(stored, &new).await;
        assert!(!head(&setup).await.is_hit());
        let hit = setup.get("/a").await;
        assert!(hit.is_hit(), "{to_head:?}");
        assert_eq!(hit.text(), "body");
        assert_eq!(hit.field("x-new"), "1");
        assert_eq!(hit.field("content-length"), "4");
        assert_eq!(hit.field("cache-status"), "larder; hit; ttl=60");
        assert!(head(&setup).await.is_hit());
        assert_eq!(setup.origin.calls(), 2);
    }
}

#[tokio::test]
async fn head_that_is_one_users_own_does_not_freshen_what_is_shared() {
    const PUBLIC: (&str, &str) = ("cache-control", "public, max-age=60");
    for credentials in [("authorization", "Bearer 2"), ("cookie", "user=2")] {
        let own = [("x-user", "2")];
        let setup = expired(&[PUBLIC], &own).await;
        let asked = setup.send(request("HEAD", "/a", &[credentials])).await;
        assert_eq!(asked.field("x-user"), "2");
        let got = setup.get("/a").await;
        assert!(!got.is_hit() && !got.headers.contains_key("x-user"));

        let shared = [PUBLIC, ("x-new", "1")];
        let setup = expired(&[PUBLIC], &shared).await;
        setup.send(request("HEAD", "/a", &[credentials])).await;
        assert_eq!(setup.get("/a").await.field("x-new"), "1");
    }
}

#[tokio::test]
async fn disagreeing_head_marks_the_stored_get_stale() {
    let clock = TestClock::default();
    let (then, later) = (clock.date(-3600), clock.date(-1800));
    let modified = ("last-modified", &*then);
    for to_head in [
        [("etag", "\"b\""), modified],
        [("etag", "W/\"a\""), modified],
        [TAG, ("last-modified", &*later)],
        [TAG, ("content-length", "5")],
    ] {
        // Within a stale window all the time: a response that disagrees has none.
        let stored = [
            ("cache-control", "max-age=60, stale-if-error=9999"),
            TAG,
            modified,
        ];
        let fields: Vec<_> = [FRESH].into_iter().chain(to_head).collect();
        let setup = expired(&stored, &fields).await;
        head(&setup).await;
        let got = setup.get("/a").await;
        assert!(
            got.field("cache-status").starts_with("larder; fwd=stale"),
            "{to_head:?}"
        );
        let forwarded = setup.origin.last_seen();
        assert_eq!(forwarded.method, "GET");
        assert_eq!(forwarded.headers["if-none-match"], "\"a\"");
        assert_eq!(setup.origin.calls(), 3);
        assert!(setup.get("/a").await.is_hit());
    }
}

#[tokio::test]
async fn response_that_a_head_disagreed_with_has_no_stale_window() {
    let windowed = ("cache-control", "max-age=60, stale-if-error=9999");
    let setup = Setup::shared(Origin::script(&[
        (200, &[windowed, TAG], "body"),
        (200, &[FRESH, ("etag", "\"b\"")], ""),
        (503, &[], "down"),
        (304, &[windowed, TAG], ""),
    ]));
    setup.get("/a").await;
    setup.clock.advance(61);
    head(&setup).await;
    assert_eq!(setup.get("/a").await.status, 503);
    // A validation makes it usable again.
    assert_eq!(setup.get("/a").await.text(), "body");
    assert!(setup.get("/a").await.is_hit());
}

#[tokio::test]
async fn head_error_leaves_the_stored_get_in_need_of_validation() {
    for (status, fields) in [
        (404, &[FRESH][..]),
        (204, &[FRESH, TAG]),
        (301, &[FRESH, TAG]),
    ] {
        let script = [
            (200, &[FRESH, TAG][..], "body"),
            (status, fields, ""),
            (304, &[FRESH, TAG], ""),
        ];
        let setup = Setup::shared(Origin::script(&script));
        setup.get("/a").await;
        setup.clock.advance(61);
        assert_eq!(head(&setup).await.status, status);
        assert_eq!(setup.get("/a").await.text(), "body");
        assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"a\"");
    }
}

#[tokio::test]
async fn head_that_forbids_storing_deletes_the_stored_get() {
    let forbids = [("cache-control", "no-store"), TAG];
    let setup = expired(&[FRESH, TAG], &forbids).await;
    head(&setup).await;
    assert_eq!(setup.cache.stats().responses(), 0);
}

#[tokio::test]
async fn purged_get_does_not_hide_a_stored_head() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    setup.get("/a").await;
    setup.send(request("POST", "/a", &[])).await;
    assert!(!head(&setup).await.is_hit());
    assert!(head(&setup).await.is_hit());
}

#[tokio::test]
async fn other_variant_of_get_does_not_hide_a_stored_head() {
    let fields = [FRESH, ("vary", "accept-language")];
    let setup = Setup::shared(Origin::ok(&fields));
    setup.get_with("/a", &[("accept-language", "en")]).await;
    let german = || request("HEAD", "/a", &[("accept-language", "de")]);
    let miss = setup.send(german()).await;
    assert_eq!(miss.field("cache-status"), "larder; fwd=vary-miss; stored");
    assert!(setup.send(german()).await.is_hit());
}
