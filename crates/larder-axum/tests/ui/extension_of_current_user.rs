use std::time::Duration;

use axum::{Extension, Router};
use larder_axum::{CoveredPolicy, cached_handler};

#[derive(Clone)]
struct CurrentUser(String);

async fn handler(Extension(user): Extension<CurrentUser>) -> String {
    user.0
}

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::shared(Duration::from_secs(60));
    let route = cached_handler(handler).cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
