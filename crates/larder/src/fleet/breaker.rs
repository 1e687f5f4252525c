//! [`Breaker`]: a store that fails again and again is left alone for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::shim::{Mutex, lock};

/// So many failures in a row are enough.
const FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// After five failures in a row nobody asks for a second. Then one does, and the next pause is twice as
/// long if that fails too, up to half a minute.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One asks, since a moment.
    Trial {
        since: Instant,
        pause: Duration,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether the store may be asked.
    pub(crate) fn lets_through(&self) -> bool {
        let mut state = lock(&self.state);
        if matches!(*state, State::Closed { .. }) {
            return true;
        }
        let now = Instant::now();
        match *state {
            State::Closed { .. } => true,
            State::Open { until, .. } if now < until => false,
            // Whoever tried before may have gone without a word.
            State::Trial { since, pause } if now < since + pause => false,
            State::Open { pause, .. } | State::Trial { pause, .. } => {
                *state = State::Trial { since: now, pause };
                true
            }
        }
    }

    /// The store did what it was asked.
    pub(crate) fn succeeded(&self) {
        *lock(&self.state) = State::default();
    }

    /// It did not. Whether nobody asks from now on.
    pub(crate) fn failed(&self) -> bool {
        let mut state = lock(&self.state);
        let pause = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => {
                *state = State::Closed {
                    failures: failures + 1,
                };
                return false;
            }
            State::Closed { .. } => FIRST_PAUSE,
            // It was under way already.
            State::Open { .. } => return false,
            State::Trial { pause, .. } => (pause * 2).min(LAST_PAUSE),
        };
        let until = Instant::now() + pause;
        *state = State::Open { until, pause };
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_five_failures_in_a_row_one_tries_now_and_then() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.failed());
        }
        breaker.succeeded();
        for _ in 0..4 {
            assert!(!breaker.failed() && breaker.lets_through());
        }
        assert!(breaker.failed());
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!breaker.lets_through());
            assert!(!breaker.failed(), "under way when it opened");
            advance(Duration::from_secs(pause)).await;
            assert!(breaker.lets_through() && !breaker.lets_through());
            assert!(breaker.failed());
        }
        advance(Duration::from_secs(30)).await;
        assert!(breaker.lets_through());
        breaker.succeeded();
        assert!(breaker.lets_through() && breaker.lets_through());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_tries_and_goes_without_a_word_is_not_waited_for_for_ever() {
        let breaker = Breaker::default();
        (0..5).for_each(|_| {
            breaker.failed();
        });
        advance(FIRST_PAUSE).await;
        assert!(breaker.lets_through());
        advance(FIRST_PAUSE).await;
        assert!(breaker.lets_through());
    }
}
