use std::time::Duration;

use axum::Router;
use larder_axum::{CoveredPolicy, cached_handler};

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::shared(Duration::from_secs(60));
    let route = cached_handler("text").cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
