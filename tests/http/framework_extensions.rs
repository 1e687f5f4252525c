//! What axum's router puts into the extensions of a request, and what others do: a response to a
//! request with credentials is stored only while nobody can have made anything of them.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::NestedPathRejection;
use axum::extract::{DefaultBodyLimit, NestedPath, OriginalUri, Path, RawQuery, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, get_service};
use axum::{Extension, Router};
use http::{HeaderMap, Uri};
use larder::{Cache, CacheBuilder, Key, RoutePolicy};
use larder_axum::Cached;
use larder_tests::{Reply, request};
use tower::{ServiceExt, service_fn};

const COOKIE: [(&str, &str); 1] = [("cookie", "session=7")];
const MISS: &str = "larder; fwd=uri-miss; stored";
const MADE: &str = "larder; fwd=uri-miss; detail=undeclared-extension";

#[derive(Clone)]
struct CurrentUser(String);

#[derive(Clone)]
struct RequestId;

fn shared() -> RoutePolicy {
    RoutePolicy::shared(Duration::from_secs(60))
}

async fn send(app: &Router, path: &str, fields: &[(&str, &str)]) -> Reply {
    let response = app.clone().oneshot(request("GET", path, fields)).await;
    Reply::read(response.unwrap()).await
}

/// Makes an identity of the cookie, as the authentication of an application does.
async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(cookie) = request.headers().get("cookie") {
        let user = CurrentUser(cookie.to_str().unwrap().to_owned());
        request.extensions_mut().insert(user);
    }
    request.extensions_mut().insert(RequestId);
    next.run(request).await
}

async fn greet(user: Option<Extension<CurrentUser>>, headers: HeaderMap) -> String {
    let user = user.map(|Extension(user)| user.0);
    format!("{user:?} {:?}", headers.get("cookie"))
}

