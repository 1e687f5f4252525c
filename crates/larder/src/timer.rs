//! Time limits, as far as the runtime keeps time.

use std::future::Future;
use std::panic::catch_unwind;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout_at};

/// The timers of tokio. A runtime can be built without them: then nothing is limited, which is worse
/// than a limit and better than a panic in a request that would have been answered.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    works: OnceLock<bool>,
}

/// The time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// The instant after so long, or one that nobody will see.
pub(crate) fn after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now + CENTURY)
}

impl Timer {
    pub(crate) async fn timeout<F: Future>(
        &self,
        limit: Duration,
        work: F,
    ) -> Result<F::Output, Elapsed> {
        self.timeout_at(after(limit), work).await
    }

    pub(crate) async fn timeout_at<F: Future>(
        &self,
        until: Instant,
        work: F,
    ) -> Result<F::Output, Elapsed> {
        if self.works() {
            timeout_at(until, work).await.map_err(|_| Elapsed)
        } else {
            Ok(work.await)
        }
    }

    /// There is no way to ask a runtime but to try.
    pub(crate) fn works(&self) -> bool {
        if Handle::try_current().is_err() {
            return false;
        }
        *self.works.get_or_init(|| {
            let works = catch_unwind(|| drop(sleep(Duration::ZERO))).is_ok();
            if !works {
                tracing::warn!(
                    target: "larder",
                    "this tokio runtime has no timers, so nothing is limited in time: \
                     build it with `enable_time` or `enable_all`"
                );
            }
            works
        })
    }
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn runtime() -> tokio::runtime::Builder {
        tokio::runtime::Builder::new_current_thread()
    }

    #[test]
    fn without_timers_nothing_is_limited_and_nothing_panics() {
        let timed = Timer::default();
        let answer = runtime()
            .build()
            .unwrap()
            .block_on(async { timed.timeout(SECOND, ready(7)).await });
        assert_eq!(answer, Ok(7));
    }

    #[test]
    fn limit_holds() {
        let runtime = runtime().enable_time().start_paused(true).build().unwrap();
        let timed = Timer::default();
        let answer = runtime.block_on(timed.timeout(SECOND, pending::<()>()));
        assert_eq!(answer, Err(Elapsed));
        let answer = runtime.block_on(timed.timeout(Duration::MAX, ready(7)));
        assert_eq!(answer, Ok(7));
    }

    #[test]
    fn request_without_a_runtime_says_nothing_about_those_within_one() {
        let timed = Timer::default();
        assert!(!timed.works());
        let runtime = runtime().enable_time().build().unwrap();
        assert!(runtime.block_on(async { timed.works() }));
        assert!(!timed.works());
    }
}
