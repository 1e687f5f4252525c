//! Freshness lifetime and age (RFC 9111 section 4.2).

use std::time::{Duration, SystemTime};

use http::header::{DATE, EXPIRES, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use crate::Policy;
use crate::fields::{DateField, DeltaSeconds, PolicyField, age_field, date_field};
use crate::policy::{ErrorStatuses, HEURISTIC_CAP, Mode};
use crate::status::{is_heuristically_cacheable, route_lifetime_applies};
use crate::stored::Exchange;

/// Where a lifetime came from decides what else may be stored on its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) value: Duration,
    /// The response (or the route) gave it; it was not guessed.
    pub(crate) explicit: bool,
}

/// When the response says it was made, else when it came (RFC 9110 section 6.6.1), in whole seconds
/// either way: the latter is sent as `Date`, and a client may ask with it.
pub(crate) fn response_date(headers: &HeaderMap, response_time: SystemTime) -> SystemTime {
    match date_field(headers, &DATE, response_time) {
        DateField::Valid(date) => date,
        DateField::Absent | DateField::Invalid => whole_seconds(response_time),
    }
}

/// The age the response already had when it came: the larger of what `Date` and what `Age` say.
pub(crate) fn initial_age(headers: &HeaderMap, date: SystemTime, times: Exchange) -> Duration {
    // Dates have whole seconds: the fraction of the receipt time is not age.
    let apparent = times.response_time.duration_since(date).unwrap_or_default();
    let apparent = Duration::from_secs(apparent.as_secs());
    let delay = times
        .response_time
        .duration_since(times.request_time)
        .unwrap_or_default();
    let stated = age_field(headers).map_or(Duration::ZERO, DeltaSeconds::as_duration);
    apparent.max(stated.saturating_add(delay))
}

impl Policy {
    /// Freshness lifetime of a response (RFC 9111 section 4.2.1), after the route's and the
    /// operator's limits.
    pub(crate) fn freshness_lifetime(
        &self,
        field: &PolicyField,
        status: StatusCode,
        headers: &HeaderMap,
        times: Exchange,
    ) -> Lifetime {
        let stated = self.stated_lifetime(field, headers, times.response_time);
        let route = self
            .route_lifetime
            .filter(|_| route_lifetime_applies(self, status));
        let chosen = match (stated, route) {
            (Some(_), Some(route)) if self.override_origin => Some(route),
            (Some(stated), Some(route)) => Some(stated.min(route)),
            (stated, route) => stated.or(route),
        };
        let lifetime = match chosen {
            Some(value) => Lifetime {
                value,
                explicit: true,
            },
            None => Lifetime {
                value: self.heuristic_lifetime(field, status, headers, times.response_time),
                explicit: false,
            },
        };
        Lifetime {
            value: self.capped(lifetime.value, status),
            ..lifetime
        }
    }

    fn capped(&self, lifetime: Duration, status: StatusCode) -> Duration {
        let caps = [self.lifetime_cap, self.refinement.longest()];
        let lifetime = caps.into_iter().flatten().fold(lifetime, Duration::min);
        match &self.error_statuses {
            ErrorStatuses::Listed(listed, cap) if listed.contains(&status) => lifetime.min(*cap),
            _ => lifetime,
        }
    }

    /// `s-maxage`, then `max-age`, then `Expires`: the first that is present, valid or not.
    fn stated_lifetime(
        &self,
        field: &PolicyField,
        headers: &HeaderMap,
        response_time: SystemTime,
    ) -> Option<Duration> {
        let directives = &field.directives;
        let s_maxage = directives.s_maxage.filter(|_| self.mode == Mode::Shared);
        if let Some(seconds) = s_maxage.or(directives.max_age) {
            return Some(seconds.as_duration());
        }
        if field.targeted {
            return None;
        }
        match date_field(headers, &EXPIRES, response_time) {
            DateField::Absent => None,
            DateField::Invalid => Some(Duration::ZERO),
            DateField::Valid(expires) => {
                let date = response_date(headers, response_time);
                Some(expires.duration_since(date).unwrap_or_default())
            }
        }
    }

    fn heuristic_lifetime(
        &self,
        field: &PolicyField,
        status: StatusCode,
        headers: &HeaderMap,
        response_time: SystemTime,
    ) -> Duration {
        let permitted = is_heuristically_cacheable(status) || field.directives.public;
        if !self.heuristics || !permitted {
            return Duration::ZERO;
        }
        let DateField::Valid(modified) = date_field(headers, &LAST_MODIFIED, response_time) else {
            return Duration::ZERO;
        };
        let date = response_date(headers, response_time);
        (date.duration_since(modified).unwrap_or_default() / 10).min(HEURISTIC_CAP)
    }
}

/// An HTTP date has no fraction: neither has a date made up from the receipt time.
fn whole_seconds(time: SystemTime) -> SystemTime {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        Err(_) => time,
    }
}
