//! What another node may have: looking into the shared store before the inner service is asked, and being
//! the one of all nodes that asks it.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use larder_policy::fields::ForwardReason;
use larder_policy::key::{KeyBuf, Selection};
use tokio::time::{Instant, sleep};

use super::Fleet;
use super::counts::Did;
use super::found::{Due, Fit, Took};
use super::frame::is_rule;
use crate::around::holds;
use crate::body::ResponseBody;
use crate::entry::{Birth, Entry};
use crate::job::Job;
use crate::look::{Use, look, look_at};
use crate::names::Names;
use crate::shared::{EntryKey, Found, Lease, Leased, LogPosition, Token, Wish};
use crate::sight::{Moment, Sight};
use crate::stamps::{Life, Seen};

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// A rule that changes all the time is not worth following.
const MAX_RULES: u32 = 3;

impl Job {
    /// Answers from what another node has stored, or is about to store. `None`: the inner service is to be
    /// asked, by this node for all if it holds the lease. Once for each request.
    pub(crate) async fn consult<C>(&mut self) -> Option<(Response<ResponseBody<C>>, Due)> {
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
        self.look_or_lease(fleet, patience).await
    }

    /// Looks until there is an answer, or it is this node's turn to fetch one.
    async fn look_or_lease<C>(
        &mut self,
        fleet: Arc<Fleet>,
        mut patience: Instant,
    ) -> Option<(Response<ResponseBody<C>>, Due)> {
        let leads = self.leader.is_some();
        let until = Instant::now() + fleet.settings.lease_for;
        let mut expected = None;
        let (mut pause, mut rules, mut insists) = (FIRST_PAUSE, 0, self.fetch.stored.is_some());
        let mut from = None;
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
                    let late = |born| self.is_late(&fleet, born, expected.as_ref());
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

    fn entry_key(&self, fleet: &Fleet) -> EntryKey {
        let key = fleet.codec.key(&self.fetch.key);
        let stored = self.fetch.stored.as_ref();
        let of_stored = stored.map(|(_, entry)| entry.head.selection().names());
        let known = fleet.rules.get(key.primary());
        let names = known.as_deref().or(of_stored).unwrap_or_default();
        if names.is_empty() {
            return key;
        }
        let mut values = KeyBuf::new();
        Selection::encode(names, self.sent.head().headers(), &mut values);
        key.with_variant(fleet.codec.variant_of(names, values.as_slice()))
    }

    /// Takes what was found into the memory, and looks what it is good for. It answers whether or not the
    /// memory has kept it.
    fn take_in(&mut self, fleet: &Fleet, key: &EntryKey, found: &Found) -> Took {
        let primary = EntryKey::new(*key.primary());
        let entry = match (&found.variant, &found.primary) {
            (Some(variant), _) => self.decode(fleet, key, variant),
            (None, Some(frame)) if is_rule(frame) => {
                return self.take_rule(fleet, &primary, key, frame);
            }
            (None, Some(frame)) => self.decode(fleet, &primary, frame),
            (None, None) => {
                fleet.counts.add(Did::Miss);
                return Took::Nothing;
            }
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(names) => return names.map_or(Took::Nothing, Took::Dead),
        };
        if !self.is_news(&entry) {
            fleet.counts.add(Did::Miss);
            return Took::Nothing;
        }
        let used = self.judge(&entry);
        let took = self.taken(used);
        if matches!(took, Took::Answer(_)) {
            fleet.counts.add(Did::Hit);
        }
        took
    }

    fn judge(&self, entry: &Arc<Entry>) -> Use {
        let (context, key) = (&self.context, &self.fetch.key);
        let shared = context.cache.shared();
        let stored = Arc::clone(key);
        let stands = shared.memory.store(stored, entry, &shared.stamps);
        let head = self.sent.head();
        let known = if stands {
            None
        } else {
            // A more recent one does.
            Some(look(context, &head, key)).filter(|known| !matches!(known, Use::Miss(..)))
        };
        known.unwrap_or_else(|| look_at(context, &head, key, entry))
    }

    /// What is to be validated here need not be validated any more if this expires later. The same
    /// response may seem to by a second, since clocks are not quite the same.
    fn is_news(&self, entry: &Entry) -> bool {
        let stored = self.fetch.stored.as_ref();
        stored.is_none_or(|(_, stored)| {
            let now = self.context.cache.shared().clock.now();
            entry.serving(now).ttl() > stored.serving(now).ttl().saturating_add(1)
        })
    }

    fn take_rule(
        &self,
        fleet: &Fleet,
        primary: &EntryKey,
        asked: &EntryKey,
        frame: &Bytes,
    ) -> Took {
        let rule = fleet.codec.decode_rule(primary, frame);
        let rule = match rule {
            Ok(rule) => rule,
            Err(error) => {
                fleet.unreadable(primary, frame, error);
                return Took::Nothing;
            }
        };
        fleet.rules.insert(*primary.primary(), rule.names.into());
        if self.entry_key(fleet) == *asked {
            fleet.counts.add(Did::Miss);
            Took::Nothing
        } else {
            Took::Rule
        }
    }

    /// A response that is alive here; else what it was named by, if that can be read.
    fn decode(
        &self,
        fleet: &Fleet,
        key: &EntryKey,
        frame: &Bytes,
    ) -> Result<Arc<Entry>, Option<Names>> {
        let cache = &self.context.cache;
        let now = cache.shared().clock.now();
        let offset = fleet.store_clock.offset(now);
        let decoded = fleet.codec.decode(key, frame, now, offset);
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                fleet.unreadable(key, frame, error);
                return Err(None);
            }
        };
        let Some(position) = fleet.local(&cache.shared().stamps, decoded.born) else {
            fleet.counts.add(Did::Dead);
            return Err(Some(decoded.names));
        };
        let birth = Birth {
            position,
            names: decoded.names,
            time: decoded.begun,
            sight: Sight {
                position: decoded.born,
                moment: Moment::default(),
            },
        };
        let entry = Entry::new(decoded.head, decoded.body, birth, decoded.fill_time);
        let entry = Arc::new(entry.with_stale_since(decoded.stale_since));
        if entry.is_live(&cache.shared().stamps) {
            return Ok(entry);
        }
        fleet.counts.add(Did::Dead);
        Err(Some(entry.names().clone()))
    }

    /// What another fetches was purged since it began, if it is named as what stood there was.
    fn is_late(&self, fleet: &Fleet, born: LogPosition, expected: Option<&Names>) -> bool {
        let cache = &self.context.cache;
        // It knows of more than this node.
        if born > fleet.applied() {
            return false;
        }
        let stamps = &cache.shared().stamps;
        let Some(position) = fleet.local(stamps, born) else {
            return true;
        };
        let is_dead = |names: &Names| stamps.life(names, &Seen::new(position)) == Life::Dead;
        let stored = self.fetch.stored.as_ref().map(|(_, entry)| entry.names());
        is_dead(&self.names_before()) || stored.into_iter().chain(expected).any(is_dead)
    }
}
