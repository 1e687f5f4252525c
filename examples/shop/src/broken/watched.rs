//! Mistakes that a detector finds which the route has to ask for.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use larder::{Cache, Key, RoutePolicy, Verify};
use larder_axum::Cached;

use crate::identity::{User, UserId, strings};
use crate::secs;

pub fn routes(cache: &Cache) -> Router {
    let shared = |key| RoutePolicy::shared(secs(60)).key(key);
    let every_hit = || Verify::sample(1.0).max_per_second(100);
    Router::new()
        // MISTAKE: the address of who asks is declared as neutral, and is not. The tripwire finds it.
        .route(
            "/broken/badge",
            get(badge)
                .cached(cache, shared(Key::new().neutral(EMAIL)).tripwire(strings))
                .layer(from_fn(tell_email)),
        )
        // MISTAKE: depends on a field that is not in the key, and asks to see everything. Every hit
        // is verified, to find that out at once; a real shop verifies one in a hundred.
        .route(
            "/broken/gallery",
            get(gallery).cached(cache, shared(Key::new().forward_all()).verify(every_hit())),
        )
        // MISTAKE: the same with who asks. The one route here that really shows one user another's.
        .route(
            "/broken/points",
            get(points).cached(cache, shared(Key::new().forward_all()).verify(every_hit())),
        )
        // MISTAKE: there are more browsers than anybody can keep copies for.
        .route(
            "/broken/download",
            get(download).cached(
                cache,
                shared(Key::new().header("user-agent")).cardinality_budget(20),
            ),
        )
}

/// Outside the cache: tells handlers, for their logs, the address of who asks.
async fn tell_email(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(EMAIL);
    let user = request.extensions().get::<UserId>();
    if let Some(user) = user.and_then(|id| User::named(id.0)) {
        let email = HeaderValue::from_static(user.email);
        request.headers_mut().insert(EMAIL, email);
    }
    next.run(request).await
}

async fn badge(headers: HeaderMap) -> String {
    let email = headers.get(EMAIL).and_then(|email| email.to_str().ok());
    format!("Signed in as {}\n", email.unwrap_or("nobody"))
}

async fn gallery(headers: HeaderMap) -> &'static str {
    let saves = headers.get("save-data");
    if saves.is_some_and(|saves| saves == "on") {
        "small pictures\n"
    } else {
        "large pictures\n"
    }
}

/// `public` lets caches keep even what was made for somebody who is logged in.
async fn points(user: Option<Extension<UserId>>) -> impl IntoResponse {
    let text = match user.and_then(|Extension(id)| User::named(id.0)) {
        Some(user) => format!("{} has {} points\n", user.email, user.email.len()),
        None => "nobody has points\n".to_owned(),
    };
    ([(header::CACHE_CONTROL, "public")], text)
}

async fn download(headers: HeaderMap) -> &'static str {
    let agent = headers.get(header::USER_AGENT);
    match agent.and_then(|agent| agent.to_str().ok()) {
        Some(agent) if agent.contains("Android") => "shop.apk\n",
        _ => "in the web\n",
    }
}

const EMAIL: HeaderName = HeaderName::from_static("x-user-email");
