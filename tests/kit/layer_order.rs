//! `assert_layer_order`: layers on the wrong side of the cache.

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use larder::{Key, RoutePolicy};
use larder_axum::Cached;
use larder_testing::{LayerKind, LayerOrder, assert_layer_order};
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::app::{MINUTE, UserId, authenticate, cache, keyed, request_with, session};

async fn page() -> impl IntoResponse {
    ([("content-type", "text/html")], "bread ".repeat(100))
}

fn cors() -> CorsLayer {
    CorsLayer::new().allow_origin(AllowOrigin::mirror_request())
}

/// This handler, with what is inside the cache, as a user of the application asks for it.
async fn found(inside: MethodRouter, policy: RoutePolicy) -> Vec<(LayerKind, String)> {
    let app = Router::new().route("/p", inside.cached(&cache(), policy));
    let report = LayerOrder::new().check(app, logged_in()).await.unwrap();
    let misplaced = report.misplaced().iter();
    misplaced
        .map(|misplaced| (misplaced.kind(), misplaced.to_string()))
        .collect()
}

async fn kinds(inside: MethodRouter, policy: RoutePolicy) -> Vec<LayerKind> {
    let found = found(inside, policy).await;
    found.into_iter().map(|(kind, _)| kind).collect()
}

fn logged_in() -> Request<Body> {
    let fields = [
        ("authorization", "Bearer token-of-anna"),
        ("cookie", "session=7"),
    ];
    request_with("/p", &fields)
}

fn shared() -> RoutePolicy {
    keyed(Key::new())
}

#[tokio::test]
async fn layers_around_the_cache_are_in_order() {
    for policy in [shared(), RoutePolicy::per_user::<UserId>(MINUTE)] {
        let app = Router::new()
            .route("/p", get(page).cached(&cache(), policy))
            .layer(middleware::from_fn(authenticate))
            .layer(middleware::from_fn(session))
            .layer(CompressionLayer::new())
            .layer(cors());
        assert_layer_order(app, logged_in()).await;
    }
}

#[tokio::test]
#[should_panic(
    expected = "/p: the session layer is inside the cache: `set-cookie` comes from there. \
                           Put it outside"
)]
async fn session_inside_is_found() {
    let route = get(page).layer(middleware::from_fn(session));
    let app = Router::new().route("/p", route.cached(&cache(), shared()));
    assert_layer_order(app, logged_in()).await;
}

#[tokio::test]
async fn cors_inside_is_found() {
    assert_eq!(
        kinds(get(page).layer(cors()), shared()).await,
        [LayerKind::Cors]
    );
    let unvaried = cors().vary([]);
    let found = found(get(page).layer(unvaried), shared()).await;
    assert!(found[0].1.contains("depends on `origin`"), "{found:?}");
}

#[tokio::test]
async fn vary_alone_tells_of_a_layer_inside() {
    for (named, kind) in [
        ("Accept, Origin", LayerKind::Cors),
        ("Accept-Encoding", LayerKind::Compression),
    ] {
        let varied = get(move || async move { [("vary", named)] });
        assert_eq!(kinds(varied, shared()).await, [kind]);
    }
}

#[tokio::test]
async fn coding_alone_tells_of_a_layer_inside() {
    let coded = get(|fields: HeaderMap| async move {
        let coding = fields.get("accept-encoding").map(|_| "gzip");
        [("content-encoding", coding.unwrap_or("identity"))]
    });
    assert_eq!(kinds(coded, shared()).await, [LayerKind::Compression]);
}

#[tokio::test]
async fn preflights_answered_inside_are_found() {
    let anyone = CorsLayer::new().allow_origin(Any).vary([]);
    let found = found(get(page).layer(anyone), shared()).await;
    assert!(
        found[0]
            .1
            .contains("preflights (OPTIONS) are answered there"),
        "{found:?}"
    );
}

#[tokio::test]
async fn handler_that_lets_everybody_read_is_in_order() {
    let open = get(|| async { [("access-control-allow-origin", "*")] });
    assert_eq!(kinds(open, shared()).await, []);
}

#[tokio::test]
async fn compression_inside_is_found_unless_it_is_declared() {
    let coded = || get(page).layer(CompressionLayer::new());
    assert_eq!(kinds(coded(), shared()).await, [LayerKind::Compression]);
    assert_eq!(
        kinds(coded(), RoutePolicy::obey()).await,
        [LayerKind::Compression]
    );
    let declared = keyed(Key::new().encodings(["gzip"]));
    assert_eq!(kinds(coded(), declared).await, []);
}

#[tokio::test]
async fn authentication_inside_is_found() {
    let route = || get(page).layer(middleware::from_fn(authenticate));
    let own = found(route(), RoutePolicy::per_user::<UserId>(MINUTE)).await;
    assert_eq!(own.len(), 1);
    assert!(
        own[0]
            .1
            .contains("the request has `authorization`, and the cache finds no identity")
    );

    let closed = get(page).layer(middleware::from_fn(only_logged_in));
    let shared = found(closed, shared()).await;
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert!(shared[0].1.contains("the answer is 401"), "{shared:?}");
}

async fn only_logged_in(request: axum::extract::Request, next: Next) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

#[tokio::test]
async fn layer_that_is_to_be_inside_is_allowed() {
    let coded = get(page).layer(CompressionLayer::new());
    let app = Router::new().route("/p", coded.cached(&cache(), shared()));
    let order = LayerOrder::new().allow(LayerKind::Compression);
    order.assert(app, logged_in()).await;
}

#[tokio::test]
#[should_panic(expected = "no cache answered the probe")]
async fn route_without_a_cache_is_said_to_have_none() {
    assert_layer_order(Router::new().route("/p", get(page)), logged_in()).await;
}
