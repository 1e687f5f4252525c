//! Clients that leave before their response is complete.

use std::sync::Mutex;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use larder::CacheLayer;
use larder_tests::{Gate, Reply, settle};
use tokio::sync::mpsc::Sender;

use crate::net::{Chunk, Client, Protocol, Site, Stack, channel, everywhere, response};

#[tokio::test]
async fn body_is_fetched_to_its_end_and_stored_when_its_reader_leaves() {
    everywhere(|stack, protocol| async move {
        let (site, writer) = half_read(stack, protocol, true).await;
        writer.send(Ok(Bytes::from_static(b"body"))).await.unwrap();
        drop(writer);
        let mut client = Client::open(&site, protocol).await;
        let asked = [("cache-control", "only-if-cached")];
        let hit = loop {
            let reply = client.read("GET", "/a", &asked).await;
            if reply.status == 200 {
                break reply;
            }
        };
        assert_eq!((hit.is_hit(), hit.text()), (true, "whole body"));
        assert_eq!(site.calls(), 1);
    })
    .await;
}

#[tokio::test]
async fn reader_who_comes_after_another_left_gets_the_whole_body() {
    everywhere(|stack, protocol| async move {
        let (site, writer) = half_read(stack, protocol, true).await;
        let mut client = Client::open(&site, protocol).await;
        let late = client.send("GET", "/a", &[], Body::empty()).await;
        writer.send(Ok(Bytes::from_static(b"body"))).await.unwrap();
        drop(writer);
        let late = Reply::read(late).await;
        assert_eq!(late.text(), "whole body");
        let told = "larder; fwd=uri-miss; collapsed";
        assert_eq!(late.field("cache-status"), told);
        assert_eq!(site.calls(), 1);
    })
    .await;
}

#[tokio::test]
async fn half_a_body_is_not_stored_when_it_is_let_go_with_its_reader() {
    everywhere(|stack, protocol| async move {
        let (site, writer) = half_read(stack, protocol, false).await;
        writer.closed().await;
        assert_fetched_anew(&site, protocol).await;
    })
    .await;
}

#[tokio::test]
async fn half_a_body_is_not_stored_when_it_breaks_off_after_its_reader_left() {
    for finish in [true, false] {
        everywhere(|stack, protocol| async move {
            let (site, writer) = half_read(stack, protocol, finish).await;
            let broken = std::io::Error::other("broken off");
            let _ = writer.send(Err(broken)).await;
            writer.closed().await;
            assert_fetched_anew(&site, protocol).await;
        })
        .await;
    }
}

/// A client has left in the middle of a body, which is written by hand.
async fn half_read(stack: Stack, protocol: Protocol, finish: bool) -> (Site, Sender<Chunk>) {
    let (writer, body) = channel();
    let half = Mutex::new(Some(body));
    let layer = |layer: CacheLayer| layer.with_finish_on_disconnect(finish);
    let site = Site::with_layer(stack, layer, move |_, _| {
        let half = half.lock().unwrap().take();
        async move {
            let fields = [("cache-control", "max-age=60")];
            response(&fields, half.unwrap_or_else(|| Body::from("another body")))
        }
    })
    .await;
    let mut leaving = Client::open(&site, protocol).await;
    let response = leaving.send("GET", "/a", &[], Body::empty()).await;
    let piece = Bytes::from_static(b"whole ");
    writer.send(Ok(piece)).await.unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "whole ");
    drop((body, leaving));
    // The server, in the same thread, sees that the connection is closed.
    settle().await;
    (site, writer)
}

async fn assert_fetched_anew(site: &Site, protocol: Protocol) {
    assert_eq!(site.cache.stats().responses(), 0);
    let mut client = Client::open(site, protocol).await;
    let next = client.get("/a").await;
    assert_eq!((next.is_hit(), next.text()), (false, "another body"));
    assert!(client.get("/a").await.is_hit());
    assert_eq!(site.calls(), 2);
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

#[tokio::test]
async fn write_is_finished_and_invalidates_when_its_client_hangs_up() {
    everywhere(|stack, protocol| async move {
        let (gate, arrived) = (Gate::default(), Gate::default());
        let (passed, arrives) = (gate.clone(), arrived.clone());
        let site = Site::start(stack, move |request, calls| {
            let (gate, arrived) = (passed.clone(), arrives.clone());
            async move {
                if request.method() == "PUT" {
                    arrived.open(1);
                    gate.pass().await;
                }
                let text = format!("call {}", calls + 1);
                response(&[("cache-control", "max-age=60")], Body::from(text))
            }
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        client.get("/a").await;
        let mut leaving = Client::open(&site, protocol).await;
        tokio::select! {
            _ = leaving.send("PUT", "/a", &[], Body::empty()) => panic!("the gate is closed"),
            () = arrived.pass() => drop(leaving),
        }
        settle().await;
        assert!(client.get("/a").await.is_hit());
        gate.open(1);
        settle().await;
        let next = client.get("/a").await;
        assert_eq!((next.is_hit(), next.text()), (false, "call 3"));
        assert_eq!(site.cache.stats().invalidations(), 1);
    })
    .await;
}
