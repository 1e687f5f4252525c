//! Time is a value: rules are told `now`, and tests move a clock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use larder_policy::NanoTime;

/// Where a [`Cache`](crate::Cache) takes the time from. Default: the system's clock.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use larder::{Cache, Clock};
///
/// let fixed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let cache = Cache::builder().clock(Clock::from_fn(move || fixed)).build();
/// # drop(cache);
/// ```
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Function(Arc<dyn Fn() -> SystemTime + Send + Sync>),
}

impl Clock {
    /// The system's clock, to a few milliseconds.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that tells what `now` returns. It is read once or twice a request, on the
    /// request's own thread.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Source::Function(Arc::new(now)))
    }

    #[inline]
    pub(crate) fn now(&self) -> SystemTime {
        match &self.0 {
            Source::System => tick().map_or_else(SystemTime::now, |(seconds, nanoseconds)| {
                SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
            }),
            Source::Function(now) => now(),
        }
    }

    /// As [`now`](Self::now), for what is worked out in nanoseconds.
    #[inline]
    pub(crate) fn nano_now(&self) -> NanoTime {
        match &self.0 {
            Source::System => tick().map_or_else(
                || SystemTime::now().into(),
                |(seconds, nanoseconds)| NanoTime::after_epoch(seconds, nanoseconds),
            ),
            Source::Function(now) => now().into(),
        }
    }
}

/// Since the epoch. `None`: the kernel does not say, or it is before the epoch.
///
/// Freshness counts in seconds: a clock that ticks every few milliseconds (the kernel's own tick) is
/// exact enough, and a hit does not pay for reading the hardware's.
#[cfg(target_os = "linux")]
#[inline]
fn tick() -> Option<(u64, u32)> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Some((now.tv_sec.try_into().ok()?, now.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
const fn tick() -> Option<(u64, u32)> {
    None
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Function(_) => "Clock(function)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_tell_the_same_time() {
        let clock = Clock::system();
        let (before, between, after) = (clock.now(), clock.nano_now(), clock.now());
        assert!(before <= between.get() && between.get() <= after);
        let fixed = SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000, 7);
        assert_eq!(Clock::from_fn(move || fixed).nano_now().get(), fixed);
    }
}
