//! What another node may have: looking into the shared store before the inner service is asked, and being
//! the one of all nodes that asks it.

mod found;
mod take_in;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Response};
use larder_policy::fields::ForwardReason;
use tokio::time::{Instant, sleep};

pub(crate) use self::found::Due;
use self::found::{Fit, Took};
use crate::around::holds;
use crate::body::ResponseBody;
use crate::fleet::Fleet;
use crate::fleet::counts::Did;
use crate::job::Job;
use crate::shared::{Lease, Leased, Token, Wish};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// A rule that changes all the time is not worth following.
const MAX_RULES: u32 = 3;

impl Job {
    /// Answers from what another node has stored, or is about to store. `None`: the inner service is to be
    /// asked, by this node for all if it holds the lease. Once for each request, whose extensions are these.
    pub(crate) async fn consult<C>(
        &mut self,
        extensions: &Extensions,
    ) -> Option<(Response<ResponseBody<C>>, Due)> {
        if self.consulted {
            return None;
        }
        self.consulted = true;
        let fleet = Arc::clone(self.context.cache.shared().fleet.as_ref()?);
        if !self.may_consult(&fleet) {
            return None;
        }
        let patience = fleet.patience(self.leader.is_some());
        if let Some(fit) = self.look_for_get(&fleet, patience).await {
            return Some(self.answer_shared(fit));
        }
        self.look_or_lease(fleet, extensions, patience).await
    }

    /// Looks until there is an answer, or it is this node's turn to fetch one.
    async fn look_or_lease<C>(
        &mut self,
        fleet: Arc<Fleet>,
        extensions: &Extensions,
        mut patience: Instant,
    ) -> Option<(Response<ResponseBody<C>>, Due)> {
        let leads = self.leader.is_some();
        let until = Instant::now() + fleet.settings.lease_for;
        let mut expected = None;
        let (mut pause, mut rules, mut insists) = (FIRST_PAUSE, 0, self.fetch.stored.is_some());
        let (mut from, mut named) = (None, None);
        loop {
            let key = self.entry_key(&fleet);
            let lease = fleet.lease();
            let wish = self.wish(&lease, from.as_ref(), insists);
            // Who does not hear whether he has it gives it back.
            let mut held = None;
            let asked = || {
                let lease = wish.lease();
                held = lease.map(|lease| fleet.writes.hold(key, lease.token));
            };
            let found = fleet.look(&key, wish, patience, asked).await?;
            if found.leased != Leased::Won
                && let Some(not_won) = held.take()
            {
                not_won.disclaim();
            }
            from = None;
            match self.take_in(&fleet, &key, &found) {
                Took::Answer(fit) => return Some(self.answer_shared(fit)),
                Took::Rule if rules < MAX_RULES => {
                    rules += 1;
                    continue;
                }
                Took::Dead(names) => expected = Some(names),
                Took::Nothing | Took::Rule => {}
            }
            if let Some(held) = held {
                fleet.counts.add(Did::LeaseWon);
                self.lease = Some(held);
                return None;
            }
            match found.leased {
                // The one who fetches is a layer around this one.
                Leased::Busy(Some((holder, _))) if holds(&self.context.cache, &holder) => {
                    return None;
                }
                Leased::Busy(holder) if Instant::now() < until => {
                    fleet.counts.add(Did::LeaseBusy);
                    let named = named.get_or_insert_with(|| self.know_names(extensions));
                    let late = |born| self.is_late(&fleet, named, born, expected.as_ref());
                    let late = holder.filter(|(_, born)| late(*born));
                    from = late.map(|(holder, _)| holder);
                    if from.is_none() {
                        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                        pause = (pause * 2).min(LAST_PAUSE);
                    }
                    // It is for another node that it waits, and then for one last answer.
                    patience = until.max(Instant::now()) + fleet.settings.lease_within;
                }
                // What is there is of no use.
                Leased::No if leads && !insists => insists = true,
                _ => return None,
            }
        }
    }

    /// What answers a GET answers a HEAD too.
    async fn look_for_get(&mut self, fleet: &Fleet, patience: Instant) -> Option<Fit> {
        let of_get = self.fetch.key_of_get.take()?;
        let own = mem::replace(&mut self.fetch.key, of_get);
        let mut fit = None;
        for _ in 0..=MAX_RULES {
            let key = self.entry_key(fleet);
            let Some(found) = fleet.look(&key, Wish::Read, patience, || ()).await else {
                break;
            };
            match self.take_in(fleet, &key, &found) {
                Took::Answer(found) => fit = Some(found),
                Took::Rule => continue,
                Took::Dead(_) | Took::Nothing => {}
            }
            break;
        }
        self.fetch.key = own;
        fit
    }

    /// Only one who leads here asks for all.
    fn wish<'a>(&self, lease: &'a Lease, from: Option<&'a Token>, insists: bool) -> Wish<'a> {
        match from {
            _ if self.leader.is_none() => Wish::Read,
            Some(holder) => Wish::TakeOver(lease, holder),
            None if insists => Wish::Lease(lease),
            None => Wish::ReadOrLease(lease),
        }
    }

    /// What goes alone here is nobody's there, and whoever wants it anew does not want what is stored.
    fn may_consult(&self, fleet: &Fleet) -> bool {
        // Else the leader of a client's request would not lead.
        let is_for_others = || !self.sent.head().directives().no_store() && !self.goes_alone();
        fleet.is_ready()
            && self.timer().works()
            && self.fetch.reason != ForwardReason::Request
            && (self.leader.is_some() && !self.unattended || is_for_others())
    }
}
