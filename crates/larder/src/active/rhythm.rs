//! When what is kept fresh is asked for next.

use std::time::{Duration, SystemTime};

use crate::errand::Due;

/// What the application wishes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    pub(super) every: Option<Duration>,
    pub(super) ahead: Option<Duration>,
    /// The most by which a wait is changed at random, as a share of it.
    pub(super) jitter: f64,
}

/// The next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) after: Duration,
    /// What is fresh for no longer than this is validated then; `None`: what was not asked for within
    /// half of the period.
    pub(super) ahead: Option<Duration>,
}

impl Rhythm {
    /// After the response was stored, or found stored, which took so long, with so much freshness left.
    /// `chance` is in [0, 1).
    pub(super) fn next(self, took: Duration, left: Duration, chance: f64) -> Next {
        let share = self.jitter * chance;
        let every = self.every.map(|every| Next {
            after: mul(every, 1.0 - share).saturating_sub(took).max(MIN_PAUSE),
            ahead: None,
        });
        let ahead = self
            .ahead
            .or_else(|| every.is_none().then_some(DEFAULT_AHEAD));
        let ahead = ahead.map(|ahead| {
            let ahead = mul(ahead, 1.0 + share);
            // What is fresh for less than that is not asked for without pause.
            let after = left.saturating_sub(ahead).max(left / 2);
            Next {
                after: after.max(MIN_PAUSE),
                ahead: Some(ahead.saturating_add(SLACK)),
            }
        });
        match (every, ahead) {
            (Some(every), Some(ahead)) if ahead.after < every.after => ahead,
            (Some(next), _) | (None, Some(next)) => next,
            (None, None) => Next {
                after: FAILED_MAX,
                ahead: None,
            },
        }
    }

    /// What is to be validated now, where [`Next`] said so.
    pub(super) fn due(self, ahead: Option<Duration>, now: SystemTime) -> Due {
        let half = self.every.unwrap_or_default() / 2;
        match ahead {
            Some(ahead) => Due::FreshFor(ahead),
            None => Due::Since(now.checked_sub(half).unwrap_or(SystemTime::UNIX_EPOCH)),
        }
    }

    /// After so many failures one after the other.
    pub(super) fn again(self, failures: u32, chance: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = FAILED_FIRST.saturating_mul(doubled).min(FAILED_MAX);
        pause.mul_f64(1.0 + self.jitter * chance)
    }
}

/// As [`Duration::mul_f64`], which panics where this has an end.
fn mul(duration: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * by).unwrap_or(Duration::MAX)
}

/// Nothing is asked for more often.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// By so much clocks and timers may differ.
const SLACK: Duration = Duration::from_secs(1);

const DEFAULT_AHEAD: Duration = Duration::from_secs(5);

/// The pauses after failures: the first, and the longest.
const FAILED_FIRST: Duration = Duration::from_secs(1);
const FAILED_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn rhythm(every: Option<u64>, ahead: Option<u64>) -> Rhythm {
        Rhythm {
            every: every.map(secs),
            ahead: ahead.map(secs),
            jitter: 0.1,
        }
    }

    #[test]
    fn whichever_comes_first_counts() {
        let next = |every, ahead, left| {
            let next = rhythm(every, ahead).next(secs(0), secs(left), 0.0);
            (next.after, next.ahead)
        };
        let always = None;
        assert_eq!(next(Some(30), None, 60), (secs(30), always));
        assert_eq!(next(None, Some(10), 60), (secs(50), Some(secs(11))));
        assert_eq!(next(Some(30), Some(10), 60), (secs(30), always));
        assert_eq!(next(Some(30), Some(10), 20), (secs(10), Some(secs(11))));
        assert_eq!(next(None, None, 60), (secs(55), Some(secs(6))));
        let next = rhythm(Some(30), None).next(secs(4), secs(60), 0.0);
        assert_eq!(next.after, secs(26));
    }

    #[test]
    fn what_is_fresh_for_less_than_was_wished_is_not_asked_for_without_pause() {
        for (left, after) in [(20, 10_000), (2, 1_000), (0, 100)] {
            let next = rhythm(None, Some(3600)).next(secs(0), secs(left), 0.0);
            assert_eq!(next.after, Duration::from_millis(after), "{left}");
        }
        let next = rhythm(Some(0), None).next(secs(0), secs(60), 0.0);
        assert_eq!(next.after, MIN_PAUSE);
        let endless = Rhythm {
            ahead: Some(Duration::MAX),
            every: Some(Duration::MAX),
            jitter: 1.0,
        };
        assert_eq!(endless.next(secs(0), secs(60), 0.9).after, secs(30));
    }

    #[test]
    fn what_is_left_to_chance_only_makes_it_earlier() {
        let next = |chance| {
            rhythm(Some(100), None)
                .next(secs(0), secs(60), chance)
                .after
        };
        assert_eq!((next(0.0), next(0.5)), (secs(100), secs(95)));
        let next = |chance| rhythm(None, Some(10)).next(secs(0), secs(60), chance).after;
        assert_eq!((next(0.0), next(1.0)), (secs(50), secs(49)));
    }

    #[test]
    fn pauses_after_failures_double_up_to_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 99].map(|failures| rhythm(None, None).again(failures, 0.0));
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60].map(secs));
        assert_eq!(rhythm(None, None).again(7, 1.0), secs(66));
    }
}
