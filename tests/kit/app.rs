//! A small application to plant bugs in.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, RawQuery};
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Json, Router};
use larder::{Cache, Key, KeyPart, PartWriter, RoutePolicy};
use larder_axum::Cached;
use larder_testing::User;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Who is logged in.
#[derive(Clone)]
pub(crate) struct UserId(pub(crate) String);

impl KeyPart for UserId {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(&self.0);
    }
}

pub(crate) fn cache() -> Cache {
    Cache::builder().identity::<UserId>().build()
}

pub(crate) fn request(uri: &str) -> Request<Body> {
    request_with(uri, &[])
}

pub(crate) fn request_with(uri: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut builder = Request::get(uri);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::empty()).unwrap()
}

/// Shared, with this key.
pub(crate) fn keyed(key: Key) -> RoutePolicy {
    RoutePolicy::shared(MINUTE).key(key)
}

/// A product, in the language, currency and theme of who asks.
pub(crate) async fn product(
    Path(id): Path<u32>,
    Query(query): Query<Vec<(String, String)>>,
    fields: HeaderMap,
) -> Json<Vec<String>> {
    let field = |name: &str| fields.get(name).and_then(|field| field.to_str().ok());
    let cookies = field("cookie").unwrap_or_default();
    let currency = query.iter().find(|(name, _)| name == "currency");
    let currency = currency.map_or("eur", |(_, value)| value);
    let german = field("accept-language").is_some_and(|field| field.starts_with("de"));
    Json(vec![
        format!("{} {id}", if german { "Glas" } else { "Jar" }),
        currency.to_owned(),
        if cookies.contains("theme=dark") {
            "dark"
        } else {
            "light"
        }
        .to_owned(),
    ])
}

/// All that [`product`] depends on.
pub(crate) fn product_key() -> Key {
    Key::new()
        .query(["currency"])
        .languages(["en", "de"])
        .cookie("theme")
}

pub(crate) fn products(cache: &Cache, key: Key) -> Router {
    Router::new().route("/products/{id}", get(product).cached(cache, keyed(key)))
}

/// Who asks.
pub(crate) async fn me(user: Option<Extension<UserId>>) -> String {
    let user = user.map_or_else(|| "nobody".to_owned(), |user| user.0.0);
    format!("you are {user}, {user}@example.com")
}

/// The query as it comes.
pub(crate) async fn echo(RawQuery(query): RawQuery) -> String {
    query.unwrap_or_default()
}

/// Authentication: `Bearer token-of-anna` is anna's.
pub(crate) async fn authenticate(mut request: axum::extract::Request, next: Next) -> Response {
    let field = request.headers().get(AUTHORIZATION);
    let token = field.and_then(|field| field.to_str().ok());
    if let Some(user) = token.and_then(|token| token.strip_prefix("Bearer token-of-")) {
        let user = UserId(user.to_owned());
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}

/// A session that is begun with the first request.
pub(crate) async fn session(request: axum::extract::Request, next: Next) -> Response {
    let known = request.headers().contains_key("cookie");
    let mut response = next.run(request).await;
    if !known {
        let session = HeaderValue::from_static("session=1f0e");
        response.headers_mut().insert(SET_COOKIE, session);
    }
    response
}

pub(crate) fn user(name: &str) -> User {
    User::new(name)
        .header("authorization", format!("Bearer token-of-{name}"))
        .secret("e-mail", format!("{name}@example.com"))
        .secret("token", format!("token-of-{name}"))
}
