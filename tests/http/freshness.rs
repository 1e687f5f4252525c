//! Freshness lifetime and age (RFC 9111 section 4.2).

use std::time::Duration;

use larder::Policy;
use larder_tests::{Origin, Setup};

const NOW: &str = "Fri, 15 Jan 2027 08:00:00 GMT";
const IN_A_MINUTE: &str = "Fri, 15 Jan 2027 08:01:00 GMT";
/// Lets a response of no lifetime be stored all the same.
const ETAG: (&str, &str) = ("etag", "\"v\"");

/// For how many seconds after its receipt the response is served without validation: found by
/// asking, on either side of the edge.
async fn assert_fresh_for(seconds: u64, policy: Policy, fields: &[(&str, &str)]) {
    let setup = Setup::with_policy(Origin::ok(fields), policy);
    assert!(setup.get("/a").await.is_stored(), "{fields:?}");
    if let Some(last) = seconds.checked_sub(1) {
        setup.clock.advance(last);
        let hit = setup.stored("/a").await;
        let hit = hit.unwrap_or_else(|| panic!("{fields:?}: stale after {last} s"));
        let status = hit.field("cache-status");
        assert_eq!(status, "larder; hit; ttl=1", "{fields:?}");
        setup.clock.advance(1);
    }
    assert!(
        setup.stored("/a").await.is_none(),
        "{fields:?}: fresh after {seconds} s"
    );
}

async fn assert_lifetime(seconds: u64, fields: &[(&str, &str)]) {
    let mut fields = fields.to_vec();
    fields.push(ETAG);
    assert_fresh_for(seconds, Policy::shared(), &fields).await;
    assert_fresh_for(seconds, Policy::conformance(), &fields).await;
}

#[tokio::test]
async fn s_maxage_goes_before_max_age_before_expires() {
    let expires = ("expires", IN_A_MINUTE);
    let date = ("date", NOW);
    for (directives, seconds) in [
        ("s-maxage=10, max-age=20", 10),
        ("max-age=20, s-maxage=30", 30),
        ("max-age=20", 20),
        ("max-age=90", 90),
        ("s-maxage=0, max-age=20", 0),
        ("public", 60),
    ] {
        assert_lifetime(seconds, &[("cache-control", directives), expires, date]).await;
    }
    assert_lifetime(60, &[expires, date]).await;
    assert_lifetime(60, &[expires]).await;
}

#[tokio::test]
async fn expires_counts_from_date() {
    let past = ("date", "Fri, 15 Jan 2027 07:59:50 GMT");
    // A lifetime of 70 seconds, of which 10 have passed.
    assert_lifetime(60, &[("expires", IN_A_MINUTE), past]).await;
    // The origin's clock is ahead: a lifetime of 40 seconds from the receipt.
    let ahead = ("date", "Fri, 15 Jan 2027 08:00:20 GMT");
    assert_lifetime(40, &[("expires", IN_A_MINUTE), ahead]).await;
    let expired = ("expires", "Fri, 15 Jan 2027 07:59:59 GMT");
    assert_lifetime(0, &[expired, ("date", NOW)]).await;
    assert_lifetime(0, &[("expires", NOW), ("date", NOW)]).await;
}

#[tokio::test]
async fn expires_is_read_in_all_three_forms_of_a_date() {
    for expires in [
        "Friday, 15-Jan-27 08:01:00 GMT",
        "Fri Jan 15 08:01:00 2027",
        "fri, 15 jan 2027 08:01:00 gmt",
        "Mon, 15 Jan 2027 08:01:00 GMT",
        "Fri, 15 Jan 2027 08:00:60 GMT",
    ] {
        assert_lifetime(60, &[("expires", expires), ("date", NOW)]).await;
    }
}

#[tokio::test]
async fn invalid_expires_means_stale() {
    for expires in [
        "0",
        "-1",
        "",
        "never",
        "Fri, 15 Jan 2027 08:01:00",
        "Fri, 15 Jan 2027 08:01:00 UTC",
        "Fri, 15 Jan 2027 08:01:00 +0100",
        "Fri, 15 Jan 2027  08:01:00 GMT",
        "Fri, 15 Jan 2027 8:01:00 GMT",
        "Fri, 32 Jan 2027 08:01:00 GMT",
        "Fri, 15 Jan 27 08:01:00 GMT",
        "2027-01-15T08:01:00Z",
    ] {
        let modified = ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT");
        assert_lifetime(0, &[("expires", expires), ("date", NOW), modified]).await;
    }
    let twice = [
        ("expires", IN_A_MINUTE),
        ("expires", IN_A_MINUTE),
        ("date", NOW),
    ];
    assert_lifetime(0, &twice).await;
}

