use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use larder_servers::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(300);

/// The first piece of the reply.
pub(crate) async fn talk(to: SocketAddr, words: &[u8]) -> io::Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    say(&mut stream, words).await
}

async fn say(stream: &mut TcpStream, words: &[u8]) -> io::Result<String> {
    stream.write_all(words).await?;
    let mut reply = [0; 100];
    let length = stream.read(&mut reply).await?;
    Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
}

/// A server that says what it is told.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    addr
}

#[tokio::test]
async fn what_is_said_arrives_and_so_does_the_reply() {
    let proxy = Proxy::to(echo().await).await;
    assert_eq!(talk(proxy.addr(), b"hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_closed_side_is_closed_at_the_other_end() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert_eq!(reply, "hello");
}

#[tokio::test]
async fn what_is_cut_ends_connections_and_refuses_new_ones_until_it_is_healed() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut stream, b"hello").await.unwrap(), "hello");
    proxy.cut().await;
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let rest = timeout(SHORT, stream.read(&mut [0; 10])).await.unwrap();
    assert!(matches!(rest, Ok(0) | Err(_)), "{rest:?}");
    proxy.heal().await;
    assert_eq!(talk(proxy.addr(), b"again").await.unwrap(), "again");
}

#[tokio::test]
async fn what_is_frozen_keeps_connections_and_is_silent_until_it_thaws() {
    let proxy = Proxy::to(echo().await).await;
    let mut old = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut old, b"hello").await.unwrap(), "hello");
    proxy.freeze();
    let mut new = TcpStream::connect(proxy.addr()).await.unwrap();
    for stream in [&mut old, &mut new] {
        assert!(timeout(SHORT, say(stream, b"anybody?")).await.is_err());
    }
    proxy.thaw();
    for stream in [&mut old, &mut new] {
        assert_eq!(say(stream, b"").await.unwrap(), "anybody?");
    }
}

#[tokio::test]
async fn a_delay_is_that_of_each_way_and_does_not_add_up() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(say(&mut stream, b"hello").await.unwrap(), "hello");
    proxy.delay(SHORT);
    let start = Instant::now();
    for word in [b"a", b"b", b"c", b"d"] {
        stream.write_all(word).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"abcd");
    assert!(start.elapsed() >= 2 * SHORT);
}
