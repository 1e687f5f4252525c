//! Question 2: what to do with what was found? (RFC 9111 section 4, section 4.2.4)

use std::time::{Duration, SystemTime};

use crate::fields::{DeltaSeconds, ForwardReason, MaxStale};
use crate::serving::Serving;
use crate::stored::StoredHead;
use crate::{Policy, RequestHead};

/// The answer to question 2 for a selected stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Too old even to be validated ([`Policy::with_keep`]): as if it were not stored.
    Forget,
    /// Answer from the stored response.
    Serve(Serving),
    /// Answer from the stored response, which is stale, and validate it behind the client's back
    /// (RFC 5861 section 3, [`Policy::with_grace`]).
    ServeWhileValidating(Serving),
    /// Validate before use, and why.
    Validate(ForwardReason),
}

impl Policy {
    /// May this stored response, which matches the request's selecting fields, answer the request?
    #[must_use]
    pub fn decide(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        now: SystemTime,
    ) -> Decision {
        self.decide_served(request, stored, stored.serving(now))
    }

    /// As [`decide`](Self::decide), for a stored response whose freshness is not what its fields say:
    /// [`Serving::expired`].
    #[must_use]
    #[inline]
    pub fn decide_served(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        serving: Serving,
    ) -> Decision {
        match self.reuse(request, stored, serving) {
            Decision::Validate(_) if self.is_past_keeping(stored, serving) => Decision::Forget,
            decision => decision,
        }
    }

    /// What to do with a stored response that is not too old for anything.
    #[inline(always)]
    fn reuse(&self, request: &RequestHead<'_>, stored: &StoredHead, serving: Serving) -> Decision {
        let rules = stored.use_rules.get();
        let fresh = !serving.is_stale();
        if rules.no_cache || rules.invalidated {
            return Decision::Validate(ForwardReason::Stale);
        }
        if self.forced(request, stored, serving) {
            let reason = if fresh {
                ForwardReason::Request
            } else {
                ForwardReason::Stale
            };
            return Decision::Validate(reason);
        }
        if fresh {
            return Decision::Serve(serving);
        }
        let staleness = serving.staleness();
        let window = stored.stale_while_revalidate().max(self.grace());
        if rules.stale_forbidden {
            Decision::Validate(ForwardReason::Stale)
        } else if self.accepts_staleness(request, staleness) {
            Decision::Serve(serving)
        } else if within(staleness, window) {
            if request.directives.only_if_cached {
                Decision::Serve(serving)
            } else {
                Decision::ServeWhileValidating(serving)
            }
        } else {
            Decision::Validate(ForwardReason::Stale)
        }
    }

    /// May this stored response stand in for an inner service that failed: an error of its own, a
    /// timeout, or 500, 502, 503, 504 (RFC 5861 section 4, RFC 9111 section 4.2.4)? Of the windows
    /// that the response, the client and the operator name, the longest counts.
    #[must_use]
    pub fn serves_on_failure(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        now: SystemTime,
    ) -> Option<Serving> {
        self.serves_on_failure_served(request, stored, stored.serving(now))
    }

    /// As [`serves_on_failure`](Self::serves_on_failure), for a stored response whose freshness is not
    /// what its fields say: [`Serving::expired`].
    #[must_use]
    pub fn serves_on_failure_served(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        serving: Serving,
    ) -> Option<Serving> {
        let rules = stored.use_rules.get();
        if rules.stale_forbidden || rules.no_cache || rules.invalidated {
            return None;
        }
        let asked = request
            .directives
            .stale_if_error
            .map(DeltaSeconds::as_duration);
        let window = stored
            .stale_if_error()
            .max(
                asked
                    .filter(|_| self.honour_request_directives)
                    .unwrap_or_default(),
            )
            .max(self.stale_on_failure.unwrap_or_default())
            .max(self.grace());
        (!serving.is_stale() || within(serving.staleness(), window)).then_some(serving)
    }

