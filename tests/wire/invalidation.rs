use axum::body::Body;
use http_body_util::BodyExt;
use larder_tests::Reply;

use crate::net::{Client, Protocol, Site, everywhere, pieces, response};

#[tokio::test]
async fn post_with_content_invalidates_before_it_is_answered() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |request, calls| async move {
            let sent = request.into_body().collect().await.unwrap().to_bytes();
            let text = format!("call {} got {} bytes", calls + 1, sent.len());
            response(&[("cache-control", "max-age=60")], Body::from(text))
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        client.get("/b").await;
        assert!(client.get("/a").await.is_hit());
        let posted = client
            .send("POST", "/a", &[], pieces(&["new ", "state"]))
            .await;
        assert_eq!(Reply::read(posted).await.text(), "call 3 got 9 bytes");
        assert_eq!(client.get("/a").await.text(), "call 4 got 0 bytes");
        assert!(client.get("/a").await.is_hit());
        assert!(client.get("/b").await.is_hit());
    })
    .await;
}

#[tokio::test]
async fn post_over_one_protocol_invalidates_what_another_stored() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, &[("cache-control", "max-age=60")], "a").await;
        for other in [Protocol::Http1, Protocol::Http2] {
            let mut reader = Client::open(&site, other).await;
            reader.get("/a").await;
            assert!(reader.get("/a").await.is_hit());
            Client::open(&site, protocol)
                .await
                .read("POST", "/a", &[])
                .await;
            assert!(!reader.get("/a").await.is_hit());
        }
    })
    .await;
}

#[tokio::test]
async fn post_that_fails_invalidates_nothing() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |request, _| async move {
            let mut reply = response(&[("cache-control", "max-age=60")], Body::from("a"));
            if request.method() == "POST" {
                *reply.status_mut() = http::StatusCode::CONFLICT;
            }
            reply
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        assert_eq!(client.read("POST", "/a", &[]).await.status, 409);
        assert!(client.get("/a").await.is_hit());
    })
    .await;
}
