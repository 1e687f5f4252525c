//! The rules of a route, for a response that its handler refines.

use crate::refinement::shorter;
use crate::{Policy, Refinement};

impl Policy {
    /// These rules, for a response that its handler refines. The most restrictive wins: a lifetime
    /// never prolongs, and a handler that gives one does not thereby override what it says in its
    /// fields, such as `no-store`.
    #[must_use]
    pub fn refined(&self, refinement: Refinement) -> Self {
        let route = self.route_lifetime;
        let lifetime = refinement.lifetime;
        Self {
            override_origin: self.override_origin && (route.is_some() || lifetime.is_none()),
            refinement,
            route_lifetime: shorter(route, lifetime),
            stale_if_error: refinement.stale_if_error.or(self.stale_if_error),
            stale_while_revalidate: refinement
                .stale_while_revalidate
                .or(self.stale_while_revalidate),
            ..self.clone()
        }
    }
}
