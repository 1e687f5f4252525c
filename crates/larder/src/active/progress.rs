//! [`Progress`] and [`Warmed`]: what came of the requests that warm a cache.

use std::collections::BTreeMap;

use super::ask::{Answer, Lost};
use crate::errand::Came;

/// How far a [`Warm`](crate::Warm) has come. Each request that is done is counted once more as
/// [`stored`](Self::stored), [`hits`](Self::hits), [`not_stored`](Self::not_stored),
/// [`untold`](Self::untold) or [`failed`](Self::failed).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    done: u64,
    total: Option<u64>,
    stored: u64,
    hits: u64,
    not_stored: u64,
    reasons: BTreeMap<Box<str>, u64>,
    untold: u64,
    failed: u64,
    bytes: u64,
}

impl Progress {
    /// Requests that are done.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// How many there are, if the iterator knows exactly.
    #[must_use]
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Responses that were stored, all of their bodies included, or freshened by a 304.
    #[must_use]
    pub const fn stored(&self) -> u64 {
        self.stored
    }

    /// Requests that were answered from the store, or from what another request was fetching.
    #[must_use]
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// Responses that came and were not stored: those over a limit included, and requests that the
    /// cache took no part in.
    #[must_use]
    pub const fn not_stored(&self) -> u64 {
        self.not_stored
    }

    /// The same by the reason, where one is told: a
    /// [`SkipReason`](crate::policy::SkipReason::as_str), a
    /// [`BypassReason`](crate::policy::BypassReason::as_str), or another word of `Cache-Status`.
    pub fn not_stored_by_reason(&self) -> impl Iterator<Item = (&str, u64)> {
        self.reasons
            .iter()
            .map(|(reason, count)| (&**reason, *count))
    }

    /// Responses of which nobody said what became of them: where `Cache-Status` is
    /// [switched off](crate::Policy::with_cache_status) these are hits or were not looked up, and
    /// where the service has no cache in it all are.
    #[must_use]
    pub const fn untold(&self) -> u64 {
        self.untold
    }

    /// Requests that came to nothing: an error of the service, a panic, a body that broke off, a server
    /// error (status 5xx) that was not stored, or more time than work without a client has
    /// ([`CacheBuilder::finish_within`](crate::CacheBuilder::finish_within)).
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// Bytes of bodies that were read to their ends.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn of(total: Option<u64>) -> Self {
        Self {
            total,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, answer: Result<&Answer, Lost>) {
        self.done += 1;
        if let Ok(answer) = answer {
            self.bytes = self.bytes.saturating_add(answer.bytes);
        }
        match answer.map_or(Outcome::Failed, Outcome::of) {
            Outcome::Failed => self.failed += 1,
            Outcome::Hit => self.hits += 1,
            Outcome::NotStored(reason) => {
                self.not_stored += 1;
                self.count(reason);
            }
            Outcome::Stored => self.stored += 1,
            Outcome::Untold => self.untold += 1,
        }
    }

    fn count(&mut self, reason: Option<&str>) {
        let Some(reason) = reason else { return };
        if let Some(count) = self.reasons.get_mut(reason) {
            *count += 1;
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.insert(reason.into(), 1);
        }
    }
}

/// What became of all requests that were to warm a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warmed(Progress);

impl Warmed {
    pub(super) const fn new(progress: Progress) -> Self {
        Self(progress)
    }

    /// What became of them, counted.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.0
    }

    /// Every response is in the store: it was already, or it was stored now.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.0.stored + self.0.hits == self.0.done
    }
}

enum Outcome<'a> {
    Failed,
    Hit,
    NotStored(Option<&'a str>),
    Stored,
    Untold,
}

impl<'a> Outcome<'a> {
    /// What the cache noted goes first: the head of a response can only say what is intended.
    fn of(answer: &'a Answer) -> Self {
        let failed = answer.status.is_server_error();
        match (answer.came, &answer.handled) {
            (Some(Came::Kept { anew: true, .. }), _) => Self::Stored,
            (Some(Came::Kept { .. } | Came::Shared), _) => Self::Hit,
            (_, Some(told)) if told.is_hit() || told.is_collapsed() => Self::Hit,
            _ if failed => Self::Failed,
            (Some(Came::NotKept(reason)), _) => Self::NotStored(Some(reason.as_str())),
            (_, Some(told)) if told.is_stored() => Self::Stored,
            (_, Some(told)) => Self::NotStored(told.detail().or_else(|| told.forwarded())),
            (Some(Came::Busy), None) => Self::Hit,
            (_, None) => Self::Untold,
        }
    }
}

/// More reasons than there are.
const MAX_REASONS: usize = 64;
