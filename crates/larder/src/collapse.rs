//! Collapsing: of the requests for a key that has to be fetched, one leads and the others follow.
//!
//! A follower gets what the leader brings only if it could have reused it as a stored response. Else
//! it goes forward by itself, or leads the next flight.

use std::sync::Arc;

use http::Response;
use larder_policy::fields::ForwardReason;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::around::leads;
use crate::berth::Berth;
use crate::body::ResponseBody;
use crate::errand::Came;
use crate::flights::Boarded;
use crate::job::Job;
use crate::landing::{FlightKey, Follower, Landing, Takeoff};
use crate::look::{STALE_WHILE_REVALIDATE, Use, look};
use crate::reply;
use crate::reuse::Followed;
use crate::timer::after;

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

    pub(crate) fn board(&self) -> Boarded<FlightKey, Takeoff, Landing> {
        let shared = self.context.cache.shared();
        let key = FlightKey {
            primary: Arc::clone(&self.fetch.key),
            variant: self.fetch.variant.clone(),
        };
        // A flight that waits for this very request is none to follow.
        let may_join = |takeoff: &Takeoff| {
            takeoff.lets_join(&shared.stamps, |sight| shared.trusts(sight))
                && !leads(&self.context.cache, takeoff)
        };
        let takeoff = Takeoff::new(shared.stamps.position(), shared.sight());
        if let Some((_, entry)) = &self.fetch.stored {
            takeoff.know(entry.names());
        }
        shared.flights.board(&key, takeoff, may_join)
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
}

/// So many flights a request follows before it goes forward by itself.
const MAX_FLIGHTS: usize = 4;
