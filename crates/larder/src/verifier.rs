//! Which hits are checked, and how many of them in a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::verify::Verify;

/// The settings of a layer, and what it has spent.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) verify: Verify,
    pace: Pace,
}

impl Verifier {
    pub(crate) fn new(verify: Verify) -> Self {
        let pace = Pace::new(verify.max_per_second);
        Self { verify, pace }
    }

    /// Whether this hit is one of the sample.
    pub(crate) fn samples(&self) -> bool {
        // In [0, 1): a share of 1 takes every one, a share of 0 none.
        fastrand::f64() < self.verify.share
    }

    /// Whether there is a call to spend now; it is spent.
    pub(crate) fn spend(&self, now: SystemTime) -> bool {
        self.pace.take(now)
    }

    /// One more call, of a check that has begun.
    pub(crate) fn overdraw(&self, now: SystemTime) {
        self.pace.overdraw(now);
    }
}

/// A bucket of calls that holds those of one second and can be overdrawn. It is kept as the time at
/// which it is full again, less the second.
#[derive(Debug)]
struct Pace {
    /// Nanoseconds from one call to the next; `None` is never.
    interval: Option<u64>,
    next: AtomicU64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self {
            interval: SECOND.checked_div(per_second.into()),
            next: AtomicU64::new(0),
        }
    }

    fn take(&self, now: SystemTime) -> bool {
        let (Some(interval), now) = (self.interval, nanoseconds(now)) else {
            return false;
        };
        let latest = now.saturating_add(SECOND - interval);
        let taken = |next: u64| {
            let next = in_reach(next, now);
            (next <= latest).then(|| next.max(now).saturating_add(interval))
        };
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.next.fetch_update(set, fetch, taken).is_ok()
    }

    fn overdraw(&self, now: SystemTime) {
        let (interval, now) = (self.interval.unwrap_or(SECOND), nanoseconds(now));
        let drawn = |next| Some(in_reach(next, now).max(now).saturating_add(interval));
        let _ = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, drawn);
    }
}

/// A clock that went back far is not waited for.
fn in_reach(next: u64, now: u64) -> u64 {
    if next > now.saturating_add(HOUR) {
        now
    } else {
        next
    }
}

/// Since the epoch, up to the year 2554.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or(Duration::ZERO).as_nanos()).unwrap_or(u64::MAX)
}

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_000_000)
            + Duration::from_millis(milliseconds)
    }

    fn taken(pace: &Pace, milliseconds: u64) -> usize {
        (0..1000).filter(|_| pace.take(at(milliseconds))).count()
    }

    #[test]
    fn bucket_holds_the_calls_of_one_second_and_fills_evenly() {
        let pace = Pace::new(4);
        assert_eq!(taken(&pace, 0), 4);
        assert_eq!(taken(&pace, 249), 0);
        assert_eq!(taken(&pace, 250), 1);
        assert_eq!(taken(&pace, 1000), 3);
        assert_eq!(taken(&pace, 99_000), 4);
    }

    #[test]
    fn what_is_overdrawn_is_made_up_for() {
        let pace = Pace::new(2);
        assert!(pace.take(at(0)));
        for _ in 0..5 {
            pace.overdraw(at(0));
        }
        assert_eq!(taken(&pace, 2499), 0);
        assert_eq!(taken(&pace, 2500), 1);
    }

    #[test]
    fn none_is_never_and_the_most_is_no_limit_to_speak_of() {
        assert_eq!(taken(&Pace::new(0), 0), 0);
        assert_eq!(taken(&Pace::new(u32::MAX), 0), 1000);
    }

    #[test]
    fn clock_that_went_back_far_is_not_waited_for() {
        let pace = Pace::new(1);
        assert_eq!(taken(&pace, 10_000_000), 1);
        assert_eq!(taken(&pace, 0), 1);
        assert_eq!(taken(&pace, 999), 0);
    }
}
