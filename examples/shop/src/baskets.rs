//! What is in each user's basket, at today's prices. A basket depends on the products in it: its handler
//! says so with tags, and who edits a product names the same tags.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use larder::RoutePolicy;
use larder_axum::{CacheHint, Cached};
use serde_json::json;

use crate::catalogue::Catalogue;
use crate::house::House;
use crate::identity::UserId;
use crate::secs;

pub fn routes(house: House<'_>) -> Router<Arc<Catalogue>> {
    let own = house.rules(RoutePolicy::per_user::<UserId>(secs(600)));
    Router::new().route("/me/basket", get(basket).cached(house.cache, own))
}

async fn basket(
    State(catalogue): State<Arc<Catalogue>>,
    user: Option<Extension<UserId>>,
) -> Response {
    let Some(Extension(UserId(name))) = user else {
        return (StatusCode::UNAUTHORIZED, "log in first\n").into_response();
    };
    let products = products_of(name);
    let prices = catalogue.prices(products);
    let total: u32 = prices.iter().sum();
    let tags = products.iter().map(|id| tag_of(*id));
    let said = Json(json!({ "basket_of": name, "products": products, "cents": total }));
    (CacheHint::new().tags(tags), said).into_response()
}

/// What depends on a product has this tag.
pub fn tag_of(product: u32) -> String {
    format!("product:{product}")
}

const fn products_of(user: &str) -> &'static [u32] {
    match user.as_bytes() {
        b"alice" => &[1, 42],
        b"bob" => &[2, 42],
        b"carol" => &[1, 2],
        _ => &[],
    }
}
