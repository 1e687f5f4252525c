//! The tripwire: a response that gives its caller away is not stored for others.

use std::time::Duration;

use axum::body::Body;
use http::{Extensions, HeaderMap, Request};
use http_body_util::BodyExt;
use larder::{Cache, CacheLayer, IdentityStrings, Policy, QueryContentLayer, RoutePolicy};
use larder_tests::{Origin, Reply, Seen, Setup, feed, get, request, response, settled};
use tower::{ServiceBuilder, ServiceExt};

/// Put among a request's extensions by the application's authentication.
#[derive(Clone)]
pub(crate) struct User(pub(crate) &'static str);

pub(crate) const ANN: &str = "ann+1@example.com";
pub(crate) const BOB: &str = "bob-22@example.com";

pub(crate) fn by(user: &'static str) -> Request<Body> {
    with_user(get("/a"), user)
}

pub(crate) fn with_user(mut request: Request<Body>, user: &'static str) -> Request<Body> {
    request.extensions_mut().insert(User(user));
    request
}

/// A route for everybody, whose responses are searched for the user's e-mail address.
pub(crate) fn route() -> RoutePolicy {
    RoutePolicy::shared(Duration::from_secs(60)).tripwire(email)
}

pub(crate) fn email(extensions: &Extensions, _: &HeaderMap) -> IdentityStrings {
    extensions
        .get()
        .map(|User(email)| email)
        .into_iter()
        .collect()
}

pub(crate) fn user(seen: &Seen) -> &'static str {
    seen.extensions.get().map_or("nobody", |User(email)| email)
}

/// A handler that anybody may call, and that says who did: `USER` is their e-mail address.
pub(crate) fn rendering(fields: &[(&'static str, &'static str)], body: &'static str) -> Origin {
    let fields = fields.to_vec();
    Origin::new(move |seen, _| {
        let render = |text: &str| text.replace("USER", user(seen));
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, render(v))).collect();
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        response(200, &fields, render(body))
    })
}

pub(crate) fn searched(origin: Origin) -> Setup {
    searched_with(origin, Policy::shared())
}

fn searched_with(origin: Origin, policy: Policy) -> Setup {
    Setup::with_layer(origin, |cache| {
        let layer = CacheLayer::new(cache).with_policy(policy);
        layer.with_route_policy(route())
    })
}

pub(crate) const TRIPPED: &str = "larder; fwd=uri-miss; detail=tripwire";

#[track_caller]
pub(crate) fn assert_told(reply: &Reply, told: &str) {
    assert_eq!(reply.field("cache-status"), told);
}

#[tokio::test]
async fn page_that_names_its_user_is_not_stored() {
    let setup = searched(rendering(&[], "<p>Hello USER!</p>"));
    for user in [ANN, BOB, ANN] {
        let reply = setup.send(by(user)).await;
        assert_eq!(reply.text(), format!("<p>Hello {user}!</p>"));
        assert_told(&reply, TRIPPED);
    }
    assert_eq!(setup.origin.calls(), 3);
    let stats = setup.cache.stats();
    assert_eq!((stats.stored(), stats.not_stored()), (0, 3));
    assert_eq!(stats.uncacheable(), 1);
}

