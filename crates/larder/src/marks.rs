//! Keys whose responses turned out not to be for others: their requests do not wait for one another.

use std::time::{Duration, SystemTime};

use moka::sync::Cache as Engine;
use rapidhash::fast::RandomState;

/// Whose requests a response was not for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Requests with credentials: without them it might have been stored.
    Credentials,
    Everybody,
}

/// Remembered keys, by hash: to take one key for another only means not to collapse it.
#[derive(Debug)]
pub(crate) struct Marks {
    engine: Engine<u64, (Scope, SystemTime), RandomState>,
    lasts: Duration,
}

impl Marks {
    pub(crate) fn new(limit: u64, lasts: Duration) -> Self {
        let engine = Engine::builder()
            .max_capacity(limit)
            .build_with_hasher(RandomState::new());
        Self { engine, lasts }
    }

    /// A response to this key was not for others. What is known already is not narrowed.
    pub(crate) fn mark(&self, key: u64, scope: Scope, now: SystemTime) {
        let wider = match self.get(key, now) {
            Some(Scope::Everybody) => Scope::Everybody,
            _ => scope,
        };
        if let Some(until) = now.checked_add(self.lasts) {
            self.engine.insert(key, (wider, until));
        }
    }

    /// A response to this key was stored.
    pub(crate) fn clear(&self, key: u64) {
        if self.engine.contains_key(&key) {
            self.engine.invalidate(&key);
        }
    }

    pub(crate) fn get(&self, key: u64, now: SystemTime) -> Option<Scope> {
        let (scope, until) = self.engine.get(&key)?;
        (now < until).then_some(scope)
    }

    pub(crate) fn len(&self) -> u64 {
        self.engine.run_pending_tasks();
        self.engine.entry_count()
    }

    pub(crate) fn forget_all(&self) {
        self.engine.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_end_are_cleared_and_do_not_narrow() {
        let marks = Marks::new(10, Duration::from_secs(60));
        let now = SystemTime::UNIX_EPOCH;
        marks.mark(1, Scope::Everybody, now);
        marks.mark(1, Scope::Credentials, now);
        marks.mark(2, Scope::Credentials, now);
        assert_eq!(marks.get(1, now), Some(Scope::Everybody));
        assert_eq!(marks.get(2, now), Some(Scope::Credentials));
        assert_eq!(marks.get(3, now), None);
        assert_eq!(marks.get(1, now + Duration::from_secs(60)), None);
        marks.clear(1);
        assert_eq!(marks.get(1, now), None);
    }

    #[test]
    fn marks_are_bounded_in_number() {
        let marks = Marks::new(100, Duration::from_secs(60));
        for key in 0..10_000 {
            marks.mark(key, Scope::Everybody, SystemTime::UNIX_EPOCH);
        }
        assert!(marks.len() <= 100);
    }
}
