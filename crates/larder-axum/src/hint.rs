//! [`CacheHint`] as a part of a response.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};

/// What a handler says of one response, beside what its route says of all: [`larder::CacheHint`], to be
/// returned with the body. Where a response has several, the tags of all count, the shortest lifetime,
/// and that it is not to be stored.
///
/// ```
/// use std::time::Duration;
///
/// use axum::response::IntoResponse;
/// use axum::{Json, Router, body::Body, extract::Path, http::Request, routing::get};
/// use larder::{Cache, Purge, RoutePolicy};
/// use larder_axum::{CacheHint, Cached};
/// use tower::ServiceExt;
///
/// async fn product(Path(id): Path<u64>) -> impl IntoResponse {
///     let hint = CacheHint::new().tag("brand:7").max_age(Duration::from_secs(10));
///     (hint, Json(id))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let cache = Cache::builder().build();
/// let policy = RoutePolicy::shared(Duration::from_secs(60)).tag("products");
/// let app: Router = Router::new().route("/products/{id}", get(product).cached(&cache, policy));
///
/// let mut answers = Vec::new();
/// for purge in [None, None, Some(Purge::tag("brand:7"))] {
///     if let Some(purge) = purge {
///         cache.purge(purge);
///     }
///     let request = Request::get("/products/42").body(Body::empty()).unwrap();
///     let response = app.clone().oneshot(request).await.unwrap();
///     answers.push(response.headers()["cache-status"].clone());
///     axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
/// }
/// assert_eq!(answers[1], "larder; hit; ttl=10");
/// assert_eq!(answers[2], "larder; fwd=uri-miss; stored");
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a hint does nothing until a response has it"]
pub struct CacheHint(larder::CacheHint);

impl CacheHint {
    /// A hint that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tag, by which the response can be purged; see [`larder::CacheHint::tag`] for how many there
    /// may be.
    pub fn tag(self, tag: impl Into<String>) -> Self {
        Self(self.0.tag(tag))
    }

    /// Several tags.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        Self(self.0.tags(tags))
    }

    /// How long the response is fresh in this store, at most; see [`larder::CacheHint::max_age`].
    pub fn max_age(self, lifetime: Duration) -> Self {
        Self(self.0.max_age(lifetime))
    }

    /// How long after expiry the response may be served while it is validated; see
    /// [`larder::CacheHint::stale_while_revalidate`].
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        Self(self.0.stale_while_revalidate(window))
    }

    /// How long after expiry the response may be served when the handler fails; see
    /// [`larder::CacheHint::stale_if_error`].
    pub fn stale_if_error(self, window: Duration) -> Self {
        Self(self.0.stale_if_error(window))
    }

    /// This response is not to be stored.
    pub fn do_not_store(self) -> Self {
        Self(self.0.do_not_store())
    }

    /// What both say; see [`larder::CacheHint::and`].
    pub fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0))
    }
}

impl From<larder::CacheHint> for CacheHint {
    fn from(hint: larder::CacheHint) -> Self {
        Self(hint)
    }
}

impl From<CacheHint> for larder::CacheHint {
    fn from(hint: CacheHint) -> Self {
        hint.0
    }
}

impl IntoResponseParts for CacheHint {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.0.add_to(parts.extensions_mut());
        Ok(parts)
    }
}
