//! What a fake store holds under keys: values, and who may fill.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use larder::shared::{
    EntryKey, Found, Lease, Leased, LogPosition, Outcome, Put, Token, Wish, frame_born,
};
use tokio::time::Instant;

#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    values: HashMap<EntryKey, Kept>,
    leases: HashMap<EntryKey, Slot>,
}

#[derive(Debug, Clone)]
struct Kept {
    value: Bytes,
    until: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Alone(Instant),
    Held(Lease, Instant),
}

impl Shelf {
    pub(super) fn find(&self, key: &EntryKey, now: Instant) -> Found {
        Found {
            primary: self.value(&primary_of(key), now),
            variant: key.variant().and_then(|_| self.value(key, now)),
            leased: Leased::No,
        }
    }

    /// What would become of a wish for a lease; only [`Leased::Won`] is yet to be [taken](Self::lease).
    pub(super) fn may_lease(&self, key: &EntryKey, wish: Wish<'_>, now: Instant) -> Leased {
        let (lease, other) = match wish {
            Wish::ReadOrLease(lease) if self.value(key, now).is_none() => (lease, None),
            Wish::Lease(lease) => (lease, None),
            Wish::TakeOver(lease, other) => (lease, Some(other)),
            _ => return Leased::No,
        };
        match self.slot(key, now) {
            None => Leased::Won,
            Some(Slot::Alone(_)) => Leased::Alone,
            Some(Slot::Held(held, _)) => {
                if held.token == lease.token || Some(&held.token) == other {
                    Leased::Won
                } else {
                    Leased::Busy(Some((held.token, held.born)))
                }
            }
        }
    }

    pub(super) fn lease(&mut self, key: &EntryKey, lease: &Lease, now: Instant) {
        let slot = Slot::Held(*lease, later(now, lease.lasts));
        self.leases.insert(*key, slot);
    }

    pub(super) fn put(&mut self, put: &Put, now: Instant) {
        if self.store(&put.key, put, &put.value, now)
            && let (Some(rule), Some(_)) = (&put.rule, put.key.variant())
        {
            self.store_rule(put, rule, now);
        }
        if let Some(token) = &put.lease {
            self.give_back(&put.key, token, now);
        }
    }

    pub(super) fn remove(&mut self, key: &EntryKey) {
        self.values.remove(key);
    }

    pub(super) fn discard(&mut self, key: &EntryKey, born: LogPosition) {
        let standing = self.values.get(key);
        if standing.is_some_and(|kept| frame_born(&kept.value) == Some(born)) {
            self.values.remove(key);
        }
    }

    pub(super) fn release(
        &mut self,
        key: &EntryKey,
        token: &Token,
        outcome: Outcome,
        now: Instant,
    ) {
        if self.give_back(key, token, now)
            && let Outcome::Alone(lasts) = outcome
        {
            self.leases.insert(*key, Slot::Alone(later(now, lasts)));
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn overwrite(&mut self, key: &EntryKey, value: Bytes, now: Instant) {
        let until = self.values.get(key).filter(|kept| kept.until > now);
        let until = until.map_or_else(|| later(now, HOUR), |kept| kept.until);
        self.values.insert(*key, Kept { value, until });
    }

    /// The keys that something stands under, in order.
    pub(super) fn keys(&self, now: Instant) -> Vec<EntryKey> {
        let standing = self.values.iter().filter(|(_, kept)| kept.until > now);
        let mut keys = standing.map(|(key, _)| *key).collect::<Vec<_>>();
        keys.sort_unstable_by_key(|key| (*key.primary(), key.variant().copied()));
        keys
    }

    pub(super) fn value(&self, key: &EntryKey, now: Instant) -> Option<Bytes> {
        let kept = self.values.get(key)?;
        (kept.until > now).then(|| kept.value.clone())
    }

    /// The rule stays as long as the longest of the variants.
    fn store_rule(&mut self, put: &Put, rule: &Bytes, now: Instant) {
        let primary = primary_of(&put.key);
        let standing = self.values.get(&primary).map(|kept| kept.until);
        self.store(&primary, put, rule, now);
        if let Some(kept) = self.values.get_mut(&primary) {
            let until = later(now, put.keep);
            kept.until = standing.map_or(until, |standing| until.max(standing));
        }
    }

    /// `false`: what stands there was born later.
    fn store(&mut self, key: &EntryKey, put: &Put, value: &Bytes, now: Instant) -> bool {
        let standing = self.value(key, now);
        if standing.is_some_and(|standing| put.is_outrun_by(&standing)) {
            return false;
        }
        let (value, until) = (value.clone(), later(now, put.keep));
        self.values.insert(*key, Kept { value, until });
        true
    }

    fn slot(&self, key: &EntryKey, now: Instant) -> Option<Slot> {
        let slot = *self.leases.get(key)?;
        let (Slot::Alone(until) | Slot::Held(_, until)) = slot;
        (until > now).then_some(slot)
    }

    fn give_back(&mut self, key: &EntryKey, token: &Token, now: Instant) -> bool {
        let held = self.slot(key, now);
        let is_held = matches!(held, Some(Slot::Held(lease, _)) if lease.token == *token);
        is_held && self.leases.remove(key).is_some()
    }
}

fn primary_of(key: &EntryKey) -> EntryKey {
    EntryKey::new(*key.primary())
}

/// So much later, or in a hundred years if there is no such time.
pub(super) fn later(now: Instant, by: Duration) -> Instant {
    let by = by.min(HOUR * 24 * 36_500);
    now.checked_add(by).unwrap_or(now)
}

const HOUR: Duration = Duration::from_secs(3600);
