//! What is sent to validate a stored response, and what a 304 does (RFC 9111 section 4.3).

use larder_tests::{Origin, Reply, Setup, TestClock, request};

pub(crate) const FRESH: (&str, &str) = ("cache-control", "max-age=60");
pub(crate) const TAG: (&str, &str) = ("etag", "\"a\"");

/// What the origin was last sent of these fields.
fn sent<'a>(setup: &Setup, names: &[&'a str]) -> Vec<(&'a str, Option<String>)> {
    let headers = setup.origin.last_seen().headers;
    let value = |name| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    names.iter().map(|name| (*name, value(*name))).collect()
}

const CONDITIONS: [&str; 4] = ["if-none-match", "if-modified-since", "range", "if-range"];

#[tokio::test]
async fn validators_are_sent_verbatim_in_place_of_the_clients_conditions() {
    for tag in ["\"a\"", "W/\"a\"", "\"a,b\"", "\"\\\""] {
        let modified = "Friday, 01-Jan-27 08:00:00 GMT";
        let fields = [FRESH, ("etag", tag), ("last-modified", modified)];
        let setup = Setup::expired(&[(200, &fields, "body"), (304, &fields, "")]).await;
        let asked = [
            ("if-none-match", "\"own\""),
            ("if-modified-since", "Sat, 02 Jan 2027 08:00:00 GMT"),
            ("range", "bytes=0-1"),
            ("if-range", tag),
            ("x-own", "kept"),
        ];
        setup.get_with("/a", &asked).await;
        let expected = [Some(tag), Some(modified), None, None];
        let found = sent(&setup, &CONDITIONS);
        for ((name, found), expected) in found.iter().zip(expected) {
            assert_eq!(found.as_deref(), expected, "{name}");
        }
        assert_eq!(setup.origin.last_seen().headers["x-own"], "kept");
    }
}

#[tokio::test]
async fn one_validator_is_enough() {
    let modified = ("last-modified", "Fri, 01 Jan 2027 08:00:00 GMT");
    for (validator, name) in [(TAG, "if-none-match"), (modified, "if-modified-since")] {
        let fields = [FRESH, validator];
        let setup = Setup::expired(&[(200, &fields, "body"), (304, &fields, "")]).await;
        setup.get("/a").await;
        for (condition, value) in sent(&setup, &CONDITIONS) {
            let expected = (condition == name).then_some(validator.1);
            assert_eq!(value.as_deref(), expected, "{condition}");
        }
    }
}

#[tokio::test]
async fn response_without_validator_is_fetched_plainly() {
    for unusable in [
        &[][..],
        &[("etag", "bare")],
        &[("etag", "\"a\""), ("etag", "\"b\"")],
    ] {
        let fields: Vec<_> = [FRESH].iter().chain(unusable).copied().collect();
        let setup = Setup::expired(&[(200, &fields, "old"), (200, &fields, "new")]).await;
        let asked = [("if-none-match", "\"own\""), ("range", "bytes=0-1")];
        let reply = setup.get_with("/a", &asked).await;
        assert!(
            sent(&setup, &CONDITIONS)
                .iter()
                .all(|(_, value)| value.is_none())
        );
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "new"));
        assert_eq!(
            reply.field("cache-status"),
            "larder; fwd=stale; fwd-status=200; stored"
        );
        assert_eq!(setup.get("/a").await.text(), "new");
    }
}

#[tokio::test]
async fn client_is_answered_from_the_freshened_response() {
    let fields = [FRESH, TAG];
    for (asked, status, body) in [
        (&[][..], 200, "body"),
        (&[("if-none-match", "\"a\"")], 304, ""),
        (&[("if-none-match", "\"b\"")], 200, "body"),
        (&[("range", "bytes=1-2")], 206, "od"),
        (&[("range", "bytes=9-")], 416, ""),
        (
            &[("range", "bytes=1-2"), ("if-range", "\"b\"")],
            200,
            "body",
        ),
    ] {
        let setup = Setup::expired(&[(200, &fields, "body"), (304, &fields, "")]).await;
        let reply = setup.get_with("/a", asked).await;
        assert_eq!(
            (reply.status.as_u16(), reply.text()),
            (status, body),
            "{asked:?}"
        );
        assert!(setup.get("/a").await.is_hit());
    }
}

/// The reply that a 304 with these fields gave rise to, and the hit after it.
async fn freshened(stored: &[(&str, &str)], not_modified: &[(&str, &str)]) -> (Reply, Reply) {
    let setup = Setup::expired(&[(200, stored, "body"), (304, not_modified, "")]).await;
    let validated = setup.get("/a").await;
    let hit = setup.get("/a").await;
    assert!(hit.is_hit());
    assert_eq!((validated.text(), hit.text()), ("body", "body"));
    (validated, hit)
}

