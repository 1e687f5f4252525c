//! What the shop's own people may do: drop what is stored, by tag.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use larder::{Cache, Purge};
use serde_json::{Value, json};

use crate::identity::Roles;

pub fn routes(cache: &Cache) -> Router {
    Router::new()
        .route("/purge", post(purge))
        .with_state(cache.clone())
}

/// Tells first what it is going to hit. `{"tag":"product:42","soft":true}` leaves it stale.
async fn purge(
    State(cache): State<Cache>,
    roles: Option<Extension<Roles>>,
    Json(asked): Json<Value>,
) -> Response {
    if !roles.is_some_and(|Extension(Roles(roles))| roles.contains(&"admin")) {
        return (StatusCode::FORBIDDEN, "for the shop's own people\n").into_response();
    }
    let Some(tag) = asked.get("tag").and_then(Value::as_str) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "name a tag\n").into_response();
    };
    let mut purge = Purge::tag(tag);
    if asked.get("soft").is_some_and(|soft| soft == true) {
        purge = purge.soft();
    }
    let hit = cache.estimate(&purge);
    let receipt = cache.purge(purge);
    let said = json!({
        "responses": hit.responses(),
        "bytes": hit.bytes(),
        "soft": receipt.purge().is_soft(),
        "position": receipt.position(),
    });
    Json(said).into_response()
}