#[tokio::test]
async fn invalid_lifetime_is_zero_and_hides_what_follows() {
    let last_modified = ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT");
    let rest = [("expires", IN_A_MINUTE), ("date", NOW), last_modified];
    for argument in [
        "", "=", "=x", "=-1", "=+1", "=1.5", "= 60", " =60", "=60s", "=0x3c", "=\"\"",
    ] {
        for directives in [
            format!("max-age{argument}"),
            format!("s-maxage{argument}, max-age=20"),
        ] {
            let mut fields = vec![("cache-control", &*directives)];
            fields.extend(rest);
            assert_lifetime(0, &fields).await;
        }
    }
}

#[tokio::test]
async fn valid_lifetime_comes_in_several_spellings() {
    for directives in [
        "max-age=60",
        "max-age=\"60\"",
        "MAX-AGE=060",
        "x,max-age=\"6\\0\",y=\"max-age=9\"",
    ] {
        assert_lifetime(60, &[("cache-control", directives)]).await;
    }
}

#[tokio::test]
async fn duplicate_lifetimes_count_when_they_are_equal() {
    for (directives, seconds) in [
        ("max-age=60, max-age=60", 60),
        ("max-age=60, max-age=\"060\"", 60),
        ("max-age=60, max-age=50", 0),
        ("max-age=60, max-age=x", 0),
        ("s-maxage=60, s-maxage=50, max-age=60", 0),
    ] {
        assert_lifetime(seconds, &[("cache-control", directives)]).await;
    }
    let lines = [
        ("cache-control", "max-age=60"),
        ("cache-control", "max-age=50"),
    ];
    assert_lifetime(0, &lines).await;
}

#[tokio::test]
async fn lifetime_too_large_to_hold_means_for_ever() {
    for seconds in [
        "2147483648",
        "4294967296",
        "9223372036854775808",
        "18446744073709551617",
        "99999999999999999999999999",
    ] {
        let directives = format!("max-age={seconds}");
        let setup = Setup::shared(Origin::ok(&[("cache-control", &directives)]));
        setup.get("/a").await;
        setup.clock.advance((1 << 31) - 1);
        let hit = setup.stored("/a").await.expect(seconds);
        assert_eq!(hit.field("cache-status"), "larder; hit; ttl=1", "{seconds}");
    }
}

#[tokio::test]
async fn lifetime_cap_beats_what_the_response_says() {
    let policy = Policy::shared().with_lifetime_cap(Duration::from_secs(30));
    for directives in [
        "max-age=60",
        "s-maxage=99999999999, immutable",
        "public, max-age=30",
    ] {
        let fields = [("cache-control", directives)];
        assert_fresh_for(30, policy.clone(), &fields).await;
    }
    assert_fresh_for(
        30,
        policy.clone(),
        &[("expires", IN_A_MINUTE), ("date", NOW)],
    )
    .await;
    assert_fresh_for(10, policy, &[("cache-control", "max-age=10")]).await;
}

#[tokio::test]
async fn heuristic_lifetime_is_a_tenth_of_the_time_since_the_last_change() {
    let modified = |date| [("last-modified", date), ("date", NOW)];
    for (date, seconds) in [
        ("Fri, 15 Jan 2027 07:50:00 GMT", 60),
        ("Thu, 14 Jan 2027 08:00:00 GMT", 8640),
        // At most 24 hours.
        ("Tue, 05 Jan 2027 08:00:00 GMT", 86_400),
        ("Tue, 05 Jan 2016 08:00:00 GMT", 86_400),
        // In the future.
        ("Sat, 16 Jan 2027 08:00:00 GMT", 0),
    ] {
        assert_fresh_for(seconds, Policy::conformance(), &modified(date)).await;
        assert_fresh_for(0, Policy::shared(), &modified(date)).await;
        let opted_in = Policy::shared().with_heuristics(true);
        assert_fresh_for(seconds, opted_in, &modified(date)).await;
    }
    assert_fresh_for(0, Policy::conformance(), &[("last-modified", "x"), ETAG]).await;
    assert_fresh_for(0, Policy::conformance(), &[ETAG]).await;
}

#[tokio::test]
async fn heuristics_are_not_used_where_an_expiry_is_stated() {
    let modified = ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT");
    for stated in [
        ("cache-control", "max-age=0"),
        ("cache-control", "s-maxage=x"),
        ("expires", "0"),
        ("expires", NOW),
    ] {
        let fields = [stated, modified, ("date", NOW)];
        assert_fresh_for(0, Policy::conformance(), &fields).await;
    }
}

#[tokio::test]
async fn heuristics_need_a_status_that_allows_them_or_public() {
    let fields = [
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
        ("date", NOW),
        ("cache-control", "public"),
    ];
    for status in [302, 403, 500] {
        let setup = Setup::conformance(Origin::with(status, &fields[..2]));
        setup.get("/a").await;
        assert!(setup.stored("/a").await.is_none(), "status {status}");
        let setup = Setup::conformance(Origin::with(status, &fields));
        setup.get("/a").await;
        assert!(setup.stored("/a").await.is_some(), "public status {status}");
    }
}
