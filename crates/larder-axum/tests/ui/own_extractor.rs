use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::{StatusCode, request::Parts};
use larder_axum::{CoveredPolicy, cached_handler};

struct CurrentUser(String);

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let name = parts.extensions.get::<String>();
        name.cloned().map(Self).ok_or(StatusCode::FORBIDDEN)
    }
}

async fn handler(Path(_): Path<u64>, user: CurrentUser) -> String {
    user.0
}

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::shared(Duration::from_secs(60));
    let route = cached_handler(handler).cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
