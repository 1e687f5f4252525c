//! What a client or an origin may make the cache hold.

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Response;
use larder_tests::{Origin, Reply, Setup};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn outcome(reply: &Reply) -> &str {
    reply.field("cache-status")
}

#[tokio::test]
async fn hot_response_survives_ten_thousand_random_queries() {
    let origin = Origin::new(|_, calls| {
        let response = Response::builder().header("cache-control", "max-age=60");
        response
            .body(Body::from(vec![b'x'; 1000 + calls % 2]))
            .unwrap()
    });
    let limit = 256 << 10;
    let setup = Setup::with_cache(origin, |cache| cache.max_bytes(limit));
    setup.get("/hot").await;
    for number in 0..10_000 {
        setup.get(&format!("/hot?{number}")).await;
        if number % 10 == 0 {
            assert!(setup.get("/hot").await.is_hit(), "gone after {number}");
        }
    }
    let stats = setup.cache.stats();
    assert!(stats.bytes() <= limit, "{} bytes", stats.bytes());
    assert!(stats.responses() < limit / 1000);
}

#[tokio::test]
async fn cache_without_memory_keeps_nothing_and_forwards() {
    let setup = Setup::with_cache(Origin::ok(&[FRESH]), |cache| cache.max_bytes(0));
    for call in ["call 1", "call 2"] {
        let reply = setup.get("/a").await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, call));
    }
    assert_eq!(setup.cache.stats().responses(), 0);
}

#[tokio::test]
async fn body_over_the_limit_is_relayed_and_not_stored() {
    for announced in [true, false] {
        for (bytes, stored) in [(1000, true), (1001, false), (100_000, false)] {
            let origin = Origin::new(move |_, _| {
                let mut response = Response::builder().header("cache-control", "max-age=60");
                let pieces = [vec![b'x'; 500], vec![b'y'; bytes - 500]];
                let pieces = pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
                if announced {
                    response = response.header("content-length", bytes);
                }
                response
                    .body(Body::from_stream(stream::iter(pieces)))
                    .unwrap()
            });
            let setup = Setup::with_cache(origin, |cache| cache.max_body_bytes(1000));
            assert_eq!(setup.get("/a").await.body.len(), bytes);
            let found = setup.stored("/a").await;
            assert_eq!(
                found.is_some(),
                stored,
                "{bytes} bytes, announced: {announced}"
            );
        }
    }
}

#[tokio::test]
async fn announced_body_over_the_limit_is_named_in_cache_status() {
    let fields = [FRESH, ("content-length", "6")];
    let setup = Setup::with_cache(Origin::ok(&fields), |cache| cache.max_body_bytes(5));
    let reply = setup.get("/a").await;
    assert_eq!(
        outcome(&reply),
        "larder; fwd=uri-miss; detail=body-too-large"
    );
}

#[tokio::test]
async fn header_section_over_the_limit_is_relayed_and_not_stored() {
    let rest = "cache-controlmax-age=60x-long".len();
    let long = |bytes: usize| {
        let value = "x".repeat(bytes - rest);
        let origin = Origin::ok(&[FRESH, ("x-long", &value)]);
        Setup::with_cache(origin, |cache| cache.max_header_bytes(1000))
    };
    assert!(long(1000).get("/a").await.is_stored());
    let over = long(1001).get("/a").await;
    assert_eq!(
        outcome(&over),
        "larder; fwd=uri-miss; detail=headers-too-large"
    );
    assert_eq!(over.field("x-long").len(), 1001 - rest);
}

#[tokio::test]
async fn response_of_thousands_of_lines_is_relayed_and_not_stored() {
    let lines = |count: usize| {
        let mut fields = vec![FRESH];
        fields.extend((1..count).map(|_| ("x", "")));
        Setup::shared(Origin::ok(&fields))
    };
    assert!(lines(1024).get("/a").await.is_stored());
    let over = lines(1025).get("/a").await;
    assert_eq!(
        outcome(&over),
        "larder; fwd=uri-miss; detail=headers-too-large"
    );
    assert_eq!(over.headers.len(), 1025 + 1);
}

#[tokio::test]
async fn key_over_the_limit_bypasses() {
    let setup = Setup::with_cache(Origin::ok(&[FRESH]), |cache| cache.max_key_bytes(500));
    let path = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
    let mut fitting = Vec::new();
    for bytes in 300..=500 {
        let reply = setup.get(&path(bytes)).await;
        let fits = fitting.len() == bytes - 300 && reply.is_stored();
        if fits {
            fitting.push(bytes);
        } else {
            let expected = "larder; fwd=bypass; detail=key-too-long";
            assert_eq!(outcome(&reply), expected, "{bytes}");
        }
    }
    let longest = *fitting.last().expect("a path of 300 bytes fits");
    assert!(longest < 500);
    let path = path(longest);
    assert!(setup.get(&path).await.is_hit());
    // What else is in the key counts too.
    let longer = setup.get_with(&path, &[("host", "a")]).await;
    assert_eq!(outcome(&longer), "larder; fwd=bypass; detail=key-too-long");
    let poisoned = setup.get_with(&path, &[("x-forwarded-host", "a")]).await;
    assert_eq!(
        outcome(&poisoned),
        "larder; fwd=bypass; detail=key-too-long"
    );
}

#[tokio::test]
async fn parts_of_a_key_do_not_run_into_one_another() {
    let setup = Setup::shared(Origin::ok(&[FRESH]));
    let host = |host, path| vec![("path", path), ("host", host)];
    let forwarded = |fields: &[(&'static str, &'static str)]| {
        let mut all = vec![("path", "/")];
        all.extend(fields);
        all
    };
    let requests = [
        host("a", "/b/c"),
        host("a", "/b?/c"),
        host("ab", "/c"),
        host("a.b", "/c"),
        host("a:1", "/c"),
        host("a:11", "/c"),
        vec![("path", "/c")],
        vec![("path", "/c?")],
        vec![("path", "/?c")],
        vec![("path", "/??c")],
        forwarded(&[("x-forwarded-host", "a"), ("x-forwarded-proto", "b")]),
        forwarded(&[("x-forwarded-host", "ab")]),
        forwarded(&[("x-forwarded-proto", "ab")]),
        forwarded(&[("x-forwarded-host", "a"), ("x-forwarded-host", "b")]),
        forwarded(&[("x-forwarded-host", "a, b")]),
        forwarded(&[("x-forwarded-host", "")]),
        forwarded(&[]),
    ];
    for fields in &requests {
        let reply = setup.get_with(fields[0].1, &fields[1..]).await;
        assert!(reply.is_stored(), "{fields:?} met another");
    }
    for (number, fields) in (1..).zip(&requests) {
        let reply = setup.get_with(fields[0].1, &fields[1..]).await;
        assert_eq!(reply.text(), format!("call {number}"), "{fields:?}");
    }
}

#[tokio::test]
async fn selecting_values_over_the_limit_are_not_kept() {
    // A recorded value takes eight bytes more than its own length.
    for (length, stored) in [(92, true), (93, false)] {
        let origin = Origin::ok(&[("cache-control", "max-age=60"), ("vary", "x-a")]);
        let setup = Setup::with_policy(origin, larder::Policy::shared().with_max_vary_bytes(100));
        let reply = setup.get_with("/a", &[("x-a", &"v".repeat(length))]).await;
        assert_eq!(reply.is_stored(), stored, "{length}");
    }
}
