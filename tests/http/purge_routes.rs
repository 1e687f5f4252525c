//! Purges of URLs on routes that declare what counts of a URL, and on nested ones.

use axum::body::Body;
use axum::{Router, routing};
use http::Request;
use larder::{Cache, CacheLayer, CacheService, Key, Purge};
use larder_axum::Cached;
use larder_tests::{Origin, Reply, get, response};
use tower::{Layer, ServiceExt};

use crate::purge::annotated;
use crate::purge_urls::{minute, url_drops};

#[tokio::test]
async fn what_a_key_leaves_of_the_query_is_what_counts() {
    let same = &["/a?id=1&utm_x=2"][..];
    let other = &["/a?id=2", "/b?id=1"][..];
    for key in [
        Key::new().query(["id"]),
        Key::new().query_except(["utm_*", "x"]),
        Key::new().query(["id"]).sorted_query(),
    ] {
        for url in ["/a?id=1", "/a?utm_x=3&id=1", "/a?x=9&id=1&x=8"] {
            url_drops(&annotated(minute().key(key.clone())), url, same, other).await;
        }
        for url in ["/a", "/a?id=1&id=1", "/a?ID=1", "/a?id=%31"] {
            let all: Vec<_> = same.iter().chain(other).copied().collect();
            url_drops(&annotated(minute().key(key.clone())), url, &[], &all).await;
        }
    }
    let sorted = Key::new().sorted_query();
    for url in ["/a?b=1&a=2", "/a?a=2&b=1"] {
        let setup = annotated(minute().key(sorted.clone()));
        url_drops(&setup, url, &["/a?b=1&a=2", "/a?a=2&b=1"], &["/a?a=2"]).await;
    }
    for url in ["/a", "/a?b", "http://h/a?c"] {
        let setup = annotated(minute().key(Key::new().no_query()));
        let (named, other) = (["http://h/a?q"], ["http://h/b", "http://h/a/"]);
        url_drops(&setup, url, &named, &other).await;
    }
}

/// One cache, several routes with a key each.
#[tokio::test]
async fn url_is_purged_on_every_route_as_its_key_has_it() {
    let cache = Cache::builder().build();
    let routes = [
        Key::new(),
        Key::new().no_query(),
        Key::new().query(["a"]),
        Key::new().query(["b"]).forward_all(),
    ];
    let services = routes.map(|key| {
        let layer = CacheLayer::new(cache.clone()).with_route_policy(minute().key(key));
        layer.layer(Origin::ok(&[]))
    });
    let send = async |at: usize, path: String| {
        let service = services[at].clone();
        Reply::read(service.oneshot(get(&path)).await.unwrap()).await
    };
    for at in 0..services.len() {
        // Routes that see of the query what another one does share what is stored of it.
        let path = format!("/{at}?a=1&b=2");
        send(at, path.clone()).await;
        assert!(send(at, path.clone()).await.is_hit());
        cache.purge(Purge::url(&path).unwrap());
        assert!(!send(at, path.clone()).await.is_hit(), "{at}");
        cache.purge(Purge::url(&format!("/{at}?a=3&b=4")).unwrap());
        assert_eq!(send(at, path.clone()).await.is_hit(), at != 1, "{at}");
    }
}

#[tokio::test]
async fn keys_of_routes_that_are_gone_are_known_as_long_as_others_have_them() {
    let cache = Cache::builder().build();
    let route = || {
        let route = minute().key(Key::new().query(["id"]));
        let layer = CacheLayer::new(cache.clone()).with_route_policy(route);
        layer.layer(Origin::ok(&[]))
    };
    let send = async |service: &CacheService<Origin>| {
        let answer = service.clone().oneshot(get("/a?id=1&x=1")).await;
        Reply::read(answer.unwrap()).await
    };
    let (one, other) = (route(), route());
    send(&one).await;
    drop(one);
    assert!(send(&other).await.is_hit());
    cache.purge(Purge::url("/a?id=1&x=2").unwrap());
    assert!(!send(&other).await.is_hit());
    // Nobody can be served from what is left when all are gone.
    drop(other);
    cache.purge(Purge::url("/a?id=1&x=2").unwrap());
}

async fn ask(app: &Router, path: &str) -> Reply {
    Reply::read(app.clone().oneshot(get(path)).await.unwrap()).await
}

fn nested(cache: &Cache, key: Key) -> Router {
    let handler = async |_: Request<Body>| response(200, &[], "body");
    let route = routing::get(handler).cached(cache, minute().key(key));
    let users = Router::new().route("/users/{id}", route);
    Router::new().nest("/api", Router::new().nest("/v1", users))
}

#[tokio::test]
async fn nested_routes_go_by_the_url_that_clients_see() {
    for purge in [
        Purge::url("/api/v1/users/7?a=1").unwrap(),
        Purge::prefix("/api").unwrap(),
        Purge::prefix("/api/v1/users/7").unwrap(),
    ] {
        let cache = Cache::builder().build();
        let app = nested(&cache, Key::new());
        let path = "/api/v1/users/7?a=1";
        ask(&app, path).await;
        for other in ["/users/7?a=1", "/v1/users/7?a=1", "/api/v1/users/{id}?a=1"] {
            cache.purge(Purge::url(other).unwrap());
        }
        cache.purge(Purge::prefix("/users").unwrap());
        assert!(ask(&app, path).await.is_hit());
        cache.purge(purge);
        assert!(!ask(&app, path).await.is_hit());
    }
}

#[tokio::test]
async fn route_that_stands_for_the_path_is_purged_by_its_pattern() {
    let named = [
        Purge::url("/api/v1/users/{id}").unwrap(),
        Purge::prefix("/api/v1/users/{id}").unwrap(),
        Purge::prefix("/api/v1").unwrap(),
    ];
    for purge in named {
        let cache = Cache::builder().build();
        let app = nested(&cache, Key::route());
        ask(&app, "/api/v1/users/7").await;
        cache.purge(Purge::url("/api/v1/users/7").unwrap());
        cache.purge(Purge::prefix("/api/v1/users/7").unwrap());
        assert!(ask(&app, "/api/v1/users/8").await.is_hit());
        cache.purge(purge);
        assert!(!ask(&app, "/api/v1/users/9").await.is_hit());
    }
}
