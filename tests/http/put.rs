//! Values that the application puts into the store: found as if a handler had given them.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use larder::policy::BypassReason;
use larder::{Cache, CacheLayer, Key, Policy, Purge, PutError, RoutePolicy, Stored};
use larder_axum::Cached;
use larder_tests::{Origin, Reply, Setup, get, request};
use tower::ServiceExt;

use crate::scene::secs;
use crate::users::UserNumber;

pub(crate) fn value(fields: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let mut builder = Response::builder();
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

/// A route whose handler says which call it is.
pub(crate) fn route(policy: &RoutePolicy) -> Setup {
    Setup::with_layer(Origin::ok(&[]), |cache| {
        CacheLayer::new(cache).with_route_policy(policy.clone())
    })
}

pub(crate) fn minute() -> RoutePolicy {
    RoutePolicy::shared(secs(60))
}

pub(crate) fn put(setup: &Setup, policy: &RoutePolicy, body: &str) -> Result<Stored, PutError> {
    setup.cache.put(&get("/a"), value(&[], body), policy)
}

#[tokio::test]
async fn what_was_put_is_a_hit_with_its_age_and_its_entity_tag() {
    let setup = route(&minute());
    let stored = put(&setup, &minute(), "put").unwrap();
    assert_eq!(stored.fresh_for(), secs(60));
    assert_eq!(stored.body_bytes(), 3);
    setup.clock.advance(10);
    let hit = setup.get("/a").await;
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=50");
    assert_eq!(hit.field("age"), "10");
    assert_eq!(hit.field("content-length"), "3");
    assert_eq!(hit.field("etag"), stored.generated_etag().unwrap());
    assert_eq!((hit.text(), setup.origin.calls()), ("put", 0));
    let known = [("if-none-match", hit.field("etag"))];
    assert_eq!(setup.get_with("/a", &known).await.status, 304);
    assert_eq!(setup.cache.stats().puts(), 1);
    setup.clock.advance(50);
    assert_eq!(setup.get("/a").await.text(), "call 1");
}

#[tokio::test]
async fn what_was_put_takes_the_place_of_what_stands_there() {
    let setup = route(&minute());
    assert_eq!(setup.get("/a").await.text(), "call 1");
    for body in ["one", "two"] {
        put(&setup, &minute(), body).unwrap();
        assert_eq!(setup.get("/a").await.text(), body);
    }
    assert_eq!(setup.cache.stats().responses(), 1);
    assert_eq!(setup.origin.calls(), 1);
}

/// Else nothing could be put there until the clock has caught up.
#[tokio::test]
async fn what_is_put_now_takes_the_place_of_what_is_of_a_clock_that_was_ahead() {
    let setup = route(&minute());
    setup.get("/a").await;
    setup.clock.rewind(3600);
    for body in ["one", "two"] {
        put(&setup, &minute(), body).unwrap();
        assert_eq!(setup.get("/a").await.text(), body);
        setup.clock.rewind(3600);
    }
}

#[tokio::test]
async fn what_was_put_goes_by_the_key_of_its_route() {
    let policy = minute().key(Key::new().query(["page"]));
    let setup = route(&policy);
    let asked = get("/a?page=1&utm_source=mail");
    let _ = setup.cache.put(&asked, value(&[], "one"), &policy).unwrap();
    assert_eq!(setup.get("/a?cb=7&page=1").await.text(), "one");
    assert_eq!(setup.get("/a?page=2").await.text(), "call 1");
}

#[tokio::test]
async fn what_was_put_goes_by_the_names_of_its_route_and_its_own() {
    let policy = minute()
        .name("/products/{id}")
        .tag("products")
        .tag_with(|request| request.param("id").map(|id| format!("product:{id}")));
    for purge in [
        Purge::tag("products"),
        Purge::tag("product:42"),
        Purge::url("/products/42").unwrap(),
        Purge::prefix("/products").unwrap(),
        Purge::everything(),
    ] {
        let setup = route(&policy);
        let asked = get("/products/42");
        let _ = setup.cache.put(&asked, value(&[], "pan"), &policy).unwrap();
        assert_eq!(setup.cache.estimate(&purge).responses(), 1, "{purge:?}");
        assert_eq!(setup.get("/products/42").await.text(), "pan");
        setup.cache.purge(purge);
        assert_eq!(setup.get("/products/42").await.text(), "call 1");
    }
}

#[tokio::test]
async fn cache_groups_of_what_was_put_are_invalidated() {
    let answers = [
        (200, &[][..], "new"),
        (204, &[("cache-group-invalidation", "\"g\"")], ""),
    ];
    let answers = [answers[1], answers[0]];
    let setup = Setup::with_layer(Origin::script(&answers), |cache| {
        CacheLayer::new(cache).with_route_policy(minute())
    });
    let grouped = value(&[("cache-groups", "\"g\"")], "put");
    let _ = setup.cache.put(&get("/a"), grouped, &minute()).unwrap();
    setup.send(request("POST", "/b", &[])).await;
    assert_eq!(setup.get("/a").await.text(), "new");
}

#[tokio::test]
async fn variants_are_put_side_by_side() {
    let policy = minute().key(Key::new().header("accept-language"));
    let obey = RoutePolicy::obey();
    for policy in [policy, obey] {
        let setup = route(&policy);
        let told = [("vary", "accept-language"), ("cache-control", "max-age=60")];
        for language in ["en", "de", "fr", "de"] {
            let asked = request("GET", "/a", &[("accept-language", language)]);
            let _ = setup
                .cache
                .put(&asked, value(&told, language), &policy)
                .unwrap();
        }
        for language in ["en", "de", "fr"] {
            let reply = setup.get_with("/a", &[("accept-language", language)]).await;
            assert_eq!((reply.is_hit(), reply.text()), (true, language));
        }
        assert_eq!(setup.cache.stats().responses(), 3);
        let other = setup.get_with("/a", &[("accept-language", "it")]).await;
        assert_eq!(other.text(), "call 1");
    }
}

#[tokio::test]
async fn put_of_a_get_answers_head_and_put_of_a_head_does_not_answer_get() {
    let setup = route(&minute());
    let asked = request("HEAD", "/a", &[]);
    let _ = setup
        .cache
        .put(&asked, value(&[], "left out"), &minute())
        .unwrap();
    assert!(setup.send(request("HEAD", "/a", &[])).await.is_hit());
    assert_eq!(setup.get("/a").await.text(), "call 1");
    put(&setup, &minute(), "put").unwrap();
    let head = setup.send(request("HEAD", "/a", &[])).await;
    assert_eq!(head.field("content-length"), "3");
}

fn as_user(user: u64) -> Request<Body> {
    let mut request = get("/me");
    request.extensions_mut().insert(UserNumber(user));
    request
}

#[tokio::test]
async fn what_was_put_for_a_user_is_served_to_that_user_only() {
    let policy = RoutePolicy::per_user::<UserNumber>(secs(60));
    let setup = route(&policy);
    let nobody = setup.cache.put(&get("/me"), value(&[], "whose?"), &policy);
    let refused = PutError::NotLookedUp(BypassReason::Identity);
    assert_eq!(nobody.unwrap_err(), refused);
    let of_one = value(&[], "of user 1");
    let _ = setup.cache.put(&as_user(1), of_one, &policy).unwrap();
    let hit = setup.send(as_user(1)).await;
    assert_eq!((hit.is_hit(), hit.text()), (true, "of user 1"));
    assert_eq!(hit.field("cache-control"), "private");
    assert_eq!(setup.send(as_user(2)).await.text(), "call 1");
    let anonymous = setup.send(get("/me")).await;
    assert_eq!(anonymous.text(), "call 2");
    let detail = "larder; fwd=bypass; detail=no-identity";
    assert_eq!(anonymous.field("cache-status"), detail);
    setup.cache.purge(Purge::identity(&UserNumber(1)));
    assert_eq!(setup.send(as_user(1)).await.text(), "call 3");
}

#[tokio::test]
async fn layer_puts_with_its_own_settings() {
    let layer = |cache: &Cache| {
        let policy = Policy::shared().with_route_lifetime(secs(5));
        CacheLayer::new(cache.clone()).with_policy(policy)
    };
    let setup = Setup::with_layer(Origin::ok(&[]), |cache| layer(&cache));
    let own = layer(&setup.cache);
    let stored = own.put(&get("/a"), value(&[], "put")).unwrap();
    assert_eq!(stored.fresh_for(), secs(5));
    let hit = setup.get("/a").await;
    assert_eq!(hit.field("cache-status"), "larder; hit; ttl=5");
    assert_eq!(hit.text(), "put");
}

/// Nested, so that the router hides part of the path, and keyed by what the router calls the route.
#[tokio::test]
async fn layer_of_axum_puts_for_routes_of_axum() {
    let cache = Cache::builder().build();
    let by_path =
        minute().tag_with(|request| request.param("id").map(|id| format!("product:{id}")));
    let by_route = minute().key(Key::route());
    let products = Router::new()
        .route(
            "/products/{id}",
            axum::routing::get(|| async { "fetched" }).cached(&cache, by_path.clone()),
        )
        .route(
            "/about/{page}",
            axum::routing::get(|| async { "fetched" }).cached(&cache, by_route.clone()),
        );
    let app: Router = Router::new().nest("/shop", products);
    let layer = |policy: &RoutePolicy, name: &str| {
        larder_axum::layer(&cache).with_route_policy(policy.clone().name(name))
    };
    let host = [("host", "shop.example")];
    let send = async |path: &str| {
        let asked = request("GET", path, &host);
        Reply::read(app.clone().oneshot(asked).await.unwrap()).await
    };
    for (policy, name, path) in [
        (&by_path, "/shop/products/{id}", "/shop/products/42"),
        (&by_route, "/shop/about/{page}", "/shop/about/us"),
    ] {
        let asked = request("GET", path, &host);
        let _ = layer(policy, name).put(&asked, value(&[], "put")).unwrap();
        let reply = send(path).await;
        assert_eq!((reply.is_hit(), reply.text()), (true, "put"), "{name}");
    }
    assert_eq!(send("/shop/about/them").await.text(), "put");
    cache.purge(Purge::tag("product:42"));
    assert_eq!(send("/shop/products/42").await.text(), "fetched");
}

#[tokio::test]
async fn put_ends_the_memory_of_a_key_whose_responses_were_not_for_others() {
    let setup = Setup::with_layer(Origin::ok(&[("cache-control", "no-store")]), |cache| {
        CacheLayer::new(cache).with_route_policy(minute())
    });
    setup.get("/a").await;
    assert_eq!(setup.cache.stats().uncacheable(), 1);
    put(&setup, &minute(), "put").unwrap();
    assert_eq!(setup.cache.stats().uncacheable(), 0);
    assert_eq!(setup.get("/a").await.text(), "put");
}
