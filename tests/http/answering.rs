//! Preconditions on stored responses (RFC 9110 section 13, RFC 9111 section 4.3.2).

use larder_tests::{Origin, Reply, Setup, TestClock, request};

const BODY: &str = "0123456789";

/// The answer to a conditional request, which never reaches the origin.
async fn ask(setup: &Setup, fields: &[(&str, &str)]) -> Reply {
    let calls = setup.origin.calls();
    let reply = setup.get_with("/a", fields).await;
    assert_eq!(setup.origin.calls(), calls, "{fields:?}");
    assert!(reply.is_hit());
    reply
}

#[tokio::test]
async fn if_none_match_is_compared_weakly() {
    for (stored, asked, status) in [
        ("\"a\"", "\"a\"", 304),
        ("\"a\"", "W/\"a\"", 304),
        ("W/\"a\"", "\"a\"", 304),
        ("W/\"a\"", "W/\"a\"", 304),
        ("\"a\"", "\"b\"", 200),
        ("\"a\"", "\"A\"", 200),
        ("\"a\"", "\"b\", W/\"c\", \"a\"", 304),
        ("\"a\"", "\"b\", \"c\"", 200),
        ("\"a,b\"", "\"x\", \"a,b\"", 304),
        ("\"a\"", "\"x,\"a\"", 200),
        ("\"\"", "\"\"", 304),
        ("\"a\"", "*", 304),
        ("\"a\"", " * ", 304),
        ("\"a\"", "\"*\"", 200),
        ("\"a\"", "\"b\", *", 200),
        ("\"a\"", "a", 200),
        ("\"a\"", "w/\"a\"", 200),
        ("\"a\"", "", 200),
        ("\"a\"", ",,, \"a\"", 304),
        ("\"a\"", "\"a", 200),
        ("a", "a", 200),
    ] {
        let setup = Setup::holding(200, &[("etag", stored)], BODY).await;
        let reply = ask(&setup, &[("if-none-match", asked)]).await;
        assert_eq!(reply.status, status, "{stored} {asked}");
        let body = if status == 304 { "" } else { BODY };
        assert_eq!(reply.text(), body);
    }
}

#[tokio::test]
async fn lines_of_if_none_match_are_one_list() {
    let setup = Setup::holding(200, &[("etag", "\"a\"")], BODY).await;
    let lines = [("if-none-match", "\"b\""), ("if-none-match", "\"a\"")];
    assert_eq!(ask(&setup, &lines).await.status, 304);
    let stars = [("if-none-match", "*"), ("if-none-match", "*")];
    assert_eq!(ask(&setup, &stars).await.status, 200);
}

#[tokio::test]
async fn star_matches_a_response_without_entity_tag() {
    let setup = Setup::holding(203, &[], BODY).await;
    assert_eq!(ask(&setup, &[("if-none-match", "*")]).await.status, 304);
    assert_eq!(ask(&setup, &[("if-none-match", "\"a\"")]).await.status, 203);
}

/// One hour before, at, and after.
fn dates(clock: &TestClock, around: i64) -> [(String, bool); 3] {
    [
        (clock.date(around - 1), false),
        (clock.date(around), true),
        (clock.date(around + 1), true),
    ]
}

#[tokio::test]
async fn if_modified_since_is_compared_with_last_modified() {
    let clock = TestClock::default();
    let setup = Setup::holding(200, &[("last-modified", &clock.date(-3600))], BODY).await;
    for (since, unchanged) in dates(&clock, -3600) {
        let reply = ask(&setup, &[("if-modified-since", &since)]).await;
        assert_eq!(reply.status == 304, unchanged, "{since}");
    }
}

#[tokio::test]
async fn if_modified_since_is_compared_with_date_without_last_modified() {
    let clock = TestClock::default();
    for unusable in [None, Some(("last-modified", "yesterday"))] {
        let date = clock.date(-30);
        let fields = [Some(("date", &*date)), unusable];
        let fields: Vec<_> = fields.into_iter().flatten().collect();
        let setup = Setup::holding(200, &fields, BODY).await;
        for (since, unchanged) in dates(&clock, -30) {
            let reply = ask(&setup, &[("if-modified-since", &since)]).await;
            assert_eq!(reply.status == 304, unchanged, "{since}");
        }
    }
}

#[tokio::test]
async fn if_modified_since_is_compared_with_the_receipt_without_any_date() {
    let clock = TestClock::default();
    let setup = Setup::holding(200, &[], BODY).await;
    setup.clock.advance(30);
    for (since, unchanged) in dates(&clock, 0) {
        let reply = ask(&setup, &[("if-modified-since", &since)]).await;
        assert_eq!(reply.status == 304, unchanged, "{since}");
    }
}

#[tokio::test]
async fn date_made_up_from_a_receipt_within_a_second_is_not_later_than_itself() {
    let mut setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let clock = setup.clock.clone();
    let half_past = move || clock.now() + std::time::Duration::from_millis(500);
    let clock = larder::Clock::from_fn(half_past);
    setup.cache = larder::Cache::builder().clock(clock).build();
    let layer = larder::CacheLayer::new(setup.cache.clone());
    setup.service = tower::Layer::layer(&layer, setup.origin.clone());
    setup.get("/a").await;
    let date = ask(&setup, &[]).await.field("date").to_owned();
    let reply = ask(&setup, &[("if-modified-since", &date)]).await;
    assert_eq!(reply.status, 304);
}

