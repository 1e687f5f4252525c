//! Attempts to get one request the response of another on routes with declared keys.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Uri;
use axum::routing::get as on_get;
use http::header::HeaderValue;
use http::{Extensions, Request, Response};
use larder::policy::key::Partition;
use larder::{Cache, CacheLayer, Key, Policy, RoutePolicy};
use larder_axum::Cached;
use larder_tests::{Origin, Reply, Seen, Setup, TestClock, request, response, settle};
use tower::{Layer, ServiceExt};

const MINUTE: Duration = Duration::from_secs(60);

fn with_route(origin: Origin, route: RoutePolicy) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

/// Says what a handler sees that reads one line of a field.
fn first_line(name: &'static str) -> Origin {
    Origin::new(move |seen: &Seen, _| {
        let line = seen.headers.get(name).map(HeaderValue::as_bytes);
        response(200, &[], line.unwrap_or(b"none").to_vec())
    })
}

fn with_lines(name: &'static str, lines: &[&'static str]) -> Request<Body> {
    let mut request = request("GET", "/p", &[]);
    for line in lines {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static(line));
    }
    request
}

#[tokio::test]
async fn lines_of_a_declared_field_reach_the_handler_as_they_count() {
    let cases: [(_, &[_], _); 4] = [
        ("x-features", &["a", "b"], "a, b"),
        ("accept-language", &["de", "en"], "de,en"),
        ("accept-language", &["DE, en"], "de,en"),
        ("cookie", &["a=1", "b=2"], "a=1; b=2"),
    ];
    for (name, sent, counts_as) in cases {
        let key = Key::new().header(name);
        let setup = with_route(first_line(name), RoutePolicy::shared(MINUTE).key(key));
        let attack = setup.send(with_lines(name, sent)).await;
        assert!(attack.is_stored(), "{name}");
        let victim = setup.send(with_lines(name, &[counts_as])).await;
        assert!(victim.is_hit(), "{name}");
        assert_eq!(victim.text(), counts_as, "{name}");
    }
}

/// `gold-7` is gold, and `gold` is nothing: what is rewritten must not be rewritten again.
fn plan(value: Option<&[u8]>) -> Option<HeaderValue> {
    let is_gold = value.is_some_and(|value| value.starts_with(b"gold-"));
    Some(HeaderValue::from_static(if is_gold {
        "gold"
    } else {
        "free"
    }))
}

#[tokio::test]
async fn refresh_asks_for_what_the_key_says() {
    let key = Key::new().header_with("x-plan", plan);
    let route = RoutePolicy::shared(MINUTE)
        .key(key)
        .stale_while_revalidate(MINUTE);
    let setup = with_route(first_line("x-plan"), route);
    let fields = [("x-plan", "gold-7")];
    assert_eq!(setup.get_with("/p", &fields).await.text(), "gold");
    setup.clock.advance(61);
    assert!(setup.get_with("/p", &fields).await.is_hit());
    settle().await;
    assert_eq!(setup.origin.calls(), 2);
    assert_eq!(setup.get_with("/p", &fields).await.text(), "gold");
}

