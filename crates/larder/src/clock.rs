//! Time is a value: rules are told `now`, and tests move a clock.

use std::fmt;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::time::Duration;
use std::time::SystemTime;

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
            Source::System => system_now(),
            Source::Function(now) => now(),
        }
    }
}

/// Freshness counts in seconds: a clock that ticks every few milliseconds (the kernel's own tick) is
/// exact enough, and a hit does not pay for reading the hardware's.
#[cfg(target_os = "linux")]
fn system_now() -> SystemTime {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let parts = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    let (Ok(seconds), Ok(nanoseconds)) = parts else {
        return SystemTime::now();
    };
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}

#[cfg(not(target_os = "linux"))]
fn system_now() -> SystemTime {
    SystemTime::now()
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Function(_) => "Clock(function)",
        })
    }
}