    /// The client wants no stored response without validation, however fresh (RFC 9111
    /// section 5.2.1.4), nor one that another request brings; and it may have that, by these rules or
    /// by what was [decided](RequestHead::with_no_cache_honoured) for this request.
    #[must_use]
    #[inline]
    pub fn wants_validation(&self, request: &RequestHead<'_>) -> bool {
        let by_rule = self.honour_request_directives;
        request.directives.no_cache && request.no_cache_honoured().unwrap_or(by_rule)
    }

    /// How long after it expired a stored response may be of use: in the longest of its stale windows
    /// and the operator's, and then for as long as the operator [keeps](Self::with_keep) it for
    /// validation, if that is said.
    #[must_use]
    pub fn use_after_expiry(&self, stored: &StoredHead) -> Duration {
        let windows = stored
            .stale_while_revalidate()
            .max(stored.stale_if_error())
            .max(self.stale_on_failure.unwrap_or_default())
            .max(self.grace());
        windows.saturating_add(self.keep.unwrap_or_default())
    }

    /// Expired, out of every stale window, and then kept for as long as the operator wishes.
    fn is_past_keeping(&self, stored: &StoredHead, serving: Serving) -> bool {
        let is_past = || !within(serving.staleness(), self.use_after_expiry(stored));
        self.keep.is_some() && serving.is_stale() && is_past()
    }

    fn grace(&self) -> Duration {
        self.grace.unwrap_or_default()
    }

    /// The client's directives ask for more than this stored response offers.
    #[inline]
    fn forced(&self, request: &RequestHead<'_>, stored: &StoredHead, serving: Serving) -> bool {
        let (age, fresh) = (serving.age(), !serving.is_stale());
        if self.wants_validation(request) {
            return true;
        }
        if !self.honour_request_directives {
            return false;
        }
        let asked = &request.directives;
        let too_old = asked.max_age.is_some_and(|max| age > max.as_duration())
            && !(fresh && stored.use_rules.get().immutable);
        // A stale response stays fresh for less than no time at all.
        let too_short = asked
            .min_fresh
            .is_some_and(|min| age.saturating_add(min.as_duration()) > serving.lifetime());
        too_old || too_short
    }

    fn accepts_staleness(&self, request: &RequestHead<'_>, staleness: Duration) -> bool {
        self.honour_request_directives
            && match request.directives.max_stale {
                None => false,
                Some(MaxStale::Any) => true,
                Some(MaxStale::AtMost(limit)) => staleness <= limit.as_duration(),
            }
    }
}

