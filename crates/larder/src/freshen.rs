//! What a validation does to the stored response: freshened, superseded, or served although stale.

use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{Response, StatusCode};
use http_body::Body;
use larder_policy::SkipReason;
use larder_policy::fields::CacheStatus;
use larder_policy::key::MethodClass;

use crate::body::ResponseBody;
use crate::entry::Entry;
use crate::job::Job;
use crate::keep::Arrived;
use crate::reply;
use crate::trace::{self, Outcome};

impl Job {
    /// Answers from a stored response that a 304 confirmed, and keeps it freshened.
    pub(crate) fn freshen<C: Body>(
        &self,
        key: &[u8],
        entry: &Arc<Entry>,
        arrived: &Arrived<C>,
    ) -> Response<ResponseBody<C>> {
        let request = self.sent.head();
        let entry = self.refreshed(key, entry, arrived);
        let serving = entry.head.serving(arrived.times.response_time);
        let status = CacheStatus::forward(self.fetch.reason)
            .fwd_status(StatusCode::NOT_MODIFIED)
            .ttl(serving.ttl());
        self.forwarded(StatusCode::NOT_MODIFIED);
        let mut response =
            reply::from_entry(&self.context.policy, &request, &entry, serving, &status);
        // The cookies of a 304 are for this client, whether or not they are stored.
        let cookies = arrived.response.headers().get_all(SET_COOKIE);
        if cookies.iter().next().is_some() {
            response.headers_mut().remove(SET_COOKIE);
        }
        for cookie in cookies {
            let _ = response
                .headers_mut()
                .try_append(SET_COOKIE, cookie.clone());
        }
        response
    }

    /// Puts the freshened response in the place of the stored one, as far as it may be stored.
    fn refreshed<C>(&self, key: &[u8], entry: &Arc<Entry>, arrived: &Arrived<C>) -> Arc<Entry> {
        let shared = self.context.cache.shared();
        let headers = arrived.response.headers();
        let freshened =
            self.context
                .policy
                .freshen(&entry.head, &self.sent.head(), headers, arrived.times);
        let (skip, forbids) = (freshened.skip(), freshened.forbids_stored());
        let head = *freshened.into_head();
        let grown = self.is_too_large(head.headers());
        let skip = skip.or_else(|| grown.then_some(SkipReason::HeadersTooLarge));
        let fresh = Arc::new(entry.with_head(head, arrived.birth));
        if forbids || grown {
            shared.memory.remove(key, entry);
        } else if skip.is_none() && fresh.is_live(&shared.stamps) {
            shared
                .memory
                .replace(key, entry, Arc::clone(&fresh), &shared.stamps);
        }
        if let Some(reason) = skip {
            trace::skipped(&self.context.cache, reason);
        }
        fresh
    }

    /// A full response came instead of a 304. What it says of a stored GET response, when the
    /// request was a HEAD, is in RFC 9111 section 4.3.5.
    pub(crate) fn supersede<C>(&self, key: &[u8], entry: &Arc<Entry>, arrived: &Arrived<C>) {
        let shared = self.context.cache.shared();
        let headers = arrived.response.headers();
        let crosses =
            self.fetch.class == MethodClass::Head && entry.head.class() == MethodClass::Get;
        if !crosses {
            shared.memory.remove(key, entry);
        } else if arrived.response.status() == entry.head.status()
            && self
                .context
                .policy
                .head_agrees(&entry.head, &self.sent.method, headers)
        {
            self.refreshed(key, entry, arrived);
        } else {
            let marked = entry.with_head(entry.head.marked_invalid(), entry.birth());
            shared
                .memory
                .replace(key, entry, Arc::new(marked), &shared.stamps);
        }
    }

    /// Answers from the stored response although the inner service failed, if that may be: not when
    /// it was invalidated since it was selected.
    pub(crate) fn stale<C: Body>(
        &self,
        entry: &Entry,
        failed: Option<StatusCode>,
    ) -> Option<Response<ResponseBody<C>>> {
        let shared = self.context.cache.shared();
        if !entry.is_live(&shared.stamps) {
            return None;
        }
        let request = self.sent.head();
        let now = shared.clock.now();
        let serving = self
            .context
            .policy
            .serves_on_failure(&request, &entry.head, now)?;
        let detail = "stale-if-error";
        let mut status = CacheStatus::forward(self.fetch.reason)
            .ttl(serving.ttl())
            .detail(detail);
        if let Some(failed) = failed {
            status = status.fwd_status(failed);
        }
        trace::answered(
            &self.context.cache,
            Outcome::StaleHit {
                ttl: serving.ttl(),
                detail,
            },
        );
        Some(reply::from_entry(
            &self.context.policy,
            &request,
            entry,
            serving,
            &status,
        ))
    }
}
