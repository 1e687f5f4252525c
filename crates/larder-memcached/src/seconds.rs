//! Durations as memcached takes them: whole seconds, by a clock that ticks once in each.

use std::time::{Duration, SystemTime};

/// As memcached takes it: for at least this long.
pub(crate) fn expiry(lasts: Duration) -> u32 {
    expiry_in(seconds(lasts))
}

/// How many seconds an item is to have that is to be kept for at least this long.
pub(crate) fn seconds(lasts: Duration) -> u64 {
    // One more for the tick that may be about to come. So it is never zero, which means for ever.
    whole(lasts).saturating_add(1)
}

/// So many seconds as memcached takes them. Beyond 30 days it takes a number for a time since the epoch,
/// so it gets one, by the clock of this node.
pub(crate) fn expiry_in(seconds: u64) -> u32 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    expiry_at(seconds, since_epoch.unwrap_or_default())
}

fn expiry_at(seconds: u64, since_epoch: Duration) -> u32 {
    let number = if seconds <= LONGEST_RELATIVE {
        seconds.max(1)
    } else {
        since_epoch.as_secs().saturating_add(seconds)
    };
    u32::try_from(number).unwrap_or(LATEST).min(LATEST)
}

fn whole(lasts: Duration) -> u64 {
    let more = u64::from(lasts.subsec_nanos() > 0);
    lasts.as_secs().saturating_add(more)
}

/// 30 days.
const LONGEST_RELATIVE: u64 = 60 * 60 * 24 * 30;
/// The year 2038: memcached keeps 32 bits with a sign.
const LATEST: u32 = i32::MAX as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_beyond_a_month_counted_from_the_epoch() {
        let epoch = Duration::from_secs(1_800_000_000);
        let at = |lasts| expiry_at(seconds(lasts), epoch);
        assert_eq!(at(Duration::ZERO), 1);
        assert_eq!(at(Duration::from_millis(1)), 2);
        assert_eq!(at(Duration::from_secs(5)), 6);
        assert_eq!(at(Duration::from_secs(LONGEST_RELATIVE - 1)), 2_592_000);
        assert_eq!(at(Duration::from_secs(LONGEST_RELATIVE)), 1_802_592_001);
        assert_eq!(at(Duration::MAX), LATEST);
    }
}
