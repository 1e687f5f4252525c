//! What a server and axum's router put into the extensions of a request.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, Router};
use larder::{Cache, RoutePolicy};
use larder_axum::Cached;
use tokio::net::TcpListener;

use crate::net::{Client, Protocol, within};

#[derive(Clone)]
struct Added;

/// Serves these routes with the address of the client among the extensions.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn routes(cache: &Cache) -> Router {
    async fn handler(ConnectInfo(client): ConnectInfo<SocketAddr>) -> String {
        client.ip().to_string()
    }
    let policy = RoutePolicy::shared(Duration::from_secs(60));
    let route = || get(handler).cached(cache, policy.clone());
    let inner = Router::new().route("/{id}", route());
    Router::new()
        .route("/plain", route())
        .nest("/nested", inner)
}

#[tokio::test]
async fn extensions_of_the_server_are_no_identity() {
    within(async {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let cache = Cache::builder().build();
            let address = serve(routes(&cache)).await;
            let mut client = Client::to(address, protocol).await;
            let cookie = [("cookie", "session=7")];
            for path in ["/plain", "/nested/7"] {
                let reply = client.read("GET", path, &cookie).await;
                let expected = "larder; fwd=uri-miss; stored";
                assert_eq!(reply.field("cache-status"), expected, "{path}");
                assert_eq!(reply.text(), "127.0.0.1");
                assert!(client.get(path).await.is_hit());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn extension_of_a_layer_may_be_one() {
    within(async {
        let cache = Cache::builder().build();
        let address = serve(routes(&cache).layer(Extension(Added))).await;
        let mut client = Client::to(address, Protocol::Http1).await;
        let reply = client.read("GET", "/plain", &[("cookie", "a=1")]).await;
        let expected = "larder; fwd=uri-miss; detail=undeclared-extension";
        assert_eq!(reply.field("cache-status"), expected);
    })
    .await;
}
