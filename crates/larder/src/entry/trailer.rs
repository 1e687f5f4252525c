//! [`Trailer`]: what a stored response has beside its fields and its body, in the same piece of memory.

use smallvec::SmallVec;

use crate::names::{Names, SOURCES, Source};
use crate::shared::LogPosition;
use crate::sight::{Moment, Sight};

/// As many as most have take no memory of their own while they are looked at.
pub(crate) type Hashes = SmallVec<[u64; 16]>;

/// The hashes of all names, what was known of the purges of others if anything was, how many names each
/// source gave if it was not only the request, and which of these there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trailer<'a> {
    hashes: &'a [u8],
    sight: &'a [u8],
    counts: &'a [u8],
}

impl<'a> Trailer<'a> {
    /// As bytes.
    pub(crate) fn write(names: &Names, sight: Sight) -> Vec<u8> {
        let has_sight = sight != Sight::default();
        let has_counts = names.of(Source::Request).len() != names.hashes().len();
        let most = names.weight() + SIGHT_BYTES + COUNTS_BYTES + 1;
        let mut bytes = Vec::with_capacity(most);
        let sight = [sight.position.bits(), sight.moment.millis()];
        let sight = has_sight.then_some(sight).into_iter().flatten();
        for number in names.hashes().iter().copied().chain(sight) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for count in has_counts.then(|| names.counts()).into_iter().flatten() {
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        let has = |bit, is_there| if is_there { bit } else { 0 };
        bytes.push(has(HAS_SIGHT, has_sight) | has(HAS_COUNTS, has_counts));
        bytes
    }

    /// Of what was [written](Self::write).
    #[inline]
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let (rest, has) = split_last(bytes, 1);
        let has = has.first().copied().unwrap_or_default();
        let room = |bit, bytes| if has & bit == 0 { 0 } else { bytes };
        let (rest, counts) = split_last(rest, room(HAS_COUNTS, COUNTS_BYTES));
        let (hashes, sight) = split_last(rest, room(HAS_SIGHT, SIGHT_BYTES));
        Self {
            hashes,
            sight,
            counts,
        }
    }

    pub(crate) fn hashes(self) -> Hashes {
        numbers(self.hashes).collect()
    }

    /// Cost: an allocation.
    pub(crate) fn names(self) -> Names {
        if self.counts.is_empty() {
            return Names::of_request(&self.hashes());
        }
        let mut counts = [0; SOURCES];
        for (count, bytes) in counts.iter_mut().zip(self.counts.as_chunks().0) {
            *count = u16::from_le_bytes(*bytes);
        }
        // They are as many as were counted.
        Names::from_counts(counts, numbers(self.hashes))
            .unwrap_or_else(|| Names::of_request(&self.hashes()))
    }

    #[inline]
    pub(crate) fn sight(self) -> Sight {
        let mut numbers = numbers(self.sight);
        let mut next = || numbers.next().unwrap_or_default();
        Sight {
            position: LogPosition::from_bits(next()),
            moment: Moment::from_millis(next()),
        }
    }
}

#[inline]
fn numbers(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let numbers = bytes.as_chunks().0.iter();
    numbers.map(|number| u64::from_le_bytes(*number))
}

#[inline]
fn split_last(bytes: &[u8], count: usize) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.len().saturating_sub(count))
}

const HAS_SIGHT: u8 = 1;
const HAS_COUNTS: u8 = 1 << 1;

const SIGHT_BYTES: usize = 16;
const COUNTS_BYTES: usize = 2 * SOURCES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let none = Names::of_request(&[]);
        let few = Names::of_request(&[1, u64::MAX]).with(Source::Groups, &[3]);
        let many = few.with(Source::Hint, &(0..300).collect::<Vec<_>>());
        let heard = Sight {
            position: LogPosition::new(77, 5),
            moment: Moment::from_millis(9),
        };
        for names in [none, few, many] {
            for sight in [Sight::default(), heard] {
                let bytes = Trailer::write(&names, sight);
                let read = Trailer::read(&bytes);
                assert_eq!(read.sight(), sight);
                assert_eq!(*read.hashes(), *names.hashes());
                assert_eq!(read.names().hashes(), names.hashes());
                assert_eq!(read.names().counts(), names.counts());
            }
        }
    }
}
