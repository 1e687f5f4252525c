use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query};
use larder_axum::{CoveredPolicy, cached_handler};

async fn handler(Path(_): Path<u64>, query: Query<HashMap<String, String>>) -> String {
    format!("{query:?}")
}

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::shared(Duration::from_secs(60));
    let route = cached_handler(handler).cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
