//! Declared keys: what is part of the key, and what the inner service sees of a request.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::{CacheLayer, Key, KeyPart, PartWriter, RoutePolicy};
use larder_tests::{Origin, Seen, Setup, get, request};

const MINUTE: Duration = Duration::from_secs(60);

/// Says what it saw.
fn mirror() -> Origin {
    Origin::new(|seen: &Seen, _| {
        let mut fields: Vec<_> = seen
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        fields.sort();
        let saw = format!("{} {}", seen.uri, fields.join(" "));
        Response::new(Body::from(saw.trim_end().to_owned()))
    })
}

fn with_key(key: Key) -> Setup {
    let route = RoutePolicy::shared(MINUTE).key(key);
    Setup::with_layer(mirror(), |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

#[derive(Clone)]
struct ApiVersion(u8);

impl KeyPart for ApiVersion {
    const NAME: &'static str = "api-version";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0.into());
    }
}

#[tokio::test]
async fn undeclared_fields_and_parameters_are_withheld_and_not_in_the_key() {
    let key = Key::new()
        .query(["page"])
        .header("x-region")
        .cookie("theme");
    let setup = with_key(key);
    let sent = [
        ("x-region", "eu"),
        ("x-other", "1"),
        ("accept-language", "de"),
        ("authorization", "Bearer secret"),
        ("cookie", "session=7; theme=dark; other=1"),
        ("x-forwarded-host", "evil.example"),
    ];
    let first = setup.get_with("/p?utm=1&page=2", &sent).await;
    assert_eq!(first.text(), "/p?page=2 cookie=theme=dark x-region=eu");
    assert!(first.is_stored());
    let again = [("x-region", "eu"), ("cookie", "theme=dark; session=8")];
    assert!(setup.get_with("/p?page=2&utm=9", &again).await.is_hit());
}

#[tokio::test]
async fn every_declared_input_tells_responses_apart() {
    let key = Key::new()
        .query(["a", "b"])
        .header("x-region")
        .cookie("theme")
        .extension::<ApiVersion>();
    let setup = with_key(key);
    let versioned = |version, path: &str, fields: &[(&str, &str)]| -> Request<Body> {
        let mut request = request("GET", path, fields);
        request.extensions_mut().insert(ApiVersion(version));
        request
    };
    let asked = [
        versioned(1, "/p", &[]),
        versioned(2, "/p", &[]),
        get("/p"),
        versioned(1, "/q", &[]),
        versioned(1, "/p?a=1", &[]),
        versioned(1, "/p?a=", &[]),
        versioned(1, "/p?a", &[]),
        versioned(1, "/p?a=1&a=2", &[]),
        versioned(1, "/p?a=2&a=1", &[]),
        versioned(1, "/p?b=1", &[]),
        versioned(1, "/p", &[("x-region", "")]),
        versioned(1, "/p", &[("x-region", "eu")]),
        versioned(1, "/p", &[("cookie", "theme=")]),
        versioned(1, "/p", &[("cookie", "theme=x")]),
        versioned(1, "/p", &[("cookie", "theme=x; theme=y")]),
    ];
    let number = asked.len();
    for request in asked {
        assert!(setup.send(request).await.is_stored());
    }
    assert_eq!(setup.cache.stats().keys(), number as u64);
    assert!(setup.send(versioned(2, "/p", &[])).await.is_hit());
}

#[tokio::test]
async fn vary_that_names_a_withheld_field_is_reported_and_the_response_stored() {
    let origin = Origin::ok(&[("vary", "accept-language")]);
    let route = RoutePolicy::shared(MINUTE);
    let setup = Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    assert!(
        setup
            .get_with("/p", &[("accept-language", "de")])
            .await
            .is_stored()
    );
    assert!(
        setup
            .get_with("/p", &[("accept-language", "en")])
            .await
            .is_hit()
    );
    assert_eq!(setup.cache.stats().findings(), 1);
}

#[tokio::test]
async fn vary_that_names_an_undeclared_field_which_passed_makes_the_response_unstorable() {
    let origin = Origin::ok(&[("vary", "accept-language")]);
    let route = RoutePolicy::shared(MINUTE).key(Key::new().forward_all());
    let setup = Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    });
    let reply = setup.get_with("/p", &[("accept-language", "de")]).await;
    let expected = "larder; fwd=uri-miss; detail=undeclared-vary";
    assert_eq!(reply.field("cache-status"), expected);
    assert_eq!(setup.cache.stats().findings(), 1);
}

#[tokio::test]
async fn write_drops_what_is_stored_under_what_is_left_of_its_query() {
    let setup = with_key(Key::new().query_except(["utm_*"]));
    assert!(setup.get("/p?utm_source=a").await.is_stored());
    setup.send(request("PUT", "/p?utm_source=b", &[])).await;
    assert!(setup.get("/p").await.is_stored());
}

#[tokio::test]
async fn key_that_cannot_be_one_bypasses_and_is_reported() {
    let setup = with_key(Key::new().header("not a name"));
    let reply = setup.get("/p").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=invalid-key"
    );
    assert_eq!(setup.cache.stats().findings(), 1);
}
