//! A small shop API that shows what larder does, route by route. `main` starts it, [`app`] builds
//! it, and the tests call [`app`].

mod baskets;
mod broken;
mod catalogue;
mod cookie;
mod export;
mod front;
mod gullible;
mod house;
mod identity;
mod members;
mod pages;
mod sessions;
mod staff;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, put};
pub use catalogue::Catalogue;
use house::House;
use larder::{Cache, CacheControl, RoutePolicy};
use larder_axum::{Cached, CoveredPolicy, Invalidates, Shared, Uncached, cached_handler};
use sessions::Sessions;

/// How long the slow report takes to make.
pub const SLOW: Duration = Duration::from_secs(2);

/// The whole shop. Authentication is around everything, caches included, so that it sees every
/// request.
pub fn app(cache: &Cache) -> Router {
    app_of(cache, &Arc::default())
}

/// [`app`] with prices that it may have in common with others.
pub fn app_of(cache: &Cache, catalogue: &Arc<Catalogue>) -> Router {
    let more = |policy| policy;
    build(House { cache, more }, catalogue)
}

/// [`app`] with more settings for each annotation, but those of the planted mistakes.
pub fn app_with(cache: &Cache, more: fn(RoutePolicy) -> RoutePolicy) -> Router {
    build(House { cache, more }, &Arc::default())
}

fn build(house: House<'_>, catalogue: &Arc<Catalogue>) -> Router {
    let cache = house.cache;
    let sessions = Sessions::new(cache);
    open(house, catalogue)
        .merge(front::routes(house))
        .merge(members::routes(house, &sessions))
        .merge(staff::routes(cache))
        .merge(broken::routes(cache))
        .layer(from_fn_with_state(sessions, sessions::authenticate))
}

/// Pages that are the same for everybody. Only annotated routes are cached, except under `/blog`,
/// where the cache is around the whole router and one route opts out.
fn open(house: House<'_>, catalogue: &Arc<Catalogue>) -> Router {
    let cache = house.cache;
    let shared = |seconds| house.rules(RoutePolicy::shared(secs(seconds)));
    Router::new()
        // Obeys what the handler says: `Cache-Control: public, max-age=30`.
        .route("/news", get(pages::news).layer(larder_axum::layer(cache)))
        // The annotation says how long, and what clients are told. A successful PUT drops it, and
        // whatever else has its tag: the list, and the baskets that it is in. What the handler reads is its key: with one more argument, such as `user: Extension<UserId>` or
        // `fields: HeaderMap`, this does not compile.
        .route(
            "/products/{id}",
            cached_handler(catalogue::product)
                .and(put(catalogue::edit).invalidates(cache, |request, _| {
                    let id = request.param("id").unwrap_or_default();
                    [LIST.to_owned(), format!("product:{id}")]
                }))
                .cached(cache, products(house)),
        )
        .route(
            "/products",
            get(catalogue::all).cached(cache, shared(600).tag(LIST)),
        )
        .merge(baskets::routes(house))
        // Fresh for two seconds, then validated: the handler answers 304 if nothing changed.
        .route(
            "/catalogue",
            get(catalogue::list).cached(cache, shared(2).tag(LIST)),
        )
        // Ten megabytes, streamed: too large to keep, never held in memory.
        .route("/export", get(export::products).cached(cache, shared(60)))
        // Takes two seconds to make. Who asks at the same time waits for the same report; who asks
        // after ten seconds gets the old one at once, and a new one is made behind the scenes.
        .route(
            "/report",
            get(pages::report).cached(cache, shared(10).stale_while_revalidate(secs(300))),
        )
        // Says `no-store`, which no annotation overrules.
        .route("/basket", get(pages::basket).cached(cache, shared(60)))
        .nest("/blog", blog(house))
        .with_state(Arc::clone(catalogue))
}

/// The tag of the list of all products.
const LIST: &str = "products";

fn products(house: House<'_>) -> CoveredPolicy<Shared> {
    CoveredPolicy::shared(secs(60)).refine(|policy| {
        house
            .rules(policy)
            .stale_while_revalidate(secs(30))
            .stale_if_error(secs(3600))
            .cache_errors([axum::http::StatusCode::NOT_FOUND], secs(5))
            .tag_with(|request| request.param("id").map(|id| format!("product:{id}")))
            .downstream(CacheControl::public().max_age(secs(5)))
    })
}

/// The cache is around the router: every route is cached unless it opts out.
fn blog(house: House<'_>) -> Router<Arc<Catalogue>> {
    Router::new()
        .route("/posts", get(pages::posts))
        .route("/drafts", get(pages::drafts).uncached())
        .cached(house.cache, house.rules(RoutePolicy::shared(secs(60))))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
