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
    /// Answer from the stored response.
    Serve(Serving),
    /// Answer from the stored response, which is stale, and validate it behind the client's back
    /// (RFC 5861 section 3).
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
        let age = stored.age(now);
        let serving = Serving::new(age, stored.lifetime);
        let rules = stored.use_rules;
        let fresh = !serving.is_stale();
        if rules.no_cache || rules.invalidated {
            return Decision::Validate(ForwardReason::Stale);
        }
        if self.forced(request, stored, age, fresh) {
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
        let staleness = age.saturating_sub(stored.lifetime);
        if rules.stale_forbidden {
            Decision::Validate(ForwardReason::Stale)
        } else if self.accepts_staleness(request, staleness) {
            Decision::Serve(serving)
        } else if within(staleness, stored.stale_while_revalidate) {
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
    /// timeout, or 500, 502, 503, 504 (RFC 5861 section 4, RFC 9111 section 4.2.4)?
    #[must_use]
    pub fn serves_on_failure(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        now: SystemTime,
    ) -> Option<Serving> {
        let rules = stored.use_rules;
        if rules.stale_forbidden || rules.no_cache || rules.invalidated {
            return None;
        }
        let age = stored.age(now);
        let staleness = age.saturating_sub(stored.lifetime);
        let asked = request
            .directives
            .stale_if_error
            .map(DeltaSeconds::as_duration);
        let window = stored
            .stale_if_error
            .max(
                asked
                    .filter(|_| self.honour_request_directives)
                    .unwrap_or_default(),
            )
            .max(self.stale_on_failure.unwrap_or_default());
        (stored.lifetime > age || within(staleness, window)).then(|| stored.serving(now))
    }

    /// The client's directives ask for more than this stored response offers.
    fn forced(
        &self,
        request: &RequestHead<'_>,
        stored: &StoredHead,
        age: Duration,
        fresh: bool,
    ) -> bool {
        if !self.honour_request_directives {
            return false;
        }
        let asked = &request.directives;
        let too_old = asked.max_age.is_some_and(|max| age > max.as_duration())
            && !(fresh && stored.use_rules.immutable);
        // A stale response stays fresh for less than no time at all.
        let too_short = asked
            .min_fresh
            .is_some_and(|min| age.saturating_add(min.as_duration()) > stored.lifetime);
        asked.no_cache || too_old || too_short
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

    #[test]
    fn min_fresh_zero_is_not_content_with_a_stale_response() {
        let policy = Policy::conformance();
        let (uri, now) = (Uri::from_static("/a"), SystemTime::UNIX_EPOCH);
        let head = |control: &'static str| {
            HeaderMap::from_iter([(
                http::header::CACHE_CONTROL,
                HeaderValue::from_static(control),
            )])
        };
        let asked = head("min-fresh=0, max-stale");
        let request = RequestHead::new(&Method::GET, &uri, &asked, false);
        let times = Exchange {
            request_time: now,
            response_time: now,
        };
        let response = head("max-age=60, stale-while-revalidate=60");
        let admission = policy.admit(MethodClass::Get, &request, StatusCode::OK, &response, times);
        let Admission::Store(stored) = admission else {
            panic!("max-age makes it storable")
        };
        let decide = |second| policy.decide(&request, &stored, now + Duration::from_secs(second));
        assert!(matches!(decide(59), Decision::Serve(_)));
        assert_eq!(decide(61), Decision::Validate(ForwardReason::Stale));
    }
}
