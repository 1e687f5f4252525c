//! `Connection` that names a field on which caching depends.

use larder::Key;
use larder_tests::Origin;

use crate::setting::{FRESH, annotated, keyed, outcome, plain, telling, value};

#[tokio::test]
async fn response_whose_connection_names_a_caching_field_is_not_stored() {
    for name in [
        "cache-control",
        "Age",
        "set-cookie",
        "vary",
        "content-length",
        "etag",
    ] {
        let named = format!("close, {name}");
        let origin = || Origin::ok(&[FRESH, ("connection", &named)]);
        for setup in [plain(origin()), annotated(origin())] {
            let reply = setup.get("/a").await;
            let expected = "larder; fwd=uri-miss; detail=connection-field";
            assert_eq!(outcome(&reply), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn request_cannot_hide_its_credentials() {
    let setup = plain(Origin::ok(&[("cache-control", "max-age=60")]));
    let hiding = [("cookie", "id=1"), ("connection", "cookie")];
    let reply = setup.get_with("/a", &hiding).await;
    assert_eq!(outcome(&reply), "larder; fwd=uri-miss; detail=cookie");
}

#[tokio::test]
async fn declared_field_counts_whatever_connection_says() {
    let setup = keyed(
        telling(|seen| value(seen, "x-region").to_owned()),
        Key::new().header("x-region"),
    );
    let hiding = [("x-region", "eu"), ("connection", "x-region")];
    assert_eq!(setup.get_with("/a", &hiding).await.text(), "eu");
    assert_eq!(setup.get("/a").await.text(), "none");
}
