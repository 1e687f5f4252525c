//! Cache groups (RFC 9875): what a write invalidates with them, and what it does not.

use larder::{CacheLayer, RoutePolicy};
use larder_tests::{Origin, Seen, Setup, get, request, response};

use crate::collapse::FRESH;
use crate::tags::MINUTE;

/// GET gives the group that the query names; everything else invalidates `g`, with this status.
fn grouped(status: u16) -> Setup {
    Setup::shared(Origin::new(move |seen: &Seen, calls| {
        if seen.method == "GET" {
            let group = format!("\"x\", \"{}\"", seen.uri.query().unwrap_or("none"));
            let fields = [FRESH, ("cache-groups", &*group)];
            response(200, &fields, format!("call {calls}"))
        } else {
            response(status, &[("cache-group-invalidation", "\"g\"")], "")
        }
    }))
}

const MATES: [&str; 2] = ["http://a.example/1?g", "http://a.example/2?g"];
const OTHERS: [&str; 5] = [
    "http://a.example/3?G",
    "http://a.example/4?gg",
    "http://b.example/1?g",
    "http://a.example:81/1?g",
    "http://a.example/5",
];

async fn fill(setup: &Setup) {
    for url in MATES.iter().chain(&OTHERS) {
        setup.send(get(url)).await;
        assert!(setup.send(get(url)).await.is_hit(), "{url}");
    }
}

#[tokio::test]
async fn write_drops_group_mates_of_its_own_origin_only() {
    for status in [200, 204, 303] {
        let setup = grouped(status);
        fill(&setup).await;
        setup
            .send(request("POST", "http://a.example/write", &[]))
            .await;
        for url in OTHERS {
            assert!(setup.send(get(url)).await.is_hit(), "{url}");
        }
        for url in MATES {
            assert!(!setup.send(get(url)).await.is_hit(), "{url}");
        }
    }
}

#[tokio::test]
async fn groups_outlast_errors_and_safe_methods() {
    for (method, status) in [("POST", 400), ("PUT", 500), ("OPTIONS", 200), ("HEAD", 200)] {
        let setup = grouped(status);
        fill(&setup).await;
        setup
            .send(request(method, "http://a.example/write", &[]))
            .await;
        for url in MATES {
            assert!(
                setup.send(get(url)).await.is_hit(),
                "{method} {status} {url}"
            );
        }
    }
}

#[tokio::test]
async fn a_304_puts_a_response_into_other_groups() {
    let script = [
        (
            200,
            &[FRESH, ("etag", "\"v\""), ("cache-groups", "\"old\"")][..],
            "",
        ),
        (304, &[("etag", "\"v\""), ("cache-groups", "\"new\"")], ""),
        (200, &[("cache-group-invalidation", "\"old\"")], ""),
        (200, &[("cache-group-invalidation", "\"new\"")], ""),
    ];
    let setup = Setup::shared(Origin::script(&script));
    setup.get("/a").await;
    setup.clock.advance(61);
    setup.get("/a").await;
    for stays in [true, false] {
        setup.send(request("POST", "/b", &[])).await;
        assert_eq!(setup.stored("/a").await.is_some(), stays);
    }
}

/// Its fields may be about who asked, but not its groups.
#[tokio::test]
async fn a_304_to_a_known_client_puts_a_response_into_other_groups() {
    let script = [
        (200, &[FRESH, ("etag", "\"v\"")][..], ""),
        (
            304,
            &[FRESH, ("etag", "\"v\""), ("cache-groups", "\"new\"")],
            "",
        ),
        (200, &[("cache-group-invalidation", "\"new\"")], ""),
    ];
    let layer = |cache| CacheLayer::new(cache).with_route_policy(RoutePolicy::shared(MINUTE));
    let setup = Setup::with_layer(Origin::script(&script), layer);
    setup.get("/a").await;
    setup.clock.advance(61);
    let mut known = request("GET", "/a", &[("cookie", "id=7")]);
    known.extensions_mut().insert(User(7));
    setup.send(known).await;
    assert!(setup.stored("/a").await.is_some());
    setup.send(request("POST", "/b", &[])).await;
    assert!(setup.stored("/a").await.is_none());
}

/// What an application's own layer makes of a cookie.
#[derive(Clone)]
struct User(#[expect(dead_code, reason = "nobody reads it")] u64);

/// Clients do not get the field, and what is stored is of the groups all the same.
#[tokio::test]
async fn groups_that_are_kept_from_clients_outlast_a_304() {
    for withheld in [
        "max-age=60, private=\"cache-groups\"",
        "max-age=60, no-cache=\"cache-groups\"",
    ] {
        let fields = [
            ("cache-control", withheld),
            ("etag", "\"v\""),
            ("cache-groups", "\"g\""),
        ];
        let script = [
            (200, &fields[..], ""),
            (304, &fields[..2], ""),
            (200, &[("cache-group-invalidation", "\"g\"")], ""),
        ];
        let setup = Setup::shared(Origin::script(&script));
        setup.get("/a").await;
        setup.clock.advance(61);
        setup.get("/a").await;
        let stored = setup.stored("/a").await.expect("freshened");
        assert!(!stored.has("cache-groups"), "{withheld}");
        setup.send(request("POST", "/b", &[])).await;
        assert!(setup.stored("/a").await.is_none(), "{withheld}");
    }
}
