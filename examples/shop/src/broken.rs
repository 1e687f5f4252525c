//! Routes with mistakes in them, ON PURPOSE, to see what becomes of a leak.
//!
//! One is not among them, for it does not compile: the greeting on a route whose key is made of what
//! its handler reads.
//!
//! ```compile_fail,E0277
//! # use std::time::Duration;
//! # use axum::{Extension, Router};
//! # use larder::Cache;
//! # use larder_axum::{CoveredPolicy, cached_handler};
//! # #[derive(Clone)]
//! # struct UserId(&'static str);
//! async fn greeting(Extension(user): Extension<UserId>) -> String {
//!     format!("Hello, {}\n", user.0)
//! }
//!
//! # fn routes(cache: &Cache, minute: Duration) -> Router {
//! // error: `axum::Extension<UserId>` reads something that the cache key does not cover
//! let route = cached_handler(greeting).cached(cache, CoveredPolicy::shared(minute));
//! # Router::new().route("/greeting", route)
//! # }
//! ```
//!
//! With a copy for each user it does:
//!
//! ```
//! # use std::time::Duration;
//! # use axum::{Extension, Router};
//! # use larder::{Cache, KeyPart, PartWriter};
//! # use larder_axum::{Caller, CoveredPolicy, cached_handler};
//! # #[derive(Clone)]
//! # struct UserId(&'static str);
//! # impl KeyPart for UserId {
//! #     const NAME: &'static str = "user";
//! #     fn write(&self, out: &mut PartWriter) {
//! #         out.text(self.0);
//! #     }
//! # }
//! async fn greeting(Caller(user): Caller<UserId>) -> String {
//!     format!("Hello, {}\n", user.0)
//! }
//!
//! # fn routes(cache: &Cache, minute: Duration) -> Router {
//! let policy = CoveredPolicy::per_user::<UserId>(minute);
//! let route = cached_handler(greeting).cached(cache, policy);
//! # Router::new().route("/greeting", route)
//! # }
//! ```

use axum::extract::Request;
use axum::http::header;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use larder::{Cache, RoutePolicy};
use larder_axum::Cached;

use crate::identity::{Tenant, UserId};
use crate::secs;

mod watched;

pub fn routes(cache: &Cache) -> Router {
    let shared = || RoutePolicy::shared(secs(60));
    watched::routes(cache)
        // MISTAKE: one copy for all, of a page that greets who asks.
        .route("/broken/greeting", get(greeting).cached(cache, shared()))
        // MISTAKE: the same, and the cache was not told of the type that says who asks.
        .route(
            "/broken/offers",
            get(offers).cached(cache, shared()).layer(from_fn(nickname)),
        )
        // MISTAKE: a copy for each tenant, of a page that is for one of its users.
        .route(
            "/broken/prices",
            get(prices).cached(cache, RoutePolicy::per_tenant::<Tenant>(secs(60))),
        )
        // MISTAKE: one copy for all, of a response that starts a session.
        .route("/broken/visit", get(visit).cached(cache, shared()))
}

/// Careful enough to say `Vary: Cookie`, which is how the mistake is found.
async fn greeting(user: Option<Extension<UserId>>) -> impl IntoResponse {
    let name = user.map_or("stranger", |Extension(id)| id.0);
    ([(header::VARY, "cookie")], format!("Hello, {name}\n"))
}

#[derive(Clone, Copy)]
struct Nickname(&'static str);

async fn nickname(mut request: Request, next: Next) -> Response {
    if let Some(UserId(name)) = request.extensions().get().copied() {
        request.extensions_mut().insert(Nickname(name));
    }
    next.run(request).await
}

async fn offers(who: Option<Extension<Nickname>>) -> String {
    let name = who.map_or("stranger", |Extension(who)| who.0);
    format!("Offers for {name}\n")
}

async fn prices(
    tenant: Option<Extension<Tenant>>,
    user: Option<Extension<UserId>>,
) -> impl IntoResponse {
    let company = tenant.map_or("nobody", |Extension(tenant)| tenant.company);
    let name = user.map_or("nobody", |Extension(id)| id.0);
    format!("Prices of {company}, for {name}\n")
}

async fn visit() -> Response {
    let mut random = [0; 8];
    if getrandom::fill(&mut random).is_err() {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let cookie = format!("visitor={:016x}; Path=/", u64::from_ne_bytes(random));
    ([(header::SET_COOKIE, cookie)], "Nice to see you\n").into_response()
}
