//! [`Trust`]: how long a node may go by what it knows of purges.
//!
//! Whoever has read the log to its end at a moment knows all purges that were acknowledged before it.
//! What was fetched at a moment is of after them too. Beyond that a purge may have been made that the node
//! has not heard of; a little later it must not trust itself any more.

use std::time::Duration;

use tokio::time::Instant;

use crate::shim::{AtomicU64, Ordering};
use crate::sight::Moment;

#[derive(Debug)]
pub(crate) struct Trust {
    start: Instant,
    /// A moment up to which all purges are known; 0: none is.
    heard: AtomicU64,
    /// What is known of purges is good for so long.
    window: u64,
}

impl Trust {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            start: Instant::now(),
            heard: AtomicU64::new(0),
            window: millis(window),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::from_millis(millis(self.start.elapsed()))
    }

    /// All purges that were acknowledged before a moment are known.
    pub(crate) fn heard(&self, moment: Moment) {
        self.heard.fetch_max(moment.millis(), Ordering::Release);
    }

    /// Since when what was begun at a moment cannot be trusted to be fresh, if it cannot.
    pub(crate) fn lapsed(&self, begun: Moment) -> Option<Duration> {
        self.lapsed_since(self.last_heard(), begun)
    }

    /// Up to when all purges are known. What is looked up after this was asked knows of them.
    pub(crate) fn last_heard(&self) -> Moment {
        Moment::from_millis(self.heard.load(Ordering::Acquire))
    }

    /// The same of what was looked up when the log had been heard so far. What is heard later does not vouch
    /// for it.
    pub(crate) fn lapsed_since(&self, heard: Moment, begun: Moment) -> Option<Duration> {
        let until = heard.max(begun).millis().saturating_add(self.window);
        let now = self.now().millis();
        (now > until).then(|| Duration::from_millis(now - until))
    }

    /// How long ago all purges were known.
    pub(crate) fn silence(&self) -> Duration {
        let heard = self.heard.load(Ordering::Acquire);
        Duration::from_millis(self.now().millis().saturating_sub(heard))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn trust_lasts_for_its_window_since_the_log_was_heard_or_the_fill_begun() {
        let trust = Trust::new(2 * SECOND);
        advance(10 * SECOND).await;
        let heard = trust.now();
        trust.heard(heard);
        advance(2 * SECOND).await;
        assert_eq!(trust.lapsed(Moment::default()), None);
        advance(SECOND).await;
        let begun = trust.now();
        assert_eq!(trust.lapsed(Moment::default()), Some(SECOND));
        assert_eq!(trust.lapsed(begun), None);
        advance(2 * SECOND).await;
        assert_eq!(trust.lapsed(begun), None);
        advance(SECOND).await;
        assert_eq!(trust.lapsed(begun), Some(SECOND));
        assert_eq!(trust.silence(), 6 * SECOND);
        // Late news are no news.
        trust.heard(heard);
        assert_eq!(trust.lapsed(begun), Some(SECOND));
    }
}
