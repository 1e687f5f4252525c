use std::convert::Infallible;
use std::sync::Mutex;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use larder_tests::{Reply, feed};

use crate::net::{Client, Protocol, Site, channel, everywhere, pieces, response};

#[tokio::test]
async fn first_piece_arrives_while_the_handler_is_still_writing() {
    everywhere(|stack, protocol| async move {
        let (writer, body) = channel();
        let body = Mutex::new(Some(body));
        let site = Site::start(stack, move |_, _| {
            let body = body.lock().unwrap().take().expect("called once");
            async move { response(&[("cache-control", "max-age=60")], body) }
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        let mut streamed = client
            .send("GET", "/a", &[], Body::empty())
            .await
            .into_body();
        writer
            .send(Ok(Bytes::from_static(b"first ")))
            .await
            .unwrap();
        let first = streamed
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap();
        assert_eq!(first, "first ");

        writer
            .send(Ok(Bytes::from_static(b"second")))
            .await
            .unwrap();
        drop(writer);
        assert_eq!(streamed.collect().await.unwrap().to_bytes(), "second");
        let hit = client.get("/a").await;
        assert!(hit.is_hit());
        assert_eq!(hit.text(), "first second");
    })
    .await;
}

#[tokio::test]
async fn response_without_a_length_is_replayed_with_one() {
    everywhere(|stack, protocol| async move {
        let (writer, body) = channel();
        let body = Mutex::new(Some(body));
        let site = Site::start(stack, move |_, _| {
            let body = body.lock().unwrap().take().expect("called once");
            async move { response(&[("cache-control", "max-age=60")], body) }
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        let miss = client.send("GET", "/a", &[], Body::empty()).await;
        for piece in ["a", "", "bc", "def"] {
            let piece = Bytes::from_static(piece.as_bytes());
            writer.send(Ok(piece)).await.unwrap();
        }
        drop(writer);
        let miss = Reply::read(miss).await;
        assert!(!miss.has("content-length"));
        assert_eq!(miss.has("transfer-encoding"), protocol == Protocol::Http1);
        assert_eq!(miss.text(), "abcdef");
        assert_replayed(&site, &mut client).await;
    })
    .await;
}

#[tokio::test]
async fn response_without_a_length_that_was_all_there_has_one_from_the_start() {
    everywhere(|stack, protocol| async move {
        let fields = &[("cache-control", "max-age=60")];
        let body = || pieces(&["a", "", "bc", "def"]);
        let site = Site::start(stack, move |_, _| async move { response(fields, body()) }).await;
        let mut client = Client::open(&site, protocol).await;
        let miss = client.get("/a").await;
        assert_eq!(miss.field("content-length"), "6");
        assert!(!miss.has("transfer-encoding"));
        assert_eq!(miss.text(), "abcdef");
        assert_replayed(&site, &mut client).await;
    })
    .await;
}

async fn assert_replayed(site: &Site, client: &mut Client) {
    let hit = client.get("/a").await;
    assert!(hit.is_hit());
    assert_eq!(hit.field("content-length"), "6");
    assert!(!hit.has("transfer-encoding"));
    assert_eq!(hit.text(), "abcdef");
    let head = client.read("HEAD", "/a", &[]).await;
    assert_eq!(head.field("content-length"), "6");
    assert_eq!(site.calls(), 1);
}

/// A server takes trailers for the end and does not ask for more: that is a complete body.
#[tokio::test]
async fn body_that_ends_with_trailers_is_stored_without_them() {
    everywhere(|stack, protocol| async move {
        let site = Site::start(stack, |_, _| async {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-checksum", HeaderValue::from_static("7"));
            let data = Frame::data(Bytes::from_static(b"data"));
            let frames = [data, Frame::trailers(trailers)].map(Ok::<_, Infallible>);
            let body = Body::new(StreamBody::new(stream::iter(frames)));
            let fields = [("cache-control", "max-age=60"), ("trailer", "x-checksum")];
            response(&fields, body)
        })
        .await;
        let mut client = Client::open(&site, protocol).await;
        let miss = client.read("GET", "/a", &[("te", "trailers")]).await;
        assert_eq!(miss.text(), "data");
        assert_eq!(miss.trailers.expect("trailers")["x-checksum"], "7");
        let hit = client.read("GET", "/a", &[("te", "trailers")]).await;
        assert!(hit.is_hit());
        assert_eq!((hit.text(), &hit.trailers), ("data", &None));
    })
    .await;
}

/// As gRPC does it: messages that come one by one, and a status at the end.
#[tokio::test]
async fn trailers_of_a_stream_reach_those_who_read_it() {
    everywhere(|stack, protocol| async move {
        let (feeder, body) = feed();
        let body = Mutex::new(Some(body));
        let site = Site::start(stack, move |_, _| {
            let body = body.lock().unwrap().take().expect("called once");
            let fields = [
                ("cache-control", "max-age=60"),
                ("content-type", "application/grpc"),
                ("trailer", "grpc-status"),
            ];
            async move { response(&fields, body.into()) }
        })
        .await;
        let asked = [("te", "trailers")];
        let mut readers = Vec::new();
        feeder.data("one ");
        for told in [
            "larder; fwd=uri-miss; stored",
            "larder; fwd=uri-miss; collapsed",
        ] {
            let mut client = Client::open(&site, protocol).await;
            let stream = client.send("GET", "/a", &asked, Body::empty()).await;
            assert_eq!(stream.headers()["cache-status"], told);
            let mut body = stream.into_body();
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.into_data().unwrap(), "one ");
            readers.push((client, body));
        }
        feeder.data("two");
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        feeder.trailers(trailers);
        for (follows, (_, body)) in readers.iter_mut().enumerate() {
            let rest = body.collect().await.unwrap();
            // HTTP/1.1 has to announce them, and what is stored has no such announcement.
            if follows == 0 || protocol == Protocol::Http2 {
                assert_eq!(rest.trailers().expect("trailers")["grpc-status"], "0");
            }
            assert_eq!(rest.to_bytes(), "two");
        }
        let hit = Client::open(&site, protocol).await.get("/a").await;
        assert_eq!((hit.is_hit(), hit.text()), (true, "one two"));
        assert_eq!(site.calls(), 1);
        drop(feeder);
    })
    .await;
}

/// As large as the largest body that is stored.
#[tokio::test]
async fn mebibyte_is_the_same_on_every_hit_whoever_stored_it() {
    let mebibyte: Vec<u8> = (0..1u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mebibyte = Bytes::from(mebibyte);
    everywhere(|stack, protocol| {
        let mebibyte = mebibyte.clone();
        async move {
            let body = mebibyte.clone();
            let fields = &[("cache-control", "max-age=60")];
            let site = Site::start(stack, move |_, _| {
                let body = body.clone();
                async move { response(fields, Body::from(body)) }
            })
            .await;
            let mut first = Client::open(&site, protocol).await;
            assert!(first.get("/a").await.body == mebibyte);
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let mut client = Client::open(&site, protocol).await;
                let hit = client.get("/a").await;
                assert!(hit.is_hit());
                assert_eq!(hit.field("content-length"), "1048576");
                assert!(hit.body == mebibyte);
            }
            assert_eq!(site.calls(), 1);
        }
    })
    .await;
}
