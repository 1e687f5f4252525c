use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery};
use larder_axum::{CoveredPolicy, cached_handler};

async fn handler((Path(id), RawQuery(query)): (Path<String>, RawQuery)) -> String {
    query.unwrap_or(id)
}

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::shared(Duration::from_secs(60));
    let route = cached_handler(handler).cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
