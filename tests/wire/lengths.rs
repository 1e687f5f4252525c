//! Bodies that are not as long as their Content-Length says.

use crate::net::{Client, Protocol, Site, everywhere, pieces, response};

#[tokio::test]
async fn body_shorter_than_its_length_is_an_error_and_not_stored() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |_, calls| async move {
            let length = if calls == 0 { "10" } else { "5" };
            let fields = [("cache-control", "max-age=60"), ("content-length", length)];
            response(&fields, pieces(&["hel", "lo"]))
        })
        .await;
        Client::open(&site, protocol).await.get_broken("/a").await;
        let mut client = Client::open(&site, protocol).await;
        let whole = client.get("/a").await;
        assert_eq!((whole.is_hit(), whole.text()), (false, "hello"));
        assert!(client.get("/a").await.is_hit());
        assert_eq!(site.calls(), 2);
    })
    .await;
}

#[tokio::test]
async fn body_longer_than_its_length_is_not_stored() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |request, _| async move {
            let fields = [("cache-control", "max-age=60"), ("content-length", "5")];
            let body = match request.uri().path() {
                "/inside" => pieces(&["hel", "lo world"]),
                _ => pieces(&["hello", " world"]),
            };
            response(&fields, body)
        })
        .await;
        for path in ["/inside", "/after"] {
            for calls in 1..3 {
                let before = site.calls();
                let mut client = Client::open(&site, protocol).await;
                match protocol {
                    // The server cuts the body off where it should have ended.
                    Protocol::Http1 => assert_eq!(client.get(path).await.text(), "hello"),
                    Protocol::Http2 => client.get_broken(path).await,
                }
                assert_eq!(site.calls(), before + 1, "{path} {calls}");
            }
        }
    })
    .await;
}
