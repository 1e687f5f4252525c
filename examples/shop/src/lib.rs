//! A small shop API that shows what larder does, route by route. `main` starts it, [`app`] builds
//! it, and the tests call [`app`].

mod broken;
mod catalogue;
mod cookie;
mod export;
mod front;
mod gullible;
mod identity;
mod members;
mod pages;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use catalogue::Catalogue;
use larder::{Cache, CacheControl, RoutePolicy};
use larder_axum::{Cached, Uncached};
use sessions::Sessions;

/// How long the slow report takes to make.
pub const SLOW: Duration = Duration::from_secs(2);

/// The whole shop. Authentication is around everything, caches included, so that it sees every
/// request.
pub fn app(cache: &Cache) -> Router {
    let sessions = Sessions::new(cache);
    open(cache)
        .merge(front::routes(cache))
        .merge(members::routes(cache, &sessions))
        .merge(broken::routes(cache))
        .layer(from_fn_with_state(sessions, sessions::authenticate))
}

/// Pages that are the same for everybody. Only annotated routes are cached, except under `/blog`,
/// where the cache is around the whole router and one route opts out.
fn open(cache: &Cache) -> Router {
    Router::new()
        // Obeys what the handler says: `Cache-Control: public, max-age=30`.
        .route("/news", get(pages::news).layer(larder_axum::layer(cache)))
        // The annotation says how long, and what clients are told. A successful PUT drops it.
        .route(
            "/products/{id}",
            get(catalogue::product)
                .put(catalogue::edit)
                .cached(cache, products()),
        )
        // Fresh for two seconds, then validated: the handler answers 304 if nothing changed.
        .route(
            "/catalogue",
            get(catalogue::list).cached(cache, RoutePolicy::shared(secs(2))),
        )
        // Ten megabytes, streamed: too large to keep, never held in memory.
        .route(
            "/export",
            get(export::products).cached(cache, RoutePolicy::shared(secs(60))),
        )
        // Takes two seconds to make. Who asks at the same time waits for the same report; who asks
        // after ten seconds gets the old one at once, and a new one is made behind the scenes.
        .route(
            "/report",
            get(pages::report).cached(
                cache,
                RoutePolicy::shared(secs(10)).stale_while_revalidate(secs(300)),
            ),
        )
        // Says `no-store`, which no annotation overrules.
        .route(
            "/basket",
            get(pages::basket).cached(cache, RoutePolicy::shared(secs(60))),
        )
        .nest("/blog", blog(cache))
        .with_state(Arc::new(Catalogue::default()))
}

fn products() -> RoutePolicy {
    RoutePolicy::shared(secs(60))
        .stale_while_revalidate(secs(30))
        .stale_if_error(secs(3600))
        .cache_errors([axum::http::StatusCode::NOT_FOUND], secs(5))
        .downstream(CacheControl::public().max_age(secs(5)))
}

/// The cache is around the router: every route is cached unless it opts out.
fn blog(cache: &Cache) -> Router<Arc<Catalogue>> {
    Router::new()
        .route("/posts", get(pages::posts))
        .route("/drafts", get(pages::drafts).uncached())
        .cached(cache, RoutePolicy::shared(secs(60)))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
