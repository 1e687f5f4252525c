//! `.invalidates(…)` on routes and routers of axum.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{delete, get, put};
use http::{Method, StatusCode};
use larder::{Cache, Purge, RequestView, ResponseView, RoutePolicy};
use larder_axum::{Cached, Invalidates};
use larder_tests::{Reply, request};
use tower::ServiceExt;

async fn show(Path(id): Path<String>) -> String {
    id
}

async fn edit(Path(id): Path<String>) -> StatusCode {
    if id == "gone" {
        StatusCode::GONE
    } else {
        StatusCode::NO_CONTENT
    }
}

fn of_product() -> RoutePolicy {
    RoutePolicy::shared(Duration::from_secs(60)).tag_with(tag)
}

fn tag(request: &RequestView<'_>) -> Option<String> {
    let id = request.param("id")?;
    Some(format!("product:{id}"))
}

fn changed(request: &RequestView<'_>, _: &ResponseView<'_>) -> Option<[String; 1]> {
    tag(request).map(|tag| [tag])
}

async fn send(app: &Router, method: &str, path: &str) -> Reply {
    let response = app.clone().oneshot(request(method, path, &[])).await;
    Reply::read(response.unwrap()).await
}

async fn is_hit(app: &Router, path: &str) -> bool {
    send(app, "GET", path).await.is_hit()
}

async fn fill(app: &Router, paths: &[&str]) {
    for path in paths {
        assert!(!is_hit(app, path).await, "{path}");
        assert!(is_hit(app, path).await, "{path}");
    }
}

/// Writes to one of two products, and what becomes of both and of what is about them.
async fn assert_that_one_product_goes(app: &Router, base: &str, write: &str) {
    let path = |rest: &str| format!("{base}{rest}");
    let (this, about, other) = (path("/p/1"), path("/p/1/reviews"), path("/p/2"));
    fill(app, &[&this, &about, &other]).await;
    assert_eq!(send(app, "PUT", &path(write)).await.status, 204);
    assert!(!is_hit(app, &this).await, "{this}");
    assert!(!is_hit(app, &about).await, "{about}");
    assert!(is_hit(app, &other).await, "{other}");
}

#[tokio::test]
async fn writes_purge_by_the_parameters_of_their_path_also_in_nested_routers() {
    for base in ["", "/api", "/api/v1"] {
        let cache = Cache::builder().build();
        let mut app = Router::new()
            .route("/p/{id}", get(show).cached(&cache, of_product()))
            .route("/p/{id}/reviews", get(show).cached(&cache, of_product()))
            .route("/admin/{id}", put(edit).invalidates(&cache, changed));
        for part in base
            .split('/')
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            app = Router::new().nest(&format!("/{part}"), app);
        }
        assert_that_one_product_goes(&app, base, "/admin/1").await;
    }
}

#[tokio::test]
async fn cached_and_invalidates_may_come_in_either_order() {
    for order in 0..4 {
        let cache = Cache::builder().build();
        let both = || get(show).put(edit);
        let both = match order {
            0 => both()
                .cached(&cache, of_product())
                .invalidates(&cache, changed),
            1 => both()
                .invalidates(&cache, changed)
                .cached(&cache, of_product()),
            2 => get(show)
                .cached(&cache, of_product())
                .merge(put(edit).invalidates(&cache, changed)),
            _ => get(show)
                .cached(&cache, of_product())
                .put(edit)
                .invalidates(&cache, changed),
        };
        let reviews = get(show).cached(&cache, of_product());
        let app = Router::new()
            .route("/p/{id}", both)
            .route("/p/{id}/reviews", reviews);
        assert_that_one_product_goes(&app, "", "/p/1").await;
    }
}

#[tokio::test]
async fn whole_router_may_say_what_its_writes_change() {
    let cache = Cache::builder().build();
    let app = Router::new()
        .route("/p/{id}", get(show).put(edit))
        .route("/p/{id}/reviews", get(show))
        .cached(&cache, of_product())
        .invalidates(&cache, changed);
    assert_that_one_product_goes(&app, "", "/p/1").await;
}

/// Nobody may write but one.
async fn authenticate(request: Request, next: Next) -> Response {
    let may = request.method() == Method::GET || request.uri().query() == Some("root");
    if may {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

#[tokio::test]
async fn refusals_purge_nothing_whether_outside_or_inside() {
    for outside in [true, false] {
        let cache = Cache::builder().build();
        let edit = put(edit).delete(|| async { StatusCode::NOT_FOUND });
        let edit = if outside {
            edit.invalidates(&cache, changed)
                .layer(from_fn(authenticate))
        } else {
            edit.layer(from_fn(authenticate))
                .invalidates(&cache, changed)
        };
        let app = Router::new()
            .route(
                "/p/{id}",
                get(show).cached(&cache, of_product()).merge(edit),
            )
            .route("/p/{id}/reviews", get(show).cached(&cache, of_product()));
        fill(&app, &["/p/1", "/p/gone"]).await;
        for (method, path, refused) in [
            ("PUT", "/p/1", StatusCode::FORBIDDEN),
            ("DELETE", "/p/1?root", StatusCode::NOT_FOUND),
            ("PATCH", "/p/1?root", StatusCode::METHOD_NOT_ALLOWED),
            ("PUT", "/p/gone?root", StatusCode::GONE),
        ] {
            assert_eq!(send(&app, method, path).await.status, refused);
        }
        assert!(is_hit(&app, "/p/1").await && is_hit(&app, "/p/gone").await);
        assert_eq!(cache.stats().purges() + cache.stats().invalidations(), 0);
        send(&app, "PUT", "/p/1?root").await;
        assert!(!is_hit(&app, "/p/1").await);
    }
}

#[tokio::test]
async fn url_of_a_write_in_a_nested_router_goes_with_its_prefix() {
    let cache = Cache::builder().build();
    let nothing = |_: &RequestView<'_>, _: &ResponseView<'_>| {};
    let routes = || get(show).cached(&cache, of_product());
    let writes = || put(edit).invalidates(&cache, nothing);
    let app = Router::new()
        .nest(
            "/api",
            Router::new().route("/p/{id}", routes().merge(writes())),
        )
        .route("/p/{id}", routes().merge(writes()));
    fill(&app, &["/p/1", "/api/p/1"]).await;
    send(&app, "PUT", "/api/p/1").await;
    assert!(!is_hit(&app, "/api/p/1").await);
    assert!(is_hit(&app, "/p/1").await);
}

#[tokio::test]
async fn redirect_after_a_write_purges_where_it_leads() {
    let cache = Cache::builder().build();
    let order = delete(|| async { Redirect::to("/p/2") }).invalidates(&cache, |_, response| {
        let to = response.headers().get("location")?.to_str().ok()?;
        Purge::prefix(to).ok()
    });
    let app = Router::new()
        .route("/p/{id}", get(show).cached(&cache, of_product()))
        .route("/p/{id}/reviews", get(show).cached(&cache, of_product()))
        .route("/orders/{id}", order);
    fill(&app, &["/p/1", "/p/2", "/p/2/reviews"]).await;
    assert_eq!(send(&app, "DELETE", "/orders/7").await.status, 303);
    assert!(is_hit(&app, "/p/1").await);
    assert!(!is_hit(&app, "/p/2").await && !is_hit(&app, "/p/2/reviews").await);
}
