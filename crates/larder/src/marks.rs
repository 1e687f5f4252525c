//! Keys whose responses turned out not to be for others: their requests do not wait for one another.
//!
//! A table of fixed size, without locks. Each key has one place, where a later key takes that of an
//! earlier one: to forget a key, or to take one key for another, only changes who waits for whom.
//!
//! ```text
//! place = 31 bits of the key's hash, 1 bit scope, 32 bits: the second at which it ends
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Whose requests a response was not for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Requests with credentials: without them it might have been stored.
    Credentials,
    Everybody,
}

/// Remembered keys, by hash.
#[derive(Debug)]
pub(crate) struct Marks {
    limit: usize,
    lasts: Duration,
    places: OnceLock<Box<[AtomicU64]>>,
}

impl Marks {
    pub(crate) fn new(limit: usize, lasts: Duration) -> Self {
        Self {
            limit,
            lasts,
            places: OnceLock::new(),
        }
    }

    /// A response to this key was not for others. What is known already is not narrowed.
    pub(crate) fn mark(&self, key: u64, scope: Scope, now: SystemTime) {
        let places = self
            .places
            .get_or_init(|| (0..self.limit).map(|_| AtomicU64::new(0)).collect());
        let until = now.checked_add(self.lasts).map_or(u32::MAX, seconds);
        let scope = self.get(key, now).map_or(scope, |known| known.max(scope));
        if let Some(place) = place(places, key) {
            place.store(packed(key, scope, until), Ordering::Relaxed);
        }
    }

    /// A response to this key was stored.
    pub(crate) fn clear(&self, key: u64) {
        if let Some(place) = self.places.get().and_then(|places| place(places, key))
            && is_of(place.load(Ordering::Relaxed), key)
        {
            place.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, key: u64, now: SystemTime) -> Option<Scope> {
        let place = place(self.places.get()?, key)?.load(Ordering::Relaxed);
        let valid = is_of(place, key) && !is_over(place, now);
        valid.then_some(if place & SCOPE == 0 {
            Scope::Credentials
        } else {
            Scope::Everybody
        })
    }

    /// How long a key is remembered.
    pub(crate) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// How many keys are remembered. Looks at every place.
    pub(crate) fn len(&self, now: SystemTime) -> u64 {
        let places = self.places.get().map_or(&[][..], |places| places);
        let valid = |place: &&AtomicU64| !is_over(place.load(Ordering::Relaxed), now);
        places.iter().filter(valid).count() as u64
    }

    pub(crate) fn forget_all(&self) {
        let places = self.places.get().into_iter().flatten();
        places.for_each(|place| place.store(0, Ordering::Relaxed));
    }
}

impl Scope {
    fn max(self, other: Self) -> Self {
        if self == Self::Everybody { self } else { other }
    }
}

fn place(places: &[AtomicU64], key: u64) -> Option<&AtomicU64> {
    let index = key.checked_rem(places.len() as u64)?;
    places.get(usize::try_from(index).ok()?)
}

fn packed(key: u64, scope: Scope, until: u32) -> u64 {
    let scope = if scope == Scope::Everybody { SCOPE } else { 0 };
    (key & HASH) | scope | u64::from(until)
}

fn is_of(place: u64, key: u64) -> bool {
    place & HASH == key & HASH
}

fn is_over(place: u64, now: SystemTime) -> bool {
    place & UNTIL <= u64::from(seconds(now))
}

/// Seconds since the epoch, up to the year 2106.
fn seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
    })
}

const HASH: u64 = u64::MAX << 33;
const SCOPE: u64 = 1 << 32;
const UNTIL: u64 = u32::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn marks_end_are_cleared_and_do_not_narrow() {
        let marks = Marks::new(10, Duration::from_secs(60));
        marks.mark(1, Scope::Everybody, NOW);
        marks.mark(1, Scope::Credentials, NOW);
        marks.mark(2, Scope::Credentials, NOW);
        assert_eq!(marks.get(1, NOW), Some(Scope::Everybody));
        assert_eq!(marks.get(2, NOW), Some(Scope::Credentials));
        assert_eq!(marks.get(3, NOW), None);
        assert_eq!(marks.len(NOW), 2);
        assert_eq!(marks.get(1, NOW + Duration::from_secs(60)), None);
        marks.clear(1);
        assert_eq!(marks.get(1, NOW), None);
        marks.forget_all();
        assert_eq!(marks.get(2, NOW), None);
    }

    #[test]
    fn marks_are_bounded_in_number() {
        let marks = Marks::new(100, Duration::from_secs(60));
        for key in 0..10_000 {
            marks.mark(key << 33 | key, Scope::Everybody, NOW);
        }
        assert_eq!(marks.len(NOW), 100);
        assert!(marks.get(9_999 << 33 | 9_999, NOW).is_some());
        assert_eq!(marks.get(99 << 33 | 99, NOW), None);
    }

    #[test]
    fn no_room_and_endless_time_are_taken_literally() {
        let none = Marks::new(0, Duration::from_secs(60));
        none.mark(1, Scope::Everybody, NOW);
        assert_eq!(none.get(1, NOW), None);
        let endless = Marks::new(1, Duration::MAX);
        endless.mark(1, Scope::Everybody, NOW);
        assert!(endless.get(1, NOW + Duration::from_secs(1 << 31)).is_some());
    }
}
