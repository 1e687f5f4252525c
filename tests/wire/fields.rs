//! Fields that servers and connections have a say in.

use axum::body::Body;

use crate::net::{Client, Protocol, Site, everywhere, response};

#[tokio::test]
async fn hit_has_the_stored_date_once_and_its_age() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, &[("cache-control", "max-age=60")], "a").await;
        let stored = site.clock.date(0);
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        site.clock.advance(7);
        let hit = client.get("/a").await;
        assert_eq!(
            (hit.field("date"), hit.field("age")),
            (stored.as_str(), "7")
        );
        assert_eq!(hit.field("cache-status"), "larder; hit; ttl=53");
    })
    .await;
}

#[tokio::test]
async fn date_of_the_handler_is_kept() {
    everywhere(|stack, protocol| async move {
        let fields = &[
            ("cache-control", "max-age=60"),
            ("date", "Fri, 15 Jan 2027 07:59:50 GMT"),
        ];
        let site = Site::of(stack, fields, "a").await;
        let mut client = Client::open(&site, protocol).await;
        for age in [None, Some("10")] {
            let reply = client.get("/a").await;
            assert_eq!(reply.field("date"), "Fri, 15 Jan 2027 07:59:50 GMT");
            assert_eq!(reply.has("age").then(|| reply.field("age")), age);
        }
    })
    .await;
}

#[tokio::test]
async fn only_if_cached_is_answered_without_the_handler() {
    everywhere(|stack, protocol| async move {
        let site = Site::of(stack, &[("cache-control", "max-age=60")], "a").await;
        let mut client = Client::open(&site, protocol).await;
        let asked = [("cache-control", "only-if-cached")];
        let refused = client.read("GET", "/a", &asked).await;
        assert_eq!((refused.status.as_u16(), refused.text()), (504, ""));
        assert_eq!(site.calls(), 0);
        client.get("/a").await;
        let hit = client.read("GET", "/a", &asked).await;
        assert_eq!(
            (hit.status.as_u16(), hit.text(), site.calls()),
            (200, "a", 1)
        );
    })
    .await;
}

/// A field of one connection would make a message over HTTP/2 malformed.
#[tokio::test]
async fn fields_of_a_connection_are_not_replayed() {
    everywhere(|stack, _| async move {
        let site = Site::start(stack, |_, _| async {
            let fields = [
                ("cache-control", "max-age=60"),
                ("connection", "x-hop"),
                ("keep-alive", "timeout=5"),
                ("x-hop", "1"),
                ("x-end", "1"),
            ];
            response(&fields, Body::from("a"))
        })
        .await;
        let mut first = Client::open(&site, Protocol::Http1).await;
        assert_eq!(first.get("/a").await.field("x-hop"), "1");
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let hit = Client::open(&site, protocol).await.get("/a").await;
            assert!(hit.is_hit() && hit.has("x-end"));
            assert!(!hit.has("connection") && !hit.has("keep-alive") && !hit.has("x-hop"));
        }
    })
    .await;
}

#[tokio::test]
async fn what_one_protocol_stored_the_other_is_served() {
    everywhere(|stack, protocol| async move {
        let other = match protocol {
            Protocol::Http1 => Protocol::Http2,
            Protocol::Http2 => Protocol::Http1,
        };
        let site = Site::of(stack, &[("cache-control", "max-age=60")], "a").await;
        Client::open(&site, protocol).await.get("/a?b=1").await;
        assert!(
            Client::open(&site, other)
                .await
                .get("/a?b=1")
                .await
                .is_hit()
        );
    })
    .await;
}
