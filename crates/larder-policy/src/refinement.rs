//! [`Refinement`]: what a handler says of one response, beside what its route says of all.

use std::time::Duration;

/// How long one response is fresh, and usable when stale, as its handler has it. Nothing of it is told
/// to clients.
///
/// ```
/// use std::time::Duration;
/// use larder_policy::{Policy, Refinement};
///
/// let hour = Policy::shared().with_route_lifetime(Duration::from_secs(3600));
/// let secs = Refinement::new().lifetime(Duration::from_secs(10));
/// assert_ne!(hour.refined(secs), hour);
/// assert_eq!(hour.refined(Refinement::new()), hour);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "a refinement does nothing until a policy has it"]
pub struct Refinement {
    pub(crate) lifetime: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
}

impl Refinement {
    /// Leaves everything to the route.
    pub fn new() -> Self {
        Self::default()
    }

    /// The response is fresh for at most so long, whatever it and its route say; if they say nothing,
    /// for so long. Said again, the shorter counts.
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self {
            lifetime: shorter(self.lifetime, Some(lifetime)),
            ..self
        }
    }

    /// The window of `stale-while-revalidate` (RFC 5861 section 3) in the place of the route's. Said
    /// again, the shorter counts.
    pub fn stale_while_revalidate(self, window: Duration) -> Self {
        Self {
            stale_while_revalidate: shorter(self.stale_while_revalidate, Some(window)),
            ..self
        }
    }

    /// The window of `stale-if-error` (RFC 5861 section 4) in the place of the route's. Said again,
    /// the shorter counts.
    pub fn stale_if_error(self, window: Duration) -> Self {
        Self {
            stale_if_error: shorter(self.stale_if_error, Some(window)),
            ..self
        }
    }

    /// What both say; where they differ, the shorter.
    pub fn and(self, other: Self) -> Self {
        Self {
            lifetime: shorter(self.lifetime, other.lifetime),
            stale_while_revalidate: shorter(
                self.stale_while_revalidate,
                other.stale_while_revalidate,
            ),
            stale_if_error: shorter(self.stale_if_error, other.stale_if_error),
        }
    }

    pub(crate) const PARTS: usize = 3;

    /// Lifetime and the two windows, as they were said.
    pub(crate) const fn parts(&self) -> [Option<Duration>; Self::PARTS] {
        [
            self.lifetime,
            self.stale_while_revalidate,
            self.stale_if_error,
        ]
    }

    /// The reverse of [`parts`](Self::parts).
    pub(crate) const fn from_parts(parts: [Option<Duration>; Self::PARTS]) -> Self {
        let [lifetime, stale_while_revalidate, stale_if_error] = parts;
        Self {
            lifetime,
            stale_while_revalidate,
            stale_if_error,
        }
    }

    pub(crate) const fn longest(&self) -> Option<Duration> {
        self.lifetime
    }

    /// Whether it leaves everything to the route.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The shorter of those that there are.
pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::header::CACHE_CONTROL;
    use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

    use super::*;
    use crate::key::MethodClass;
    use crate::{Admission, Exchange, Policy, RequestHead, SkipReason, StoredHead};

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn admit(policy: &Policy, says: &'static str) -> Result<StoredHead, SkipReason> {
        admit_status(policy, StatusCode::OK, says)
    }

    fn admit_status(
        policy: &Policy,
        status: StatusCode,
        says: &'static str,
    ) -> Result<StoredHead, SkipReason> {
        let (method, uri, fields) = (Method::GET, Uri::from_static("/a"), HeaderMap::new());
        let request = RequestHead::new(&method, &uri, &fields, false);
        let response = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(says))]);
        let now = SystemTime::UNIX_EPOCH;
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        match policy.admit(MethodClass::Get, &request, status, &response, times) {
            Admission::Store(head) => Ok(*head),
            Admission::Skip(reason) => Err(reason),
        }
    }

    #[test]
    fn shortest_lifetime_wins_whoever_says_it() {
        let ten = Refinement::new().lifetime(secs(10));
        let obey = Policy::shared();
        for (route, says, expected) in [
            (None, "", 10),
            (None, "max-age=5", 5),
            (None, "max-age=60", 10),
            (None, "s-maxage=0, max-age=60, stale-if-error=1", 0),
            (Some(60), "", 10),
            (Some(5), "", 5),
            (Some(60), "max-age=30", 10),
            (Some(60), "max-age=3", 3),
        ] {
            let policy = match route {
                Some(route) => obey.clone().with_route_lifetime(secs(route)),
                None => obey.clone(),
            };
            let head = admit(&policy.refined(ten), says).unwrap();
            assert_eq!(head.lifetime(), secs(expected), "{route:?} {says}");
            assert_eq!(head.refinement(), ten);
        }
        let capped = obey.with_lifetime_cap(secs(7)).refined(ten);
        assert_eq!(admit(&capped, "").unwrap().lifetime(), secs(7));
    }

    /// The lifetime of a route is for successes; the shorter word of a handler is for what it says it
    /// of.
    #[test]
    fn lifetime_shortens_that_of_an_error_and_gives_it_none() {
        let policy = Policy::shared().refined(Refinement::new().lifetime(secs(10)));
        let missing = |says| admit_status(&policy, StatusCode::NOT_FOUND, says);
        assert_eq!(missing("max-age=60").unwrap().lifetime(), secs(10));
        assert_eq!(missing("max-age=6").unwrap().lifetime(), secs(6));
        assert_eq!(missing("").unwrap_err(), SkipReason::Useless);
    }

    #[test]
    fn lifetime_does_not_override_what_forbids_storing() {
        let ten = Refinement::new().lifetime(secs(10));
        let overriding = Policy::shared().with_origin_overridden(true);
        for policy in [Policy::shared(), overriding] {
            let policy = policy.refined(ten);
            assert_eq!(admit(&policy, "no-store").unwrap_err(), SkipReason::NoStore);
            assert_eq!(admit(&policy, "private").unwrap_err(), SkipReason::Private);
        }
        let overriding = Policy::shared().with_origin_overridden(true);
        let overriding = overriding.with_route_lifetime(secs(60)).refined(ten);
        assert_eq!(admit(&overriding, "no-store").unwrap().lifetime(), secs(10));
    }

    #[test]
    fn windows_take_the_place_of_those_of_the_route() {
        let policy = Policy::shared()
            .with_route_lifetime(secs(60))
            .with_stale_while_revalidate(secs(30))
            .with_stale_if_error(secs(300));
        let longer = Refinement::new().stale_while_revalidate(secs(40));
        let head = admit(&policy.refined(longer), "").unwrap();
        assert_eq!(head.lifetime(), secs(60));
        assert_eq!(head.stale_while_revalidate(), secs(40));
        assert_eq!(head.stale_if_error(), secs(300));
        let none = Refinement::new().stale_if_error(Duration::ZERO);
        let head = admit(&policy.refined(none), "stale-while-revalidate=5").unwrap();
        assert_eq!(head.stale_while_revalidate(), secs(5));
        assert_eq!(head.stale_if_error(), Duration::ZERO);
    }

    #[test]
    fn of_two_that_refine_the_shorter_counts() {
        let one = Refinement::new().lifetime(secs(9)).stale_if_error(secs(1));
        let other = Refinement::new().lifetime(secs(8)).lifetime(secs(10));
        let both = Refinement::new().lifetime(secs(8)).stale_if_error(secs(1));
        assert_eq!(one.and(other), both);
        assert_eq!(other.and(one), both);
        assert!(!both.is_empty() && Refinement::new().is_empty());
    }
}
