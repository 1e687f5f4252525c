//! A proxy that is, by some way round, its own origin. Only a proxy can see that it is; the example
//! `reverse-proxy` looks for its own name in `Via`.

use std::net::SocketAddr;
use std::time::Duration;

use larder::{Cache, Policy};
use reverse_proxy::{Options, proxy, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy on this socket in front of that origin.
fn start(listener: TcpListener, origin: SocketAddr, name: &str) -> Cache {
    let cache = Cache::builder().build();
    let options = Options {
        origin: origin.to_string().parse().unwrap(),
        policy: Policy::shared(),
        cache: cache.clone(),
        name: name.to_owned(),
        timeout: Duration::from_secs(5),
    };
    tokio::spawn(serve(listener, proxy(options), std::future::pending()));
    cache
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The status of a GET with these lines.
async fn ask(proxy: SocketAddr, lines: &str) -> String {
    let mut socket = TcpStream::connect(proxy).await.unwrap();
    let request = format!("GET /a HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.unwrap();
    String::from_utf8(head.to_vec()).unwrap()
}

#[tokio::test]
async fn proxy_in_front_of_itself_is_refused_the_second_time() {
    let (listener, address) = listen().await;
    let cache = start(listener, address, "one");
    for lines in [
        "",
        "Connection: via\r\n",
        "Connection: via\r\nVia: 1.1 other\r\n",
    ] {
        assert_eq!(ask(address, lines).await, "HTTP/1.1 508", "{lines}");
    }
    assert_eq!(cache.stats().responses(), 0);
}

#[tokio::test]
async fn proxies_in_a_circle_are_too() {
    let (first, second) = (listen().await, listen().await);
    let caches = [
        start(first.0, second.1, "one"),
        start(second.0, first.1, "two"),
    ];
    assert_eq!(ask(first.1, "").await, "HTTP/1.1 508");
    let misses = caches.map(|cache| cache.stats().misses());
    assert_eq!(misses, [1, 1]);
}
