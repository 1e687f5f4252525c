use larder_tests::{Origin, Setup, request};

#[tokio::test]
async fn fresh_response_is_served_from_the_store_with_its_age() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    let first = setup.get("/a").await;
    assert_eq!(first.field("cache-status"), "larder; fwd=uri-miss; stored");
    setup.clock.advance(10);
    let second = setup.get("/a").await;
    assert_eq!(second.field("cache-status"), "larder; hit; ttl=50");
    assert_eq!(second.field("age"), "10");
    assert_eq!(second.text(), "call 1");
    assert_eq!(setup.origin.calls(), 1);
}

#[tokio::test]
async fn stale_response_is_validated_and_freshened() {
    let origin = Origin::new(|seen, _| {
        let validates = seen
            .headers
            .get("if-none-match")
            .is_some_and(|v| v == "\"v1\"");
        http::Response::builder()
            .status(if validates { 304 } else { 200 })
            .header("cache-control", "max-age=60")
            .header("etag", "\"v1\"")
            .body(axum::body::Body::from(if validates { "" } else { "body" }))
            .unwrap()
    });
    let setup = Setup::shared(origin);
    setup.get("/a").await;
    setup.clock.advance(61);
    let validated = setup.get("/a").await;
    assert_eq!(validated.status, 200);
    assert_eq!(validated.text(), "body");
    assert_eq!(
        validated.field("cache-status"),
        "larder; fwd=stale; fwd-status=304; ttl=60"
    );
    assert!(setup.get("/a").await.is_hit());
    assert_eq!(setup.origin.calls(), 2);
}

#[tokio::test]
async fn unsafe_request_invalidates() {
    let setup = Setup::shared(Origin::ok(&[("cache-control", "max-age=60")]));
    setup.get("/a").await;
    setup.send(request("POST", "/a", &[])).await;
    assert_eq!(setup.get("/a").await.text(), "call 3");
}
