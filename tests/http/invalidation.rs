//! What an unsafe request invalidates (RFC 9111 section 4.4).

use http::Method;
use larder::Policy;
use larder_tests::{Origin, Setup, request, response};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// A cache before an origin that answers every method but GET and HEAD with this.
fn writing(status: u16, fields: &[(&str, &str)]) -> Setup {
    Setup::shared(writer(status, fields))
}

fn writer(status: u16, fields: &[(&str, &str)]) -> Origin {
    let owned: Vec<(String, String)> = fields
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect();
    Origin::new(move |seen, calls| match seen.method {
        Method::GET | Method::HEAD => response(200, &[FRESH], format!("call {}", calls + 1)),
        _ => {
            let fields: Vec<_> = owned.iter().map(|(n, v)| (&**n, &**v)).collect();
            response(status, &fields, "written")
        }
    })
}

/// Whether the stored response for `read` survives this request to `write`.
async fn survives(setup: &Setup, method: &str, write: &str, read: &str) -> bool {
    setup.get(read).await;
    assert!(setup.get(read).await.is_hit());
    let reply = setup.send(request(method, write, &[])).await;
    assert_eq!(reply.text(), "written");
    setup.get(read).await.is_hit()
}

#[tokio::test]
async fn unsafe_methods_invalidate() {
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "MKCOL", "PURGE", "post", "get",
    ] {
        for status in [200, 201, 204, 206, 301, 303, 304] {
            let setup = writing(status, &[]);
            assert!(
                !survives(&setup, method, "/a", "/a").await,
                "{method} {status}"
            );
            assert_eq!(setup.cache.stats().invalidations(), 1);
        }
    }
}

#[tokio::test]
async fn errors_do_not_invalidate() {
    for method in ["POST", "DELETE", "X"] {
        for status in [400, 401, 403, 404, 409, 412, 422, 428, 500, 502, 503] {
            let setup = writing(status, &[("location", "/a")]);
            assert!(
                survives(&setup, method, "/a", "/a").await,
                "{method} {status}"
            );
            assert_eq!(setup.cache.stats().invalidations(), 0);
        }
    }
}

#[tokio::test]
async fn safe_methods_do_not_invalidate() {
    for method in ["OPTIONS", "TRACE", "QUERY"] {
        let setup = writing(200, &[("location", "/a")]);
        assert!(survives(&setup, method, "/a", "/a").await, "{method}");
    }
    let propfind = Method::from_bytes(b"PROPFIND").unwrap();
    let policy = Policy::shared().with_safe_methods([propfind]);
    let setup = Setup::with_policy(writer(207, &[]), policy);
    assert!(survives(&setup, "PROPFIND", "/a", "/a").await);
    assert!(!survives(&writing(207, &[]), "PROPFIND", "/a", "/a").await);
}

#[tokio::test]
async fn other_urls_stay() {
    for (write, read) in [
        ("/a", "/a?"),
        ("/a", "/a?b"),
        ("/a?b", "/a"),
        ("/a", "/A"),
        ("/a", "/a/"),
    ] {
        let setup = writing(200, &[]);
        assert!(
            survives(&setup, "POST", write, read).await,
            "{write} {read}"
        );
    }
    assert!(!survives(&writing(200, &[]), "POST", "/a?b", "/a?b").await);
}

#[tokio::test]
async fn location_and_content_location_of_the_same_origin_go_too() {
    for name in ["location", "content-location"] {
        for (reference, read) in [
            ("/b", "http://h/b"),
            ("/b?q=1", "http://h/b?q=1"),
            ("/b#part", "http://h/b"),
            ("b", "http://h/x/b"),
            ("../b", "http://h/b"),
            ("?q", "http://h/x/y?q"),
            ("//h/b", "http://h/b"),
            ("http://h/b", "http://h/b"),
            ("HTTP://H:80/b", "http://h/b"),
            ("http://h", "http://h/"),
        ] {
            let setup = writing(201, &[(name, reference)]);
            let survived = survives(&setup, "POST", "http://h/x/y", read).await;
            assert!(!survived, "{name}: {reference}");
        }
    }
    let setup = writing(201, &[("location", "/b"), ("content-location", "/c")]);
    assert!(!survives(&setup, "POST", "/a", "/b").await);
    assert!(!survives(&setup, "POST", "/a", "/c").await);
}

#[tokio::test]
async fn references_to_other_origins_are_ignored() {
    for name in ["location", "content-location"] {
        for (reference, read) in [
            ("http://i/b", "http://i/b"),
            ("http://i/b", "http://h/b"),
            ("http://h:8080/b", "http://h:8080/b"),
            ("https://h/b", "https://h/b"),
            ("//i/b", "http://i/b"),
            ("http://u@h/b", "http://h/b"),
            ("b c", "http://h/x/b"),
        ] {
            let setup = writing(201, &[(name, reference)]);
            let survived = survives(&setup, "POST", "http://h/x/y", read).await;
            assert!(survived, "{name}: {reference}");
            // The target itself goes all the same.
            assert!(!survives(&setup, "POST", "http://h/x/y", "http://h/x/y").await);
        }
    }
    let twice = [("location", "/b"), ("location", "/b")];
    assert!(survives(&writing(201, &twice), "POST", "http://h/a", "http://h/b").await);
}

