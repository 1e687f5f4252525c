//! Whose turn it is to validate a stored response: one at a time, and after a failure not at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Kept with a stored response.
#[derive(Debug, Default)]
pub(crate) struct Turns(
    /// Milliseconds since the epoch before which nobody tries again, and whether the turn is
    /// [`TAKEN`].
    AtomicU64,
);

impl Turns {
    /// The last try failed so recently that another is not worth it.
    pub(crate) fn is_throttled(&self, now: SystemTime) -> bool {
        milliseconds(now) < self.0.load(Ordering::Relaxed) & !TAKEN
    }

    /// Takes the turn, to be [given back](Self::give_back). `false`: somebody else has it, or the
    /// last try failed just now.
    pub(crate) fn take(&self, now: SystemTime) -> bool {
        !self.is_throttled(now) && self.0.fetch_or(TAKEN, Ordering::AcqRel) & TAKEN == 0
    }

    pub(crate) fn give_back(&self) {
        self.0.fetch_and(!TAKEN, Ordering::Release);
    }

    /// A try failed.
    pub(crate) fn failed(&self, now: SystemTime, pause: Duration) {
        let until = now.checked_add(pause).map_or(!TAKEN, milliseconds);
        let instead = |old: u64| Some(old & TAKEN | until);
        let order = Ordering::Relaxed;
        let _ = self.0.fetch_update(order, order, instead);
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).map_or(!TAKEN, |millis| millis.min(!TAKEN))
    })
}

/// The first bit.
const TAKEN: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_after_a_failure_not_at_once() {
        let (turns, now) = (Turns::default(), SystemTime::UNIX_EPOCH);
        assert!(turns.take(now));
        assert!(!turns.take(now));
        turns.failed(now, Duration::from_secs(1));
        turns.give_back();
        assert!(turns.is_throttled(now + Duration::from_millis(999)));
        assert!(!turns.take(now + Duration::from_millis(999)));
        assert!(turns.take(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_pause_without_end_takes_no_turn_and_a_failure_gives_none_back() {
        let (turns, now) = (Turns::default(), SystemTime::UNIX_EPOCH);
        assert!(turns.take(now));
        turns.failed(now, Duration::ZERO);
        assert!(!turns.take(now));
        turns.give_back();
        turns.failed(now, Duration::MAX);
        assert!(turns.is_throttled(now + Duration::from_secs(1 << 40)));
        turns.failed(now, Duration::ZERO);
        assert!(turns.take(now));
    }
}
