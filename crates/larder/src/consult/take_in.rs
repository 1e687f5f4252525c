//! What was found in the store, taken into the memory.

use std::sync::Arc;

use bytes::Bytes;
use larder_policy::key::{KeyBuf, Selection};

use super::found::Took;
use crate::entry::{Birth, Entry};
use crate::fleet::Fleet;
use crate::fleet::counts::Did;
use crate::fleet::frame::is_rule;
use crate::job::Job;
use crate::look::{Use, look, look_at};
use crate::named::OfRequest;
use crate::names::Names;
use crate::shared::{EntryKey, Found, LogPosition};
use crate::sight::{Moment, Sight};
use crate::stamps::{Life, Seen};

impl Job {
    /// Takes what was found into the memory, and looks what it is good for. It answers whether or not the
    /// memory has kept it.
    pub(super) fn take_in(&mut self, fleet: &Fleet, key: &EntryKey, found: &Found) -> Took {
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

    /// What is asked for: a variant, where it is known which fields select.
    pub(super) fn entry_key(&self, fleet: &Fleet) -> EntryKey {
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
        fleet.found_born(primary, rule.born);
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
            fleet.found_born(key, decoded.born);
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
        let entry = entry.with_stale_since(decoded.stale_since);
        let entry = Arc::new(entry);
        if entry.is_live(&cache.shared().stamps) {
            return Ok(entry);
        }
        fleet.counts.add(Did::Dead);
        Err(Some(entry.names()))
    }

    /// What another fetches was purged since it began, if it is named as what stood there was.
    pub(super) fn is_late(
        &self,
        fleet: &Fleet,
        named: &OfRequest,
        born: LogPosition,
        expected: Option<&Names>,
    ) -> bool {
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
        is_dead(&self.names_before(named))
            || stored.as_ref().into_iter().chain(expected).any(is_dead)
    }
}
