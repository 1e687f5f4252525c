//! Targeted cache control (RFC 9213).

use http::HeaderName;
use larder::Policy;
use larder_tests::{Origin, Setup};

/// A cache whose target list is `x-first`, `x-second`.
fn targeting() -> Policy {
    Policy::shared().with_target_list([
        HeaderName::from_static("x-first"),
        HeaderName::from_static("x-second"),
    ])
}

fn setup(fields: &[(&str, &str)]) -> Setup {
    Setup::with_policy(Origin::ok(fields), targeting())
}

/// What `Cache-Status` says of a first and, if it is stored and fresh, of a second answer.
async fn assert_outcome(expected: &str, fields: &[(&str, &str)]) {
    let setup = setup(fields);
    let first = setup.get("/a").await;
    let stored = setup.stored("/a").await;
    let outcome = match &stored {
        Some(hit) => hit.field("cache-status"),
        None => first.field("cache-status"),
    };
    assert_eq!(outcome, format!("larder; {expected}"), "{fields:?}");
}

#[tokio::test]
async fn first_valid_field_of_the_list_is_in_force_alone() {
    for (fields, ttl) in [
        (
            &[("x-first", "max-age=10"), ("x-second", "max-age=20")][..],
            10,
        ),
        (&[("x-second", "max-age=20"), ("x-first", "max-age=10")], 10),
        (
            &[("x-second", "max-age=20"), ("cache-control", "max-age=30")],
            20,
        ),
        (
            &[("x-second", "max-age=20"), ("cache-control", "no-store")],
            20,
        ),
        (
            &[
                ("x-second", "max-age=20"),
                ("cache-control", "private, s-maxage=1"),
            ],
            20,
        ),
        (&[("x-second", "max-age=20"), ("cache-control", "x=\"")], 20),
        (&[("x-second", "max-age=20"), ("expires", "0")], 20),
        (&[("x-second", "s-maxage=5, max-age=20")], 5),
        (
            &[("x-other", "max-age=20"), ("cache-control", "max-age=30")],
            30,
        ),
    ] {
        assert_outcome(&format!("hit; ttl={ttl}"), fields).await;
    }
}

#[tokio::test]
async fn restrictions_of_the_targeted_field_hold() {
    for (directives, reason) in [
        ("max-age=10, no-store", "no-store"),
        ("max-age=10, private", "private"),
        ("max-age=10, must-understand", "stored"),
    ] {
        let expected = match reason {
            "stored" => "hit; ttl=10".to_owned(),
            reason => format!("fwd=uri-miss; detail={reason}"),
        };
        let fields = [
            ("x-first", directives),
            ("cache-control", "public, max-age=60"),
        ];
        assert_outcome(&expected, &fields).await;
    }
    let fields = [
        ("x-first", "no-cache"),
        ("cache-control", "max-age=60"),
        ("etag", "\"v\""),
    ];
    assert_outcome("fwd=uri-miss; stored", &fields).await;
}

#[tokio::test]
async fn invalid_or_empty_targeted_field_is_passed_over() {
    for targeted in [
        "",
        "  ",
        "max-age=10,",
        "max-age = 10",
        "Max-Age=10",
        "max-age=10;;",
        "max-age=\"10",
        "max-age=1234567890123456",
        "&",
        "max-age=10, no store",
    ] {
        let fields = [
            ("x-first", targeted),
            ("x-second", "max-age=20"),
            ("cache-control", "max-age=30"),
        ];
        assert_outcome("hit; ttl=20", &fields).await;
        assert_outcome("hit; ttl=30", &[fields[0], fields[2]]).await;
    }
}

#[tokio::test]
async fn unknown_directive_alone_means_no_policy() {
    let fields = [
        ("x-first", "none"),
        ("cache-control", "max-age=60"),
        ("expires", "Fri, 15 Jan 2027 09:00:00 GMT"),
    ];
    assert_outcome("fwd=uri-miss; detail=useless", &fields).await;
}

