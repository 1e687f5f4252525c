//! What finds a wrong key: each detector on a route that is wrong on purpose, and on all that are
//! not.

mod broken;
mod clean;
mod kit;

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use larder::{Cache, Clock, RoutePolicy};
use tower::ServiceExt;

/// The shop, and what its cache finds.
struct Shop {
    app: Router,
    cache: Cache,
    told: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    fn open() -> Self {
        Self::open_with(|policy| policy)
    }

    fn open_with(more: fn(RoutePolicy) -> RoutePolicy) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&told);
        let noon = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let cache = Cache::builder()
            .clock(Clock::from_fn(move || noon))
            .on_finding(move |finding| log.lock().unwrap().push(finding.to_string()))
            .build();
        let app = shop::app_with(&cache, more);
        Self { app, cache, told }
    }

    /// The cookie of somebody who has logged in.
    async fn login(&self, user: &str) -> String {
        let request = Request::post("/login")
            .header("content-type", "application/json")
            .body(Body::from(format!("{{\"user\":\"{user}\"}}")));
        let response = self.app.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// What the cache says it did, and the body.
    async fn get(&self, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let request = request(path, fields);
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let status = head.headers.get("cache-status");
        let status = status.map_or("", |status| status.to_str().unwrap());
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).trim().to_owned();
        (status.to_owned(), body)
    }

    /// All that was found, once what goes on in the background is done.
    async fn findings(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_secs(100)).await;
        self.told.lock().unwrap().clone()
    }
}

fn request(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let request = Request::get(path).header("host", "shop.example");
    let request = fields.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request.body(Body::empty()).unwrap()
}

const STORED: &str = "larder; fwd=uri-miss; stored";
const HIT: &str = "larder; hit; ttl=60";
