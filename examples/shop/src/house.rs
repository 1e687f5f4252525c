//! What all annotations of the shop have in common.

use larder::{Cache, RoutePolicy};

use crate::identity;

/// The cache, and the rules of the house.
#[derive(Clone, Copy)]
pub struct House<'a> {
    pub cache: &'a Cache,
    pub more: fn(RoutePolicy) -> RoutePolicy,
}

impl House<'_> {
    /// Whatever is about to be shared is searched for who asked for it.
    pub fn rules(&self, policy: RoutePolicy) -> RoutePolicy {
        (self.more)(policy.tripwire(identity::strings))
    }
}
