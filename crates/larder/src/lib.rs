//! HTTP response caching for tower services.

mod body;
mod cache;
mod clock;
mod drive;
mod entry;
mod fill;
mod future;
mod keep;
mod layer;
mod opt_out;
mod reply;
mod route_policy;
mod service;
mod stamps;
mod stats;
mod tier;
mod trace;
mod variants;

pub use body::ResponseBody;
pub use cache::{Cache, CacheBuilder};
pub use clock::Clock;
pub use future::ResponseFuture;
pub use larder_policy as policy;
pub use larder_policy::Policy;
pub use larder_policy::fields::CacheControl;
pub use layer::CacheLayer;
pub use opt_out::DoNotStore;
pub use route_policy::RoutePolicy;
pub use service::CacheService;
pub use stats::Stats;
