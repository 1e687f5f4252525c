//! Answers that are not the stored response itself: 304, 206, 416.

use crate::net::{Client, Site, everywhere};

const FIELDS: &[(&str, &str)] = &[
    ("cache-control", "max-age=60"),
    ("content-type", "text/plain"),
    ("etag", "\"v1\""),
];

#[tokio::test]
async fn connection_that_got_a_304_answers_the_next_request() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, FIELDS, "hello world").await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        for _ in 0..2 {
            let unchanged = client
                .read("GET", "/a", &[("if-none-match", "\"v1\"")])
                .await;
            assert_eq!((unchanged.status.as_u16(), unchanged.text()), (304, ""));
            assert_eq!(unchanged.field("etag"), "\"v1\"");
            assert!(!unchanged.has("content-type") && !unchanged.has("content-length"));
            let hit = client.get("/a").await;
            assert_eq!((hit.is_hit(), hit.text()), (true, "hello world"));
        }
        assert_eq!(site.calls(), 1);
    })
    .await;
}

#[tokio::test]
async fn part_and_whole_follow_one_another_on_one_connection() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, FIELDS, "hello world").await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        let part = client.read("GET", "/a", &[("range", "bytes=6-")]).await;
        assert_eq!((part.status.as_u16(), part.text()), (206, "world"));
        assert_eq!(part.field("content-range"), "bytes 6-10/11");
        assert_eq!(part.field("content-length"), "5");
        let whole = client.get("/a").await;
        assert_eq!((whole.status.as_u16(), whole.text()), (200, "hello world"));
        let beyond = client.read("GET", "/a", &[("range", "bytes=11-")]).await;
        assert_eq!((beyond.status.as_u16(), beyond.text()), (416, ""));
        assert_eq!(beyond.field("content-range"), "bytes */11");
        let tail = client.read("GET", "/a", &[("range", "bytes=-1")]).await;
        assert_eq!((tail.status.as_u16(), tail.text()), (206, "d"));
        let head = client.read("HEAD", "/a", &[("range", "bytes=6-")]).await;
        assert_eq!(
            (head.status.as_u16(), head.field("content-length")),
            (200, "11")
        );
        assert!(client.get("/a").await.is_hit());
        assert_eq!(site.calls(), 1);
    })
    .await;
}