#[tokio::test]
async fn host_field_names_the_origin_too() {
    let setup = writing(201, &[("location", "http://h/b")]);
    let on_h = [("host", "h")];
    setup.get_with("/b", &on_h).await;
    setup.get_with("/b", &[("host", "i")]).await;
    setup.send(request("POST", "/a", &on_h)).await;
    assert!(!setup.get_with("/b", &on_h).await.is_hit());
    assert!(setup.get_with("/b", &[("host", "i")]).await.is_hit());
}

#[tokio::test]
async fn head_get_and_every_variant_go() {
    let setup = Setup::shared(Origin::new(|_, _| {
        response(200, &[FRESH, ("vary", "accept-language")], "")
    }));
    let ask = |method, language| request(method, "/a", &[("accept-language", language)]);
    let all = [("HEAD", "it"), ("GET", "en"), ("GET", "de"), ("HEAD", "fr")];
    for (method, language) in all {
        setup.send(ask(method, language)).await;
        assert!(setup.send(ask(method, language)).await.is_hit());
    }
    setup
        .send(request("POST", "/a", &[("accept-language", "en")]))
        .await;
    for (method, language) in all {
        assert!(!setup.send(ask(method, language)).await.is_hit());
    }
}

#[tokio::test]
async fn invalidated_response_has_no_stale_window_and_no_validator() {
    let stored = [
        ("cache-control", "max-age=60, stale-if-error=600"),
        ("etag", "\"a\""),
    ];
    let script = [
        (200, &stored[..], "old"),
        (200, &[], "written"),
        (503, &[], "down"),
    ];
    let setup = Setup::with_policy(Origin::script(&script), Policy::conformance());
    setup.get("/a").await;
    setup.send(request("POST", "/a", &[])).await;
    let reply = setup
        .get_with("/a", &[("cache-control", "max-stale")])
        .await;
    assert_eq!((reply.status.as_u16(), reply.text()), (503, "down"));
    assert!(
        !setup
            .origin
            .last_seen()
            .headers
            .contains_key("if-none-match")
    );
}

#[tokio::test]
async fn bypassed_unsafe_requests_invalidate_as_well() {
    for fields in [
        &[("if-match", "\"a\"")][..],
        &[("content-length", "3")],
        &[("x-http-method-override", "GET")],
        &[("cache-control", "only-if-cached, no-store")],
        &[("upgrade", "h2c")],
    ] {
        let setup = writing(200, &[]);
        setup.get("/a").await;
        setup.send(request("POST", "/a", fields)).await;
        assert!(!setup.get("/a").await.is_hit(), "{fields:?}");
    }
}

#[tokio::test]
async fn write_whose_host_contradicts_its_target_invalidates_both() {
    let read = |host| request("GET", "/a", &[("host", host)]);
    for (uri, hosts) in [
        ("http://a.example/a", &[("host", "b.example")][..]),
        ("/a", &[("host", "a.example"), ("host", "b.example")]),
    ] {
        let setup = writing(200, &[]);
        for host in ["a.example", "b.example", "c.example"] {
            setup.send(read(host)).await;
        }
        setup.send(request("POST", uri, hosts)).await;
        assert!(!setup.send(read("a.example")).await.is_hit(), "{uri}");
        assert!(!setup.send(read("b.example")).await.is_hit(), "{uri}");
        assert!(setup.send(read("c.example")).await.is_hit(), "{uri}");
    }
}

#[tokio::test]
async fn write_whose_host_cannot_be_read_invalidates_its_target_uri() {
    for host in ["not a host", "a,b", "u@h", ""] {
        let setup = writing(200, &[]);
        setup.get("http://h/a").await;
        let posted = request("POST", "http://h/a", &[("host", host)]);
        setup.send(posted).await;
        assert!(!setup.get("http://h/a").await.is_hit(), "{host}");
    }
}

#[tokio::test]
async fn method_override_makes_a_get_unsafe() {
    for (method, survived) in [
        ("DELETE", false),
        ("purge", false),
        ("GET", true),
        ("HEAD", true),
    ] {
        let setup = writing(200, &[]);
        setup.get("/a").await;
        setup
            .get_with("/a", &[("x-http-method-override", method)])
            .await;
        assert_eq!(setup.get("/a").await.is_hit(), survived, "{method}");
    }
}

#[tokio::test]
async fn post_answer_itself_is_never_stored() {
    let setup = writing(200, &[FRESH, ("content-location", "/a")]);
    for _ in 0..2 {
        let reply = setup.send(request("POST", "/a", &[])).await;
        assert_eq!(reply.field("cache-status"), "larder; fwd=method");
    }
    assert!(!setup.get("/a").await.is_hit());
}
