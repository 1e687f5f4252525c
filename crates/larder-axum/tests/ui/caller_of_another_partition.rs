use std::time::Duration;

use axum::Router;
use larder::{KeyPart, PartWriter};
use larder_axum::{Caller, CoveredPolicy, cached_handler};

#[derive(Clone)]
struct UserId(u64);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}

#[derive(Clone)]
struct TenantId(u64);

impl KeyPart for TenantId {
    const NAME: &'static str = "tenant";

    fn write(&self, out: &mut PartWriter) {
        out.number(self.0);
    }
}

async fn handler(Caller(user): Caller<UserId>) -> String {
    user.0.to_string()
}

fn main() {
    let cache = larder::Cache::builder().build();
    let policy = CoveredPolicy::per_tenant::<TenantId>(Duration::from_secs(60));
    let route = cached_handler(handler).cached(&cache, policy);
    let _: Router = Router::new().route("/", route);
}