#[tokio::test]
async fn fields_of_the_304_replace_stored_ones_one_by_one() {
    let stored = [
        FRESH,
        TAG,
        ("x-kept", "1"),
        ("x-kept", "2"),
        ("x-replaced", "1"),
        ("x-replaced", "2"),
        ("content-type", "text/plain"),
    ];
    let new = [
        ("cache-control", "max-age=100"),
        TAG,
        ("x-replaced", "3"),
        ("x-new", "4"),
        ("x-new", "5"),
        ("content-type", "text/html"),
    ];
    let (validated, hit) = freshened(&stored, &new).await;
    for reply in [validated, hit] {
        let lines = |name| reply.headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(lines("x-kept"), ["1", "2"]);
        assert_eq!(lines("x-replaced"), ["3"]);
        assert_eq!(lines("x-new"), ["4", "5"]);
        assert_eq!(lines("content-type"), ["text/html"]);
        assert_eq!(lines("cache-control"), ["max-age=100"]);
        assert_eq!(lines("cache-status").len(), 1);
        assert_eq!(lines("age"), ["0"]);
    }
}

#[tokio::test]
async fn fields_about_the_body_and_the_connection_are_not_updated() {
    let stored = [FRESH, TAG, ("content-encoding", "identity")];
    let new = [
        FRESH,
        TAG,
        ("content-length", "0"),
        ("content-encoding", "gzip"),
        ("content-range", "bytes 0-0/1"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("te", "trailers"),
        ("upgrade", "h3"),
        ("proxy-authenticate", "Basic"),
    ];
    let (validated, hit) = freshened(&stored, &new).await;
    for reply in [validated, hit] {
        assert_eq!(reply.field("content-length"), "4");
        assert_eq!(reply.field("content-encoding"), "identity");
        for (name, _) in &new[4..] {
            assert!(!reply.has(name), "{name}");
        }
    }
}

#[tokio::test]
async fn cookie_in_a_304_is_relayed_and_not_stored() {
    let new = [FRESH, TAG, ("set-cookie", "a=1"), ("set-cookie", "b=2")];
    let (validated, hit) = freshened(&[FRESH, TAG], &new).await;
    let cookies: Vec<_> = validated.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert!(!hit.has("set-cookie"));
}

#[tokio::test]
async fn lifetime_and_age_are_those_of_the_validating_exchange() {
    let clock = TestClock::default();
    let (early, late) = (clock.date(-10), clock.date(61 - 5));
    let stored = [FRESH, TAG, ("date", &*early), ("age", "3")];
    let new = [("cache-control", "max-age=30"), TAG, ("date", &*late)];
    let (validated, hit) = freshened(&stored, &new).await;
    for reply in [validated, hit] {
        assert_eq!(reply.field("age"), "5");
        assert_eq!(reply.field("date"), late);
        let status = reply.field("cache-status");
        assert!(status.ends_with("; ttl=25"), "{status}");
    }
    let aged = [FRESH, TAG, ("age", "20")];
    let (_, hit) = freshened(&stored, &aged).await;
    assert_eq!(hit.field("age"), "20");
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=40");
}

#[tokio::test]
async fn date_missing_in_a_304_is_its_receipt() {
    let clock = TestClock::default();
    let early = clock.date(-10);
    let (validated, hit) = freshened(&[FRESH, TAG, ("date", &*early)], &[TAG]).await;
    assert_eq!(validated.field("date"), clock.date(61));
    assert_eq!(validated.field("cache-control"), "max-age=60");
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=60");
}

#[tokio::test]
async fn no_cache_response_is_validated_at_every_use() {
    let fields = [("cache-control", "max-age=60, no-cache"), TAG];
    let setup = Setup::shared(Origin::script(&[
        (200, &fields, "body"),
        (304, &fields, ""),
        (304, &fields, ""),
        (200, &fields, "new"),
        (304, &fields, ""),
    ]));
    setup.get("/a").await;
    for (calls, body) in [(2, "body"), (3, "body"), (4, "new"), (5, "new")] {
        let reply = setup.get("/a").await;
        assert_eq!((setup.origin.calls(), reply.text()), (calls, body));
        assert!(
            reply
                .field("cache-status")
                .starts_with("larder; fwd=stale; fwd-status=")
        );
    }
}

#[tokio::test]
async fn head_validates_with_the_stored_validators_too() {
    let fields = [FRESH, TAG];
    let setup = Setup::expired(&[(200, &fields, "body"), (304, &fields, "")]).await;
    let reply = setup.send(request("HEAD", "/a", &[])).await;
    assert_eq!(setup.origin.last_seen().method, "HEAD");
    assert_eq!(setup.origin.last_seen().headers["if-none-match"], "\"a\"");
    assert_eq!(reply.status, 200);
    assert!(reply.body.is_empty());
    assert_eq!(reply.field("content-length"), "4");
    assert!(setup.get("/a").await.is_hit());
}