#[tokio::test]
async fn clean_page_of_the_same_route_is_stored_for_everybody() {
    let setup = searched(rendering(&[], "<p>Hello, bob@example.com sells.</p>"));
    assert!(setup.send(by(ANN)).await.is_stored());
    for user in [ANN, BOB] {
        assert!(setup.send(by(user)).await.is_hit());
    }
    assert!(setup.get("/a").await.is_hit());
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn page_for_nobody_is_stored_and_named_pages_never_are() {
    let setup = searched(rendering(&[], "Hello USER"));
    assert_told(&setup.send(by(ANN)).await, TRIPPED);
    assert!(setup.get("/a").await.is_stored());
    let hit = setup.send(by(ANN)).await;
    assert_eq!((hit.text(), hit.is_hit()), ("Hello nobody", true));
}

#[tokio::test]
async fn user_is_found_in_every_form_of_a_body() {
    for body in [
        r#"{"user":"Ann+1@Example.COM"}"#,
        r#"{"user":"ann\u002B1\u0040example.com"}"#,
        "<a href='/sign-out?user=ann%2B1%40example.com'>",
        "<p>ann&#43;1&#64;example.com</p>",
        "ann+1@example.com",
    ] {
        let setup = searched(Origin::new(move |_, _| response(200, &[], body)));
        let reply = setup.send(by(ANN)).await;
        assert_told(&reply, TRIPPED);
        assert_eq!(reply.text(), body);
        assert!(setup.stored("/a").await.is_none(), "{body}");
    }
}

#[tokio::test]
async fn user_is_found_in_the_value_of_a_field() {
    for field in [
        ("x-user", "USER"),
        ("link", "</me?user=ann%2b1%40example.com>; rel=\"me\""),
        ("etag", "\"ANN+1@EXAMPLE.COM\""),
    ] {
        let setup = searched(rendering(&[("x-first", "1"), field], "body"));
        let reply = setup.send(by(ANN)).await;
        assert_told(&reply, TRIPPED);
        assert_eq!((reply.text(), reply.has(field.0)), ("body", true));
        assert!(setup.stored("/a").await.is_none(), "{field:?}");
    }
}

#[tokio::test]
async fn answer_to_head_is_searched_too() {
    let setup = searched(rendering(&[("x-user", "USER")], ""));
    let head = |user| with_user(request("HEAD", "/a", &[]), user);
    assert_told(&setup.send(head(ANN)).await, TRIPPED);
    assert_told(&setup.send(head(BOB)).await, TRIPPED);
    let setup = searched(rendering(&[], ""));
    assert!(setup.send(head(ANN)).await.is_stored());
    assert!(setup.send(head(BOB)).await.is_hit());
}

#[tokio::test]
async fn user_is_found_across_the_pieces_of_a_streamed_body() {
    for pieces in [
        &["Hello ann", "+1@example.com and welcome"][..],
        &["Hello a", "n", "n%2", "B1%4", "0example.com"],
        &["Hello ann+1@example.com"],
        &["Hello ", "ann+1@example", ".com"],
    ] {
        let setup = searched(Origin::new(move |_, _| {
            let (feeder, body) = feed();
            pieces.iter().for_each(|piece| feeder.data(*piece));
            response(200, &[], body)
        }));
        let reply = setup.send(by(ANN)).await;
        assert_told(&reply, TRIPPED);
        assert_eq!(reply.text(), pieces.concat());
        assert!(setup.stored("/a").await.is_none(), "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn body_that_trips_after_a_part_of_it_reaches_its_own_client_whole() {
    for pieces in [
        &["Hello ann", "+1@example.com", " and welcome"][..],
        // It could have gone on.
        &["Hello ", "ann+1@example.com"],
        &["Hello ", "ann%2b1%40example", ".co", "m"],
    ] {
        let (feeder, body) = feed();
        let body = std::sync::Mutex::new(Some(body));
        let setup = searched(Origin::new(move |_, _| {
            let body = body.lock().unwrap().take();
            response(200, &[], body.map_or("call 2".into(), Body::from))
        }));
        let response = setup.service.clone().oneshot(by(ANN)).await.unwrap();
        let mut body = response.into_body();
        for piece in pieces {
            assert!(settled(body.frame()).await.is_none());
            feeder.data(*piece);
            let frame = settled(body.frame()).await.expect("at once");
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), *piece);
        }
        feeder.end();
        assert!(settled(body.frame()).await.expect("at once").is_none());
        drop(body);
        let stats = setup.cache.stats();
        assert_eq!((stats.stored(), stats.not_stored()), (0, 1));
        assert_eq!((stats.uncacheable(), stats.fill_bytes()), (1, 0));
        assert_eq!(setup.send(by(ANN)).await.text(), "call 2");
    }
}

#[tokio::test]
async fn coded_body_is_not_stored_since_it_cannot_be_searched() {
    let coded = || rendering(&[("content-encoding", "gzip")], "gibberish");
    let setup = searched(coded());
    let reply = setup.send(by(ANN)).await;
    assert_told(&reply, "larder; fwd=uri-miss; detail=coded-body");
    assert_eq!(reply.text(), "gibberish");
    assert!(setup.stored("/a").await.is_none());
    // Nothing was to be looked for.
    assert!(setup.get("/a").await.is_stored());

    let setup = searched(rendering(&[("content-encoding", "Identity")], "plain"));
    assert!(setup.send(by(ANN)).await.is_stored());
    // Without a body there is none to be searched.
    let head = with_user(request("HEAD", "/a", &[]), ANN);
    assert!(searched(coded()).send(head).await.is_stored());
}

#[tokio::test]
async fn answer_to_query_is_searched_too() {
    let cache = Cache::builder().build();
    let ask = async |user, fields: &[(&'static str, &'static str)], body| {
        let service = ServiceBuilder::new()
            .layer(QueryContentLayer::new(64, Body::new))
            .layer(CacheLayer::new(cache.clone()).with_route_policy(route().query_method()))
            .service(rendering(fields, body));
        let mut query = request("QUERY", "/search", &[("content-type", "text/plain")]);
        *query.body_mut() = "bread".into();
        Reply::read(service.oneshot(with_user(query, user)).await.unwrap()).await
    };
    assert_told(&ask(ANN, &[], "bread for USER").await, TRIPPED);
    let coded = ask(ANN, &[("content-encoding", "gzip")], "gibberish").await;
    assert_told(&coded, "larder; fwd=uri-miss; detail=coded-body");
    assert!(ask(ANN, &[], "bread").await.is_stored());
    assert!(ask(BOB, &[], "").await.is_hit());
}

#[tokio::test]
async fn cookies_are_not_stored_even_where_the_policy_stores_them() {
    let cookie = || rendering(&[("set-cookie", "session=1")], "body");
    let stores_cookies = || Policy::shared().with_stored_set_cookie(true);
    let setup = searched_with(cookie(), stores_cookies());
    for request in [by(ANN), get("/a")] {
        let reply = setup.send(request).await;
        assert_told(&reply, "larder; fwd=uri-miss; detail=set-cookie");
        assert_eq!(reply.field("set-cookie"), "session=1");
    }
    assert!(setup.stored("/a").await.is_none());
}
