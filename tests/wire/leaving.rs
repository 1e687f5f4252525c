//! Clients that leave before their response is complete.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::mpsc::Sender;

use crate::net::{Chunk, Client, Site, channel, everywhere, response};

#[tokio::test]
async fn half_a_body_is_not_stored_when_its_reader_leaves() {
    leave(|writer| async move {
        // The server lets go of a body that nobody reads.
        writer.closed().await;
    })
    .await;
}

#[tokio::test]
async fn half_a_body_is_not_stored_when_it_breaks_off_after_its_reader_left() {
    leave(|writer| async move {
        let _ = writer.send(Err(std::io::Error::other("broken off"))).await;
        writer.closed().await;
    })
    .await;
}

/// One client leaves in the middle of a body, `then` happens, and another client comes.
async fn leave<F: Future<Output = ()>>(then: impl Fn(Sender<Chunk>) -> F + Copy) {
    everywhere(|stack, protocol| async move {
        let (writer, body) = channel();
        let half = Arc::new(Mutex::new(Some(body)));
        let site = Site::start(stack, move |_, _| {
            let half = half.lock().unwrap().take();
            async move {
                let fields = [("cache-control", "max-age=60")];
                response(&fields, half.unwrap_or_else(|| Body::from("whole body")))
            }
        })
        .await;
        let mut leaving = Client::open(&site, protocol).await;
        let response = leaving.send("GET", "/a", &[], Body::empty()).await;
        writer
            .send(Ok(Bytes::from_static(b"whole ")))
            .await
            .unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "whole ");
        drop((body, leaving));
        then(writer).await;

        let mut client = Client::open(&site, protocol).await;
        let next = client.get("/a").await;
        assert_eq!((next.is_hit(), next.text()), (false, "whole body"));
        assert!(client.get("/a").await.is_hit());
        assert_eq!(site.calls(), 2);
    })
    .await;
}

#[tokio::test]
async fn body_that_breaks_off_is_an_error_to_its_reader_and_not_stored() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |_, calls| async move {
            let fields = [("cache-control", "max-age=60")];
            if calls > 0 {
                return response(&fields, Body::from("whole body"));
            }
            let (writer, body) = channel();
            tokio::spawn(async move {
                let _ = writer.send(Ok(Bytes::from_static(b"whole "))).await;
                let _ = writer.send(Err(std::io::Error::other("broken off"))).await;
            });
            response(&fields, body)
        })
        .await;
        Client::open(&site, protocol).await.get_broken("/a").await;
        let mut client = Client::open(&site, protocol).await;
        assert_eq!(client.get("/a").await.text(), "whole body");
        assert!(client.get("/a").await.is_hit());
        assert_eq!(site.calls(), 2);
    })
    .await;
}
