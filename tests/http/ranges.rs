//! Ranges of stored responses (RFC 9110 sections 14 and 13.1.5).

use larder_tests::{Origin, Reply, Setup, TestClock};

const BODY: &str = "0123456789";

async fn ask(setup: &Setup, fields: &[(&str, &str)]) -> Reply {
    let reply = setup.get_with("/a", fields).await;
    assert!(reply.is_hit(), "{fields:?}");
    assert_eq!(setup.origin.calls(), 1);
    reply
}

#[tokio::test]
async fn one_range_is_answered_with_part_of_the_body() {
    let setup = Setup::holding(
        200,
        &[("content-type", "text/plain"), ("x-own", "kept")],
        BODY,
    )
    .await;
    setup.clock.advance(3);
    for (range, content_range, part) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=0-9", "bytes 0-9/10", BODY),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=8-99", "bytes 8-9/10", "89"),
        ("bytes=-99", "bytes 0-9/10", BODY),
        ("BYTES=2-4", "bytes 2-4/10", "234"),
        ("bytes=9-99999999999999999999999", "bytes 9-9/10", "9"),
    ] {
        let reply = ask(&setup, &[("range", range)]).await;
        assert_eq!(reply.status, 206, "{range}");
        assert_eq!(reply.field("content-range"), content_range);
        assert_eq!(reply.field("content-length"), part.len().to_string());
        assert_eq!(reply.text(), part);
        assert_eq!(reply.field("content-type"), "text/plain");
        assert_eq!(reply.field("x-own"), "kept");
        assert_eq!(reply.field("age"), "3");
        assert_eq!(reply.field("cache-status"), "larder; hit; ttl=57");
    }
}

#[tokio::test]
async fn range_past_the_end_is_not_satisfiable() {
    let fields = [
        ("content-type", "text/plain"),
        ("content-digest", "sha-256=:x:"),
    ];
    let setup = Setup::holding(200, &fields, BODY).await;
    for range in [
        "bytes=10-",
        "bytes=10-20",
        "bytes=-0",
        "bytes=99999999999999999999-",
    ] {
        let reply = ask(&setup, &[("range", range)]).await;
        assert_eq!(reply.status, 416, "{range}");
        assert_eq!(reply.field("content-range"), "bytes */10");
        assert_eq!(reply.field("content-length"), "0");
        assert!(reply.body.is_empty());
        for name in ["content-type", "content-digest", "etag", "last-modified"] {
            assert!(!reply.has(name), "{name}");
        }
    }
}

#[tokio::test]
async fn other_ranges_are_ignored() {
    let setup = Setup::holding(200, &[], BODY).await;
    for range in [
        "bytes=0-1,3-4",
        "bytes=0-1,99-",
        "bytes=4-3",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "items=0-1",
        "0-1",
        "",
    ] {
        let reply = ask(&setup, &[("range", range)]).await;
        assert_eq!(reply.status, 200, "{range}");
        assert_eq!(reply.text(), BODY);
        assert!(!reply.has("content-range"));
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=0-1")];
    assert_eq!(ask(&setup, &twice).await.status, 200);
    let thousand = format!("bytes=0-0{}", ",0-0".repeat(999));
    assert_eq!(ask(&setup, &[("range", &thousand)]).await.text(), BODY);
}

#[tokio::test]
async fn empty_body_has_no_ranges() {
    let setup = Setup::holding(200, &[], "").await;
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        let reply = ask(&setup, &[("range", range)]).await;
        assert_eq!(reply.status, 200, "{range}");
        assert!(!reply.has("content-range"));
    }
}

#[tokio::test]
async fn if_range_needs_the_same_strong_entity_tag() {
    for (stored, asked, status) in [
        ("\"a\"", "\"a\"", 206),
        ("\"a\"", "\"b\"", 200),
        ("\"a\"", "W/\"a\"", 200),
        ("W/\"a\"", "W/\"a\"", 200),
        ("W/\"a\"", "\"a\"", 200),
        ("\"a\"", "a", 200),
        ("\"a\"", "*", 200),
        ("\"a\"", "\"a\", \"b\"", 200),
    ] {
        let setup = Setup::holding(200, &[("etag", stored)], BODY).await;
        let fields = [("range", "bytes=0-1"), ("if-range", asked)];
        assert_eq!(
            ask(&setup, &fields).await.status,
            status,
            "{stored} {asked}"
        );
        // An invalid condition is not overruled by a range that cannot be had.
        let fields = [("range", "bytes=99-"), ("if-range", asked)];
        let status = if status == 206 { 416 } else { 200 };
        assert_eq!(
            ask(&setup, &fields).await.status,
            status,
            "{stored} {asked}"
        );
    }
}