#[tokio::test]
async fn unreadable_or_repeated_if_modified_since_is_ignored() {
    let clock = TestClock::default();
    let setup = Setup::holding(200, &[("last-modified", &clock.date(-3600))], BODY).await;
    let now = clock.date(0);
    for since in ["", "0", "now", "-1", &*now.replace("GMT", "UTC")] {
        let reply = ask(&setup, &[("if-modified-since", since)]).await;
        assert_eq!(reply.status, 200, "{since}");
    }
    let twice = [("if-modified-since", &*now), ("if-modified-since", &*now)];
    assert_eq!(ask(&setup, &twice).await.status, 200);
    // RFC 850 and asctime are dates too.
    for since in ["Friday, 15-Jan-27 08:00:00 GMT", "Fri Jan 15 08:00:00 2027"] {
        let reply = ask(&setup, &[("if-modified-since", since)]).await;
        assert_eq!(reply.status, 304, "{since}");
    }
}

#[tokio::test]
async fn if_none_match_wins_over_if_modified_since() {
    let clock = TestClock::default();
    let (then, now) = (clock.date(-3600), clock.date(0));
    let both = [("if-none-match", "\"b\""), ("if-modified-since", &*now)];
    let tagged = [("etag", "\"a\""), ("last-modified", &*then)];
    assert_eq!(
        ask(&Setup::holding(200, &tagged, BODY).await, &both)
            .await
            .status,
        200
    );
    let earlier = clock.date(-7200);
    let matching = [("if-none-match", "\"a\""), ("if-modified-since", &*earlier)];
    assert_eq!(
        ask(&Setup::holding(200, &tagged, BODY).await, &matching)
            .await
            .status,
        304
    );
    // Even when there is no entity tag to compare with.
    let untagged = Setup::holding(203, &[("last-modified", &then)], BODY).await;
    assert_eq!(ask(&untagged, &both).await.status, 203);
    let garbage = [("if-none-match", "garbage"), ("if-modified-since", &*now)];
    assert_eq!(ask(&untagged, &garbage).await.status, 203);
}

#[tokio::test]
async fn preconditions_do_not_apply_to_stored_errors_and_redirections() {
    for status in [404, 410, 301, 308] {
        let clock = TestClock::default();
        let then = clock.date(-3600);
        let fields = [
            ("etag", "\"a\""),
            ("last-modified", &*then),
            ("location", "/b"),
        ];
        let setup = Setup::holding(status, &fields, BODY).await;
        for condition in [
            ("if-none-match", "\"a\""),
            ("if-none-match", "*"),
            ("if-modified-since", &*clock.date(0)),
            ("range", "bytes=0-1"),
        ] {
            let reply = ask(&setup, &[condition]).await;
            assert_eq!(reply.status, status, "{condition:?}");
            assert_eq!(reply.text(), BODY);
        }
    }
}

#[tokio::test]
async fn not_modified_carries_the_listed_fields_only() {
    let clock = TestClock::default();
    let (then, later) = (clock.date(-3600), clock.date(3600));
    let fields = [
        ("content-location", "/a.en"),
        ("etag", "\"a\""),
        ("expires", &*later),
        ("last-modified", &*then),
        ("vary", "accept-language"),
        ("content-type", "text/plain"),
        ("content-length", "10"),
        ("content-encoding", "identity"),
        ("content-language", "en"),
        ("content-digest", "sha-256=:x:"),
    ];
    let setup = Setup::holding(200, &fields, BODY).await;
    setup.clock.advance(7);
    let reply = ask(&setup, &[("if-none-match", "\"a\"")]).await;
    let mut names: Vec<_> = reply.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let listed = [
        "age",
        "cache-control",
        "cache-status",
        "content-location",
        "date",
        "etag",
        "expires",
        "vary",
    ];
    assert_eq!(names, listed);
    assert_eq!(reply.field("age"), "7");
    assert_eq!(reply.field("date"), clock.date(0));
    assert_eq!(reply.field("cache-status"), "larder; hit; ttl=53");
}

#[tokio::test]
async fn not_modified_carries_last_modified_when_there_is_no_entity_tag() {
    let clock = TestClock::default();
    let then = clock.date(-3600);
    let setup = Setup::holding(203, &[("last-modified", &then)], BODY).await;
    let reply = ask(&setup, &[("if-modified-since", &then)]).await;
    assert_eq!(reply.status, 304);
    assert_eq!(reply.field("last-modified"), then);
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get_without_its_body() {
    let setup = Setup::holding(
        200,
        &[("etag", "\"a\""), ("content-type", "text/plain")],
        BODY,
    )
    .await;
    let reply = setup.send(request("HEAD", "/a", &[])).await;
    assert!(reply.is_hit());
    assert_eq!(reply.status, 200);
    assert!(reply.body.is_empty());
    assert_eq!(reply.field("content-length"), "10");
    assert_eq!(reply.field("content-type"), "text/plain");
    let conditional = request("HEAD", "/a", &[("if-none-match", "\"a\"")]);
    assert_eq!(setup.send(conditional).await.status, 304);
    let ranged = setup
        .send(request("HEAD", "/a", &[("range", "bytes=0-1")]))
        .await;
    assert_eq!(ranged.status, 200);
    assert_eq!(ranged.field("content-length"), "10");
    assert_eq!(setup.origin.calls(), 1);
}
