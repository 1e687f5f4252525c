//! Collapsing: of the requests for a key that has to be fetched, one leads and the others follow.
//!
//! A follower gets what the leader brings only if it could have reused it as a stored response. Else
//! it goes forward by itself, or leads the next flight.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::SystemTime;

use http::Response;
use larder_policy::fields::{CacheStatus, ForwardReason};
use larder_policy::{Decision, Serving, StoredHead};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::active::Came;
use crate::around::leads;
use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::entry::{Birth, Entry};
use crate::flights::Boarded;
use crate::job::Job;
use crate::landing::{FlightKey, Follower, Landing, Stream, Takeoff};
use crate::look::{STALE_IF_ERROR, STALE_WHILE_REVALIDATE, Use, look, variant};
use crate::marks::Scope;
use crate::reply;
use crate::timer::{Timer, after};
use crate::trace::{self, Outcome};

impl Job {
    /// Answers from what another request brings, if one is being made for the same key. `None`: this
    /// one is to be made, as the leader if that is wanted. From `soft` on a stored response stands in,
    /// if it may.
    pub(crate) async fn collapse<C>(
        &mut self,
        berth: &Berth,
        soft: Option<Instant>,
    ) -> Option<Response<ResponseBody<C>>> {
        if !self.may_collapse() {
            return None;
        }
        let patience = self.context.cache.shared().limits.collapse_timeout;
        let until = after(patience);
        for _ in 0..MAX_FLIGHTS {
            if self.goes_alone() {
                return None;
            }
            let follower = match self.board() {
                Boarded::Follow(_) if self.wants_its_own() => return None,
                Boarded::Follow(follower) => follower,
                Boarded::Full => return None,
                Boarded::Lead(leader) => {
                    berth.lead(leader.flight());
                    self.leader = Some(leader);
                    let found = self.look_again();
                    if found.is_some() {
                        self.note(Came::Shared);
                    }
                    return found;
                }
            };
            self.waited = true;
            match self.follow(follower, until, soft).await {
                Followed::Answer(response) => {
                    self.note(Came::Shared);
                    return Some(response);
                }
                Followed::StandIn(response) => {
                    self.note(Came::Busy);
                    return Some(response);
                }
                Followed::Again => {}
                Followed::Alone => return None,
            }
        }
        None
    }

    /// Requests that ask for something else than the stored response would be, or want it anew, go
    /// forward by themselves.
    fn may_collapse(&self) -> bool {
        let head = self.sent.head();
        let partial = head.has_range() || head.is_conditional();
        self.context.filling.collapse
            && Handle::try_current().is_ok()
            && self.fetch.reason != ForwardReason::Request
            && !head.directives().no_store()
            && (self.fetch.stored.is_some() || !partial)
    }

    /// Nothing that another brings would do, though others may have what this one brings.
    fn wants_its_own(&self) -> bool {
        self.context.policy.wants_validation(&self.sent.head())
    }

    /// Responses for this key were not for others.
    pub(crate) fn goes_alone(&self) -> bool {
        let shared = self.context.cache.shared();
        let now = shared.clock.now();
        match shared.marks.get(shared.mark_of(&self.fetch.key), now) {
            None => false,
            Some(scope) => self.is_in(scope),
        }
    }

    fn is_in(&self, scope: Scope) -> bool {
        scope == Scope::Everybody || self.has_credentials()
    }

    pub(crate) fn board(&self) -> Boarded<FlightKey, Takeoff, Landing> {
        let shared = self.context.cache.shared();
        let key = FlightKey {
            primary: Arc::clone(&self.fetch.key),
            variant: self.fetch.variant.clone(),
        };
        let birth = Birth {
            position: shared.stamps.position(),
            names: self.names_before(),
            time: shared.clock.now(),
            sight: shared.sight(),
        };
        // A flight that waits for this very request is none to follow.
        let may_join = |takeoff: &Takeoff| {
            takeoff.lets_join(|birth| shared.may_wait_for(birth))
                && !leads(&self.context.cache, takeoff)
        };
        shared.flights.board(&key, Takeoff::new(birth), may_join)
    }

    /// What this request was to fetch may have been stored between its look and its lead.
    fn look_again<C>(&mut self) -> Option<Response<ResponseBody<C>>> {
        let context = Arc::clone(&self.context);
        let head = self.sent.head();
        match look(&context, &head, &self.fetch.key) {
            Use::Serve(entry, serving, detail) => {
                let response = reply::hit(&context, &head, &entry, serving, detail);
                self.land(Landing::Stored(Arc::clone(&entry)));
                Some(response)
            }
            Use::ServeWhileValidating(entry, serving) => {
                let detail = STALE_WHILE_REVALIDATE;
                let response = reply::hit(&context, &head, &entry, serving, detail);
                self.land(Landing::Stored(Arc::clone(&entry)));
                Some(response)
            }
            Use::Validate(reason, entry) => {
                self.fetch.reason = reason;
                self.fetch.stored = Some((Arc::clone(&self.fetch.key), entry));
                None
            }
            Use::Miss(..) => None,
        }
    }

    /// Keeps the follower's place until it has what it followed for: as long as it is there, the
    /// body keeps coming.
    async fn follow<C>(
        &mut self,
        mut follower: Follower,
        until: Instant,
        soft: Option<Instant>,
    ) -> Followed<C> {
        let flight = Arc::clone(follower.flight());
        let soft = soft.filter(|soft| *soft <= until && self.stands_in().is_some());
        let soon = soft.unwrap_or(until);
        let mut landing = self.timer().timeout_at(soon, &mut follower).await;
        if soft.is_some() && landing.is_err() {
            if let Some(stale) = self.stale(None, "soft-timeout") {
                flight.mark().link();
                return Followed::StandIn(stale);
            }
            // It may do so no longer.
            landing = self.timer().timeout_at(until, &mut follower).await;
        }
        flight.mark().link();
        match landing {
            Ok(Some(landing)) => self.use_landing(landing, until).await,
            Ok(None) => Followed::Again,
            Err(_) => Followed::Alone,
        }
    }

    async fn use_landing<C>(&mut self, landing: Landing, until: Instant) -> Followed<C> {
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
                let (policy, request) = (&self.context.policy, self.sent.head());
                Followed::Answer(reply::from_entry(policy, &request, entry, serving, &status))
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

    pub(crate) fn timer(&self) -> &Timer {
        &self.context.cache.shared().timer
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

/// What became of a request that followed.
enum Followed<C> {
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

/// So many flights a request follows before it goes forward by itself.
const MAX_FLIGHTS: usize = 4;
