//! Times and durations in eight bytes: each is kept with every stored response.

use std::time::{Duration, SystemTime};

/// A duration in nanoseconds. What is longer than 584 years is for ever: [`Duration::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(u64);

/// A time in nanoseconds before or after the epoch. What is before September 1677 or after April 2262
/// is taken for the earliest or latest of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NanoTime(i64);

/// A stale window in four bytes: in milliseconds, or in seconds if it is longer than 24 days. One that
/// there is stays one, and what is longer than 68 years is for ever: [`Duration::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window(u32);

impl Nanos {
    /// As the standard library has it.
    #[must_use]
    #[inline]
    pub const fn get(self) -> Duration {
        match self.0 {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    /// Whole seconds.
    #[inline]
    pub(crate) const fn seconds(self) -> u64 {
        self.get().as_secs()
    }

    /// What is left without another.
    #[inline]
    pub(crate) const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Both together.
    #[inline]
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(duration: Duration) -> Self {
        let nanos = duration.as_secs().saturating_mul(NANOS);
        Self(nanos.saturating_add(duration.subsec_nanos().into()))
    }
}

impl NanoTime {
    /// So many seconds and nanoseconds after the epoch.
    #[must_use]
    #[inline]
    pub fn after_epoch(seconds: u64, nanoseconds: u32) -> Self {
        let nanos = seconds.saturating_mul(NANOS);
        let nanos = nanos.saturating_add(nanoseconds.into());
        Self(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// As the standard library has it.
    #[must_use]
    #[inline]
    pub fn get(self) -> SystemTime {
        let (epoch, away) = (SystemTime::UNIX_EPOCH, self.0.unsigned_abs());
        let away = Duration::from_nanos(away);
        let time = if self.0 < 0 {
            epoch.checked_sub(away)
        } else {
            epoch.checked_add(away)
        };
        // No clock is so small.
        time.unwrap_or(epoch)
    }

    /// How long ago another time was. A time to come was just now.
    #[inline]
    pub(crate) const fn since(self, other: Self) -> Nanos {
        if self.0 <= other.0 {
            Nanos(0)
        } else {
            Nanos(self.0.abs_diff(other.0))
        }
    }
}

impl From<SystemTime> for NanoTime {
    #[inline]
    fn from(time: SystemTime) -> Self {
        let signed = |nanos: Nanos| i64::try_from(nanos.0).unwrap_or(i64::MAX);
        Self(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => signed(after.into()),
            Err(before) => signed(before.duration().into()).saturating_neg(),
        })
    }
}

impl Window {
    pub(crate) const fn get(self) -> Duration {
        let count = self.0 & !SECONDS;
        if self.0 == u32::MAX {
            Duration::MAX
        } else if count == self.0 {
            Duration::from_millis(count as u64)
        } else {
            Duration::from_secs(count as u64 + LONG)
        }
    }
}

impl From<Duration> for Window {
    fn from(duration: Duration) -> Self {
        let least = u128::from(!duration.is_zero());
        let millis = u32::try_from(duration.as_millis().max(least));
        let seconds = || u32::try_from(duration.as_secs().saturating_sub(LONG));
        let fits = |count: &u32| *count < SECONDS;
        let millis = millis.ok().filter(fits);
        let seconds = || Some(seconds().ok().filter(fits)? | SECONDS);
        Self(millis.or_else(seconds).unwrap_or(u32::MAX))
    }
}

const NANOS: u64 = 1_000_000_000;

/// The first bit: a window in seconds, without those of the longest in milliseconds.
const SECONDS: u32 = 1 << 31;
const LONG: u64 = SECONDS as u64 / 1000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;
    const YEAR: Duration = Duration::from_secs(31_556_952);

    #[test]
    fn durations_too_long_to_hold_are_for_ever() {
        let kept = |duration: Duration| Nanos::from(duration).get();
        let longest = Duration::from_nanos(u64::MAX - 1);
        assert_eq!(kept(longest), longest);
        for long in [longest + Duration::from_nanos(1), YEAR * 600, Duration::MAX] {
            assert_eq!(kept(long), Duration::MAX);
        }
    }

    #[test]
    fn times_too_far_away_are_the_farthest_that_can_be_held() {
        let kept = |time: SystemTime| NanoTime::from(time).get();
        let last = EPOCH + Duration::from_nanos(i64::MAX.unsigned_abs());
        let first = EPOCH - Duration::from_nanos(i64::MAX.unsigned_abs());
        assert!(last > EPOCH + YEAR * 292 && first < EPOCH - YEAR * 292);
        assert_eq!(kept(EPOCH + YEAR * 8_000), last);
        assert_eq!(kept(EPOCH - YEAR * 1_970), first);
        assert_eq!((kept(first), kept(last)), (first, last));
        let far = NanoTime::from(last).since(first.into());
        assert_eq!(far.get(), last.duration_since(first).unwrap());
    }

    #[test]
    fn windows_are_as_long_as_they_were_to_the_millisecond_or_second() {
        let kept = |window: Duration| Window::from(window).get();
        let (milli, second, day) = (
            Duration::from_millis(1),
            Duration::from_secs(1),
            Duration::from_hours(24),
        );
        assert_eq!(Window::default().get(), Duration::ZERO);
        for whole in [
            Duration::ZERO,
            milli,
            second * 90,
            day * 24,
            day * 25,
            YEAR,
            YEAR * 68,
        ] {
            assert_eq!(kept(whole), whole);
        }
        assert_eq!(kept(milli / 2), milli);
        assert_eq!(kept(milli * 3 / 2), milli);
        assert_eq!(kept(YEAR + milli), YEAR);
        for long in [YEAR * 69, Duration::MAX] {
            assert_eq!(kept(long), Duration::MAX);
        }
    }

    proptest! {
        #[test]
        fn others_are_exact(one: i64, other: i64) {
            let time = |nanos: i64| {
                let away = Duration::from_nanos(nanos.max(-i64::MAX).unsigned_abs());
                if nanos < 0 { EPOCH - away } else { EPOCH + away }
            };
            let (one, other) = (time(one), time(other));
            let (first, second) = (NanoTime::from(one), NanoTime::from(other));
            prop_assert_eq!(first.get(), one);
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
            let since = one.duration_since(other).unwrap_or_default();
            prop_assert_eq!(first.since(second).get(), since);
            prop_assert_eq!(Nanos::from(since).get(), since);
        }

        #[test]
        fn parts_of_a_time_are_the_time(
            seconds in 0..u64::MAX / NANOS,
            nanoseconds in 0..1_000_000_000_u32,
        ) {
            let time = EPOCH + Duration::new(seconds, nanoseconds);
            prop_assert_eq!(NanoTime::after_epoch(seconds, nanoseconds), time.into());
        }
    }
}