#[tokio::test]
async fn if_range_needs_the_identical_strong_date() {
    let clock = TestClock::default();
    let modified = clock.date(-30);
    for (date, asked, status) in [
        (clock.date(0), modified.clone(), 206),
        (clock.date(-29), modified.clone(), 206),
        // Made within the second in which it was modified: might have changed again.
        (clock.date(-30), modified.clone(), 200),
        (clock.date(0), clock.date(-29), 200),
        (clock.date(0), clock.date(-31), 200),
        // The same instant, but not the same date.
        (clock.date(0), "Fri Jan 15 07:59:30 2027".to_owned(), 200),
    ] {
        let fields = [("last-modified", &*modified), ("date", &*date)];
        let setup = Setup::holding(200, &fields, BODY).await;
        let fields = [("range", "bytes=0-1"), ("if-range", &*asked)];
        assert_eq!(ask(&setup, &fields).await.status, status, "{date} {asked}");
    }
}

#[tokio::test]
async fn if_range_is_not_a_reason_to_send_what_the_client_has() {
    let clock = TestClock::default();
    let modified = clock.date(-60);
    let fields = [
        ("etag", "\"a\""),
        ("last-modified", &*modified),
        ("content-type", "text/plain"),
        ("content-language", "en"),
        ("content-location", "/a.en"),
        ("vary", "accept-language"),
    ];
    let setup = Setup::holding(200, &fields, BODY).await;
    let asked = [("range", "bytes=0-1"), ("if-range", "\"a\"")];
    let reply = ask(&setup, &asked).await;
    assert_eq!(reply.status, 206);
    for name in ["content-type", "content-language", "last-modified"] {
        assert!(!reply.has(name), "{name}");
    }
    for name in [
        "cache-control",
        "content-location",
        "date",
        "etag",
        "vary",
        "age",
    ] {
        assert!(reply.has(name), "{name}");
    }
}

#[tokio::test]
async fn if_none_match_goes_before_range() {
    let setup = Setup::holding(200, &[("etag", "\"a\"")], BODY).await;
    for (tag, status) in [("\"a\"", 304), ("\"b\"", 206)] {
        let fields = [("range", "bytes=0-1"), ("if-none-match", tag)];
        assert_eq!(ask(&setup, &fields).await.status, status);
    }
}

#[tokio::test]
async fn digest_of_the_content_is_dropped_and_that_of_the_representation_kept() {
    let fields = [
        ("content-digest", "sha-256=:x:"),
        ("content-md5", "x"),
        ("repr-digest", "sha-256=:y:"),
    ];
    let setup = Setup::holding(200, &fields, BODY).await;
    let part = ask(&setup, &[("range", "bytes=0-1")]).await;
    assert!(!part.has("content-digest") && !part.has("content-md5"));
    assert_eq!(part.field("repr-digest"), "sha-256=:y:");
    assert!(ask(&setup, &[]).await.has("content-digest"));
}

#[tokio::test]
async fn range_on_a_miss_is_forwarded_as_it_is() {
    let part = [
        ("cache-control", "max-age=60"),
        ("content-range", "bytes 0-1/10"),
    ];
    let setup = Setup::shared(Origin::with(206, &part));
    for _ in 0..2 {
        let reply = setup.get_with("/a", &[("range", "bytes=0-1")]).await;
        assert_eq!(reply.status, 206);
        assert!(!reply.is_hit() && !reply.is_stored());
    }
    let forwarded = setup.origin.last_seen();
    assert_eq!(forwarded.headers["range"], "bytes=0-1");
    assert_eq!(setup.cache.stats().responses(), 0);
}

#[tokio::test]
async fn whole_answer_to_a_range_on_a_miss_is_stored() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let miss = setup.get_with("/a", &[("range", "bytes=0-3")]).await;
    assert_eq!((miss.status.as_u16(), miss.text()), (200, "call 1"));
    let hit = setup.get_with("/a", &[("range", "bytes=0-3")]).await;
    assert_eq!((hit.status.as_u16(), hit.text()), (206, "call"));
}
