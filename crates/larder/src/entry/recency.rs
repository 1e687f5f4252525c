//! Which of two stored responses is the more recent.

use std::time::Duration;

use super::{Coming, Entry};
use crate::stamps::{Life, Stamps};

/// Putting a value there takes less, however busy the machine is.
const PUTTING: Duration = Duration::from_secs(60);

impl Entry {
    /// Whether `other`, that comes now, came late: this one is more recent by `Date` or, in the same
    /// second, began after a purge which the other began before; or a purge made the other stale and
    /// not this one; or one of them was put and this one began later. A fill that began at the same
    /// moment as a put knows no more. Not where a purge made this one stale and the other began after
    /// that.
    pub(crate) fn outdates(&self, other: &Self, stamps: &Stamps) -> bool {
        let later = self.begun > other.begun;
        let outrun = match (self.coming(), other.coming()) {
            (_, Coming::PutNow) => return false,
            (Coming::Fetched, Coming::Fetched) => false,
            (_, Coming::Fetched) => later || self.begun == other.begun,
            (_, Coming::Put(_)) => later,
        };
        let is_current = |entry: &Self| entry.life(stamps) == Life::Live;
        let spared = match (is_current(self), is_current(other)) {
            (false, true) if other.position > self.position => return false,
            (current, other) => current && !other,
        };
        if self.is_of_a_clock_ahead(other) {
            return spared;
        }
        let recency = |entry: &Self| (entry.head.date(), entry.position);
        outrun || spared || recency(self) > recency(other)
    }

    /// This one stands there already and began longer after the other was put there than putting takes:
    /// the clock was set back, so that times say nothing of which is more recent.
    fn is_of_a_clock_ahead(&self, other: &Self) -> bool {
        let Coming::Put(at) = other.coming() else {
            return false;
        };
        let ahead = self.begun().duration_since(at).unwrap_or_default();
        other.begun() <= at && ahead > PUTTING
    }
}
