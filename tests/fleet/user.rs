//! [`User`]: one of those who each have responses of their own.

use axum::body::Body;
use http::Request;
use larder::{CacheLayer, KeyPart, PartWriter, RoutePolicy, SharedSettings};
use larder_testing::FakeStore;
use larder_tests::get;

use crate::node::Node;
use crate::site::{Site, secs};

#[derive(Clone)]
pub(crate) struct User(pub(crate) &'static str);

impl KeyPart for User {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

/// A node that keeps what each user gets for a minute, for him alone.
pub(crate) async fn node_per_user(site: &Site, store: &FakeStore) -> Node {
    let settings = SharedSettings::new();
    let per_user =
        |layer: CacheLayer| layer.with_route_policy(RoutePolicy::per_user::<User>(secs(60)));
    let node = site.node_with(store.link(), settings, per_user);
    node.ready().await
}

pub(crate) fn get_by(user: &'static str) -> Request<Body> {
    let mut request: Request<Body> = get("/me");
    request.extensions_mut().insert(User(user));
    request
}