#[tokio::test]
async fn values_are_read_as_structured_fields() {
    for (targeted, ttl) in [
        ("max-age=10;x=1", 10),
        ("max-age=99, max-age=10", 10),
        ("max-age=10, public=?1", 10),
        ("max-age=10, no-store=?0", 10),
        ("max-age=10, private=?0", 10),
        ("max-age=10, x=(1 2);y", 10),
        ("max-age=010", 10),
    ] {
        assert_outcome(&format!("hit; ttl={ttl}"), &[("x-first", targeted)]).await;
    }
    let lines = [("x-first", "max-age=10"), ("x-first", "public")];
    assert_outcome("hit; ttl=10", &lines).await;
}

#[tokio::test]
async fn member_of_the_wrong_type_restricts() {
    for (targeted, reason) in [
        ("max-age=10, no-store=1", "no-store"),
        ("max-age=10, no-store=\"x\"", "no-store"),
        ("max-age=10, private=1", "private"),
        ("max-age=10, private=\"x\"", "private"),
        ("max-age=10, private=(1 2)", "private"),
        ("max-age=10, private=()", "private"),
    ] {
        let expected = format!("fwd=uri-miss; detail={reason}");
        assert_outcome(&expected, &[("x-first", targeted)]).await;
    }
    for targeted in [
        "max-age=10.5",
        "max-age=\"10\"",
        "max-age=-10",
        "max-age",
        "max-age=?1",
        "s-maxage=x, max-age=10",
    ] {
        let fields = [("x-first", targeted), ("etag", "\"v\"")];
        assert_outcome("fwd=uri-miss; stored", &fields).await;
    }
}

#[tokio::test]
async fn list_of_strings_names_the_fields_to_strip() {
    let setup = setup(&[
        (
            "x-first",
            "max-age=10, private=(\"x-one\"), no-cache=(\"x-two\" \"X-Three\")",
        ),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
        ("x-four", "4"),
    ]);
    let first = setup.get("/a").await;
    let second = setup.get("/a").await;
    assert!(second.is_hit());
    for name in ["x-one", "x-two", "x-three"] {
        assert!(first.has(name) && !second.has(name), "{name}");
    }
    assert_eq!(second.field("x-four"), "4");
}

#[tokio::test]
async fn targeted_must_revalidate_forbids_stale_use() {
    let fields = |directives| [("x-first", directives), ("etag", "\"v\"")];
    for (directives, served) in [("max-age=10", true), ("max-age=10, must-revalidate", false)] {
        let policy = targeting().with_request_directives(true);
        let setup = Setup::with_policy(Origin::ok(&fields(directives)), policy);
        setup.get("/a").await;
        setup.clock.advance(11);
        let asked = [("cache-control", "max-stale, only-if-cached")];
        let reply = setup.get_with("/a", &asked).await;
        assert_eq!(reply.status == 200, served, "{directives}");
    }
}

#[tokio::test]
async fn targeted_field_is_relayed_with_cache_control_beside_it() {
    let setup = setup(&[("x-first", "max-age=10"), ("cache-control", "no-store")]);
    for reply in [setup.get("/a").await, setup.get("/a").await] {
        assert_eq!(reply.field("x-first"), "max-age=10");
        assert_eq!(reply.field("cache-control"), "no-store");
    }
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn cdn_cache_control_counts_in_conformance_only() {
    let fields = [
        ("cdn-cache-control", "max-age=10"),
        ("cache-control", "max-age=60"),
    ];
    for (policy, ttl) in [(Policy::conformance(), 10), (Policy::shared(), 60)] {
        let setup = Setup::with_policy(Origin::ok(&fields), policy);
        setup.get("/a").await;
        let hit = setup.get("/a").await;
        assert_eq!(hit.field("cache-status"), format!("larder; hit; ttl={ttl}"));
        assert_eq!(hit.field("cdn-cache-control"), "max-age=10");
    }
}
