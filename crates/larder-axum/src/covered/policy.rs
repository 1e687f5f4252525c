//! [`CoveredPolicy`]: an annotation whose type says whose copies it keeps.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use larder::{Key, KeyPart, RoleSet, RoutePolicy};

use super::whose::{PerRoles, PerTenant, PerUser, Shared, Whose};

/// A [`RoutePolicy`] for a [`cached_handler`](crate::cached_handler). Its type says whose copies the
/// route keeps, so that the handler cannot know of the caller what the partition does not tell.
///
/// ```
/// use std::time::Duration;
/// use larder_axum::CoveredPolicy;
///
/// let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
/// let policy = CoveredPolicy::shared(minute).refine(|route| route.stale_if_error(hour));
/// # drop(policy);
/// ```
#[must_use = "an annotation does nothing until it is put on a route"]
pub struct CoveredPolicy<P> {
    route: RoutePolicy,
    whose: PhantomData<fn() -> P>,
}

impl CoveredPolicy<Shared> {
    /// One stored response for all users; see [`RoutePolicy::shared`].
    pub fn shared(lifetime: Duration) -> Self {
        Self::new(lifetime)
    }

    /// A stored response for each user; see [`RoutePolicy::per_user`].
    pub fn per_user<T: KeyPart + Clone>(lifetime: Duration) -> CoveredPolicy<PerUser<T>> {
        CoveredPolicy::new(lifetime)
    }

    /// A stored response for each tenant; see [`RoutePolicy::per_tenant`].
    pub fn per_tenant<T: KeyPart + Clone>(lifetime: Duration) -> CoveredPolicy<PerTenant<T>> {
        CoveredPolicy::new(lifetime)
    }

    /// A stored response for each set of roles; see [`RoutePolicy::per_roles`].
    pub fn per_roles<T: RoleSet + Clone>(lifetime: Duration) -> CoveredPolicy<PerRoles<T>> {
        CoveredPolicy::new(lifetime)
    }
}

impl<P: Whose> CoveredPolicy<P> {
    /// What `P` keeps, fresh for `lifetime` where the handler does not say, and never longer than
    /// that. It declares no input besides those of the handler.
    pub fn new(lifetime: Duration) -> Self {
        Self {
            route: P::policy(lifetime).key(Key::new().no_query()),
            whose: PhantomData,
        }
    }

    /// Changes its settings. A [`RoutePolicy::key`] is what the responses depend on besides what the
    /// handler reads, for middleware between the cache and the handler; begin it with
    /// `Key::new().no_query()`, lest the whole query counts. Whose copies are kept does not change,
    /// whatever is returned.
    pub fn refine(self, settings: impl FnOnce(RoutePolicy) -> RoutePolicy) -> Self {
        Self {
            route: settings(self.route),
            ..self
        }
    }

    /// The annotation of a route whose handler reads what `key` has.
    pub(super) fn into_route(self, key: Key) -> RoutePolicy {
        let own = P::policy(Duration::ZERO);
        self.route.partitioned_like(&own).and_key(key)
    }
}

impl<P> Clone for CoveredPolicy<P> {
    fn clone(&self) -> Self {
        Self {
            route: self.route.clone(),
            ..*self
        }
    }
}

impl<P> fmt::Debug for CoveredPolicy<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoveredPolicy")
            .field("route", &self.route)
            .finish()
    }
}
