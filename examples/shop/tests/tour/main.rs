//! What the README's tour promises.

mod changes;
mod declared;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use larder::{Cache, Clock};
use tower::ServiceExt;

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn field(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What the cache did, and the body.
    fn outcome(&self) -> (&str, &str) {
        (self.field("cache-status"), self.text().trim())
    }
}

async fn send(app: &Router, method: &str, path: &str, body: &str) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    answer(app, request).await
}

async fn answer(app: &Router, request: Request<Body>) -> Reply {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

async fn get(app: &Router, path: &str) -> Reply {
    send(app, "GET", path, "").await
}

/// A GET with these fields.
async fn get_with(app: &Router, path: &str, fields: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path).header("host", "shop.example");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    answer(app, request.body(Body::empty()).unwrap()).await
}

/// The cookie of somebody who has logged in.
async fn login(app: &Router, user: &str) -> String {
    let reply = send(app, "POST", "/login", &format!("{{\"user\":\"{user}\"}}")).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT);
    let cookie = reply.field("set-cookie").split(';').next();
    cookie.unwrap().to_owned()
}

fn shop() -> Router {
    shop::app(&Cache::builder().build())
}

/// A cache, and the second its clock stands at.
fn clocked() -> (Cache, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(1_800_000_000));
    let told = Arc::clone(&clock);
    let now = move || UNIX_EPOCH + Duration::from_secs(told.load(Ordering::SeqCst));
    let cache = Cache::builder().clock(Clock::from_fn(now)).build();
    (cache, clock)
}

#[tokio::test]
async fn news_are_kept_as_long_as_their_handler_says() {
    let app = shop();
    let first = get(&app, "/news").await;
    assert_eq!(first.field("cache-status"), "larder; fwd=uri-miss; stored");
    let second = get(&app, "/news").await;
    assert!(
        second
            .field("cache-status")
            .starts_with("larder; hit; ttl=")
    );
    assert_eq!(second.body, first.body);
    assert!(second.headers.contains_key("etag"));
}

#[tokio::test]
async fn product_is_stored_for_a_minute_and_clients_are_told_five_seconds() {
    let app = shop();
    for _ in 0..2 {
        let reply = get(&app, "/products/42").await;
        assert_eq!(reply.field("cache-control"), "public, max-age=5");
        assert_eq!(reply.body, br#"{"cents":12500,"handler_calls":1,"id":42}"#);
    }
}

#[tokio::test]
async fn edited_product_is_read_anew() {
    let app = shop();
    get(&app, "/products/42").await;
    let put = send(&app, "PUT", "/products/42", r#"{"cents":9900}"#).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT);
    let reply = get(&app, "/products/42").await;
    assert_eq!(reply.body, br#"{"cents":9900,"handler_calls":2,"id":42}"#);
}

#[tokio::test]
async fn failed_edit_drops_nothing() {
    let app = shop();
    get(&app, "/products/42").await;
    let put = send(&app, "PUT", "/products/42", r#"{"cents":"cheap"}"#).await;
    assert_eq!(put.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        get(&app, "/products/42")
            .await
            .field("cache-status")
            .contains("hit")
    );
}

#[tokio::test]
async fn missing_product_is_remembered_for_a_few_seconds() {
    let app = shop();
    get(&app, "/products/7").await;
    let again = get(&app, "/products/7").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(again.field("cache-status"), "larder; hit; ttl=5");
}

#[tokio::test]
async fn catalogue_is_validated_with_its_entity_tag() {
    let (cache, clock) = clocked();
    let app = shop::app(&cache);
    let first = get(&app, "/catalogue").await;
    clock.fetch_add(3, Ordering::SeqCst);
    let second = get(&app, "/catalogue").await;
    assert_eq!(
        second.field("cache-status"),
        "larder; fwd=stale; fwd-status=304; ttl=2"
    );
    assert_eq!(second.body, first.body);
}

#[tokio::test]
async fn export_streams_and_is_not_kept() {
    let app = shop();
    let reply = get(&app, "/export").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=uri-miss; detail=body-too-large"
    );
    assert_eq!(reply.body.len().to_string(), reply.field("content-length"));
}

#[tokio::test]
async fn basket_and_drafts_are_never_kept() {
    let app = shop();
    for (path, detail) in [("/basket", "no-store"), ("/blog/drafts", "opted-out")] {
        for _ in 0..2 {
            let expected = format!("larder; fwd=uri-miss; detail={detail}");
            assert_eq!(get(&app, path).await.field("cache-status"), expected);
        }
    }
    get(&app, "/blog/posts").await;
    assert!(
        get(&app, "/blog/posts")
            .await
            .field("cache-status")
            .contains("hit")
    );
}

#[tokio::test(start_paused = true)]
async fn report_is_made_once_for_all_who_wait() {
    let app = shop();
    let start = tokio::time::Instant::now();
    let crowd: Vec<_> = (0..5)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { get(&app, "/report").await })
        })
        .collect();
    let mut said = Vec::new();
    for one in crowd {
        let reply = one.await.unwrap();
        assert_eq!(reply.body, br#"{"sold":12345,"times_made":1}"#);
        said.push(reply.field("cache-status").to_owned());
    }
    said.sort();
    assert_eq!(said[..4], ["larder; fwd=uri-miss; collapsed"; 4]);
    assert_eq!(said[4], "larder; fwd=uri-miss; stored");
    get(&app, "/report").await;
    assert_eq!(start.elapsed(), shop::SLOW);
}

#[tokio::test(start_paused = true)]
async fn expired_report_is_served_at_once_and_made_anew_behind() {
    let (cache, clock) = clocked();
    let app = shop::app(&cache);
    get(&app, "/report").await;
    clock.fetch_add(11, Ordering::SeqCst);
    let start = tokio::time::Instant::now();
    let stale = get(&app, "/report").await;
    assert_eq!(stale.field("cache-status"), "larder; hit; ttl=-1");
    assert_eq!(stale.body, br#"{"sold":12345,"times_made":1}"#);
    assert_eq!(start.elapsed(), Duration::ZERO);
    tokio::time::sleep(shop::SLOW + Duration::from_secs(1)).await;
    let fresh = get(&app, "/report").await;
    assert_eq!(fresh.field("cache-status"), "larder; hit; ttl=10");
    assert_eq!(fresh.body, br#"{"sold":12345,"times_made":2}"#);
}

/// Stops the shop whatever happens to the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn program_prints_where_it_listens_and_answers_there() {
    let mut shop = Running(
        Command::new(env!("CARGO_BIN_EXE_shop"))
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(shop.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .unwrap_or_else(|| panic!("no address in {line:?}"));
    let mut socket = TcpStream::connect(address).unwrap();
    write!(
        socket,
        "GET /news HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("cache-status: larder; fwd=uri-miss; stored\r\n"),
        "{answer}"
    );
}

#[test]
fn port_that_is_no_port_is_named_in_the_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_shop"))
        .env("PORT", "seven")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("PORT is not a port number: seven"),
        "{error}"
    );
}
