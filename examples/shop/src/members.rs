//! Pages for who is logged in. Each says by its annotation whose copies there are.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use larder::{Key, RoutePolicy};
use larder_axum::Cached;
use serde_json::json;

use crate::house::House;
use crate::identity::{Roles, Tenant, User, UserId};
use crate::secs;
use crate::sessions::{Sessions, form, login, logout};

pub fn routes(house: House<'_>, sessions: &Sessions) -> Router {
    let cache = house.cache;
    let own = || house.rules(RoutePolicy::per_user::<UserId>(secs(30)));
    Router::new()
        // Inside the cache, although it sets a cookie: a response that does is not stored.
        .route(
            "/login",
            get(form)
                .post(login)
                .cached(cache, house.rules(RoutePolicy::shared(secs(60)))),
        )
        .route("/logout", post(logout))
        // A copy for each user; who is nobody bypasses the cache.
        .route("/me", get(me).cached(cache, own()))
        .route(
            "/me/orders",
            get(orders).cached(cache, own().key(Key::new().query(["page"]))),
        )
        // Answers whatever the rest of the path is, as many single-page applications do.
        .route("/me/{*rest}", get(me).cached(cache, own()))
        // The same without an annotation: the handler says nothing, and nothing is stored.
        .route("/account", get(me).layer(larder_axum::layer(cache)))
        .route("/account/{*rest}", get(me).layer(larder_axum::layer(cache)))
        // A copy for each tenant.
        .route(
            "/prices",
            get(prices).cached(
                cache,
                house.rules(RoutePolicy::per_tenant::<Tenant>(secs(60))),
            ),
        )
        // A copy for each set of roles.
        .route(
            "/dashboard",
            get(dashboard).cached(
                cache,
                house.rules(RoutePolicy::per_roles::<Roles>(secs(60))),
            ),
        )
        .with_state(sessions.clone())
}

async fn me(user: Option<Extension<UserId>>) -> Response {
    let Some(Extension(id)) = user else {
        return stranger();
    };
    let email = User::named(id.0).map(|user| user.email);
    Json(json!({ "user": id.0, "email": email })).into_response()
}

async fn orders(user: Option<Extension<UserId>>) -> Response {
    let Some(Extension(UserId(name))) = user else {
        return stranger();
    };
    Json(json!({ "orders_of": name, "parcels": [name.len(), 42] })).into_response()
}

async fn prices(tenant: Option<Extension<Tenant>>) -> Response {
    let Some(Extension(Tenant { company, branch })) = tenant else {
        return stranger();
    };
    let discount = company.len() + branch.len() * 2;
    Json(json!({ "company": company, "branch": branch, "discount": discount })).into_response()
}

async fn dashboard(roles: Option<Extension<Roles>>) -> Response {
    let Some(Extension(Roles(roles))) = roles else {
        return stranger();
    };
    let staff = roles.contains(&"admin");
    Json(json!({ "may_buy": roles.contains(&"buyer"), "sees_staff": staff })).into_response()
}

fn stranger() -> Response {
    (StatusCode::UNAUTHORIZED, "log in first\n").into_response()
}
