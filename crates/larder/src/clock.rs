//! Time is a value: rules are told `now`, and tests move a clock.

use std::fmt;
use std::sync::Arc;
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
    /// The system's clock.
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

    pub(crate) fn now(&self) -> SystemTime {
        match &self.0 {
            Source::System => SystemTime::now(),
            Source::Function(now) => now(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Function(_) => "Clock(function)",
        })
    }
}
