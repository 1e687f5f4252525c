//! Every decision as an event: counted, and told to `tracing` and (with the `metrics` feature) to
//! the metrics facade, under one set of names.

use larder_policy::fields::ForwardReason;
use larder_policy::{BypassReason, SkipReason};
use tracing::Span;

use crate::cache::Cache;
use crate::stats::Event;

const TARGET: &str = "larder";

/// How a request was answered, in the words of RFC 9211.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    /// From a response that another request brought.
    Collapsed {
        reason: ForwardReason,
    },
    Hit {
        ttl: i64,
    },
    StaleHit {
        ttl: i64,
        detail: &'static str,
    },
    Forwarded {
        reason: ForwardReason,
        status: u16,
    },
    Failed {
        reason: ForwardReason,
    },
    Bypassed(BypassReason),
    /// `no-cache` of a client who may not have that.
    RefreshRefused,
    /// `only-if-cached` and nothing usable stored.
    Refused,
}

/// As [`answered`], of a hit: nothing is to be found out about it.
#[inline]
pub(crate) fn hit(cache: &Cache, ttl: i64) {
    cache.shared().counters.add(Event::Hit);
    tracing::debug!(target: TARGET, outcome = "hit", ttl);
    count_answer(Outcome::Hit { ttl });
}

pub(crate) fn answered(cache: &Cache, outcome: Outcome) {
    let counters = &cache.shared().counters;
    counters.add(event_of(outcome));
    match outcome {
        Outcome::Collapsed { reason } => {
            tracing::debug!(target: TARGET, outcome = "collapsed", reason = reason.as_str());
        }
        Outcome::Hit { ttl } => {
            tracing::debug!(target: TARGET, outcome = "hit", ttl);
        }
        Outcome::StaleHit { ttl, detail } => {
            tracing::debug!(target: TARGET, outcome = "stale-hit", ttl, detail);
        }
        Outcome::Forwarded { reason, status } => {
            tracing::debug!(target: TARGET, outcome = "forwarded", reason = reason.as_str(), status);
        }
        Outcome::Failed { reason } => {
            tracing::debug!(target: TARGET, outcome = "failed", reason = reason.as_str());
        }
        Outcome::Bypassed(reason) => {
            tracing::debug!(target: TARGET, outcome = "bypass", reason = reason.as_str());
        }
        Outcome::RefreshRefused => tracing::debug!(target: TARGET, outcome = "refresh-refused"),
        Outcome::Refused => tracing::debug!(target: TARGET, outcome = "only-if-cached"),
    }
    count_answer(outcome);
}

fn event_of(outcome: Outcome) -> Event {
    match outcome {
        Outcome::Collapsed { .. } => Event::Collapsed,
        Outcome::Hit { .. } => Event::Hit,
        Outcome::StaleHit { .. } => Event::StaleHit,
        Outcome::Forwarded {
            reason: ForwardReason::Method,
            ..
        } => Event::ForwardedMethod,
        Outcome::Forwarded {
            reason: ForwardReason::Stale | ForwardReason::Request,
            status,
        } => {
            if status == 304 {
                Event::Validated
            } else {
                Event::ValidationReplaced
            }
        }
        Outcome::Forwarded { .. } => Event::Miss,
        Outcome::Failed { .. } => Event::Error,
        Outcome::Bypassed(_) => Event::Bypass,
        Outcome::RefreshRefused => Event::RefreshRefused,
        Outcome::Refused => Event::Refused,
    }
}

/// The span of the inner service's work for a response that may be stored. Those who wait for it
/// are linked to it.
pub(crate) fn fill_span(reason: ForwardReason) -> Span {
    let reason = reason.as_str();
    tracing::debug_span!(target: TARGET, "fill", reason, background = false)
}

/// The same where no client waits: no part of any client's request.
pub(crate) fn background_span(reason: ForwardReason) -> Span {
    let reason = reason.as_str();
    tracing::debug_span!(target: TARGET, parent: None, "fill", reason, background = true)
}