#[derive(Clone)]
struct CurrentUser(&'static str);

#[tokio::test]
async fn head_of_somebody_gives_nobody_else_its_fields() {
    let origin = Origin::new(|seen: &Seen, _| {
        let user = seen.extensions.get();
        let name = user.map_or("stranger", |CurrentUser(name)| name);
        let head = seen.method == "HEAD";
        let body = if head { "" } else { "page" };
        response(200, &[("etag", "\"1\""), ("x-user", name)], body)
    });
    let setup = with_route(origin, RoutePolicy::shared(MINUTE));
    assert!(setup.get_with("/p", &[]).await.is_stored());
    setup.clock.advance(61);
    let mut asked = request("HEAD", "/p", &[("authorization", "Bearer alice")]);
    asked.extensions_mut().insert(CurrentUser("alice"));
    assert_eq!(setup.send(asked).await.field("x-user"), "alice");
    assert_eq!(setup.get_with("/p", &[]).await.field("x-user"), "stranger");
}

#[tokio::test]
async fn not_modified_for_somebody_gives_nobody_else_its_fields() {
    let origin = Origin::new(|seen: &Seen, _| {
        let user = seen.extensions.get();
        let name = user.map_or("stranger", |CurrentUser(name)| name);
        let fields = [("etag", "\"1\""), ("x-user", name)];
        if seen.headers.contains_key("if-none-match") {
            response(304, &fields, "")
        } else {
            response(200, &fields, "page")
        }
    });
    let setup = with_route(origin, RoutePolicy::shared(MINUTE));
    assert!(setup.get_with("/p", &[]).await.is_stored());
    setup.clock.advance(61);
    let mut asked = request("GET", "/p", &[("authorization", "Bearer alice")]);
    asked.extensions_mut().insert(CurrentUser("alice"));
    setup.send(asked).await;
    assert_eq!(setup.get_with("/p", &[]).await.field("x-user"), "stranger");
}

#[tokio::test]
async fn name_for_several_routes_is_no_route() {
    let cache = Cache::builder().clock(TestClock::default().clock()).build();
    let path = |uri: Uri| async move { uri.path().to_owned() };
    let policy = RoutePolicy::shared(MINUTE).key(Key::route()).name("pages");
    let app: Router = Router::new()
        .route("/a/{id}", on_get(path))
        .route("/b/{id}", on_get(path))
        .cached(&cache, policy);
    let send = async |path: &str| {
        let response: Response<Body> = app
            .clone()
            .oneshot(request("GET", path, &[]))
            .await
            .unwrap();
        Reply::read(response).await
    };
    assert_eq!(send("/a/1").await.text(), "/a/1");
    assert_eq!(send("/b/1").await.text(), "/b/1");
    assert!(send("/a/2").await.is_hit());
}

#[tokio::test]
async fn write_invalidates_what_is_stored_for_its_route() {
    let origin = Origin::new(|_, before| response(200, &[], format!("call {before}")));
    let policy = RoutePolicy::shared(MINUTE).key(Key::route());
    let setup = Setup::with_layer(origin, |cache| {
        let layer = CacheLayer::new(cache).with_route_policy(policy);
        layer.with_route_name(|_| Some("/p/{id}"))
    });
    assert_eq!(setup.get("/p/1").await.text(), "call 0");
    assert!(setup.get("/p/1").await.is_hit());
    setup.send(request("POST", "/p/1", &[])).await;
    assert_eq!(setup.get("/p/1").await.text(), "call 2");
}

#[tokio::test]
async fn cookies_that_pass_as_neutral_are_credentials_beside_a_declared_one() {
    let key = Key::new().cookie("theme").neutral("cookie");
    let setup = with_route(first_line("cookie"), RoutePolicy::shared(MINUTE).key(key));
    let alice = [("cookie", "theme=dark; session=alice")];
    let bob = [("cookie", "theme=dark; session=bob")];
    assert!(!setup.get_with("/p", &alice).await.is_stored());
    assert!(setup.get_with("/p", &bob).await.text().ends_with("bob"));
}

#[tokio::test]
async fn cache_around_another_does_not_hide_from_it_who_asks() {
    let handler = Origin::new(|seen: &Seen, _| {
        let user = seen.extensions.get();
        let name = user.map_or("stranger", |CurrentUser(name)| name);
        response(200, &[], name)
    });
    let route = || RoutePolicy::shared(MINUTE);
    let cache = Cache::builder().clock(TestClock::default().clock()).build();
    let layer = |key| CacheLayer::new(cache.clone()).with_route_policy(route().key(key));
    let inner = layer(Key::new().header("x-inner")).layer(handler);
    let app = layer(Key::new()).layer(inner);
    for name in ["alice", "bob"] {
        let mut asked = request("GET", "/me", &[("cookie", "session=7")]);
        asked.extensions_mut().insert(CurrentUser(name));
        let reply = Reply::read(app.clone().oneshot(asked).await.unwrap()).await;
        assert_eq!(reply.text(), name);
    }
}

#[tokio::test]
async fn no_cache_on_the_way_is_told_to_share_what_is_of_a_partition() {
    let fields = [
        ("cdn-cache-control", "max-age=60"),
        ("cloudflare-cdn-cache-control", "max-age=60"),
        ("edge-control", "max-age=60"),
        ("surrogate-control", "max-age=60"),
        ("x-accel-expires", "60"),
    ];
    let handler = Origin::new(move |_, _| response(200, &fields, "page"));
    let key = |CurrentUser(name): &CurrentUser| Partition::of("user", name.as_bytes()).ok();
    let route = RoutePolicy::partitioned_by(MINUTE, move |found| key(found.get()?));
    let setup = with_route(handler, route);
    for _ in 0..2 {
        let mut asked = request("GET", "/me", &[]);
        asked.extensions_mut().insert(CurrentUser("alice"));
        let reply = setup.send(asked).await;
        assert_eq!(reply.field("cache-control"), "private");
        for (name, _) in fields {
            assert!(!reply.has(name), "{name}");
        }
    }
}

#[tokio::test]
async fn partition_of_a_layer_is_private_to_clients_too() {
    let handler = Origin::ok(&[("cache-control", "public, max-age=60")]);
    let key = |CurrentUser(name): &CurrentUser| Partition::of("user", name.as_bytes()).ok();
    let setup = Setup::with_layer(handler, |cache| {
        CacheLayer::new(cache).with_partition(move |found| key(found.get()?))
    });
    for identified in [true, true, false] {
        let mut asked = request("GET", "/me", &[]);
        if identified {
            asked.extensions_mut().insert(CurrentUser("alice"));
        }
        let reply = setup.send(asked).await;
        assert_eq!(reply.field("cache-control"), "private, max-age=60");
    }
}

#[tokio::test]
async fn refresh_keeps_a_declared_field_that_connection_names() {
    let by_user = |found: &Extensions| {
        let CurrentUser(name) = found.get()?;
        Partition::of("user", name.as_bytes()).ok()
    };
    let route = RoutePolicy::shared(MINUTE)
        .key(Key::new().header("x-region"))
        .stale_while_revalidate(MINUTE);
    let setup = Setup::with_layer(first_line("x-region"), |cache| {
        let layer = CacheLayer::new(cache).with_policy(Policy::private());
        layer.with_route_policy(route).with_partition(by_user)
    });
    for _ in 0..3 {
        let sent = [("x-region", "eu"), ("connection", "x-region")];
        let mut asked = request("GET", "/me", &sent);
        asked.extensions_mut().insert(CurrentUser("alice"));
        assert_eq!(setup.send(asked).await.text(), "eu");
        settle().await;
        setup.clock.advance(61);
    }
    assert!(setup.origin.calls() > 1);
}
