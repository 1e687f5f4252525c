//! [`LogPosition`]: where a record stands in the invalidation log.

use std::fmt;

/// The bits of a position that count records of the same millisecond.
const COUNT_BITS: u32 = 20;
const MAX_COUNT: u64 = (1 << COUNT_BITS) - 1;

/// The place of a record in an [`InvalidationLog`](super::InvalidationLog): a time in milliseconds
/// since the epoch, by the clock of the store, and a count within it. Positions only grow: what is
/// appended later has a greater one. They are no measure of time: after its clock was set back, a store
/// goes on counting where it was.
///
/// ```
/// use larder::shared::LogPosition;
///
/// let position = LogPosition::new(1_700_000_000_000, 3);
/// assert!(position > LogPosition::new(1_700_000_000_000, 2));
/// assert_eq!(position.to_string(), "1700000000000-3");
/// assert_eq!(LogPosition::from_bits(position.bits()), position);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(u64);

impl LogPosition {
    /// Before all records.
    pub const START: Self = Self(0);

    /// A position by its parts. Milliseconds beyond 44 bits (the year 2527) and counts beyond 20 bits
    /// are taken for the greatest that fit.
    #[must_use]
    pub fn new(millis: u64, count: u64) -> Self {
        let millis = millis.min(u64::MAX >> COUNT_BITS);
        Self(millis << COUNT_BITS | count.min(MAX_COUNT))
    }

    /// As one number, in the same order.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The reverse of [`bits`](Self::bits).
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 >> COUNT_BITS
    }

    /// The count within the millisecond.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.0 & MAX_COUNT
    }

    /// The first position after this one, at this time or later.
    #[must_use]
    pub fn above(self, millis: u64) -> Self {
        Self::new(millis, 0).max(Self(self.0.saturating_add(1)))
    }
}

/// As Redis writes the identifiers of a stream.
impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis(), self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_by_time_and_then_by_count() {
        let at = LogPosition::new;
        assert!(at(1, MAX_COUNT) < at(2, 0) && at(2, 0) < at(2, 1));
        assert_eq!(at(5, MAX_COUNT + 7), at(5, MAX_COUNT));
        assert_eq!((at(7, 9).millis(), at(7, 9).count()), (7, 9));
        assert_eq!(at(u64::MAX, 0).millis(), u64::MAX >> COUNT_BITS);
    }

    #[test]
    fn what_is_above_is_later_and_not_before_its_time() {
        let at = LogPosition::new;
        assert_eq!(at(5, 3).above(9), at(9, 0));
        assert_eq!(at(5, 3).above(5), at(5, 4));
        assert_eq!(at(5, 3).above(1), at(5, 4));
        assert_eq!(at(5, MAX_COUNT).above(1), at(6, 0));
    }
}