fn with_authentication(set: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Router {
    let cache = set(Cache::builder()).build();
    let route = get(greet).cached(&cache, shared());
    Router::new()
        .route("/p/{id}", route)
        .layer(from_fn(authenticate))
}

#[tokio::test]
async fn extensions_of_the_router_are_no_identity() {
    let cache = Cache::builder().build();
    let cached = || get(greet).cached(&cache, shared());
    let around = |router: Router| router.cached(&cache, shared());
    let raw = service_fn(|_| async { Ok(Response::new(Body::from("None None"))) });
    let inner = || {
        Router::new()
            .route("/a", cached())
            .route("/a/{id}", cached())
    };
    let deep = Router::new().nest("/{shop}", inner());
    let service = Router::new().route("/a/{id}", get_service(raw).cached(&cache, shared()));
    let app: Router = Router::new()
        .route("/plain", cached())
        .route("/p/{id}/{other}", cached())
        .route("/rest/{*rest}", cached())
        .nest("/nested", inner())
        .nest("/deep/{country}", deep)
        .nest_service("/service/{id}", service)
        .nest(
            "/around",
            around(Router::new().route("/a/{id}", get(greet))),
        )
        .merge(around(Router::new().route("/merged/{id}", get(greet))))
        .nest("/gone", Router::new().fallback_service(cached()))
        .fallback_service(cached());
    for path in [
        "/plain",
        "/p/1/2",
        "/p/%20/2",
        "/rest/1/2/3",
        "/nested/a",
        "/nested/a/1",
        "/deep/de/7/a/1",
        "/service/1/a/2",
        "/around/a/1",
        "/merged/1",
        "/gone/1",
        "/fallback/1",
    ] {
        let known = app.clone().layer(Extension(RequestId));
        let reply = send(&known, path, &COOKIE).await;
        assert_eq!(reply.field("cache-status"), MADE, "{path}");
        let reply = send(&app, path, &COOKIE).await;
        assert_eq!(reply.field("cache-status"), MISS, "{path}");
        assert_eq!(reply.text(), "None None", "{path}");
        assert!(send(&app, path, &[]).await.is_hit(), "{path}");
    }
}

/// What axum puts there has no name.
#[tokio::test]
async fn service_right_inside_nest_service_is_stored_for_requests_without_credentials() {
    let cache = Cache::builder().build();
    let route = get(greet).cached(&cache, shared());
    let app = Router::new().nest_service("/service/{id}", route);
    let reply = send(&app, "/service/1/a", &COOKIE).await;
    assert_eq!(reply.field("cache-status"), MADE);
    assert!(send(&app, "/service/1/a", &[]).await.is_stored());
}

#[tokio::test]
async fn limit_of_bodies_is_no_identity() {
    for limit in [DefaultBodyLimit::disable(), DefaultBodyLimit::max(7)] {
        let cache = Cache::builder().build();
        let route = get(greet).cached(&cache, shared());
        let app = Router::new().route("/p/{id}", route).layer(limit);
        let reply = send(&app, "/p/1", &COOKIE).await;
        assert_eq!(reply.field("cache-status"), MISS);
        let app = app.layer(Extension(RequestId));
        let reply = send(&app, "/p/2", &COOKIE).await;
        assert_eq!(reply.field("cache-status"), MADE);
    }
}

#[tokio::test]
async fn response_is_not_stored_when_somebody_made_an_identity_of_the_credentials() {
    let app = with_authentication(|builder| builder.neutral_extension::<RequestId>());
    let reply = send(&app, "/p/1", &COOKIE).await;
    assert_eq!(reply.field("cache-status"), MADE);
    assert_eq!(reply.text(), "Some(\"session=7\") None");
    let reply = send(&app, "/p/1", &[]).await;
    assert_eq!(reply.field("cache-status"), MISS);
    assert_eq!(reply.text(), "None None");
}

#[tokio::test]
async fn identity_that_is_known_is_withheld_and_the_response_stored() {
    let app = with_authentication(|builder| {
        let builder = builder.identity::<CurrentUser>();
        builder.neutral_extension::<RequestId>()
    });
    let reply = send(&app, "/p/1", &COOKIE).await;
    assert_eq!(reply.field("cache-status"), MISS);
    assert_eq!(reply.text(), "None None");
}

#[tokio::test]
async fn extension_that_nobody_declared_neutral_keeps_the_response_from_being_stored() {
    let app = with_authentication(CacheBuilder::identity::<CurrentUser>);
    let reply = send(&app, "/p/1", &COOKIE).await;
    assert_eq!(reply.field("cache-status"), MADE);
    assert!(send(&app, "/p/1", &[]).await.is_stored());
}

#[tokio::test]
async fn undeclared_parameter_is_seen_nowhere() {
    async fn sees(
        uri: Uri,
        OriginalUri(original): OriginalUri,
        RawQuery(query): RawQuery,
        nested: Result<NestedPath, NestedPathRejection>,
        Path(params): Path<Vec<(String, String)>>,
        request: Request,
    ) -> String {
        let nested = nested.ok().map(|nested| nested.as_str().to_owned());
        let extensions = request.extensions();
        let OriginalUri(raw) = extensions.get().unwrap();
        format!("{uri} {original} {raw} {query:?} {nested:?} {params:?}")
    }
    let cache = Cache::builder().build();
    let route = |key: Key| get(sees).cached(&cache, shared().key(key));
    let inner = Router::new()
        .route("/{id}/none", route(Key::new().no_query()))
        .route("/{id}/page", route(Key::new().query(["page"])));
    let app = Router::new().merge(inner.clone()).nest("/in", inner);
    let sent = "?secret=1&page=2&secret=3";
    for (path, expected) in [
        (
            "/7/none",
            "/7/none /7/none /7/none None None [(\"id\", \"7\")]",
        ),
        (
            "/in/7/none",
            "/7/none /in/7/none /in/7/none None Some(\"/in\") [(\"id\", \"7\")]",
        ),
        (
            "/7/page",
            "/7/page?page=2 /7/page?page=2 /7/page?page=2 Some(\"page=2\") None [(\"id\", \"7\")]",
        ),
        (
            "/in/7/page",
            "/7/page?page=2 /in/7/page?page=2 /in/7/page?page=2 Some(\"page=2\") Some(\"/in\") \
             [(\"id\", \"7\")]",
        ),
    ] {
        let reply = send(&app, &format!("{path}{sent}"), &[]).await;
        assert_eq!(reply.text(), expected);
        assert!(reply.is_stored());
    }
}
