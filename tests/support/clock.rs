//! A clock that is moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use larder::Clock;

/// The instant at which every [`TestClock`] starts: 2027-01-15 08:00:00 GMT.
pub const START: u64 = 1_800_000_000;

/// A clock that stands still until it is moved.
#[derive(Clone, Debug, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn now(&self) -> SystemTime {
        let moved = self.0.load(Ordering::SeqCst);
        SystemTime::UNIX_EPOCH + Duration::from_millis((START * 1000).wrapping_add(moved))
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Moves the clock back by whole seconds, to before [`START`] if need be.
    pub fn rewind(&self, seconds: u64) {
        self.0.fetch_sub(seconds * 1000, Ordering::SeqCst);
    }

    /// The present as an HTTP date, moved by so many seconds.
    pub fn date(&self, offset: i64) -> String {
        let seconds = self
            .now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let at = seconds.checked_add_signed(offset).unwrap();
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
    }

    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::from_fn(move || this.now())
    }
}
