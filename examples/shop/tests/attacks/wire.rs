//! A shop on a port of its own, and raw HTTP/1.1 to talk to it.

use std::net::SocketAddr;
use std::time::Duration;

use larder::Cache;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Dropped, it closes.
pub struct Shop {
    pub cache: Cache,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shop {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cache = Cache::builder().build();
        let app = shop::app(&cache);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            cache,
            address,
            server,
        }
    }

    /// Sends these bytes on a connection of their own and reads until it is closed.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        let exchange = async {
            let mut socket = TcpStream::connect(self.address).await.unwrap();
            // A server that has refused the request need not have read all of it.
            let _ = socket.write_all(request).await;
            let mut bytes = Vec::new();
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..read]);
            }
            Answer(String::from_utf8(bytes).unwrap())
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, exchange)
            .await
            .expect("an answer within 20 seconds")
    }

    /// GET of a path with these lines besides `Host`.
    pub async fn get(&self, path: &str, lines: &[&str]) -> Answer {
        self.raw(&get(path, lines)).await
    }

    /// The line with the session cookie of somebody who has just logged in.
    pub async fn login(&self, user: &str) -> String {
        let answer = self.raw(&login(user, &[])).await;
        let cookie = answer.field("set-cookie").expect("a session");
        format!("Cookie: {}", cookie.split(';').next().unwrap())
    }

    /// Asks as a victim, who has to read what they read in a shop that nobody attacked.
    pub async fn assert_unharmed(&self, victim: &[u8], attack: &str) {
        let expected = Self::open().await.raw(victim).await;
        let read = self.raw(victim).await;
        assert_eq!(read.essence(), expected.essence(), "after {attack}");
    }
}

/// Attacks a shop with empty and with filled shelves; the victim must not notice. What the attacker
/// got, when the shelves were empty.
pub async fn attack(victim: &[u8], attack: &[u8]) -> Answer {
    let told = String::from_utf8_lossy(attack);
    let shop = Shop::open().await;
    let got = shop.raw(attack).await;
    shop.assert_unharmed(victim, &told).await;
    let shop = Shop::open().await;
    shop.raw(victim).await;
    shop.raw(attack).await;
    shop.assert_unharmed(victim, &told).await;
    got
}

pub fn get(path: &str, lines: &[&str]) -> Vec<u8> {
    let mut all = vec!["Host: shop.example"];
    all.extend(lines);
    bare(&format!("GET {path}"), &all)
}

/// A request of these lines and nothing else, but for the word to close the connection.
pub fn bare(start: &str, lines: &[&str]) -> Vec<u8> {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    bytes(start, &lines)
}

/// The same, of bytes that need not be text.
pub fn bytes(start: &str, lines: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("{start} HTTP/1.1\r\nConnection: close\r\n").into_bytes();
    for line in lines {
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

pub fn login(user: &str, lines: &[&str]) -> Vec<u8> {
    let content = format!("{{\"user\":\"{user}\"}}");
    let length = format!("Content-Length: {}", content.len());
    let mut all = vec!["Host: shop.example", "Content-Type: application/json"];
    all.push(&length);
    all.extend(lines);
    let mut request = bare("POST /login", &all);
    request.extend_from_slice(content.as_bytes());
    request
}

/// All that a server sent back.
#[derive(Debug)]
pub struct Answer(String);

impl Answer {
    pub fn status(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or("none")
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.0.split("\r\n").take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// What the cache did.
    pub fn outcome(&self) -> &str {
        self.field("cache-status").unwrap_or("not asked")
    }

    pub fn is_hit(&self) -> bool {
        self.outcome().starts_with("larder; hit")
    }

    pub fn is_stored(&self) -> bool {
        self.outcome().ends_with("; stored")
    }

    /// Whether the text is anywhere in it, the head included.
    pub fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// What a client makes something of; how often a handler was called is not.
    fn essence(&self) -> (&str, Option<&str>, Option<&str>, &str) {
        let (location, cookie) = (self.field("location"), self.field("set-cookie"));
        let text = self.body().split(",\"handler_calls\"").next();
        (self.status(), location, cookie, text.unwrap_or_default())
    }
}
