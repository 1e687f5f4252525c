//! A GET that carries content.

use axum::body::Body;
use http::Request;
use larder_tests::Origin;

use crate::setting::{annotated, outcome, plain, telling, value};

/// That content got there is in the length.
fn reflecting() -> Origin {
    telling(|seen| value(seen, "content-length").to_owned())
}

fn fat(method: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri("/a");
    let request = request.header("content-length", "4");
    request.body(Body::from("evil")).unwrap()
}

#[tokio::test]
async fn bypasses_both_ways() {
    for setup in [plain(reflecting()), annotated(reflecting())] {
        for method in ["GET", "HEAD", "GET"] {
            let reply = setup.send(fat(method)).await;
            let bypass = "larder; fwd=bypass; detail=request-content";
            assert_eq!(outcome(&reply), bypass, "{method}");
            assert_eq!(setup.get("/a").await.text(), "none", "{method}");
        }
        assert!(setup.get("/a").await.is_hit());
    }
}
