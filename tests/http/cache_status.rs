//! The `Cache-Status` field (RFC 9211), in both presets.

use http::HeaderValue;
use larder::policy::fields::CacheName;
use larder::{CacheLayer, Policy};
use larder_tests::{Origin, Reply, Scripted, Setup, get, request};
use tower::{Layer, ServiceExt};

use crate::validation::{FRESH, TAG};

/// What the last of these requests is told of this script.
type Row<'a> = (&'a str, &'a [Scripted<'a>], &'a [(u64, &'a str, &'a str)]);

fn presets() -> [Policy; 2] {
    [Policy::shared(), Policy::conformance()]
}

fn told(reply: &Reply) -> Vec<&HeaderValue> {
    reply.headers.get_all("cache-status").iter().collect()
}

/// What the last of these requests is told, each sent so many seconds after the one before.
async fn told_last(
    policy: Policy,
    script: &[Scripted<'_>],
    requests: &[(u64, &str, &str)],
) -> String {
    let setup = Setup::with_policy(Origin::script(script), policy);
    let mut last = String::new();
    for (later, method, cache_control) in requests {
        setup.clock.advance(*later);
        let fields = [("cache-control", *cache_control)];
        let reply = setup.send(request(method, "/a", &fields)).await;
        last = reply.field("cache-status").to_owned();
    }
    last
}

#[tokio::test]
async fn outcomes_in_both_presets() {
    let fields = [FRESH, TAG];
    let windowed = [("cache-control", "max-age=60, stale-if-error=30"), TAG];
    let always = [("cache-control", "max-age=60, no-cache"), TAG];
    let unstored = [("cache-control", "no-store")];
    let ok = (200, &fields[..], "body");
    let table: &[Row<'_>] = &[
        ("fwd=uri-miss; stored", &[ok], &[(0, "GET", "")]),
        ("hit; ttl=60", &[ok], &[(0, "GET", ""), (0, "GET", "")]),
        ("hit; ttl=1", &[ok], &[(0, "GET", ""), (59, "GET", "")]),
        ("hit; ttl=50", &[ok], &[(0, "GET", ""), (10, "HEAD", "")]),
        (
            "fwd=stale; fwd-status=304; ttl=60",
            &[ok, (304, &fields, "")],
            &[(0, "GET", ""), (60, "GET", "")],
        ),
        (
            "fwd=stale; fwd-status=304; ttl=60",
            &[(200, &always, ""), (304, &always, "")],
            &[(0, "GET", ""), (5, "GET", "")],
        ),
        (
            "fwd=stale; fwd-status=200; stored",
            &[ok, ok],
            &[(0, "GET", ""), (60, "GET", "")],
        ),
        (
            "fwd=stale; fwd-status=501",
            &[ok, (501, &[], "")],
            &[(0, "GET", ""), (60, "GET", "")],
        ),
        (
            "fwd=stale; fwd-status=503; ttl=-12; detail=stale-if-error",
            &[(200, &windowed, ""), (503, &[], "")],
            &[(0, "GET", ""), (72, "GET", "")],
        ),
        (
            "fwd=uri-miss; detail=no-store",
            &[(200, &unstored, "")],
            &[(0, "GET", "")],
        ),
        (
            "fwd=uri-miss; detail=request-no-store",
            &[ok],
            &[(0, "GET", "no-store")],
        ),
        ("fwd=method", &[(200, &[], "")], &[(0, "POST", "")]),
        ("fwd=method", &[(500, &[], "")], &[(0, "DELETE", "")]),
        ("fwd=method", &[(200, &[], "")], &[(0, "OPTIONS", "")]),
        (
            "fwd=uri-miss; stored",
            &[ok, (200, &[], ""), ok],
            &[(0, "GET", ""), (0, "POST", ""), (0, "GET", "")],
        ),
    ];
    for policy in presets() {
        for (expected, script, requests) in table {
            let last = told_last(policy.clone(), script, requests).await;
            assert_eq!(last, format!("larder; {expected}"));
        }
    }
}

#[tokio::test]
async fn what_the_client_asks_for_is_told_where_it_counts() {
    let fields = [FRESH, TAG];
    let script = [(200, &fields[..], "body"), (304, &fields[..], "")];
    for (later, asked, expected) in [
        (10, "no-cache", "fwd=request; fwd-status=304; ttl=60"),
        (10, "max-age=5", "fwd=request; fwd-status=304; ttl=60"),
        (10, "min-fresh=55", "fwd=request; fwd-status=304; ttl=60"),
        (70, "no-cache", "fwd=stale; fwd-status=304; ttl=60"),
        (72, "max-stale", "hit; ttl=-12"),
    ] {
        let requests = [(0, "GET", ""), (later, "GET", asked)];
        let last = told_last(Policy::conformance(), &script, &requests).await;
        assert_eq!(last, format!("larder; {expected}"), "{asked}");
        let last = told_last(Policy::shared(), &script, &requests).await;
        let ignored = if later < 60 {
            "hit; ttl=50"
        } else {
            "fwd=stale; fwd-status=304; ttl=60"
        };
        assert_eq!(last, format!("larder; {ignored}"), "{asked}");
    }
}

#[tokio::test]
async fn other_variant_is_told_from_nothing_stored() {
    for policy in presets() {
        let fields = [FRESH, ("vary", "accept")];
        let setup = Setup::with_policy(Origin::ok(&fields), policy);
        setup.get("/a").await;
        let other = setup.get_with("/a", &[("accept", "text/html")]).await;
        assert_eq!(told(&other), ["larder; fwd=vary-miss; stored"]);
    }
}

#[tokio::test]
async fn hits_with_304_206_and_416_are_hits() {
    for policy in presets() {
        let setup = Setup::with_policy(Origin::ok(&[FRESH, TAG]), policy);
        setup.get("/a").await;
        for (condition, status) in [
            (("if-none-match", "\"a\""), 304),
            (("range", "bytes=0-0"), 206),
            (("range", "bytes=99-"), 416),
        ] {
            let reply = setup.get_with("/a", &[condition]).await;
            assert_eq!(reply.status, status);
            assert_eq!(told(&reply), ["larder; hit; ttl=60"]);
        }
    }
}

#[tokio::test]
async fn bypasses_say_why() {
    let long = format!("/{}", "a".repeat(8192));
    for policy in presets() {
        let setup = Setup::with_policy(Origin::ok(&[FRESH]), policy);
        for (path, field, detail) in [
            ("/a", ("if-match", "*"), "conditional"),
            ("/a", ("if-unmodified-since", "x"), "conditional"),
            ("/a", ("upgrade", "h2c"), "upgrade"),
            ("/a", ("content-length", "1"), "request-content"),
            ("/a", ("host", "a b"), "invalid-host"),
            ("http://h/a", ("host", "i"), "authority-mismatch"),
            (&long, ("accept", "*/*"), "uri-too-long"),
        ] {
            let reply = setup.get_with(path, &[field]).await;
            assert_eq!(
                told(&reply),
                [&*format!("larder; fwd=bypass; detail={detail}")]
            );
        }
        assert_eq!(setup.cache.stats().bypasses(), 7);
    }
}

#[tokio::test]
async fn member_comes_after_those_of_caches_nearer_to_the_origin() {
    for policy in presets() {
        let upstream = [
            FRESH,
            ("cache-status", "cdn; hit, shield; fwd=miss"),
            ("cache-status", "pop"),
        ];
        let setup = Setup::with_policy(Origin::ok(&upstream), policy);
        let miss = setup.get("/a").await;
        let nearer = ["cdn; hit, shield; fwd=miss", "pop"];
        assert_eq!(
            told(&miss),
            [nearer[0], nearer[1], "larder; fwd=uri-miss; stored"]
        );
        for _ in 0..2 {
            let hit = setup.get("/a").await;
            assert_eq!(told(&hit), [nearer[0], nearer[1], "larder; hit; ttl=60"]);
        }
        let bypassed = setup.get_with("/a", &[("if-match", "*")]).await;
        let last = "larder; fwd=bypass; detail=conditional";
        assert_eq!(told(&bypassed), [nearer[0], nearer[1], last]);
        let posted = setup.send(request("POST", "/a", &[])).await;
        assert_eq!(told(&posted), [nearer[0], nearer[1], "larder; fwd=method"]);
    }
}

#[tokio::test]
async fn own_member_is_never_stored() {
    for member in ["larder; hit", "\"larder\"; hit"] {
        let field = format!("cdn; hit, {member}");
        let setup = Setup::shared(Origin::ok(&[FRESH, ("cache-status", &field)]));
        setup.get("/a").await;
        assert_eq!(
            told(&setup.get("/a").await),
            ["cdn;hit", "larder; hit; ttl=60"]
        );
    }
}

#[tokio::test]
async fn locally_made_errors_have_none() {
    for policy in presets() {
        let setup = Setup::with_policy(Origin::ok(&[FRESH]), policy);
        let refused = setup
            .get_with("/a", &[("cache-control", "only-if-cached")])
            .await;
        assert_eq!(refused.status, 504);
        assert!(!refused.has("cache-status"));
        assert_eq!(setup.origin.calls(), 0);
    }
}

#[tokio::test]
async fn field_can_be_switched_off() {
    for policy in presets() {
        let upstream = [FRESH, TAG, ("cache-status", "cdn; hit")];
        let script = [
            (200, &upstream[..], "body"),
            (304, &upstream, ""),
            (200, &upstream, ""),
        ];
        let setup = Setup::with_policy(Origin::script(&script), policy.with_cache_status(false));
        for later in [0, 1, 60] {
            setup.clock.advance(later);
            assert_eq!(told(&setup.get("/a").await), ["cdn; hit"]);
        }
        assert_eq!(setup.origin.calls(), 2);
        let posted = setup.send(request("POST", "/a", &[])).await;
        assert_eq!(told(&posted), ["cdn; hit"]);
    }
}

#[tokio::test]
async fn cache_may_have_another_name() {
    for (name, written) in [
        ("cache.example", "cache.example"),
        ("Edge/7:a*", "Edge/7:a*"),
        ("my cache", "\"my cache\""),
        ("a\"b\\c", "\"a\\\"b\\\\c\""),
        ("7up", "\"7up\""),
    ] {
        for policy in presets() {
            let policy = policy.with_name(CacheName::new(name).unwrap());
            let setup = Setup::with_policy(Origin::ok(&[FRESH]), policy);
            let miss = setup.send(get("/a")).await;
            assert_eq!(told(&miss), [&*format!("{written}; fwd=uri-miss; stored")]);
            let hit = setup.send(get("/a")).await;
            assert_eq!(told(&hit), [&*format!("{written}; hit; ttl=60")]);
        }
    }
    for name in ["", "caf\u{e9}", "a\nb"] {
        assert!(CacheName::new(name).is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn layers_over_one_cache_write_the_field_each_in_its_own_way() {
    let fields = [
        ("cache-control", "max-age=60"),
        ("cache-status", "origin; hit"),
    ];
    let setup = Setup::shared(Origin::ok(&fields));
    let silent = Policy::shared().with_cache_status(false);
    let silent = CacheLayer::new(setup.cache.clone())
        .with_policy(silent)
        .layer(setup.origin.clone());
    let quiet = async |path: &str| {
        let response = silent.clone().oneshot(get(path)).await.unwrap();
        Reply::read(response).await
    };
    let lines = |reply: &Reply| -> Vec<String> {
        let lines = reply.headers.get_all("cache-status").iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    };
    setup.get("/stored-by-one").await;
    assert_eq!(lines(&quiet("/stored-by-one").await), ["origin; hit"]);
    quiet("/stored-by-other").await;
    let told = setup.get("/stored-by-other").await;
    assert_eq!(lines(&told), ["origin; hit", "larder; hit; ttl=60"]);
}

#[tokio::test]
async fn line_of_a_cache_nearer_to_the_origin_stays_wherever_it_stands() {
    for fields in [
        [("cache-status", "origin; hit"), FRESH, TAG],
        [FRESH, TAG, ("cache-status", "origin; hit")],
    ] {
        let setup = Setup::shared(Origin::ok(&fields));
        setup.get("/a").await;
        let hit = setup.get("/a").await;
        let lines = hit.headers.get_all("cache-status").iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(lines, ["origin; hit", "larder; hit; ttl=60"], "{fields:?}");
    }
}
