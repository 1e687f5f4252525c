use axum::body::Body;

use crate::net::{Client, Site, everywhere, response};

const FIELDS: &[(&str, &str)] = &[("cache-control", "max-age=60"), ("content-length", "5")];

#[tokio::test]
async fn head_from_a_stored_get_keeps_the_length_and_the_connection() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, FIELDS, "hello").await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        let head = client.read("HEAD", "/a", &[]).await;
        assert!(head.is_hit() && head.body.is_empty());
        assert_eq!(head.field("content-length"), "5");
        let hit = client.get("/a").await;
        assert_eq!((hit.is_hit(), hit.text(), site.calls()), (true, "hello", 1));
    })
    .await;
}

#[tokio::test]
async fn head_that_is_forwarded_is_stored_for_head_only() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |request, _| async move {
            let head = request.method() == "HEAD";
            let body = if head {
                Body::empty()
            } else {
                Body::from("hello")
            };
            response(FIELDS, body)
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        for hit in [false, true] {
            let head = client.read("HEAD", "/a", &[]).await;
            assert_eq!(head.is_hit(), hit);
            assert_eq!((head.field("content-length"), head.text()), ("5", ""));
        }
        let get = client.get("/a").await;
        assert_eq!(
            (get.is_hit(), get.text(), site.calls()),
            (false, "hello", 2)
        );
    })
    .await;
}

#[tokio::test]
async fn content_in_the_answer_to_a_head_is_not_relayed() {
    everywhere(|stack, protocol| async move {
        for fields in [FIELDS, &[("cache-control", "no-store")][..]] {
            let site = Site::of(stack, fields, "hello").await;
            let mut client = Client::open(&site, protocol).await;
            let head = client.read("HEAD", "/a", &[]).await;
            assert_eq!((head.field("content-length"), head.text()), ("5", ""));
            assert_eq!(client.get("/a").await.text(), "hello");
        }
    })
    .await;
}