/// A stored response is being validated in the background.
pub(crate) fn refreshing(cache: &Cache) {
    cache.shared().counters.add(Event::Refresh);
    tracing::debug!(target: TARGET, outcome = "refresh");
    count_refresh();
}

/// What a check of a hit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Failed,
    Same,
    Stale,
    WrongKey,
}

/// The span of a check of a hit: no part of any client's request.
pub(crate) fn verify_span(route: &str) -> Span {
    tracing::debug_span!(target: TARGET, parent: None, "verify", route)
}

/// A hit was checked. Of a wrong key a finding tells more.
pub(crate) fn verified(cache: &Cache, route: &str, verdict: Verdict) {
    let (event, name) = match verdict {
        Verdict::Failed => (Event::VerifyFailed, "failed"),
        Verdict::Same => (Event::Verified, "same"),
        Verdict::Stale => (Event::VerifiedStale, "stale"),
        Verdict::WrongKey => (Event::WrongKey, "wrong-key"),
    };
    cache.shared().counters.add(event);
    if verdict == Verdict::Stale {
        tracing::info!(target: TARGET, route, "stored response is stale within its lifetime");
    }
    tracing::debug!(target: TARGET, outcome = "verify", verdict = name);
    count_verified(name);
}

pub(crate) fn stored(cache: &Cache, body_bytes: u64) {
    cache.shared().counters.add(Event::Stored);
    tracing::debug!(target: TARGET, outcome = "stored", body_bytes);
    count_stored(body_bytes);
}

/// A response was not stored, known from its head.
pub(crate) fn skipped(cache: &Cache, reason: SkipReason) {
    cache.shared().counters.add(Event::NotStored);
    tracing::debug!(target: TARGET, outcome = "not-stored", reason = reason.as_str());
    count_skip(reason);
}

/// A response that was being stored turned out not to be storable.
pub(crate) fn discarded(cache: &Cache, reason: SkipReason) {
    cache.shared().counters.add(Event::NotStored);
    tracing::debug!(target: TARGET, outcome = "discarded", reason = reason.as_str());
    count_skip(reason);
}

/// The application put a response into the store.
pub(crate) fn put(cache: &Cache, body_bytes: u64) {
    cache.shared().counters.add(Event::Put);
    tracing::debug!(target: TARGET, outcome = "put", body_bytes);
    count_put("stored", "");
}

/// The application tried to.
pub(crate) fn put_refused(cache: &Cache, reason: &'static str) {
    cache.shared().counters.add(Event::PutRefused);
    tracing::debug!(target: TARGET, outcome = "put-refused", reason);
    count_put("refused", reason);
}

/// A change of a feed was carried out.
pub(crate) fn fed(kind: &'static str) {
    count_fed(kind);
}

/// A feed may have missed changes.
pub(crate) fn feed_lost() {
    tracing::warn!(target: TARGET, outcome = "feed-lost", "a feed may have missed changes: everything is purged");
}

/// The source of a feed failed.
pub(crate) fn feed_failed(error: &dyn std::fmt::Display) {
    tracing::warn!(target: TARGET, outcome = "feed-failed", %error, "the source of a feed failed");
    count_fed("error");
}

/// A feed is at its end, and not because its source is.
pub(crate) fn feed_broke(cause: &'static str) {
    tracing::warn!(target: TARGET, outcome = "feed-broke", cause, "a feed has ended: changes are not followed any more");
    count_fed("broke");
}

/// Something was purged.
pub(crate) fn purged(cache: &Cache, soft: bool) {
    cache.shared().counters.add(Event::Purge);
    count_purge(soft);
}

/// What is stored was searched for what purges made dead.
pub(crate) fn swept(cache: &Cache, removed: u64, forgotten: u64, left: u64) {
    cache.shared().counters.add(Event::Sweep);
    tracing::debug!(target: TARGET, outcome = "swept", removed, forgotten, left);
    count_sweep();
}

