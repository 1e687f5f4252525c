//! Purging by who may not.
//!
//! Purges are method calls of the application; nothing in a request is one. A write purges what it
//! changed, and what its response names: that is the handler's word. Names are kept as hashes of 64 bits
//! under a key that is drawn for each cache (`crates/larder/src/naming.rs` has the test), so nobody
//! outside can choose a name that hits another. Should two have the same hash by chance, a purge of the
//! one makes the next request for the other a miss, and nothing worse.

use larder::{Key, Purge, RoutePolicy};
use larder_tests::{Origin, Setup, request, response};

use crate::setting::{FRESH, MINUTE, UserId, annotated, by, keyed, outcome, plain, routed};

const TAGS: [(&str, &str); 2] = [("cache-groups", "\"g\""), ("surrogate-key", "a")];

/// What others have for purging, and what responses name what is to go by.
const CLAIMS: [(&str, &str); 12] = [
    ("x-purge", "all"),
    ("x-purge-method", "regex"),
    ("fastly-soft-purge", "1"),
    ("x-ban-url", ".*"),
    ("surrogate-key", "a"),
    ("cache-tag", "a"),
    ("x-cache-tags", "a"),
    ("xkey-purge", "a"),
    ("cache-groups", "\"g\""),
    ("cache-group-invalidation", "\"g\""),
    ("clear-site-data", "\"cache\""),
    ("cache-control", "no-cache, no-store, max-age=0"),
];

/// Knows GET, and POST anywhere but at `/a`.
fn getting() -> Origin {
    Origin::new(|seen, calls| {
        let post = seen.method == "POST" && seen.uri.path() != "/a";
        let status = if seen.method == "GET" || post {
            200
        } else {
            405
        };
        let fields = [FRESH, TAGS[0], TAGS[1]];
        response(status, &fields, format!("call {}", calls + 1))
    })
}

fn setups() -> [Setup; 4] {
    let tagged = RoutePolicy::shared(MINUTE).tag("a").tag("x-purge");
    [
        plain(getting()),
        annotated(getting()),
        keyed(getting(), Key::new().forward_all()),
        routed(getting(), tagged),
    ]
}

#[tokio::test]
async fn anonymous_purge_reaches_the_handler_and_changes_nothing() {
    for setup in setups() {
        setup.get("/a").await;
        for method in [
            "PURGE",
            "PURGEKEY",
            "BAN",
            "REFRESH",
            "DELETE",
            "INVALIDATE",
        ] {
            let reply = setup.send(request(method, "/a", &CLAIMS)).await;
            assert_eq!(reply.status, 405);
            assert_eq!(outcome(&reply), "larder; fwd=method");
            assert_eq!(setup.origin.last_seen().method, method);
            assert_eq!(setup.get("/a").await.text(), "call 1", "{method}");
        }
        let stats = setup.cache.stats();
        assert_eq!((stats.purges(), stats.invalidations()), (0, 0));
    }
}

/// A client may write at its own place; that says nothing of other places, whatever it claims.
#[tokio::test]
async fn write_purges_nothing_that_its_client_names() {
    for setup in setups() {
        setup.get("/a").await;
        let own = setup.send(request("POST", "/own", &CLAIMS)).await;
        assert_eq!(own.status, 200);
        for claim in CLAIMS {
            setup.send(request("POST", "/own?/a", &[claim])).await;
            assert_eq!(setup.get("/a").await.text(), "call 1", "{claim:?}");
        }
        assert_eq!(setup.cache.stats().purges(), 0);
    }
}

#[tokio::test]
async fn fields_of_a_read_purge_nothing() {
    for setup in setups() {
        setup.get("/a").await;
        for claim in CLAIMS {
            for method in ["GET", "HEAD"] {
                setup.send(request(method, "/a", &[claim])).await;
                setup.send(request(method, "/own", &[claim])).await;
            }
            assert_eq!(setup.get("/a").await.text(), "call 1", "{claim:?}");
        }
    }
}

/// Applications make tags of what clients send. What is a tag is never a URL, a path, a group, an
/// identity, or part of another tag.
#[tokio::test]
async fn tag_that_a_client_chose_hits_tags_only() {
    let route = RoutePolicy::per_user::<UserId>(MINUTE).tag("product:42");
    let setup = routed(getting(), route);
    setup.send(by("alice")).await;
    // The response has the tag `a`, by its own field.
    for tag in [
        "/a",
        "g",
        "\"g\"",
        "/",
        "*",
        "",
        "alice",
        "user",
        "user\u{2}alice",
        "product",
        "product:4",
        "product:42 ",
        "product:42\0",
        "Product:42",
        "product:*",
        ".*",
    ] {
        setup.cache.purge(Purge::tag(tag));
        setup.cache.purge(Purge::all_tags([tag, "product:42"]));
        assert!(setup.send(by("alice")).await.is_hit(), "{tag:?}");
    }
    setup.cache.purge(Purge::tag("product:42"));
    assert!(!setup.send(by("alice")).await.is_hit());
}

/// Thousands of names of no use to anybody: nothing else goes, and memory stays bounded.
#[tokio::test]
async fn flood_of_purges_drops_nothing_else_and_is_bounded() {
    let setup = Setup::with(
        getting(),
        |cache| cache.max_purge_records(100),
        larder::CacheLayer::new,
    );
    setup.get("/a").await;
    for number in 0..5_000 {
        setup
            .cache
            .purge(Purge::url(&format!("/{number}")).unwrap());
        setup
            .send(request("POST", &format!("/own/{number}"), &CLAIMS))
            .await;
    }
    assert_eq!(setup.get("/a").await.text(), "call 1");
    assert!(setup.cache.stats().purge_records() <= 200);
}
