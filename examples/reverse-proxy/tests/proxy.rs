//! The proxy over real sockets, in front of a small origin.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use larder::{Cache, Policy};
use reverse_proxy::{Options, proxy, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers with the request it got, one field a line, fresh for a minute.
async fn origin(calls: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let calls = Arc::clone(&calls);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move { Ok::<_, Infallible>(echo(request)) }
            });
            let http1 = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http1.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn echo(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    Response::builder()
        .header("cache-control", "max-age=60")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .body(Full::from(text))
        .unwrap()
}

async fn start(origin: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = proxy(Options {
        origin: origin.to_string().parse().unwrap(),
        policy: Policy::shared(),
        cache: Cache::builder().build(),
        name: "larder-test".to_owned(),
        timeout: Duration::from_secs(5),
    });
    tokio::spawn(serve(listener, service, std::future::pending()));
    address
}

async fn get(proxy: SocketAddr, fields: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut request = Request::get(format!("http://{proxy}/a?b=c"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::new()).unwrap();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (parts.status, parts.headers, text)
}

#[tokio::test]
async fn second_get_is_a_hit() {
    let calls = Arc::new(AtomicUsize::new(0));
    let proxy = start(origin(Arc::clone(&calls)).await).await;
    let (status, headers, first) = get(proxy, &[("host", "shop.example")]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["cache-status"], "larder; fwd=uri-miss; stored");
    assert!(first.starts_with("GET /a?b=c\n"), "{first}");
    assert!(first.contains("host: shop.example\n"), "{first}");
    let (_, headers, second) = get(proxy, &[("host", "shop.example")]).await;
    assert_eq!(headers["via"], "1.1 larder-test");
    assert!(headers.contains_key("age"));
    assert_eq!(first, second);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn fields_of_one_connection_end_here() {
    let proxy = start(origin(Arc::default()).await).await;
    let fields = [
        ("connection", "x-mine"),
        ("x-mine", "1"),
        ("proxy-authorization", "Basic eA=="),
        ("te", "trailers, gzip"),
        ("x-kept", "1"),
    ];
    let (_, headers, text) = get(proxy, &fields).await;
    assert!(!headers.contains_key("x-hop"));
    for absent in ["x-mine", "proxy-authorization", "gzip"] {
        assert!(!text.contains(absent), "{text}");
    }
    for present in ["x-kept: 1\n", "te: trailers\n", "via: 1.1 larder-test\n"] {
        assert!(text.contains(present), "{text}");
    }
}

#[tokio::test]
async fn a_request_that_comes_round_is_refused() {
    let proxy = start(origin(Arc::default()).await).await;
    let (status, ..) = get(proxy, &[("via", "1.1 other, 1.1 larder-test")]).await;
    assert_eq!(status, StatusCode::LOOP_DETECTED);
}

#[tokio::test]
async fn an_unreachable_origin_is_a_bad_gateway() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let (status, _, text) = get(start(address).await, &[]).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(text, "502 Bad Gateway\n");
}

#[tokio::test]
async fn a_get_lost_on_a_dying_connection_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        let (mut first, _) = listener.accept().await.unwrap();
        assert_ne!(first.read(&mut buffer).await.unwrap(), 0);
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        assert_ne!(second.read(&mut buffer).await.unwrap(), 0);
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        second.write_all(response).await.unwrap();
    });
    let (status, _, text) = get(start(address).await, &[]).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "ok"));
}
