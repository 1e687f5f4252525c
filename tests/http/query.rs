//! QUERY (RFC 10008): the content is part of the key.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt;
use larder::{Cache, CacheLayer, Key, Policy, QueryContentLayer, RoutePolicy};
use larder_tests::{Reply, TestClock, feed, request, settle};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};

type App = BoxCloneSyncService<Request<Body>, Response<larder::ResponseBody<Body>>, Infallible>;

const MINUTE: Duration = Duration::from_secs(60);

/// A service that says what it was asked, how, and what it was told besides.
fn app(layer: impl FnOnce(Cache) -> CacheLayer) -> (App, Cache, TestClock) {
    let search = service_fn(|request: Request<Body>| async move {
        let (parts, body) = request.into_parts();
        let content = body.collect().await.unwrap().to_bytes();
        let kind = parts
            .headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap());
        let said = format!("{} {kind:?} {content:?}", parts.method);
        let builder =
            Response::builder().header("cache-control", "max-age=60, stale-while-revalidate=60");
        let builder = match parts.headers.get("if-none-match") {
            None => builder.header("etag", "\"v\""),
            // Speaks of something else, so that it is asked again.
            Some(_) => builder.status(304).header("etag", "\"w\""),
        };
        Ok::<_, Infallible>(builder.body(Body::from(said)).unwrap())
    });
    let clock = TestClock::default();
    let cache = Cache::builder().clock(clock.clock()).build();
    let service = ServiceBuilder::new()
        .layer(QueryContentLayer::new(64, Body::new))
        .layer(layer(cache.clone()))
        .service(search);
    (BoxCloneSyncService::new(service), cache, clock)
}

fn allowed(cache: Cache) -> CacheLayer {
    CacheLayer::new(cache).with_policy(Policy::shared().with_query_method(true))
}

fn query(content: impl Into<Body>, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = request("QUERY", "/search", fields);
    *request.body_mut() = content.into();
    request
}

async fn send(app: &App, request: Request<Body>) -> Reply {
    Reply::read(app.clone().oneshot(request).await.unwrap()).await
}

const TEXT: (&str, &str) = ("content-type", "text/plain");

#[tokio::test]
async fn content_and_what_describes_it_tell_responses_apart() {
    let (app, cache, _) = app(allowed);
    let other = ("content-type", "text/html");
    let coded = ("content-encoding", "br");
    for (content, fields) in [
        ("bread", &[TEXT][..]),
        ("bread ", &[TEXT]),
        ("", &[TEXT]),
        ("bread", &[other]),
        ("bread", &[TEXT, coded]),
    ] {
        assert!(
            send(&app, query(content, fields)).await.is_stored(),
            "{content} {fields:?}"
        );
        let again = send(&app, query(content, fields)).await;
        assert!(again.is_hit(), "{content} {fields:?}");
        assert!(
            again.text().contains(&format!("{content:?}")),
            "{}",
            again.text()
        );
    }
    assert_eq!(cache.stats().keys(), 5);
    let get = send(&app, request("GET", "/search", &[])).await;
    assert_eq!((get.is_stored(), get.text()), (true, "GET None b\"\""));
}

#[tokio::test]
async fn query_is_forwarded_where_it_is_not_allowed() {
    let (app, cache, _) = app(CacheLayer::new);
    let reply = send(&app, query("bread", &[TEXT])).await;
    assert_eq!(reply.field("cache-status"), "larder; fwd=method");
    assert_eq!(reply.text(), "QUERY Some(\"text/plain\") b\"bread\"");
    assert_eq!(cache.stats().keys(), 0);
}

#[tokio::test]
async fn content_without_a_type_or_over_the_limit_passes_whole_and_is_not_stored() {
    let (app, cache, _) = app(allowed);
    let long = "x".repeat(65);
    let at_the_limit = "x".repeat(64);
    for (content, fields) in [("bread", &[][..]), (&long, &[TEXT]), ("a", &[TEXT, TEXT])] {
        let reply = send(&app, query(content.to_owned(), fields)).await;
        let expected = "larder; fwd=bypass; detail=request-content";
        assert_eq!(reply.field("cache-status"), expected);
        assert!(reply.text().ends_with(&format!("b{content:?}")));
    }
    assert_eq!(cache.stats().keys(), 0);
    assert!(send(&app, query(at_the_limit, &[TEXT])).await.is_stored());
}

#[tokio::test]
async fn content_that_breaks_off_reaches_the_service_as_it_came() {
    let (app, cache, _) = app(allowed);
    let (feeder, body) = feed();
    feeder.data("half");
    feeder.fail();
    let request = query(Body::new(body), &[TEXT]);
    let answer = tokio::spawn(async move { send(&app, request).await }).await;
    assert!(answer.is_err(), "the service could not read the content");
    assert_eq!(cache.stats().keys(), 0);
}

#[tokio::test]
async fn write_to_the_target_drops_what_its_queries_brought() {
    let (app, _, _) = app(allowed);
    send(&app, query("bread", &[TEXT])).await;
    send(&app, request("PUT", "/search", &[])).await;
    assert!(send(&app, query("bread", &[TEXT])).await.is_stored());
}

#[tokio::test(start_paused = true)]
async fn validation_and_its_repetition_carry_the_content() {
    let (app, _, clock) = app(allowed);
    send(&app, query("bread", &[TEXT])).await;
    clock.advance(200);
    let reply = send(&app, query("bread", &[TEXT])).await;
    assert_eq!(reply.text(), "QUERY Some(\"text/plain\") b\"bread\"");
    clock.advance(61);
    assert!(
        send(&app, query("bread", &[TEXT]))
            .await
            .field("cache-status")
            .contains("hit; ttl=-1")
    );
    settle().await;
    let fresh = send(&app, query("bread", &[TEXT])).await;
    assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=60");
    assert_eq!(fresh.text(), "QUERY Some(\"text/plain\") b\"bread\"");
}

#[tokio::test]
async fn declared_inputs_apply_and_what_describes_the_content_passes() {
    let route = RoutePolicy::shared(MINUTE)
        .query_method()
        .key(Key::new().no_query());
    let (app, _, _) = app(|cache| CacheLayer::new(cache).with_route_policy(route));
    let cookie = ("cookie", "session=7");
    let first = send(&app, query("bread", &[TEXT, cookie])).await;
    assert_eq!(
        (first.is_stored(), first.text()),
        (true, "QUERY Some(\"text/plain\") b\"bread\"")
    );
    assert!(send(&app, query("bread", &[TEXT])).await.is_hit());
}
