//! Whatever stands in the fields of a request or a response: no panic, and an answer.

use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use larder_tests::{Origin, Reply, Setup, get, request, response};
use tower::ServiceExt;

#[tokio::test]
async fn fields_of_64_kib_are_relayed_and_not_stored() {
    let large = "x".repeat(64 << 10);
    for name in [
        "x-own",
        "etag",
        "vary",
        "cache-groups",
        "cache-status",
        "last-modified",
        "date",
    ] {
        let fields = [("cache-control", "max-age=60"), (name, &*large)];
        let setup = Setup::shared(Origin::ok(&fields));
        for calls in 1..=2 {
            let reply = setup.get("/a").await;
            assert_eq!(reply.text(), format!("call {calls}"), "{name}");
            assert_eq!(reply.headers[name], *large);
        }
    }
    for name in [
        "cache-control",
        "if-none-match",
        "range",
        "cookie",
        "x-forwarded-host",
        "accept",
    ] {
        let setup = Setup::conformance(Origin::ok(&[("cache-control", "max-age=60")]));
        setup.get("/a").await;
        assert_eq!(
            setup.get_with("/a", &[(name, &large)]).await.status,
            200,
            "{name}"
        );
    }
}

#[tokio::test]
async fn two_thousand_lines_are_relayed_and_not_stored() {
    let many = |name: &str| {
        let mut map = HeaderMap::new();
        for n in 0..2000 {
            let name = name.replace('#', &n.to_string());
            let value = HeaderValue::from(n);
            map.append(HeaderName::try_from(name).unwrap(), value);
        }
        map
    };
    for name in ["x-#", "x-own", "vary", "cache-status", "set-cookie", "etag"] {
        let fields = many(name);
        let setup = Setup::shared(Origin::new(move |_, calls| {
            let mut whole = response(200, &[], format!("call {}", calls + 1));
            *whole.headers_mut() = fields.clone();
            whole
                .headers_mut()
                .insert("cache-control", HeaderValue::from_static("max-age=60"));
            whole
        }));
        for calls in 1..=2 {
            let reply = setup.get("/a").await;
            assert_eq!(reply.text(), format!("call {calls}"), "{name}");
            assert!(reply.headers.len() >= 2000);
        }
    }
    for name in [
        "x-#",
        "cookie",
        "if-none-match",
        "range",
        "cache-control",
        "x-forwarded-host",
    ] {
        let setup = Setup::conformance(Origin::ok(&[("cache-control", "max-age=60")]));
        setup.get("/a").await;
        let mut asked = get("/a");
        *asked.headers_mut() = many(name);
        let reply = setup.service.clone().oneshot(asked).await.unwrap();
        assert_eq!(Reply::read(reply).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn map_that_is_nearly_full_is_relayed() {
    let setup = Setup::shared(Origin::new(|_, _| {
        let mut whole = response(200, &[("cache-control", "max-age=60")], "body");
        let map = whole.headers_mut();
        for n in 0.. {
            let name = HeaderName::try_from(format!("x-{n}")).unwrap();
            if map.try_append(name, HeaderValue::from_static("1")).is_err() {
                break;
            }
        }
        whole
    }));
    for asked in [
        get("/a"),
        request("POST", "/a", &[]),
        request("GET", "/a", &[("if-match", "*")]),
    ] {
        let reply: Response<_> = setup.service.clone().oneshot(asked).await.unwrap();
        let reply = Reply::read(reply).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "body"));
        assert!(reply.headers.len() > 20_000);
    }
    assert_eq!(setup.cache.stats().responses(), 0);
}

#[tokio::test]
async fn odd_targets_get_an_answer() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let long = format!("/{}", "a".repeat(60_000));
    let hosts = [
        "", " ", "h:", "h:99999", "[::1]", "[", "a,b", "u@h", "h/p", "\u{e9}", "h h",
    ];
    for uri in [
        "*",
        "/",
        "//",
        "/%",
        "/%zz?%",
        "http://h",
        "http://[::1]:1/a",
        "h:443",
        &*long,
    ] {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "CONNECT"] {
            for host in hosts {
                let sent = Request::builder()
                    .method(method)
                    .uri(uri)
                    .header("host", host);
                let sent = sent.body(Body::empty()).unwrap();
                let reply = setup.service.clone().oneshot(sent).await.unwrap();
                assert_eq!(
                    Reply::read(reply).await.status,
                    200,
                    "{method} {uri} {host}"
                );
            }
        }
    }
}
