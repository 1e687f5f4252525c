//! Writing to the store what was stored here: in the background, bounded in bytes, and given up where the
//! store cannot follow.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Fleet;
use super::counts::Did;
use super::held::HeldLease;
use crate::buffer::budget::Reservation;
use crate::cache::{Cache, Shared};
use crate::entry::Entry;
use crate::shared::{EntryKey, LogPosition, Outcome, Put, Token};
use crate::shim::{Mutex, lock};

/// So much is written at once.
const AT_ONCE: usize = 32;
/// Whoever waits looks whether the cache is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is stale and has no stale window can still be validated for so long.
const FOR_VALIDATION: Duration = Duration::from_secs(60);

/// What is to be done in the store.
#[derive(Debug)]
pub(super) enum Work {
    Put {
        key: Arc<[u8]>,
        entry: Arc<Entry>,
        lease: Option<HeldLease>,
        /// How long after it expired somebody may have a use for it.
        windows: Duration,
        queued: Reservation,
    },
    Remove(EntryKey),
    Release {
        key: EntryKey,
        token: Token,
        outcome: Outcome,
    },
}

/// What waits to be done.
#[derive(Debug)]
pub(super) struct Writes {
    sender: UnboundedSender<Work>,
    /// Until the work begins.
    receiver: Mutex<Option<UnboundedReceiver<Work>>>,
}

impl Writes {
    pub(super) fn new() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }

    pub(super) fn begin(&self) -> Option<UnboundedReceiver<Work>> {
        lock(&self.receiver).take()
    }
}

impl Fleet {
    pub(super) fn work(&self, work: Work) {
        let _ = self.writes.sender.send(work);
    }

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
        self.work(Work::Put {
            key: Arc::clone(key),
            entry: Arc::clone(entry),
            lease,
            windows,
            queued,
        });
    }

    /// A response is not to be used any more.
    pub(crate) fn unshare(&self, key: &[u8], entry: &Entry) {
        self.work(Work::Remove(self.key_of(key, entry)));
    }

    /// What stands under a key is of no use to anybody.
    pub(super) fn drop_value(&self, key: EntryKey) {
        self.work(Work::Remove(key));
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

    async fn carry_out(&self, cache: &Weak<Shared>, work: Work) {
        let done = match work {
            Work::Remove(key) => {
                self.ask(|| self.entries.remove(&key), self.settings.write_within)
                    .await
            }
            Work::Release {
                key,
                token,
                outcome,
            } => {
                let released = || self.entries.release(&key, &token, outcome);
                self.ask(released, self.settings.write_within).await
            }
            Work::Put {
                key,
                entry,
                mut lease,
                windows,
                queued,
            } => {
                let Some(cache) = Cache::of(cache) else {
                    return;
                };
                let put = self.put(&cache, &key, &entry, windows, lease.as_mut());
                drop((cache, entry));
                let Some(put) = put else { return };
                let done = self
                    .ask(|| self.entries.put(&put), self.settings.write_within)
                    .await;
                // Who waits for it elsewhere finds it there.
                drop((queued, lease));
                if done.is_ok() {
                    self.counts.add(Did::Written);
                    self.tell(&put.key).await;
                }
                done
            }
        };
        if done.is_err() {
            self.counts.add(Did::WriteLost);
        }
    }

    fn put(
        &self,
        cache: &Cache,
        key: &[u8],
        entry: &Entry,
        windows: Duration,
        lease: Option<&mut HeldLease>,
    ) -> Option<Put> {
        if !entry.is_live(&cache.shared().stamps) {
            return None;
        }
        let now = cache.shared().clock.now();
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

/// As long as the cache is there.
pub(super) async fn write(
    cache: Weak<Shared>,
    fleet: Arc<Fleet>,
    mut works: UnboundedReceiver<Work>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while cache.strong_count() > 0 {
        let Ok(work) = timeout(LOOK_EVERY, works.recv()).await else {
            continue;
        };
        let (Some(work), Ok(place)) = (work, Arc::clone(&places).acquire_owned().await) else {
            return;
        };
        let (cache, fleet) = (cache.clone(), Arc::clone(&fleet));
        tokio::spawn(async move {
            fleet.carry_out(&cache, work).await;
            drop(place);
        });
    }
}
