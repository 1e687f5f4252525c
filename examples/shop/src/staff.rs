//! What the shop's own people may do: drop what is stored, by tag, and see how the fleet is.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use larder::{Cache, Purge, Receipt};
use serde_json::{Value, json};

use crate::identity::Roles;

pub fn routes(cache: &Cache) -> Router {
    Router::new()
        .route("/purge", post(purge))
        .route("/fleet", get(fleet))
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
    let mut said = json!({
        "responses": hit.responses(),
        "bytes": hit.bytes(),
        "soft": receipt.purge().is_soft(),
        "position": receipt.position(),
    });
    if cache.shared_stats().is_some() {
        said["everywhere"] = everywhere(&receipt).await;
    }
    Json(said).into_response()
}

/// On how many nodes it is gone, or why that is not known.
async fn everywhere(receipt: &Receipt) -> Value {
    match receipt.everywhere(Duration::from_secs(1)).await {
        Ok(nodes) => json!({ "nodes": nodes }),
        Err(error) => json!({ "no": error.to_string() }),
    }
}

/// What this node and the store that it shares with others did for one another.
async fn fleet(State(cache): State<Cache>) -> Response {
    let Some(stats) = cache.shared_stats() else {
        return (StatusCode::NOT_FOUND, "this shop is alone\n").into_response();
    };
    let said = json!({
        "joined": cache.is_joined(),
        "hits": stats.hits(),
        "misses": stats.misses(),
        "written": stats.written(),
        "purges_appended": stats.appended(),
        "purges_applied": stats.applied(),
        "purges_waiting": stats.queued_purges(),
        "failures": stats.failures(),
        "log_restarts": stats.log_restarts(),
    });
    Json(said).into_response()
}
