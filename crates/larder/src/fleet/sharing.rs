//! What is stored here goes into the store, and what is of no use out of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Fleet;
use super::counts::Did;
use super::frame::FrameError;
use super::writes::{HeldLease, Work};
use crate::entry::Entry;
use crate::shared::{EntryKey, LogPosition, Put, frame_born};

/// What is stale and has no stale window can still be validated for so long.
const FOR_VALIDATION: Duration = Duration::from_secs(60);

impl Fleet {
    /// A response was stored here: others are to have it too.
    pub(crate) fn share(
        &self,
        key: &Arc<[u8]>,
        entry: &Arc<Entry>,
        lease: Option<HeldLease>,
        windows: Duration,
    ) {
        // What was begun before the log was known nobody could place.
        if entry.sight().position == LogPosition::START {
            return;
        }
        let mut queued = self.queued.open();
        if !queued.grow(entry.weight() as u64) {
            self.counts.add(Did::Dropped);
            return;
        }
        self.writes.send(Work::Put {
            key: Arc::clone(key),
            entry: Arc::clone(entry),
            lease,
            windows,
            queued,
        });
    }

    /// A response is not to be used any more.
    pub(crate) fn unshare(&self, key: &[u8], entry: &Entry) {
        self.writes.send(Work::Remove(self.key_of(key, entry)));
    }

    fn key_of(&self, key: &[u8], entry: &Entry) -> EntryKey {
        let primary = self.codec.key(key);
        let selection = entry.head.selection();
        if selection.names().is_empty() {
            return primary;
        }
        let variant = self
            .codec
            .variant_of(selection.names(), selection.encoded());
        primary.with_variant(variant)
    }

    /// What says to be born later than all that is known would stay for as long as it says, and nothing could
    /// take its place. So it is dropped; what is only of another version was born before, or soon is.
    pub(crate) fn unreadable(&self, key: &EntryKey, frame: &[u8], error: FrameError) {
        self.counts.add(Did::Unreadable);
        tracing::debug!(target: "larder", why = error.as_str(), "a value in the shared store is not used");
        if let Some(born) = frame_born(frame).filter(|born| *born > self.applied()) {
            self.discard(*key, born);
        }
    }

    /// What stands under a key and says to be born there is of no use to anybody.
    pub(super) fn discard(&self, key: EntryKey, born: LogPosition) {
        self.writes.send(Work::Discard(key, born));
    }

    /// What is to be written of a response, where it is `now`.
    pub(crate) fn put(
        &self,
        now: SystemTime,
        key: &[u8],
        entry: &Entry,
        windows: Duration,
        lease: Option<&mut HeldLease>,
    ) -> Option<Put> {
        let (place, born, offset) = (
            self.key_of(key, entry),
            entry.sight().position,
            self.store_clock.offset(now),
        );
        let value = self.codec.encode(&place, entry, born, offset).ok()?;
        let names = entry.head.selection().names();
        let rule = if names.is_empty() {
            None
        } else {
            let primary = self.codec.key(key);
            Some(self.codec.encode_rule(&primary, names, born).ok()?)
        };
        Some(Put {
            key: place,
            value,
            rule,
            born,
            keep: keep(entry, windows, now),
            lease: lease.and_then(|lease| lease.with_value(&place)),
        })
    }
}

/// How long somebody may have a use for it.
fn keep(entry: &Entry, windows: Duration, now: SystemTime) -> Duration {
    let head = &entry.head;
    let fresh = head.lifetime().saturating_sub(head.age(now));
    fresh.saturating_add(windows.max(FOR_VALIDATION))
}