/// A write succeeded.
pub(crate) fn invalidated(cache: &Cache, urls: usize) {
    cache.shared().counters.add(Event::Invalidation);
    tracing::debug!(target: TARGET, outcome = "invalidated", urls);
    count_invalidation();
}

/// A write was given up before it was known what came of it.
pub(crate) fn abandoned(cache: &Cache, urls: usize) {
    cache.shared().counters.add(Event::Invalidation);
    tracing::debug!(target: TARGET, outcome = "invalidated", urls, abandoned = true);
    count_invalidation();
}

#[cfg(feature = "metrics")]
mod facade {
    use larder_policy::SkipReason;

    use super::Outcome;

    pub(super) fn count_answer(outcome: Outcome) {
        let (name, reason) = match outcome {
            Outcome::Collapsed { reason } => ("collapsed", reason.as_str()),
            Outcome::Hit { ttl } => {
                #[expect(clippy::cast_precision_loss, reason = "a histogram of seconds")]
                metrics::histogram!("larder_hit_ttl_seconds").record(ttl as f64);
                ("hit", "")
            }
            Outcome::StaleHit { detail, .. } => ("stale-hit", detail),
            Outcome::Forwarded { reason, .. } => ("forwarded", reason.as_str()),
            Outcome::Failed { reason } => ("failed", reason.as_str()),
            Outcome::Bypassed(reason) => ("bypass", reason.as_str()),
            Outcome::RefreshRefused => ("refresh-refused", ""),
            Outcome::Refused => ("only-if-cached", ""),
        };
        metrics::counter!("larder_requests_total", "outcome" => name, "reason" => reason)
            .increment(1);
    }

    pub(super) fn count_stored(body_bytes: u64) {
        metrics::counter!("larder_responses_total", "outcome" => "stored", "reason" => "")
            .increment(1);
        #[expect(clippy::cast_precision_loss, reason = "a histogram of bytes")]
        metrics::histogram!("larder_stored_body_bytes").record(body_bytes as f64);
    }

    pub(super) fn count_skip(reason: SkipReason) {
        metrics::counter!(
            "larder_responses_total", "outcome" => "not-stored", "reason" => reason.as_str()
        )
        .increment(1);
    }

    pub(super) fn count_refresh() {
        metrics::counter!("larder_background_validations_total").increment(1);
    }

    pub(super) fn count_verified(verdict: &'static str) {
        metrics::counter!("larder_verifications_total", "verdict" => verdict).increment(1);
    }

    pub(super) fn count_purge(soft: bool) {
        let manner = if soft { "soft" } else { "hard" };
        metrics::counter!("larder_purges_total", "manner" => manner).increment(1);
    }

    pub(super) fn count_sweep() {
        metrics::counter!("larder_sweeps_total").increment(1);
    }

    pub(super) fn count_put(outcome: &'static str, reason: &'static str) {
        metrics::counter!("larder_puts_total", "outcome" => outcome, "reason" => reason)
            .increment(1);
    }

    pub(super) fn count_fed(kind: &'static str) {
        metrics::counter!("larder_feed_events_total", "kind" => kind).increment(1);
    }

    pub(super) fn count_invalidation() {
        metrics::counter!("larder_invalidations_total").increment(1);
    }
}

#[cfg(not(feature = "metrics"))]
mod facade {
    use larder_policy::SkipReason;

    use super::Outcome;

    pub(super) fn count_answer(_: Outcome) {}
    pub(super) fn count_stored(_: u64) {}
    pub(super) fn count_skip(_: SkipReason) {}
    pub(super) fn count_invalidation() {}
    pub(super) fn count_purge(_: bool) {}
    pub(super) fn count_put(_: &'static str, _: &'static str) {}
    pub(super) fn count_fed(_: &'static str) {}
    pub(super) fn count_refresh() {}
    pub(super) fn count_sweep() {}
    pub(super) fn count_verified(_: &'static str) {}
}

use facade::{
    count_answer, count_fed, count_invalidation, count_purge, count_put, count_refresh, count_skip,
    count_stored, count_sweep, count_verified,
};
