//! What became of the shared store, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Things that are counted, by their names in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    /// A response was found and used.
    Hit,
    /// Nothing was found.
    Miss,
    /// What was found could not be read, or is not of that key.
    Unreadable,
    /// What was found was purged.
    Dead,
    /// The store failed to read, write, lease.
    Failed,
    /// The store was not asked, since it failed so often.
    Skipped,
    /// A response was written.
    Written,
    /// A response was not written: too much was waiting.
    Dropped,
    /// This node is the one that fetches.
    LeaseWon,
    /// Another node does.
    LeaseBusy,
    /// Purges of others were applied.
    Applied,
    /// Own purges are in the log.
    Appended,
    /// The log could not be read, or appended to.
    LogFailed,
    /// The log had moved on too far.
    LogSkipped,
    /// The log was begun anew.
    LogRestarted,
    /// A record could not be read: everything was purged.
    RecordUnreadable,
    /// Something was not written: the store failed.
    WriteLost,
    /// What another node wrote was fetched before anybody asked.
    FetchedAhead,
}

const NAMES: [(Did, &str); 18] = [
    (Did::Hit, "hit"),
    (Did::Miss, "miss"),
    (Did::Unreadable, "unreadable"),
    (Did::Dead, "dead"),
    (Did::Failed, "failed"),
    (Did::Skipped, "skipped"),
    (Did::Written, "written"),
    (Did::Dropped, "dropped"),
    (Did::LeaseWon, "lease-won"),
    (Did::LeaseBusy, "lease-busy"),
    (Did::Applied, "applied"),
    (Did::Appended, "appended"),
    (Did::LogFailed, "log-failed"),
    (Did::LogSkipped, "log-skipped"),
    (Did::LogRestarted, "log-restarted"),
    (Did::RecordUnreadable, "record-unreadable"),
    (Did::WriteLost, "write-lost"),
    (Did::FetchedAhead, "fetched-ahead"),
];

#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; NAMES.len()]);

impl Counts {
    pub(crate) fn add(&self, did: Did) {
        if let Some(count) = self.0.get(did as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some((_, name)) = NAMES.get(did as usize) {
            tracing::trace!(target: "larder", shared = *name);
            #[cfg(feature = "metrics")]
            metrics::counter!("larder_shared_total", "what" => *name).increment(1);
        }
    }

    fn get(&self, did: Did) -> u64 {
        let count = self.0.get(did as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(super) fn snapshot(&self, queue: Queue) -> SharedStats {
        SharedStats {
            appended: self.get(Did::Appended),
            applied: self.get(Did::Applied),
            dead: self.get(Did::Dead),
            dropped: self.get(Did::Dropped),
            failures: self.get(Did::Failed),
            fetched_ahead: self.get(Did::FetchedAhead),
            hits: self.get(Did::Hit),
            leases_busy: self.get(Did::LeaseBusy),
            leases_won: self.get(Did::LeaseWon),
            log_failures: self.get(Did::LogFailed),
            log_restarts: self.get(Did::LogRestarted),
            log_skips: self.get(Did::LogSkipped),
            misses: self.get(Did::Miss),
            queued_bytes: queue.bytes,
            queued_purges: queue.purges,
            skipped: self.get(Did::Skipped),
            unreadable: self.get(Did::Unreadable),
            unreadable_records: self.get(Did::RecordUnreadable),
            writes_lost: self.get(Did::WriteLost),
            written: self.get(Did::Written),
        }
    }
}

/// What waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Queue {
    pub(super) bytes: u64,
    pub(super) purges: u64,
}

/// What a cache did with the store that it shares, since it was made; see
/// [`Cache::shared_stats`](crate::Cache::shared_stats).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SharedStats {
    appended: u64,
    applied: u64,
    dead: u64,
    dropped: u64,
    failures: u64,
    fetched_ahead: u64,
    hits: u64,
    leases_busy: u64,
    leases_won: u64,
    log_failures: u64,
    log_restarts: u64,
    log_skips: u64,
    misses: u64,
    queued_bytes: u64,
    queued_purges: u64,
    skipped: u64,
    unreadable: u64,
    unreadable_records: u64,
    writes_lost: u64,
    written: u64,
}

macro_rules! read {
    ($($(#[$doc:meta])+ $name:ident;)+) => {
        impl SharedStats {
            $($(#[$doc])+
            #[must_use]
            pub const fn $name(&self) -> u64 {
                self.$name
            })+
        }
    };
}

read! {
    /// Records of own purges that the log has acknowledged.
    appended;
    /// Records of other nodes' purges that were applied here.
    applied;
    /// Responses that were found in the store and had been purged.
    dead;
    /// Responses that were not written because too much was waiting to be.
    dropped;
    /// Times that the store failed, or took longer than it may.
    failures;
    /// Responses that others wrote and that were [fetched ahead](crate::SharedSettings::fetch_ahead).
    fetched_ahead;
    /// Responses that were found in the store and used.
    hits;
    /// Times that another node was fetching what was wanted.
    leases_busy;
    /// Times that this node was the one to fetch, of all.
    leases_won;
    /// Times that the log could not be read or appended to.
    log_failures;
    /// Times that this node found the log emptied, or gone back, and began it anew.
    log_restarts;
    /// Times that records were gone before they were read.
    log_skips;
    /// Times that nothing was found in the store.
    misses;
    /// Responses that wait to be written, in bytes.
    queued_bytes;
    /// Own purges that wait to be appended to the log.
    queued_purges;
    /// Times that the store was not asked because it had failed so often.
    skipped;
    /// Values that could not be read, or were not what they should be.
    unreadable;
    /// Records of the log that could not be read; each purged everything.
    unreadable_records;
    /// Responses, and other writes, that did not reach the store.
    writes_lost;
    /// Responses that were written.
    written;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_counted_has_its_name() {
        for (at, (did, _)) in NAMES.iter().enumerate() {
            assert_eq!(*did as usize, at);
        }
    }
}
