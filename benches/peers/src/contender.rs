//! Who is compared, each set up for this use as its documentation says.

use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::MethodRouter;
use http::StatusCode;
use http_cache::MokaManager;
use http_cache_tower_server::{QueryKeyer, ServerCacheLayer};
use larder::{Cache, RoutePolicy};
use larder_axum::Cached;
use larder_benches::{direct, routed};
use skp_cache::{CacheManager, JsonSerializer, MemoryBackend, MemoryConfig, NoopMetrics};
use tower::{BoxError, Layer, ServiceBuilder};
use tower_http_cache::backend::memory::InMemoryBackend;

use crate::by_hand::{RememberLayer, Responses, remember};
use crate::shareable::Shareable;
use crate::stand::{Stand, stand};

/// Where a cache stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the route: axum has chosen it before the cache is asked.
    Route,
    /// Around the whole router, which a hit does not enter.
    Around,
}

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// The packages to name with their versions.
    pub(crate) packages: &'static [&'static str],
    /// A new cache, in this place, before an application with this route.
    pub(crate) before: fn(Place, MethodRouter) -> Box<dyn Stand>,
}

/// What their documentation has for a time that no field states, where there is such a setting. It is
/// also that of the responses measured here.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

pub(crate) const LARDER: Contender = Contender {
    name: "larder",
    packages: &["larder"],
    before: |place, route| match place {
        Place::Route => {
            let cache = Cache::builder().build();
            stand(routed(route.cached(&cache, RoutePolicy::obey())))
        }
        Place::Around => stand(larder_layer().layer(routed(route))),
    },
};

pub(crate) const PEERS: [Contender; 6] = [
    Contender {
        name: "moka by hand, a tower layer",
        packages: &["moka"],
        before: |place, route| match place {
            Place::Route => stand(routed(route.layer(RememberLayer::new()))),
            Place::Around => stand(RememberLayer::new().layer(routed(route))),
        },
    },
    Contender {
        name: "moka by hand, `middleware::from_fn`",
        packages: &["moka"],
        before: |place, route| {
            let layer = from_fn_with_state(Responses::new(), remember);
            match place {
                Place::Route => stand(routed(route.layer(layer))),
                Place::Around => stand(layer.layer(routed(route))),
            }
        },
    },
    Contender {
        name: "tower-http-cache",
        packages: &["tower-http-cache"],
        before: |place, route| {
            // The README's settings without those for what is stale or small; the keys are path and
            // query.
            let layer = tower_http_cache::layer::CacheLayer::builder(InMemoryBackend::new(10_000))
                .ttl(LIFETIME)
                .respect_cache_control(true)
                .build();
            let layer = ServiceBuilder::new()
                .layer(layer)
                .map_response(|response: Response| response.map(Shareable::new));
            match place {
                Place::Route => {
                    let layer = ServiceBuilder::new().layer(failures()).layer(layer);
                    stand(routed(route.layer(layer)))
                }
                Place::Around => stand(layer.service(routed(route))),
            }
        },
    },
    Contender {
        name: "axum-response-cache",
        packages: &["axum-response-cache"],
        before: |place, route| {
            // The constructor of its example; the keys are method and URI.
            let layer = axum_response_cache::CacheLayer::with_lifespan(LIFETIME);
            match place {
                Place::Route => stand(routed(route.layer(layer))),
                Place::Around => stand(layer.layer(routed(route))),
            }
        },
    },
    Contender {
        name: "http-cache-tower-server",
        packages: &["http-cache-tower-server", "http-cache"],
        before: |place, route| {
            // Its manager in memory, with room for more than the 42 responses of its default, and the
            // keyer that it has for routes whose queries matter.
            let manager = MokaManager::new(moka::future::Cache::new(10_000));
            let layer = ServerCacheLayer::with_keyer(manager, QueryKeyer);
            match place {
                Place::Route => {
                    let layer = ServiceBuilder::new().layer(failures()).layer(layer);
                    stand(routed(route.layer(layer)))
                }
                // Its documentation wants it behind the routing, for the sake of path parameters;
                // here they are found behind it.
                Place::Around => stand(layer.layer(routed(route))),
            }
        },
    },
    Contender {
        name: "skp-cache-axum",
        packages: &["skp-cache-axum", "skp-cache"],
        before: |place, route| {
            // As its example: JSON is the serializer of the default.
            let manager: CacheManager<MemoryBackend, JsonSerializer, NoopMetrics> =
                CacheManager::new(MemoryBackend::new(MemoryConfig::default()));
            let layer = skp_cache_axum::CacheLayer::new(manager);
            match place {
                Place::Route => stand(routed(route.layer(layer))),
                Place::Around => stand(layer.layer(routed(route))),
            }
        },
    },
];

/// larder's layer before nothing but a function that answers.
pub(crate) fn larder_direct(body: bytes::Bytes) -> Box<dyn Stand> {
    stand(larder_layer().layer(direct(body)))
}

pub(crate) fn bare(route: MethodRouter) -> Box<dyn Stand> {
    let router: Router = routed(route);
    stand(router)
}

fn larder_layer() -> larder::CacheLayer {
    larder::CacheLayer::new(Cache::builder().build())
}

/// Two of them may fail, which axum wants to see handled.
fn failures() -> HandleErrorLayer<fn(BoxError) -> std::future::Ready<StatusCode>, ()> {
    HandleErrorLayer::new(|_| std::future::ready(StatusCode::INTERNAL_SERVER_ERROR))
}
