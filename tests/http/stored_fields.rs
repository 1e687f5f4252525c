//! Which fields a stored response has (RFC 9111 section 3.1).

use http::{HeaderValue, Response};
use larder::Policy;
use larder_tests::{Origin, Reply, Setup};

/// The relayed and the stored answer of an origin that sends these fields besides its freshness.
async fn relayed_and_stored(fields: &[(&str, &str)]) -> (Reply, Reply) {
    let mut all = vec![("cache-control", "max-age=60")];
    all.extend(fields);
    answers(&Setup::shared(Origin::ok(&all))).await
}

async fn answers(setup: &Setup) -> (Reply, Reply) {
    let first = setup.get("/a").await;
    assert!(first.is_stored(), "{:?}", first.headers);
    let second = setup.get("/a").await;
    assert!(second.is_hit(), "{:?}", second.headers);
    (first, second)
}

fn lines(reply: &Reply, name: &str) -> Vec<Vec<u8>> {
    let lines = reply.headers.get_all(name).iter();
    lines.map(|value| value.as_bytes().to_vec()).collect()
}

#[tokio::test]
async fn field_of_one_connection_is_relayed_and_not_stored() {
    for (name, value) in [
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authentication-info", "x"),
        ("proxy-authorization", "Basic YTpi"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "x-checksum"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ] {
        let (first, second) = relayed_and_stored(&[(name, value)]).await;
        assert_eq!(first.field(name), value, "{name}");
        assert!(!second.has(name), "{name} is stored");
    }
}

#[tokio::test]
async fn field_that_connection_names_is_relayed_and_not_stored() {
    let (first, second) = relayed_and_stored(&[
        ("connection", "close, X-One"),
        ("connection", "x-two,, x-absent"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-two", "3"),
        ("x-three", "4"),
    ])
    .await;
    assert_eq!(first.field("x-one"), "1");
    assert_eq!(lines(&first, "x-two").len(), 2);
    for name in ["connection", "x-one", "x-two"] {
        assert!(!second.has(name), "{name} is stored");
    }
    assert_eq!(second.field("x-three"), "4");
}

#[tokio::test]
async fn field_that_private_names_is_withheld_from_a_shared_cache_only() {
    let fields = [
        ("cache-control", "max-age=60, private=\"X-One, x-two\""),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
    ];
    for policy in [Policy::shared(), Policy::conformance()] {
        let setup = Setup::with_policy(Origin::ok(&fields), policy);
        let (first, second) = answers(&setup).await;
        assert_eq!((first.field("x-one"), first.field("x-two")), ("1", "2"));
        assert!(!second.has("x-one") && !second.has("x-two"));
        assert_eq!(second.field("x-three"), "3");
        let stated = second.field("cache-control");
        assert_eq!(stated, "max-age=60, private=\"X-One, x-two\"");
    }
}

#[tokio::test]
async fn field_that_no_cache_names_is_stripped_from_the_stored_copy() {
    for argument in ["\"x-one\"", "X-One", "\"x-none , x-one\""] {
        let directives = format!("max-age=60, no-cache={argument}");
        let setup = Setup::shared(Origin::ok(&[
            ("cache-control", &directives),
            ("x-one", "1"),
            ("x-three", "3"),
        ]));
        let (first, second) = answers(&setup).await;
        assert_eq!(first.field("x-one"), "1", "{argument}");
        assert!(!second.has("x-one"), "{argument}");
        assert_eq!(second.field("x-three"), "3", "{argument}");
    }
}

#[tokio::test]
async fn missing_date_becomes_the_receipt_time() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let received = setup.clock.date(0);
    setup.get("/a").await;
    setup.clock.advance(10);
    assert_eq!(setup.get("/a").await.field("date"), received);
}

#[tokio::test]
async fn invalid_date_becomes_the_receipt_time() {
    let ok = "Fri, 15 Jan 2027 07:59:58 GMT";
    for dates in [
        &["x"][..],
        &["0"],
        &[ok, ok],
        &["Fri, 15 Jan 2027 07:59:58 CET"],
    ] {
        let fields: Vec<_> = dates.iter().map(|date| ("date", *date)).collect();
        let (first, second) = relayed_and_stored(&fields).await;
        assert_eq!(lines(&first, "date").len(), dates.len());
        assert_eq!(
            second.field("date"),
            "Fri, 15 Jan 2027 08:00:00 GMT",
            "{dates:?}"
        );
    }
}

#[tokio::test]
async fn valid_date_is_kept_byte_for_byte() {
    for date in [
        "Fri, 15 Jan 2027 07:59:58 GMT",
        "Friday, 15-Jan-27 07:59:58 GMT",
        "Fri Jan 15 07:59:58 2027",
        "fri, 15 jan 2027 07:59:58 gmt",
    ] {
        let (_, second) = relayed_and_stored(&[("date", date)]).await;
        assert_eq!(second.field("date"), date);
        assert_eq!(second.field("age"), "2", "{date}");
    }
}

#[tokio::test]
async fn age_is_replaced_by_one_number() {
    for (ages, expected) in [
        (&["7"][..], "7"),
        (&["007"], "7"),
        (&["7", "9"], "7"),
        (&["7, 9"], "7"),
        (&["x"], "0"),
        (&["-7"], "0"),
        (&["7.5"], "0"),
        (&["x, 7"], "0"),
    ] {
        let fields: Vec<_> = ages.iter().map(|age| ("age", *age)).collect();
        let (first, second) = relayed_and_stored(&fields).await;
        assert_eq!(lines(&first, "age").len(), ages.len());
        assert_eq!(second.field("age"), expected, "{ages:?}");
    }
}

#[tokio::test]
async fn upstream_cache_status_stays_before_ours() {
    let (first, second) =
        relayed_and_stored(&[("cache-status", "origin; hit, cdn; fwd=miss")]).await;
    let expected = ["origin; hit, cdn; fwd=miss", "larder; fwd=uri-miss; stored"];
    assert_eq!(
        lines(&first, "cache-status"),
        expected.map(|line| line.as_bytes().to_vec())
    );
    let expected = ["origin; hit, cdn; fwd=miss", "larder; hit; ttl=60"];
    assert_eq!(
        lines(&second, "cache-status"),
        expected.map(|line| line.as_bytes().to_vec())
    );
}

#[tokio::test]
async fn own_cache_status_is_not_stored() {
    for sent in ["larder; hit; ttl=9", "\"larder\"; hit; ttl=9"] {
        let (_, second) = relayed_and_stored(&[("cache-status", sent)]).await;
        assert_eq!(
            second.field("cache-status"),
            "larder; hit; ttl=60",
            "{sent}"
        );
    }
    let (_, second) =
        relayed_and_stored(&[("cache-status", "origin; hit, larder; hit; ttl=9")]).await;
    let expected = ["origin;hit", "larder; hit; ttl=60"];
    assert_eq!(
        lines(&second, "cache-status"),
        expected.map(|line| line.as_bytes().to_vec())
    );
}

#[tokio::test]
async fn unknown_fields_and_repeated_lines_are_stored_in_order() {
    let (_, second) = relayed_and_stored(&[
        ("x-unknown", "2"),
        ("x-empty", ""),
        ("link", "</b>; rel=next"),
        ("x-unknown", "1"),
        ("x-unknown", "2, 3"),
        ("expires", "Fri, 15 Jan 2027 09:00:00 GMT"),
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
        ("pragma", "x"),
        ("warning", "110 - x"),
    ])
    .await;
    let expected = ["2", "1", "2, 3"].map(|line| line.as_bytes().to_vec());
    assert_eq!(lines(&second, "x-unknown"), expected);
    for (name, value) in [
        ("cache-control", "max-age=60"),
        ("expires", "Fri, 15 Jan 2027 09:00:00 GMT"),
        ("last-modified", "Thu, 14 Jan 2027 08:00:00 GMT"),
        ("link", "</b>; rel=next"),
        ("pragma", "x"),
        ("warning", "110 - x"),
        ("x-empty", ""),
    ] {
        assert_eq!(second.field(name), value, "{name}");
    }
}

#[tokio::test]
async fn value_that_is_not_utf_8_is_stored_byte_for_byte() {
    let setup = Setup::shared(Origin::new(|_, _| {
        Response::builder()
            .header("cache-control", "max-age=60")
            .header("x-latin", HeaderValue::from_bytes(b"caf\xe9\xff").unwrap())
            .body("".into())
            .unwrap()
    }));
    let (_, second) = answers(&setup).await;
    assert_eq!(lines(&second, "x-latin"), [b"caf\xe9\xff".to_vec()]);
}