/// No window is not a window of length zero.
fn within(staleness: Duration, window: Duration) -> bool {
    !window.is_zero() && staleness <= window
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

    use super::*;
    use crate::key::MethodClass;
    use crate::{Admission, Exchange};

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn control(value: &'static str) -> HeaderMap {
        let value = HeaderValue::from_static(value);
        HeaderMap::from_iter([(http::header::CACHE_CONTROL, value)])
    }

    fn with_request<T>(fields: &HeaderMap, then: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let uri = Uri::from_static("/a");
        then(&RequestHead::new(&Method::GET, &uri, fields, false))
    }

    /// Stored at [`START`], with a validator.
    fn stored(policy: &Policy, says: &'static str) -> StoredHead {
        let mut response = control(says);
        response.insert("etag", HeaderValue::from_static("\"a\""));
        let (class, status) = (MethodClass::Get, StatusCode::OK);
        let times = Exchange {
            request_time: START,
            response_time: START,
        };
        let admission = with_request(&HeaderMap::new(), |request| {
            policy.admit(class, request, status, &response, times)
        });
        let Admission::Store(stored) = admission else {
            panic!("{says} with a validator is storable: {admission:?}")
        };
        *stored
    }

    fn decide(policy: &Policy, asks: &'static str, stored: &StoredHead, age: Duration) -> Decision {
        with_request(&control(asks), |request| {
            policy.decide(request, stored, START + age)
        })
    }

    fn survives_failure(policy: &Policy, stored: &StoredHead, age: Duration) -> bool {
        with_request(&HeaderMap::new(), |request| {
            let serving = policy.serves_on_failure(request, stored, START + age);
            serving.is_some()
        })
    }

    const NANO: Duration = Duration::from_nanos(1);

    #[test]
    fn no_cache_is_honoured_where_that_was_decided_else_as_the_policy_says() {
        for (policy, by_rule) in [(Policy::shared(), false), (Policy::conformance(), true)] {
            let stored = stored(&policy, "max-age=60");
            for (asks, asked) in [("no-cache", true), ("max-age=9", false)] {
                let fields = control(asks);
                for decided in [None, Some(true), Some(false)] {
                    let forced = with_request(&fields, |request| {
                        let request = request.with_no_cache_honoured(decided);
                        let decision = policy.decide(&request, &stored, START + secs(1));
                        assert_eq!(request.no_cache_honoured(), decided);
                        decision == Decision::Validate(ForwardReason::Request)
                    });
                    assert_eq!(forced, asked && decided.unwrap_or(by_rule), "{asks}");
                }
            }
        }
    }

    #[test]
    fn min_fresh_zero_is_not_content_with_a_stale_response() {
        let policy = Policy::conformance();
        let stored = stored(&policy, "max-age=60, stale-while-revalidate=60");
        let decide = |second| decide(&policy, "min-fresh=0, max-stale", &stored, secs(second));
        assert!(matches!(decide(59), Decision::Serve(_)));
        assert_eq!(decide(61), Decision::Validate(ForwardReason::Stale));
    }

    #[test]
    fn longer_of_grace_and_the_responses_own_windows_counts() {
        for (grace, says, ends) in [
            (30, "max-age=60", 90),
            (
                30,
                "max-age=60, stale-while-revalidate=10, stale-if-error=10",
                90,
            ),
            (
                30,
                "max-age=60, stale-while-revalidate=50, stale-if-error=50",
                110,
            ),
            (
                0,
                "max-age=60, stale-while-revalidate=50, stale-if-error=50",
                110,
            ),
        ] {
            let policy = Policy::shared().with_grace(Some(secs(grace)));
            let stored = stored(&policy, says);
            let served = |age| {
                let decision = decide(&policy, "", &stored, age);
                matches!(decision, Decision::ServeWhileValidating(_))
            };
            assert!(served(secs(60)) && served(secs(ends)), "{grace}: {says}");
            assert!(!served(secs(ends) + NANO), "{grace}: {says}");
            assert!(survives_failure(&policy, &stored, secs(ends)), "{says}");
            assert!(
                !survives_failure(&policy, &stored, secs(ends) + NANO),
                "{says}"
            );
        }
    }

    #[test]
    fn no_grace_is_given_where_stale_use_is_forbidden() {
        let policy = Policy::shared().with_grace(Some(secs(30)));
        for says in [
            "max-age=60, must-revalidate",
            "max-age=60, proxy-revalidate",
            "max-age=60, no-cache",
            "s-maxage=60",
        ] {
            let stored = stored(&policy, says);
            let decision = decide(&policy, "", &stored, secs(61));
            assert_eq!(decision, Decision::Validate(ForwardReason::Stale), "{says}");
            assert!(!survives_failure(&policy, &stored, secs(61)), "{says}");
        }
        let invalid = stored(&policy, "max-age=60").marked_invalid();
        let decision = decide(&policy, "", &invalid, secs(61));
        assert_eq!(decision, Decision::Validate(ForwardReason::Stale));
        assert!(!survives_failure(&policy, &invalid, secs(61)));
    }

    #[test]
    fn grace_of_zero_is_none() {
        for grace in [None, Some(Duration::ZERO)] {
            let policy = Policy::shared().with_grace(grace);
            let stored = stored(&policy, "max-age=60");
            let decision = decide(&policy, "", &stored, secs(60));
            assert_eq!(decision, Decision::Validate(ForwardReason::Stale));
            assert!(!survives_failure(&policy, &stored, secs(60)));
        }
    }

    #[test]
    fn client_that_wants_a_stored_response_starts_no_validation_within_the_grace() {
        let policy = Policy::shared().with_grace(Some(secs(30)));
        let stored = stored(&policy, "max-age=60");
        let decision = decide(&policy, "only-if-cached", &stored, secs(61));
        assert!(matches!(decision, Decision::Serve(_)));
    }

    #[test]
    fn response_is_forgotten_once_it_was_kept_past_the_longest_of_its_windows() {
        let keep = |seconds| Policy::shared().with_keep(Some(secs(seconds)));
        for (policy, says, ends) in [
            (keep(7), "max-age=60", 67),
            (
                keep(7),
                "max-age=60, stale-while-revalidate=20, stale-if-error=10",
                87,
            ),
            (
                keep(7),
                "max-age=60, stale-while-revalidate=10, stale-if-error=20",
                87,
            ),
            (
                keep(7).with_grace(Some(secs(20))),
                "max-age=60, stale-if-error=10",
                87,
            ),
            (
                keep(7).with_stale_on_failure(Some(secs(20))),
                "max-age=60",
                87,
            ),
            (
                keep(7),
                "max-age=60, must-revalidate, stale-if-error=20",
                87,
            ),
            (keep(7), "max-age=60, no-cache", 67),
            (keep(0), "max-age=60, stale-while-revalidate=20", 80),
        ] {
            let stored = stored(&policy, says);
            for stored in [stored.marked_invalid(), stored] {
                let decide = |age| decide(&policy, "", &stored, age);
                assert_ne!(decide(secs(ends)), Decision::Forget, "{says}");
                assert_eq!(decide(secs(ends) + NANO), Decision::Forget, "{says}");
            }
        }
    }

    #[test]
    fn what_is_fresh_is_never_forgotten() {
        let policy = Policy::conformance()
            .with_stale_on_failure(None)
            .with_keep(Some(Duration::ZERO));
        let fresh = stored(&policy, "max-age=60");
        assert!(matches!(
            decide(&policy, "", &fresh, secs(59)),
            Decision::Serve(_)
        ));
        let forced = decide(&policy, "no-cache", &fresh, secs(59));
        assert_eq!(forced, Decision::Validate(ForwardReason::Request));
        let invalid = fresh.marked_invalid();
        let decision = decide(&policy, "", &invalid, secs(59));
        assert_eq!(decision, Decision::Validate(ForwardReason::Stale));
        // Not even the instant of expiry is left to something that is not kept at all.
        assert_eq!(decide(&policy, "", &fresh, secs(60)), Decision::Forget);
    }

    #[test]
    fn client_that_accepts_a_stale_response_gets_one_past_its_keeping() {
        let policy = Policy::conformance().with_keep(Some(secs(7)));
        let stored = stored(&policy, "max-age=60");
        let old = secs(400_000_000);
        assert_eq!(decide(&policy, "", &stored, old), Decision::Forget);
        assert!(matches!(
            decide(&policy, "max-stale", &stored, old),
            Decision::Serve(_)
        ));
    }

    #[test]
    fn without_keep_nothing_is_forgotten() {
        let policy = Policy::shared();
        let stored = stored(&policy, "max-age=60");
        let decision = decide(&policy, "", &stored, secs(400_000_000));
        assert_eq!(decision, Decision::Validate(ForwardReason::Stale));
    }

    #[test]
    fn endless_windows_do_not_overflow() {
        let policy = Policy::shared()
            .with_grace(Some(Duration::MAX))
            .with_keep(Some(Duration::MAX));
        let decide = |says| decide(&policy, "", &stored(&policy, says), secs(400_000_000));
        let forbidden = decide("max-age=60, must-revalidate");
        assert_eq!(forbidden, Decision::Validate(ForwardReason::Stale));
        let decision = decide("max-age=60");
        assert!(matches!(decision, Decision::ServeWhileValidating(_)));
    }
}
