//! A stale stored response in place of one that cannot be had, or not in time.

use std::sync::Arc;

use http::{Response, StatusCode};
use larder_policy::Serving;
use larder_policy::fields::CacheStatus;

use crate::body::ResponseBody;
use crate::entry::Entry;
use crate::job::Job;
use crate::landing::Landing;
use crate::look::STALE_IF_ERROR;
use crate::reply;
use crate::trace::{self, Outcome};
use crate::turn::throttle;

impl Job {
    /// The stored response, if it may stand in for a failed inner service: not when it was
    /// invalidated since it was selected.
    pub(crate) fn stands_in(&self) -> Option<(Arc<Entry>, Serving)> {
        let (_, entry) = self.fetch.stored.as_ref()?;
        let shared = self.context.cache.shared();
        if !entry.is_live(&shared.stamps) {
            return None;
        }
        let now = shared.clock.now();
        let policy = &self.context.policy;
        let serving = shared.serving(entry, now);
        let serving = policy.serves_on_failure_served(&self.sent.head(), &entry.head, serving)?;
        Some((Arc::clone(entry), serving))
    }

    /// Answers from the stored response although the inner service failed, if that may be. `failed`
    /// is what it said, if anything. Where no client waits there is nobody to answer.
    pub(crate) fn stale<C>(
        &self,
        failed: Option<StatusCode>,
        detail: &'static str,
    ) -> Option<Response<ResponseBody<C>>> {
        let (entry, serving) = self.stands_in().filter(|_| !self.is_answered())?;
        Some(self.stale_from(&entry, serving, failed, detail))
    }

    /// Answers from a response that stands in.
    pub(crate) fn stale_from<C>(
        &self,
        entry: &Entry,
        serving: Serving,
        failed: Option<StatusCode>,
        detail: &'static str,
    ) -> Response<ResponseBody<C>> {
        let ttl = serving.ttl();
        let status = CacheStatus::forward(self.fetch.reason)
            .ttl(ttl)
            .detail(detail);
        let status = match failed {
            Some(failed) => status.fwd_status(failed),
            None => status,
        };
        trace::answered(&self.context.cache, Outcome::StaleHit { ttl, detail });
        let request = self.sent.head();
        reply::from_entry(&self.context, &request, entry, serving, &status)
    }

    /// The validation failed: nobody tries again for a moment.
    pub(crate) fn throttle(&self) {
        if let Some((_, entry)) = &self.fetch.stored {
            throttle(&self.context.cache, entry);
        }
    }

    /// Nothing came back: answers from the stored response, or with what there is.
    pub(crate) fn lost<C, E>(&mut self, lost: Lost<E>) -> Result<Response<ResponseBody<C>>, E> {
        self.throttle();
        match lost {
            Lost::Error(error) => {
                self.land(Landing::Failed(None));
                let stale = self.stale(None, STALE_IF_ERROR);
                stale.ok_or(error).inspect_err(|_| self.failed())
            }
            Lost::TimedOut => {
                self.land(Landing::TimedOut);
                let stale = self.stale(None, "timeout");
                Ok(stale.unwrap_or_else(|| self.timed_out()))
            }
        }
    }

    /// The inner service did not answer in the time it has, and nothing may stand in.
    pub(crate) fn timed_out<C>(&self) -> Response<ResponseBody<C>> {
        self.failed();
        reply::local(StatusCode::GATEWAY_TIMEOUT)
    }
}

/// No response: the inner service's own error, or none in the time it has.
pub(crate) enum Lost<E> {
    Error(E),
    TimedOut,
}
