//! QUERY requests (RFC 10008): their content is part of the key, so it is read before the cache looks.

pub(crate) mod content;
mod layer;
mod replayed;

pub use layer::{QueryContentLayer, QueryContentService, QueryFuture};
pub use replayed::ReplayedBody;
