//! What passes through the cache without being kept: events, upgraded connections, large downloads.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Mutex;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use larder_tests::settle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::net::{ALL, Client, Protocol, Site, Stack, channel, everywhere, response, within};

const EVENTS: [(&str, &str); 2] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
];

#[tokio::test]
async fn events_pass_one_by_one_to_each_of_their_readers() {
    everywhere(|stack, protocol| async move {
        let (writers, bodies): (Vec<_>, Vec<_>) = (0..2).map(|_| channel()).unzip();
        let bodies = Mutex::new(bodies.into_iter());
        let site = Site::start(stack, move |_, _| {
            let body = bodies.lock().unwrap().next().expect("two calls");
            async move { response(&EVENTS, body) }
        })
        .await;
        let mut readers = Vec::new();
        for _ in &writers {
            let mut client = Client::open(&site, protocol).await;
            let events = client.send("GET", "/a", &[], Body::empty()).await;
            let told = "larder; fwd=uri-miss; detail=no-store";
            assert_eq!(events.headers()["cache-status"], told);
            readers.push((client, events.into_body()));
        }
        for count in 0..50 {
            for (number, (_, body)) in readers.iter_mut().enumerate() {
                let event = Bytes::from(format!("data: {count} for {number}\n\n"));
                writers[number].send(Ok(event.clone())).await.unwrap();
                let read = body.frame().await.unwrap().unwrap();
                assert_eq!(read.into_data().unwrap(), event);
            }
        }
        let stats = site.cache.stats();
        assert_eq!(
            (stats.fills(), stats.fill_bytes(), stats.bytes()),
            (0, 0, 0)
        );
        // The handler learns that its reader has left.
        drop(readers);
        for writer in writers {
            writer.closed().await;
        }
    })
    .await;
}

/// Upgrades to a protocol that says hello and sends back what it is sent, in capitals.
async fn shout(mut request: Request<Body>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        io.write_all(b"hello").await.unwrap();
        let mut heard = [0; 4];
        while io.read_exact(&mut heard).await.is_ok() {
            io.write_all(&heard.to_ascii_uppercase()).await.unwrap();
        }
    });
    let fields = [
        ("connection", "upgrade"),
        ("upgrade", "shout"),
        ("cache-control", "max-age=60"),
    ];
    let mut response = response(&fields, Body::empty());
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    response
}

#[tokio::test]
async fn upgraded_connection_carries_bytes_both_ways() {
    for (stack, protocol) in ALL {
        if protocol == Protocol::Http2 {
            continue;
        }
        let talk = async {
            let site = Site::start(stack, |request, _| shout(request)).await;
            for calls in 1..=2 {
                let mut client = Client::open(&site, protocol).await;
                let asked = [("connection", "upgrade"), ("upgrade", "shout")];
                let response = client.send("GET", "/a", &asked, Body::empty()).await;
                assert_eq!(response.status(), 101);
                assert_eq!(response.headers()["upgrade"], "shout");
                let upgraded = hyper::upgrade::on(response).await.unwrap();
                let mut io = TokioIo::new(upgraded);
                let mut heard = [0; 5];
                io.read_exact(&mut heard).await.unwrap();
                assert_eq!(&heard, b"hello");
                for said in [b"some", b"more"] {
                    io.write_all(said).await.unwrap();
                    let mut heard = [0; 4];
                    io.read_exact(&mut heard).await.unwrap();
                    assert_eq!(heard, said.to_ascii_uppercase()[..]);
                }
                assert_eq!(site.calls(), calls);
            }
            let stats = site.cache.stats();
            assert_eq!((stats.bypasses(), stats.responses()), (2, 0));
        };
        within(talk).await;
    }
}

const PIECE: usize = 64 << 10;
const PIECES: usize = 1024;

/// Content that tells whether it is in place.
fn piece(number: usize) -> Bytes {
    vec![(number % 251) as u8; PIECE].into()
}

/// 64 MiB, made as they are asked for.
fn large() -> Body {
    let pieces = (0..PIECES).map(piece).map(Ok::<_, Infallible>);
    Body::from_stream(stream::iter(pieces))
}

async fn assert_large(body: Incoming) {
    let mut body = pin!(body);
    let (mut number, mut expected) = (0, Bytes::new());
    while let Some(frame) = body.frame().await {
        let mut data = frame.unwrap().into_data().unwrap();
        while !data.is_empty() {
            if expected.is_empty() {
                expected = piece(number);
                number += 1;
            }
            let length = data.len().min(expected.len());
            assert!(data.split_to(length) == expected.split_to(length));
        }
    }
    assert!(number == PIECES && expected.is_empty());
}

/// What a server, a client, and all that is between them hold at most while one is sent.
fn memory_of_a_download(stack: Stack, protocol: Protocol, fields: &'static [Field]) -> u64 {
    let download = async move {
        let site = Site::start(stack, move |_, _| async move { response(fields, large()) }).await;
        let mut client = Client::open(&site, protocol).await;
        let response = client.send("GET", "/a", &[], Body::empty()).await;
        // A client that takes its time.
        for _ in 0..16 {
            settle().await;
        }
        assert_large(response.into_body()).await;
        let stats = site.cache.stats();
        assert_eq!((stats.fill_bytes(), stats.stored()), (0, 0));
    };
    let memory = allocation_counter::measure(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(within(download));
    });
    memory.bytes_max
}

type Field = (&'static str, &'static str);

#[test]
fn large_download_takes_little_memory() {
    const LENGTH: Field = ("content-length", "67108864");
    const ONLY_PASSED: Field = ("cache-control", "no-store");
    const STORABLE: Field = ("cache-control", "max-age=60");
    for fields in [
        &[ONLY_PASSED][..],
        &[ONLY_PASSED, LENGTH],
        &[STORABLE],
        &[STORABLE, LENGTH],
    ] {
        for (stack, protocol) in ALL {
            let most = memory_of_a_download(stack, protocol, fields);
            assert!(
                most < 4 << 20,
                "{most} bytes: {stack:?} {protocol:?} {fields:?}"
            );
        }
    }
}
