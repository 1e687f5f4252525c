//! What a follower gets of what its leader brought: what it could have reused as a stored response, and nothing
//! else.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::SystemTime;

use http::Response;
use larder_policy::fields::CacheStatus;
use larder_policy::{Decision, Serving, StoredHead};
use tokio::time::Instant;

use crate::body::ResponseBody;
use crate::entry::Entry;
use crate::job::Job;
use crate::landing::{Landing, Stream};
use crate::look::{STALE_IF_ERROR, variant};
use crate::reply;
use crate::trace::{self, Outcome};

/// What became of a request that followed.
pub(crate) enum Followed<C> {
    /// Forward by itself.
    Alone,
    /// To the next flight.
    Again,
    /// With what was followed for.
    Answer(Response<ResponseBody<C>>),
    /// With what there is instead.
    StandIn(Response<ResponseBody<C>>),
}

/// Why a follower does not get what was fetched.
enum Not {
    /// No stored response could answer it.
    Ever,
    /// It is another variant, or was purged meanwhile.
    ThisFlight,
}

impl<C> From<Not> for Followed<C> {
    fn from(not: Not) -> Self {
        match not {
            Not::Ever => Self::Alone,
            Not::ThisFlight => Self::Again,
        }
    }
}

impl Job {
    /// Takes what it followed for, waiting for no longer than until then.
    pub(crate) async fn use_landing<C>(&mut self, landing: Landing, until: Instant) -> Followed<C> {
        match landing {
            Landing::Alone(scope) if self.is_in(scope) => Followed::Alone,
            Landing::Alone(_) => Followed::Again,
            Landing::Failed(status) => match self.stale(status, STALE_IF_ERROR) {
                Some(stale) => Followed::StandIn(stale),
                // Nothing came back: one of those who waited tries again.
                None if status.is_none() => Followed::Again,
                None => Followed::Alone,
            },
            Landing::Stored(entry) => self.use_entry(&entry),
            Landing::Streaming(stream) => self.use_stream(&stream, until).await,
            Landing::TimedOut => {
                let stale = self.stale(None, "timeout");
                Followed::StandIn(stale.unwrap_or_else(|| self.timed_out()))
            }
        }
    }

    fn use_entry<C>(&mut self, entry: &Arc<Entry>) -> Followed<C> {
        let shared = self.context.cache.shared();
        // Before the look: a purge that is heard meanwhile is not yet seen in it.
        let heard = shared.heard();
        let live = entry.is_live(&shared.stamps);
        let now = shared.clock.now();
        let serving = shared.serving_as_of(entry, now, heard);
        match self.may_reuse(&entry.head, live, serving, now) {
            Err(not) => not.into(),
            Ok(serving) => {
                let status = self.shared_status(serving);
                let request = self.sent.head();
                Followed::Answer(reply::from_entry(
                    &self.context,
                    &request,
                    entry,
                    serving,
                    &status,
                ))
            }
        }
    }

    async fn use_stream<C>(&mut self, stream: &Arc<Stream>, until: Instant) -> Followed<C> {
        let shared = self.context.cache.shared();
        let heard = shared.heard();
        let live = stream.birth.is_current(&shared.stamps);
        let now = shared.clock.now();
        let serving = shared.trusted_as_of(stream.head.serving(now), stream.birth.sight, heard);
        let serving = match self.may_reuse(&stream.head, live, serving, now) {
            Ok(serving) => serving,
            Err(not) => return not.into(),
        };
        let Some(reader) = stream.join() else {
            return Followed::Again;
        };
        let request = self.sent.head();
        if !request.has_range() && !request.is_conditional() {
            let status = self.shared_status(serving);
            let policy = &self.context.policy;
            let answer =
                reply::from_stream(policy, &request, &stream.head, reader, serving, &status);
            return Followed::Answer(answer);
        }
        // Which part of it the client is to have shows when all is there.
        let stored = self
            .timer()
            .timeout_at(until, poll_fn(|cx| reader.poll_ended(cx)))
            .await;
        match stream.entry.get().filter(|_| stored == Ok(true)) {
            Some(entry) => self.use_entry(entry),
            None => Followed::Alone,
        }
    }

    /// Whether this request could have reused a response as a stored one (RFC 9111 section 4).
    fn may_reuse(
        &mut self,
        head: &StoredHead,
        live: bool,
        serving: Serving,
        now: SystemTime,
    ) -> Result<Serving, Not> {
        if !live {
            return Err(Not::ThisFlight);
        }
        let request = self.sent.head();
        if !head.selection().matches(request.headers()) {
            self.fetch.variant = variant(head.selection(), &request);
            return Err(Not::ThisFlight);
        }
        match self.context.policy.decide_served(&request, head, serving) {
            Decision::Serve(serving) | Decision::ServeWhileValidating(serving) => Ok(serving),
            // A purge made it stale since.
            _ if serving != head.serving(now) => Err(Not::ThisFlight),
            _ => Err(Not::Ever),
        }
    }

    /// Tells that the response was another request's, and how stale it is, should it be.
    fn shared_status(&self, serving: Serving) -> CacheStatus {
        let reason = self.fetch.reason;
        trace::answered(&self.context.cache, Outcome::Collapsed { reason });
        let status = CacheStatus::forward(reason).collapsed(true);
        if serving.is_stale() {
            status.ttl(serving.ttl())
        } else {
            status
        }
    }
}
