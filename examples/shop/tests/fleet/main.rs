//! Two shops that share a store: what one does the other knows.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use larder::Cache;
use larder_testing::FakeStore;
use shop::Catalogue;
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

const STORED: &str = "larder; fwd=uri-miss; stored";

/// Two nodes behind one address, and with one catalogue, as nodes have one database.
async fn two() -> (Router, Router) {
    let (store, catalogue) = (FakeStore::new(), Arc::<Catalogue>::default());
    (
        node(&store, &catalogue).await,
        node(&store, &catalogue).await,
    )
}

async fn node(store: &FakeStore, catalogue: &Arc<Catalogue>) -> Router {
    let cache = Cache::builder().shared(store.link()).build();
    let until = Instant::now() + Duration::from_secs(10);
    while !cache.is_joined() {
        assert!(Instant::now() < until, "the node cannot read the log");
        settle().await;
    }
    shop::app_of(&cache, catalogue)
}

/// Lets what is written and read in the background come to an end. No time passes but paused time.
async fn settle() {
    sleep(Duration::from_millis(20)).await;
}

async fn send(app: &Router, request: Request<Body>) -> Response<Body> {
    let response = app.clone().oneshot(request).await.unwrap();
    settle().await;
    response
}

fn request(method: &str, path: &str, cookie: &str, body: &'static str) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "shop.example")
        .header("cookie", cookie)
        .header("content-type", "application/json");
    request.body(Body::from(body)).unwrap()
}

/// What the cache did, and the body.
async fn get(app: &Router, path: &str) -> (String, String) {
    get_as(app, path, "").await
}

async fn get_as(app: &Router, path: &str, cookie: &str) -> (String, String) {
    let response = send(app, request("GET", path, cookie, "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let told = response.headers()["cache-status"].to_str().unwrap();
    (told.to_owned(), text(response).await)
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The cookie of somebody who has logged in there.
async fn login(app: &Router, user: &'static str) -> String {
    let response = send(app, request("POST", "/login", "", user)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

const ALICE: &str = r#"{"user":"alice"}"#;
const CAROL: &str = r#"{"user":"carol"}"#;

#[tokio::test(start_paused = true)]
async fn what_one_node_stored_is_a_hit_on_the_other() {
    let (one, other) = two().await;
    let (told, body) = get(&one, "/products/42").await;
    assert_eq!(told, STORED);
    let (told, same) = get(&other, "/products/42").await;
    assert_eq!(told, "larder; hit; ttl=60; detail=shared");
    assert_eq!(same, body);
    // From now on it is in its own memory.
    let (told, _) = get(&other, "/products/42").await;
    assert!(told.starts_with("larder; hit; ttl="), "{told}");
    assert!(!told.contains("detail"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn edit_on_one_node_is_seen_on_the_other() {
    let (one, other) = two().await;
    for path in ["/products/42", "/products"] {
        get(&one, path).await;
        let (told, body) = get(&other, path).await;
        assert!(told.contains("hit") && body.contains("12500"), "{told}");
    }
    let put = request("PUT", "/products/42", "", r#"{"cents":9900}"#);
    assert_eq!(send(&one, put).await.status(), StatusCode::NO_CONTENT);
    for path in ["/products/42", "/products"] {
        let (told, body) = get(&other, path).await;
        assert_eq!(told, STORED);
        assert!(body.contains("9900"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn carols_purge_reaches_the_other_node() {
    let (one, other) = two().await;
    let carol = login(&one, CAROL).await;
    get(&one, "/products/42").await;
    get(&other, "/products/42").await;
    let purge = request("POST", "/purge", &carol, r#"{"tag":"product:42"}"#);
    let said = text(send(&one, purge).await).await;
    assert!(said.contains(r#""everywhere":{"nodes":2}"#), "{said}");
    assert_eq!(get(&other, "/products/42").await.0, STORED);
}

#[tokio::test(start_paused = true)]
async fn user_is_served_from_either_node_until_the_log_out() {
    let (one, other) = two().await;
    let (here, there) = (login(&one, ALICE).await, login(&other, ALICE).await);
    let (told, body) = get_as(&one, "/me", &here).await;
    assert_eq!(told, STORED);
    let (told, same) = get_as(&other, "/me", &there).await;
    assert_eq!(told, "larder; hit; ttl=30; detail=shared");
    assert_eq!(same, body);
    let out = send(&one, request("POST", "/logout", &here, "")).await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(get_as(&other, "/me", &there).await.0, STORED);
}

#[tokio::test(start_paused = true)]
async fn fleet_page_tells_what_was_shared() {
    let (one, other) = two().await;
    get(&one, "/products/42").await;
    get(&other, "/products/42").await;
    let said = text(send(&other, request("GET", "/fleet", "", "")).await).await;
    assert!(said.contains(r#""hits":1"#), "{said}");
    let alone = shop::app(&Cache::builder().build());
    let said = send(&alone, request("GET", "/fleet", "", "")).await;
    assert_eq!(said.status(), StatusCode::NOT_FOUND);
}

#[test]
fn store_that_cannot_be_used_is_named_with_what_to_change() {
    // Nobody listens at port 1, and the second is no address.
    for (flags, told) in [
        (["--redis", "redis://127.0.0.1:1"], "127.0.0.1:1"),
        (["--redis", "localhost"], "redis://"),
        (["--memcached", "127.0.0.1:1"], "check the address"),
        (["--memcached", "localhost"], "host:port"),
    ] {
        let shop = Command::new(env!("CARGO_BIN_EXE_shop"))
            .args(flags)
            .env("PORT", "0")
            .output();
        let shop = shop.unwrap();
        let error = String::from_utf8(shop.stderr).unwrap();
        assert!(!shop.status.success());
        assert!(error.contains(told), "{flags:?}: {error}");
    }
}

#[test]
fn catalogues_in_one_file_have_the_same_prices() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices");
    std::fs::write(&file, "no prices").unwrap();
    let error = Catalogue::in_file(file.clone()).err().unwrap();
    assert!(error.to_string().contains("prices"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let one = Catalogue::in_file(file.clone()).unwrap();
    let other = Catalogue::in_file(file).unwrap();
    one.edit(42, 9900).unwrap();
    assert_eq!(other.prices(&[42]), [9900]);
}
