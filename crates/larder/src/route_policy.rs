//! [`RoutePolicy`]: what an annotation says about a route.

use std::time::Duration;

use http::StatusCode;
use larder_policy::Policy;
use larder_policy::fields::CacheControl;

use crate::early::EarlyRefresh;
use crate::filling::Filling;

/// What is to be cached on a route, and what its clients are told. The origin decides, the
/// annotation refines, and the most restrictive wins: a handler's `no-store` or `private` beats any
/// annotation unless the route says [`override_origin`](Self::override_origin).
///
/// ```
/// use std::time::Duration;
/// use larder::{CacheControl, RoutePolicy};
///
/// let secs = Duration::from_secs;
/// let policy = RoutePolicy::shared(secs(60))
///     .stale_while_revalidate(secs(30))
///     .stale_if_error(secs(3600))
///     .downstream(CacheControl::public().max_age(secs(5)));
/// # drop(policy);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "an annotation does nothing until it is put on a route"]
pub struct RoutePolicy {
    lifetime: Option<Duration>,
    stale_while_revalidate: Option<Duration>,
    stale_if_error: Option<Duration>,
    errors: Option<(Vec<StatusCode>, Duration)>,
    downstream: Option<CacheControl>,
    override_origin: bool,
    grace: Option<Duration>,
    keep: Option<Duration>,
    early_refresh: Option<EarlyRefresh>,
    jitter_percent: Option<u8>,
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
}

impl RoutePolicy {
    /// One stored response for all users, fresh for `lifetime` where the handler does not say, and
    /// never longer than that.
    pub fn shared(lifetime: Duration) -> Self {
        Self {
            lifetime: Some(lifetime),
            ..Self::default()
        }
    }

    /// Obeys the handler's own `Cache-Control`; the other settings still refine it.
    pub fn obey() -> Self {
        Self::default()
    }

    /// How long after expiry the stored response may be served while it is validated (RFC 5861
    /// section 3), where the handler does not say. Kept with the response.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        Self {
            stale_while_revalidate: Some(window),
            ..self
        }
    }

    /// How long after expiry the stored response may be served when the handler fails (RFC 5861
    /// section 4), where the handler does not say.
    pub fn stale_if_error(self, window: Duration) -> Self {
        Self {
            stale_if_error: Some(window),
            ..self
        }
    }

    /// Also stores these error statuses, each for at most `lifetime`. Default: none beyond those
    /// that carry their own freshness and whose meaning does not depend on the request.
    pub fn cache_errors(
        self,
        statuses: impl IntoIterator<Item = StatusCode>,
        lifetime: Duration,
    ) -> Self {
        Self {
            errors: Some((statuses.into_iter().collect(), lifetime)),
            ..self
        }
    }

    /// What clients are told, whatever is stored. Default: the handler's own `Cache-Control`.
    pub fn downstream(self, field: impl Into<CacheControl>) -> Self {
        Self {
            downstream: Some(field.into()),
            ..self
        }
    }

    /// How long after expiry the stored response may be served while it is validated, or when the
    /// handler fails, whatever the handler says of stale windows; never where it forbids stale use.
    pub fn grace(self, window: Duration) -> Self {
        Self {
            grace: Some(window),
            ..self
        }
    }

    /// How long after all its stale windows a stored response is kept for validation. Default:
    /// until its memory is needed.
    pub fn keep(self, window: Duration) -> Self {
        Self {
            keep: Some(window),
            ..self
        }
    }

    /// Validates the stored response before it expires; see [`EarlyRefresh`].
    pub fn early_refresh(self, early: EarlyRefresh) -> Self {
        Self {
            early_refresh: Some(early),
            ..self
        }
    }

    /// Shortens each lifetime at random by up to so many percent of it; see
    /// [`CacheLayer::with_jitter_percent`](crate::CacheLayer::with_jitter_percent).
    pub fn jitter_percent(self, percent: u8) -> Self {
        Self {
            jitter_percent: Some(percent),
            ..self
        }
    }

    /// Serves a stale stored response when the handler has not answered after so long; see
    /// [`CacheLayer::with_soft_timeout`](crate::CacheLayer::with_soft_timeout).
    pub fn soft_timeout(self, timeout: Duration) -> Self {
        Self {
            soft_timeout: Some(timeout),
            ..self
        }
    }

    /// Gives the handler so long to answer; see
    /// [`CacheLayer::with_hard_timeout`](crate::CacheLayer::with_hard_timeout).
    pub fn hard_timeout(self, timeout: Duration) -> Self {
        Self {
            hard_timeout: Some(timeout),
            ..self
        }
    }

    /// Lets this annotation replace what the handler's `Cache-Control` says, `no-store` and
    /// `private` included. Responses that set cookies, and responses to requests with credentials,
    /// still need the handler's word.
    pub fn override_origin(self) -> Self {
        Self {
            override_origin: true,
            ..self
        }
    }

    pub(crate) fn refine(&self, filling: &mut Filling) {
        if let Some(early) = self.early_refresh {
            filling.early_refresh = early;
        }
        if let Some(percent) = self.jitter_percent {
            filling.set_jitter(percent);
        }
        filling.soft_timeout = self.soft_timeout.or(filling.soft_timeout);
        filling.hard_timeout = self.hard_timeout.or(filling.hard_timeout);
    }

    pub(crate) fn apply(self, policy: Policy) -> Policy {
        let mut policy = policy.with_origin_overridden(self.override_origin);
        if let Some(lifetime) = self.lifetime {
            policy = policy.with_route_lifetime(lifetime);
        }
        if let Some(window) = self.stale_while_revalidate {
            policy = policy.with_stale_while_revalidate(window);
        }
        if let Some(window) = self.stale_if_error {
            policy = policy.with_stale_if_error(window);
        }
        if let Some(window) = self.grace {
            policy = policy.with_grace(Some(window));
        }
        if let Some(window) = self.keep {
            policy = policy.with_keep(Some(window));
        }
        if let Some((statuses, lifetime)) = self.errors {
            policy = policy.with_error_statuses(statuses, lifetime);
        }
        if let Some(field) = self.downstream {
            policy = policy.with_downstream(field);
        }
        policy
    }
}
